"""LOT turnstiles (Expert, Eco, Porta) on Modbus-RTU: single permits that lapse in the turnstile, proved by counters."""

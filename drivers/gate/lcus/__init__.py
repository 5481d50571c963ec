"""LCUS USB relay boards (CH340): no acknowledgement, no watchdog, no timed pulse. Bench only."""

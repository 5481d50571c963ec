"""Numato USB relay modules: ASCII with echo and prompt, no check, no watchdog, no timed pulse. Bench only."""

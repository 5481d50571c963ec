"""Moxa ioLogik R1214: six relays and six inputs with a host watchdog in whole seconds; no pulse timed by the module."""

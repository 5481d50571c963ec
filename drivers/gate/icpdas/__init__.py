"""ICP DAS M-7000 modules: relays and inputs with a host watchdog and safe values; no pulse timed by the module."""

"""Contract suites: one per port, for every driver of that port, on emulators and on the devices of a bench."""

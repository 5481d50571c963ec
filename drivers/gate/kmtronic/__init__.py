"""KMtronic relay boards: protocol for the emulator only. No board exists here, see drivers/gate/bench.py."""

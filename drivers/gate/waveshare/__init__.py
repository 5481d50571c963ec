"""Waveshare Modbus RTU Relay (D): eight relays, eight inputs, pulses timed by the board."""

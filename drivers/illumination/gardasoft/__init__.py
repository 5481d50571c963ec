"""Gardasoft RT strobe controllers: rating, pulse and fault reading over RS-232; docs/devices/gardasoft-rt.md."""

"""Modbus-RTU, both ends, without any input or output: frames, a strict client, a server."""

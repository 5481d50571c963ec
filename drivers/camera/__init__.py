"""Cameras. Blocking: they live in the vision process, which may be killed when a driver call hangs."""

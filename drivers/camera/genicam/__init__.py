"""Cameras of the GenICam standard, over Aravis; docs/devices/genicam.md."""

from drivers.camera.genicam.driver import GenicamCamera

__all__ = ["GenicamCamera"]

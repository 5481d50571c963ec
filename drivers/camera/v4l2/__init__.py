"""Cameras of the kernel's video interface; docs/devices/v4l2-camera.md."""

from drivers.camera.v4l2.driver import V4l2Camera

__all__ = ["V4l2Camera"]

"""Infrared emitters of USB cameras, switched by a vendor's extension unit; docs/devices/uvc-ir-emitter.md."""

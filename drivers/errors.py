"""What can go wrong between us and a device, and whose fault it is.

Every error carries the id of the device. The runtime translates them into numbered faults at its seam;
nothing above that seam sees a serial or an OpenCV exception.
"""


class DriverError(Exception):
    """Base of all device errors; `device` is the id from the configuration."""

    def __init__(self, device: str, message: str) -> None:
        super().__init__(f"{device}: {message}")
        self.device = device
        self.message = message


class Disconnected(DriverError):
    """The device or its port is gone (unplugged, powered off, closed)."""


class PortBusy(DriverError):
    """Another process holds the port; two controllers must never share one."""


class WriteTimeout(DriverError):
    """Bytes could not be handed to the device in time."""


class NoResponse(DriverError):
    """The device stayed silent for the whole time allowed."""


class RemoteProtocolError(DriverError):
    """The device sent something its protocol does not allow here."""


class DeviceRefused(DriverError):
    """The device understood and said no (Modbus exception, error reply)."""


class IdentityMismatch(DriverError):
    """Something answers on the port, but not the device that was configured."""


class ContactDisagrees(DriverError):
    """A relay's contact did not follow the command: welded, open or unwired."""


class StaleFrame(DriverError):
    """A frame is too old, was seen before, or goes back in sequence."""


class DocumentUnreadable(DriverError):
    """A document is on the reader but cannot be read; the message says what to tell the traveller."""


class ChipAbsent(DocumentUnreadable):
    """No chip answers on the reader."""


class ChipLost(DocumentUnreadable):
    """The chip is gone in mid-conversation, or has fallen silent."""

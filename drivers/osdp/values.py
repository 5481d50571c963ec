"""What passes between an OSDP line and those who use it: orders, states, and who has proved the key."""

import contextlib
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any

from drivers.errors import DriverError
from drivers.osdp.protocol import Capability, Command


def again(error: DriverError) -> DriverError:
    """The same error for another asker: an exception belongs to the one who raises it."""
    return type(error)(error.device, error.message)


@dataclass(frozen=True, slots=True)
class LinkState:
    """`secure`: the device has proved its key and answers. Otherwise `error` says why not. `since` is monotonic."""

    secure: bool
    error: DriverError | None
    since: float


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Who has proved the key: PDID, and the capability report as level and number of items by function code."""

    vendor_code: int
    model: int
    version: int
    serial_number: int
    firmware_version: int
    capabilities: tuple[tuple[int, int, int], ...]

    def capability(self, code: Capability) -> tuple[int, int]:
        """Level and number of items; 0, 0 when the device has none."""
        return next(((level, items) for known, level, items in self.capabilities if known == code), (0, 0))


@dataclass(slots=True)
class Order:
    """One command on its way. `once`: it must never leave twice nor later than `expires` (monotonic)."""

    code: Command
    command: dict[str, Any]
    expires: float
    once: bool = False
    urgent: bool = False
    result: "Future[tuple[int, ...]]" = field(default_factory=Future)
    sent_at: float | None = None
    report: bytes | None = None

    def fail(self, error: DriverError) -> None:
        """Give up. An asker who has gone is no error."""
        with contextlib.suppress(InvalidStateError):
            self.result.set_exception(error)

    def succeed(self) -> None:
        """The device has carried it out."""
        with contextlib.suppress(InvalidStateError):
            self.result.set_result(tuple(self.report or b""))

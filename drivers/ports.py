"""The ports: what a lane needs of its devices, as Protocols and value types.

A port says what a device does for the lane, never how. One contract suite per port runs on the simulator,
on the emulator over a null modem and a pseudo-terminal, and on the real device.
Units: seconds (monotonic) unless a name says otherwise.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Who answered on the port. `verified_on_hardware` is False until a real unit passed the contract suite."""

    model: str
    firmware: str
    serial_number: str | None
    verified_on_hardware: bool


# --- gate ---------------------------------------------------------------------------------------------------


class Door(StrEnum):
    """A leaf of the lane; a turnstile has only an exit."""

    ENTRY = "entry"
    EXIT = "exit"


class DoorPosition(StrEnum):
    """What the door's own contact says, never what was commanded."""

    CLOSED = "closed"
    OPEN = "open"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GateInputs:
    """One consistent reading of the gate.

    `passages` is the number of completed exits counted since the driver opened (rising edges of the gate's
    acknowledge contact). `released` holds the doors whose relay contact reads back as energised; `disagrees`
    those whose contact has contradicted its command for more than 100 ms: welded, broken or unwired. `contradictions`
    name, in words, inputs of two contacts that cannot both be true. `on_battery` and `battery_low` are the UPS's.
    """

    entry: DoorPosition
    exit: DoorPosition
    occupied: bool
    passages: int
    out_of_service: bool
    emergency: bool
    released: frozenset[Door]
    at: float
    disagrees: frozenset[Door] = frozenset()
    contradictions: tuple[str, ...] = ()
    on_battery: bool = False
    battery_low: bool = False


class Gate(Protocol):
    """Doors or a turnstile. A release lapses by itself in the device; nothing here can latch a door open."""

    async def open(self) -> DeviceIdentity:
        """Open the port, prove the identity, put every output off. Raises DriverError."""
        ...

    async def release(self, door: Door, duration_s: float) -> None:
        """Pulse the release of one door, timed by the device, and prove it by reading the contact back.

        Raises DriverError; ContactDisagrees when the relay did not follow. Never retried by the driver.
        """
        ...

    async def secure(self) -> None:
        """Every output off, read back. Raises DriverError."""
        ...

    async def read(self) -> GateInputs:
        """Read all inputs and the relay contacts. Raises DriverError."""
        ...

    async def close(self) -> None:
        """Outputs off if the line still answers, port closed. Never raises."""
        ...


# --- illumination -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LitExposure:
    """One line of the illuminator's own log: which exposure it saw, what it lit, when (its own microseconds)."""

    exposure: int
    led: str | None
    at_us: int


class Illuminator(Protocol):
    """Switched LEDs that follow the camera's exposure-active line. `None` in an order is a dark exposure."""

    async def open(self) -> DeviceIdentity:
        """Open, prove the identity, all LEDs off. Raises DriverError."""
        ...

    @property
    def leds(self) -> tuple[str, ...]:
        """LEDs this unit can light, by name: nanometres and side ("850L"); known after `open`."""
        ...

    async def zero(self) -> None:
        """Set the exposure counter to zero: the next exposure seen is number 0."""
        ...

    async def arm(self, order: tuple[str | None, ...]) -> None:
        """Light the next len(order) exposures in this order, then stay dark. Clears the log."""
        ...

    async def log(self) -> tuple[LitExposure, ...]:
        """Exposures since `arm`, oldest first, complete once len(order) exposures have passed."""
        ...

    async def dark(self) -> None:
        """All LEDs off, order dropped."""
        ...

    async def close(self) -> None:
        """LEDs off if the line still answers, port closed. Never raises."""
        ...


# --- camera (blocking: it lives in a thread of the vision process) ------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """One exposure. `image` is (H, W, 3) uint8 BGR or (H, W) uint8 mono.

    `sequence` is the device's own count since streaming began (gaps are lost frames); `stamp` is the system-wide
    monotonic time of the exposure, as near as the device tells.
    """

    sequence: int
    stamp: float
    image: NDArray[np.uint8]


class Camera(Protocol):
    """A stream of frames. Blocking calls."""

    def open(self) -> DeviceIdentity:
        """Start streaming. Raises DriverError."""
        ...

    def read(self, timeout_s: float) -> Frame:
        """The next frame. Raises NoResponse after `timeout_s`, Disconnected when unplugged."""
        ...

    def set_exposure(self, gain: float) -> float:
        """Expose for this share (0..1] of the longest exposure from now on; gives the share in force.

        A device whose exposure is fixed gives 1.0 whatever was asked. Raises DriverError.
        """
        ...

    def close(self) -> None:
        """Stop streaming. Never raises."""
        ...


# --- document reader ----------------------------------------------------------------------------------------


class DocumentReader(Protocol):
    """One document at a time: its printed zone, and a line to its chip. What chip and zone say is hostile until judged.

    The protocol of the chip (ICAO 9303-11) is not the reader's: it carries commands and answers as they are.
    """

    async def open(self) -> DeviceIdentity:
        """Open the reader. Raises DriverError."""
        ...

    async def presented(self) -> None:
        """Return once a document lies on the reader. Raises DriverError when the reader is lost."""
        ...

    async def zone(self) -> tuple[str, ...]:
        """Lines of the machine-readable zone as printed. Raises DocumentUnreadable, or another DriverError."""
        ...

    async def connect(self) -> bytes:
        """Power the chip up anew, whatever was before; its answer to reset. Raises ChipAbsent, other DriverErrors."""
        ...

    async def transmit(self, command: bytes) -> bytes:
        """A command APDU to the chip; its response with both status bytes. Raises ChipLost, other DriverErrors."""
        ...

    async def disconnect(self) -> None:
        """The document is done with; its holder may take it. Never raises."""
        ...

    async def close(self) -> None:
        """Release the reader. Never raises."""
        ...


class MrzReader(Protocol):
    """The machine-readable zone alone, from a reader that gives text. It proves nothing: the chip does.

    A zone read before it was asked for is never given: it may be the last traveller's.
    """

    async def open(self) -> DeviceIdentity:
        """Open the reader. Raises DriverError."""
        ...

    async def zone(self) -> tuple[str, ...]:
        """The lines of the next zone, once one was read whole: 3 of 30, 2 of 36 or 2 of 44 characters, [A-Z0-9<].

        Check digits are not checked here. Raises DocumentUnreadable, or another DriverError when the reader is lost.
        """
        ...

    async def close(self) -> None:
        """Release the reader. Never raises."""
        ...


# --- presence -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DepthFrame:
    """One picture of a depth sensor. `metres` is (H, W) float32, distance along the optical axis; 0 or NaN is no echo.

    `sequence` and `stamp` as in `Frame`.
    """

    sequence: int
    stamp: float
    metres: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Presence:
    """Who and what stands in the watched area. None is undetermined and never counts as one person, nor as none.

    `left_object`: something is there that nobody holds. With nobody in the area it is True or False; beside a person
    it is True for a thing that stays behind, otherwise None (luggage in use looks the same).
    `measured` is the share 0..1 of the area the sensor got an echo from: a quality, not a probability.
    `reason` says why something is undetermined, in words for the officer's log.
    """

    persons: int | None
    left_object: bool | None
    at: float
    measured: float
    reason: str = ""

    @property
    def alone(self) -> bool:
        """Exactly one person is proved."""
        return self.persons == 1


class PresenceSensor(Protocol):
    """Counts persons and finds things left behind in the cell of a gate. Advises; it is no safety device."""

    async def open(self) -> DeviceIdentity:
        """Open the sensor, prove that it is the configured one and sees its floor. Raises DriverError."""
        ...

    async def read(self) -> Presence:
        """The next judgement, at most a second old. Raises DriverError when the sensor is lost or silent."""
        ...

    async def close(self) -> None:
        """Stop the sensor. Never raises."""
        ...

"""From the decision to the door: wire, coil, contact, leaf, on a line whose characters take their time.

Real loop, journal, gate driver and pseudo-terminal; the time of the wire, the relay and the door are models: a
character is eleven bits, a relay follows at once, a leaf moves within a tick of 10 ms when it is pushed.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from drivers.modbus.frames import crc16
from drivers.ports import Door
from hil.controller import Controller
from hil.report.measurements import Measurement
from hil.sim.observer import Observer

LIMITS_MS = {115200: 80.0, 9600: 120.0}
_FLASH_EXIT = bytes((1, 5, 2, 1))
_FRAME = 8
_BITS = 11
_EXIT = 1


@dataclass(frozen=True, slots=True)
class Stages:
    """Milliseconds after the verification's result was posted to the loop."""

    wire: float
    contact: float
    door: float


class Tapped:
    """The relay board, noting when a whole exit release has arrived."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.seen: list[float] = []

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        at = data.find(_FLASH_EXIT)
        if at >= 0 and crc16(data[at : at + _FRAME]) == 0:
            self.seen.append(time.monotonic())
        return self._observer.handle(data)


async def measure(rounds: int, baudrate: int, tell: Callable[[str], None]) -> list[Stages]:
    """As many decisions, one after another."""
    taps: list[Tapped] = []

    def tap(observer: Observer) -> Tapped:
        taps.append(Tapped(observer))
        return taps[0]

    found = []
    async with Controller.started(tap=tap, release_s=0.3, baudrate=baudrate) as controller:
        controller.line.character_s = _BITS / baudrate
        for number in range(rounds):
            tell(f"decision to door at {baudrate} baud ({number + 1} of {rounds})")
            await controller.comes_in(f"p{number}")
            found.append(await _one(controller, taps[0], f"p{number}"))
            await controller.goes_out()
    return found


async def _one(controller: Controller, tapped: Tapped, passage: str) -> Stages:
    leaf, before = controller.mechanism.leaf(Door.EXIT), len(tapped.seen)
    leaf.pushed = True
    begun = time.monotonic()
    await controller.is_accepted(passage)
    await controller.until(lambda: not leaf.closed, "the exit to move")
    moved = time.monotonic()
    contact = next(one.at for one in reversed(controller.observer.log()) if one.relay == _EXIT and one.closed)
    return Stages(*((at - begun) * 1000 for at in (tapped.seen[before], contact, moved)))


def measurements(stages: list[Stages], baudrate: int, seed: int) -> list[Measurement]:
    """One histogram a stage; the limit is the contact's."""
    rows = (("wire", None), ("contact", LIMITS_MS[baudrate]), ("door", None))
    return [
        Measurement(
            f"decision to {name}, {baudrate} baud",
            "after the decision",
            "ms",
            tuple(getattr(stage, name) for stage in stages),
            limit,
            seed,
            scale=f"{baudrate} baud",
        )
        for name, limit in rows
    ]

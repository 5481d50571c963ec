"""A document reader on which a virtual passport lies, in this very process: for the command line, tests and figures.

The rig's own reader, over its socket and with travellers who take their passports away, is `hil.devices`.
"""

import asyncio
from pathlib import Path

from drivers.errors import ChipAbsent, ChipLost, DocumentUnreadable
from drivers.ports import DeviceIdentity
from hil.passport.chip import Chip
from hil.passport.misbehaviour import CardRemoved, CardSilent
from hil.passport.passport import Passport, PassportError, load


class PassportReader:
    """`ports.DocumentReader` with a passport on it, for good."""

    def __init__(self, passport: Passport) -> None:
        self._passport = passport
        self._chip: Chip | None = None

    async def open(self) -> DeviceIdentity:
        """Lay it down."""
        return DeviceIdentity("virtual passport", "simulated", None, verified_on_hardware=False)

    async def presented(self) -> None:
        """It lies there."""

    async def zone(self) -> tuple[str, ...]:
        """What is printed on it."""
        return self._passport.printed

    async def connect(self) -> bytes:
        """Power its chip up anew. A chip that is taken away at a command is taken away there each time."""
        self._chip = self._passport.chip()
        return self._chip.reset()

    async def transmit(self, command: bytes) -> bytes:
        """A command to its chip."""
        if self._chip is None:
            raise ChipAbsent("virtual passport", "it is not powered up")
        try:
            return self._chip.process(command)
        except CardRemoved as gone:
            raise ChipLost("virtual passport", "it was taken away") from gone
        except CardSilent:
            await asyncio.Event().wait()  # until whoever asked gives up
            raise

    async def disconnect(self) -> None:
        """Power it down."""
        self._chip = None

    async def close(self) -> None:
        """There is nothing to close."""


def document_on(folder: Path) -> PassportReader:
    """A reader with the passport of `folder` on it. Raises DocumentUnreadable."""
    try:
        return PassportReader(load(folder))
    except PassportError as error:
        raise DocumentUnreadable("virtual passport", str(error)) from error

"""Passports of the cast in folders, for the rig's travellers to lay down, and a reader on which one lies.

The reader carries commands to the chip in this very process; the rig's own, over its socket, is `hil.devices`.
"""

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from drivers.errors import ChipAbsent, ChipLost, DocumentUnreadable
from drivers.ports import DeviceIdentity
from hil.passport.chip import Chip
from hil.passport.faults import Fault
from hil.passport.misbehaviour import CardRemoved, CardSilent
from hil.passport.passport import Passport, PassportError, load
from hil.passport.personalise import Options, make_passport
from hil.scene.cast import Traveller
from hil.scene.portrait import render_portrait

VALID = "2034-06-30"


def make_document(
    who: Traveller,
    folder: Path,
    *,
    date_of_expiry: str = VALID,
    options: Options = Options(),
    faults: Collection[Fault] = (),
) -> Path:
    """Write a traveller's passport into `folder`; returns the folder. Raises OptionsError, OSError."""
    make_passport(who, render_portrait(who), date_of_expiry, options, faults).save(folder)
    return folder


@lru_cache(maxsize=64)
def document_below(directory: Path, who: Traveller, date_of_expiry: str) -> Path:
    """The folder of a traveller's passport below `directory`, written once per run of the program.

    What an earlier run left there is written over: its travellers may have had other heads.
    """
    return make_document(who, directory / f"{who.key}-{date_of_expiry}", date_of_expiry=date_of_expiry)


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
        except (CardRemoved, CardSilent) as gone:
            raise ChipLost("virtual passport", str(gone)) from gone

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

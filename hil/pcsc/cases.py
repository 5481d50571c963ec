"""What is laid on the reader through real PC/SC, and what the lane must say to it. Data; nothing is done here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.passport.faults import FAULTS, Fault

GENUINE = "genuine"
"""Every step of the inspection successful, and the portrait decoded."""
_NO_CHIP_KEY: dict[str, Any] = {"chip_authentication": (), "active_authentication": ""}


@dataclass(frozen=True, slots=True)
class Case:
    """A passport, and what its holder does with it.

    `expected`: GENUINE, a reason, or the DriverError a lane makes a fault of its reader. `laid_after_s`: seconds after
    the swipe, None for never. Before the n-th command, counted from one: `pulled_at` the passport is taken off,
    `stopped_at` pcscd is ended; 0 for neither.
    """

    words: str
    expected: str = GENUINE
    faults: tuple[Fault, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    laid_after_s: float | None = 0.0
    pulled_at: int = 0
    stopped_at: int = 0


def _faulty(fault: Fault) -> Case:
    return Case(FAULTS[fault].words, FAULTS[fault].reason or GENUINE, (fault,))


LAID_LATE = Case("laid down a second after its zone was swiped", laid_after_s=1.0)
CASES = (
    Case("PACE-GM, chip and active authentication, short commands"),
    Case("the same, commands of extended length", options={"extended_length": True}),
    Case("PACE-CAM", options={**_NO_CHIP_KEY, "pace": ("cam-aes128-bp256",)}),
    Case(
        "active authentication with RSA-2048, extended length",
        options={**_NO_CHIP_KEY, "active_authentication": "rsa-2048-sha256", "extended_length": True},
    ),
    _faulty(Fault.BAC_ONLY),
    LAID_LATE,
    _faulty(Fault.CLONE_CHIP),
    _faulty(Fault.CLONE_ACTIVE),
    _faulty(Fault.CLONE_CAM),
    _faulty(Fault.WRONG_MRZ),
    _faulty(Fault.DG2_ALTERED),
    _faulty(Fault.CARD_PULLED),
    Case("taken off between two commands", "chip_lost", pulled_at=40),
    Case("no passport is laid down", "no_chip", laid_after_s=None),
    _faulty(Fault.SILENCE),
    Case("pcscd is ended at the 40th command, then started again", "Disconnected", stopped_at=40),
    Case("and after all that a good one once more"),
)

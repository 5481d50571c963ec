"""One document, inspected from its printed zone to the bytes of its portrait: every step in its order, ICAO 9303-11.

Pure: a generator that yields command APDUs (or `RESET`, the chip powered down and up again) and is sent the response
APDUs. What a driver has to say of a chip that is gone is thrown into it. A step that ends in a fault is never followed
by one that builds on it, and is never undone: all that was found is told. Not here: devices (drivers), pixels
(portrait), what it means for the passage (judge, `appliance.core`).
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum, auto

from appliance.core.types import InspectionStep as Step
from appliance.core.types import Result
from appliance.document.mrz import Mrz
from appliance.document.reasons import VERDICTS, Reason, gravest_first, worst


class Reset(Enum):
    """What is yielded in place of a command."""

    RESET = auto()


RESET = Reset.RESET


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is not in order; `detail` is for the log and names nobody."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Inspection:
    """What was found, which steps came to their end, and what the chip delivered.

    `printed` is the zone as read from paper, `mrz` the chip's own; `portrait` its image's bytes (JPEG or JPEG 2000),
    empty where there is none. `facts` are for the report: protocols, algorithms, issuer, sizes; nothing of the holder.
    """

    found: tuple[Found, ...] = ()
    done: frozenset[Step] = frozenset()
    printed: Mrz | None = None
    mrz: Mrz | None = None
    portrait: bytes = b""
    issued: date | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    def with_(self, reason: Reason, detail: str = "") -> "Inspection":
        """The same, and this was found besides."""
        return replace(self, found=(*self.found, Found(reason, detail)))

    def reasons(self, *steps: Step) -> tuple[Reason, ...]:
        """What was found in these steps, all where none is named; the gravest first."""
        reasons = gravest_first(each.reason for each in self.found)
        return tuple(each for each in reasons if VERDICTS[each].step in steps) if steps else reasons

    def result(self, step: Step) -> Result:
        """The result value of a step: successful only if it came to its end and nothing was found."""
        reason = worst(self.reasons(step))
        if reason is not None:
            return VERDICTS[reason].result
        return Result.SUCCESSFUL if step in self.done else Result.NOT_PERFORMED

    @property
    def authenticity(self) -> Result:
        """Whether the chip is genuine and this document's: the full conjunction of the steps that prove it."""
        results = [self.result(step) for step in _AUTHENTIC]
        for result in (Result.FAILED, Result.ABORTED, Result.UNDETERMINED, Result.NOT_PERFORMED):
            if result in results:
                return result
        return Result.SUCCESSFUL


_AUTHENTIC = (Step.ACCESS, Step.READING, Step.PASSIVE_AUTHENTICATION, Step.CLONE_DETECTION, Step.CONSISTENCY)
Talk = Generator[bytes | Reset, bytes, Inspection]

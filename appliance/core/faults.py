"""The numbered fault catalogue. A new fault is a new row here; the machine never learns its name, only its effects.

1xxx communication, 2xxx gate mechanics, 3xxx capture, 4xxx document, 5xxx storage, 6xxx supply, 9xxx internal.
Faults are raised and cleared by their owner in the runtime; this file only says what follows from them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal


class Effect(StrEnum):
    """All that the state machine knows of a fault."""

    NOTICE = "notice"
    BLOCK_ENTRY = "block_entry"
    REFER_CURRENT = "refer_current"
    OUT_OF_SERVICE = "out_of_service"
    EMERGENCY_RELEASE = "emergency_release"


Severity = Literal["notice", "degraded", "critical"]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A row of the catalogue. `advice` tells the guard or the technician what to do."""

    code: int
    title: str
    severity: Severity
    effects: frozenset[Effect]
    advice: str


_OUT = frozenset({Effect.OUT_OF_SERVICE})
_BLOCK = frozenset({Effect.BLOCK_ENTRY})

_ROWS = (
    FaultKind(1001, "Gate controller does not answer", "critical", _OUT, "Check the gate's cable and power."),
    FaultKind(1002, "Illuminator does not answer", "critical", _OUT, "Check the illuminator's cable and power."),
    FaultKind(1003, "Document reader does not answer", "critical", _OUT, "Check the document reader's cable."),
    FaultKind(1004, "Vision process does not answer", "critical", _OUT, "It restarts by itself; if not, call service."),
    FaultKind(1005, "No guard watches this lane", "degraded", _BLOCK, "Log in at a guard console."),
    FaultKind(1006, "Another device answers at the gate's port", "critical", _OUT, "Plug the lane's own board in."),
    FaultKind(1007, "Presence sensor does not answer", "critical", _OUT, "Check the sensor above the lane."),
    FaultKind(
        2001, "Release contact disagrees", "critical", _OUT, "Relay welded or open: lock the lane, call service."
    ),
    FaultKind(2002, "Gate reports out of service", "critical", _OUT, "Reset the gate at its own controller."),
    FaultKind(
        2003,
        "Emergency release is active",
        "critical",
        frozenset({Effect.EMERGENCY_RELEASE}),
        "Doors are released by wire. Clear the cause, then put the lane back in service.",
    ),
    FaultKind(2004, "Door forced or held open", "critical", _OUT, "Go to the lane and close the door."),
    FaultKind(2005, "Somebody or something is left in the lane", "degraded", _BLOCK, "Look into the lane; clear it."),
    FaultKind(2006, "A safety input contradicts itself", "critical", _OUT, "Check its wires; trip the device once."),
    FaultKind(3001, "Camera lost", "critical", _OUT, "Check the camera's cable; the lane recovers by itself."),
    FaultKind(
        3002, "Camera delivers stale frames", "critical", _OUT, "The lane recovers by itself; if not, call service."
    ),
    FaultKind(3003, "A band of the illumination is missing", "critical", _OUT, "Check the illuminator's LEDs."),
    FaultKind(3004, "Light and camera are out of step", "critical", _OUT, "Check the camera's trigger line."),
    FaultKind(3005, "A camera repeats its pictures", "critical", _OUT, "Switch the camera off and on."),
    FaultKind(3006, "A band is overexposed", "critical", _OUT, "Shade the lane from the sun, or shorten the exposure."),
    FaultKind(3007, "The grey reference cannot be read", "critical", _OUT, "Clean it and clear what hides it."),
    FaultKind(3008, "LEDs have drifted", "critical", _OUT, "Clean lamps and reference; if that fails, calibrate anew."),
    FaultKind(3009, "LEDs have changed places", "critical", _OUT, "Check the wires of the illuminator."),
    FaultKind(3010, "The bands are not calibrated", "notice", frozenset({Effect.NOTICE}), "Run: appliance calibrate"),
    FaultKind(3011, "The calibration this site demands is missing", "critical", _OUT, "Run: appliance calibrate"),
    FaultKind(3012, "The presence sensor sees nothing certain", "degraded", _BLOCK, "Clean its window, shade it."),
    FaultKind(
        4001, "Document reader reports errors", "notice", frozenset({Effect.NOTICE}), "Clean the reader's glass."
    ),
    FaultKind(5001, "Journal cannot be written", "critical", _OUT, "Free space on the lane's disk, then restart it."),
    FaultKind(6001, "Supply runs on battery", "degraded", _BLOCK, "Restore the mains; nobody new is let in."),
    FaultKind(6002, "Battery is nearly empty", "critical", _OUT, "Clear the lane: it ends by itself when it is empty."),
    FaultKind(9001, "Internal check failed", "critical", _OUT, "Call service; keep the journal."),
)

CATALOGUE: Mapping[int, FaultKind] = MappingProxyType({row.code: row for row in _ROWS})


def effects_of(codes: Iterable[int]) -> frozenset[Effect]:
    """Union of the effects of the active faults. Raises KeyError for a code that is not in the catalogue."""
    return frozenset(effect for code in codes for effect in CATALOGUE[code].effects)

"""A passport that exists: its chip, what is printed on it, what is wrong with it; in memory or in a folder."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hil.passport.card import (
    ATR_INFO,
    CARD_ACCESS,
    CARD_SECURITY,
    COM,
    DG1,
    DG2,
    DG12,
    DG14,
    DG15,
    DIRECTORY,
    SOD,
    Card,
)
from hil.passport.chip import Chip
from hil.passport.faults import Fault
from hil.passport.groups import Random
from hil.passport.misbehaviour import (
    AlterProtected,
    CardRemoved,
    CardSilent,
    EndlessFile,
    Leave,
    Limit,
    Misbehaviour,
    NoExpectedLength,
    NoSelectMasterFile,
    OtherKey,
    ReplayActiveAuthentication,
    ShortReads,
    at_infinity,
    flip_mac,
    off_curve,
    other_status,
    reflect,
    strip,
)

_RECORD = "passport.json"
_FORMAT = 1
_MASTER = {CARD_ACCESS: "CardAccess", CARD_SECURITY: "CardSecurity", ATR_INFO: "ATR_INFO", DIRECTORY: "DIR"}
_APPLICATION = {COM: "COM", SOD: "SOD", DG1: "DG1", DG2: "DG2", DG12: "DG12", DG14: "DG14", DG15: "DG15"}


class PassportError(ValueError):
    """A folder that holds no virtual passport; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Passport:
    """`printed` are the lines of the MRZ on the page, which a fault may have parted from those on the chip."""

    card: Card
    printed: tuple[str, ...]
    faults: frozenset[Fault] = frozenset()

    def chip(self, random: Random = secrets.token_bytes) -> Chip:
        """Its chip on a reader, with whatever misbehaves."""
        return Chip(self.card, random=random, misbehaviours=[misbehaviour(one) for one in sorted(self.faults & _WIRE)])

    def save(self, folder: Path) -> Path:
        """Write it into a folder (made if absent); returns the path of `passport.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        for files, names in ((self.card.master, _MASTER), (self.card.application, _APPLICATION)):
            for identifier, name in names.items():
                path = folder / f"EF_{name}.bin"
                if identifier in files:
                    path.write_bytes(files[identifier])
                else:
                    path.unlink(missing_ok=True)
        record = {
            "format": _FORMAT,
            "about": "A simulated passport of Utopia for tests; no such document exists, its keys are no secret.",
            "printed": list(self.printed),
            "faults": sorted(self.faults),
            "card": self.card.record(),
        }
        path = folder / _RECORD
        path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        return path


def load(folder: Path) -> Passport:
    """A passport that `save` wrote. Raises PassportError."""
    try:
        record = json.loads((folder / _RECORD).read_text("utf-8"))
        if record["format"] != _FORMAT:
            raise PassportError(f"{folder / _RECORD} is of format {record['format']}, not {_FORMAT}: make it again")
        card = Card.of(record["card"], _files(folder, _MASTER), _files(folder, _APPLICATION))
        return Passport(card, tuple(map(str, record["printed"])), frozenset(map(Fault, record["faults"])))
    except PassportError:
        raise
    except FileNotFoundError:
        raise PassportError(f"{folder} holds no {_RECORD}: python -m hil passport make --out {folder}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PassportError(f"{folder / _RECORD} cannot be used ({error!r}): make it again") from None


def _files(folder: Path, names: Mapping[int, str]) -> dict[int, bytes]:
    paths = {identifier: folder / f"EF_{name}.bin" for identifier, name in names.items()}
    return {identifier: path.read_bytes() for identifier, path in paths.items() if path.exists()}


def misbehaviour(fault: Fault) -> Misbehaviour:
    """What a fault does while the chip is read; KeyError for one that lies in its files or keys."""
    return _MISBEHAVIOURS[fault]()


_LAST = 15
_MISBEHAVIOURS = {
    Fault.SELECT_MF_REFUSED: NoSelectMasterFile,
    Fault.NO_EXPECTED_LENGTH: NoExpectedLength,
    Fault.NAKED_6700: lambda: Limit(64, naked=True),
    Fault.MOST_EXPECTED: lambda: Limit(128, naked=False),
    Fault.SHORT_READS: lambda: ShortReads(100),
    Fault.FLIPPED_MAC: lambda: AlterProtected(flip_mac),
    Fault.STATUS_NOT_BOUND: lambda: AlterProtected(other_status),
    Fault.UNPROTECTED_RESPONSE: lambda: AlterProtected(strip),
    Fault.CARD_PULLED: lambda: Leave(_LAST, CardRemoved),
    Fault.SILENCE: lambda: Leave(_LAST, CardSilent),
    Fault.REFLECTED_KEY: lambda: OtherKey(reflect),
    Fault.POINT_OFF_CURVE: lambda: OtherKey(off_curve),
    Fault.POINT_AT_INFINITY: lambda: OtherKey(at_infinity),
    Fault.ENDLESS_FILE: EndlessFile,
    Fault.REPLAYED_ACTIVE: ReplayActiveAuthentication,
}
_WIRE = frozenset(_MISBEHAVIOURS)

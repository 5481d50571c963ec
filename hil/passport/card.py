"""What is on a chip: its files, its keys and how it opens. Plain data, kept as JSON beside the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.passport.suites import AUTHENTICATIONS, SUITES, Authentication, Suite

CARD_ACCESS, CARD_SECURITY, ATR_INFO, DIRECTORY = 0x011C, 0x011D, 0x2F01, 0x2F00
"""Files of the master file."""
COM, SOD, DG1, DG2, DG12, DG14, DG15 = 0x011E, 0x011D, 0x0101, 0x0102, 0x010C, 0x010E, 0x010F
"""Files of the application."""


@dataclass(frozen=True, slots=True)
class ChipKey:
    """A key of chip authentication."""

    variant: Authentication
    private: int
    number: int | None = None
    """Its identifier in DG14, if it has one."""


@dataclass(frozen=True, slots=True)
class ActiveKey:
    """The key of active authentication: RSA when it has a modulus, else on a curve."""

    digest: str
    private: int
    modulus: int = 0
    curve: str = ""
    der: bool = False
    """Whether its signatures are in DER, as some chips have them, instead of r and s in a row."""


@dataclass(frozen=True, slots=True)
class Card:
    """A personalised chip. `application` and `master` map file identifiers to bytes."""

    application: Mapping[int, bytes]
    master: Mapping[int, bytes] = field(default_factory=dict)
    mrz_key: str = ""
    """Document number, date of birth and date of expiry, each with its check digit; "" if no MRZ opens it."""
    can: str = ""
    bac: bool = True
    suites: tuple[Suite, ...] = ()
    cam_key: int | None = None
    chip_keys: tuple[ChipKey, ...] = ()
    active: ActiveKey | None = None
    extended: bool = False
    """Whether it takes APDUs of extended length."""

    def record(self) -> dict[str, Any]:
        """Everything but the files, for JSON."""
        return {
            "mrz_key": self.mrz_key,
            "can": self.can,
            "bac": self.bac,
            "extended_length": self.extended,
            "pace": [suite.name for suite in self.suites],
            "cam_key": None if self.cam_key is None else f"{self.cam_key:x}",
            "chip_keys": [
                {"variant": key.variant.name, "private": f"{key.private:x}", "number": key.number}
                for key in self.chip_keys
            ],
            "active": self.active
            and {
                "digest": self.active.digest,
                "private": f"{self.active.private:x}",
                "modulus": f"{self.active.modulus:x}",
                "curve": self.active.curve,
                "der": self.active.der,
            },
        }

    @classmethod
    def of(cls, record: dict[str, Any], master: Mapping[int, bytes], application: Mapping[int, bytes]) -> Card:
        """The card of a record and its files. KeyError, ValueError or TypeError on any other record."""
        active = record["active"]
        return cls(
            application,
            master,
            mrz_key=record["mrz_key"],
            can=record["can"],
            bac=record["bac"],
            extended=record["extended_length"],
            suites=tuple(SUITES[name] for name in record["pace"]),
            cam_key=None if record["cam_key"] is None else int(record["cam_key"], 16),
            chip_keys=tuple(
                ChipKey(AUTHENTICATIONS[key["variant"]], int(key["private"], 16), key["number"])
                for key in record["chip_keys"]
            ),
            active=active
            and ActiveKey(
                active["digest"],
                int(active["private"], 16),
                int(active["modulus"], 16),
                active["curve"],
                active["der"],
            ),
        )

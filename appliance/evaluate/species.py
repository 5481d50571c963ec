"""PAI species by name (ISO/IEC 30107-3), and how much of the face each covers.

One vocabulary for the twin, the examiner, the reports and the claims. A species that is not here is refused by the
data set reader: a figure for "other" helps nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

BONA_FIDE = "bona_fide"


class Cover(StrEnum):
    """What of the face the instrument covers."""

    FULL = "full face"
    PARTIAL = "part of the face"


@dataclass(frozen=True, slots=True)
class Species:
    """One species of presentation attack instrument; `title` is what people read."""

    name: str
    title: str
    cover: Cover


_ROWS = (
    Species("print_dye", "Ink-jet print (dye)", Cover.FULL),
    Species("print_toner", "Laser print (toner)", Cover.FULL),
    Species("print_vinyl", "Glossy vinyl print", Cover.FULL),
    Species("screen_lcd", "Screen, LCD", Cover.FULL),
    Species("screen_oled", "Screen, OLED", Cover.FULL),
    Species("paper_mask", "Paper mask", Cover.FULL),
    Species("fabric_mask", "Printed fabric mask", Cover.FULL),
    Species("resin_mask", "Resin mask", Cover.FULL),
    Species("pla_mask", "3D-printed PLA mask", Cover.FULL),
    Species("gypsum_mask", "Gypsum powder mask", Cover.FULL),
    Species("latex_mask", "Latex mask", Cover.FULL),
    Species("silicone_mask", "Silicone mask", Cover.FULL),
    Species("silicone_tuned_mask", "Silicone mask tuned to skin", Cover.FULL),
    Species("silicone_nose", "Silicone nose", Cover.PARTIAL),
    Species("silicone_lower_face", "Silicone lower face", Cover.PARTIAL),
    Species("latex_half", "Latex half mask", Cover.PARTIAL),
)
SPECIES: Mapping[str, Species] = MappingProxyType({row.name: row for row in _ROWS})

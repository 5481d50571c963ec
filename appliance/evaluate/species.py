"""PAI species by name (ISO/IEC 30107-3), and how much of the face each covers.

One vocabulary for the twin, the examiner, the reports and the claims. A species that is not here is refused by the
data set reader: a figure for "other" helps nobody. `SPECIES` are told apart by material, and the twin models them;
`COARSE` are what published sets name without saying the material, or what the twin does not model.
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

_COARSE_ROWS = (
    Species("print_unspecified", "Print, process not stated", Cover.FULL),
    Species("print_cut", "Print with eyes, nose or mouth cut out", Cover.FULL),
    Species("screen_unspecified", "Screen, kind not stated", Cover.FULL),
    Species("rigid_mask", "Rigid mask, material not stated", Cover.FULL),
    Species("flexible_mask", "Flexible mask, material not stated", Cover.FULL),
    Species("mannequin", "Mannequin head", Cover.FULL),
    Species("make_up_attack", "Make-up made to change the face", Cover.FULL),
    Species("glasses_funny", "Glasses with printed or false eyes", Cover.PARTIAL),
    Species("glasses_paper", "Paper glasses", Cover.PARTIAL),
    Species("glasses_unspecified", "Glasses worn as a disguise, kind not stated", Cover.PARTIAL),
    Species("wig", "Wig", Cover.PARTIAL),
    Species("tattoo", "Tattoo on the face, temporary", Cover.PARTIAL),
)
COARSE: Mapping[str, Species] = MappingProxyType({row.name: row for row in _COARSE_ROWS})

VOCABULARY: Mapping[str, Species] = MappingProxyType({**SPECIES, **COARSE})
"""Every name a data set, a claim or a configuration may use."""


def title(name: str) -> str:
    """What people read for a species, or for a bona fide presentation. Raises KeyError."""
    return "Bona fide" if name == BONA_FIDE else VOCABULARY[name].title

"""Channels: what one aligned image of a capture stands for, and the name of a set of them.

A lane has the visible image and any subset of the others. What is not installed is not in the detector: there is one
detector and one table of claims per band set. Not responsible for exposures (`plan`) nor for calibration.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a channel measures."""

    VISIBLE = "visible"
    NIR = "nir"
    SWIR = "swir"
    THERMAL = "thermal"
    DEPTH = "depth"


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: centre and full width at half maximum in nm (None for thermal and depth), and whose camera it is.

    A switched band is lit from both sides of the camera, `leds`, one exposure each.
    """

    name: str
    kind: Kind
    camera: str
    wavelength_nm: int | None = None
    width_nm: int | None = None

    @property
    def switched(self) -> bool:
        """Whether LEDs of our own light it, so that lit minus dark can be taken."""
        return self.kind in (Kind.NIR, Kind.SWIR)

    @property
    def leds(self) -> tuple[str, ...]:
        """LEDs of the band by name: the band, then the side seen from the camera (L, R)."""
        return (f"{self.name}L", f"{self.name}R") if self.switched else ()


_ROWS = (
    Channel("B", Kind.VISIBLE, "rgb", 450, 60),
    Channel("G", Kind.VISIBLE, "rgb", 550, 60),
    Channel("R", Kind.VISIBLE, "rgb", 650, 60),
    Channel("850", Kind.NIR, "nir", 850, 35),
    Channel("940", Kind.NIR, "nir", 940, 40),
    Channel("970", Kind.NIR, "nir", 970, 40),
    Channel("1050", Kind.SWIR, "swir", 1050, 50),
    Channel("1300", Kind.SWIR, "swir", 1300, 80),
    Channel("1550", Kind.SWIR, "swir", 1550, 100),
    Channel("thermal", Kind.THERMAL, "thermal"),
    Channel("depth", Kind.DEPTH, "depth"),
)
CHANNELS: Mapping[str, Channel] = MappingProxyType({channel.name: channel for channel in _ROWS})
"""Every channel the project knows, in the order of a band set's name."""

VISIBLE = ("B", "G", "R")


def split_led(led: str) -> tuple[str, str]:
    """Band and side ("L", "R", or "C" for the LED on the camera's axis) of an LED's name. Raises ValueError."""
    band, side = led[:-1], led[-1:]
    if side not in ("L", "R", "C") or band not in CHANNELS or not CHANNELS[band].switched:
        raise ValueError(f"{led!r} is no LED: a band ({', '.join(c.name for c in _ROWS if c.switched)}) and L, R or C")
    return band, side


def band_set(names: Iterable[str]) -> str:
    """The name of a band set, e.g. "rgb+850+940"; the visible image always belongs to it. Raises ValueError."""
    wanted = set(names) - {"rgb", *VISIBLE}
    if unknown := sorted(wanted - set(CHANNELS)):
        raise ValueError(f"unknown bands {', '.join(unknown)}; there are {', '.join(CHANNELS)}")
    return "+".join(["rgb", *(name for name in CHANNELS if name in wanted)])


def channels_of(band_set_name: str) -> tuple[Channel, ...]:
    """The channels of a band set, visible first. Raises ValueError for a name that is not in its normal form."""
    names = band_set_name.split("+")
    if band_set(names) != band_set_name:
        raise ValueError(f"{band_set_name!r} is not the name of a band set; {band_set(names)!r} would be")
    return tuple(channel for channel in _ROWS if channel.kind is Kind.VISIBLE or channel.name in names)

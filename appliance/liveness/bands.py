"""The bands this check needs, and what skin does in them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Band:
    """A band of the illuminator: `skin` is the range of the class means of measured skin (NIST, ITA I to V)."""

    name: str
    wavelength_nm: int
    skin: tuple[float, float]


B850 = Band("850", 850, (0.541, 0.626))
B940 = Band("940", 940, (0.514, 0.546))

REQUIRED: tuple[Band, ...] = (B850, B940)
"""Without every one of these there is no check: a missing band is undetermined, never ignored."""

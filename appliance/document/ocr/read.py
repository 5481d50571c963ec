"""A picture in, a proposal of the zone out: the likeliest lines, and what each place may be instead.

The proposal is for opening the chip and is never trusted over it: a wrong one does not open it, and what the chip
holds is what counts. Nothing is repaired to please a check digit in `lines`; repairs are `access` alone.
"""

import warnings
from dataclasses import dataclass, field
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from appliance.document.mrz import AccessFields, Format
from appliance.document.mrz_repair import Cell, candidates
from appliance.document.ocr.classifier import ALPHABET, features, opinions
from appliance.document.ocr.lines import find_zones
from appliance.document.ocr.straighten import straighten

MAX_BYTES = 30_000_000
MAX_PIXELS = 40_000_000
LEAST_WIDTH = 300
LEAST_CONFIDENCE = 0.6
"""Below it what looked like a zone is taken for other print."""
_ALTERNATIVES = 4
_LETTERS, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ<", "0123456789"
_DATED = [_DIGITS + "<"] * 6 + [_DIGITS]
_MIDDLE = [_LETTERS] * 3 + _DATED + ["MFX<"] + _DATED
_HEAD = [_LETTERS] * 5

_PLACES: dict[Format, list[list[str]]] = {
    Format.TD1: [
        [*_HEAD, *[ALPHABET] * 9, _DIGITS + "<", *[ALPHABET] * 15],
        [*_DATED, "MFX<", *_DATED, *[_LETTERS] * 3, *[ALPHABET] * 11, _DIGITS],
        [_LETTERS] * 30,
    ],
    Format.TD2: [
        [*_HEAD, *[_LETTERS] * 31],
        [*[ALPHABET] * 9, _DIGITS + "<", *_MIDDLE, *[ALPHABET] * 7, _DIGITS],
    ],
    Format.TD3: [
        [*_HEAD, *[_LETTERS] * 39],
        [*[ALPHABET] * 9, _DIGITS, *_MIDDLE, *[ALPHABET] * 14, _DIGITS + "<", _DIGITS],
    ],
}
"""What may stand in each place, by 9303-4 to 9303-6 section 4.2.2."""


class ImageRefused(ValueError):
    """The file is no picture a zone could be read from; the message says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`lines` as read. `confidence` is the network's mean opinion of its best characters, 0 to 1; no probability."""

    format: Format
    lines: tuple[str, ...] = field(repr=False)
    confidence: float
    cells: tuple[tuple[Cell, ...], ...] = field(repr=False)

    @property
    def access(self) -> tuple[AccessFields, ...]:
        """What to try on the chip, at most three, the likeliest first: see `mrz_repair`."""
        return candidates(self.lines, self.cells)


def decode(data: bytes) -> NDArray[np.uint8]:
    """The bytes of an image file as grey (H, W). Raises ImageRefused. Only for pictures of one's own camera."""
    if not data:
        raise ImageRefused("The file is empty.")
    if len(data) > MAX_BYTES:
        raise ImageRefused(f"The file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # its size is judged below
            with Image.open(BytesIO(data), formats=("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ImageRefused(f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels.")
                if image.width < LEAST_WIDTH or image.height < LEAST_WIDTH // 4:
                    raise ImageRefused(f"The picture is too small: a zone needs {LEAST_WIDTH} pixels and more.")
                grey = np.asarray(image.convert("L"))
    except ImageRefused:
        raise
    except UnidentifiedImageError:
        raise ImageRefused("The file is not a picture (PNG, JPEG, BMP, TIFF, WebP or PPM).") from None
    except Exception as error:  # decoders of pictures raise whatever their formats lead them to
        raise ImageRefused(f"The picture is damaged or cut off ({type(error).__name__}).") from error
    return np.asarray(grey, dtype=np.uint8)


def read(grey: NDArray[np.uint8]) -> Reading | None:
    """Read the zone of a page, (H, W) grey, upright within ten degrees or so. None when there is none to be seen."""
    best: Reading | None = None
    for zone in find_zones(grey):
        for form in Format:
            if form.lines == len(zone):
                strips, fit = straighten(grey, zone, form.length)
                reading = _read(form, strips) if fit > 0 else None
                if reading is not None and (best is None or reading.confidence > best.confidence):
                    best = reading
    return best if best is not None and best.confidence >= LEAST_CONFIDENCE else None


def _read(form: Format, strips: list[NDArray[np.uint8]]) -> Reading | None:
    if not strips:
        return None
    shares = [opinions(features(strip)) for strip in strips]
    cells = tuple(
        tuple(_cell(share, allowed) for share, allowed in zip(line, places, strict=True))
        for line, places in zip(shares, _PLACES[form], strict=True)
    )
    lines = tuple("".join(min(cell, key=lambda char: cell[char]) for cell in line) for line in cells)
    # The opinion of all characters, not only of those allowed: other text must not look like a zone.
    likely = [
        np.exp(share[np.arange(len(line)), [ALPHABET.index(char) for char in line]])
        for share, line in zip(shares, lines, strict=True)
    ]
    return Reading(form, lines, float(np.mean(np.concatenate(likely))), cells)


def _cell(share: NDArray[np.float32], allowed: str) -> dict[str, float]:
    """The likeliest few of what may stand here, each with how much less likely than the best (in logarithms)."""
    ranked = sorted(((char, float(share[ALPHABET.index(char)])) for char in allowed), key=lambda one: -one[1])
    return {char: ranked[0][1] - value for char, value in ranked[:_ALTERNATIVES]}


def grey_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) BGR of a camera as (H, W) grey."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

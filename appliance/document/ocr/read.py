"""A picture in, a proposal of the zone out: the likeliest lines, and what each place may be instead.

The proposal is for opening the chip and is never trusted over it: a wrong one does not open it, and what the chip
holds is what counts. Nothing is repaired to please a check digit in `lines`; repairs are `access` alone.
"""

import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from appliance.document.mrz import AccessFields, Format
from appliance.document.mrz_repair import Cell, candidates
from appliance.document.ocr.classifier import ALPHABET, features, opinions
from appliance.document.ocr.lines import Line, find_zones
from appliance.document.ocr.straighten import BESIDE, lay, straighten

MAX_BYTES = 30_000_000
MAX_PIXELS = 40_000_000
LEAST_WIDTH = 300
LEAST_CONFIDENCE = 0.6
"""Below it what looked like a zone is taken for other print."""
_SURE = 0.9
"""From here on nothing else is tried."""
_ASLANT = (0.42, 1.26)
"""How far a grid may bend, in cells at the middle: first as pages usually lie, then seen from far aside."""
_ALTERNATIVES = 4
_NEVER = -6.0
_LETTERS, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ<", "0123456789"
_ANY = ALPHABET.strip()
_DATED = [_DIGITS + "<"] * 6 + [_DIGITS]
_MIDDLE = [_LETTERS] * 3 + _DATED + ["MFX<"] + _DATED
_HEAD = [_LETTERS] * 5

_PLACES: dict[Format, list[list[str]]] = {
    Format.TD1: [
        [*_HEAD, *[_ANY] * 9, _DIGITS + "<", *[_ANY] * 15],
        [*_DATED, "MFX<", *_DATED, *[_LETTERS] * 3, *[_ANY] * 11, _DIGITS],
        [_LETTERS] * 30,
    ],
    Format.TD2: [
        [*_HEAD, *[_LETTERS] * 31],
        [*[_ANY] * 9, _DIGITS + "<", *_MIDDLE, *[_ANY] * 7, _DIGITS],
    ],
    Format.TD3: [
        [*_HEAD, *[_LETTERS] * 39],
        [*[_ANY] * 9, _DIGITS, *_MIDDLE, *[_ANY] * 14, _DIGITS + "<", _DIGITS],
    ],
}
"""What may stand in each place, by 9303-4 to 9303-6 section 4.2.2."""


class ImageRefused(ValueError):
    """The file is no picture a zone could be read from; the message says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`lines` as read. `confidence` is the network's mean opinion of them (geometric, 0 to 1); no probability."""

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
                if not _large_enough(image.width, image.height):
                    raise ImageRefused(f"The picture is too small: a zone needs {LEAST_WIDTH} pixels and more.")
                grey = np.asarray(ImageOps.exif_transpose(image).convert("L"))
    except ImageRefused:
        raise
    except UnidentifiedImageError:
        raise ImageRefused("The file is not a picture (PNG, JPEG, BMP, TIFF, WebP or PPM).") from None
    except Exception as error:  # decoders of pictures raise whatever their formats lead them to
        raise ImageRefused(f"The picture is damaged or cut off ({type(error).__name__}).") from error
    return np.asarray(grey, dtype=np.uint8)


def _large_enough(width: int, height: int) -> bool:
    return width >= LEAST_WIDTH and height >= LEAST_WIDTH // 4


def read(grey: NDArray[np.uint8]) -> Reading | None:
    """Read the zone of a page, (H, W) grey, upright within ten degrees or so. None when there is none to be seen."""
    best: Reading | None = None
    zones = find_zones(grey) if _large_enough(grey.shape[1], grey.shape[0]) else []
    for aslant in _ASLANT:
        for zone in zones:
            for form in Format:
                if form.lines == len(zone):
                    reading = _read(grey, zone, form, aslant)
                    if reading is not None and (best is None or reading.confidence > best.confidence):
                        best = reading
            if best is not None and best.confidence >= _SURE:
                return best
    return best if best is not None and best.confidence >= LEAST_CONFIDENCE else None


def _read(grey: NDArray[np.uint8], zone: tuple[Line, ...], form: Format, aslant: float) -> Reading | None:
    """What these lines say as a zone of this form.

    Where a line begins is told by what may stand where; lines that begin a cell apart have skewed each other's strips,
    so these are cut once more.
    """
    allowed = _allowed(form)
    laid = lay(grey, zone, form.length, aslant)
    for _ in range(2):
        strips = straighten(grey, laid, form.length)
        if not strips:
            return None
        shares = [opinions(features(strip)) for strip in strips]
        begins = [_begin(share, row) for share, row in zip(shares, allowed, strict=True)]
        if len(set(begins)) == 1:
            break
        laid = [line.moved(begin - BESIDE) for line, begin in zip(laid, begins, strict=True)]
    windows = np.stack([share[at : at + form.length] for share, at in zip(shares, begins, strict=True)])
    cells = tuple(
        tuple(_cell(share, places) for share, places in zip(line, row, strict=True))
        for line, row in zip(windows, allowed, strict=True)
    )
    lines = tuple("".join(next(iter(cell)) for cell in line) for line in cells)
    return Reading(form, lines, float(np.exp(_likely(windows, allowed).mean())), cells)


def _begin(share: NDArray[np.float32], allowed: NDArray[np.bool_]) -> int:
    """The cell of a strip that a line begins at."""
    starts = range(len(share) - len(allowed) + 1)
    return max(starts, key=lambda at: float(_likely(share[at : at + len(allowed)], allowed).sum()))


def _likely(share: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The opinion of the best that may stand in each place, bounded below so that one smudge does not decide."""
    return np.asarray(np.where(allowed, share, _NEVER).max(axis=-1).clip(_NEVER), dtype=np.float32)


@lru_cache(maxsize=len(Format))
def _allowed(form: Format) -> NDArray[np.bool_]:
    """(lines, length, 38): what may stand where."""
    return np.array([[[char in place for char in ALPHABET] for place in line] for line in _PLACES[form]])


def _cell(share: NDArray[np.float32], allowed: NDArray[np.bool_]) -> dict[str, float]:
    """The likeliest few of what may stand here, each with how much less likely than the first (in logarithms)."""
    ranked = [at for at in np.argsort(-share) if allowed[at]][:_ALTERNATIVES]
    return {ALPHABET[at]: float(share[ranked[0]] - share[at]) for at in ranked}


def grey_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) BGR of a camera as (H, W) grey."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

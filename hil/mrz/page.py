"""Pictures of printed zones: a page with security print and other text, seen by a scanner or a camera.

Rendered from Debian's `fonts-ocr-b`, so it flatters whatever learnt from that font; no camera was used. Sizes follow
9303-3: 2.54 mm a character, 6.35 mm a line. Not here: who reads them (`appliance.document.ocr`).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

FONTS = Path("/usr/share/fonts/opentype/ocr-b")
LEARNT, OTHER_CUT = "OCRB.otf", "OCRBS.otf"
PITCH_MM, ROW_MM, CAP_MM = 2.54, 6.35, 2.58
SHEETS_MM = {30: (85.6, 54.0), 36: (105.0, 74.0), 44: (125.0, 88.0)}
_PX = 16.0
_LEFT_MM, _BOTTOM_MM = 6.0, 9.5
Uint8 = NDArray[np.uint8]
Floats = NDArray[np.float64]


class FontMissing(RuntimeError):
    """The font is not installed; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a page is seen. Pairs are bounds one draws between: blur in px (sigma), noise in grey levels, JPEG quality.

    `keystone` is how far a corner may be off its place, as a share of the page; `shade` how much darker one side is.
    """

    name: str
    px_per_mm: float
    font: str
    tilt_deg: float
    keystone: float
    blur: tuple[float, float]
    noise: tuple[float, float]
    jpeg: tuple[int, int]
    shade: float


CONDITIONS = {
    one.name: one
    for one in (
        Condition("reader", 12.0, LEARNT, 1.0, 0.004, (0.5, 1.0), (1.0, 4.0), (85, 95), 0.1),
        Condition("camera", 9.0, LEARNT, 5.0, 0.025, (0.7, 1.5), (3.0, 8.0), (70, 90), 0.35),
        Condition("camera, other cut", 8.0, OTHER_CUT, 5.0, 0.025, (0.7, 1.4), (3.0, 8.0), (70, 90), 0.35),
        Condition("hard", 7.0, LEARNT, 8.0, 0.05, (1.0, 1.9), (5.0, 12.0), (50, 75), 0.5),
        Condition("too poor", 5.0, OTHER_CUT, 8.0, 0.05, (1.1, 2.0), (8.0, 16.0), (40, 65), 0.5),
    )
}


@dataclass(frozen=True, slots=True)
class Picture:
    """`image` (H, W, 3) uint8 BGR; `from_mm` (3, 3) maps millimetres on the page to its pixels.

    `corner_mm` is the middle of the left edge of the first line's first character cell.
    """

    image: Uint8
    from_mm: Floats
    corner_mm: tuple[float, float]


@lru_cache(maxsize=4)
def _font(name: str) -> ImageFont.FreeTypeFont:
    path = FONTS / name
    if not path.exists():
        raise FontMissing(f"{path} is missing: apt-get install --no-install-recommends fonts-ocr-b")
    font = ImageFont.truetype(str(path), 200)
    return ImageFont.truetype(str(path), size=200 * PITCH_MM * _PX / font.getlength("0"))


def take(lines: tuple[str, ...], condition: Condition, chance: np.random.Generator) -> Picture:
    """A picture of a page with this zone. Raises FontMissing."""
    page, corner = _printed(lines, condition.font, chance)
    to_image, size = _seen(page.shape[1] / _PX, page.shape[0] / _PX, condition, chance)
    scale = np.diag((1 / _PX, 1 / _PX, 1.0))
    desk = tuple(int(level) for level in chance.integers(20, 235, 3))
    soft = cv2.GaussianBlur(page, (0, 0), 0.35 * _PX / condition.px_per_mm)
    seen = cv2.warpPerspective(soft, to_image @ scale, size, flags=cv2.INTER_LINEAR, borderValue=desk)
    return Picture(_worn(np.asarray(seen, dtype=np.uint8), condition, chance), to_image, corner)


def _printed(lines: tuple[str, ...], font: str, chance: np.random.Generator) -> tuple[Uint8, tuple[float, float]]:
    """The page at 16 px/mm and the corner of its zone in mm."""
    width, height = SHEETS_MM[len(lines[0])]
    page = _security_print(int(width * _PX), int(height * _PX), chance)
    picture = Image.fromarray(page)
    draw = ImageDraw.Draw(picture)
    letters = _font(font)
    ink = tuple(int(level) for level in chance.integers(0, 70, 3))
    left = _LEFT_MM + chance.uniform(-1.5, 0.5)
    bottom = height - _BOTTOM_MM + chance.uniform(-1.0, 2.0)
    for row, line in enumerate(reversed(lines)):
        for place, char in enumerate(line):
            x = (left + (place + 0.5) * PITCH_MM) * _PX
            y = (bottom - row * ROW_MM + CAP_MM / 2) * _PX
            draw.text((x, y), char, font=letters, fill=ink, anchor="ms")
    _other_text(draw, width, bottom - len(lines) * ROW_MM, letters, chance)
    return np.asarray(picture), (left, bottom - (len(lines) - 1) * ROW_MM)


def _other_text(
    draw: ImageDraw.ImageDraw, width: float, until: float, font: ImageFont.FreeTypeFont, chance: np.random.Generator
) -> None:
    """The visual zone: a portrait's place and lines of text, shorter than the zone's."""
    grey = int(chance.integers(60, 160))
    draw.rectangle((5 * _PX, 8 * _PX, 35 * _PX, (until - 3) * _PX), fill=(grey, grey, grey))
    for top in np.arange(8.0, until - 6.0, 6.0):
        text = "".join(chance.choice(list("ABCDEFGHIKLMNOPRSTUVW 0123456789"), int(chance.integers(5, 18))))
        draw.text((40 * _PX, top * _PX), text, font=font.font_variant(size=font.size * 0.8), fill=(60, 60, 60))
    draw.text(((width - 30) * _PX, 2 * _PX), "SPECIMEN", font=font, fill=(120, 40, 40))


def _security_print(width: int, height: int, chance: np.random.Generator) -> Uint8:
    """Paper with tinted waves of thin lines."""
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    paper = chance.uniform(200, 245, 3).astype(np.float32)
    page = np.empty((height, width, 3), np.float32)
    page[:] = paper
    for _ in range(3):
        period, swing, wave = chance.uniform(0.7, 2.0) * _PX, chance.uniform(1, 5) * _PX, chance.uniform(10, 50) * _PX
        phase = 2 * np.pi * (y + swing * np.sin(2 * np.pi * x / wave + chance.uniform(0, 6))) / period
        depth = chance.uniform(5, 35, 3).astype(np.float32)
        page -= np.clip(np.sin(phase) * 3 - 2, 0, 1)[:, :, None] * depth
    return np.clip(page, 0, 255).astype(np.uint8)


def _seen(
    width: float, height: float, condition: Condition, chance: np.random.Generator
) -> tuple[Floats, tuple[int, int]]:
    """From millimetres on the page to pixels of the picture, and its width and height."""
    margin = 0.06 * width
    scale = condition.px_per_mm
    size = (int((width + 2 * margin) * scale), int((height + 2 * margin) * scale))
    corners = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float64)
    turn = np.deg2rad(chance.uniform(-condition.tilt_deg, condition.tilt_deg))
    spin = np.array(((np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))))
    middle = np.array((width / 2, height / 2))
    off = chance.uniform(-condition.keystone, condition.keystone, (4, 2)) * width
    seen = ((corners - middle) @ spin + middle + off + margin) * scale
    found = cv2.getPerspectiveTransform(corners.astype(np.float32), seen.astype(np.float32))
    return np.asarray(found, dtype=np.float64), size


def _worn(seen: NDArray[np.uint8], condition: Condition, chance: np.random.Generator) -> Uint8:
    """Uneven light, blur, noise, compression."""
    height, width = seen.shape[:2]
    angle = chance.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, width)[None, :] * np.cos(angle) + np.linspace(-1, 1, height)[:, None] * np.sin(angle)
    light = 1.0 - condition.shade * chance.uniform(0, 1) * (x + 1) / 2
    image = seen.astype(np.float32) * light[:, :, None].astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), chance.uniform(*condition.blur))
    image = image + chance.normal(0, chance.uniform(*condition.noise), image.shape).astype(np.float32)
    quality = int(chance.integers(condition.jpeg[0], condition.jpeg[1] + 1))
    _, packed = cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)

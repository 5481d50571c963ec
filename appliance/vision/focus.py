"""Focus and exposure of one picture, for whoever sets up a camera: figures within a window the size of a face. Pure.

Sharpness is the Tenengrad measure, the mean squared Sobel gradient (E. Krotkov, Focusing, Int. J. Computer Vision 1,
1987; compared with others by S. Pertuz et al., Pattern Recognition 46, 2013), over the squared mean so that more light
is no more sharpness. It compares one view with itself while the lens is turned, and nothing else. What counts as dark
and clipped is the product's own: of the visible camera as its face quality counts, of the others as its self-test does.
Not responsible for words (the page) nor for the best so far (`Peak` keeps it, its owner decides how long).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face.quality.frame import luminance
from appliance.face.quality.measures import DARK, LIGHT
from appliance.liveness.burst import U8, Capture
from appliance.liveness.channels import CHANNELS
from appliance.liveness.reading import LIMITS
from appliance.vision.metering import TARGET

F32 = NDArray[np.float32]

VISIBLE, UNLIT = "rgb", "dark."
WIDTH, HEIGHT = 0.35, 0.45
"""The window over the height of the picture: a face whose eyes are 75 of 480 pixels apart."""
LEVELS = 64
CLIPPED_MOST = 0.01
"""Share of clipped pixels from which a picture is called too bright (chosen)."""
DARK_MOST = 0.5
"""Share of dark pixels from which the visible picture is called too dark (chosen). A switched camera's is where its
longest exposure does not reach half of what metering aims at: it can only be shortened."""
DETAIL_LEAST = 0.05
"""Spread over mean below which there is nothing to focus on (chosen): an even wall."""
PAST = 0.9
"""Share of the best sharpness below which the lens has been turned too far (chosen)."""
_TOP = 99.0
_CALM_PX = 1.0


class NothingToShow(Exception):
    """The burst has no exposure of this channel; the message says why."""


@dataclass(slots=True)
class Peak:
    """The best sharpness so far of one channel in one window."""

    of: tuple[object, ...] = ()
    best: float = 0.0

    def held(self, of: tuple[object, ...], sharpness: float) -> float:
        """The best, with this one; another channel or window begins anew."""
        self.best = max(sharpness, self.best if of == self.of else 0.0)
        self.of = of
        return self.best


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a channel shows: `shown` for the eye, the linear exposures `raw` it was made of, how many are clipped."""

    shown: U8
    raw: tuple[U8, ...]
    clipped_from: int


def view_of(capture: Capture, channel: str) -> View:
    """The picture of a channel as the camera gave it, both sides of a band together. Raises NothingToShow."""
    if channel == VISIBLE:
        return View(capture.rgb, (luminance(capture.rgb),), LIGHT)
    if channel.startswith(UNLIT):
        camera = channel.removeprefix(UNLIT)
        raw = [one.image for one in capture.exposures if one.camera == camera and one.led is None]
    else:
        band = CHANNELS.get(channel)
        leds = () if band is None else band.leds
        raw = [one.image for one in capture.exposures if one.led in leds]
    if not raw:
        raise NothingToShow(f"No exposure of {channel} is in the illuminator's log and in the pictures.")
    return View(np.asarray(np.mean(raw, axis=0), np.uint8), tuple(raw), LIMITS.saturated_from)


def box(shape: tuple[int, ...], at: tuple[float, float]) -> tuple[int, int, int, int]:
    """The window (x, y, width, height), pixels, whose middle lies `at` shares across and down, kept inside."""
    height, width = shape[:2]
    w, h = min(width, round(WIDTH * height)), round(HEIGHT * height)
    x, y = round(at[0] * width - w / 2), round(at[1] * height - h / 2)
    return min(max(0, x), width - w), min(max(0, y), height - h), w, h


def sharpness(views: Sequence[U8]) -> tuple[float, float]:
    """Tenengrad over the squared mean, and the spread over the mean; of the mean of these views, uint8[h, w]."""
    calm = cv2.GaussianBlur(np.mean(views, axis=0, dtype=np.float32), (0, 0), _CALM_PX)
    mean = max(1.0, float(calm.mean()))
    across, down = (cv2.Sobel(calm, cv2.CV_32F, dx, 1 - dx, ksize=3) for dx in (1, 0))
    energy = float(np.mean(across**2 + down**2))
    return energy / mean**2, float(calm.std()) / mean


def figures(view: View, channel: str, at: tuple[float, float], peak: Peak) -> dict[str, Any]:
    """The figures of a channel's view within the window, as `control.messages.BandFigures` has them."""
    x, y, w, h = box(view.shown.shape, at)
    parts = [raw[y : y + h, x : x + w] for raw in view.raw]
    counts = np.sum([np.bincount(part.ravel(), minlength=256) for part in parts], axis=0)
    share = counts / counts.sum()
    told: dict[str, Any] = {
        "size": (view.shown.shape[1], view.shown.shape[0]),
        "window": (x, y, w, h),
        "levels": [round(float(step), 5) for step in share.reshape(LEVELS, -1).sum(axis=1)],
        # Of the side that is worse: metering must keep every exposure below the top.
        "clipped": max(float(np.mean(part >= view.clipped_from)) for part in parts),
        "clipped_from": view.clipped_from,
        "dark": float(share[:DARK].sum()),
        "dark_below": DARK,
        "mean": float(share @ np.arange(256)),
        "brightest": max(float(np.percentile(part, _TOP)) for part in parts),
    }
    if channel.startswith(UNLIT):
        outside = ["outside_light"] if told["mean"] > LIMITS.dark_highest else []
        return told | {"wanted": None, "sharpness": None, "best": None, "advice": outside}
    found, detail = sharpness(parts)
    best = peak.held((channel, at), found)
    # The visible camera is not metered, and an even wall may be far away: there only darkness tells of too little.
    blank = detail < DETAIL_LEAST
    dim = told["dark"] > DARK_MOST if blank or channel == VISIBLE else told["brightest"] < TARGET / 2
    exposure = ["too_bright"] if told["clipped"] > CLIPPED_MOST else ["too_dark"] if dim else []
    focus = "no_detail" if blank else "turn_back" if found < PAST * best else "sharpest"
    wanted = None if channel == VISIBLE else TARGET
    return told | {"wanted": wanted, "sharpness": found, "best": best, "advice": [*exposure, focus]}

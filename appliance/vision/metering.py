"""How long to expose: from one dark and one lit look to a share of the longest exposure. Pure."""

from collections.abc import Sequence

import numpy as np

from appliance.liveness.burst import Exposure

TARGET = 200.0
"""Digital number of 255 that the brightest skin shall have."""
SATURATED = 250.0
SHORTEST = 0.04
CLOSE_ENOUGH = 0.12
_BRIGHTEST = 99.0
_STEP = 2.0**0.25

Box = tuple[float, float, float, float]


def next_gain(looks: Sequence[Exposure], face: Box | None, brighter: float = 1.0) -> float:
    """The exposure to take after these looks of one camera, as a share of the longest.

    `face` is (x1, y1, x2, y2) in pixels, None for the whole picture; `brighter` how much brighter than the LED that was
    looked at the brightest of all is. A look that is overexposed says only that it was too long.
    """
    now = looks[0].gain
    top = max(_top(look, face) for look in looks)
    if top >= SATURATED:
        return max(SHORTEST, _rounded(now / 2.5))
    wanted = now * TARGET / max(top * brighter, 1.0)
    if abs(wanted / now - 1.0) < CLOSE_ENOUGH:
        return now
    return min(1.0, max(SHORTEST, _rounded(wanted)))


def _top(look: Exposure, face: Box | None) -> float:
    height, width = look.image.shape
    x1, y1, x2, y2 = (round(value) for value in face) if face is not None else (0, 0, width, height)
    view = look.image[max(0, y1) : min(height, y2), max(0, x1) : min(width, x2)]
    return float(np.percentile(view if view.size else look.image, _BRIGHTEST))


def _rounded(gain: float) -> float:
    """To steps of a quarter of a stop, downwards: a camera that need not be set anew need not settle."""
    return float(_STEP ** np.floor(np.log(gain) / np.log(_STEP) + 1e-9))

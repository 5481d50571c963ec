"""Where things are on a face: masks over canonical coordinates (`head.Mould.canonical`), 0 to 1, float64[n].

Distances in mm on the mean head. Pure geometry: no colour, no person.
"""

import numpy as np

from hil.examiner.tables import F64

_HAIRLINE_DEG = (
    *((0.0, 31.0), (35.0, 31.0), (50.0, 25.0), (62.0, 6.0), (70.0, -4.0), (78.0, -16.0), (84.0, 5.0)),
    *((92.0, 12.0), (104.0, 8.0), (116.0, -22.0), (135.0, -42.0), (180.0, -50.0)),
)
"""Azimuth from the middle of the face against the elevation where hair begins, both seen from the head's middle."""
_BROW = ((11.0, 58.5), (17.0, 60.5), (26.0, 62.5), (38.0, 63.5), (47.0, 61.0), (57.0, 54.0))
EYE_X, EYE_Y, EYE_HALF_WIDTH, EYE_HALF_HEIGHT = 32.3, 35.2, 12.6, 6.0
NOSE_TIP, MOUTH_Y, CHIN_Y = (0.0, 4.0, 130.0), -34.0, -75.0


def step(low: float, high: float, value: F64) -> F64:
    """0 at `low`, 1 at `high`, smooth between; the two may be in either order."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def spot(at: F64, x: float, y: float, width: float, height: float) -> F64:
    """A soft spot, on both sides of the face when x is not 0; only where the face looks forward."""
    return np.exp(-(((np.abs(at[:, 0]) - x) / width) ** 2) - ((at[:, 1] - y) / height) ** 2) * step(20, 45, at[:, 2])


def lips(at: F64) -> F64:
    """The red of the lips."""
    x = np.clip(np.abs(at[:, 0]) / 25.5, 0.0, 1.0)
    upper = -35.0 + 9.5 * (1.0 - x**1.6) + 1.4 * np.exp(-(((np.abs(at[:, 0]) - 5.0) / 4.0) ** 2)) * (1 - x)
    lower = -35.0 - 9.5 * np.sqrt(1.0 - x**2.2)
    inside = np.minimum(upper - at[:, 1], at[:, 1] - lower)
    return step(-0.6, 1.0, inside) * step(25.8, 23.5, np.abs(at[:, 0])) * (at[:, 2] > 80.0)


def brows(at: F64, half_height: float, lift: float) -> F64:
    """The brows, thinner outwards."""
    x = np.abs(at[:, 0])
    middle = np.interp(x, *np.array(_BROW).T) + lift
    half = half_height * np.interp(x, [10.0, 16.0, 38.0, 58.0], [0.55, 1.0, 0.85, 0.3])
    across = step(1.0, 0.55, np.abs(at[:, 1] - middle) / half)
    return across * step(9.0, 13.0, x) * step(59.0, 54.0, x) * (at[:, 2] > 60.0)


def eye_ring(at: F64) -> F64:
    """How far out of the eye's opening a point is: 1 on the lids' edge, 2 at twice its size (large elsewhere)."""
    x = (np.abs(at[:, 0]) - EYE_X) / EYE_HALF_WIDTH
    return np.where(at[:, 2] > 60.0, np.hypot(x, (at[:, 1] - EYE_Y) / EYE_HALF_HEIGHT), 99.0)


def lashes(at: F64) -> F64:
    """The dark edge of the lids, more above than below."""
    ring = eye_ring(at)
    edge = step(1.32, 1.16, ring)
    return edge * np.where(at[:, 1] > EYE_Y, 1.0, 0.35)


def hair_height(at: F64, recede_deg: float) -> F64:
    """Degrees above the hairline, negative on bare skin."""
    up = np.degrees(np.arctan2(at[:, 1] - 40.0, np.hypot(at[:, 0], at[:, 2])))
    around = np.degrees(np.arctan2(np.abs(at[:, 0]), at[:, 2]))
    line = np.interp(around, *np.array(_HAIRLINE_DEG).T)
    return np.asarray(up - line - recede_deg * np.interp(around, [0.0, 30.0, 48.0, 65.0], [0.6, 1.0, 1.4, 0.0]))


def ears(at: F64) -> F64:
    """The ears' flaps."""
    return step(74.0, 78.0, np.abs(at[:, 0])) * step(-34.0, -28.0, at[:, 1]) * step(56.0, 50.0, at[:, 1])


def beard(at: F64) -> F64:
    """Where a beard grows: over the lip, on the chin, along the jaw to the ears, under the chin."""
    x, y = np.abs(at[:, 0]), at[:, 1]
    top = np.interp(x, [0.0, 8.0, 24.0, 30.0, 45.0, 64.0, 72.0], [-14.0, -14.0, -18.0, -26.0, -20.0, 6.0, 18.0])
    below = np.interp(at[:, 2], [10.0, 60.0, 100.0], [-70.0, -92.0, -105.0])
    return step(-1.0, 4.0, top - y) * step(-4.0, 6.0, y - below) * step(22.0, 34.0, at[:, 2]) * (1.0 - lips(at))


def neck(at: F64) -> F64:
    """Below the jaw."""
    jaw = np.interp(at[:, 2], [0.0, 50.0, 95.0], [-45.0, -72.0, -92.0])
    return step(0.0, -12.0, at[:, 1] - jaw)


def nose(at: F64) -> F64:
    """The nose, from its root to its wings, falling off softly: what a false nose covers."""
    x, y = np.abs(at[:, 0]), at[:, 1]
    half = np.interp(y, [-13.0, 0.0, 25.0, 45.0], [19.0, 19.0, 13.0, 10.0])
    return step(1.25, 0.85, x / half) * step(-17.0, -11.0, y) * step(46.0, 32.0, y) * step(70.0, 85.0, at[:, 2])


def lower_face(at: F64) -> F64:
    """From under the nose to the jaw: what a false lower face covers."""
    top = np.interp(np.abs(at[:, 0]), [0.0, 14.0, 40.0, 75.0], [-12.0, -10.0, 2.0, 12.0])
    return step(-3.0, 5.0, top - at[:, 1]) * step(-106.0, -98.0, at[:, 1]) * step(18.0, 30.0, at[:, 2])


def face_oval(at: F64, scale: float = 1.0) -> F64:
    """The front of the face in an oval that reaches from chin to hairline; soft at its edge."""
    ring = np.hypot(at[:, 0] / (72.0 * scale), (at[:, 1] - 14.0) / (100.0 * scale))
    return step(1.03, 0.97, ring) * step(8.0, 20.0, at[:, 2])

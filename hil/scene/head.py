"""The shape of a parametric head, as a grid of our own making.

Head space, millimetres: origin midway between the pupils on the plane of the eyes' surface; x to the viewer's right,
y up, z towards the camera. Rows of the grid run from the crown to below the chin, columns around the head from the
nape over the viewer's left side, the face (middle column) and the right side back to the nape.

Not responsible for colour (`paint`) nor for hair (`hair`).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter

from hil.scene.arrays import F32, f32
from hil.scene.traits import MODES, Traits

ROWS, COLS = 230, 280


def curve(points: list[tuple[float, float]], at: NDArray[np.floating]) -> F32:
    """A monotone-safe smooth curve through (position, value) points, clamped at its ends, float32 like `at`."""
    order = sorted(points)
    xs = np.array([p[0] for p in order])
    ys = np.array([p[1] for p in order])
    return f32(PchipInterpolator(xs, ys)(np.clip(at, xs[0], xs[-1])))


def bell(x: NDArray[np.floating], y: NDArray[np.floating], at: tuple[float, float], size: tuple[float, float]) -> F32:
    """A Gaussian bump of height 1 at `at` with standard deviations `size`, float32 like `x`."""
    return f32(np.exp(-0.5 * (((x - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2)))


def ramp(low: float, high: float, x: NDArray[np.floating]) -> F32:
    """Smooth step from 0 at `low` to 1 at `high` (either order), float32 like `x`."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return f32(t * t * (3.0 - 2.0 * t))


@lru_cache(maxsize=1)
def _angles() -> F32:
    # Two thirds of the columns lie on the front half: that is where detail is.
    even = np.linspace(-1.0, 1.0, COLS)
    return f32(np.pi * (0.52 * even + 0.48 * even**3))


def _heights(t: Traits) -> F32:
    low, high = -t.chin_y - 4.0, t.crown_y
    even = np.linspace(-1.0, 1.0, ROWS)
    bent = 0.80 * even + 0.20 * np.sin(even * np.pi / 2)
    return f32((high + low) / 2 - (high - low) / 2 * bent)


def angles() -> F32:
    """Angle of each column around the head's axis, radians float32[COLS]; 0 faces the camera."""
    return _angles()


def _outline(t: Traits, y: F32) -> tuple[F32, F32, F32, F32]:
    """Half width, front depth, widest depth and back depth of the skull per row, mm."""
    chin = -t.chin_y
    w = t.face_width
    jaw = w * t.jaw_width
    low = chin - 4.0
    width = curve(
        [
            (low, 0.0),
            (low + 1.2, t.chin_width * 0.45),
            (chin + 2.0, t.chin_width * 0.85),
            (chin + 10.0, t.chin_width * 1.22 + 4.0),
            (chin * 0.82, jaw * 0.46 + t.chin_width * 0.80),
            (chin * 0.68, jaw * 0.99),
            (-52.0, jaw * 0.55 + w * 0.47),
            (-25.0, w * 0.985 + t.cheekbone * 0.3),
            (5.0, w * 1.0),
            (38.0, w * 1.045),
        ],
        y,
    )
    front = curve(
        [
            (low, -30.0),
            (low + 1.2, -12.0 + t.chin_out),
            (chin + 2.0, 3.0 + t.chin_out),
            (chin + 16.0, 9.0 + t.chin_out),
            (chin * 0.66, 6.0),
            (-50.0, 9.0),
            (-20.0, 7.5),
            (5.0, 6.5),
            (20.0, 10.0 + t.brow_ridge * 0.4),
            (45.0, 9.0 - t.forehead_slope * 0.6),
        ],
        y,
    )
    top = t.crown_y
    over = np.clip((y - 38.0) / (top - 38.0), 0.0, 1.0)
    dome = (1.0 - over**2.15) ** (1.0 / 2.15)
    width = np.where(y > 38.0, w * 1.045 * dome, width)
    middle = curve([(low, -32.0), (-100.0, -48.0), (-75.0, -66.0), (-40.0, -78.0), (20.0, -88.0), (top, -88.0)], y)
    brow = float(curve([(20.0, 10.0 + t.brow_ridge * 0.4), (45.0, 9.0 - t.forehead_slope * 0.6)], np.array([45.0]))[0])
    above = np.clip((y - 45.0) / (top - 45.0), 0.0, 1.0)
    arch = (1.0 - above**2.2) ** (1.0 / 2.2)
    front = np.where(y > 45.0, middle + (brow - t.forehead_slope * above - middle) * arch, front)
    back = curve([(low, -34.0), (-100.0, -70.0), (-75.0, -110.0), (-30.0, -165.0), (30.0, -185.0)], y)
    back = np.where(
        y > 30.0, middle + (-185.0 - middle) * (1 - np.clip((y - 30) / (top - 30), 0, 1) ** 2.3) ** 0.43, back
    )
    return width.astype(np.float32), front.astype(np.float32), middle, back.astype(np.float32)


def _nose(t: Traits, x: F32, y: F32) -> F32:
    tip, root = -t.nose_y + 6.0, 9.0
    # The base of the nose hangs lower in the middle than at the wings.
    y = f32(y - 5.0 * (x / t.nose_width) ** 2 * ramp(-t.nose_y + 16.0, -t.nose_y + 4.0, y) + 1.0)
    along = np.clip((root - y) / (root - tip), 0.0, 1.4)
    ridge = curve(
        [
            (0.0, 0.0),
            (0.18, t.nose_bridge_out * 0.55),
            (0.45, t.nose_bridge_out + (t.nose_out - t.nose_bridge_out) * 0.26 + t.nose_hump),
            (0.72, t.nose_bridge_out + (t.nose_out - t.nose_bridge_out) * 0.62 + t.nose_hump * 0.4),
            (1.0, t.nose_out),
            (1.09, t.nose_out * 0.86),
            (1.17, t.nose_out * 0.45),
            (1.26, t.nose_out * 0.10),
            (1.34, 0.0),
        ],
        along,
    )
    half = curve(
        [(0.0, t.nose_bridge * 1.2), (0.3, t.nose_bridge), (0.75, t.nose_bridge * 1.25), (1.0, t.nose_tip)], along
    )
    body = ridge * np.exp(-(np.abs(x / half) ** 2.3) * 0.5)
    wing_y = -t.nose_y + 4.5
    wing = bell(np.abs(x), y, (t.nose_width - 4.2, wing_y), (3.9, 4.6)) * t.nose_out * 0.50
    base = bell(x, y, (0.0, wing_y + 3.0), (t.nose_width * 0.62, 7.0)) * t.nose_out * 0.22
    groove = bell(np.abs(x), y, (t.nose_width + 2.2, wing_y + 1.0), (2.2, 6.0)) * -1.6
    return f32(body + wing + base + groove)


def _mouth(t: Traits, x: F32, y: F32) -> F32:
    at = mouth_line(t)
    reach = ramp(1.25, 0.35, np.abs(x) / t.mouth_half_width)
    upper = np.exp(-0.5 * ((y - at - t.lip_upper * 0.55) / (t.lip_upper * 0.55)) ** 2) * (2.2 + t.lip_out)
    lower = np.exp(-0.5 * ((y - at + t.lip_lower * 0.52) / (t.lip_lower * 0.50)) ** 2) * (2.8 + t.lip_out)
    slit = np.exp(-0.5 * ((y - at) / 1.3) ** 2) * -3.0
    muzzle = bell(x, y, (0.0, at + 3.0), (22.0, 17.0)) * 4.0
    philtrum = bell(x, y, (0.0, at + t.lip_upper + 6.0), (2.2, 5.0)) * -1.3
    under = bell(x, y, (0.0, at - t.lip_lower - 5.5), (16.0, 4.5)) * -3.0
    corner = bell(np.abs(x), y, (t.mouth_half_width + 2.0, at), (3.5, 4.0)) * -1.8
    return f32((upper + lower + slit) * reach + muzzle + philtrum + under + corner)


def mouth_line(t: Traits) -> float:
    """Height of the line between the lips, mm."""
    return -t.nose_y - 3.0 - (t.chin_y - t.nose_y) * (t.mouth_y - 0.16)


def modes(t: Traits, family: str, x: F32, y: F32) -> F32:
    """Sum of a family of smooth patterns over the face, weighted by its traits, float32 like `x`."""
    total = np.zeros_like(x)
    for k, (across, down) in enumerate(MODES):
        weight = t[f"{family}_{k}"]
        if weight:
            total = total + weight * np.cos(across * x / 26.0) * np.cos(down * (y + 35.0) / 26.0 + 0.7 * k)
    return f32(total)


def _relief(t: Traits, x: F32, y: F32) -> F32:
    """How far the face stands out of the skull, mm towards the camera."""
    ax = np.abs(x)
    deep = bell(ax, y, (t.eye_x - 2.0, 3.0), (t.eye_half_width + 1.0, 9.0)) * -(t.socket * 0.8 + 3.0)
    deep += bell(ax, y, (13.5, 4.0), (5.0, 9.0)) * -(t.socket * 0.55 + 1.0)
    ball = np.sqrt(np.clip(1.0 - ((ax - t.eye_x) / 15.5) ** 2 - (y / 12.5) ** 2, 0.0, 1.0)) * 4.5
    ball = gaussian_filter(ball, (2.0, 2.0))
    brow = bell(ax, y, (25.0, t.brow_y - 1.0), (15.0, 5.5)) * (t.brow_ridge + 0.6)
    bone = bell(ax, y, (t.face_width * 0.70, -20.0), (13.0, 12.0)) * t.cheekbone
    apple = bell(ax, y, (33.0, -30.0), (12.0, 12.0)) * (2.0 + t.cheek_full * 0.5)
    hollow = bell(ax, y, (46.0, -58.0), (12.0, 17.0)) * t.cheek_full
    fold_x = t.nose_width + 6.0 + (-t.nose_y - y) * 0.38
    crease = np.exp(-0.5 * ((ax - fold_x) / 2.6) ** 2) * ramp(-t.nose_y + 6, -t.nose_y - 4, y)
    crease *= ramp(mouth_line(t) - 12.0, mouth_line(t) + 4.0, y) * -(0.5 + 2.2 * t.fold)
    chin = bell(x, y, (0.0, -t.chin_y + 14.0), (14.0, 9.0)) * (2.5 + t.chin_out * 0.4)
    cleft = bell(x, y, (0.0, -t.chin_y + 12.0), (2.0, 5.0)) * -2.2 * t.chin_cleft
    temple = bell(ax, y, (t.face_width * 0.93, 32.0), (9.0, 18.0)) * -2.5
    bag = bell(ax, y, (t.eye_x - 1.0, -12.5), (11.0, 2.6)) * 1.5 * t.bags
    free = modes(t, "shape", x, y) * 2.6 * ramp(-t.chin_y - 4.0, -t.chin_y + 14.0, y) * ramp(85.0, 60.0, y)
    total = free + deep + ball + brow + bone + apple + hollow + crease + chin + cleft + temple + bag
    return f32(total + _nose(t, x, y) + _mouth(t, x, y))


def head_mesh(t: Traits) -> F32:
    """Points of the head, float32[ROWS, COLS, 3] in head space, millimetres."""
    phi = _angles()[None, :]
    y = _heights(t)
    width, front, middle, back = (a[:, None] for a in _outline(t, y))
    s, c = np.sin(phi), np.cos(phi)
    bend = 2.0 / 2.25
    x = width * np.sign(s) * np.abs(s) ** bend
    reach = np.where(c > 0, front - middle, middle - back)
    z = middle + reach * np.sign(c) * np.abs(c) ** bend
    ys = np.broadcast_to(y[:, None], x.shape).astype(np.float32)
    facing = ramp(0.05, 0.55, np.broadcast_to(c, x.shape))
    z = z + _relief(t, x.astype(np.float32), ys) * facing
    points = np.stack([x, ys, z], axis=2).astype(np.float32)
    # Rounds off the seams between the pieces of the outline; finer than any feature.
    points[..., 0] = gaussian_filter(points[..., 0], (2.2, 0.0), mode="nearest")
    points[..., 2] = gaussian_filter(points[..., 2], (0.9, 0.7), mode="nearest")
    return points


def normals(mesh: F32) -> F32:
    """Unit outward normals of a grid, float32 of the same shape."""
    down = np.gradient(mesh, axis=0)
    along = np.gradient(mesh, axis=1)
    n = np.cross(down, along)
    length = np.linalg.norm(n, axis=2, keepdims=True)
    return f32(n / np.maximum(length, 1e-9))

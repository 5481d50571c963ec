"""Painting a head: reflectance in every band, by place on the face.

The texture lies on the grid of `head`, refined; every feature is drawn from the millimetre position of its texel, so it
follows the shape.

Not responsible for hair that stands off the skin (`hair`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.scene.arrays import F32, f32
from hil.scene.head import angles, bell, curve, modes, mouth_line, ramp
from hil.scene.palette import Palette
from hil.scene.surface import AO, GLOSS, HEAT, PUPIL, blank
from hil.scene.traits import Traits

DETAIL = 3
"""Texels along one cell of the head's grid, as the cast is painted; a data set is painted coarser."""


def refine(grid: F32, detail: int = DETAIL) -> F32:
    """A grid's values at every texel, float32[rows * detail, cols * detail, ...]."""
    rows, cols = grid.shape[:2]
    v = np.linspace(0, rows - 1, rows * detail, dtype=np.float32)
    u = np.linspace(0, cols - 1, cols * detail, dtype=np.float32)
    us, vs = np.meshgrid(u, v)
    return f32(cv2.remap(grid, us, vs, cv2.INTER_LINEAR))


def noise(rng: np.random.Generator, shape: tuple[int, int], sigma: tuple[float, float]) -> F32:
    """Smooth noise of mean 0 and standard deviation 1, float32[shape]; `sigma` in texels (rows, columns)."""
    # Coarse noise is drawn coarse: the eye cannot tell and a wide filter on a full texture is slow.
    shrink = int(max(1, min(sigma) // 2))
    small = (shape[0] // shrink + 2, shape[1] // shrink + 2)
    field = rng.standard_normal(small, dtype=np.float32)
    field = f32(cv2.GaussianBlur(field, (0, 0), sigmaX=sigma[1] / shrink, sigmaY=sigma[0] / shrink))
    if shrink > 1:
        field = f32(cv2.resize(field, (small[1] * shrink, small[0] * shrink), interpolation=cv2.INTER_CUBIC))
    field = field[: shape[0], : shape[1]]
    mean, deviation = cv2.meanStdDev(field)
    return f32((field - np.float32(mean[0, 0])) / np.float32(deviation[0, 0] + 1e-9))


@dataclass(slots=True)
class Canvas:
    """A texture being painted, with the head-space position of every texel."""

    x: F32
    y: F32
    front: F32
    layers: F32
    rng: np.random.Generator
    palette: Palette
    detail: int = DETAIL

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of texels."""
        return self.x.shape[0], self.x.shape[1]

    def noise(self, sigma: tuple[float, float]) -> F32:
        """Smooth noise as `noise`; `sigma` in texels of the finest canvas."""
        share = self.detail / DETAIL
        return noise(self.rng, self.shape, (sigma[0] * share, sigma[1] * share))

    def box(self, x: tuple[float, float], y: tuple[float, float]) -> tuple[slice, slice]:
        """Rows and columns of the texels around a box on the face in mm; empty where the face does not reach."""
        rows = np.flatnonzero((self.y[:, 0] >= y[0]) & (self.y[:, 0] <= y[1]))
        if not rows.size:
            return slice(0), slice(0)
        band = self.x[rows[0] : rows[-1] + 1]
        inside = (band >= x[0]) & (band <= x[1]) & (self.front[rows[0] : rows[-1] + 1] > 0)
        cols = np.flatnonzero(inside.any(axis=0))
        if not cols.size:
            return slice(0), slice(0)
        return slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)

    def window(self, x: tuple[float, float], y: tuple[float, float]) -> Canvas:
        """The part of the canvas, as views, around a box on the face in mm."""
        box = self.box(x, y)
        return replace(self, x=self.x[box], y=self.y[box], front=self.front[box], layers=self.layers[box])

    def lay(self, mask: F32, colour: F32) -> None:
        """Cover with a colour (float32[channels] or one per texel) where `mask` is 1."""
        where = (mask * self.front)[..., None]
        self.layers[..., :AO] += where * (colour - self.layers[..., :AO])

    def shade(self, mask: F32, strength: float) -> None:
        """Darken every band alike, as a crease or a hollow does."""
        self.layers[..., AO] *= 1.0 - np.clip(mask * self.front * np.float32(strength), 0.0, 0.95)


def paint_head(t: Traits, mesh: F32, palette: Palette, detail: int = DETAIL) -> F32:
    """The texture of a bare head (brows and stubble included), float32[rows, cols, LAYERS]."""
    place = refine(mesh[..., :2], detail)
    rows, cols = place.shape[:2]
    phi = np.interp(np.linspace(0, mesh.shape[1] - 1, cols), np.arange(mesh.shape[1]), angles()).astype(np.float32)
    front = np.broadcast_to(ramp(0.15, 0.45, np.cos(phi))[None, :], (rows, cols))
    canvas = Canvas(
        x=np.ascontiguousarray(place[..., 0]),
        y=np.ascontiguousarray(place[..., 1]),
        front=front.astype(np.float32),
        layers=blank(rows, cols),
        rng=np.random.default_rng(int(t.seed)),
        palette=palette,
        detail=detail,
    )
    _skin(canvas, t)
    _creases(canvas.window((-75.0, 75.0), (-t.chin_y - 4.0, 66.0)), t)
    mouth = mouth_line(t)
    _lips(canvas.window((-40.0, 40.0), (mouth - 22.0, mouth + 20.0)), t)
    _nostrils(canvas.window((-28.0, 28.0), (-t.nose_y - 10.0, -t.nose_y + 12.0)), t)
    for side in (-1, 1):
        across = (4.0, 66.0) if side > 0 else (-66.0, -4.0)
        _eye(canvas.window(across, (-16.0, 22.0)), t, side)
        _brow(canvas.window(across, (2.0, 40.0)), t, side)
    return canvas.layers


def _skin(c: Canvas, t: Traits) -> None:
    x, y, ax = c.x, c.y, np.abs(c.x)
    broad, fine = c.noise((30, 30)), c.noise((3.0, 3.0))
    grain = c.noise((1.2, 1.2))
    tone = t.tone + t.mottle * (0.16 * broad + 0.10 * fine + 0.06 * grain)
    tone = tone + bell(ax, y, (t.eye_x - 3, -9), (10, 6)) * (0.15 + 0.7 * t.bags)
    tone = tone + bell(ax, y, (t.eye_x, 9.0), (12, 6)) * (0.15 + 1.6 * t.shadow)
    if t.freckles > 0.02:
        speck = ramp(1.0, 1.9, c.noise((2.6, 2.6)) + 0.35 * t.freckles)
        where = bell(ax, y, (25, -22), (22, 16)) + 0.4 * bell(x, y, (0, 45), (35, 20))
        tone = tone + speck * where * t.freckles * 2.2
    for _ in range(int(t.spots * 14)):
        px, py = c.rng.uniform(-56, 56), c.rng.uniform(-100, 62)
        size = c.rng.uniform(0.8, 1.9)
        box = c.box((px - 10.0, px + 10.0), (py - 10.0, py + 10.0))
        tone[box] += bell(x[box], y[box], (px, py), (size, size)) * c.rng.uniform(1.0, 3.0)
    tone = tone + 0.55 * modes(t, "pigment", x, y)
    shadow = jaw_field(t, x, y) * max(t.beard, t.goatee * 0.3, t.moustache * 0.2) * 0.5
    tone = tone + shadow
    blood = t.flush + 0.25 * t.mottle * c.noise((14, 14))
    blood = blood + bell(ax, y, (38, -28), (15, 13)) * t.blush * 0.9
    blood = blood + bell(x, y, (0, -t.nose_y + 7), (11, 9)) * (0.15 + 0.4 * t.blush)
    blood = blood + bell(x, y, (0, -t.chin_y + 12), (14, 9)) * 0.25 * t.blush
    blood = blood + bell(ax, y, (t.eye_x, 0), (t.eye_half_width + 3, 8)) * 0.25
    c.layers[..., :AO] = c.palette.skin(tone, blood)
    # A warm forehead and eye corners, a cool nose and ears: what a thermal camera shows of a face at rest.
    cool = 2.2 * bell(x, y, (0, -t.nose_y + 6), (12, 12)) + 0.8 * bell(ax, y, (45, -45), (14, 18))
    c.layers[..., HEAT] = 34.2 + 0.9 * bell(ax, y, (12, 0), (7, 7)) + 0.3 * bell(x, y, (0, 45), (40, 20)) - cool
    c.layers[..., AO] = 1.0 - 0.05 * t.relief * np.abs(c.noise((1.4, 2.0)))
    oily = bell(x, y, (0, -25), (9, 28)) + bell(x, y, (0, 45), (34, 18)) + bell(ax, y, (36, -20), (12, 10)) * 0.6
    c.layers[..., GLOSS] = t.gloss * (0.35 + oily)


def jaw_field(t: Traits, x: NDArray[np.floating], y: NDArray[np.floating]) -> F32:
    """Where a full beard can grow, 0..1 float32 like `x`."""
    ax = np.abs(x)
    cheek = curve(
        [
            (0.0, -t.nose_y - 2),
            (18.0, -t.nose_y - 8),
            (34.0, -62.0 + 14 * (1 - t.beard_low)),
            (54.0, -40.0),
            (66.0, -15.0),
        ],
        ax,
    )
    below = ramp(4.0, -5.0, y - cheek)
    mouth = ramp(
        1.15, 0.85, np.sqrt((ax / (t.mouth_half_width + 1)) ** 2 + ((y - mouth_line(t) + 1) / (t.lip_lower + 3)) ** 2)
    )
    return f32(below * (1 - mouth))


def _creases(c: Canvas, t: Traits) -> None:
    x, y, ax = c.x, c.y, np.abs(c.x)
    fold_x = t.nose_width + 5.0 + (-t.nose_y - y) * 0.42
    fold = np.exp(-0.5 * ((ax - fold_x) / 1.7) ** 2) * ramp(-t.nose_y + 6, -t.nose_y - 3, y)
    c.shade(fold * ramp(mouth_line(t) - 10, mouth_line(t) + 6, y), 0.10 + 0.38 * t.fold)
    for k, at in enumerate((38.0, 47.0, 56.0)):
        wave = np.exp(-0.5 * ((y - at - 2.5 * np.cos(x / (13.0 + k)) - 0.002 * x**2) / 1.1) ** 2)
        c.shade(wave * ramp(48, 20, ax), 0.34 * t.furrows)
    for k in (-1, 1):
        c.shade(bell(x, y, (k * 4.0, t.brow_y), (1.0, 6.0)), 0.35 * t.furrows)
    for k, slope in enumerate((0.45, 0.05, -0.4)):
        out = ax - t.eye_x - t.eye_half_width
        line = np.exp(-0.5 * ((y - slope * out - (1 - k) * 1.2) / 0.8) ** 2)
        c.shade(line * ramp(1, 4, out) * ramp(18, 9, out), 0.42 * t.crow)
    arc = -10.5 - 2.0 * t.bags + 0.014 * (ax - t.eye_x) ** 2
    c.shade(np.exp(-0.5 * ((y - arc) / 1.4) ** 2) * ramp(17, 8, np.abs(ax - t.eye_x + 2)), 0.10 + 0.35 * t.bags)
    c.shade(bell(ax, y, (12.0, 4.0), (5.5, 8.0)), 0.10 + 0.035 * t.socket)
    c.shade(bell(ax, y, (t.eye_x, 9.0), (15, 4.5)), 0.04 * t.socket)
    wing = np.abs(np.hypot((ax - t.nose_width + 3.5) / 5.2, (y + t.nose_y - 4.5) / 6.0) - 1.0)
    c.shade(np.exp(-0.5 * (wing / 0.16) ** 2) * ramp(t.nose_width - 5, t.nose_width - 1, ax), 0.34)
    c.shade(bell(x, y, (0, -t.nose_y - 3.0), (t.nose_width * 0.8, 3.0)), 0.30)
    c.shade(bell(x, y, (0, mouth_line(t) - t.lip_lower - 4.5), (15, 3.2)), 0.28)
    c.shade(bell(x, y, (0, mouth_line(t) + t.lip_upper + 5.5), (1.7, 4.0)), 0.14)
    c.shade(bell(x, y, (0, -t.chin_y + 11), (1.3, 5.0)), 0.4 * t.chin_cleft)
    c.shade(ramp(-t.chin_y + 3.0, -t.chin_y - 4.0, y), 0.5)


def _lips(c: Canvas, t: Traits) -> None:
    x, y = c.x, c.y
    w = t.mouth_half_width
    at = mouth_line(t) + t.lip_corner * (np.abs(x) / w) ** 2 * 1.0
    u = np.clip(np.abs(x) / w, 0, 1)
    upper = t.lip_upper * (1 - u**2.0) ** 0.8 * (1 - t.cupid * 0.32 * np.exp(-0.5 * (x / 3.2) ** 2))
    upper = upper + t.cupid * 1.0 * bell(np.abs(x), y * 0, (6.0, 0.0), (3.5, 1.0)) * t.lip_upper / 8
    lower = t.lip_lower * (1 - u**2.4) ** 0.85
    wrinkle = c.noise((6.0, 1.3))
    above = ramp(-0.7, 0.7, upper - (y - at)) * ramp(-0.3, 0.3, y - at)
    below = ramp(-0.9, 0.9, lower - (at - y)) * ramp(-0.3, 0.3, at - y)
    inside = (above + below) * ramp(1.0, 0.95, np.abs(x) / w)
    tone = t.tone + 0.35 + t.lip_dark * 1.8 + 0.12 * wrinkle
    colour = c.palette.skin(tone + 0.45 * above, 0.55 + t.lip_red * 2.2 + 0.1 * wrinkle)
    c.lay(inside * 0.92, colour)
    c.layers[..., GLOSS] += inside * (0.2 + 0.9 * t.lip_red) * below * c.front
    c.shade(above, 0.16)
    wave = at + 0.9 * np.cos(x / w * 5.5) * (1 - u)
    c.shade(np.exp(-0.5 * ((y - wave) / 0.85) ** 2) * ramp(w + 2.5, w - 1.0, np.abs(x)), 0.78)
    c.shade(bell(np.abs(x), y, (w + 0.5, float(mouth_line(t) + t.lip_corner)), (2.0, 2.0)), 0.35)


def _nostrils(c: Canvas, t: Traits) -> None:
    hole = bell(np.abs(c.x), c.y, (t.nose_width * 0.47, -t.nose_y + 0.2), (3.6, 1.7))
    c.lay(np.clip(hole * 1.3, 0, 1) * t.nostril, c.palette.material("nostril"))


def _iris(t: Traits, palette: Palette) -> F32:
    names = ("iris_brown", "iris_hazel", "iris_green", "iris_blue", "iris_grey")
    low = min(int(t.iris), len(names) - 2)
    part = t.iris - low
    return f32(palette.material(names[low]) * (1 - part) + palette.material(names[low + 1]) * part)


def _eye(c: Canvas, t: Traits, side: int) -> None:
    u = (side * c.x - t.eye_x) / t.eye_half_width
    dy = c.y - t.eye_tilt * u
    reach = np.clip(1 - np.abs(u) ** 2.3, 0, 1)
    upper = t.eye_open * (0.58 * reach**0.75 + 0.05 * np.clip(-u, 0, 1) * reach)
    lower = t.eye_open * 0.44 * np.clip(1 - np.abs(u - 0.12) ** 2.4, 0, 1) ** 0.9
    span = ramp(1.02, 0.97, np.abs(u))
    inside = ramp(-0.45, 0.45, upper - dy) * ramp(-0.45, 0.45, dy + lower) * span
    c.lay(inside, c.palette.material("sclera") * (0.82 if t.tone < 4.5 else 0.74))
    corner = bell(u, dy, (-0.93, -0.3), (0.10, 2.0))
    c.lay(inside * np.clip(corner, 0, 1), c.palette.skin(np.array(3.0), np.array(1.2)))
    px, py = side * c.x - t.eye_x, c.y - 0.5
    r = np.hypot(px, py)
    angle = np.arctan2(py, px)
    rays = 1 + 0.16 * np.sin(angle * 23 + 2 * np.sin(angle * 7)) + 0.10 * np.sin(angle * 41)
    size = t.iris_size
    glow = (0.75 + 0.55 * ramp(size * 0.35, size * 0.8, r)) * rays * (1 + 0.35 * ramp(2, -4, py))
    iris = _iris(t, c.palette) * glow[..., None]
    iris = iris * (1 - 0.62 * ramp(size * 0.78, size, r))[..., None]
    c.lay(inside * ramp(size + 0.35, size - 0.35, r), np.clip(iris, 0.004, 0.9).astype(np.float32))
    c.lay(inside * ramp(2.35, 1.75, r), c.palette.material("pupil"))
    c.layers[..., PUPIL] = inside * ramp(2.35, 1.75, r) * c.front
    # The window of the room in the cornea; where a lamp of ours is mirrored, `light` knows.
    spark = (inside * ramp(1.25, 0.75, np.hypot(px * side - 1.9, py - 2.1)) * c.front)[..., None]
    c.layers[..., :3] += spark * (np.float32(0.9) - c.layers[..., :3])
    c.shade(inside * np.exp(-np.clip(upper - dy, 0, 9) / 1.6), 0.52)
    c.shade(inside * ramp(0.55, 1.0, np.abs(u)), 0.30)
    c.layers[..., GLOSS] *= 1 - inside
    lash = c.palette.material("lash")
    top = np.exp(-0.5 * ((dy - upper - 0.2) / (0.75 + 0.8 * t.liner)) ** 2) * ramp(1.10, 0.95, np.abs(u))
    c.lay(np.clip(top * (0.70 + 0.5 * t.liner) * (0.75 + 0.25 * ramp(-0.8, 0.6, u)), 0, 0.97), lash)
    wing = np.exp(-0.5 * ((dy - (u - 0.95) * 7.0) / 0.9) ** 2) * ramp(0.9, 1.0, u) * ramp(1.32, 1.1, u)
    c.lay(wing * t.liner * 0.9, lash)
    low = np.exp(-0.5 * ((dy + lower + 0.3) / 0.6) ** 2) * ramp(1.0, 0.9, np.abs(u))
    c.lay(low * (0.22 + 0.55 * t.liner), lash)
    gap = 1.4 + 3.4 * (1 - t.eye_hood)
    fold = np.exp(-0.5 * ((dy - upper - gap - 0.25 * t.eye_open * reach**2 * 0.4) / 0.75) ** 2) * ramp(
        1.22, 0.9, np.abs(u)
    )
    c.shade(fold, 0.46 * (1 - 0.75 * t.eye_fold))
    c.shade(np.exp(-0.5 * ((dy - upper - gap * 0.5) / 1.6) ** 2) * ramp(1.2, 0.8, np.abs(u)), 0.14)


def _brow(c: Canvas, t: Traits, side: int) -> None:
    sx = side * c.x
    u = (sx - t.brow_inner) / (t.brow_outer - t.brow_inner)
    spine = t.brow_y + t.brow_tilt * (u - 0.4) + t.brow_arch * (1 - ((u - 0.62) / 0.62) ** 2)
    half = t.brow_thick * curve([(0.0, 0.8), (0.2, 1.05), (0.65, 0.85), (1.0, 0.22)], np.clip(u, 0, 1))
    hairs = c.noise((3.2, 1.5))
    body = ramp(1.25, 0.55, np.abs(c.y - spine) / half + 0.22 * hairs)
    ends = ramp(-0.06, 0.10, u + 0.02 * hairs) * ramp(1.06, 0.86, u + 0.02 * hairs)
    mask = body * ends * (0.80 + 0.20 * np.clip(hairs, -1.5, 1.0)) * t.brow_density
    colour = c.palette.hair(t, t.hair_grey * 0.6) * 0.85
    c.lay(
        np.clip(mask, 0, 1).astype(np.float32),
        np.minimum(colour, c.palette.skin(np.array(t.tone), np.array(0.0)) * 0.8),
    )

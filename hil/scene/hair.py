"""Everything that stands off the skin: scalp hair, beard, long hair, ears, neck and shirt, as grids with textures."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from hil.scene.arrays import F32, f32
from hil.scene.head import angles, bell, curve, mouth_line, normals, ramp
from hil.scene.paint import DETAIL, jaw_field, noise, refine
from hil.scene.palette import Palette
from hil.scene.surface import ALPHA, AO, GLOSS, HEAT, Part, blank
from hil.scene.traits import Traits

SHIRTS = ("cloth_dark", "cloth_white", "cloth_red", "cloth_green", "cloth_blue")


def hairline(t: Traits) -> F32:
    """Lower edge of the scalp hair per column of the head grid, mm in y, float32[COLS]."""
    away = np.degrees(np.abs(angles())).astype(np.float64)
    line = t.hairline
    if t.fringe > 0.3:
        line = min(line, 62.0 - 36.0 * t.fringe)
    temple = line + t.recede if t.fringe <= 0.3 else line - 3.0
    points = [
        (0.0, line),
        (26.0, temple),
        (46.0, temple - 12.0),
        (58.0, 20.0),
        (70.0, t.sideburn),
        (84.0, t.sideburn + 4.0),
    ]
    return curve([*points, (96.0, 12.0), (118.0, -55.0), (180.0, -80.0)], away)


def _strands(rng: np.random.Generator, shape: tuple[int, int], curl: float, share: float = 1.0) -> F32:
    long = noise(rng, shape, (26.0 * share, 1.6 * share))
    curly = noise(rng, shape, (5.0 * share, 5.0 * share))
    fine = noise(rng, shape, (7.0 * share, 1.2 * share))
    return f32(long * (1 - curl) * 0.8 + curly * curl + 0.45 * fine * (1 - 0.5 * curl))


def scalp(t: Traits, mesh: F32, palette: Palette, detail: int = DETAIL) -> Part:
    """Scalp hair and beard as a shell around the head; covers nothing where there is neither."""
    rng = np.random.default_rng(int(t.seed) + 77)
    shape = (mesh.shape[0], mesh.shape[1])
    x, y = mesh[..., 0], mesh[..., 1]
    lower = hairline(t)[None, :]
    lower = gaussian_filter(np.broadcast_to(lower, shape), (0, 2.0))
    above = y - lower
    amount = ramp(0.0, 0.6, np.full(shape, t.hair, np.float32))
    bulge = ramp(3.0, 24.0, above) * amount
    # The columns of the grid meet at the crown: uneven hair there would be a spike.
    even = ramp(t.crown_y, t.crown_y - 25.0, y)
    lumps = 1.0 + noise(rng, shape, (7.0, 9.0)) * (0.05 + 0.16 * t.hair_curl) * even
    part = (
        np.exp(-0.5 * ((x - 34.0 * t.hair_part) / 4.0) ** 2)
        * ramp(50.0, 80.0, y)
        * (0.45 if t.hair_curl < 0.5 else 0.1)
    )
    # Fullest at the crown, close to the head at the temples, where an overhang would show gaps.
    top = (0.65 + 0.35 * ramp(40.0, 95.0, y)) * (0.35 + 0.65 * ramp(-35.0, 45.0, y))
    thick = t.hair_volume * bulge * lumps * top * (1 - part) + 0.4
    jaw = jaw_field(t, x, y) * (np.cos(angles()) > 0.02)[None, :]
    full = jaw * t.beard + _goatee(t, x, y) * t.goatee + _moustache(t, x, y) * t.moustache
    thick = thick + np.clip(full, 0, 1) * 4.5 * ramp(
        0.35, 1.0, np.full(shape, max(t.beard, t.goatee, t.moustache), np.float32)
    )
    out = normals(mesh)
    shell = mesh + out * gaussian_filter(thick, 1.2)[..., None]
    texture = _scalp_texture(t, rng, (mesh, f32(lower), f32(np.clip(full, 0, 1))), palette, detail)
    return Part(f32(shell), normals(f32(shell)), texture, rough=0.35, soft=0.15)


def _goatee(t: Traits, x: F32, y: F32) -> F32:
    at = mouth_line(t) - t.lip_lower
    chin = ramp(1.2, 0.8, np.hypot(x / 19.0, (y - (at - t.chin_y) / 2 - 1) / ((at + t.chin_y) / 2 + 3)))
    return np.asarray(chin, np.float32)


def _moustache(t: Traits, x: F32, y: F32) -> F32:
    at = mouth_line(t) + t.lip_upper
    top = -t.nose_y - 3.0
    middle = (at + top) / 2 - 0.006 * x**2
    reach = max(t.mouth_half_width, 26.0)
    return np.asarray(
        ramp(1.3, 0.7, np.abs(y - middle) / ((top - at) / 2 + 1.5)) * ramp(reach + 4, reach - 3, np.abs(x)),
        np.float32,
    )


def _scalp_texture(
    t: Traits, rng: np.random.Generator, grid: tuple[F32, F32, F32], palette: Palette, detail: int
) -> F32:
    mesh, lower, face_hair = grid
    share = detail / DETAIL
    y = refine(np.ascontiguousarray(mesh[..., 1]), detail)
    x = refine(np.ascontiguousarray(mesh[..., 0]), detail)
    shape = (y.shape[0], y.shape[1])
    edge = y - refine(np.ascontiguousarray(lower), detail)
    strands = _strands(rng, shape, t.hair_curl, share)
    soft = 4.0 + 3.0 * t.hair_curl
    cover = ramp(-soft * 0.6, soft, edge + strands * 3.0)
    thin = ramp(-0.6, 0.8, strands + (t.hair - 0.5) * 7.0)
    cover = cover * thin * ramp(0.02, 0.25, np.full(shape, t.hair, np.float32))
    whisker = noise(rng, shape, (4.0 * share, 1.6 * share))
    face = refine(face_hair, detail)
    grown = ramp(0.25, 0.95, face + 0.22 * whisker * face) * (0.86 + 0.14 * np.tanh(whisker))
    texture = blank(*shape)
    shine = np.clip(0.78 + 0.34 * strands, 0.25, 2.2)[..., None]
    shine = shine * (1 - 0.35 * np.exp(-0.5 * ((x - 34.0 * t.hair_part) / 1.6) ** 2) * ramp(55.0, 75.0, y))[..., None]
    head = palette.hair(t, t.hair_grey) * shine
    beard = palette.hair(t, max(t.beard_grey, 0.4 * t.hair_grey)) * np.clip(0.95 + 0.22 * whisker, 0.4, 1.6)[..., None]
    is_face = (grown > cover)[..., None]
    texture[..., :AO] = np.clip(np.where(is_face, beard, head), 0.004, 0.9)
    texture[..., AO] = 1.0 - 0.30 * ramp(14.0, 0.0, np.abs(edge))
    texture[..., GLOSS] = 0.5 * (1 - t.hair_curl)
    texture[..., HEAT] = np.where(is_face[..., 0], 31.5, 28.0)
    texture[..., ALPHA] = np.maximum(cover, grown)
    return texture


def curtain(t: Traits, palette: Palette) -> Part | None:
    """Hair that hangs beside and behind the face, or None if it is short."""
    if t.hair_length < 25.0 or t.hair < 0.4:
        return None
    rng = np.random.default_rng(int(t.seed) + 99)
    rows, cols = 90, 150
    side = np.linspace(62, 298, cols, dtype=np.float32)[None, :]
    down = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    phi = np.radians(side)
    y = 78.0 - down * (78.0 + 40.0 + t.hair_length)
    w = curve(
        [
            (-300.0, 84.0),
            (-140.0, 80.0),
            (-60.0, t.face_width + 7.0),
            (10.0, t.face_width + 4.0),
            (50.0, t.face_width + 1.0),
            (78.0, t.face_width * 0.62),
        ],
        y,
    )
    wave = (
        1.0
        + 0.02 * np.sin(y / 14.0 + 6 * phi) * (0.4 + 2.5 * t.hair_curl)
        + noise(rng, (rows, cols), (9.0, 5.0)) * 0.012
    )
    w = (w + t.hair_volume * 0.75) * wave
    x = w * np.sin(phi)
    z = -70.0 + (w * 1.05) * np.cos(phi)
    mesh = np.stack([x, np.broadcast_to(y, x.shape), z], axis=2).astype(np.float32)[:, ::-1]
    n = normals(mesh)
    shape = (rows * 4, cols * 4)
    strands = _strands(rng, shape, t.hair_curl)
    texture = blank(*shape)
    texture[..., :AO] = np.clip(
        palette.hair(t, t.hair_grey) * np.clip(0.72 + 0.36 * strands, 0.2, 2.0)[..., None], 0.004, 0.9
    )
    texture[..., AO] = 0.85
    texture[..., GLOSS] = 0.4 * (1 - t.hair_curl)
    texture[..., HEAT] = 26.0
    v = np.linspace(0, 1, shape[0])[:, None]
    u = np.linspace(0, 1, shape[1])[None, :]
    texture[..., ALPHA] = ramp(1.0, 0.93, v + 0.03 * strands) * ramp(0.0, 0.02, np.minimum(u, 1 - u) + 0.006 * strands)
    return Part(mesh, n, texture, rough=0.35, soft=0.15)


def ears(t: Traits, palette: Palette) -> list[Part]:
    """Both ears as flattened bowls."""
    parts = []
    n = 36
    v, u = np.meshgrid(np.linspace(0.02, np.pi - 0.02, n), np.linspace(-np.pi, np.pi, n), indexing="ij")
    for side in (-1.0, 1.0):
        flat = (8.0 + 7.0 * t.ear_out) * t.ear
        ex = flat * np.sin(v) * np.sin(u)
        ey = 31.0 * t.ear * np.cos(v) * (1 - 0.12 * np.cos(v))
        ez = 17.0 * t.ear * np.sin(v) * np.cos(u) * (1 + 0.25 * np.cos(v))
        x = side * (t.face_width * 0.985 + 1.0) + ex + side * t.ear_out * 4.0
        z = -86.0 + ez - side * ex * (0.2 + 0.3 * t.ear_out)
        mesh = np.stack([x, ey - 14.0, z], axis=2).astype(np.float32)
        shape = (n * 4, n * 4)
        texture = blank(*shape)
        texture[..., :AO] = palette.skin(np.full(shape, t.tone, np.float32), np.full(shape, t.flush + 0.35, np.float32))
        fy = np.linspace(1, -1, shape[0])[:, None]
        fx = np.cos(np.linspace(-np.pi, np.pi, shape[1]))[None, :]
        texture[..., AO] = (
            1.0 - 0.45 * bell(fx, fy, (0.45, -0.05), (0.35, 0.45)) - 0.2 * bell(fx, fy, (-0.3, 0.3), (0.15, 0.5))
        )
        texture[..., GLOSS] = 0.25
        texture[..., HEAT] = 32.5
        parts.append(Part(mesh, normals(mesh), texture))
    return parts


def neck(t: Traits, palette: Palette) -> Part:
    """The neck, from under the jaw into the collar."""
    rows, cols = 50, 90
    phi = np.linspace(-np.pi, np.pi, cols, dtype=np.float32)[None, :]
    y = np.linspace(-70.0, -230.0, rows, dtype=np.float32)[:, None]
    w = curve(
        [
            (-70.0, 46.0),
            (-130.0, 0.79 * t.face_width * (0.55 + 0.5 * t.jaw_width)),
            (-175.0, 60.0),
            (-205.0, 90.0),
            (-230.0, 130.0),
        ],
        y,
    )
    x = w * np.sin(phi)
    z = -74.0 + np.minimum(w, 58.0) * np.cos(phi) * 0.98 + np.exp(-0.5 * (x / 7.0) ** 2) * 2.0 * (np.cos(phi) > 0)
    mesh = np.stack([x, np.broadcast_to(y, x.shape), z], axis=2).astype(np.float32)
    shape = (rows * 4, cols * 4)
    texture = blank(*shape)
    rng = np.random.default_rng(int(t.seed) + 5)
    texture[..., :AO] = palette.skin(t.tone + 0.12 * noise(rng, shape, (9, 9)), np.full(shape, t.flush, np.float32))
    depth = np.linspace(-70.0, -230.0, shape[0])[:, None]
    texture[..., AO] = 0.38 + 0.55 * ramp(-t.chin_y - 6.0, -t.chin_y - 52.0, np.broadcast_to(depth, shape))
    texture[..., GLOSS] = 0.2
    texture[..., HEAT] = 34.5
    return Part(mesh, normals(mesh), texture, turns=0.0)


def shirt(t: Traits, palette: Palette) -> Part:
    """Shoulders under a shirt."""
    rows, cols = 60, 100
    phi = np.linspace(-np.pi, np.pi, cols, dtype=np.float32)[None, :]
    top, stands = -162.0 + t.collar, min(t.collar / 20.0, 1.0)
    y = np.linspace(top, -420.0, rows, dtype=np.float32)[:, None]
    w = curve([(-162.0, 66.0), (-174.0, 86.0), (-188.0, 130.0), (-214.0, 176.0), (-262.0, 208.0), (-420.0, 214.0)], y)
    d = curve([(-162.0, 64.0 + 8.0 * stands), (-200.0, 74.0), (-260.0, 98.0), (-420.0, 118.0)], y)
    x = w * np.sin(phi)
    z = -84.0 + d * np.cos(phi)
    dip = ramp(70.0, 10.0, np.abs(x)) * ramp(0.2, 0.8, np.cos(phi)) * ramp(-260.0, -162.0, y) * 16.0 * (1.0 - stands)
    mesh = np.stack([x, y - dip, z], axis=2).astype(np.float32)
    shape = (rows * 4, cols * 4)
    texture = blank(*shape)
    rng = np.random.default_rng(int(t.seed) + 6)
    weave = 1.0 + 0.05 * noise(rng, shape, (1.0, 1.0)) + 0.07 * noise(rng, shape, (16.0, 8.0))
    texture[..., :AO] = np.clip(palette.material(SHIRTS[round(t.shirt)]) * weave[..., None], 0.01, 0.9)
    down = np.linspace(0, 1, shape[0])[:, None]
    texture[..., AO] = 0.72 + 0.28 * ramp(0.0, 0.15, np.broadcast_to(down, shape))
    texture[..., HEAT] = 28.0
    return Part(mesh, normals(mesh), texture, turns=0.0, rough=0.6, soft=0.1)

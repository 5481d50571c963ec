"""A measured head instead of the procedural one: an optional import, proven by its SHA-256, never shipped.

The file holds a mean mesh and identity modes from ICT-VGL/ICT-FaceKit (FaceXModel, "light", MIT licence). Each
traveller gets one invented shape of it, drawn from the traveller's key. Only the front of the face has it: fitted to
where the features are painted, mixed with the traveller's own relief, fading into the procedural skull, so that
texture, hair, ears and neck stay as they are. Not responsible for colour (`paint`).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates

from hil.heads import HEADS, Head
from hil.scene.arrays import F32, f32
from hil.scene.cast import Traveller
from hil.scene.head import bell, head_mesh, mouth_line, ramp
from hil.scene.person import wear
from hil.scene.traits import MODES, TRAITS, Traits

NAME = "ict_facekit_light.npz"
SHA256 = "1068caf42ec8a096a170dab12884dbbafc585fd154767fa293f813b87cad5a3a"

# Polygons of face, head and neck, scleras and irises; mouth, gums, teeth and lashes would stand before the lips.
_SKIN = ((0, 11143), (21496, 24691))
# Those of the 68 Multi-PIE landmarks that are used here, as vertices; the README of ICT-FaceKit lists them.
_EYE_L, _EYE_R = (1507, 1542, 1537, 1528, 1518, 1511), (3721, 3756, 3751, 3742, 3732, 3725)
_BROW_L, _BROW_R = (493, 1914, 2044), (2509, 4114, 4240)
_WING_L, _WING_R, _NOSE_BASE, _NOSE_TIP = 1140, 3360, 1147, 4857
_CORNER_L, _CORNER_R, _LIP_TOP, _LIP_LOW, _LIP_IN = 5708, 6213, 0, 5518, (5533, 5517)
_JAW_L, _JAW_R, _CHIN = 367, 2608, 966

_AXIS_Z = -80.0
_STEP_RAD, _STEP_MM = np.radians(0.75), 0.8
_SIDE_RAD = np.radians(100.0)
_RELIEF = (
    *("nose_out", "nose_bridge", "nose_bridge_out", "nose_hump", "nose_tip", "lip_out", "brow_ridge", "socket"),
    *("cheekbone", "cheek_full", "chin_out", "forehead_slope", "bags", *(f"shape_{k}" for k in range(len(MODES)))),
)
"""Traits that stand out of the face without moving a painted feature: they stay the traveller's own."""
_SHARE = 0.5
"""Of the measured relief, the rest is the procedural face: with all of it both matchers mix people up (README)."""
_DRAW = 1
"""Number of the draw: found by trying, like the traits of the cast, until both matchers kept everybody apart."""
_SPREAD = 0.8
"""Standard deviations are drawn this much smaller than measured: the ends of the modes are hardly anybody's face."""


class HeadError(Exception):
    """The measured head cannot be had or cannot be trusted; the message says what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadModel:
    """Mean vertices float32[n, 3] in mm, identity modes float32[modes, n, 3] in mm, triangles int[m, 3] of the skin."""

    mean: F32
    modes: F32
    triangles: NDArray[np.int32]


def _proven(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise HeadError(
            f"{path} cannot be read ({error.strerror}). The measured head is an optional import: get {NAME} "
            "and run: python -m hil import-head FOLDER_OR_FILE"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise HeadError(f"{path} is not the measured head: SHA-256 is {found}, must be {SHA256}; not used")
    return content


def import_head(source: Path, heads_dir: Path = HEADS) -> Path:
    """Copy the measured head from a file, or from a folder by its name, into `heads_dir`; whole or not at all.

    Returns the path written. Raises HeadError when it is not there or is another file.
    """
    content = _proven(source / NAME if source.is_dir() else source)
    try:
        heads_dir.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{NAME}.", suffix=".part", dir=heads_dir)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, heads_dir / NAME)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise HeadError(
            f"{heads_dir} cannot be written ({error.strerror}). Choose another with --heads-dir."
        ) from error
    return heads_dir / NAME


@lru_cache(maxsize=1)
def load_head(heads_dir: Path = HEADS) -> HeadModel:
    """The imported head, proven again from the bytes that are used. Raises HeadError."""
    with np.load(BytesIO(_proven(heads_dir / NAME)), allow_pickle=False) as data:
        polygon = data["P"]
        skin = np.any([(polygon >= low) & (polygon <= high) for low, high in _SKIN], axis=0)
        return HeadModel(f32(data["V"] * 10.0), f32(data["ID"] * 10.0), data["F"][skin])


def _shape_of(model: HeadModel, key: str) -> F32:
    """One invented shape, float32[n, 3] mm, its origin midway between the eyes."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(f"{_DRAW} {key}".encode()).digest()[:8], "big"))
    weights = f32(rng.standard_normal(len(model.modes)) * _SPREAD)
    points = model.mean + np.tensordot(weights, model.modes, axes=1)
    return f32(points - points[[*_EYE_L, *_EYE_R]].mean(axis=0))


def _anchors(t: Traits, points: F32) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where features are on a shape and where they are painted: (x, y) mm, float64[k, 2] each."""
    mouth, corner = mouth_line(t), mouth_line(t) + t.lip_corner
    inner, outer = t.eye_x - t.eye_half_width, t.eye_x + t.eye_half_width
    brow = t.brow_y + t.brow_arch * 0.8
    sides: list[tuple[tuple[int, ...], tuple[int, ...], float, float]] = [
        (_EYE_L, _EYE_R, t.eye_x, 0.0),
        (_EYE_L[:1], _EYE_R[:1], outer, t.eye_tilt),
        (_EYE_L[3:4], _EYE_R[3:4], inner, -t.eye_tilt),
        (_BROW_L, _BROW_R, (t.brow_inner + t.brow_outer) / 2 + 4.0, brow),
        ((_WING_L,), (_WING_R,), t.nose_width * 0.76, -t.nose_y),
        ((_CORNER_L,), (_CORNER_R,), t.mouth_half_width, corner),
        ((_JAW_L,), (_JAW_R,), t.face_width * (0.5 + 0.5 * t.jaw_width), -0.5 * t.chin_y),
    ]
    middle: list[tuple[tuple[int, ...], float]] = [
        ((_NOSE_TIP,), -t.nose_y + 11.0),
        ((_NOSE_BASE,), -t.nose_y),
        ((_LIP_TOP,), mouth + t.lip_upper),
        (_LIP_IN, mouth),
        ((_LIP_LOW,), mouth - t.lip_lower),
        ((_CHIN,), -t.chin_y),
        ((int(np.argmax(points[:, 1])),), t.crown_y),
    ]
    here, there = [], []
    for left, right, x, y in sides:
        here += [points[list(left), :2].mean(axis=0), points[list(right), :2].mean(axis=0)]
        there += [(-x, y), (x, y)]
    for vertices, y in middle:
        here.append(points[list(vertices), :2].mean(axis=0))
        there.append((0.0, y))
    return np.array(here, np.float64), np.array(there, np.float64)


def _fitted(t: Traits, points: F32) -> F32:
    """The shape with its features where they are painted; depth is scaled with the face, not bent."""
    here, there = _anchors(t, points)
    bend = RBFInterpolator(here, there - here, kernel="thin_plate_spline", smoothing=4.0)
    scale = np.ptp(there[:, 1]) / np.ptp(here[:, 1])
    flat = points[:, :2] + bend(points[:, :2].astype(np.float64))
    return f32(np.column_stack([flat, points[:, 2] * scale]))


def _around(points: F32, triangles: NDArray[np.int32], low: float, high: float) -> F32:
    """Outermost distance from the axis of the head, mm, on a regular (height, angle) grid from `low` to `high`."""
    n = 7
    i, j = np.array([(i, j) for i in range(n) for j in range(n - i)], dtype=np.float32).T / (n - 1)
    weights = np.stack([i, j, 1 - i - j], axis=1)
    spots = np.einsum("sk,tkc->tsc", weights, points[triangles]).reshape(-1, 3)
    away = spots[:, 2] - np.float32(_AXIS_Z)
    row = np.round((spots[:, 1] - low) / _STEP_MM).astype(np.int64)
    col = np.round((np.arctan2(spots[:, 0], away) + _SIDE_RAD) / _STEP_RAD).astype(np.int64)
    shape = (round((high - low) / _STEP_MM) + 1, round(2 * _SIDE_RAD / _STEP_RAD) + 1)
    inside = (row >= 0) & (row < shape[0]) & (col >= 0) & (col < shape[1])
    radius = np.zeros(shape, np.float32)
    np.maximum.at(radius, (row[inside], col[inside]), np.hypot(spots[inside, 0], away[inside]))
    nearest = distance_transform_edt(radius == 0.0, return_distances=False, return_indices=True)
    return f32(gaussian_filter(radius[tuple(nearest)], (1.0, 0.8)))


def measured_mesh(model: HeadModel, who: Traveller) -> F32:
    """Points of a traveller's head with the measured front, float32[ROWS, COLS, 3] in head space, mm.

    Same grid as `head_mesh`; the same traveller always gets the same shape.
    """
    t = who.traits
    mesh = head_mesh(t)
    x, y, away = mesh[..., 0], mesh[..., 1], mesh[..., 2] - np.float32(_AXIS_Z)
    angle, radius = np.arctan2(x, away), np.hypot(x, away)
    fitted = _fitted(t, _shape_of(model, who.key))
    low, high = -t.chin_y - 4.0, t.crown_y
    outer = _around(fitted, model.triangles, low, high)
    place = [(y - low) / _STEP_MM, (angle + _SIDE_RAD) / _STEP_RAD]
    found = map_coordinates(outer, place, order=1, mode="nearest")
    # Both have the eyes at depth 0, but not the same slope from there to the ears: seams would show.
    face = bell(x, y, (0.0, -20.0), (36.0, 34.0)) * (np.cos(angle) > 0)
    found = found + np.float32(np.average(radius - found, weights=face))
    plain = head_mesh(Traits({**t, **{name: TRAITS[name][2] for name in _RELIEF}}))
    found = found + (radius - np.hypot(plain[..., 0], plain[..., 2] - np.float32(_AXIS_Z)))
    share = ramp(np.radians(72.0), np.radians(40.0), np.abs(angle))
    share = share * ramp(-t.chin_y - 1.0, -t.chin_y + 9.0, y) * ramp(80.0, 50.0, y)
    mixed = radius + np.float32(_SHARE) * share * (found - radius)
    return f32(np.stack([mixed * np.sin(angle), y, mixed * np.cos(angle) + np.float32(_AXIS_Z)], axis=2))


def choose_head(head: Head, heads_dir: Path = HEADS) -> None:
    """Give the whole cast this head; to be called before anybody is rendered. Raises HeadError."""
    wear(partial(measured_mesh, load_head(heads_dir)) if head is Head.MEASURED else None)

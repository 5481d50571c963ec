"""What is measured on a face: named figures with a physical meaning, region by region.

Each is a number a physicist could argue about: logarithms of band ratios (water, pigment), how they differ between
regions, shape from two lights, gloss, contrast of eyes and brows, what lies beside the face. The detector weighs them;
nothing here decides. A figure that cannot be measured is absent, never zero.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.liveness.decode import Cube
from appliance.liveness.face_frame import BARE, EYE_DISTANCE, F32, MIDDLE, Mask, regions

RATIOS: tuple[tuple[str, str], ...] = (
    ("R", "G"),
    ("G", "B"),
    ("850", "R"),
    ("940", "850"),
    ("970", "850"),
    ("970", "940"),
    ("1050", "850"),
    ("1300", "1050"),
    ("1550", "1050"),
)
"""Pairs of bands whose logarithm of the ratio is measured: pigment and blood, then water."""

_PARTS = ("forehead", "nose", "mouth", "chin", "jaw", "under the eyes", "eyelids", "neck")
_GLOSS_SHARE = 0.15
_LEAST = np.float32(2e-3)
_USABLE_SHARE = 0.5
_BLUR = 9


@dataclass(frozen=True, slots=True)
class Features:
    """The figures of one capture by name, and what could not be measured in words."""

    values: Mapping[str, float]
    missing: tuple[str, ...] = ()
    capture: Mapping[str, float] = field(default_factory=dict)


def measure(cube: Cube) -> Features:
    """All figures the cube allows."""
    places = regions(cube.frame)
    usable = {name: mask & ~cube.flawed for name, mask in places.items()}
    missing = tuple(
        name for name in BARE if np.count_nonzero(usable[name]) < _USABLE_SHARE * np.count_nonzero(places[name])
    )
    values: dict[str, float] = {}
    present = [(top, under) for top, under in RATIOS if top in cube.bands and under in cube.bands]
    for top, under in present:
        values |= _ratio(f"{top}/{under}", cube.bands[top], cube.bands[under], usable)
        if top in cube.sides and under in cube.sides:
            values[f"{top}/{under} lamps"] = _lamps(cube.sides[top], cube.sides[under], usable)
    if "850" in cube.bands:
        values |= _level(cube, usable)
        values |= _contrast(cube, usable)
    values |= _shape(cube, usable)
    values |= _eyes(cube, usable)
    values |= _planes(cube, usable)
    clean = {name: float(value) for name, value in values.items() if np.isfinite(value)}
    return Features(clean, missing, cube.figures)


# --- band ratios --------------------------------------------------------------------------------------------


def _kept(image: F32, mask: Mask) -> NDArray[np.intp]:
    """Pixels of a region without its brightest share, where gloss hides the material."""
    flat = np.flatnonzero(mask)
    if flat.size < 20:
        return np.empty(0, np.intp)
    values = image.reshape(-1)[flat]
    return np.asarray(flat[values <= np.quantile(values, 1.0 - _GLOSS_SHARE)], dtype=np.intp)


def _log_mean(top: F32, under: F32, mask: Mask) -> float:
    """ln of the ratio of the means over a region: noise in dark pixels does not bias it."""
    kept = _kept(top + under, mask)
    if kept.size == 0:
        return float("nan")
    over, below = top.reshape(-1)[kept].mean(), under.reshape(-1)[kept].mean()
    return float(np.log(max(over, _LEAST) / max(below, _LEAST)))


def _ratio(name: str, top: F32, under: F32, usable: Mapping[str, Mask]) -> dict[str, float]:
    """Level on bare skin, differences of the parts from it, spread, and how much of the face lies apart from it."""
    bare = {part: _log_mean(top, under, usable[part]) for part in BARE}
    level = float(np.nanmedian(list(bare.values()))) if not all(map(np.isnan, bare.values())) else float("nan")
    found = {f"{name} level": level}
    found |= {f"{name} {part}": _log_mean(top, under, usable[part]) - level for part in _PARTS}
    found[f"{name} sides"] = abs(bare["left cheek"] - bare["right cheek"])
    found[f"{name} spread"] = float(np.nanstd(list(bare.values())))
    smooth = np.log(
        np.maximum(cv2.blur(top, (_BLUR, _BLUR)), _LEAST) / np.maximum(cv2.blur(under, (_BLUR, _BLUR)), _LEAST)
    )
    inside = smooth[usable["face"]]
    if inside.size > 100:
        apart = np.quantile(inside, (0.05, 0.25, 0.75, 0.95)) - level
        found |= {f"{name} lowest": apart[0], f"{name} low": apart[1], f"{name} high": apart[2]}
        found[f"{name} highest"] = apart[3]
        cheeks = usable["left cheek"] | usable["right cheek"]
        if np.count_nonzero(cheeks) > 50:
            found[f"{name} grain"] = float(np.std(smooth[cheeks] - cv2.blur(smooth, (31, 31))[cheeks]))
    beside = usable["beside"]
    if np.count_nonzero(beside) > 100:
        found[f"{name} beside"] = _log_mean(top, under, beside) - level
    return found


def _lamps(top: tuple[F32, F32], under: tuple[F32, F32], usable: Mapping[str, Mask]) -> float:
    """A ratio under the left lamps less that under the right ones: the same material, unless two LEDs are exchanged."""
    middle = usable["left cheek"] | usable["right cheek"] | usable["nose"] | usable["forehead"]
    return _log_mean(top[0], under[0], middle) - _log_mean(top[1], under[1], middle)


def _level(cube: Cube, usable: Mapping[str, Mask]) -> dict[str, float]:
    """Brightness at 850 nm: only its order of magnitude is the material's, the rest is distance and shading."""
    image = cube.bands["850"]
    kept = _kept(image, usable["left cheek"] | usable["right cheek"] | usable["nose"])
    if kept.size == 0:
        return {}
    level = max(float(image.reshape(-1)[kept].mean()), float(_LEAST))
    found = {"850 level": float(np.log(level))}
    for name in ("forehead", "nose", "chin", "neck", "beside"):
        part = _kept(image, usable[name])
        if part.size:
            found[f"850 {name}"] = float(np.log(max(float(image.reshape(-1)[part].mean()), 1e-3) / level))
    face = image[usable["face"]]
    if face.size > 100:
        found["850 gloss"] = float(np.log(np.quantile(face, 0.995) / max(float(np.median(face)), 1e-3)))
    return found


def _contrast(cube: Cube, usable: Mapping[str, Mask]) -> dict[str, float]:
    """How dark eyes, brows and the line of the lips are against the cheeks, in the visible and in each band."""
    found = {}
    eyes = usable["left eye"] | usable["right eye"]
    cheeks = usable["left cheek"] | usable["right cheek"]
    fine: dict[str, float] = {}
    for band in [name for name in ("G", "850", "940", "1050", "1550") if name in cube.bands]:
        image = cube.bands[band]
        bright = float(np.median(image[cheeks])) if cheeks.any() else float("nan")
        for name, mask in (("eyes", eyes), ("lips", usable["mouth"])):
            if mask.any() and bright > 0:
                dark = max(float(np.quantile(image[mask], 0.15)), 1e-3)
                found[f"{band} {name} contrast"] = float(np.log(dark / max(bright, 1e-3)))
        smooth = np.log(np.maximum(cv2.blur(image, (3, 3)), _LEAST))
        detail = cv2.Laplacian(smooth, cv2.CV_32F)
        if cheeks.any():
            fine[band] = float(np.log(max(float(np.std(detail[cheeks])), 1e-4)))
    if "G" in fine and "850" in fine:
        found["850 texture"] = fine["850"]
        found["850/G texture"] = fine["850"] - fine["G"]
    return found


# --- light from two sides, eyes, planes ---------------------------------------------------------------------


def _shape(cube: Cube, usable: Mapping[str, Mask]) -> dict[str, float]:
    """Left against right light: a head bends their ratio and breaks it at the nose, a sheet does not."""
    if "850" not in cube.sides:
        return {}
    left, right = (np.maximum(cv2.blur(side, (5, 5)), _LEAST) for side in cube.sides["850"])
    ratio = np.log(left / right)
    face = usable["face"]
    rows, cols = np.nonzero(face)
    if rows.size < 400:
        return {}
    step = slice(None, None, 7)
    x = (cols[step] - MIDDLE[0]) / EYE_DISTANCE
    y = (rows[step] - MIDDLE[1]) / EYE_DISTANCE
    seen = ratio[rows[step], cols[step]]
    plane = np.stack([np.ones_like(x), x, y, x * x], axis=1)
    fitted, *_ = np.linalg.lstsq(plane, seen, rcond=None)
    rest = seen - plane @ fitted
    found = {"shape slope": float(fitted[1]), "shape tilt": float(fitted[2]), "shape bend": float(fitted[3])}
    found["shape relief"] = float(np.log(max(float(np.std(rest)), 1e-3)))
    cx = int(MIDDLE[0] + cube.frame.turn * EYE_DISTANCE)
    span = slice(int(MIDDLE[1] + 0.35 * EYE_DISTANCE), int(MIDDLE[1] + 0.75 * EYE_DISTANCE))
    near, far = ratio[span, cx - 14 : cx - 5], ratio[span, cx + 5 : cx + 14]
    found["shape nose"] = float(np.median(far) - np.median(near))
    if "940" in cube.sides:
        other = np.log(
            np.maximum(cv2.blur(cube.sides["940"][0], (5, 5)), _LEAST)
            / np.maximum(cv2.blur(cube.sides["940"][1], (5, 5)), _LEAST)
        )
        apart = (ratio - other)[face]
        found["shape agreement"] = float(np.log(max(float(np.std(apart)), 1e-3)))
    left_gloss, right_gloss = (float(np.quantile(side[face], 0.995)) for side in cube.sides["850"])
    found["shape gloss"] = float(abs(np.log(max(left_gloss, 1e-3) / max(right_gloss, 1e-3))))
    return found


def _eyes(cube: Cube, usable: Mapping[str, Mask]) -> dict[str, float]:
    """The pupils send light back to a lamp on the axis and not to one beside it: a print's do not."""
    if cube.axis is None or "850" not in cube.bands:
        return {}
    reflex = []
    for name in ("left eye", "right eye"):
        mask = usable[name]
        if np.count_nonzero(mask) < 50:
            continue
        change = cube.axis[mask] - cube.bands["850"][mask]
        reflex.append(float(np.quantile(change, 0.985) - np.median(change)))
    cheek = float(np.median(cube.bands["850"][usable["left cheek"]])) if usable["left cheek"].any() else 0.0
    return {"eyes reflex": float(np.mean(reflex)) / max(cheek, 0.02)} if reflex else {}


def _planes(cube: Cube, usable: Mapping[str, Mask]) -> dict[str, float]:
    """Warmth in degrees Celsius and relief in millimetres."""
    found: dict[str, float] = {}
    face, bare = usable["face"], usable["left cheek"] | usable["right cheek"] | usable["forehead"]
    warmth = cube.planes.get("thermal")
    if warmth is not None and bare.any():
        found["thermal level"] = float(np.median(warmth[bare]))
        found |= {f"thermal {name}": value - found["thermal level"] for name, value in _parts(warmth, usable)}
        found["thermal spread"] = float(np.std(warmth[face]))
    depth = cube.planes.get("depth")
    if depth is not None and face.any():
        rows, cols = np.nonzero(face)
        step = slice(None, None, 7)
        plane = np.stack([np.ones_like(rows[step]), rows[step], cols[step]], axis=1).astype(np.float64)
        seen = depth[rows[step], cols[step]].astype(np.float64) * 1000.0
        fitted, *_ = np.linalg.lstsq(plane, seen, rcond=None)
        found["depth relief"] = float(np.std(seen - plane @ fitted))
        cheeks = float(np.median(depth[usable["left cheek"] | usable["right cheek"]]))
        found["depth nose"] = 1000.0 * (cheeks - float(np.median(depth[usable["nose"]])))
    return found


def _parts(image: F32, usable: Mapping[str, Mask]) -> Iterator[tuple[str, float]]:
    for name in ("forehead", "nose", "mouth", "chin", "neck"):
        if np.count_nonzero(usable[name]) > 20:
            yield name, float(np.median(image[usable[name]]))

"""What is measured on a face: named figures with a physical meaning, region by region.

Each is a number a physicist could argue about: logarithms of band ratios (water, pigment), how they differ between
regions, shape from two lights, gloss, brightness, contrast of the eyes. The detector weighs them; nothing here
decides. A figure that cannot be measured is absent, never zero.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from appliance.liveness import circumstances
from appliance.liveness.decode import Cube
from appliance.liveness.face_frame import BARE, EYE_DISTANCE, F32, MIDDLE, Mask, regions

RATIOS: tuple[tuple[str, str], ...] = (
    ("R", "G"),
    ("850", "R"),
    ("940", "850"),
    ("970", "850"),
    ("970", "940"),
    ("1050", "850"),
    ("1300", "1050"),
    ("1550", "1050"),
)
"""Pairs of bands whose logarithm of the ratio is measured: pigment and blood, then water. Blue is in none: it tells the
lamp and the pigment once more, and on dark skin little but noise."""

_CROSSED = ("850/R",)
_PARTS = ("forehead", "nose", "mouth", "chin", "under the eyes")
_STEPS = {
    "eye step": ("eye openings", "under the eyes"),
    "cheek step": ("lower cheeks", "upper cheeks"),
    "nose step": ("nose", "beside the nose"),
}
"""Neighbours with the same light on skin, where false parts usually end: at the eye holes, across the cheeks, around
the nose."""
_QUANTILES = ("lowest", "low", "high", "highest")
_LEAST = np.float32(2e-3)
_LIT = np.float32(0.35)
"""A side in shadow gives less than this share of the mean of both."""
_USABLE_SHARE = 0.5
_PATCH, _STEP = 5, 6


@dataclass(frozen=True, slots=True)
class Features:
    """The figures of one capture by name, and what could not be measured in words."""

    values: Mapping[str, float]
    missing: tuple[str, ...] = ()
    capture: Mapping[str, float] = field(default_factory=dict)


def measure(cube: Cube, places: Mapping[str, Mask] | None = None) -> Features:
    """All figures the cube allows. `places` are other regions under the same names, where only a part is looked at."""
    places = regions(cube.frame) if places is None else places
    usable = {name: mask & ~cube.flawed for name, mask in places.items()}
    missing = tuple(
        name for name in BARE if np.count_nonzero(usable[name]) < _USABLE_SHARE * np.count_nonzero(places[name])
    )
    values: dict[str, float] = {}
    lit = _lit(cube, usable)
    present = [(top, under) for top, under in RATIOS if top in cube.bands and under in cube.bands]
    for top, under in present:
        values |= _ratio(f"{top}/{under}", _matt(cube, top, under), usable | {"neck": usable["neck"] & lit})
        if top in cube.sides and under in cube.sides:
            values[f"{top}/{under} lamps"] = _lamps(cube.sides[top], cube.sides[under], usable)
    if "850" in cube.bands:
        values |= _level(cube, usable)
        values |= _contrast(cube, usable)
    values |= _shape(cube, usable)
    values |= _eyes(cube, usable)
    values |= _planes(cube, usable)
    values |= circumstances.measured(cube.figures)
    clean = {name: float(value) for name, value in values.items() if np.isfinite(value)}
    return Features(clean, missing, cube.figures)


# --- band ratios --------------------------------------------------------------------------------------------


def _matt(cube: Cube, top: str, under: str) -> F32:
    """ln of the ratio of two bands, pixel by pixel, with as little gloss as two lamps allow.

    A surface mirrors all bands alike, which draws their ratio towards 1; and what the left lamp makes shine, the right
    one does not. So the smaller ratio of the two sides is the material's, where both sides are lit.
    """
    if top not in cube.sides or under not in cube.sides:
        return _log_ratio(cube.bands[top], cube.bands[under])
    both = zip(cube.sides[top], cube.sides[under], strict=True)
    ratios = [np.where(below < _LIT * cube.bands[under], np.inf, _log_ratio(over, below)) for over, below in both]
    smaller = np.minimum(*ratios)
    if not (lit := np.isfinite(smaller)).all():
        smaller = np.where(lit, smaller, _log_ratio(cube.bands[top], cube.bands[under]))
    return np.asarray(smaller, np.float32)


def _lit(cube: Cube, usable: Mapping[str, Mask]) -> Mask:
    """Where the brightest light of any switched band is not that of a deep shadow, as below a chin."""
    images = [image for band, image in cube.bands.items() if band in cube.sides]
    cheeks = usable["left cheek"] | usable["right cheek"]
    if not images or not cheeks.any():
        return np.ones(cube.flawed.shape, np.bool_)
    image = np.max(images, axis=0)
    return np.asarray(image > _LIT * np.median(image[cheeks]))


def _log_ratio(top: F32, under: F32) -> F32:
    smooth = (np.maximum(cv2.blur(image, (_PATCH, _PATCH)), _LEAST) for image in (top, under))
    return np.asarray(np.log(np.divide(*smooth)), np.float32)


def _ratio(name: str, image: F32, usable: Mapping[str, Mask]) -> dict[str, float]:
    """Level on bare skin, spread, differences of the parts from it, steps, how much of the face lies apart from it.

    Against the visible, which is lit from elsewhere, a difference between two parts is the lamps': only level, spread
    and what changes within a few millimetres are the material's.
    """
    bare = {part: _median(image, usable[part]) for part in BARE}
    seen = [value for value in bare.values() if not np.isnan(value)]
    if not seen:
        return {}
    level = float(np.median(seen))
    found = {f"{name} level": level, f"{name} spread": float(np.std(seen))}
    cheeks = usable["left cheek"] | usable["right cheek"]
    if np.count_nonzero(cheeks) > 50:
        found[f"{name} grain"] = float(np.std((image - cv2.blur(image, (31, 31)))[cheeks]))
    smooth = np.asarray(cv2.blur(image, (_PATCH, _PATCH)), np.float32)
    if (steps := _steps(smooth, usable)) is not None:
        found[f"{name} edges"] = steps
    if name in _CROSSED:
        return found
    found |= {f"{name} {part}": _median(image, usable[part]) - level for part in _PARTS}
    found |= {
        f"{name} {step}": _median(image, usable[inner]) - _median(image, usable[outer])
        for step, (inner, outer) in _STEPS.items()
    }
    found[f"{name} sides"] = abs(bare["left cheek"] - bare["right cheek"])
    if np.count_nonzero(usable["neck"]) > 100:
        # Clothes are dry and a beard is no skin: only a neck that holds more water than the face says something.
        found[f"{name} neck"] = max(level - float(np.quantile(image[usable["neck"]], 0.25)), 0.0)
    inside = smooth[usable["face"]]
    if inside.size > 100:
        quantiles = np.quantile(inside, (0.05, 0.25, 0.75, 0.95)) - level
        found |= {f"{name} {word}": value for word, value in zip(_QUANTILES, quantiles, strict=True)}
    return found


def _median(image: F32, mask: Mask) -> float:
    values = image[mask]
    return float(np.median(values)) if values.size >= 20 else float("nan")


def _steps(smooth: F32, usable: Mapping[str, Mask]) -> float | None:
    """The largest steps within a centimetre on what is skin on nearly everybody: where a false part ends."""
    across, down = (
        np.abs(smooth[:, 2 * _STEP :] - smooth[:, : -2 * _STEP]),
        np.abs(smooth[2 * _STEP :] - smooth[: -2 * _STEP]),
    )
    steps = np.zeros_like(smooth)
    steps[:, _STEP:-_STEP] = across
    steps[_STEP:-_STEP] = np.maximum(steps[_STEP:-_STEP], down)
    skin = usable["left cheek"] | usable["right cheek"] | usable["nose"] | usable["under the eyes"]
    return float(np.quantile(steps[skin], 0.9)) if np.count_nonzero(skin) > 200 else None


def _lamps(top: tuple[F32, F32], under: tuple[F32, F32], usable: Mapping[str, Mask]) -> float:
    """A ratio under the left lamps less that under the right ones: the same material, unless two LEDs are exchanged.

    The lower quartile of each: a gleam is nearer to 1, and each side has its own.
    """
    middle = usable["left cheek"] | usable["right cheek"] | usable["nose"] | usable["forehead"]
    if np.count_nonzero(middle) < 100:
        return float("nan")
    left, right = (np.quantile(_log_ratio(*pair)[middle], 0.25) for pair in zip(top, under, strict=True))
    return float(left - right)


def _level(cube: Cube, usable: Mapping[str, Mask]) -> dict[str, float]:
    """Brightness: in the visible it tells pigment, at 850 nm, freed of the distance, the material; both roughly."""
    image = cube.bands["850"]
    skin = usable["left cheek"] | usable["right cheek"] | usable["nose"]
    if np.count_nonzero(skin) < 100:
        return {}
    found = {"G level": _brightness(cube.bands["G"], skin)}
    if "distance" in cube.figures:
        found["850 level"] = _brightness(image, skin) + 2.0 * float(np.log(cube.figures["distance"]))
    face = image[usable["face"]]
    if face.size > 100:
        brightest, usual = (max(float(value), 1e-3) for value in np.quantile(face, (0.995, 0.5)))
        found["850 gloss"] = float(np.log(brightest / usual))
    return found


def _brightness(image: F32, mask: Mask) -> float:
    return float(np.log(max(float(np.median(image[mask])), float(_LEAST))))


def _contrast(cube: Cube, usable: Mapping[str, Mask]) -> dict[str, float]:
    """How dark eyes, brows and lips are against the skin beside them, and how fine the surface is.

    Pigment and blood fade from the visible to the NIR as they must; hair does not; what is painted fades as its paint
    does, what is printed all at once.
    """
    found = {}
    eyes = usable["left eye"] | usable["right eye"]
    cheeks = usable["left cheek"] | usable["right cheek"]
    fine: dict[str, float] = {}
    for band in ("G", "850"):
        image = cube.bands[band]
        bright = float(np.median(image[cheeks])) if cheeks.any() else float("nan")
        if eyes.any() and bright > 0:
            dark = max(float(np.quantile(image[eyes], 0.15)), 1e-3)
            found[f"{band} eyes contrast"] = float(np.log(dark / max(bright, 1e-3)))
        for part, beside, share in (("brows", "under the eyes", 0.25), ("lips", "beside the mouth", 0.5)):
            inner, outer = image[usable[part]], image[usable[beside]]
            if min(inner.size, outer.size) > 40:
                levels = (max(float(np.quantile(inner, share)), 1e-3), max(float(np.median(outer)), 1e-3))
                found[f"{band} {part} contrast"] = float(np.log(levels[0] / levels[1]))
        smooth = np.log(np.maximum(cv2.blur(image, (3, 3)), _LEAST))
        detail = cv2.Laplacian(smooth, cv2.CV_32F)
        if cheeks.any():
            fine[band] = float(np.log(max(float(np.std(detail[cheeks])), 1e-4)))
    if len(fine) == 2:
        found["850 texture"] = fine["850"]
        found["850/G texture"] = fine["850"] - fine["G"]
    return found | _detail(cube, usable)


def _detail(cube: Cube, usable: Mapping[str, Mask]) -> dict[str, float]:
    """How much of the spots of a few millimetres that are seen in green is left at 850 nm."""
    skin = usable["left cheek"] | usable["right cheek"] | usable["forehead"] | usable["nose"]
    if np.count_nonzero(skin) < 400:
        return {}
    spots = []
    for band in ("G", "850"):
        image = np.log(np.maximum(cv2.blur(cube.bands[band], (3, 3)), _LEAST))
        spots.append((image - cv2.blur(image, (13, 13)))[skin])
    green, infrared = spots
    common = float(np.mean(green * infrared))
    return {
        "850/G detail": common / (float(np.mean(green * green)) + 1e-5),
        "850/G likeness": common / float(np.sqrt(np.mean(green * green) * np.mean(infrared * infrared)) + 1e-6),
    }


# --- light from two sides, eyes, planes ---------------------------------------------------------------------


def _shape(cube: Cube, usable: Mapping[str, Mask]) -> dict[str, float]:
    """Left against right light: a head bends their ratio and breaks it at the nose, a sheet does not."""
    if "850" not in cube.sides:
        return {}
    ratios = {band: _log_ratio(*sides) for band, sides in cube.sides.items()}
    face = usable["face"]
    rows, cols = np.nonzero(face)
    if rows.size < 400:
        return {}
    step = slice(None, None, 7)
    x = (cols[step] - MIDDLE[0]) / EYE_DISTANCE
    y = (rows[step] - MIDDLE[1]) / EYE_DISTANCE
    plane = np.stack([np.ones_like(x), x, y, x * x], axis=1)
    seen = np.stack([ratio[rows[step], cols[step]] for ratio in ratios.values()], axis=1)
    fitted, *_ = np.linalg.lstsq(plane, seen, rcond=None)
    first = list(ratios).index("850")
    rest = seen[:, first] - plane @ fitted[:, first]
    found = {"shape slope": float(fitted[1, first]), "shape bend": float(fitted[3, first])}
    # The left lamp lights the left side more, in every band: above zero two lamps of a band are exchanged.
    found["shape least slope"] = float(np.max(fitted[1]))
    found["shape relief"] = float(np.log(max(float(np.std(rest)), 1e-3)))
    if "940" in ratios:
        apart = (ratios["850"] - ratios["940"])[face]
        found["shape agreement"] = float(np.log(max(float(np.std(apart)), 1e-3)))
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

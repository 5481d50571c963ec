"""The result: every region inside the limits of skin, or no pass. Nothing here is successful by default."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Result
from appliance.liveness.features import RegionFigures, RegionUnusable, eye_contrast, read_region
from appliance.liveness.limits import LIMITS, Limits
from appliance.liveness.reflectance import BurstUnusable, Measured, measure
from appliance.liveness.regions import FaceUnusable, Region, regions
from appliance.liveness.types import Burst, LivenessReport, RegionReading

_BAD = (Result.FAILED, Result.UNDETERMINED)


def assess(burst: Burst, landmarks: NDArray[np.floating], limits: Limits = LIMITS) -> LivenessReport:
    """Judge one burst of one face.

    `landmarks` is float[5, 2] in pixels (order of `appliance.face.types.DetectedFace`). Never raises for what a camera
    can deliver: a burst that cannot be judged is UNDETERMINED with the reason.
    """
    try:
        measured = measure(burst, limits)
        skin, eyes = regions(landmarks, burst.rgb.shape[:2], limits)
    except (BurstUnusable, FaceUnusable) as error:
        return LivenessReport(Result.UNDETERMINED, (str(error),), limits_version=limits.version)
    figures: dict[str, RegionFigures] = {}
    readings = [_read(measured, region, limits, figures) for region in skin]
    readings += [_eyes(measured, eyes, figures, limits), _colour(figures, limits)]
    readings = _spare_beard(readings)
    return LivenessReport(
        result=_overall(readings),
        reasons=_reasons(readings),
        regions=tuple(readings),
        suspected_species=_species(figures, readings),
        figures=_flat(figures, measured),
        limits_version=limits.version,
    )


def _read(measured: Measured, region: Region, limits: Limits, figures: dict[str, RegionFigures]) -> RegionReading:
    name = region.name
    try:
        found = figures[name] = read_region(measured, region, limits)
    except RegionUnusable as error:
        return RegionReading(name, Result.UNDETERMINED, reason=f"{name.capitalize()} {error}.")
    result, words = _judge(found, limits)
    if region.beard and result in _BAD and found.tone >= limits.beard_tone:
        result, words = Result.NOT_PERFORMED, "is covered by a beard: not judged"
    reason = "" if result is Result.SUCCESSFUL else f"{name.capitalize()} {words}."
    return RegionReading(name, result, {"850": found.r850, "940": found.r940}, found.water, reason)


def _judge(found: RegionFigures, limits: Limits) -> tuple[Result, str]:
    """Result of one region and, unless it is skin, the words that end 'Forehead ...'."""
    checks = (
        (limits.level_850.judge(found.r850), f"reflects {found.r850:.2f} at 850 nm, skin 0.5 to 0.6"),
        (
            limits.tone.judge(found.tone),
            f"reflects infrared unlike skin of its colour (ln 850/R {found.tone:.2f})",
        ),
        (
            limits.water.judge(found.water),
            f"has 940/850 of {found.r940 / found.r850:.2f}, {found.water:+.2f} from skin of its tone (water)",
        ),
    )
    worst = _worst([result for result, _ in checks])
    return worst, next(words for result, words in checks if result is worst)


def _worst(results: list[Result]) -> Result:
    for result in (Result.FAILED, Result.UNDETERMINED):
        if result in results:
            return result
    return Result.SUCCESSFUL


def _eyes(
    measured: Measured, eyes: tuple[Region, ...], figures: Mapping[str, RegionFigures], limits: Limits
) -> RegionReading:
    """Pupils, lashes and brows stay dark in infrared; on a dye print they vanish."""
    cheeks = [found.r850 for name, found in figures.items() if name.endswith("cheek")]
    if not cheeks:
        return RegionReading("eyes", Result.UNDETERMINED, reason="The eyes cannot be compared with the cheeks.")
    try:
        contrast = eye_contrast(measured, eyes, float(np.mean(cheeks)), limits)
    except RegionUnusable as error:
        return RegionReading("eyes", Result.UNDETERMINED, reason=f"An eye {error}.")
    result = limits.eye_contrast.judge(contrast)
    words = f"The eyes do not show in infrared (contrast {contrast:.2f}), as on a print."
    return RegionReading("eyes", result, reason="" if result is Result.SUCCESSFUL else words)


def _colour(figures: Mapping[str, RegionFigures], limits: Limits) -> RegionReading:
    """Paper and plastic stay bright in infrared whatever colour is on them; the best fitting region speaks."""
    bare = [found.excess for name, found in figures.items() if name != "chin"]
    if not bare:
        return RegionReading("colour", Result.UNDETERMINED, reason="The colour of the face cannot be measured.")
    result = limits.colour_excess.judge(min(bare))
    words = f"The face is brighter in infrared than skin of its colour can be ({min(bare):+.2f})."
    return RegionReading("colour", result, reason="" if result is Result.SUCCESSFUL else words)


def _spare_beard(readings: list[RegionReading]) -> list[RegionReading]:
    """A chin alone that is not skin is more often a grey or fair beard than a mask: the guard looks, no alarm."""
    bad = [reading for reading in readings if reading.result in _BAD]
    if [reading.name for reading in bad] != ["chin"] or bad[0].result is not Result.FAILED:
        return readings
    softened = RegionReading(
        "chin", Result.UNDETERMINED, bad[0].reflectance, bad[0].deviation, f"{bad[0].reason} Beard or covering."
    )
    return [softened if reading.name == "chin" else reading for reading in readings]


def _overall(readings: list[RegionReading]) -> Result:
    return _worst([reading.result for reading in readings])


def _reasons(readings: list[RegionReading]) -> tuple[str, ...]:
    order = {Result.FAILED: 0, Result.UNDETERMINED: 1}
    bad = [reading for reading in readings if reading.result in order]
    return tuple(reading.reason for reading in sorted(bad, key=lambda reading: order[reading.result]))


def _species(figures: Mapping[str, RegionFigures], readings: list[RegionReading]) -> str | None:
    """A guess in words for the guard; no finding, and not part of the result."""
    failed = [reading.name for reading in readings if reading.result is Result.FAILED]
    if not failed or not figures:
        return None
    if float(np.median([found.r850 for found in figures.values()])) < LIMITS.level_850.outer[0]:
        return "screen"
    if "eyes" in failed or "colour" in failed:
        return "print"
    return "mask" if len(failed) >= 3 else "partial mask"


def _flat(figures: Mapping[str, RegionFigures], measured: Measured) -> dict[str, float]:
    """Figures for the journal: name -> value, no image and no identity."""
    flat = {f"response_{band}_dn": round(value, 1) for band, value in measured.response.items()}
    flat["ambient_dn"] = round(measured.ambient, 1)
    for name, found in figures.items():
        key = name.replace(" ", "_")
        flat |= {f"{key}_850": round(found.r850, 3), f"{key}_water": round(found.water, 3)}
        flat |= {f"{key}_tone": round(found.tone, 3), f"{key}_excess": round(found.excess, 3)}
    return flat

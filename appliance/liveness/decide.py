"""The result: every region inside the limits of skin, or no pass. Nothing here is successful by default."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Result
from appliance.liveness.features import RegionFigures, RegionUnusable, eye_contrast, read_region
from appliance.liveness.limits import LIMITS, Limits
from appliance.liveness.reflectance import BurstUnusable, Measured, measure
from appliance.liveness.regions import HAIRY, FaceUnusable, Region, regions
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
    figures, unusable = _measure_regions(measured, skin, limits)
    face_tone = float(np.median([found.tone for name, found in figures.items() if name != "chin"] or [0.0]))
    readings = [
        _reading(region.name, figures[region.name], face_tone, limits)
        if region.name in figures
        else RegionReading(region.name, Result.UNDETERMINED, reason=unusable[region.name])
        for region in skin
    ]
    readings = _spare_hair(readings, figures, limits)
    readings += [_eyes(measured, eyes, figures, limits), _colour(figures, limits)]
    return LivenessReport(
        result=_worst([reading.result for reading in readings]),
        reasons=_reasons(readings),
        regions=tuple(readings),
        suspected_species=_species(figures, readings, limits),
        figures=_flat(figures, readings, measured),
        limits_version=limits.version,
    )


def _measure_regions(
    measured: Measured, skin: tuple[Region, ...], limits: Limits
) -> tuple[dict[str, RegionFigures], dict[str, str]]:
    """Figures of the regions that could be measured, reasons of the others."""
    figures: dict[str, RegionFigures] = {}
    unusable: dict[str, str] = {}
    for region in skin:
        try:
            figures[region.name] = read_region(measured, region, limits)
        except RegionUnusable as error:
            unusable[region.name] = f"{region.name.capitalize()} {error}."
    return figures, unusable


def _reading(name: str, found: RegionFigures, face_tone: float, limits: Limits) -> RegionReading:
    water = found.water(face_tone, limits)
    checks = (
        (limits.level_850.judge(found.r850), f"reflects {found.r850:.2f} at 850 nm, skin 0.5 to 0.6"),
        (limits.tone.judge(found.tone), f"reflects infrared unlike skin of its colour (ln 850/R {found.tone:.2f})"),
        (
            limits.water.judge(water),
            f"has 940/850 of {found.r940 / found.r850:.2f}, {water:+.2f} from skin of its tone (water)",
        ),
    )
    worst = _worst([result for result, _ in checks])
    words = next(words for result, words in checks if result is worst)
    reason = "" if worst is Result.SUCCESSFUL else f"{name.capitalize()} {words}."
    return RegionReading(name, worst, {"850": found.r850, "940": found.r940}, water, reason)


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


def _spare_hair(
    readings: list[RegionReading], figures: Mapping[str, RegionFigures], limits: Limits
) -> list[RegionReading]:
    """A forehead or chin alone that is not skin is more often hair than a mask.

    Dark hair on one of them is not judged; anything else is for the guard to see, without an alarm. As soon as a region
    that carries no hair is not skin, nothing is spared.
    """
    bad = [reading.name for reading in readings if reading.result in _BAD and reading.name in HAIRY]
    bad = [name for name in bad if name in figures]
    if not bad or any(reading.result is Result.FAILED and reading.name not in HAIRY for reading in readings):
        return readings
    dark = len(bad) == 1 and figures[bad[0]].tone >= limits.hair_tone
    result, words = (
        (Result.NOT_PERFORMED, "Dark hair: not judged.") if dark else (Result.UNDETERMINED, "Hair or covering?")
    )
    return [
        replace(reading, result=result, reason=f"{reading.reason} {words}") if reading.name in bad else reading
        for reading in readings
    ]


def _reasons(readings: list[RegionReading]) -> tuple[str, ...]:
    order = {Result.FAILED: 0, Result.UNDETERMINED: 1}
    bad = [reading for reading in readings if reading.result in order]
    return tuple(reading.reason for reading in sorted(bad, key=lambda reading: order[reading.result]))


def _species(figures: Mapping[str, RegionFigures], readings: list[RegionReading], limits: Limits) -> str | None:
    """A guess in words for the guard; no finding, and not part of the result."""
    failed = [reading.name for reading in readings if reading.result is Result.FAILED]
    if not failed or not figures:
        return None
    if float(np.median([found.r850 for found in figures.values()])) < limits.level_850.outer[0]:
        return "screen"
    if "eyes" in failed or "colour" in failed:
        return "print"
    return "mask" if len(failed) >= 3 else "partial mask"


def _flat(figures: Mapping[str, RegionFigures], readings: list[RegionReading], measured: Measured) -> dict[str, float]:
    """Figures for the journal: name -> value, no image and no identity."""
    flat = {f"response_{band}_dn": round(value, 1) for band, value in measured.response.items()}
    flat["ambient_dn"] = round(measured.ambient, 1)
    for name, found in figures.items():
        key = name.replace(" ", "_")
        flat |= {f"{key}_850": round(found.r850, 3), f"{key}_tone": round(found.tone, 3)}
        flat[f"{key}_excess"] = round(found.excess, 3)
    for reading in readings:
        if reading.deviation is not None:
            flat[f"{reading.name.replace(' ', '_')}_water"] = round(reading.deviation, 3)
    return flat

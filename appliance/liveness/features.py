"""What is measured in a region: reflectance per band, tone, colour, and what the eyes look like in infrared."""

from dataclasses import dataclass

import numpy as np

from appliance.liveness.limits import Limits
from appliance.liveness.reflectance import F32, LINEAR, Box, Measured, mean_difference
from appliance.liveness.regions import Region

_LEAST = 1e-3


class RegionUnusable(Exception):
    """The region cannot be measured. The message ends a sentence that starts with the region's name."""


def expected_water(tone: float, limits: Limits) -> float:
    """ln(940/850) of skin whose ln(850/R) is `tone`."""
    return limits.water_intercept + limits.water_slope * min(max(tone, limits.tone_range[0]), limits.tone_range[1])


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """Mean relative reflectance of the measured pixels of a region, and what follows from it.

    `tone` is x = ln(850/R), `excess` how far x lies above the highest that skin of this colour may have.
    """

    r850: float
    r940: float
    red: float
    blue: float
    tone: float
    excess: float

    def water(self, face_tone: float, limits: Limits) -> float:
        """ln(940/850) less what skin of this tone has. Of the region's and the face's tone the darker one counts:

        gloss and the visible panel can make a region look lighter than it is, hardly anything makes it look darker.
        """
        return float(np.log(self.r940 / self.r850)) - expected_water(max(self.tone, face_tone), limits)


def read_region(measured: Measured, region: Region, limits: Limits) -> RegionFigures:
    """Measure one region. Raises RegionUnusable."""
    box = usable_box(measured, region, limits)
    near, far = (mean_difference(measured, name, box) * np.float32(measured.gain[name]) for name in ("850", "940"))
    kept = _bare_skin(near + far, region, limits)
    visible = LINEAR[measured.rgb[box][kept]].mean(axis=0) * measured.visible_gain
    blue, red = float(visible[0]), float(visible[2])
    if red < limits.visible_least:
        raise RegionUnusable("is too dark in the colour image")
    r850, r940 = (max(float(values[kept].mean()), _LEAST) for values in (near, far))
    tone = float(np.log(r850 / red))
    colour = float(np.log(red / max(blue, _LEAST)))
    return RegionFigures(
        r850=r850,
        r940=r940,
        red=red,
        blue=blue,
        tone=tone,
        excess=tone - float(np.interp(colour, limits.colour, limits.colour_tone)),
    )


def usable_box(measured: Measured, region: Region, limits: Limits) -> Box:
    """The region's box once it is in view, neither overexposed nor flooded, and stood still. Raises RegionUnusable."""
    box = region.box
    if box is None:
        raise RegionUnusable("is not in view")
    frames = [frame[box] for images in measured.lit.values() for frame in images]
    most = limits.saturated_share * frames[0].size
    colour = measured.rgb[box].max(axis=2)
    if any(np.count_nonzero(image >= limits.saturated_from) > most for image in (*frames, colour)):
        raise RegionUnusable("is overexposed")
    dark = [float(image[box].mean()) for image in measured.dark]
    if max(dark) > limits.dark_highest:
        raise RegionUnusable("has too much infrared light from outside")
    levels = {name: [float(image[box].mean()) for image in images] for name, images in measured.lit.items()}
    for group in (dark, *levels.values()):
        if max(group) - min(group) > max(limits.movement * max(group), limits.dark_difference):
            raise RegionUnusable("changed during the capture: movement or unsteady light")
    return box


def _bare_skin(brightness: F32, region: Region, limits: Limits) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Pixels without gloss, and without the darkest where hair may hang over the skin.

    Chosen by the sum of both bands: choosing by one of them would bias their ratio.
    """
    ordered = np.sort(brightness, axis=None)
    lowest = limits.fringe_share if region.hair else 0.0
    low = ordered[int(lowest * ordered.size)]
    high = ordered[int((1.0 - limits.gloss_share) * (ordered.size - 1))]
    return np.asarray((brightness >= low) & (brightness <= high))


def eye_contrast(measured: Measured, eyes: tuple[Region, ...], cheeks: float, limits: Limits) -> float:
    """The lesser of both eyes of 1 - (their dark share / cheeks) at 850 nm; `cheeks` as relative reflectance.

    Raises RegionUnusable.
    """
    gain = np.float32(measured.gain["850"])
    contrasts = []
    for eye in eyes:
        values = np.sort(mean_difference(measured, "850", usable_box(measured, eye, limits)) * gain, axis=None)
        contrasts.append(1.0 - float(values[int(0.15 * values.size)]) / cheeks)
    return min(contrasts)

"""Every number the check judges by, in one versioned place, with its source. Simulated and modelled, not from a rig.

Inside `inner` a value is skin-like, outside `outer` it is not skin, between the two it is undetermined. Limits do not
carry over between cameras: they are to be replaced by the site's own, from genuine presentations.
"""

from dataclasses import dataclass

from appliance.core.types import Result


@dataclass(frozen=True, slots=True)
class Limit:
    """Two nested ranges, (lowest, highest) each."""

    inner: tuple[float, float]
    outer: tuple[float, float]

    def judge(self, value: float) -> Result:
        """SUCCESSFUL inside `inner`, FAILED outside `outer`, else UNDETERMINED; so is a value that is no number."""
        if self.inner[0] <= value <= self.inner[1]:
            return Result.SUCCESSFUL
        return Result.FAILED if value < self.outer[0] or value > self.outer[1] else Result.UNDETERMINED


@dataclass(frozen=True, slots=True)
class Limits:
    """One version of the limits. Levels in digital numbers of 255 (DN), reflectance relative, logarithms natural."""

    version: str

    # --- skin -----------------------------------------------------------------------------------------------
    # ln(940/850) of skin follows its tone, x = ln(850/R): -0.138 + 0.1595 x over the 100 subjects of NIST (Cooksey et
    # al. 2017), residual sd 0.011, largest 0.037. Melanin still darkens 850 nm. Not extrapolated beyond the darkest
    # subject measured (x about 0.65): the set has no type VI.
    water_intercept: float = -0.138
    water_slope: float = 0.1595
    tone_range: tuple[float, float] = (-0.05, 0.65)
    # Above: residual 0.011 (person) with 0.03 (panel and LEDs light a region differently). Paints, plastics, toner and
    # dye lie at 0.99 to 1.05: 0.11 to 0.17 above light skin, 0.02 to 0.08 above the darkest. Below: stubble darkens the
    # visible and so raises the expectation; hardly any material of a mask lies there.
    water: Limit = Limit(inner=(-0.085, 0.040), outer=(-0.110, 0.052))
    # Relative reflectance at 850 nm. Skin .54 to .63, times 0.4 at 0.95 m to 1.8 at 0.45 m from a lamp at the camera;
    # screens .05. Only the order of magnitude is judged.
    level_850: Limit = Limit(inner=(0.20, 1.05), outer=(0.14, 1.20))
    # x: skin -0.02 to 0.65 measured, type VI 0.84 modelled; screens below -1.5, dye prints of dark skin above 1.1.
    tone: Limit = Limit(inner=(-0.40, 1.10), outer=(-0.60, 1.25))
    # Highest x that skin of a colour c = ln(R/B) may have: NIST class means (c .67 x .02, .78 .05, .94 .13, 1.14 .31,
    # 1.22 .52) and the modelled type VI (1.20 .84) with 0.35 for light skin. Paper stays bright in the NIR whatever
    # colour is printed on it. Judged on the best fitting region: stubble and shadow only ever raise x.
    colour: tuple[float, ...] = (0.65, 0.95, 1.10)
    colour_tone: tuple[float, ...] = (0.37, 0.50, 1.05)
    colour_excess: Limit = Limit(inner=(-9.0, 0.0), outer=(-9.0, 0.06))
    # 1 - (dark of the eyes / cheeks) at 850 nm: pupils, lashes and brows stay dark in the NIR, dyes vanish (0 to 0.06).
    eye_contrast: Limit = Limit(inner=(0.15, 0.98), outer=(0.10, 1.00))
    # From this x up a chin or forehead that is not skin is dark hair (1.1 to 1.7) and not judged; one of them at most.
    hair_tone: float = 0.75
    gloss_share: float = 0.15
    fringe_share: float = 0.50

    # --- capture --------------------------------------------------------------------------------------------
    frames_per_band: int = 2
    # irlume (open, measured): above about 170 of 255 of ambient infrared every genuine face was refused.
    dark_highest: float = 110.0
    lit_least: float = 20.0
    saturated_from: int = 250
    saturated_share: float = 0.10
    pair_difference: float = 0.05
    movement: float = 0.08
    dark_difference: float = 4.0
    patch_spread: float = 0.12
    patch_colour: float = 0.12
    patch_rgb: tuple[float, float] = (0.08, 0.92)
    visible_least: float = 0.015
    # Share of the inter-eye distance by which the nose may stand off the middle: about 25 degrees of yaw.
    nose_offset: float = 0.30
    eye_distance_least_px: float = 40.0


LIMITS = Limits(version="nir2-modelled-1")

"""Every number the check judges by, in one versioned place, with its source. Simulated and modelled, not from a rig.

Inside `inner` a value is skin-like, outside `outer` it is not skin, between the two it is undetermined. Limits do not
carry over between cameras: they are to be replaced by the site's own, from genuine presentations.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """Two nested ranges, (lowest, highest) each."""

    inner: tuple[float, float]
    outer: tuple[float, float]


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
    # Residual 0.011 (person) with 0.03 (light of panel and LEDs falling differently on a region). Paints, plastics,
    # toner and dye lie at 0.99 to 1.05, so 0.11 to 0.17 above light skin and 0.02 to 0.08 above the darkest.
    water: Limit = Limit(inner=(-0.050, 0.040), outer=(-0.065, 0.052))
    # Relative reflectance at 850 nm. Skin .54 to .63, times 0.4 at 0.95 m to 1.8 at 0.45 m from a lamp at the camera;
    # screens .05. Only the order of magnitude is judged.
    level_850: Limit = Limit(inner=(0.22, 1.05), outer=(0.15, 1.20))
    # x = ln(850/R): skin -0.02 to 0.65 measured, type VI 0.84 modelled; screens below -1.5, dye prints of dark skin 1.2.
    tone: Limit = Limit(inner=(-0.35, 1.05), outer=(-0.50, 1.20))
    # 1 - (dark of the eyes / cheeks) at 850 nm: pupils, lashes and brows stay dark in the NIR, dyes vanish (0 to 0.06).
    eye_contrast: Limit = Limit(inner=(0.15, 0.98), outer=(0.10, 1.00))

    # --- hair where hair belongs (chin only) ----------------------------------------------------------------
    # Hair brightens from 850 to 940 nm, skin never does: ln(.22/.16) black to ln(.52/.50) blond, over skin in part.
    hair_level_850: tuple[float, float] = (0.06, 0.60)

    # --- capture --------------------------------------------------------------------------------------------
    frames_per_band: int = 2
    # irlume (open, measured): above about 170 of 255 of ambient infrared every genuine face was refused.
    dark_highest: float = 110.0
    lit_least: float = 20.0
    saturated_from: int = 250
    saturated_share: float = 0.10
    pair_difference: float = 0.05
    dark_difference: float = 4.0
    patch_spread: float = 0.12
    patch_colour: float = 0.12
    patch_rgb: tuple[float, float] = (0.08, 0.92)
    visible_least: float = 0.015
    # Share of the inter-eye distance by which the nose may stand off the middle: about 25 degrees of yaw.
    nose_offset: float = 0.30
    eye_distance_least_px: float = 40.0


LIMITS = Limits(version="nir2-modelled-1")

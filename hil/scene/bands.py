"""Reflectance of everything the scene contains, one row per band.

All figures are relative reflectance (0..1, Lambertian factor). A further band is a further column in `SKIN` and a
further entry in every row of `MATERIALS`; nothing else in the scene knows how many bands there are.

Not responsible for where a material lies (`paint`, `hair`) nor for light and sensor (`sensor`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hil.scene.arrays import F32, f32

CHANNELS: tuple[str, ...] = ("R", "G", "B", "850", "940")
"""Order of the last axis of every reflectance array: visible at 650, 550, 450 nm, then the NIR bands in nm."""

VISIBLE: tuple[str, ...] = ("R", "G", "B")
NIR: tuple[str, ...] = ("850", "940")

# Mean reflectance factor of forearm skin by ITA class I..V, NIST reference set of 100 subjects
# (Cooksey, Allen, Tsai 2017, J. Res. NIST 122:26, doi 10.6028/jres.122.026). Row VI is modelled: the set holds no such
# subject; it continues the pigment trend in the visible and the water-bound plateau of the NIR.
SKIN: F32 = np.array(
    [
        [0.615, 0.371, 0.315, 0.626, 0.546],
        [0.574, 0.327, 0.263, 0.606, 0.532],
        [0.516, 0.275, 0.201, 0.587, 0.520],
        [0.426, 0.217, 0.136, 0.579, 0.528],
        [0.322, 0.156, 0.095, 0.541, 0.514],
        [0.215, 0.105, 0.065, 0.500, 0.490],
    ],
    dtype=np.float32,
)

# Blood and dryness act almost only in the visible (haemoglobin bands near 540 and 420 nm, nearly clear beyond 800 nm).
BLOOD: F32 = np.array([0.05, 0.34, 0.30, 0.01, 0.01], dtype=np.float32)

MATERIALS: dict[str, tuple[float, ...]] = {
    # Hair: eumelanin absorbs the visible, far less the NIR; values modelled after Jacques 2013.
    "hair_black": (0.030, 0.024, 0.020, 0.16, 0.22),
    "hair_brown": (0.110, 0.064, 0.038, 0.32, 0.38),
    "hair_blond": (0.420, 0.290, 0.150, 0.50, 0.52),
    "hair_red": (0.300, 0.110, 0.045, 0.44, 0.47),
    "hair_grey": (0.480, 0.470, 0.460, 0.50, 0.49),
    # Eye, mouth: modelled; water-bearing tissue keeps the skin ratio 940/850.
    "sclera": (0.560, 0.500, 0.480, 0.52, 0.46),
    "pupil": (0.010, 0.009, 0.009, 0.02, 0.02),
    "iris_brown": (0.120, 0.060, 0.030, 0.30, 0.29),
    "iris_hazel": (0.220, 0.150, 0.060, 0.32, 0.31),
    "iris_green": (0.190, 0.210, 0.110, 0.33, 0.31),
    "iris_blue": (0.170, 0.250, 0.370, 0.34, 0.32),
    "iris_grey": (0.260, 0.280, 0.300, 0.34, 0.32),
    "nostril": (0.045, 0.022, 0.018, 0.12, 0.10),
    "lash": (0.030, 0.022, 0.018, 0.10, 0.13),
    # Attack instruments: medians of the modelled batch (design study, section 1.2; substrates from USGS splib07 and
    # measured 3D prints). Paint follows its holder in the visible and its substrate in the NIR.
    "paper_dyed": (0.80, 0.80, 0.80, 0.755, 0.748),
    "paper_white": (0.86, 0.86, 0.86, 0.79, 0.785),
    "screen": (0.035, 0.035, 0.035, 0.045, 0.045),
    "bezel": (0.025, 0.025, 0.025, 0.06, 0.06),
    "resin_painted": (0.50, 0.40, 0.35, 0.560, 0.575),
    # Surroundings.
    "wall": (0.52, 0.53, 0.54, 0.40, 0.40),
    "cloth_dark": (0.05, 0.055, 0.075, 0.34, 0.36),
    "cloth_white": (0.68, 0.68, 0.68, 0.62, 0.62),
    "cloth_red": (0.34, 0.05, 0.06, 0.50, 0.52),
    "cloth_green": (0.10, 0.19, 0.11, 0.45, 0.47),
    "cloth_blue": (0.10, 0.17, 0.36, 0.48, 0.50),
}


def material(name: str) -> F32:
    """Reflectance of a material, float32[channels], in the order of `CHANNELS`."""
    return np.array(MATERIALS[name], dtype=np.float32)


def mix(parts: dict[str, float]) -> F32:
    """Weighted mean of materials, float32[channels]; the weights are normalised."""
    total = sum(parts.values())
    return f32(sum(material(name) * np.float32(w / total) for name, w in parts.items()))


def skin(tone: NDArray[np.floating], blood: NDArray[np.floating]) -> F32:
    """Skin reflectance, float32[..., channels].

    `tone` is a continuous ITA class, 1 (very light) to 6 (modelled type VI), clipped to that range. `blood` is relative
    to the mean of the class: 0 leaves the measured spectrum, 1 is a strong flush, negative is pallor.
    """
    place = np.clip(np.asarray(tone, dtype=np.float32), 1.0, 6.0) - 1.0
    low = np.minimum(place.astype(np.int32), len(SKIN) - 2)
    weight = (place - low)[..., None].astype(np.float32)
    base = SKIN[low] * (1.0 - weight) + SKIN[low + 1] * weight
    flush = np.exp(-np.asarray(blood, dtype=np.float32)[..., None] * BLOOD)
    return f32(np.clip(base * flush, 0.005, 0.98))

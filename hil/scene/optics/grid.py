"""The wavelengths every spectrum stands on, and curves through a few points.

A spectrum is float32[..., 261]: 400 to 1700 nm in steps of 5 nm, the last axis the wavelength.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

F32 = NDArray[np.float32]
Points = Sequence[tuple[float, float]]

WAVELENGTHS: F32 = np.arange(400, 1701, 5, dtype=np.float32)
COUNT = len(WAVELENGTHS)


def f32(values: ArrayLike) -> F32:
    """The values as float32; no copy where they are already."""
    return np.asarray(values, dtype=np.float32)


def curve(points: Points) -> F32:
    """Straight lines between points (nm, value), level beyond the ends, float32[261]."""
    return f32(np.interp(WAVELENGTHS, [p[0] for p in points], [p[1] for p in points]))


def log_curve(points: Points) -> F32:
    """As `curve`, straight in the logarithm: for absorption, which spans decades."""
    return f32(np.exp(np.interp(WAVELENGTHS, [p[0] for p in points], np.log([p[1] for p in points]))))


def bands(rows: Sequence[tuple[float, float, float]]) -> F32:
    """Sum of Gaussian bands (centre nm, full width at half maximum nm, height), float32[261]."""
    total = np.zeros(COUNT)
    for centre, width, height in rows:
        total += height * np.exp(-4 * np.log(2) * ((WAVELENGTHS - centre) / width) ** 2)
    return f32(total)


def edge(centre: float, width: float) -> F32:
    """A smooth step from 0 (short waves) to 1 (long waves), float32[261]; 12 to 88 % within `width` nm."""
    return f32(1.0 / (1.0 + np.exp(-4.0 * (WAVELENGTHS - centre) / width)))

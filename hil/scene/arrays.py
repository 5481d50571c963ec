"""The one array type of the scene and the way into it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

F32 = NDArray[np.float32]


def f32(values: ArrayLike) -> F32:
    """The values as float32; no copy where they are already."""
    return np.asarray(values, dtype=np.float32)

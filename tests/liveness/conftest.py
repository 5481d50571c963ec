"""Small synthetic bursts built from reflectance tables: flat face with eyes, camera noise, ambient, reference patch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.liveness.types import BandFrame, Burst, Patch

WIDTH, HEIGHT, EYE = 320, 300, 90.0
PATCH = Patch(6, 250, 40, 40)
LANDMARKS = np.array([[115, 110], [205, 110], [160, 160], [125, 205], [195, 205]], dtype=np.float32)
ORDER: tuple[str | None, ...] = ("850", None, "940", "940", None, "850")

# R, G, B, 850, 940. Skin: NIST class means, VI modelled. Materials: medians of the modelled batch, paint matched to
# light skin in the visible (liveness study, tables 1.1 to 1.3).
Row = tuple[float, float, float, float, float]
SKIN: dict[str, Row] = {
    "I": (0.615, 0.371, 0.315, 0.626, 0.546),
    "II": (0.574, 0.327, 0.263, 0.606, 0.532),
    "III": (0.516, 0.275, 0.201, 0.587, 0.520),
    "IV": (0.426, 0.217, 0.136, 0.579, 0.528),
    "V": (0.322, 0.156, 0.095, 0.541, 0.514),
    "VI modelled": (0.215, 0.105, 0.065, 0.500, 0.490),
}
NIR: dict[str, tuple[float, float]] = {
    "dye print": (0.755, 0.748),
    "toner print": (0.44, 0.437),
    "paper mask": (0.57, 0.56),
    "resin mask": (0.56, 0.575),
    "latex mask": (0.58, 0.60),
    "vinyl mask": (0.60, 0.61),
    "silicone mask": (0.50, 0.50),
    "fabric": (0.655, 0.645),
}
SCREEN: Row = (0.55, 0.33, 0.27, 0.05, 0.05)
BLACK_DN, FULL_DN = 5.0, 250.0


def painted(skin: str, material: str) -> Row:
    """A material in the visible colours of a skin."""
    return (*SKIN[skin][:3], *NIR[material])


@dataclass(frozen=True)
class Face:
    """What stands before the camera. `parts` paints named boxes (x1, y1, x2, y2) over the face."""

    surface: Row
    eyes: bool = True
    parts: Mapping[tuple[int, int, int, int], Row] = field(default_factory=dict)
    shade: float = 0.9

    def reflectance(self) -> NDArray[np.float32]:
        """float32[H, W, 5]."""
        scene = np.full((HEIGHT, WIDTH, 5), 0.35, np.float32)
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
        inside = ((x - 160) / 85) ** 2 + ((y - 150) / 115) ** 2 <= 1
        scene[inside] = np.array(self.surface, np.float32) * self.shade
        for (x1, y1, x2, y2), row in self.parts.items():
            scene[y1:y2, x1:x2] = np.array(row, np.float32) * self.shade
        if self.eyes:
            for cx, cy in LANDMARKS[:2]:
                scene[((x - cx) / 14) ** 2 + ((y - cy) / 7) ** 2 <= 1] = (0.10, 0.08, 0.08, 0.20, 0.20)
        scene[PATCH.y : PATCH.y + PATCH.height, PATCH.x : PATCH.x + PATCH.width] = PATCH.reflectance
        return scene


def shoot(
    face: Face,
    *,
    seed: int = 1,
    ambient: float = 0.06,
    power: Mapping[str, float] | None = None,
    order: tuple[str | None, ...] = ORDER,
) -> Burst:
    """Photograph the face: `ambient` infrared as a share of the LEDs, `power` of the LEDs by band."""
    rng, scene = np.random.default_rng(seed), face.reflectance()
    power = power or {"850": 0.95, "940": 0.85}

    def expose(level: NDArray[np.float32]) -> NDArray[np.uint8]:
        dn = BLACK_DN + FULL_DN * level
        noisy = dn + rng.standard_normal(dn.shape) * (0.8 + 0.12 * np.sqrt(np.maximum(dn, 0)))
        return np.clip(np.round(noisy), 0, 255).astype(np.uint8)

    dark = ambient * scene[..., 3]
    images = {"850": scene[..., 3], "940": scene[..., 4]}
    frames = tuple(
        BandFrame(band, expose(dark if band is None else dark + power[band] * images[band]), 100 + number)
        for number, band in enumerate(order)
    )
    linear = np.clip(scene[..., 2::-1] * 1.2, 0, 1)
    encoded = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    rgb = np.clip(np.round(encoded * 255 + rng.standard_normal(linear.shape) * 1.5), 0, 255).astype(np.uint8)
    return Burst(rgb, frames, PATCH)


@dataclass(frozen=True)
class Studio:
    """Everything above, for tests (test folders are no packages)."""

    face: type[Face] = Face
    shoot: Callable[..., Burst] = shoot
    painted: Callable[[str, str], Row] = painted
    skin: Mapping[str, Row] = field(default_factory=lambda: SKIN)
    nir: Mapping[str, tuple[float, float]] = field(default_factory=lambda: NIR)
    screen: Row = SCREEN
    order: tuple[str | None, ...] = ORDER

    @property
    def landmarks(self) -> NDArray[np.float32]:
        """A fresh copy."""
        return LANDMARKS.copy()


@pytest.fixture(scope="session")
def studio() -> Studio:
    return Studio()

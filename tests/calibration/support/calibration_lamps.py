"""A lane as a switched camera sees it: lamps left and right, a grey reference, a wall, noise, perhaps somebody."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from appliance.liveness.burst import Exposure, GreyPatch

LEDS = ("850L", "850R", "940L", "940R", "970L")
HEIGHT, WIDTH = 240, 320
BLACK_DN, NOISE_DN = 4.0, 1.2
SKIN = {"850": 0.62, "940": 0.52, "970": 0.45}

_x = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :]
_y = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]


class Lane:
    """`power` is what a white surface at the reference gets from an LED, DN at full exposure; `ambient` likewise."""

    PATCH: ClassVar[GreyPatch] = GreyPatch(20, 190, 24, 24)

    def __init__(self, seed: int = 1) -> None:
        self.power = {"850L": 180.0, "850R": 150.0, "940L": 120.0, "940R": 100.0, "970L": 85.0}
        self.ambient = 20.0
        self.wired: dict[str, str] = {}
        self.somebody = False
        self._chance = np.random.default_rng(seed)
        wall = np.full((HEIGHT, WIDTH), 0.4, np.float32)
        wall[:, 80:83] = 0.2
        patch = self.PATCH
        box = (slice(patch.y, patch.y + patch.height), slice(patch.x, patch.x + patch.width))
        wall[box] = patch.reflectance
        self._scene, self._box = wall, box

    def shape(self, led: str) -> NDArray[np.float32]:
        """How the light of an LED lies over the picture, 1 at the reference; no two LEDs are mounted alike."""
        side = {"L": -1.0, "R": 1.0, "C": 0.0}[led[-1]]
        place = int(led[:-1]) / 1000
        light = np.exp(-0.5 * (_x - side * (0.3 + 0.2 * place)) ** 2 - 0.3 * (_y + 0.5 * place) ** 2)
        return np.asarray(light / light[self._box].mean(), np.float32)

    def expose(self, led: str | None, gain: float = 1.0, ambient: float | None = None) -> NDArray[np.uint8]:
        """One exposure."""
        level = np.float32(self.ambient if ambient is None else ambient) * self._scene
        scene = self._scene.copy()
        if self.somebody and led is not None:
            # Skin and cloth, each with a colour of its own in the infrared.
            scene[60:170, 110:210] = SKIN[(self.wired.get(led, led))[:-1]]
            scene[190:, 70:250] = 0.7
        lit = self.wired.get(led, led) if led is not None else None
        if lit is not None:
            level = level + np.float32(self.power[lit]) * self.shape(lit) * scene
        noise = self._chance.standard_normal((HEIGHT, WIDTH), dtype=np.float32) * NOISE_DN
        return np.clip(np.round(level * np.float32(gain) + BLACK_DN * gain + noise), 0, 255).astype(np.uint8)

    def burst(
        self,
        leds: Sequence[str] = LEDS,
        *,
        gain: float = 1.0,
        stuck: str | None = None,
        second_dark: float | None = None,
    ) -> list[Exposure]:
        """Dark, every LED, dark. `stuck` is lit in all of them; `second_dark` is other ambient in the last."""
        order: list[str | None] = [None, *leds, None]
        return [
            Exposure(
                "nir",
                led,
                self.expose(stuck or led, gain, second_dark if place == len(order) - 1 else None),
                place,
                gain=gain,
            )
            for place, led in enumerate(order)
        ]

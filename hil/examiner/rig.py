"""The gate's rig as the examiner has it: where LEDs and cameras are, how far they stray from the drawing.

One rig a data set, drawn from the data set's seed: a site has one. Millimetres, the camera at the origin looking
along -z, x to the image's right.
"""

from dataclasses import dataclass

import numpy as np

from hil.examiner.camera import Mount, unevenness
from hil.examiner.spectra import Optics, optics
from hil.examiner.tables import F64
from hil.examiner.tracer import View

PATCH_PX = (8, 10, 46, 64)
"""The grey card in the visible image: x, y, width, height."""
PATCH_MARGIN_PX = 11
"""Inside it by so much the card is seen whole by every camera, however it is mounted."""
PATCH_MM = 600.0
GREY = 0.50
VIEW = View(384, 448, 692.0)

NIR_LEDS = ("850L", "850R", "850C", "940L", "940R", "970L", "970R")
SWIR_LEDS = ("1050L", "1050R", "1300L", "1300R", "1550L", "1550R")
_BEAM_DEG = 30.0
"""Half width of a beam. The LEDs differ as they do after the flat field of a calibration: about one per cent."""
_SIDE = {"L": (-255.0, 25.0, -25.0), "R": (255.0, 25.0, -25.0), "C": (0.0, 9.0, -5.0)}


@dataclass(frozen=True, slots=True)
class Led:
    """One LED: place, unit vector of its beam, half width of the beam in radians, power relative to nominal."""

    at: tuple[float, float, float]
    aim: tuple[float, float, float]
    half_width: float
    power: float

    def irradiance(self, points: F64, normals: F64) -> F64:
        """At points float64[..., 3], relative to nominal at 600 mm square on; never quite 0, to divide by."""
        ray = np.asarray(self.at) - points
        distance = np.maximum(np.linalg.norm(ray, axis=-1), 1.0)
        cosine = np.maximum((ray * normals).sum(axis=-1) / distance, 0.03)
        off = np.arccos(np.clip(-(ray @ np.asarray(self.aim)) / distance, -1.0, 1.0))
        beam = np.exp(-np.log(2.0) * (off / self.half_width) ** 2)
        return np.asarray(self.power * beam * cosine * (600.0 / distance) ** 2)


def card_gain(led: Led) -> float:
    """How much more light a face at 600 mm gets than the card in its corner: what the flat field of a rig knows."""
    x, y, width, height = PATCH_PX
    mm = PATCH_MM / VIEW.focal_px
    card = np.array([(x + width / 2 - VIEW.width / 2) * mm, (VIEW.height / 2 - y - height / 2) * mm, -PATCH_MM])
    square = np.array([0.0, 0.0, 1.0])
    return float(led.irradiance(np.array([0.0, 0.0, -PATCH_MM]), square) / led.irradiance(card, square))


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """Everything that stays the same from passage to passage."""

    seed: int
    optics: Optics
    leds: dict[str, Led]
    mounts: dict[str, Mount]
    uneven: dict[str, F64]

    def patch(self, camera: str) -> tuple[int, int, int, int]:
        """The box of the grey card in a camera's images: x, y, width, height."""
        x, y, width, height = PATCH_PX
        m = PATCH_MARGIN_PX
        if camera == "rgb":
            return x + 4, y + 4, width - 8, height - 8
        moved = self.mounts[camera].warp((VIEW.width, VIEW.height), VIEW.focal_px, PATCH_MM) @ [x + m, y + m, 1.0]
        return round(float(moved[0])), round(float(moved[1])), width - 2 * m, height - 2 * m


def side(led: str) -> tuple[float, float, float]:
    """Where the drawing puts an LED."""
    return _SIDE[led[-1]]


def draw_rig(seed: int) -> Rig:
    """A rig as somebody built it."""
    rng = np.random.default_rng([seed, 0x51])
    leds = {}
    for name in (*NIR_LEDS, *SWIR_LEDS):
        at = np.asarray(_SIDE[name[-1]]) + rng.normal(0.0, [2.0, 4.0, 2.0])
        target = np.array([0.0, -10.0, -600.0]) + rng.normal(0.0, 4.0, 3) * [1.0, 1.0, 0.0]
        aim = (target - at) / np.linalg.norm(target - at)
        half_width = np.radians(_BEAM_DEG * rng.normal(1.0, 0.01))
        leds[name] = Led(
            (float(at[0]), float(at[1]), float(at[2])),
            (float(aim[0]), float(aim[1]), float(aim[2])),
            float(half_width),
            float(rng.uniform(0.9, 1.1)) * (0.7 if name[-1] == "C" else 1.0),
        )
    mounts = {"rgb": Mount((0.0, 0.0), 1.0, 0.0)}
    for camera, baseline in (("nir", rng.uniform(8.0, 16.0)), ("swir", -rng.uniform(16.0, 26.0))):
        shift = rng.uniform(-5.0, 5.0, 2)
        mounts[camera] = Mount((float(shift[0]), float(shift[1])), float(rng.uniform(0.992, 1.008)), float(baseline))
    size = (VIEW.height, VIEW.width)
    uneven = {camera: unevenness(rng, size) for camera in ("nir", "swir")}
    return Rig(seed, optics(rng), leds, mounts, uneven)

"""How cameras and LEDs stand at one installation; optics of the parts are in `optics.response.Site`.

Metres, seen from the camera: x to the viewer's right, y up. Every band has an LED on each side of the camera; 850 nm
has one beside the lens as well, near enough to its axis (2 degrees at 0.6 m) for the retina to send its light back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from appliance.liveness.channels import split_led
from hil.scene import bands
from hil.scene.optics.response import Site, default_site, draw_site

Place = tuple[float, float]

LED_W_M2: Mapping[str, float] = MappingProxyType(
    {"850": 30.0, "940": 40.0, "970": 40.0, "1050": 25.0, "1300": 30.0, "1550": 40.0}
)
"""Irradiance in the band on a face at 0.6 m while an LED is on, W/m2, for 1 to 4 ms an exposure.

At most 40 W/m2 x 13 pulses x 4 ms = 2.1 J/m2 a passage. IEC 62471 allows a cornea 18 000 t^-0.75 W/m2 below 1000 s:
for a train of 0.3 s that is 44 000 W/m2, for one that never ended 100 W/m2.
"""

# Sides of a band's pair: right LED; the left one mirrors it. The bands share a ring of 11 to 12 cm.
_RIGHT: Mapping[str, Place] = MappingProxyType(
    {
        "850": (0.110, 0.040),
        "940": (0.112, 0.038),
        "970": (0.108, 0.045),
        "1050": (0.115, 0.030),
        "1300": (0.106, 0.050),
        "1550": (0.116, 0.025),
    }
)
_AXIS: Place = (0.014, 0.012)


@dataclass(frozen=True, slots=True)
class Offset:
    """How a camera sees the scene against the visible one.

    `beside_mm` is its place (x, y): parallax. Both pictures agree at 0.6 m but for `error_px`, `scale` and `turn_deg`.
    """

    beside_mm: Place = (0.0, 0.0)
    error_px: Place = (0.0, 0.0)
    scale: float = 1.0
    turn_deg: float = 0.0


NO_OFFSET = Offset()


@dataclass(frozen=True, slots=True)
class Mount:
    """One installation. `power` is what each LED gives against its nominal irradiance, `leds` where it stands.

    `tilt` is how its beam leans: relative change of irradiance for every 10 cm to the right and up. `panels` is where
    the visible panels stand: how far apart against the drawing, and how much higher (metres).
    """

    site: Site
    leds: Mapping[str, Place]
    power: Mapping[str, float]
    tilt: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))
    nir: Offset = NO_OFFSET
    swir: Offset = NO_OFFSET
    panels: Place = (1.0, 0.0)

    def offset(self, camera: str) -> Offset:
        """Of a switched camera; the visible one has none."""
        return {"nir": self.nir, "swir": self.swir}.get(camera, NO_OFFSET)


def _leds() -> dict[str, Place]:
    leds = {"850C": _AXIS}
    for band, (x, y) in _RIGHT.items():
        leds |= {f"{band}L": (-x, y), f"{band}R": (x, y)}
    return leds


def _default() -> Mount:
    leds = _leds()
    return Mount(default_site(), MappingProxyType(leds), MappingProxyType(dict.fromkeys(leds, 1.0)))


DEFAULT_MOUNT = _default()


def draw_mount(rng: np.random.Generator) -> Mount:
    """Another installation: another cabinet, within what a fitter and data sheets allow.

    The LEDs of a side stand between 7 and 27 cm from the camera, those of one site near each other.
    """
    across, up = rng.uniform(0.65, 2.45), rng.uniform(-0.06, 0.05)
    leds = {name: (x * across, y + up) if name != "850C" else (x, y) for name, (x, y) in _leds().items()}
    leds = {name: (x + rng.normal(0, 0.004), y + rng.normal(0, 0.004)) for name, (x, y) in leds.items()}

    def offset(beside_mm: float) -> Offset:
        return Offset(
            (beside_mm + float(rng.normal(0, 1.0)), float(rng.normal(0, 3.0))),
            (float(rng.normal(0, 2.5)), float(rng.normal(0, 2.5))),
            1.0 + float(rng.normal(0, 0.006)),
            float(rng.normal(0, 0.4)),
        )

    return Mount(
        draw_site(rng),
        MappingProxyType({name: (float(x), float(y)) for name, (x, y) in leds.items()}),
        MappingProxyType({name: float(np.exp(rng.normal(0, 0.05))) for name in leds}),
        MappingProxyType({name: (float(rng.normal(0, 0.025)), float(rng.normal(0, 0.025))) for name in leds}),
        offset(26.0),
        offset(-30.0),
        (float(rng.uniform(0.5, 1.3)), float(rng.uniform(-0.25, 0.2))),
    )


def drifted(mount: Mount, share: float, rng: np.random.Generator) -> Mount:
    """The same installation later: every LED has lost or gained up to `share` of its power."""
    power = {led: value * (1.0 + share * float(rng.uniform(-1.0, 1.0))) for led, value in mount.power.items()}
    return replace(mount, power=MappingProxyType(power))


def band_of(led: str) -> str:
    """The band of an LED, or of a pair named by its band. Raises ValueError."""
    return led if led in bands.SWITCHED else split_led(led)[0]

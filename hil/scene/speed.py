"""How fast the twin is, on this machine now: `python -m hil.scene.speed`.

Live: band images of 640 x 480 a second, on one core, once a presentation stands there (its first exposure of each LED
apart), and when every exposure has another length. Data set: seconds for one presentation with all its exposures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice

import cv2
import numpy as np

from hil.scene.burst import Motion, plan_of, take
from hil.scene.cast import CAST
from hil.scene.compose import Scene, compose
from hil.scene.exposure import Light
from hil.scene.mount import DEFAULT_MOUNT
from hil.scene.planes import depth, thermal
from hil.scene.population import random_person
from hil.scene.presentation import bona_fide
from hil.scene.sensor import Sensor
from hil.scene.stage import CLOSE, Presentation

TARGET_IMAGES_S = 15.0
TARGET_PRESENTATION_S = 1.0
NIR_LEDS = tuple(name for name in DEFAULT_MOUNT.leds if name[:-1] in ("850", "940", "970"))


def live(images: int = 150) -> dict[str, float]:
    """Band images a second: first exposures, exposures of one length, exposures of changing length."""
    there, light, sensor = bona_fide(CAST[0]), Light(), Sensor(np.random.default_rng(1))
    gains = [1.0 - 0.003 * n for n in range(images)]
    rates = {}
    for name, used in (("first", [1.0] * len(NIR_LEDS)), ("same exposure", [1.0] * images), ("new exposure", gains)):
        seconds = _timed(lambda used=used: _expose(sensor, there, light, used))  # type: ignore[misc]
        rates[name] = len(used) / seconds
    return rates


def presentations(count: int = 4) -> float:
    """Processor seconds of one presentation of a data set, person and all, without writing it."""
    rng = np.random.default_rng(1)

    def one(number: int) -> None:
        who = random_person(rng, f"speed-{number}", number % 6)
        there = compose(Scene(who, stage=CLOSE, detail=2))
        take(there, Light(), plan_of(("nir", "swir"), rng), motion=Motion(near=0.05), rng=rng)
        thermal(there, rng), depth(there, rng)

    def all_of_them() -> None:
        for number in range(1, count + 1):
            one(number)

    one(0)
    return _timed(all_of_them) / count


def _expose(sensor: Sensor, there: Presentation, light: Light, gains: Sequence[float]) -> None:
    for led, gain in zip(islice(cycle(NIR_LEDS), len(gains)), gains, strict=True):
        sensor.nir(there, light, led, gain=gain)


def _timed(work: Callable[[], object]) -> float:
    # Processor time of this thread: the machine may be busy with others.
    before = time.thread_time()
    work()
    return max(time.thread_time() - before, 1e-9)


def main() -> None:
    """Print the figures beside their targets."""
    cv2.setNumThreads(1)
    for name, rate in live().items():
        print(f"live, {name}: {rate:.0f} band images of 640 x 480 a second (target {TARGET_IMAGES_S:.0f})")
    print(f"data set: {presentations():.2f} s a presentation, 17 exposures (target {TARGET_PRESENTATION_S:.0f} s)")


if __name__ == "__main__":
    main()

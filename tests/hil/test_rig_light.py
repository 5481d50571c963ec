"""Every single fault of every lamp, on the emulated controllers behind their serial ports: none goes unnoticed."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest

from appliance.clock import SystemClock
from appliance.config import load
from appliance.liveness.burst import Exposure
from appliance.liveness.calibration import Calibration, compare
from appliance.liveness.reading import Finding, Trouble
from appliance.runtime.calibrate import Bench, calibration_of, measure
from appliance.vision.metering import next_gain
from drivers.errors import StaleFrame
from drivers.illumination.exposure_sync.protocol import Line, encode
from hil import devices
from hil.rig import Rig
from hil.rig.config import LaneSettings
from hil.scene import Light, Pose, bona_fide, traveller

SETTINGS = LaneSettings(bands=("850", "940", "970", "1050", "1300", "1550"))
NIR, SWIR = SETTINGS.leds["nir"], SETTINGS.leds["swir"]
DRIFT = 0.2


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path, SETTINGS, seed=3) as rig:
        yield rig


class Watch:
    """A lane's own eyes on its lamps."""

    def __init__(self, bench: Bench, calibration: Calibration) -> None:
        self._bench, self._calibration = bench, calibration

    async def finds(self) -> list[Finding]:
        """What one test of the empty lane finds."""
        readings = await self._bench.look()
        return [
            finding
            for camera, reading in readings.items()
            for finding in (reading.findings or compare(self._calibration.cameras[camera], reading, DRIFT))
        ]


async def watching(rig: Rig, script: Callable[[Watch], object]) -> None:
    lane, clock = load(Path(rig.paths.config)), SystemClock()
    async with Bench(lane, clock) as bench:
        calibration = calibration_of(lane, bench.setups, await measure(bench, 4), clock)
        await script(Watch(bench, calibration))  # type: ignore[misc]


def of_camera(findings: list[Finding], camera: str) -> list[tuple[Trouble, str]]:
    return [(finding.trouble, finding.words) for finding in findings if finding.camera == camera]


def test_no_dead_exchanged_or_stuck_lamp_goes_unnoticed(rig: Rig) -> None:
    """One fault on each controller at a time: with seven and six lamps 13 dead, 36 exchanges, 13 stuck."""

    async def script(watch: Watch) -> None:
        assert await watch.finds() == []
        for number in range(len(NIR)):
            dead = {"nir": NIR[number], "swir": SWIR[number % len(SWIR)]}
            for led in dead.values():
                rig.faults.dead_led(led)
            found = await watch.finds()
            for camera, led in dead.items():
                [(trouble, words)] = of_camera(found, camera)
                assert (trouble, led in words) == (Trouble.MISSING, True), (led, words)
                rig.faults.dead_led(led, False)
        pairs = list(combinations(NIR, 2)), list(combinations(SWIR, 2))
        for number in range(len(pairs[0])):
            swapped = {"nir": pairs[0][number], "swir": pairs[1][number % len(pairs[1])]}
            for pair in swapped.values():
                rig.faults.swap_leds(*pair)
            found = await watch.finds()
            for camera, pair in swapped.items():
                [(trouble, words)] = of_camera(found, camera)
                assert trouble is Trouble.SWAPPED, (pair, words)
                assert all(led in words for led in pair), (pair, words)
            rig.faults.repair_leds()
        for number in range(len(NIR)):
            rig.faults.stick_led(NIR[number])
            rig.faults.stick_led(SWIR[number % len(SWIR)])
            found = await watch.finds()
            assert [of_camera(found, camera)[0][0] for camera in ("nir", "swir")] == [Trouble.MISSING] * 2
            rig.faults.repair_leds()
        assert await watch.finds() == []

    asyncio.run(watching(rig, script))


def test_a_lamp_that_loses_a_third_is_found_and_all_together_a_tenth_is_not(rig: Rig) -> None:
    async def script(watch: Watch) -> None:
        rig.faults.light(Light(led_power={"850R": 0.66, "1300L": 0.66}))
        found = await watch.finds()
        assert [trouble for camera in ("nir", "swir") for trouble, _ in of_camera(found, camera)] == [Trouble.DRIFT] * 2
        assert "850R -34%" in of_camera(found, "nir")[0][1]
        rig.faults.light(Light(led_power=dict.fromkeys((*NIR, *SWIR), 0.9)))
        assert await watch.finds() == []

    asyncio.run(watching(rig, script))


def test_sun_on_the_reference_is_told_from_a_broken_lamp(rig: Rig) -> None:
    async def script(watch: Watch) -> None:
        rig.faults.light(Light(sun=0.9, sun_from=(0.0, 20.0)))
        found = await watch.finds()
        assert Trouble.SATURATED in [trouble for trouble, _ in of_camera(found, "nir")]
        assert "Shade" in " ".join(words for _, words in of_camera(found, "nir"))

    asyncio.run(watching(rig, script))


def test_a_camera_that_repeats_its_picture_is_no_lamp(rig: Rig) -> None:
    async def script(watch: Watch) -> None:
        rig.faults.stick_frame("nir")
        await watch.finds()

    with pytest.raises(StaleFrame, match="is the picture of"):
        asyncio.run(watching(rig, script))


def test_a_capture_of_a_near_bright_face_is_metered_down(rig: Rig) -> None:
    """The exposure a lane takes for somebody near: nothing of the face saturates."""
    near = bona_fide(traveller("greta"), Pose(distance_m=0.42))
    camera = devices.camera("camera.nir", {"socket": str(rig.paths.socket), "camera": "nir"})
    sync = rig.in_world(lambda world: world.sync["nir"])
    rig.in_world(lambda world: setattr(world, "scene", lambda: near))
    sync.handle(encode(Line("P", ("4000", "0"), 1)))
    rig.faults.stick_led("850L")
    try:
        camera.open()
        gain = 1.0
        for _ in range(3):
            lit = camera.read(2.0).image
            wanted = next_gain([Exposure("nir", "850L", lit, 0, gain=gain)], (200, 100, 440, 400))
            gain = camera.set_exposure(wanted)
        assert gain < 0.9
        assert float((camera.read(2.0).image[100:400, 200:440] >= 250).mean()) < 0.002
    finally:
        camera.close()

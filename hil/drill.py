"""Fault drill of the liveness check: bursts of a data set with one thing wrong each. None may be accepted.

A missing, dead, swapped, stuck, repeated or overexposed exposure on top of a presentation that would pass: what
passes then, passes because of a fault. Each burst is checked as the lane does it, against the calibration of its site
and by the liveness check; of a part it is also counted what the second would have accepted by itself. Not here: faults
of the lane's devices on their wires (`hil.rig.faults`).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.progress import Progress

from appliance.config import CalibrationConfig
from appliance.core.types import Result
from appliance.evaluate.dataset import Dataset, DatasetError, Record
from appliance.evaluate.extraction import restrict
from appliance.evaluate.species import BONA_FIDE
from appliance.face.packs import AUTO, load_pack
from appliance.liveness.assess import assess
from appliance.liveness.burst import Capture, Exposure
from appliance.liveness.calibration import CameraCalibration, Identity, compare, mean_leds
from appliance.liveness.detector import DetectorError, load
from appliance.liveness.reading import Reading, read
from appliance.models.manager import ModelError

Fault = Callable[[Capture, np.random.Generator], Capture]


def _with(capture: Capture, exposures: Sequence[Exposure]) -> Capture:
    return replace(capture, exposures=tuple(exposures))


def _lit(capture: Capture, rng: np.random.Generator) -> int:
    """Place of a lit exposure, chosen at random."""
    return int(rng.choice([k for k, exposure in enumerate(capture.exposures) if exposure.led is not None]))


def missing_band(capture: Capture, rng: np.random.Generator) -> Capture:
    """Both LEDs of a band are gone, and their frames with them."""
    led = capture.exposures[_lit(capture, rng)].led
    assert led is not None
    return _with(capture, [e for e in capture.exposures if e.led is None or e.led[:-1] != led[:-1]])


def missing_frame(capture: Capture, rng: np.random.Generator) -> Capture:
    """One lit frame was lost."""
    place = _lit(capture, rng)
    return _with(capture, [e for k, e in enumerate(capture.exposures) if k != place])


def dead_led(capture: Capture, rng: np.random.Generator) -> Capture:
    """The log says lit, the scene stays dark: another dark exposure with noise of its own."""
    place = _lit(capture, rng)
    camera = capture.exposures[place].camera
    dark = next(e for e in capture.exposures if e.camera == camera and e.led is None)
    noisy = np.clip(dark.image + rng.normal(0, 1.5, dark.image.shape), 0, 255).astype(np.uint8)
    return _with(capture, [replace(e, image=noisy) if k == place else e for k, e in enumerate(capture.exposures)])


def swapped(capture: Capture, rng: np.random.Generator) -> Capture:
    """The log's labels of two exposures of different LEDs (or of one and a dark one) are exchanged."""
    first = _lit(capture, rng)
    one = capture.exposures[first]
    others = [
        k
        for k, e in enumerate(capture.exposures)
        if e.camera == one.camera and (e.led is None or e.led[:-1] != (one.led or "")[:-1]) and _used(e)
    ]
    second = int(rng.choice(others))
    two = capture.exposures[second]
    labels = {first: two.led, second: one.led}
    return _with(capture, [replace(e, led=labels.get(k, e.led)) for k, e in enumerate(capture.exposures)])


def _used(exposure: Exposure) -> bool:
    return exposure.led is None or not exposure.led.endswith("C")


def swapped_bands(capture: Capture, rng: np.random.Generator) -> Capture:
    """Two bands are wired the wrong way round, both sides."""
    first = capture.exposures[_lit(capture, rng)]
    band = (first.led or "")[:-1]
    others = sorted({e.led[:-1] for e in capture.exposures if e.led and e.camera == first.camera} - {band})
    if not others:
        return missing_band(capture, rng)
    other = str(rng.choice(others))
    names = {f"{a}{side}": f"{b}{side}" for a, b in ((band, other), (other, band)) for side in "LR"}
    return _with(capture, [replace(e, led=names.get(e.led or "", e.led)) for e in capture.exposures])


def swapped_sides(capture: Capture, _rng: np.random.Generator) -> Capture:
    """Left and right of every band are wired the wrong way round."""
    side = {"L": "R", "R": "L"}
    return _with(
        capture,
        [replace(e, led=e.led[:-1] + side[e.led[-1]]) if e.led and e.led[-1] in side else e for e in capture.exposures],
    )


def stuck_camera(capture: Capture, rng: np.random.Generator) -> Capture:
    """From one exposure on the camera delivers the same picture, with new numbers."""
    camera = capture.exposures[_lit(capture, rng)].camera
    places = [k for k, e in enumerate(capture.exposures) if e.camera == camera]
    since = int(rng.integers(0, len(places) - 1))
    image = capture.exposures[places[since]].image
    after = set(places[since:])
    return _with(capture, [replace(e, image=image) if k in after else e for k, e in enumerate(capture.exposures)])


def overexposed(capture: Capture, rng: np.random.Generator) -> Capture:
    """One lit frame is white."""
    place = _lit(capture, rng)
    return _with(
        capture,
        [replace(e, image=np.full_like(e.image, 255)) if k == place else e for k, e in enumerate(capture.exposures)],
    )


def out_of_step(capture: Capture, rng: np.random.Generator) -> Capture:
    """The camera is one frame behind the illuminator's log."""
    camera = capture.exposures[_lit(capture, rng)].camera
    places = [k for k, e in enumerate(capture.exposures) if e.camera == camera]
    images = {k: capture.exposures[places[(n + 1) % len(places)]].image for n, k in enumerate(places)}
    return _with(capture, [replace(e, image=images.get(k, e.image)) for k, e in enumerate(capture.exposures)])


FAULTS: dict[str, Fault] = {
    "missing band": missing_band,
    "missing frame": missing_frame,
    "dead LED": dead_led,
    "two frames swapped": swapped,
    "two bands swapped": swapped_bands,
    "left and right swapped": swapped_sides,
    "stuck camera": stuck_camera,
    "overexposed frame": overexposed,
    "one frame out of step": out_of_step,
}

# --- the calibration of the site, as the lane has it ------------------------------------------------------------

LOOKS = 2
DRIFT = CalibrationConfig().drift
"""Share by which an LED may differ, as a lane has it by default."""

_ASKED = 10
"""Of so many bursts one is also judged by the liveness check alone."""

Cameras = Mapping[str, CameraCalibration]


def _reading(capture: Capture, camera: str, leds: Sequence[str]) -> Reading:
    return read(camera, [e for e in capture.exposures if e.camera == camera], capture.patches[camera], leds)


def calibrate(looks: Sequence[Capture]) -> dict[str, CameraCalibration]:
    """What the grey references say of a site's cameras and LEDs, from bursts (at least two) without a fault."""
    made = {}
    for camera in sorted({e.camera for e in looks[0].exposures}):
        leds = sorted({e.led for e in looks[0].exposures if e.camera == camera and e.led is not None})
        readings = [_reading(look, camera, leds) for look in looks]
        if wrong := [finding.words for reading in readings for finding in reading.findings]:
            raise DatasetError(f"no calibration can be made of the {camera} camera: {wrong[0]}")
        patch = looks[0].patches[camera]
        dark = np.stack([reading.dark.mean(axis=0) for reading in readings])
        made[camera] = CameraCalibration(
            camera=_ANYONE,
            illuminator=_ANYONE,
            reference=(patch.x, patch.y, patch.width, patch.height),
            dark_dn=float(dark.mean()),
            dark_noise_dn=float(dark.std(axis=0).mean()),
            # A data set does not say how long its lamps are lit: it is the same in every burst.
            leds=mean_leds(readings, dict.fromkeys(leds, 1)),
        )
    return made


_ANYONE = Identity(model="data set", firmware="", serial_number=None)


def answers(capture: Capture, cameras: Cameras) -> bool:
    """Whether every camera holds in itself and with its calibration."""
    for camera, stored in cameras.items():
        reading = _reading(capture, camera, list(stored.leds))
        if reading.findings or compare(stored, reading, DRIFT):
            return False
    return True


def _looks(records: Sequence[Record], drilled: Record) -> list[Record]:
    """Other genuine presentations of the same site, its lamps as they were installed."""
    return [
        record
        for record in records
        if record.species == BONA_FIDE
        and record.id != drilled.id
        and record.conditions.get("site") == drilled.conditions.get("site")
        and not record.conditions.get("led_drift")
    ][:LOOKS]


# --- the drill ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drilled:
    """How often each fault was tried and accepted, and how many genuine captures passed without one.

    `alone` is how often the liveness check would have accepted without a calibration, of `asked`: every tenth burst.
    """

    tried: Counter[str]
    accepted: Counter[str]
    asked: Counter[str]
    alone: Counter[str]
    genuine: int
    passed: int


def drill(
    folder: Path, band_set: str, *, count: int, seed: int, jobs: int, models_dir: Path, detectors: Path | None = None
) -> Iterator[Drilled]:
    """Try `count` faulty bursts made of the genuine presentations of a data set; yields the sums as they grow.

    Only presentations that pass without a fault are used, so that a refusal is the fault's. Raises DatasetError,
    DetectorError, ModelError.
    """
    load(band_set, detectors)
    genuine = [record.id for record in Dataset(folder).records if record.species == BONA_FIDE]
    # Some do not pass without a fault and are of no use: the others make up for them.
    each = max(len(FAULTS), -(-count * 5 // (4 * max(len(genuine), 1))))
    task = partial(_drill_one, folder, band_set, models_dir, detectors, each, seed)
    total = Drilled(Counter(), Counter(), Counter(), Counter(), 0, 0)
    with ProcessPoolExecutor(jobs) as pool:
        for one in pool.map(task, genuine, chunksize=2):
            total = Drilled(
                total.tried + one.tried,
                total.accepted + one.accepted,
                total.asked + one.asked,
                total.alone + one.alone,
                total.genuine + one.genuine,
                total.passed + one.passed,
            )
            yield total
            if total.tried.total() >= count:
                pool.shutdown(cancel_futures=True)
                return


def report(
    folder: Path,
    band_set: str,
    *,
    count: int,
    seed: int,
    jobs: int,
    models_dir: Path,
    detectors: Path | None,
    tell: Callable[[str], None],
) -> int:
    """Drill with progress and print the sums; 0 when nothing was accepted, 1 when something was, 2 without a drill."""
    total = Drilled(Counter(), Counter(), Counter(), Counter(), 0, 0)
    try:
        with Progress(console=Console(stderr=True)) as bar:
            task = bar.add_task(f"{band_set}: faulty bursts", total=count)
            for total in drill(
                folder, band_set, count=count, seed=seed, jobs=jobs, models_dir=models_dir, detectors=detectors
            ):
                bar.update(task, completed=total.tried.total())
    except (DatasetError, DetectorError, ModelError) as error:
        tell(str(error))
        return 2
    for name in FAULTS:
        accepted = f"accepted {total.accepted[name]} of {total.tried[name]}"
        tell(f"{name:24} {accepted}; {total.alone[name]} of {total.asked[name]} without a calibration")
    tell(f"{total.passed} of {total.genuine} genuine presentations pass without a fault; only those were used")
    tell(f"accepted {total.accepted.total()} of {total.tried.total()} faulty bursts (simulated)")
    if not total.tried:
        return 2
    return 1 if total.accepted.total() else 0


def _drill_one(
    folder: Path, band_set: str, models_dir: Path, detectors: Path | None, each: int, seed: int, record_id: str
) -> Drilled:
    cv2.setNumThreads(1)
    nothing = Drilled(Counter(), Counter(), Counter(), Counter(), 1, 0)
    data = Dataset(folder)
    record = next(record for record in data.records if record.id == record_id)
    looks = _looks(data.records, record)
    if len(looks) < LOOKS:
        return nothing
    capture = restrict(data.load(record), band_set)
    cameras = calibrate([restrict(data.load(look), band_set) for look in looks])
    faces = load_pack(AUTO, models_dir).detect(capture.rgb)
    detector = load(band_set, detectors)

    def alive(seen: Capture) -> bool:
        return assess(seen, faces[0].landmarks, detector).result is Result.SUCCESSFUL

    if not faces or not answers(capture, cameras) or not alive(capture):
        return nothing
    rng = np.random.default_rng([seed, *record_id.encode()])
    tried, accepted, asked, alone = (Counter[str]() for _ in range(4))
    names = tuple(FAULTS)
    for number in range(each):
        name = names[number % len(names)]
        faulty = FAULTS[name](capture, rng)
        asking = number // len(names) % _ASKED == 0
        holds = answers(faulty, cameras)
        passes = (asking or holds) and alive(faulty)
        tried[name] += 1
        asked[name] += asking
        alone[name] += asking and passes
        accepted[name] += holds and passes
    return Drilled(tried, accepted, asked, alone, 1, 1)

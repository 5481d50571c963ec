"""What the cameras and LEDs of a lane were like on the day they were measured, and whether they still are.

A calibration is a JSON file with a format version, written whole or not at all. It is compared by level (how bright the
grey reference is under each LED) and by pattern (how the light of each LED lies over the empty lane). Not responsible
for measuring a burst (`reading`), nor for what follows from a finding (the lane's fault catalogue).
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from appliance.liveness.reading import F32, GRID, Finding, LedReading, Reading, Trouble

FORMAT: Final = "sallyport-calibration-2"

# How a pair of LEDs may come to differ otherwise than it was calibrated: the ratio of their levels, and that of their
# patterns from cell to cell. Two have changed places when that explains what is seen far better than no change.
_LEVEL_SD = 0.03
_PATTERN_SD = 0.003
_FARTHEST = 25.0
"""Most that a single figure may say, in squared deviations: what is new in the lane fills some cells only."""
_SWAP_GAIN = 12.0
_SURE = 3 * _SWAP_GAIN
_LEAST_PATTERN = 0.02


def _rim() -> NDArray[np.bool_]:
    """Cells where a traveller does not stand: the lamps lie over them alike whoever is in the lane."""
    cells = np.zeros(GRID, np.bool_)
    cells[0] = cells[:9, :3] = cells[:9, -3:] = True
    return cells


_RIM = _rim()

Pattern = tuple[tuple[float, ...], ...]


class CalibrationError(Exception):
    """There is no usable calibration, or none can be made. The message says what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Identity(_Strict):
    """Who answered on a port when the calibration was made."""

    model: str
    firmware: str
    serial_number: str | None


class LedCalibration(_Strict):
    """One LED: lit minus dark at the reference (DN of 255 at full exposure), and noise of a pixel there (DN).

    `pulse_us` is the light of one exposure it was measured with. `pattern` is its light over the empty lane; `flat`
    over an even target that fills the view, None until one was measured. Both are relative to the reference;
    `pattern_noise` is the noise of a cell at the rim in one look, as a share.
    """

    level_dn: Annotated[float, Field(gt=0.0, le=4000.0)]
    noise_dn: Annotated[float, Field(ge=0.0, le=255.0)]
    pulse_us: Annotated[int, Field(ge=1)]
    pattern: Pattern
    pattern_noise: Annotated[float, Field(ge=0.0, le=1.0)]
    flat: Pattern | None = None

    @field_validator("pattern", "flat")
    @classmethod
    def _grid(cls, rows: Pattern | None) -> Pattern | None:
        if rows is not None and (len(rows) != GRID[0] or any(len(row) != GRID[1] for row in rows)):
            raise ValueError(f"a pattern has {GRID[0]} rows of {GRID[1]} figures")
        if rows is not None and not all(math.isfinite(value) for row in rows for value in row):
            raise ValueError("a pattern holds finite figures only")
        return rows


class CameraCalibration(_Strict):
    """One switched camera with the illuminator that follows it. Dark level and noise in DN of 255 at full exposure."""

    camera: Identity
    illuminator: Identity
    reference: tuple[int, int, int, int]
    dark_dn: Annotated[float, Field(ge=0.0)]
    dark_noise_dn: Annotated[float, Field(ge=0.0)]
    leds: Annotated[dict[str, LedCalibration], Field(min_length=1)]


class Calibration(_Strict):
    """The whole file."""

    format: Literal["sallyport-calibration-2"] = FORMAT
    made: AwareDatetime
    lane_id: str
    simulated: bool
    band_set: str
    cameras: Annotated[dict[str, CameraCalibration], Field(min_length=1)]


def load(path: Path) -> Calibration:
    """Read a calibration. Raises CalibrationError."""
    try:
        return Calibration.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CalibrationError(f"{path} does not exist; run: appliance calibrate") from error
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise CalibrationError(
            f"{path} is no calibration ({place}: {first['msg']}); run: appliance calibrate"
        ) from error


def save(path: Path, calibration: Calibration) -> None:
    """Write it whole or not at all. Raises CalibrationError."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            file.write(calibration.model_dump_json(indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise CalibrationError(f"{path} cannot be written: {error.strerror}") from error


def rows(pattern: F32) -> Pattern:
    """A pattern as it is stored."""
    return tuple(tuple(round(float(value), 4) for value in row) for row in pattern)


# --- is it still so? ------------------------------------------------------------------------------------------


def age_finding(calibration: Calibration, now: datetime, most_days: float) -> Finding | None:
    """A calibration from the future is none, either: one of the clocks was wrong."""
    age = now - calibration.made
    if timedelta(days=-1) <= age <= timedelta(days=most_days):
        return None
    when = f"The calibration is {age.days} days old, {most_days:g} are allowed."
    return Finding(Trouble.UNCALIBRATED, "", f"{when} Run: appliance calibrate")


@dataclass(frozen=True, slots=True)
class Setup:
    """A switched camera as it is installed now: who answers, light of one exposure by LED (us), and the reference."""

    camera: Identity
    illuminator: Identity
    pulses: Mapping[str, int]
    reference: tuple[int, int, int, int]


def setup_finding(stored: CameraCalibration, now: Setup, name: str) -> Finding | None:
    """Another device or another setting than the one measured needs a calibration of its own."""

    def was(one: Identity, other: Identity) -> bool:
        return (one.model, one.serial_number) == (other.model, other.serial_number)

    changed = [
        what
        for what, same in (
            ("the camera", was(stored.camera, now.camera)),
            ("the illuminator", was(stored.illuminator, now.illuminator)),
            ("the LEDs or their exposure_us", {k: v.pulse_us for k, v in stored.leds.items()} == dict(now.pulses)),
            ("the place of the grey reference", stored.reference == now.reference),
        )
        if not same
    ]
    if not changed:
        return None
    words = f"Changed at the {name} camera since it was calibrated: {', '.join(changed)}. Run: appliance calibrate"
    return Finding(Trouble.UNCALIBRATED, name, words)


def compare(stored: CameraCalibration, reading: Reading, drift: float) -> tuple[Finding, ...]:
    """What has changed. `drift` is the share by which an LED may differ."""
    known = {led: found for led, found in reading.leds.items() if led in stored.leds and found.level > 0}
    if missing := sorted(set(reading.leds) - set(stored.leds)):
        words = f"LEDs {', '.join(missing)} were never calibrated. Run: appliance calibrate"
        return (Finding(Trouble.UNCALIBRATED, reading.camera, words),)
    swapped = _swapped(stored.leds, known)
    if swapped is not None:
        words = f"LEDs {swapped[0]} and {swapped[1]} have changed places. Check the wires of the illuminator."
        return (Finding(Trouble.SWAPPED, reading.camera, words),)
    shares = {led: found.level / stored.leds[led].level_dn - 1.0 for led, found in known.items()}
    drifted = [f"{led} {share:+.0%}" for led, share in shares.items() if abs(share) > drift]
    if drifted:
        words = f"LEDs differ from their calibration: {', '.join(drifted)}. Clean the lamps and the reference;"
        return (Finding(Trouble.DRIFT, reading.camera, f"{words} if that does not help, calibrate anew."),)
    return ()


def alike(leds: Mapping[str, LedCalibration]) -> list[tuple[str, str]]:
    """Pairs whose exchange nobody could notice here: same level, same pattern."""
    known = {led: _stored(one) for led, one in leds.items()}

    def apart(one: str, other: str) -> float:
        noise = _noise(leds[one], leds[other])
        ratio = _ratio(known[one], known[other], noise)
        return float(np.minimum(np.square(2 * ratio), _FARTHEST).sum()) - 4 * (len(ratio) - 1) * noise**2 / (
            1 + noise**2
        )

    return [(one, other) for one, other in combinations(leds, 2) if apart(one, other) < _SURE]


def _swapped(stored: Mapping[str, LedCalibration], found: Mapping[str, LedReading]) -> tuple[str, str] | None:
    """The pair whose exchange explains best what is seen, if it explains it far better than no exchange.

    Only ratios within a pair are looked at: what lamps and lane have in common, warmth, age and furniture, drops out.
    """
    known = {led: _stored(stored[led]) for led in found}
    # The pulse belongs to the wire, the rest to the LED.
    seen = {led: _figures(one.level / stored[led].pulse_us, one.pattern) for led, one in found.items()}
    best, gain, unnoticed = None, _SWAP_GAIN, alike(stored)
    for one, other in combinations(found, 2):
        if (one, other) in unnoticed or (other, one) in unnoticed:
            continue
        noise = _noise(stored[one], stored[other])
        now, was = _ratio(seen[one], seen[other], noise), _ratio(known[one], known[other], noise)
        straight, crossed = _misfit(now, was), _misfit(now, -was)
        # It has to be well explained, too: within what each figure may differ by, or twice as well as without, for arms
        # and bags hide cells.
        if straight - crossed > gain and crossed < max(len(now), straight / 2):
            best, gain = (one, other), straight - crossed
    return best


_Figures = NDArray[np.float64]


def _stored(led: LedCalibration) -> _Figures:
    return _figures(led.level_dn / led.pulse_us, np.array(led.pattern, dtype=np.float32))


def _figures(level: float, pattern: F32) -> _Figures:
    """Logarithms of the level and of the cells of the pattern's rim."""
    return np.log(np.concatenate(([max(level, 1e-9)], np.maximum(pattern[_RIM], _LEAST_PATTERN))).astype(np.float64))


def _noise(one: LedCalibration, other: LedCalibration) -> float:
    """Noise of a cell's ratio in two looks, in the deviations it may have anyway."""
    return math.sqrt(2.0) * math.hypot(one.pattern_noise, other.pattern_noise) / _PATTERN_SD


def _ratio(one: _Figures, other: _Figures, noise: float) -> _Figures:
    """How two LEDs differ in level and in how their light lies, each in the deviations it may have."""
    ratio = one - other
    return np.concatenate((ratio[:1] / _LEVEL_SD, ratio[1:] / (_PATTERN_SD * math.hypot(1.0, noise))))


def _misfit(now: _Figures, expected: _Figures) -> float:
    """Sum of the squared deviations, each limited."""
    return float(np.minimum(np.square(now - expected), _FARTHEST).sum())


def mean_leds(looks: Sequence[Reading], pulses: Mapping[str, int]) -> dict[str, LedCalibration]:
    """The LEDs of a camera from several looks at the same empty lane. Raises CalibrationError."""
    if len(looks) < 2:
        raise CalibrationError("a calibration needs at least two looks")
    made = {}
    for led in looks[0].leds:
        seen = [look.leds[led] for look in looks]
        pixels = np.stack([one.pixels for one in seen])
        patterns = np.stack([one.pattern for one in seen])
        rims = np.maximum(patterns[:, _RIM], _LEAST_PATTERN)
        made[led] = LedCalibration(
            level_dn=round(float(np.mean([one.level for one in seen])), 3),
            noise_dn=round(float(pixels.std(axis=0, ddof=1).mean()), 3),
            pulse_us=pulses[led],
            pattern=rows(patterns.mean(axis=0)),
            pattern_noise=round(float(np.median(rims.std(axis=0, ddof=1) / rims.mean(axis=0))), 6),
        )
    return made

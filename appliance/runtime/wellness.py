"""Whether cameras and LEDs are what they were calibrated to be: findings become faults here, and calibrations are kept.

Not responsible for measuring (`liveness.reading`, `liveness.calibration`) nor for when a test is due to run (the lane).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from appliance.clock import Clock
from appliance.config import LaneConfig
from appliance.liveness.calibration import (
    Calibration,
    CalibrationError,
    Identity,
    Setup,
    age_finding,
    load,
    setup_finding,
)
from appliance.liveness.reading import Finding, Trouble
from appliance.runtime.faults import FaultRegister
from drivers.ports import DeviceIdentity

EVERY_S = 60.0
"""Between two tests of an idle lane."""
AGAIN_S = 5.0
"""The same while something is wrong."""

FAULTS: Mapping[Trouble, int] = {
    Trouble.MISSING: 3003,
    Trouble.OUT_OF_STEP: 3004,
    Trouble.STUCK: 3005,
    Trouble.SATURATED: 3006,
    Trouble.COVERED: 3007,
    Trouble.DRIFT: 3008,
    Trouble.SWAPPED: 3009,
    Trouble.UNCALIBRATED: 3010,
}
CALIBRATION_DEMANDED = 3011
_OF_CAMERA = (Trouble.STUCK, Trouble.COVERED)


class Wellness:
    """The calibration of a lane and the faults that say how it stands."""

    def __init__(self, config: LaneConfig, faults: FaultRegister, clock: Clock) -> None:
        self._config, self._faults, self._clock = config, faults, clock
        self._calibration: Calibration | None = None
        self._standing: list[Finding] = []
        self._due_at = clock.monotonic()
        self._cameras = tuple(config.illumination)

    def installed(
        self, cameras: Mapping[str, Mapping[str, Any]], lights: Mapping[str, DeviceIdentity]
    ) -> dict[str, Any] | None:
        """The calibration for these devices as the vision process takes it; None where there is none for them."""
        self._calibration, self._standing = None, []
        path = self._config.calibration.file
        if path is None:
            self._standing = [Finding(Trouble.UNCALIBRATED, "", "No calibration file is configured.")]
            return None
        try:
            stored = load(path)
        except CalibrationError as error:
            self._standing = [Finding(Trouble.UNCALIBRATED, "", str(error))]
            return None
        for camera, config in self._config.illumination.items():
            of_camera = stored.cameras.get(camera)
            if of_camera is None:
                words = f"The {camera} camera was never calibrated. Run: appliance calibrate"
                self._standing.append(Finding(Trouble.UNCALIBRATED, camera, words))
                continue
            now = Setup(
                camera=_identity(cameras[camera]),
                illuminator=_identity(asdict(lights[camera])),
                pulses=config.pulses,
                reference=self._config.cameras.all[camera].reference.box,
            )
            changed = setup_finding(of_camera, now, camera)
            self._standing += [changed] if changed else []
        if self._standing:
            return None
        self._calibration = stored
        return stored.model_dump(mode="json")

    def tested(self, findings: Sequence[Mapping[str, str]]) -> None:
        """A test is done: every fault of the light is set or cleared by what it found."""
        found = [Finding(Trouble(one["trouble"]), one["camera"], one["words"]) for one in findings]
        words = {self._place(finding): finding.words for finding in [*found, *self._calibrated()]}
        for trouble in Trouble:
            for camera in (*self._cameras, ""):
                place = self._place(Finding(trouble, camera, ""))
                self._faults.set(*place, place in words, words.get(place, ""))
        self._due_at = self._clock.monotonic() + (AGAIN_S if found else EVERY_S)

    @property
    def due(self) -> bool:
        """Whether it is time for a test."""
        return self._clock.monotonic() >= self._due_at

    def suspect(self) -> None:
        """Something was not as it should be in a capture: test as soon as the lane is empty."""
        self._due_at = self._clock.monotonic()

    def _calibrated(self) -> list[Finding]:
        """What is wrong with the calibration itself."""
        wanted = self._config.calibration
        if wanted.file is None and not wanted.required:
            return []
        if self._calibration is None:
            return self._standing
        old = age_finding(self._calibration, self._clock.now(), wanted.max_age_days)
        return [old] if old else []

    def _place(self, finding: Finding) -> tuple[int, str]:
        """Number of the fault and the device it is of."""
        code = FAULTS[finding.trouble]
        if finding.trouble is Trouble.UNCALIBRATED and self._config.calibration.required:
            code = CALIBRATION_DEMANDED
        owner = "camera" if finding.trouble in _OF_CAMERA else "illumination"
        return code, f"{owner}.{finding.camera}" if finding.camera else owner


def _identity(told: Mapping[str, Any]) -> Identity:
    return Identity(model=told["model"], firmware=told["firmware"], serial_number=told["serial_number"])

"""One verification: look, capture, compare, judge; at most a second capture when the first was inconclusive.

It measures and reports. It has no say in what follows, and an attack is never asked to try again.
"""

import asyncio
from typing import Any

from appliance.clock import Clock
from appliance.core.types import Check, CheckName, Result
from appliance.runtime.eye import EyeOwner
from appliance.runtime.passage_data import PassageData

CAPTURES = 2
LOOK_EVERY_S = 0.1
LOOK_FOR_S = 10.0


class Verification:
    """Runs the verification of one passage and shows what it saw."""

    def __init__(self, eye: EyeOwner, clock: Clock) -> None:
        self._eye, self._clock = eye, clock
        self._timings: dict[str, float] = {}
        self._captured = False

    async def run(self) -> tuple[Check, ...]:
        """The checks. Raises VisionLost, VisionRefused and DriverError."""
        self._captured = False
        checks: tuple[Check, ...] = ()
        for _ in range(CAPTURES):
            problem = await self._look()
            if problem is not None:
                return checks or problem
            log, _ = await self._eye.capture(face=True)
            reply = await self._eye.ask("analyse", log=log)
            self._captured = True
            checks = tuple(_check(check) for check in reply.header["checks"])
            self._timings = {key: reply.header[key] for key in ("captured_at", "inference_s", "liveness_s")}
            if not _inconclusive(checks):
                break
        return checks

    async def _look(self) -> tuple[Check, ...] | None:
        """Wait until one good face is in view; None when it is, the checks that say why not otherwise."""
        deadline = self._clock.monotonic() + LOOK_FOR_S
        while True:
            seen = (await self._eye.ask("locate")).header
            if seen["acceptable"]:
                return None
            if self._clock.monotonic() >= deadline:
                return _never_good(seen)
            await asyncio.sleep(LOOK_EVERY_S)

    def take_timings(self) -> dict[str, float]:
        """Stamps and durations (s) of the last capture, once."""
        taken, self._timings = self._timings, {}
        return taken

    async def show(self, data: PassageData) -> None:
        """Fetch the pictures of the last capture for the guard; a failure here changes no decision."""
        if not self._captured:
            return
        reply = await self._eye.ask("stills")
        for picture, blob in zip(reply.header["pictures"], reply.blobs, strict=True):
            eyes = reply.header["eyes"]
            data.show(picture["channel"], blob, picture["media_type"], label=picture["label"], eyes=eyes)


def _check(raw: dict[str, Any]) -> Check:
    return Check(CheckName(raw["name"]), Result(raw["result"]), str(raw["reason"]), str(raw["detail"]))


def _inconclusive(checks: tuple[Check, ...]) -> bool:
    """Worth a second look: something is undetermined and nothing has failed."""
    results = {check.result for check in checks}
    return Result.UNDETERMINED in results and Result.FAILED not in results


def _never_good(seen: dict[str, Any]) -> tuple[Check, ...]:
    faces = int(seen["faces"])
    several = faces > 1
    return (
        Check(
            CheckName.SINGLE_FACE,
            Result.FAILED if several else (Result.SUCCESSFUL if faces else Result.UNDETERMINED),
            f"{faces} faces are in view." if several else ("One face is in view." if faces else "No face is in view."),
        ),
        Check(CheckName.FACE_QUALITY, Result.UNDETERMINED, f"No good view of the face: {seen['advice']}"),
    )

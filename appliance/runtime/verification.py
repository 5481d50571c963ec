"""One verification: look, capture, compare, judge; at most a second capture when the first was inconclusive.

It measures and reports. It has no say in what follows, and an attack is never asked to try again.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from appliance.clock import Clock, today
from appliance.core.types import ADVICE_WORDS, Advice, Check, CheckName, Result
from appliance.document.judge import Judged
from appliance.runtime.eye import EyeOwner
from appliance.runtime.passage_data import PassageData
from appliance.wire import Message

CAPTURES = 2
MASK_REQUESTS, MASK_REQUEST_S = 2, 4.0
"""How often somebody in a medical mask is asked to take it off, and how long each request is shown."""
REQUEST_S = 4.0
"""How long an officer's request is shown before the next look."""
LOOK_EVERY_S = 0.1
LOOK_FOR_S = 10.0
_log = logging.getLogger(__name__)


class Verification:
    """Runs the verification of one passage and shows what it saw.

    `found` is whom a search of the gallery found, by label. `suspect` is called when light or camera were not as they
    should be, `advise` with what the traveller is told.
    """

    def __init__(
        self,
        eye: EyeOwner,
        clock: Clock,
        *,
        suspect: Callable[[], None] = lambda: None,
        advise: Callable[[Advice | None], None] = lambda _: None,
    ) -> None:
        self._eye, self._clock, self._suspect, self._advise = eye, clock, suspect, advise
        self._timings: dict[str, float] = {}
        self._captured = False
        self.found = ""

    async def run(self, ask: Advice | None = None) -> tuple[Check, ...]:
        """The checks; before them the traveller is asked for something, and given `REQUEST_S` to do it.

        Raises VisionLost, VisionRefused and DriverError.
        """
        self._captured, self.found = False, ""
        checks: tuple[Check, ...] = ()
        try:
            if ask is not None:
                self._advise(ask)
                await asyncio.sleep(REQUEST_S)
            for _ in range(CAPTURES):
                problem = await self._look()
                if problem is not None:
                    return checks or problem
                checks = await self._capture()
                if not _inconclusive(checks):
                    break
        finally:
            self._advise(None)
        return checks

    async def enrol(self, judged: Judged) -> Message:
        """Make the reference of a document's portrait: the vision process's own answer."""
        portrait = judged.portrait
        assert portrait is not None
        return await self._eye.ask(
            "enrol",
            blobs=(portrait.tobytes(),),
            height=portrait.shape[0],
            width=portrait.shape[1],
            issued=None if judged.issued is None else judged.issued.isoformat(),
            on=today(self._clock).isoformat(),
        )

    async def _capture(self) -> tuple[Check, ...]:
        await self._eye.meter()
        logs = await self._eye.capture(face=True)
        seen = (await self._eye.ask("analyse", logs=logs)).header
        self._captured, self.found = True, str(seen["found"])
        self._timings = {key: seen[key] for key in ("captured_at", "inference_s", "liveness_s")}
        if seen["findings"]:
            self._suspect()
        self._advise(_advice(seen))
        return tuple(_check(check) for check in seen["checks"])

    async def _look(self) -> tuple[Check, ...] | None:
        """Wait until one good face is in view; None when it is, the checks that say why not otherwise."""
        deadline = self._clock.monotonic() + LOOK_FOR_S
        asked, asked_at = 0, 0.0
        while True:
            begun = self._clock.monotonic()
            seen = (await self._eye.ask("locate")).header
            if seen["acceptable"]:
                return None
            advice, now = _advice(seen), self._clock.monotonic()
            if advice is Advice.UNCOVER_MOUTH and (asked == 0 or now - asked_at >= MASK_REQUEST_S):
                if asked == MASK_REQUESTS:
                    return _kept_on(seen)
                asked, asked_at = asked + 1, now
                deadline = max(deadline, now + (MASK_REQUESTS + 1 - asked) * MASK_REQUEST_S + LOOK_EVERY_S)
                # Taken away first: the same words twice are heard as a request only when they come anew.
                self._advise(None)
            self._advise(advice)
            if now >= deadline:
                return _never_good(seen)
            await asyncio.sleep(max(0.0, begun + LOOK_EVERY_S - self._clock.monotonic()))

    def take_timings(self) -> dict[str, float]:
        """Stamps and durations (s) of the last capture, once."""
        taken, self._timings = self._timings, {}
        return taken

    def log_cost(self, decided_at: float) -> None:
        """What the decision on the last capture took, once, for whoever has to make it faster."""
        if spent := self.take_timings():
            _log.info(
                "decision %.1f ms after capture: inference %.1f ms, liveness %.1f ms",
                1000 * (decided_at - spent["captured_at"]),
                1000 * spent["inference_s"],
                1000 * spent["liveness_s"],
            )

    async def show(self, data: PassageData) -> None:
        """Fetch the pictures of the last capture for the guard; a failure here changes no decision."""
        if not self._captured:
            return
        reply = await self._eye.ask("stills")
        for picture, blob in zip(reply.header["pictures"], reply.blobs, strict=True):
            eyes = reply.header["eyes"]
            data.show(picture["channel"], blob, picture["media_type"], label=picture["label"], eyes=eyes)


def _advice(seen: dict[str, Any]) -> Advice | None:
    return Advice(seen["advice"]) if seen["advice"] else None


def _check(raw: dict[str, Any]) -> Check:
    return Check(CheckName(raw["name"]), Result(raw["result"]), str(raw["reason"]), str(raw["detail"]))


def _inconclusive(checks: tuple[Check, ...]) -> bool:
    """Worth a second look: something is undetermined and nothing has failed."""
    results = {check.result for check in checks}
    return Result.UNDETERMINED in results and Result.FAILED not in results


def _kept_on(seen: dict[str, Any]) -> tuple[Check, ...]:
    single, quality = _never_good(seen)
    return single, replace(quality, reason=f"A medical mask was kept on after {MASK_REQUESTS} requests.")


def _never_good(seen: dict[str, Any]) -> tuple[Check, ...]:
    faces, words = int(seen["faces"]), ADVICE_WORDS[Advice(seen["advice"])]
    several = faces > 1
    return (
        Check(
            CheckName.SINGLE_FACE,
            Result.FAILED if several else (Result.SUCCESSFUL if faces else Result.UNDETERMINED),
            f"{faces} faces are in view." if several else ("One face is in view." if faces else "No face is in view."),
        ),
        Check(CheckName.FACE_QUALITY, Result.UNDETERMINED, f"No good view of the face: {words}", str(seen["figures"])),
    )

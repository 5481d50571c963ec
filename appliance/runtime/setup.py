"""What a maintainer may do at a running lane: have it test itself, and see what each of its bands sees.

Only while somebody has taken the lane out of service and nobody is in it; as soon as that no longer holds, it ends. It
sends nothing to the core and orders no release: the worst it can do is to light LEDs in an empty lane. Pictures are in
memory until the next one, and nowhere else. Not responsible for who is a maintainer (the console).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from typing import Any, Literal

from appliance.clock import Clock
from appliance.config import LaneConfig
from appliance.control.looks import BandFigures, LookView, SetupView
from appliance.control.messages import Reply
from appliance.control.setup import LookOrder, Proof, SelfTestOrder, SelfTestState, SetupRequest, StopOrder
from appliance.core import phases as ph
from appliance.core.types import Result
from appliance.runtime.loop import LaneLoop
from appliance.runtime.self_test import LOST, Owners, SelfTest
from appliance.store.async_store import AsyncStore
from appliance.store.errors import StoreError
from appliance.store.records import JournalRecord
from appliance.vision.client import VisionLost, VisionRefused
from drivers.errors import DriverError

LOOK_S = 120.0
"""How long a look lasts after what it shows was last chosen."""
UNSEEN_S = 5.0
"""A look whose newest picture nobody has fetched for this long has nobody before it; a slow burst is no absence."""
PICTURE_EVERY_S = 0.33
_NAMES = {"look": "looking at the bands", "self_test": "testing this lane"}
_log = logging.getLogger(__name__)
Doing = Literal["look", "self_test"]
Picture = tuple[str, str, bytes]
"""Id of the look, channel, JPEG."""


class Setup:
    """One maintainer at a time. `spawn` starts a task under the lane's own parent, `settled` waits until no other task
    uses the cameras, `publish` tells the consoles that `view` has changed.
    """

    def __init__(
        self,
        config: LaneConfig,
        clock: Clock,
        loop: LaneLoop,
        owners: Owners,
        store: AsyncStore,
        *,
        spawn: Callable[[str, Coroutine[Any, Any, None]], None],
        settled: Callable[[], Awaitable[None]],
        publish: Callable[[], None],
    ) -> None:
        self._clock, self._loop, self._owners, self._store = clock, loop, owners, store
        self._spawn, self._settled, self._publish = spawn, settled, publish
        self._test = SelfTest(config, owners, loop.faults)
        dark = (f"dark.{camera}" for camera in config.illumination)
        self.channels = ("rgb", *config.bands, *dark)
        self.view: SetupView | None = None
        self.test = SelfTestState(officer="", started=None, ended=None, words="", proofs=())
        self._order: LookOrder | None = None
        self._measured: LookOrder | None = None
        """The order whose best sharpness the vision process keeps."""
        self._picture: Picture | None = None
        self._ends_at = 0.0
        self._unseen_since: float | None = None
        """Since when there has been a picture that nobody has fetched; None while the newest has been."""
        self._why = ""
        self._wake = asyncio.Event()

    # --- what is asked ----------------------------------------------------------------------------------------

    async def ask(self, request: SetupRequest) -> Reply:
        """Carry out an order, or say why not."""
        match request.order:
            case StopOrder() as order:
                why = self._stop(order, request.officer)
            case LookOrder() as order:
                why = await self._look(order, request.officer)
            case SelfTestOrder():
                why = await self._begin("self_test", request.officer)
        return Reply(request_id=request.request_id, accepted=not why, message=why)

    def image(self, look_id: str, channel: str) -> tuple[bytes, str] | None:
        """The last picture of a look."""
        picture = self._picture
        if picture is None or picture[:2] != (look_id, channel):
            return None
        self._unseen_since = None
        return picture[2], "image/jpeg"

    def lane_changed(self) -> None:
        """Look at once whether the lane still allows it."""
        self._wake.set()

    def objection(self) -> str:
        """Why nothing of this may be done now; empty when it may."""
        lane, strays = self._loop.lane, self._owners.presence
        if lane.in_service or not isinstance(lane.phase, ph.OutOfService):
            if isinstance(lane.phase, ph.Emergency):
                return "The emergency release is active."
            if ph.passage_of(lane.phase) is not None:
                return "A passage is under way."
            return "The lane was not taken out of service by hand, or is not yet: take it out of service first."
        if lane.occupied is not False or lane.unlocked:
            return "Somebody is in the lane, or may be: nothing is tested and nothing is shown."
        if strays is not None and strays.somebody:
            return "The sensor overhead sees somebody in the lane: nothing is tested and nothing is shown."
        return ""

    @property
    def _running(self) -> SetupView | None:
        return self.view if self.view is not None and self.view.ended is None else None

    def _stop(self, order: StopOrder, officer: str) -> str:
        running = self._running
        mine = running is not None and (running.look.look_id if running.look else None) == order.look_id
        if not mine:
            return "That has ended already."
        self._why = f"{officer} ended it."
        self._wake.set()
        return ""

    async def _look(self, order: LookOrder, officer: str) -> str:
        if order.channel not in self.channels:
            return f"This lane has no channel {order.channel}; there are {', '.join(self.channels)}."
        running = self._running
        if running is None or running.look is None or running.look.look_id != order.look_id:
            return await self._begin("look", officer, order)
        if why := self.objection():
            return why
        self._choose(order)
        changed = {"channel": order.channel, "ends": self._ends(), "figures": None}
        self._show(look=running.look.model_copy(update=changed))
        return ""

    def _choose(self, order: LookOrder) -> None:
        self._order = order
        self._ends_at = self._clock.monotonic() + LOOK_S
        self._wake.set()

    def _ends(self) -> datetime:
        return self._clock.now() + timedelta(seconds=LOOK_S)

    def _first(self, order: LookOrder) -> LookView:
        return LookView(
            look_id=order.look_id, channel=order.channel, version=0, ends=self._ends(), figures=None, problem=""
        )

    async def _begin(self, doing: Doing, officer: str, order: LookOrder | None = None) -> str:
        """Claim the lane, have it journalled, start; nothing is done that is not on record."""
        if why := self.objection():
            return why
        if self._running is not None:
            return f"{self._running.officer} is {_NAMES[self._running.doing]}: one at a time."
        if doing == "look" and set(LOST) & set(self._loop.faults.codes):
            return "A camera or its light does not answer: look at the lane's faults."
        before, self._why = self.view, ""
        self.view = SetupView(
            doing=doing,
            officer=officer,
            since=self._clock.now(),
            ended=None,
            words="",
            done=0,
            look=None if order is None else self._first(order),
        )
        if order is not None:
            self._choose(order)
            self._unseen_since = None
        try:
            await self._store.append([JournalRecord(f"setup.{doing}_began", {"officer": officer})])
        except StoreError as error:
            self.view, self._order = before, None
            return f"The journal cannot be written: {error}"
        self._publish()
        self._spawn("setup", self._run(self._keep_looking if order is not None else self._prove))
        return ""

    # --- while it lasts ---------------------------------------------------------------------------------------

    async def _run(self, work: Callable[[], Awaitable[str]]) -> None:
        why = "The lane was stopped."
        eye = self._owners.eye
        try:
            await self._settled()
            eye.busy = True
            why = await work()
        except (VisionLost, VisionRefused, DriverError) as error:
            # The owner of the eye raises the fault.
            why = f"It broke off: {error}"
        finally:
            eye.busy = False
            self._order = self._measured = self._picture = None
            await self._ended(why)
        await eye.forget()  # the vision process holds the last burst

    async def _ended(self, why: str) -> None:
        view = self.view
        assert view is not None
        results = [proof.result for proof in self.test.proofs] if view.doing == "self_test" else []
        counts = {result.value: results.count(result) for result in Result if result in results}
        facts: dict[str, object] = {"officer": view.officer, "why": why[:300], "results": counts}
        ended = self._clock.now()
        if view.doing == "self_test":
            self.test = self.test.model_copy(update={"ended": ended, "words": why})
        self._show(ended=ended, words=why)
        try:
            await self._store.append([JournalRecord(f"setup.{view.doing}_ended", facts)])
        except StoreError as error:
            _log.warning("the end of a maintainer's work was not kept: %s", error)

    def _over(self) -> str:
        """Why it ends now; empty while it goes on."""
        return self._why or self.objection()

    def _show(self, **changes: object) -> None:
        assert self.view is not None
        self.view = self.view.model_copy(update=changes)
        self._publish()

    async def _keep_looking(self) -> str:
        await self._owners.eye.longest()
        while not (why := self._look_over()):
            self._wake.clear()
            begun = self._clock.monotonic()
            await self._take()
            with suppress(TimeoutError):
                async with asyncio.timeout(begun + PICTURE_EVERY_S - self._clock.monotonic()):
                    await self._wake.wait()
        return why

    def _look_over(self) -> str:
        now = self._clock.monotonic()
        if why := self._over():
            return why
        if now >= self._ends_at:
            return "Two minutes are over."
        unseen = self._unseen_since
        return "Nobody looks any more." if unseen is not None and now - unseen > UNSEEN_S else ""

    async def _take(self) -> None:
        """One burst as a passage has it; shown only if the lane is still as it was."""
        order = self._order
        assert order is not None
        eye = self._owners.eye
        logs = await eye.capture(face=False)
        fresh, self._measured = order is not self._measured, order
        reply = await eye.ask("look", logs=logs, channel=order.channel, at=order.at, fresh=fresh)
        running = self._running
        if self._over() or self._order is not order or running is None or running.look is None:
            return
        problem, figures = reply.header.get("problem", ""), reply.header.get("figures")
        self._picture = (order.look_id, order.channel, reply.blobs[0]) if reply.blobs else None
        if self._unseen_since is None and self._picture is not None:
            self._unseen_since = self._clock.monotonic()
        self._show(
            look=LookView(
                look_id=order.look_id,
                channel=order.channel,
                version=running.look.version + 1,
                ends=running.look.ends,
                figures=BandFigures.model_validate(figures) if figures is not None else None,
                problem=problem,
            )
        )

    async def _prove(self) -> str:
        view = self._running
        assert view is not None
        self.test = SelfTestState(officer=view.officer, started=view.since, ended=None, words="", proofs=())
        self._add(
            Proof(part="journal", what="can be written", result=Result.SUCCESSFUL, seen="This test is on record.")
        )
        for name, part in self._test.parts.items():
            why = self._over()
            try:
                async with aclosing(part()) as proofs:
                    while not why and (proof := await anext(proofs, None)) is not None:
                        why = self._over()
                        if not why:
                            self._add(proof)
            except (VisionLost, VisionRefused, DriverError) as error:
                self._add(Proof(part=name, what="answers", result=Result.FAILED, seen=str(error)))
            if why:
                self._add(Proof(part=name, what="broken off", result=Result.ABORTED, seen=why))
        return self._over() or "All parts were tested."

    def _add(self, proof: Proof) -> None:
        self.test = self.test.model_copy(update={"proofs": (*self.test.proofs, proof)})
        self._show(done=len(self.test.proofs))

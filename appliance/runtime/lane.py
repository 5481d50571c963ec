"""One lane, put together: the loop, the owners of its devices, what the guard sees, and how it starts and ends."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from appliance import devices, handover, sites
from appliance.clock import Clock
from appliance.config import LaneConfig
from appliance.control.messages import BlockRequest, LaneSnapshot, OfficerRequest, Reply, ServiceRequest
from appliance.control.server import ControlServer
from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core import phases as ph
from appliance.core.types import Advice, Device, Door
from appliance.document.judge import Judged
from appliance.runtime import claims, evidence, preview, records, standing, view
from appliance.runtime.eye import EyeOwner
from appliance.runtime.gate import GateOwner
from appliance.runtime.history import History
from appliance.runtime.loop import LaneLoop
from appliance.runtime.passage_data import PassageData
from appliance.runtime.presence import PresenceOwner
from appliance.runtime.questions import Questions
from appliance.runtime.reader import ReaderOwner
from appliance.runtime.resume import resume
from appliance.runtime.self_test import Owners
from appliance.runtime.setup import Setup
from appliance.runtime.timers import LoopTimers
from appliance.runtime.verification import Verification
from appliance.runtime.wellness import Wellness
from appliance.store.async_store import AsyncStore
from appliance.store.errors import StoreError
from appliance.store.records import JournalRecord
from appliance.vision.client import VisionLost, VisionRefused, setup_of
from drivers.errors import DriverError

TEST_LOOK_S = 1.0
_log = logging.getLogger(__name__)


class BatteryEmpty(Exception):
    """The lane has ended in order, because its supply is about to."""


class LaneController:
    """The face of the lane to its consoles, and the hands of its loop."""

    def __init__(self, config: LaneConfig, clock: Clock, store: AsyncStore) -> None:
        self._config, self._clock, self._store = config, clock, store
        self._timers = LoopTimers()
        self.loop = LaneLoop(
            policy=config.core_policy(),
            clock=clock,
            timers=self._timers,
            store=store,
            pack_id=lambda: self.eye.pack_id,
            simulated=config.simulated,
            dispatch=self._dispatch,
            on_change=self._changed,
        )
        self.gate = GateOwner(
            devices.gate(config),
            self.loop,
            poll_s=1.0 / config.gate.poll_hz,
            release_s=config.policy.release_s,
        )
        self.wellness = Wellness(config, self.loop.faults, clock)
        self.eye = EyeOwner(
            setup=setup_of(config),
            leds={camera: tuple(light.pulses) for camera, light in config.illumination.items()},
            lights=devices.illuminators(config),
            wellness=self.wellness,
            loop=self.loop,
            clock=clock,
        )
        source = claims.source_of(config, self.eye, lambda: isinstance(self.loop.lane.phase, ph.Ready))
        self.reader = ReaderOwner(source, self.loop, clock, self._document)
        sensor = devices.presence(config)
        self.presence = PresenceOwner(sensor, self.loop, clock) if sensor is not None else None
        self.verification = Verification(self.eye, clock, suspect=self.wellness.suspect, advise=self._advise)
        self.history = History(config, clock, lambda: self.eye.pack_id, self._spawn)
        self.setup = Setup(
            config,
            clock,
            self.loop,
            Owners(self.gate, self.eye, self.reader, self.presence),
            store,
            spawn=self._spawn,
            settled=lambda: self._settled("enrol", "verify", "self-test"),
            publish=self.publish,
        )
        questions = Questions(config, clock, self.history, self.setup, faults=self.loop.faults, snapshot=self.snapshot)
        self.server = ControlServer(
            config.control_socket,
            self,
            clock,
            self._watched,
            hand_over=partial(handover.journal, store),
            history=questions.answer,
            setup=self.setup.ask,
        )
        self._passage: PassageData | None = None
        self._advice: Advice | None = None
        self._evidence, self._mode = evidence.label(config), standing.mode(config)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._revision = 0
        self._to_end = asyncio.Event()
        self._on_ready: Callable[[LaneSnapshot], None] | None = None

    # --- life -------------------------------------------------------------------------------------------------

    async def run(self, on_ready: Callable[[LaneSnapshot], None] | None = None) -> None:
        """Run until cancelled. The first failure of any part ends all of them; outputs go off on the way out."""
        await resume(self._config, self._store, self.loop)
        self.loop.post(ev.DeviceReported(Device.STORE), "store")
        if self._config.policy.require_guard:
            self.loop.faults.raise_fault(1005, "console")
        self._on_ready = on_ready
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for name, part in (
                    ("loop", self.loop.run()),
                    ("gate", self.gate.run()),
                    ("eye", self.eye.run()),
                    ("reader", self.reader.run()),
                    ("control", self.server.run()),
                    ("preview", preview.keep_showing(self.eye, self._held, self.publish)),
                    ("tests", self._keep_testing()),
                    ("supply", self._end_with_the_supply()),
                    *((("presence", self.presence.run()),) if self.presence is not None else ()),
                ):
                    group.create_task(part, name=name)
        finally:
            self._timers.cancel_all()
            self.history.close()
            with contextlib.suppress(Exception):
                await self._store.append([JournalRecord("lane_stopped")])

    async def _end_with_the_supply(self) -> None:
        """A battery that is nearly empty: whoever is inside is finished first."""
        await self._to_end.wait()
        raise BatteryEmpty("The battery is nearly empty; the lane has ended in order, all outputs are off.")

    # --- commands of the loop ---------------------------------------------------------------------------------

    def _dispatch(self, command: cmd.Command) -> None:
        match command:
            case cmd.ReadDocument(passage_id):
                self._spawn(f"read.{passage_id}", self.reader.read(passage_id))
            case cmd.StartVerification(passage_id, ask):
                if self._passage is not None:
                    self._passage.again()
                self._spawn("verify", self._verify(passage_id, ask))
            case cmd.StopVerification():
                self._stop("verify")
            case cmd.ReleaseEntry():
                self.gate.order_release(Door.ENTRY)
            case cmd.ReleaseExit():
                self.gate.order_release(Door.EXIT)
            case cmd.Secure():
                self.gate.order_secure()
            case cmd.SelfTest():
                self._spawn("self-test", self._self_test())
            case cmd.RecordDecision(_, decision, officer):
                if self._passage is not None:
                    self._passage.checks = decision.checks
                if officer is None:
                    self.verification.log_cost(self.loop.stepped_at)
            case cmd.EndPassage(_, outcome):
                if self._passage is not None:
                    self._passage.outcome = outcome
            case cmd.Ignored():
                pass

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        assert self._group is not None
        self._stop(name)
        task = self._group.create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._tasks.pop(name, None) if self._tasks.get(name) is done else None)

    def _stop(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    def _document(self, passage_id: str, judged: Judged) -> None:
        data = self._passage
        if data is None or data.passage_id != passage_id or data.forgotten:
            return
        data.claimed(judged)
        if judged.portrait is not None:
            self._spawn("enrol", self._enrol(data, judged))

    async def _enrol(self, data: PassageData, judged: Judged) -> None:
        """Make the reference while the traveller walks in."""
        try:
            reply = await self.verification.enrol(judged)
        except (VisionLost, VisionRefused, DriverError) as error:
            _log.warning("the portrait was not enrolled: %s", error)
            return
        data.tell(reply.header["irregularities"])
        eyes = reply.header["eyes"]
        data.show("portrait", reply.blobs[0], "image/jpeg", label="from the reader", eyes=eyes)
        self.publish()

    async def _verify(self, passage_id: str, ask: Advice | None) -> None:
        data = self._passage
        if data is None or data.passage_id != passage_id:
            return
        # A test under way would take exposures from the capture.
        self.eye.busy = True
        try:
            await self._settled("enrol", "self-test", "setup")
            self.eye.busy = True
            if self.presence is not None:
                self.presence.begin()
            checks = await self.verification.run(ask)
            data.enrolled_as = data.enrolled_as or self.verification.found
            if self.presence is not None:
                checks = await self.presence.judged(checks)
            self.loop.post(ev.VerificationDone(passage_id, checks), "vision")
            await self.verification.show(data)
            self.publish()
            if self._config.liveness.shadow is not None:
                await self._record_shadow(passage_id)
        except VisionRefused as error:
            _log.warning("verification could not be performed: %s", error)
            self.loop.post(ev.VerificationDone(passage_id, ()), "vision")
        except (VisionLost, DriverError) as error:
            # The owner of the eye raises the fault, whose effect refers this passage.
            _log.warning("verification broke off: %s", error)
        finally:
            self.eye.busy = False

    async def _settled(self, *names: str) -> None:
        """Until none of these tasks is under way."""
        while under_way := {task for name in names if (task := self._tasks.get(name)) is not None}:
            await asyncio.wait(under_way)

    async def _record_shadow(self, passage_id: str) -> None:
        """What the second detector says of the same capture. The decision is made; nothing here can touch it."""
        seen = (await self.eye.ask("shadow")).header
        if seen["result"] is None:
            return
        try:
            await self._store.append([records.of_shadow(passage_id, seen)])
        except StoreError as error:
            _log.warning("the shadow's judgement was not kept: %s", error)

    async def _self_test(self) -> None:
        self.eye.busy = True
        try:
            await self.eye.self_test()
        except (VisionLost, VisionRefused, DriverError) as error:
            _log.warning("self-test broke off: %s", error)
        finally:
            self.eye.busy = False

    async def _keep_testing(self) -> None:
        """Light that drifts or breaks must be noticed while nobody is in the lane, not by the next traveller."""
        while True:
            await asyncio.sleep(TEST_LOOK_S)
            lane = self.loop.lane
            idle = isinstance(lane.phase, ph.Ready | ph.OutOfService) and lane.occupied is False
            lost = {1002, 1004, 3001, 3002} & set(self.loop.faults.codes)
            if idle and self.wellness.due and not self.eye.busy and not lost:
                self._spawn("self-test", self._self_test())

    def _advise(self, advice: Advice | None) -> None:
        if advice is not self._advice:
            self._advice = advice
            self.publish()

    def _held(self) -> PassageData | None:
        """The passage of whoever is held, while a guard watches and a camera is there to see it with.

        An escalated referral needs no guard who watches: the station that takes it over does not count as one.
        """
        phase = self.loop.lane.phase
        held = isinstance(phase, ph.Referred) and (phase.escalated or self.server.watchers > 0)
        return self._passage if held and 3001 not in self.loop.faults.codes else None

    # --- what changes -----------------------------------------------------------------------------------------

    def _changed(self, before: ph.Lane, after: ph.Lane) -> None:
        if isinstance(after.phase, ph.Reading) and not isinstance(before.phase, ph.Reading):
            self._passage = PassageData(after.phase.passage_id, self._clock.now())
        data = self._passage
        if data is not None and before.phase != after.phase:
            data.follow(before.phase, after.phase, self._clock.now())
            resting = ph.Ready | ph.OutOfService | ph.Starting | ph.Emergency
            if isinstance(after.phase, resting) and not isinstance(before.phase, resting):
                self._forget(data)
        if isinstance(after.phase, ph.OutOfService) and after.occupied is False and 6002 in self.loop.faults.codes:
            self._to_end.set()
        self.setup.lane_changed()
        self.publish()
        if isinstance(after.phase, ph.Ready) and self._on_ready is not None:
            self._on_ready(self.snapshot())
            self._on_ready = None

    def _forget(self, data: PassageData) -> None:
        self._stop("enrol")
        data.forget()
        self._spawn("forget", self.eye.forget())

    def _watched(self, guards: int) -> None:
        if self._config.policy.require_guard:
            self.loop.faults.set(1005, "console", guards == 0)

    def publish(self) -> None:
        """Tell every console."""
        self._revision += 1
        self.server.changed()

    # --- the face to the consoles -----------------------------------------------------------------------------

    def snapshot(self) -> LaneSnapshot:
        """The lane as it is now."""
        return view.snapshot(
            view.Facts(
                lane_id=self._config.lane_id,
                simulated=self._config.simulated,
                revision=self._revision,
                at=self._clock.now(),
                policy=self.loop.policy,
                lane=self.loop.lane,
                in_phase_s=self._clock.monotonic() - self.loop.phase_since,
                faults=self.loop.faults.active,
                released=self.gate.released,
                passage=self._passage,
                pack=self.eye.pack,
                journal_sequence=self._store.head.seq,
                evidence=self._evidence,
                advice=self._advice,
                attended=sites.KINDS[self._config.site].guarded is not False,
                claim=self._config.document_reader.claim,
                setup=self.setup.view,
                mode=self._mode,
                devices=standing.devices(self._config, self.loop.faults),
            )
        )

    def image(self, passage_id: str, channel: str) -> tuple[bytes, str] | None:
        """An image of the passage under way, or of a maintainer's look."""
        data = self._passage
        if data is None or data.passage_id != passage_id or channel not in data.pictures:
            return self.setup.image(passage_id, channel)
        picture = data.pictures[channel]
        return picture.data, picture.media_type

    async def decide(self, request: OfficerRequest) -> Reply:
        """An officer's decision."""
        event = ev.OfficerDecided(
            request.passage_id,
            request.action,
            request.visual_check,
            request.officer,
            request.reason,
            request.second_officer,
        )
        accepted = await self.loop.ask(event, "console")
        return self._reply(request.request_id, accepted)

    async def service(self, request: ServiceRequest) -> Reply:
        """Out of service, or back. Back also means: an officer has looked, reset what waits for a reset."""
        if request.in_service:
            await self.gate.reset()
        accepted = await self.loop.ask(
            ev.ServiceRequested(request.in_service, request.officer, request.reason), "console"
        )
        return self._reply(request.request_id, accepted)

    async def block(self, request: BlockRequest) -> Reply:
        """No new passage, or again; a restart does not undo it."""
        accepted = await self.loop.ask(ev.BlockRequested(request.blocked, request.officer, request.reason), "console")
        return self._reply(request.request_id, accepted)

    def _reply(self, request_id: str, accepted: bool) -> Reply:
        message = "" if accepted else "The lane cannot do that now: look at its state and its faults."
        if not accepted and 5001 in self.loop.faults.codes:
            message = "The journal cannot be written: only what lets nobody in was done, and it is not on record."
        return Reply(request_id=request_id, accepted=accepted, message=message)


async def run_lane(config: LaneConfig, clock: Clock, on_ready: Callable[[LaneSnapshot], None] | None = None) -> None:
    """Open the store, run the lane, close the store; whatever happens in between."""
    async with await AsyncStore.open(config.state_dir, clock, boot_id=uuid.uuid4().hex) as store:
        await LaneController(config, clock, store).run(on_ready)

"""A post that only watches, put together: the cameras' threads, the alerts, the journal, the socket of the console.

One task owns the alerts; threads only tell it news. A record is written before what it says is shown; a post that
cannot write ends, and the console shows it as unreachable. Pictures are held in memory and never written.
"""

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from appliance import handover
from appliance.clock import Clock
from appliance.control.messages import (
    AcknowledgeRequest,
    AlertView,
    BlockRequest,
    ObservedCameraView,
    OfficerRequest,
    Reply,
    ServiceRequest,
    WatchSnapshot,
)
from appliance.control.server import ControlServer
from appliance.observe.alerts import LIMIT, LOOKS, Alert, Alerts
from appliance.observe.config import ObserveConfig, rtsp_camera
from appliance.observe.watcher import (
    STILL_S,
    FaceCovered,
    FaceGone,
    Judge,
    LinkLost,
    LinkUp,
    News,
    Watcher,
    thread_of,
)
from appliance.store.async_store import AsyncStore
from appliance.store.records import JournalRecord
from drivers.ports import Camera

TICK_S = 1.0
_JOIN_S = 6.0
_MOST_NEWS = 256
HANGS = f"no picture was judged for {STILL_S:.0f} s"
NOTHING_MOVES = "nothing moves here: this post only watches"


@dataclass(frozen=True, slots=True)
class _Tick:
    pass


@dataclass(frozen=True, slots=True)
class _Asked:
    request: AcknowledgeRequest
    answer: asyncio.Future[Reply]


@dataclass(frozen=True, slots=True)
class _Link:
    link: Literal["connecting", "live", "lost"]
    since: datetime
    problem: str = ""


class Post:
    """The face of a post to its consoles. `judge` is called once for each camera: networks are not shared."""

    def __init__(
        self,
        config: ObserveConfig,
        clock: Clock,
        store: AsyncStore,
        judge: Callable[[], Judge],
        cameras: dict[str, Camera] | None = None,
    ) -> None:
        self._config, self._clock, self._store = config, clock, store
        self._alerts = Alerts()
        self._full = False
        self._revision = 0
        self._links = {one.name: _Link("connecting", clock.now()) for one in config.observe.cameras}
        self._run_id = uuid.uuid4().hex[:8]
        self._news: asyncio.Queue[News | _Tick | _Asked] = asyncio.Queue(_MOST_NEWS)
        self._over = threading.Event()
        cameras = cameras or {one.name: rtsp_camera(one) for one in config.observe.cameras}
        wanted, wait = config.observe, self._over.wait
        self.watchers = [
            Watcher(name, camera, judge(), clock, self._told, votes=wanted.votes, rate=wanted.rate, wait=wait)
            for name, camera in cameras.items()
        ]
        self.server = ControlServer(
            config.control_socket, self, clock, lambda _: None, self.acknowledge, partial(handover.journal, store)
        )
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, on_ready: Callable[[WatchSnapshot], None] | None = None) -> None:
        """Watch until cancelled. Raises SocketBusy, StoreError."""
        self._loop = asyncio.get_running_loop()
        threads = [thread_of(watcher) for watcher in self.watchers]
        await self._write("watch_started", cameras=sorted(self._links), simulated=self._config.simulated)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.server.run(), name="control")
                group.create_task(self._listen(), name="news")
                group.create_task(self._keep_ticking(), name="tick")
                for thread in threads:
                    thread.start()
                if on_ready is not None:
                    on_ready(self.snapshot())
        finally:
            self._over.set()
            await asyncio.to_thread(_join, threads)

    # --- the threads' news ------------------------------------------------------------------------------------

    def _told(self, news: News) -> None:
        """From a camera's thread: waits while the journal is behind, so that nothing is dropped or piles up."""
        assert self._loop is not None
        if self._over.is_set():
            return
        # Both mean that the post is over.
        with contextlib.suppress(RuntimeError, CancelledError):
            handed = asyncio.run_coroutine_threadsafe(self._news.put(news), self._loop)
            while not self._over.is_set():
                with contextlib.suppress(TimeoutError):
                    handed.result(0.5)
                    return

    async def _keep_ticking(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self._news.put(_Tick())

    async def _listen(self) -> None:
        while True:
            await self._take(await self._news.get())

    async def _take(self, news: News | _Tick | _Asked) -> None:
        """Journal one thing that has happened, then show it."""
        match news:
            case LinkUp(camera):
                await self._link(camera, "live")
            case LinkLost(camera, problem):
                await self._link(camera, "lost", problem)
            case FaceCovered():
                await self._raise(news)
            case FaceGone(camera, track, because):
                alert = self._alerts.get(self._id(camera, track))
                if alert is not None and alert.ended is None:
                    await self._end(alert, because)
            case _Asked(request, answer):
                reply = await self._acknowledged(request)
                if not answer.done():
                    answer.set_result(reply)
            case _Tick():
                await self._tick()
                return
        self._publish()

    def _id(self, camera: str, track: int) -> str:
        return f"{camera}-{self._run_id}-{track}"

    async def _link(self, camera: str, link: Literal["live", "lost"], problem: str = "") -> None:
        before = self._links[camera]
        if (before.link, before.problem) != (link, problem):
            await self._write(f"watch_link_{link}", camera=camera, problem=problem)
            since = before.since if before.link == link else self._clock.now()
            self._links[camera] = _Link(link, since, problem)

    async def _raise(self, news: FaceCovered) -> None:
        if not self._alerts.room:
            self._alerts.missed += 1
            if not self._full:
                self._full = True
                await self._write("watch_alerts_full", camera=news.camera)
            return
        self._full = False
        found = news.raised
        alert = Alert(
            alert_id=self._id(news.camera, found.track),
            camera=news.camera,
            raised=self._clock.now(),
            score=round(found.score, 3),
            hits=found.hits,
            of=found.of,
            picture=news.picture,
        )
        await self._write(
            "watch_alert_raised",
            alert_id=alert.alert_id,
            camera=alert.camera,
            score=alert.score,
            hits=alert.hits,
            of=alert.of,
            seen=LOOKS,
            limit=LIMIT,
            guards=self.server.watchers,
        )
        self._alerts.add(alert)

    async def _end(self, alert: Alert, because: str) -> None:
        await self._write("watch_alert_cleared", alert_id=alert.alert_id, because=because)
        self._alerts.end(alert, self._clock.now(), because)

    async def _acknowledged(self, request: AcknowledgeRequest) -> Reply:
        alert = self._alerts.get(request.alert_id)
        if alert is None or alert.officer:
            words = "there is no such alert (any more)" if alert is None else f"{alert.officer} was first"
            return Reply(request_id=request.request_id, accepted=False, message=words)
        await self._write("watch_alert_acknowledged", alert_id=alert.alert_id, officer=request.officer)
        self._alerts.acknowledge(alert, request.officer)
        return Reply(request_id=request.request_id, accepted=True)

    async def _tick(self) -> None:
        """What time alone brings: alerts nobody has acknowledged go, a watch that hangs is told."""
        overdue = self._alerts.overdue(self._clock.now() - timedelta(seconds=self._config.observe.keep_s))
        for alert in overdue:
            await self._write("watch_alert_forgotten", alert_id=alert.alert_id)
            self._alerts.forget(alert)
        changed = bool(overdue)
        for watcher in self.watchers:
            link, hangs = self._links[watcher.name], self._clock.monotonic() - watcher.judged_at > STILL_S
            if link.link == "live" and hangs:
                await self._link(watcher.name, "lost", HANGS)
                for alert in self._alerts.in_view(watcher.name):
                    await self._end(alert, "link lost")
            elif link.problem == HANGS and not hangs:
                await self._link(watcher.name, "live")
            changed |= self._links[watcher.name] != link
        if changed:
            self._publish()

    # --- the console ------------------------------------------------------------------------------------------

    def snapshot(self) -> WatchSnapshot:
        """The post as it is now."""
        faces = {one.name: one.faces for one in self.watchers if self._links[one.name].link == "live"}
        cameras = (
            ObservedCameraView(name=name, link=one.link, since=one.since, problem=one.problem, faces=faces.get(name, 0))
            for name, one in self._links.items()
        )
        return WatchSnapshot(
            lane_id=self._config.lane_id,
            revision=self._revision,
            at=self._clock.now(),
            simulated=self._config.simulated,
            cameras=tuple(cameras),
            alerts=tuple(_view(alert) for alert in self._alerts),
            missed=self._alerts.missed,
            journal_sequence=self._store.head.seq,
        )

    def image(self, passage_id: str, channel: str) -> tuple[bytes, str] | None:
        """The still of an alert, while there is one."""
        alert = self._alerts.get(passage_id) if channel == "face" else None
        return (alert.picture, "image/jpeg") if alert is not None and alert.picture else None

    async def decide(self, request: OfficerRequest) -> Reply:
        """Refused: there is no traveller to decide about."""
        return Reply(request_id=request.request_id, accepted=False, message=NOTHING_MOVES)

    async def service(self, request: ServiceRequest) -> Reply:
        """Refused: a post is stopped where it runs."""
        return Reply(request_id=request.request_id, accepted=False, message=NOTHING_MOVES)

    async def block(self, request: BlockRequest) -> Reply:
        """Refused: no passage starts here."""
        return Reply(request_id=request.request_id, accepted=False, message=NOTHING_MOVES)

    async def acknowledge(self, request: AcknowledgeRequest) -> Reply:
        """An officer has seen an alert: journaled with the name, once."""
        asked = _Asked(request, asyncio.get_running_loop().create_future())
        await self._news.put(asked)
        return await asked.answer

    def _publish(self) -> None:
        self._revision += 1
        self.server.changed()

    async def _write(self, kind: str, **facts: object) -> None:
        await self._store.append([JournalRecord(kind, facts)])


def _view(alert: Alert) -> AlertView:
    return AlertView(
        alert_id=alert.alert_id,
        camera=alert.camera,
        raised=alert.raised,
        ended=alert.ended,
        because=alert.because,
        acknowledged_by=alert.officer,
        score=alert.score,
        hits=alert.hits,
        of=alert.of,
        words=LOOKS,
        limit=LIMIT,
    )


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        if thread.ident is not None:
            thread.join(_JOIN_S)

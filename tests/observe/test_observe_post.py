"""A post: what is journaled, what the console is told, what an officer may do; on a real socket and a real stream."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
from observe_stage import PictureJudge, config_of, face

from appliance.clock import ManualClock, SystemClock
from appliance.control.client import LaneClient
from appliance.control.messages import (
    AcknowledgeRequest,
    OfficerAction,
    OfficerRequest,
    Reply,
    ServiceRequest,
    WatchSnapshot,
)
from appliance.control.server import SocketBusy
from appliance.face.mask_detector import MaskFinding
from appliance.face.types import DetectedFace, Image
from appliance.observe.alerts import LIMIT, MOST_ALERTS
from appliance.observe.command import CANNOT_START, command
from appliance.observe.post import HANGS, Post, _Asked, _Tick
from appliance.observe.tracks import Raised
from appliance.observe.watcher import STILL_S, FaceCovered, FaceGone, LinkLost, LinkUp
from appliance.store.async_store import AsyncStore
from appliance.store.errors import StoreBroken

pytestmark = pytest.mark.anyio
STILL = b"\xff\xd8 the face of somebody \xff\xd9"


class Stage:
    """A post whose news are given by hand."""

    def __init__(self, post: Post, store: AsyncStore, clock: ManualClock, folder: Path) -> None:
        self.post, self.clock, self._store, self._folder = post, clock, store, folder

    async def told(self, *news: object) -> WatchSnapshot:
        for one in news:
            await self.post._take(one)  # type: ignore[arg-type]
        return self.post.snapshot()

    async def acknowledged(self, alert_id: str, officer: str = "o.sipka") -> Reply:
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        request = AcknowledgeRequest(request_id="r-1", alert_id=alert_id, officer=officer)
        await self.post._take(_Asked(request, answer))
        return answer.result()

    def written(self) -> list[tuple[str, dict[str, object]]]:
        import sqlite3

        with contextlib.closing(sqlite3.connect(self._folder / "state" / "lane.db")) as base:
            rows = base.execute("select kind, payload from journal order by seq").fetchall()
        return [(kind, json.loads(payload)) for kind, payload in rows]

    def kinds(self) -> list[str]:
        return [kind.removeprefix("watch_") for kind, _ in self.written()]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock = ManualClock()
    config = config_of(tmp_path)
    async with await AsyncStore.open(config.state_dir, clock, boot_id="boot") as store:
        yield Stage(Post(config, clock, store, PictureJudge), store, clock, tmp_path)


def covered(track: int = 1) -> FaceCovered:
    return FaceCovered("hall", Raised(track, (0.0, 0.0, 9.0, 9.0), 0.87654, 5, 7), STILL)


async def test_an_alert_says_what_was_seen_and_what_cannot_be_told(stage: Stage) -> None:
    seen = await stage.told(LinkUp("hall"), covered())
    (alert,) = seen.alerts
    assert (alert.camera, alert.score, alert.hits, alert.of, alert.ended) == ("hall", 0.877, 5, 7, None)
    assert alert.words == "Lower face covered, as by a medical mask."
    assert alert.limit == "Colour only: cannot tell skin from resin or silicone in visible light; not tested."
    assert stage.post.image(alert.alert_id, "face") == (STILL, "image/jpeg")
    assert stage.post.image(alert.alert_id, "rgb") is None
    assert stage.post.image("other", "face") is None


async def test_the_journal_has_every_step_and_no_picture(stage: Stage) -> None:
    seen = await stage.told(LinkUp("hall"), covered(), FaceGone("hall", 1, "out of sight"))
    await stage.acknowledged(seen.alerts[0].alert_id)
    await stage.told(LinkLost("hall", "has hung up"))
    assert stage.kinds() == ["link_live", "alert_raised", "alert_cleared", "alert_acknowledged", "link_lost"]
    raised = stage.written()[1][1]
    assert raised["limit"] == LIMIT
    assert raised["guards"] == 0
    assert stage.written()[3][1]["officer"] == "o.sipka"
    everything = b"".join(path.read_bytes() for path in stage._folder.rglob("*") if path.is_file())
    assert b"watch_alert_raised" in everything
    assert b"the face of somebody" not in everything


async def test_an_alert_stays_until_it_is_acknowledged_and_the_face_is_gone(stage: Stage) -> None:
    seen = await stage.told(covered(), FaceGone("hall", 1, "out of sight"))
    assert seen.alerts[0].because == "out of sight"
    assert (await stage.acknowledged(seen.alerts[0].alert_id)).accepted
    assert stage.post.snapshot().alerts == ()
    assert stage.post.image(seen.alerts[0].alert_id, "face") is None, "its picture goes with it"

    seen = await stage.told(covered(2))
    assert (await stage.acknowledged(seen.alerts[0].alert_id)).accepted
    assert stage.post.snapshot().alerts[0].acknowledged_by == "o.sipka"
    assert (await stage.told(FaceGone("hall", 2, "out of sight"))).alerts == ()


async def test_it_is_acknowledged_once_and_only_if_it_is_there(stage: Stage) -> None:
    seen = await stage.told(covered())
    alert_id = seen.alerts[0].alert_id
    assert (await stage.acknowledged(alert_id, "first")).accepted
    second = await stage.acknowledged(alert_id, "second")
    assert (second.accepted, second.message) == (False, "first was first")
    missing = await stage.acknowledged("hall-x-99")
    assert (missing.accepted, missing.message) == (False, "there is no such alert (any more)")
    assert stage.kinds().count("alert_acknowledged") == 1


async def test_what_nobody_acknowledges_goes_after_its_time_and_that_is_written(stage: Stage) -> None:
    await stage.told(covered(), covered(2), FaceGone("hall", 1, "out of sight"))
    stage.clock.advance(899)
    assert len((await stage.told(_Tick())).alerts) == 2
    stage.clock.advance(2)
    seen = await stage.told(_Tick())
    assert [alert.ended for alert in seen.alerts] == [None], "a face in view is never forgotten"
    assert stage.kinds().count("alert_forgotten") == 1


async def test_a_flood_is_bounded_and_said(stage: Stage) -> None:
    seen = await stage.told(*[covered(number) for number in range(MOST_ALERTS + 40)])
    assert (len(seen.alerts), seen.missed) == (MOST_ALERTS, 40)
    assert stage.kinds().count("alerts_full") == 1
    await stage.told(FaceGone("hall", 0, "out of sight"))
    await stage.acknowledged(seen.alerts[0].alert_id)
    assert len((await stage.told(covered(999))).alerts) == MOST_ALERTS


async def test_a_link_is_what_is_known_of_it_and_a_watch_that_hangs_is_lost(stage: Stage) -> None:
    assert [camera.link for camera in stage.post.snapshot().cameras] == ["connecting"]
    watcher = stage.post.watchers[0]
    watcher.judged_at, watcher.faces = stage.clock.monotonic(), 3
    seen = await stage.told(LinkUp("hall"), covered(), _Tick())
    assert [(camera.link, camera.faces) for camera in seen.cameras] == [("live", 3)]
    stage.clock.advance(STILL_S + 0.1)
    seen = await stage.told(_Tick())
    assert [(camera.link, camera.problem, camera.faces) for camera in seen.cameras] == [("lost", HANGS, 0)]
    assert seen.alerts[0].because == "link lost"
    watcher.judged_at = stage.clock.monotonic()
    assert [camera.link for camera in (await stage.told(_Tick())).cameras] == ["live"]


async def test_the_same_loss_is_written_once(stage: Stage) -> None:
    await stage.told(*[LinkLost("hall", "cannot be opened")] * 5)
    assert stage.kinds() == ["link_lost"]


async def test_nothing_can_be_decided_or_moved(stage: Stage) -> None:
    decided = await stage.post.decide(
        OfficerRequest(request_id="r", passage_id="p", action=OfficerAction.ADMIT, officer="o", reason="I say so")
    )
    served = await stage.post.service(ServiceRequest(request_id="r", in_service=False, officer="o", reason="because"))
    for reply in (decided, served):
        assert (reply.accepted, reply.message) == (False, "nothing moves here: this post only watches")
    assert stage.kinds() == []


async def test_a_post_that_cannot_write_does_not_go_on(tmp_path: Path) -> None:
    clock, config = ManualClock(), config_of(tmp_path)
    store = await AsyncStore.open(config.state_dir, clock, boot_id="boot")
    post = Post(config, clock, store, PictureJudge)
    await store.close()
    with pytest.raises(StoreBroken):
        await post._take(covered())
    assert post.snapshot().alerts == ()
    with pytest.raises(StoreBroken):
        await post.run()


async def test_without_the_networks_it_does_not_start_and_says_what_to_do(tmp_path: Path) -> None:
    told: list[str] = []
    config = config_of(tmp_path)
    nowhere = config.observe.model_copy(update={"models_dir": tmp_path, "pack": "open-omz"})
    assert await command(config.model_copy(update={"observe": nowhere}), told.append) == CANNOT_START
    assert "appliance models" in told[0]


async def test_a_second_post_on_one_socket_ends_without_a_thread_left(tmp_path: Path) -> None:
    clock, config = SystemClock(), config_of(tmp_path)
    other = await asyncio.start_unix_server(lambda _reader, writer: writer.close(), config.control_socket)
    async with other, await AsyncStore.open(config.state_dir, clock, boot_id="boot") as store:
        with pytest.raises(ExceptionGroup) as caught:
            await Post(config, clock, store, PictureJudge).run()
    assert [type(one) for one in caught.value.exceptions] == [SocketBusy]


# --- a real stream, a real socket -------------------------------------------------------------------------------


class LightJudge:
    """A face that is covered when the picture is light."""

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        return [face()]

    def look(self, image_bgr: Image, face: DetectedFace) -> MaskFinding:
        return MaskFinding(0.9, 0.1) if image_bgr.mean() > 127 else MaskFinding(0.1, 0.9)


@pytest.mark.rig
async def test_from_the_stream_to_the_console_and_back(tmp_path: Path) -> None:
    from hil.emulator.rtsp_server import RtspServer

    server, light, ended = RtspServer(size=(160, 128)), threading.Event(), threading.Event()

    def film() -> None:
        rng = np.random.default_rng(1)
        while not ended.wait(0.04):
            noise = rng.integers(0, 60, (128, 160, 3), np.uint8)
            server.expose(noise + np.uint8(180) if light.is_set() else noise)

    camera = threading.Thread(target=film)
    camera.start()
    clock = SystemClock()
    config = config_of(tmp_path, server.url)
    try:
        async with await AsyncStore.open(config.state_dir, clock, boot_id="boot") as store:
            post = asyncio.create_task(Post(config, clock, store, LightJudge).run())
            client = LaneClient(config.control_socket, console="test", clock=clock)
            console = asyncio.create_task(client.run())
            try:
                await _play(client, server, light)
            finally:
                for task in (console, post):
                    task.cancel()
                await asyncio.gather(console, post, return_exceptions=True)
    finally:
        ended.set()
        server.unplug()
        camera.join()
        server.close()


async def _play(client: LaneClient, server: object, light: threading.Event) -> None:
    await _until(client, lambda seen: seen.cameras[0].link == "live" and seen.cameras[0].faces == 1)
    light.set()
    seen = await _until(client, lambda seen: len(seen.alerts) == 1)
    data, media = await client.image(seen.alerts[0].alert_id, "face")
    assert media == "image/jpeg"
    assert data[:2] == b"\xff\xd8"
    server.unplug()  # type: ignore[attr-defined]
    seen = await _until(client, lambda seen: seen.cameras[0].link == "lost")
    assert seen.alerts[0].because == "link lost"
    assert seen.cameras[0].faces == 0
    light.clear()
    server.plug()  # type: ignore[attr-defined]
    await _until(client, lambda seen: seen.cameras[0].link == "live")
    request = AcknowledgeRequest(request_id="r-1", alert_id=seen.alerts[0].alert_id, officer="o.sipka")
    assert (await client.acknowledge(request)).accepted
    await _until(client, lambda seen: not seen.alerts)
    state = client.state
    assert state.snapshot is None, "a post is no lane"


async def _until(client: LaneClient, holds: Callable[[WatchSnapshot], bool]) -> WatchSnapshot:
    async with asyncio.timeout(30):
        async for state in client.states():
            if state.reachable and state.watch is not None and holds(state.watch):
                return state.watch
    raise AssertionError

"""The console's routes of the set-up: what is passed on, who sees which pictures, and that garbage reaches no lane."""

import asyncio
import json
import struct
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from ui_fake_lane import FakeLane, LaneThread, held, idle, now
from ui_hands import eventually
from ui_people_rig import people
from ui_rig import PASSWORD
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from appliance.control.client import LaneUnreachable
from appliance.control.looks import BandFigures, LookView, SetupView
from appliance.control.messages import LaneSnapshot
from appliance.control.setup import Proof, SelfTestState
from ui.roles import Role

pytestmark = pytest.mark.anyio

LOOK = {"look_id": "page-0001", "channel": "850"}
FIGURES = BandFigures(
    size=(640, 560),
    window=(1, 2, 3, 4),
    levels=(1 / 64,) * 64,
    clipped=0.0,
    clipped_from=250,
    dark=0.0,
    dark_below=26,
    mean=90.0,
    brightest=180.0,
    wanted=200.0,
    sharpness=0.1,
    best=0.1,
    advice=("sharpest",),  # type: ignore[arg-type]
)
STATE = SelfTestState(
    officer="m.weber",
    started=now(),
    ended=now(),
    words="All parts were tested.",
    proofs=(Proof(part="gate", what="exit door closed", result="successful", seen="closed"),),  # type: ignore[arg-type]
)


def looked(version: int, look_id: str = "page-0001", **changes: Any) -> LaneSnapshot:
    """A lane out of service at which somebody looks."""
    look = LookView(
        look_id=look_id,
        channel="850",
        version=version,
        ends=now() + timedelta(seconds=60),
        figures=FIGURES,
        problem="",
    )
    setup = SetupView(doing="look", officer="m.weber", since=now(), ended=None, words="", done=0, look=look)
    closed = {"phase": "OutOfService", "in_service": False, "closed_by_hand": True}
    return idle(revision=version + 10, setup=setup.model_copy(update=changes), **closed)


async def test_orders_go_to_the_lane_with_the_maintainers_own_name(tmp_path: Path) -> None:
    async with people(tmp_path, snapshot=idle()) as it:
        seat = await it.seat("m.weber", Role.MAINTAINER)
        it.lane.answer = lambda request: (request["order"]["do"] != "self_test", "Somebody is in the lane.")
        refused = await seat.post("/api/setup/lane-1/self-test")
        assert refused.json() == {"accepted": False, "message": "Somebody is in the lane."}
        for path, body in (("look", LOOK | {"at": [0.1, 0.9]}), ("stop", {"look_id": "page-0001"}), ("stop", {})):
            assert (await seat.post(f"/api/setup/lane-1/{path}", json=body)).json()["accepted"]
        orders = it.lane.heard("setup")
        assert {each["officer"] for each in orders} == {"m.weber"}
        assert [each["order"]["do"] for each in orders] == ["self_test", "look", "stop", "stop"]
        assert orders[1]["order"]["at"] == [0.1, 0.9]


@pytest.mark.parametrize(
    "body",
    [
        {},
        LOOK | {"channel": "portrait"},
        LOOK | {"channel": "../../etc"},
        LOOK | {"look_id": ""},
        LOOK | {"at": [2, 0]},
        LOOK | {"at": "middle"},
        LOOK | {"gain": 1},
        [],
    ],
)
async def test_garbage_reaches_no_lane(tmp_path: Path, body: Any) -> None:
    async with people(tmp_path, snapshot=idle()) as it:
        seat = await it.seat("m.weber", Role.MAINTAINER)
        assert (await seat.post("/api/setup/lane-1/look", json=body)).status_code == 422
        assert (await seat.post("/api/setup/lane-9/look", json=LOOK)).status_code == 404
        assert it.lane.heard("setup") == []


async def test_what_the_lane_tells_is_passed_on_and_what_it_does_not_is_said(tmp_path: Path) -> None:
    async with people(tmp_path, snapshot=idle()) as it:
        seat = await it.seat("m.weber", Role.MAINTAINER)
        it.lane.tells = {"self_test": STATE, "setup": STATE}
        answer = await seat.get("/api/setup/lane-1/self-test")
        assert SelfTestState.model_validate(answer.json()) == STATE
        wrong = await seat.get("/api/setup/lane-1")
        assert (wrong.status_code, wrong.json()["detail"]) == (503, "The lane answered something else.")


async def test_a_lane_lost_in_mid_run_is_said_to_be_lost(tmp_path: Path) -> None:
    async with people(tmp_path, snapshot=idle()) as it:
        seat = await it.seat("m.weber", Role.MAINTAINER)
        it.lane.answer = lambda _: None
        asking = asyncio.create_task(seat.post("/api/setup/lane-1/look", json=LOOK))
        await eventually(lambda: it.lane.heard("setup"))
        await it.lane.stop()
        answer = await asking
        assert answer.status_code == 503
        assert "whether the lane acted on the request is unknown" in answer.text
        assert (await seat.get("/api/setup/lane-1/self-test")).status_code == 503
        with pytest.raises(LaneUnreachable):
            await it.console.lanes["lane-1"].image("page-0001", "850")


# --- pictures -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lane(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> FakeLane:
    return lane_thread.lane(tmp_path_factory.mktemp("lane") / "lane-1.sock", idle())


@pytest.fixture(scope="module")
def console(start_console, lane: FakeLane):
    return start_console(lane.path)


@pytest.fixture(scope="module")
def tokens(console) -> dict[str, str]:
    """Sessions of a supervisor and of a maintainer."""

    def changed(http: httpx2.Client, name: str, one_time: str) -> str:
        http.post("/api/session", json={"name": name, "password": one_time}).raise_for_status()
        http.post("/api/password", json={"current": one_time, "new": PASSWORD}).raise_for_status()
        return http.cookies["sallyport_session"]

    found = {}
    with httpx2.Client(base_url=console.url, headers={"origin": console.url}, timeout=10) as boss:
        found["supervisor"] = changed(boss, "officer", console.one_time)
        made = boss.post("/api/accounts", json={"name": "m.weber", "role": "maintainer"})
        made.raise_for_status()
        with httpx2.Client(base_url=console.url, headers={"origin": console.url}, timeout=10) as http:
            found["maintainer"] = changed(http, "m.weber", made.json()["password"])
    return found


@pytest.fixture
def show(lane: FakeLane, lane_thread: LaneThread):
    return lambda snapshot: lane_thread.do(lambda: lane.show(snapshot))


def socket_of(console, token: str) -> ClientConnection:
    return connect(
        console.url.replace("http", "ws") + "/api/images",
        origin=console.url,
        additional_headers={"cookie": f"sallyport_session={token}"},
    )


def frame(data: str | bytes) -> tuple[dict[str, Any], bytes]:
    assert isinstance(data, bytes)
    (length,) = struct.unpack(">I", data[:4])
    return json.loads(data[4 : 4 + length]), data[4 + length :]


WATCH = json.dumps({"look": {"lane": "lane-1", "look_id": "page-0001"}})


def test_a_maintainer_gets_the_pictures_of_the_look_and_nothing_of_a_traveller(console, tokens, show) -> None:
    with socket_of(console, tokens["maintainer"]) as socket:
        show(held(revision=2))
        socket.send('{"watch": ["lane-1"]}')
        socket.send(WATCH)
        with pytest.raises(TimeoutError):
            socket.recv(0.6)
        show(looked(1))
        head, data = frame(socket.recv(5))
        assert (head["channel"], head["version"], head["passage_id"]) == ("850", 1, "page-0001")
        assert data[:2] == b"\xff\xd8"
        show(looked(2))
        with pytest.raises(TimeoutError):
            socket.recv(0.6)  # not before the first was drawn
        socket.send(json.dumps({"ack": head["seq"]}))
        assert frame(socket.recv(5))[0]["version"] == 2
    show(idle(revision=30))


def test_another_look_and_one_that_has_ended_send_nothing(console, tokens, show) -> None:
    with socket_of(console, tokens["maintainer"]) as socket:
        socket.send(WATCH)
        show(looked(3, look_id="page-0002"))
        with pytest.raises(TimeoutError):
            socket.recv(0.6)
        show(looked(4, ended=now(), words="Two minutes are over."))
        with pytest.raises(TimeoutError):
            socket.recv(0.6)
    show(idle(revision=31))


def test_who_may_not_set_up_sees_no_look(console, tokens, show) -> None:
    with socket_of(console, tokens["supervisor"]) as socket:
        socket.send(WATCH)
        show(looked(5))
        with pytest.raises(TimeoutError):
            socket.recv(0.6)
    show(idle(revision=32))


def test_a_page_that_goes_away_ends_its_look(console, tokens, show, lane: FakeLane, lane_thread: LaneThread) -> None:
    lane.requests.clear()
    with socket_of(console, tokens["maintainer"]) as socket:
        socket.send(WATCH)
        show(looked(6))
        frame(socket.recv(5))
        assert lane.heard("setup") == []
    lane_thread.wait(eventually(lambda: lane.heard("setup")))
    (order,) = lane.heard("setup")
    assert (order["order"], order["officer"]) == ({"do": "stop", "look_id": "page-0001"}, "m.weber")


@pytest.mark.parametrize("noise", ['{"look": "lane-1"}', '{"look": {"lane": "lane-1", "look_id": "x", "more": 1}}'])
def test_noise_about_a_look_closes_the_socket(console, tokens, noise: str) -> None:
    with socket_of(console, tokens["maintainer"]) as socket:
        socket.send(noise)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4400

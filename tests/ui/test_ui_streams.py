"""Events and live images, against the real process: `python -W error -m ui`, a real lane socket, real clients."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from ui_fake_lane import EYES, FakeLane, LaneThread, filmed, held, idle, now
from ui_hands import eventually
from ui_rig import PASSWORD
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


@pytest.fixture(scope="module")
def lane(lane_thread: LaneThread, tmp_path_factory: pytest.TempPathFactory) -> FakeLane:
    return lane_thread.lane(tmp_path_factory.mktemp("lane") / "lane-1.sock", held())


@pytest.fixture(scope="module")
def console(start_console, lane: FakeLane):
    return start_console(lane.path)


@contextmanager
def signed_in(console) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=console.url, headers={"origin": console.url}, timeout=10) as client:
        client.post("/api/session", json={"name": "officer", "password": console.one_time}).raise_for_status()
        change = {"current": console.one_time, "new": PASSWORD}
        client.post("/api/password", json=change).raise_for_status()
        yield client


@pytest.fixture(scope="module")
def http(console):
    with signed_in(console) as client:
        yield client


@pytest.fixture(scope="module")
def second(start_console, lane: FakeLane, lane_thread: LaneThread):
    """A second station, which has heard of the lane, and somebody at it."""
    console = start_console(lane.path, more=("--escalations-only",))
    with signed_in(console) as client:
        lane_thread.wait(eventually(lambda: client.get("/api/lanes").json()[0]["reachable"]))
        yield console, client


def _events(response: httpx2.Response):
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line[6:])


def test_events_bring_lane_and_pulse_and_tell_the_lane_somebody_watches(
    http: httpx2.Client, lane: FakeLane, lane_thread: LaneThread
) -> None:
    with http.stream("GET", "/api/events") as response:
        events = _events(response)
        first = next(event for event in events if event["kind"] == "lane" and event["reachable"])
        assert first["snapshot"]["passage"]["document"]["surname"] == "ERIKSSON"
        assert next(event for event in events if event["kind"] == "pulse")
        assert lane.heard("heartbeat")[-1]["watching"] is True
        lane_thread.do(lambda: lane.show(idle(revision=9)))
        assert any(event["kind"] == "lane" and event["snapshot"]["revision"] == 9 for event in events)
        http.delete("/api/session").raise_for_status()
        assert [event["kind"] for event in events][-1] == "signed_out"
    lane_thread.wait(eventually(lambda: lane.heard("heartbeat")[-1]["watching"] is False))
    lane_thread.do(lambda: lane.show(held()))
    http.post("/api/session", json={"name": "officer", "password": PASSWORD}).raise_for_status()


def test_a_traveller_display_learns_the_step_and_nothing_else(console) -> None:
    with httpx2.stream("GET", f"{console.url}/api/traveller/lane-1/events", timeout=10) as response:
        event = next(_events(response))
    assert event == {
        "kind": "traveller",
        "lane": "E-07",
        "connected": True,
        "step": "officer_comes",
        "advice": None,
        "attending": True,
        "languages": [],
        "simulated": True,
        "grade": "development grade",
    }
    assert httpx2.get(f"{console.url}/api/traveller/lane-9/events").status_code == 404


def _connect(console, http: httpx2.Client | None, origin: str | None = None):
    token = http.cookies["sallyport_session"] if http else "nobody"
    return connect(
        console.url.replace("http", "ws") + "/api/images",
        origin=origin or console.url,
        additional_headers={"cookie": f"sallyport_session={token}"},
    )


def _frame(data: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack(">I", data[:4])
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def test_images_need_a_session_and_our_origin(console, http: httpx2.Client) -> None:
    with pytest.raises(InvalidStatus):
        _connect(console, http, "http://evil.example")
    with _connect(console, None) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(5)
    assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize("noise", ["[]", "{", '{"watch": 5}', '{"open": "exit"}', b"\x00\x01"])
def test_noise_from_a_page_closes_its_socket_only(console, http: httpx2.Client, noise) -> None:
    with _connect(console, http) as socket:
        socket.send(noise)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(5)
        assert closed.value.rcvd.code == 4400
    assert http.get("/api/lanes").status_code == 200


def test_each_channel_comes_once_and_a_newer_live_picture_only_after_the_last_was_acknowledged(
    console, http: httpx2.Client, lane: FakeLane, lane_thread: LaneThread
) -> None:
    with _connect(console, http) as socket:
        socket.send('{"watch": ["lane-1", "lane-9"]}')
        first = [_frame(socket.recv(5)) for _ in range(6)]
        assert {head["channel"] for head, _ in first} == {"portrait", "rgb", "850", "940", "map", "live"}
        assert all(data for _, data in first)
        assert {head["channel"]: tuple(head["eyes"]) for head, _ in first} == EYES
        live = next(head for head, _ in first if head["channel"] == "live")
        for _ in range(2):
            lane_thread.do(lambda: lane.show(filmed(lane.snapshot)))
        with pytest.raises(TimeoutError):
            socket.recv(0.6)
        socket.send(json.dumps({"ack": live["seq"]}))
        again, data = _frame(socket.recv(5))
        assert (again["channel"], again["version"]) == ("live", live["version"] + 2)
        assert data
        socket.send(json.dumps({"ack": again["seq"]}))
        with pytest.raises(TimeoutError):
            socket.recv(0.6)


def test_a_page_is_told_of_a_lane_only_what_has_changed(
    http: httpx2.Client, lane: FakeLane, lane_thread: LaneThread
) -> None:
    with http.stream("GET", "/api/events") as response:
        events = _events(response)
        first = next(event for event in events if event["kind"] == "lane")
        same = {"at": now(), "revision": 50, "journal_sequence": 99, "phase_since": lane.snapshot.phase_since}
        lane_thread.do(lambda: lane.show(filmed(lane.snapshot).model_copy(update=same)))
        # Two pulses: what would have been told of it comes before the second.
        quiet = [event["kind"] for event in (next(events) for _ in range(2))]
        lane_thread.do(lambda: lane.show(lane.snapshot.model_copy(update={"occupied": False})))
        then = next(event for event in events if event["kind"] == "lane")
    assert quiet == ["pulse", "pulse"]
    assert (first["snapshot"]["occupied"], then["snapshot"]["occupied"]) == (True, False)
    assert then["snapshot"]["revision"] == 50


def test_no_picture_reaches_a_second_station_before_the_lane_escalates(
    second, lane: FakeLane, lane_thread: LaneThread
) -> None:
    lane_thread.do(lambda: lane.show(held(revision=20)))
    with _connect(*second) as socket:
        socket.send('{"watch": ["lane-1"]}')
        with pytest.raises(TimeoutError):
            socket.recv(0.6)
        lane_thread.do(lambda: lane.show(held(revision=21, referral={"escalated": True})))
        assert len({_frame(socket.recv(5))[0]["channel"] for _ in range(6)}) == 6

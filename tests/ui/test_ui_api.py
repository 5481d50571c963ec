"""The console's routes: who is heard, what is refused, what leaks. In process, over ASGI."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from ui_fake_lane import FakeLane, held, watching
from ui_hands import eventually
from ui_people_rig import QUICK, pages
from ui_rig import PASSWORD

from appliance.clock import ManualClock
from ui.app import PagesMissing, create_app
from ui.security import CSP
from ui.settings import Settings

ORIGIN = "http://127.0.0.1:8080"


@dataclass
class Rig:
    app: FastAPI
    lane: FakeLane
    clock: ManualClock
    http: httpx2.AsyncClient
    one_time: str

    async def in_charge(self) -> None:
        """Sign in and set a password of one's own."""
        body = {"name": "officer", "password": self.one_time}
        assert (await self.http.post("/api/session", json=body)).status_code == 200
        body = {"current": self.one_time, "new": PASSWORD}
        assert (await self.http.post("/api/password", json=body)).status_code == 200


@asynccontextmanager
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    lane, clock = FakeLane(tmp_path / "lane-1.sock", held()), ManualClock()
    await lane.start()
    settings = Settings(
        sockets=(lane.path,),
        state_dir=tmp_path / "state",
        origins=frozenset({ORIGIN}),
        static=pages(tmp_path / "static"),
    )
    app = create_app(settings, clock=clock)
    app.state.console.accounts._hasher = QUICK
    one_time = app.state.console.accounts.first_start()
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN, headers={"origin": ORIGIN})
    try:
        async with app.router.lifespan_context(app), http:
            await eventually(lambda: app.state.console.lanes["lane-1"].state.reachable)
            yield Rig(app, lane, clock, http, one_time)
    finally:
        await lane.stop()


CLOSED = [
    ("GET", "/api/lanes"),
    ("GET", "/api/events"),
    ("POST", "/api/lanes/lane-1/decision"),
    ("POST", "/api/lanes/lane-1/service"),
    ("POST", "/api/lanes/lane-1/block"),
    ("POST", "/api/lanes/lane-1/alerts/hall-1/acknowledge"),
    ("GET", "/api/lanes/lane-1/images/p-1/portrait"),
]
BODY = {"passage_id": "p-1", "action": "refuse", "reason": "Wears a mask", "visual_check": False}


@pytest.mark.anyio
async def test_nothing_of_a_lane_without_signing_in_nor_with_the_one_time_password(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        for method, path in CLOSED:
            assert (await it.http.request(method, path, json=BODY)).status_code == 401, path
        await it.http.post("/api/session", json={"name": "officer", "password": it.one_time})
        for method, path in CLOSED:
            assert (await it.http.request(method, path, json=BODY)).status_code == 403, path
        it.http.cookies.set("sallyport_session", "A" * 43, domain="127.0.0.1")
        assert it.lane.heard("decide") == it.lane.heard("image") == []


@pytest.mark.anyio
async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        answer = await it.http.post("/api/session", json={"name": "officer", "password": it.one_time})
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "secure" not in cookie, "plain http on loopback; https adds it"


@pytest.mark.anyio
async def test_every_answer_carries_the_policy_and_only_built_files_are_kept(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        for path in ("/", "/traveller", "/api/session", "/api/lanes", "/nothing", "/docs", "/openapi.json"):
            answer = await it.http.get(path)
            assert answer.headers["content-security-policy"] == CSP, path
            assert answer.headers["cache-control"] == "no-store", path
        assert (await it.http.get("/openapi.json")).status_code == 404
        assert "immutable" in (await it.http.get("/assets/code.js")).headers["cache-control"]
        assert (await it.http.get("/assets/missing.js")).headers["cache-control"] == "no-store"
        assert (await it.http.get("/assets/..%2f..%2fstate/console.db")).status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8080.evil.example"},
        {"origin": ""},
        {"host": "evil.example"},
        {"host": ""},
    ],
)
async def test_other_origins_and_hosts_are_refused_even_with_a_valid_session(tmp_path: Path, headers: dict) -> None:
    async with rig(tmp_path) as it:
        await it.in_charge()
        answer = await it.http.post("/api/lanes/lane-1/decision", json=BODY, headers=headers)
        assert answer.status_code == 403
        assert it.lane.heard("decide") == []


@pytest.mark.anyio
async def test_a_decision_goes_to_the_lane_with_the_officers_own_name(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        await it.in_charge()
        answer = await it.http.post("/api/lanes/lane-1/decision", json=BODY | {"reason": "  Wears a mask "})
        assert answer.json() == {"accepted": True, "message": ""}
        (said,) = it.lane.heard("decide")
        assert (said["officer"], said["reason"], said["action"]) == ("officer", "Wears a mask", "refuse")
        it.lane.answer = lambda _said: (False, "the traveller has left")
        answer = await it.http.post("/api/lanes/lane-1/decision", json=BODY)
        assert answer.json() == {"accepted": False, "message": "the traveller has left"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    "change",
    [
        {"reason": ""},
        {"reason": "  x  "},
        {"reason": "x" * 501},
        {"action": "open_both_doors"},
        {"passage_id": ""},
        {"officer": "somebody else"},
        {"visual_check": "perhaps"},
    ],
)
async def test_a_decision_that_is_not_complete_never_reaches_the_lane(tmp_path: Path, change: dict) -> None:
    async with rig(tmp_path) as it:
        await it.in_charge()
        answer = await it.http.post("/api/lanes/lane-1/decision", json=BODY | change)
        assert answer.status_code == 422
        assert isinstance(answer.json()["detail"], str)
        assert it.lane.heard("decide") == []


@pytest.mark.anyio
async def test_bad_requests_do_not_echo_what_was_typed_and_big_ones_are_cut_off(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        answer = await it.http.post("/api/session", json={"name": "officer", "password": "hunter2", "x": "hunter2"})
        assert answer.status_code == 422
        assert "hunter2" not in answer.text
        answer = await it.http.post("/api/session", content=b'{"name":"' + b"x" * 40_000 + b'"}')
        assert answer.status_code == 413
        answer = await it.http.post("/api/session", content=b"{", headers={"content-type": "application/json"})
        assert answer.status_code == 422


@pytest.mark.anyio
async def test_guessing_is_slowed_down_and_the_right_password_waits_too(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        wrong = {"name": "officer", "password": "wrong"}
        codes = [(await it.http.post("/api/session", json=wrong)).status_code for _ in range(6)]
        assert codes == [401] * 5 + [429]
        right = {"name": " OFFICER".strip().lower(), "password": it.one_time}
        blocked = await it.http.post("/api/session", json=right)
        assert blocked.status_code == 429
        assert int(blocked.headers["retry-after"]) == 300
        it.clock.advance(300)
        assert (await it.http.post("/api/session", json=right)).status_code == 200


@pytest.mark.anyio
async def test_an_idle_session_is_over_for_decisions_too(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        await it.in_charge()
        it.clock.advance(3600)
        assert (await it.http.post("/api/lanes/lane-1/decision", json=BODY)).status_code == 401
        assert (await it.http.get("/api/session")).json()["officer"] is None


@pytest.mark.anyio
async def test_stills_are_pictures_or_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        await it.in_charge()
        good = await it.http.get("/api/lanes/lane-1/images/p-1/portrait")
        assert (good.status_code, good.headers["content-type"]) == (200, "image/jpeg")
        assert good.headers["cache-control"] == "no-store"
        for path in ("p-0/portrait", "p-1/nothing"):
            assert (await it.http.get(f"/api/lanes/lane-1/images/{path}")).status_code == 404
        assert (await it.http.get("/api/lanes/lane-9/images/p-1/portrait")).status_code == 404


@pytest.mark.anyio
async def test_a_lane_out_of_reach_is_said_at_once_and_shows_no_stale_traveller(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        await it.in_charge()
        await it.lane.stop()
        client = it.app.state.console.lanes["lane-1"]
        await eventually(lambda: not client.state.reachable)
        answer = await it.http.post("/api/lanes/lane-1/decision", json=BODY)
        assert answer.status_code == 503
        (status,) = (await it.http.get("/api/lanes")).json()
        assert (status["reachable"], status["snapshot"], status["last"]["held"]) == (False, None, True)
        assert "ERIKSSON" not in json.dumps(status)


@pytest.mark.anyio
async def test_an_alert_is_acknowledged_in_the_officers_own_name(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        it.lane.show(watching({"alert_id": "hall-1"}))
        client = it.app.state.console.lanes["lane-1"]
        await eventually(lambda: client.state.watch is not None)
        assert (await it.http.post("/api/lanes/lane-1/alerts/hall-1/acknowledge")).status_code == 401
        await it.in_charge()
        (status,) = (await it.http.get("/api/lanes")).json()
        assert (status["snapshot"], status["watch"]["alerts"][0]["alert_id"]) == (None, "hall-1")
        answer = await it.http.post("/api/lanes/lane-1/alerts/hall-1/acknowledge")
        assert answer.json() == {"accepted": True, "message": ""}
        (heard,) = it.lane.heard("acknowledge")
        assert (heard["alert_id"], heard["officer"]) == ("hall-1", "officer")
        still = await it.http.get("/api/lanes/lane-1/images/hall-1/face")
        assert (still.status_code, still.headers["content-type"]) == (200, "image/jpeg")
        assert still.headers["cache-control"] == "no-store"
        assert (await it.http.get("/api/lanes/lane-1/images/hall-2/face")).status_code == 404
        await it.lane.stop()
        await eventually(lambda: not client.state.reachable)
        assert (await it.http.post("/api/lanes/lane-1/alerts/hall-1/acknowledge")).status_code == 503
        (status,) = (await it.http.get("/api/lanes")).json()
        assert (status["watch"], status["last"]["phase"]) == (None, "Watching"), "stale looks like fresh"


def test_missing_pages_and_two_lanes_of_one_name_stop_the_start_with_the_cure(tmp_path: Path) -> None:
    settings = Settings(sockets=(), state_dir=tmp_path, origins=frozenset(), static=tmp_path / "nothing")
    with pytest.raises(PagesMissing, match="npm --prefix ui/web run build"):
        create_app(settings)
    twice = Settings(
        sockets=(tmp_path / "a/lane.sock", tmp_path / "b/lane.sock"),
        state_dir=tmp_path,
        origins=frozenset(),
        static=pages(tmp_path / "static"),
    )
    with pytest.raises(ValueError, match="rename one"):
        create_app(twice)

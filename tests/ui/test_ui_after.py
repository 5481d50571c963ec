"""The console's routes about the past, in front of real stores: filters, pages over lanes, files, rates, roles."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from ui_after_lane import PastLane, written
from ui_hands import eventually
from ui_people_rig import QUICK
from ui_rig import PASSWORD

from appliance.clock import SystemClock
from appliance.control.history import HourCounts
from ui.accounts import FIRST_ACCOUNT
from ui.app import create_app
from ui.export import COLUMNS, aggregated, csv_lines
from ui.rates import counts, interval, rates
from ui.roles import Role
from ui.settings import Settings

pytestmark = pytest.mark.anyio

ORIGIN = "http://127.0.0.1:8080"
END = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
WINDOW = {"since": (END - timedelta(hours=12)).isoformat(), "until": END.isoformat()}


class Rig:
    def __init__(self, http: httpx2.AsyncClient, lanes: dict[str, PastLane], app: Any) -> None:
        self.http, self.lanes, self.app = http, lanes, app

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(f"/api/history/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sign_in(self, name: str, one_time: str) -> None:
        await self.http.post("/api/session", json={"name": name, "password": one_time})
        body = {"current": one_time, "new": PASSWORD}
        assert (await self.http.post("/api/password", json=body)).status_code == 200


@asynccontextmanager
async def rig(tmp_path: Path, hours: int = 3) -> AsyncIterator[Rig]:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    for name in ("guard.html", "traveller.html"):
        (static / name).write_text(name)
    configs = [written(tmp_path, f"E-0{n}", end=END, hours=hours, seed=n) for n in (1, 2)]
    lanes = {config.control_socket.stem: PastLane(config) for config in configs}
    for lane in lanes.values():
        await lane.start()
    settings = Settings(
        sockets=tuple(lane.path for lane in lanes.values()),
        state_dir=tmp_path / "console",
        origins=frozenset({ORIGIN}),
        static=static,
    )
    app = create_app(settings, clock=SystemClock())
    console = app.state.console
    console.accounts._hasher = QUICK
    one_time = console.accounts.first_start()
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN, headers={"origin": ORIGIN})
    try:
        async with app.router.lifespan_context(app), http:
            await eventually(lambda: all(client.state.reachable for client in console.lanes.values()))
            it = Rig(http, lanes, app)
            await it.sign_in(FIRST_ACCOUNT, one_time)
            yield it
    finally:
        for lane in lanes.values():
            await lane.stop()


async def test_pages_over_two_lanes_are_one_list_without_gap_or_double(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        whole = await it.get("passages", limit=100)
        assert not whole["more"]
        began = [row["passage"]["started"] for row in whole["rows"]]
        assert began == sorted(began, reverse=True)
        assert {row["lane"] for row in whole["rows"]} == {"E-01", "E-02"}
        seen, cursor = [], {}
        while True:
            page = await it.get("passages", limit=4, **cursor)
            seen += page["rows"]
            if not page["more"]:
                break
            last = page["rows"][-1]["passage"]
            cursor = {"before_time": last["started"], "before_id": last["passage_id"]}
        assert seen == whole["rows"]


async def test_filters_reach_the_lanes(tmp_path: Path) -> None:
    async with rig(tmp_path, hours=8) as it:
        asked = {"check": "comparison", "result": "undetermined", "outcome": "admitted_by_officer", "lane": "E-02"}
        found = (await it.get("passages", limit=100, **asked))["rows"]
        assert found
        assert {row["lane"] for row in found} == {"E-02"}
        assert {row["passage"]["outcome"] for row in found} == {"admitted_by_officer"}
        words = (await it.get("passages", words="SILICONE MASK"))["rows"]
        assert words
        assert all(row["passage"]["outcome"] == "refused_by_officer" for row in words)


NO_QUESTION: list[dict[str, Any]] = [
    {"limit": 101},
    {"outcome": "won"},
    {"since": "yesterday"},
    {"since": "2026-11-23T08:00:00"},
    {"colour": "red"},
]


async def test_what_is_no_question_is_refused_before_a_lane_hears_of_it(tmp_path: Path) -> None:
    async with rig(tmp_path, hours=1) as it:
        for params in NO_QUESTION:
            assert (await it.http.get("/api/history/passages", params=params)).status_code == 422, params
        assert (await it.http.get("/api/history/passages", params={"lane": "E-09"})).status_code == 404
        assert all(client.state.reachable for client in it.app.state.console.lanes.values())


async def test_a_lane_that_is_gone_is_named_and_no_file_is_made_without_it(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        await it.lanes["E-02"].stop()
        await eventually(lambda: not it.app.state.console.lanes["E-02"].state.reachable)
        page = await it.get("passages")
        assert [one["lane"] for one in page["missing"]] == ["E-02"]
        assert {row["lane"] for row in page["rows"]} == {"E-01"}
        assert [one["lane"] for one in (await it.get("statistics", **WINDOW))["missing"]] == ["E-02"]
        for name in ("passages.csv", "passages.json"):
            refused = await it.http.get(f"/api/history/{name}")
            assert refused.status_code == 503
            assert "E-02" in refused.json()["detail"]
            assert (await it.http.get(f"/api/history/{name}", params={"lane": "E-01"})).status_code == 200
        await it.lanes["E-02"].start()


async def test_the_table_holds_every_passage_and_no_formula(tmp_path: Path) -> None:
    async with rig(tmp_path, hours=16) as it:
        answer = await it.http.get("/api/history/passages.csv")
        assert answer.headers["content-type"].startswith("text/csv")
        assert 'filename="passages.csv"' in answer.headers["content-disposition"]
        head, *rows = list(csv.reader(io.StringIO(answer.text)))
        assert tuple(head) == COLUMNS
        assert len(rows) > 100, "more than one page"
        assert len({row[1] for row in rows}) == len(rows)
        assert not any(cell.startswith("=") for row in rows for cell in row)
        assert any("=Wears a mask" in row[-1] for row in rows)
    assert csv_lines([["=1+1", "@x", "-2", "+3", "\tx", "plain", -4]]) == "'=1+1,'@x,'-2,'+3,'\tx,plain,-4\r\n"


async def test_the_json_is_a_list_of_transactions_in_the_words_of_the_guideline(tmp_path: Path) -> None:
    async with rig(tmp_path, hours=8) as it:
        document = (await it.http.get("/api/history/passages.json", params={"outcome": "second_line"})).json()
    assert (document["complete"], document["incomplete_because"]) == (True, [])
    assert document["structure"].startswith("BSI TR-03135-1 v2.5")
    one = document["transactions"][0]
    assert set(one) == {"transaction", "components", "timing", "doc-check", "bio-check", "app-specific-check"}
    assert one["transaction"]["location"] in ("E-01", "E-02")
    assert one["doc-check"]["result"] == "undetermined"
    assert one["bio-check"]["result"] == "successful"
    assert [check["name"] for check in one["bio-check"]["checks"]] == [
        *("single_face", "face_quality", "comparison", "liveness")
    ]
    officer = one["app-specific-check"]["officers"][0]
    assert (officer["officer"], officer["action"], officer["admit"]) == ("k.moser", "second_line", False)
    assert one["app-specific-check"]["outcome"] == "second_line"


async def test_results_are_put_together_as_the_guideline_says() -> None:
    assert aggregated(["successful", "failed", "aborted"]) == "failed"
    assert aggregated(["successful", "aborted", "undetermined"]) == "aborted"
    assert aggregated(["successful", "undetermined"]) == "undetermined"
    assert aggregated(["successful", "not_performed"]) == "successful"
    assert aggregated(["not_performed"]) == aggregated([]) == "not supported"


async def test_a_journal_that_breaks_off_in_the_middle_of_a_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, hours=16) as it:
        client, asked = it.app.state.console.lanes["E-01"], 0
        tell = client.history

        async def breaks(question: Any) -> Any:
            nonlocal asked
            asked += 1
            return (
                await tell(question)
                if asked % 2
                else (await tell(question)).model_copy(
                    update={"answer": None, "problem": "The journal cannot be read."}
                )
            )

        monkeypatch.setattr(client, "history", breaks)
        table = (await it.http.get("/api/history/passages.csv")).text
        assert table.splitlines()[-1] == "INCOMPLETE,E-01: The journal cannot be read."
        document = (await it.http.get("/api/history/passages.json")).json()
        assert document["complete"] is False
        assert document["incomplete_because"] == ["E-01: The journal cannot be read."]


async def test_statistics_of_two_lanes_add_up(tmp_path: Path) -> None:
    async with rig(tmp_path, hours=8) as it:
        found = await it.get("statistics", **WINDOW)
        listed, cursor = [], {}
        while True:
            page = await it.get("passages", limit=100, **cursor)
            listed += page["rows"]
            if not page["more"]:
                break
            last = page["rows"][-1]["passage"]
            cursor = {"before_time": last["started"], "before_id": last["passage_id"]}
    assert sum(row["passages"] for lane in found["lanes"] for row in lane["hours"]) == len(listed)
    whole = {one["name"]: one for one in found["rates"] if one["lane"] is None and one["begins"] is None}
    of_lanes = [one for one in found["rates"] if one["lane"] and one["name"] == "suspected"]
    assert sum(one["count"] for one in of_lanes) == whole["suspected"]["count"]
    results = [row["passage"]["decisions"][0]["checks"] for row in listed]
    failed = sum(any(c["name"] == "liveness" and c["result"] == "failed" for c in checks) for checks in results)
    assert (whole["suspected"]["count"], whole["suspected"]["n"]) == (failed, len(listed))
    assert 0 <= whole["overruled"]["low"] <= whole["overruled"]["count"] / whole["overruled"]["n"]
    assert len({one["begins"] for one in found["rates"] if one["begins"]}) == 8


async def test_intervals_are_those_of_the_tables() -> None:
    assert interval(0, 20) == (0.0, pytest.approx(0.1684, abs=1e-4))
    assert interval(69, 70) == (pytest.approx(0.9230, abs=1e-4), pytest.approx(0.9996, abs=1e-4))
    assert interval(0, 0) == (0.0, 1.0)
    assert interval(5, 5) == (pytest.approx(0.4782, abs=1e-4), 1.0)
    with pytest.raises(ValueError, match="3 of 2"):
        interval(3, 2)
    row = {"hour": END, "decided": 4, "judged": 4, "suspected": 1, "face_open": 2, "passages": 4}
    rows = [HourCounts(outcome="admitted_by_officer", **row), HourCounts(outcome="admitted", **row | {"face_open": 0})]
    assert counts(rows) == {"suspected": (2, 8), "overruled": (4, 8), "overruled_face": (2, 8)}
    assert [one.n for one in rates({}) if one.lane is None] == [0, 0, 0]


async def test_the_journal_devices_versions_and_claims_of_a_lane(tmp_path: Path) -> None:
    async with rig(tmp_path) as it:
        lines = (await it.get("E-01/journal", kind="fault."))["lines"]
        assert [line["kind"] for line in lines] == ["fault.cleared", "fault.raised"]
        told = await it.get("E-01/devices", **WINDOW)
        assert [(one["code"], one["device"]) for one in told["faults"]] == [(3008, "illumination.nir")]
        assert {one["device"] for one in told["identities"]} == {"gate", "camera.nir"}
        parts = {one["part"] for one in (await it.get("E-01/versions"))["components"]}
        assert {"software", "matcher open-omz", "liveness detector"} <= parts
        claims = await it.get("E-01/claims")
        assert (claims["band_set"], claims["simulated"]) == ("rgb+850+940", True)
        assert "untested" in claims["label"]
        too_long = {"since": WINDOW["since"], "until": (END + timedelta(days=40)).isoformat()}
        refused = await it.http.get("/api/history/E-01/devices", params=too_long)
        assert (refused.status_code, "31 days" in refused.json()["detail"]) == (503, True)


async def test_the_chain_is_checked_on_request(tmp_path: Path) -> None:
    async with rig(tmp_path, hours=1) as it:
        assert (await it.get("E-01/verify"))["intact"] is None
        wrong = await it.http.post("/api/history/E-01/verify", json={"expect": "; rm -rf /"})
        assert wrong.status_code == 422
        begun = await it.http.post("/api/history/E-01/verify", json={})
        assert begun.json()["running"]
        async with asyncio.timeout(60):
            while (state := await it.get("E-01/verify"))["running"]:  # noqa: ASYNC110 - a process of its own
                await asyncio.sleep(0.1)
        assert state["intact"]
        assert "records intact, head" in state["words"]


async def test_no_route_answers_whoever_may_not_ask(tmp_path: Path) -> None:
    paths = ["passages", "passages.csv", "passages.json", "statistics", "E-01/journal", "E-01/verify"]
    of_devices = ["E-01/devices", "E-01/versions", "E-01/claims"]
    async with rig(tmp_path, hours=1) as it:
        staff = it.app.state.console.staff
        for role, history, devices in (
            (Role.VIEWER, 403, 403),
            (Role.OFFICER, 403, 200),
            (Role.MAINTAINER, 403, 200),
            (Role.AUDITOR, 200, 200),
        ):
            one_time = staff.create(FIRST_ACCOUNT, f"the.{role}", role)
            await it.http.delete("/api/session")
            for path in (*paths, *of_devices):
                assert (await it.http.get(f"/api/history/{path}", params=WINDOW)).status_code == 401, path
            await it.sign_in(f"the.{role}", one_time)
            for path in paths:
                params = WINDOW if path == "statistics" else {}
                assert (await it.http.get(f"/api/history/{path}", params=params)).status_code == history, path
            for path in of_devices:
                params = WINDOW if path.endswith("devices") else {}
                assert (await it.http.get(f"/api/history/{path}", params=params)).status_code == devices, path

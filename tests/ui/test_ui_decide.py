"""The further decisions at the console: what they take, who may, and what a second station is told and may do."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ui_fake_lane import held, idle, passage
from ui_hands import eventually
from ui_people_rig import WORDS, Rig, people

from appliance.control.history import DecisionRecord, PassageRecord
from appliance.control.messages import LaneSnapshot, OfficerAction, Outcome
from ui.export import COLUMNS, csv_row, transaction
from ui.roles import Role

pytestmark = pytest.mark.anyio

WITHOUT_PROOF = [action for action in OfficerAction if action is not OfficerAction.ADMIT]


def decision(action: str, **changes: Any) -> dict[str, Any]:
    return {"passage_id": "p-1", "action": action, "reason": "because I say so", "visual_check": False} | changes


@pytest.mark.parametrize("action", WITHOUT_PROOF)
async def test_only_what_releases_the_exit_takes_a_proof(tmp_path: Path, action: str) -> None:
    async with people(tmp_path, proof_s=0.0, second_officer="release") as it:
        jo = await it.seat("jo")
        assert (await jo.post("/api/lanes/lane-1/decision", json=decision("admit"))).status_code == 428
        answer = await jo.post("/api/lanes/lane-1/decision", json=decision(action))
        assert (answer.status_code, answer.json()) == (200, {"accepted": True, "message": ""})
        said = it.lane.heard("decide")[-1]
        assert (said["action"], said["officer"], said["reason"]) == (action, "jo", "because I say so")


@pytest.mark.parametrize("action", OfficerAction)
@pytest.mark.parametrize("reason", ["", "  a ", "x" * 501])
async def test_no_action_without_a_reason(tmp_path: Path, action: str, reason: str) -> None:
    async with people(tmp_path) as it:
        jo = await it.seat("jo")
        answer = await jo.post("/api/lanes/lane-1/decision", json=decision(action, reason=reason))
        assert answer.status_code == 422
        assert it.lane.heard("decide") == []


@pytest.mark.parametrize("body", [{"blocked": True, "reason": "no"}, {"blocked": "perhaps", "reason": "spill"}, {}])
async def test_a_block_takes_a_reason_and_nothing_is_sent_without(tmp_path: Path, body: dict[str, Any]) -> None:
    async with people(tmp_path) as it:
        jo = await it.seat("jo")
        assert (await jo.post("/api/lanes/lane-1/block", json=body)).status_code == 422
        assert it.lane.heard("block") == []
        said = {"blocked": True, "reason": "spill", "officer": "somebody else"}
        assert (await jo.post("/api/lanes/lane-1/block", json=said)).status_code == 422
        said.pop("officer")
        assert (await jo.post("/api/lanes/lane-1/block", json=said)).json()["accepted"]
        heard = it.lane.heard("block")[-1]
        assert (heard["blocked"], heard["officer"], heard["reason"]) == (True, "jo", "spill")
        it.lane.answer = lambda _said: (False, "cannot")
        assert (await jo.post("/api/lanes/lane-1/block", json=said)).json() == {"accepted": False, "message": "cannot"}


def test_history_and_both_files_show_what_officers_did_and_why() -> None:
    at, what = datetime(2026, 11, 28, tzinfo=UTC), ("retry", "hold", "acknowledge", "open_entry")
    made = tuple(
        DecisionRecord(sequence=n, decided=at, admit=False, officer="jo", action=action, reason=f"why {n}", checks=())
        for n, action in enumerate(what)
    )
    outcome = Outcome.LET_OUT_BY_OFFICER
    kept = {"topology": "mantrap", "pack_id": "p", "simulated": True, "outcome": outcome, "decisions": made}
    one = PassageRecord(passage_id="p-1", started=at, ended=at, **kept)
    row = dict(zip(COLUMNS, csv_row("E-01", one), strict=True))
    told = "jo: retry (why 0); jo: hold (why 1); jo: acknowledge (why 2); jo: open_entry (why 3)"
    assert (row["outcome"], row["officers"]) == ("let_out_by_officer", told)
    own = transaction("E-01", one)["app-specific-check"]
    assert [each["action"] for each in own["officers"]] == list(what)


# --- the second station -----------------------------------------------------------------------------------------


def secret(told: object) -> bool:
    """Whether anything of the fake lane's traveller is in it."""
    return any(word in json.dumps(told) for word in ("ERIKSSON", "L898902C3", "portrait"))


async def shows(it: Rig, snapshot: LaneSnapshot) -> None:
    it.lane.show(snapshot)
    client = it.console.lanes["lane-1"]
    await eventually(lambda: client.state.snapshot is not None and client.state.snapshot.revision == snapshot.revision)


async def test_a_second_station_learns_nothing_of_a_traveller_before_the_lane_escalates(tmp_path: Path) -> None:
    async with people(tmp_path, escalations_only=True) as it:
        jo = await it.seat("jo")
        assert (await jo.get("/api/session")).json()["escalations_only"] is True
        told = (await jo.get("/api/lanes")).json()
        assert not secret(told)
        seen = told[0]["snapshot"]["passage"]
        assert (seen["referral"], seen["checks"], seen["earlier"]) == (None, [], [])
        assert (await jo.get("/api/lanes/lane-1/images/p-1/portrait")).status_code == 404
        for action in OfficerAction:
            body = decision(action, proof={"password": WORDS}, visual_check=True)
            answer = await jo.post("/api/lanes/lane-1/decision", json=body)
            assert (answer.status_code, "once it has escalated" in answer.json()["detail"]) == (403, True)
        assert it.lane.heard("decide") == it.lane.heard("image") == []


async def test_an_escalated_referral_is_its_own_whole(tmp_path: Path) -> None:
    async with people(tmp_path, escalations_only=True) as it:
        jo = await it.seat("jo")
        await shows(it, held(referral={"escalated": True}, revision=7))
        told = (await jo.get("/api/lanes")).json()
        assert secret(told)
        assert told[0]["snapshot"]["passage"]["referral"]["escalated"]
        assert (await jo.get("/api/lanes/lane-1/images/p-1/portrait")).status_code == 200
        assert (await jo.post("/api/lanes/lane-1/decision", json=decision("acknowledge"))).json()["accepted"]
        admit = decision("admit", visual_check=True)
        assert (await jo.post("/api/lanes/lane-1/decision", json=admit)).status_code == 428, "proof as anywhere"
        # The next traveller of the lane is the first station's again.
        await shows(it, held(passage_id="p-2", revision=8))
        assert not secret((await jo.get("/api/lanes")).json())
        assert (await jo.post("/api/lanes/lane-1/decision", json=decision("refuse"))).status_code == 403
        await shows(it, idle(revision=9, passage=passage(outcome="admitted").model_copy(update={"referral": None})))
        assert not secret((await jo.get("/api/lanes")).json())


@pytest.mark.parametrize("second", [True, False])
async def test_a_second_station_is_no_guard_who_keeps_a_lane_open(tmp_path: Path, second: bool) -> None:
    async with people(tmp_path, escalations_only=second) as it:
        assert it.lane.heard("hello")[0]["guard"] is not second


async def test_a_viewer_at_the_second_station_sees_no_more_than_elsewhere(tmp_path: Path) -> None:
    async with people(tmp_path, escalations_only=True) as it:
        vi = await it.seat("vi", Role.VIEWER)
        await shows(it, held(referral={"escalated": True}, revision=7))
        assert not secret((await vi.get("/api/lanes")).json())
        assert (await vi.post("/api/lanes/lane-1/decision", json=decision("acknowledge"))).status_code == 403

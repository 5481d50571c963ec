"""What officers do beside admitting and sending away, in a whole lane: journal, clocks, restarts, and two at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from runtime_devices import HandVision
from runtime_house import CLOSED, OPEN, House, living
from runtime_stage import Stage, until

from appliance.control.messages import BlockRequest, PassageView, ReferralView
from appliance.core import events as ev
from appliance.core.commands import StartVerification
from appliance.core.phases import Referred
from appliance.core.policy import TIMEOUTS
from appliance.core.types import Advice, CheckName, OfficerAction, Outcome, Result, Step
from appliance.runtime import verification
from appliance.store.errors import StoreBroken

pytestmark = pytest.mark.anyio


def found(comparison: Result = Result.SUCCESSFUL, liveness: Result = Result.SUCCESSFUL) -> None:
    """What the vision process says from now on."""
    checks = HandVision.answers["analyse"].header["checks"]
    checks[2]["result"], checks[3]["result"] = comparison, liveness


async def held(house: House, **results: Result) -> str:
    found(**results or {"comparison": Result.FAILED})
    passage = await house.walks_in()
    await until(lambda: bool(shown(house).checks), "the referral, on record")
    return passage


def shown(house: House) -> PassageView:
    passage = house.lane.snapshot().passage
    assert passage is not None
    return passage


def referral(house: House) -> ReferralView:
    told = shown(house).referral
    assert told is not None
    return told


def of_officers(house: House, kind: str = "decision_made") -> list[tuple[str, str, str]]:
    facts = [payload for name, payload in house.journal() if name == kind and payload.get("officer")]
    return [(each["officer"], each["action"], each["reason"]) for each in facts]


def block(blocked: bool, officer: str = "o.sipka") -> BlockRequest:
    return BlockRequest(request_id="b", blocked=blocked, officer=officer, reason="water on the floor")


async def test_a_retry_that_succeeds_admits_and_both_attempts_are_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        passage = await held(house)
        first = referral(house)
        assert (first.retries, OfficerAction.RETRY in first.actions) == (2, True)
        found()
        assert (await house.decides(passage, OfficerAction.RETRY)).accepted
        await house.walks_out()
        seen = shown(house)
        assert [each.checks[0].name for each in seen.earlier] == [CheckName.COMPARISON]
        assert seen.earlier[0].decided == first.since
        assert (seen.outcome, seen.checks[0].result) == (Outcome.ADMITTED, Result.SUCCESSFUL)
        assert house.gate.log.count("exit") == 1
    made = [payload for kind, payload in house.journal() if kind == "decision_made"]
    assert [(each["officer"], each["action"], each["admit"]) for each in made] == [
        (None, None, False),
        ("o.sipka", "retry", False),
        (None, None, True),
    ]
    assert of_officers(house, "event.officer_decided") == of_officers(house) == [("o.sipka", "retry", "seen by eye")]


async def test_attempts_end_with_the_policys_number_and_each_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch, retries=1)) as house:
        passage = await held(house)
        assert (await house.decides(passage, OfficerAction.RETRY)).accepted
        await until(lambda: house.phase == "Referred" and len(shown(house).earlier) == 1, "the second referral")
        assert (referral(house).retries, OfficerAction.RETRY in referral(house).actions) == (0, False)
        refused = await house.decides(passage, OfficerAction.RETRY)
        assert (refused.accepted, "cannot do that now" in refused.message) == (False, True)
        assert len(shown(house).earlier) == 1
        assert "exit" not in house.gate.log


@pytest.mark.parametrize(
    ("action", "advice"),
    [
        (OfficerAction.ASK_MASK_OFF, Advice.UNCOVER_MOUTH),
        (OfficerAction.ASK_GLASSES_OFF, Advice.GLASSES_OFF),
        (OfficerAction.ASK_HAT_OFF, Advice.HAT_OFF),
    ],
)
async def test_the_traveller_is_asked_before_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: OfficerAction, advice: Advice
) -> None:
    monkeypatch.setattr(verification, "REQUEST_S", 0.02)
    async with living(House(tmp_path, monkeypatch)) as house:
        passage = await held(house)
        looks = HandVision.started[0].asked.count("locate")
        assert (await house.decides(passage, action)).accepted
        await until(lambda: house.lane.snapshot().advice is advice, "the request")
        assert house.lane.snapshot().step is Step.LOOK_AT_CAMERA
        assert HandVision.started[0].asked.count("locate") == looks, "asked first, then looked"
        await until(lambda: house.phase == "Referred", "the verdict")
        assert house.lane.snapshot().advice is None
        assert HandVision.started[0].asked.count("locate") > looks


async def test_a_suspected_attack_offers_no_further_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        passage = await held(house, liveness=Result.FAILED)
        again = set(OfficerAction) - set(referral(house).actions)
        assert again == {OfficerAction.RETRY, *(each for each in OfficerAction if each.startswith("ask_"))}
        for action in again:
            assert not (await house.decides(passage, action)).accepted
        assert house.phase == "Referred"


async def test_who_acknowledged_and_who_holds_is_shown_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        passage = await held(house)
        before = referral(house)
        assert (before.seen, before.held) == (None, None)
        house.clock.advance(3.0)
        assert (await house.decides(passage, OfficerAction.ACKNOWLEDGE)).accepted
        seen = referral(house)
        assert seen.seen is not None
        assert (seen.seen.officer, (seen.seen.since - seen.since).total_seconds()) == ("o.sipka", 3.0)
        assert seen.ends is not None
        assert (seen.ends - seen.seen.since).total_seconds() == TIMEOUTS["Acknowledged"]
        assert not (await house.decides(passage, OfficerAction.ACKNOWLEDGE)).accepted
        house.clock.advance(4.0)
        assert (await house.decides(passage, OfficerAction.HOLD)).accepted
        kept = referral(house)
        assert kept.held is not None
        assert kept.ends is not None
        assert (kept.held.since - kept.since).total_seconds() == 7.0
        assert (kept.ends - kept.held.since).total_seconds() == TIMEOUTS["Held"]
        assert (kept.since, OfficerAction.HOLD in kept.actions) == (seen.since, False)
        assert OfficerAction.ADMIT in kept.actions
    assert [action for _, action, _ in of_officers(house)] == ["acknowledge", "hold"]


async def test_of_two_who_decide_at_once_one_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        passage = await held(house)
        asked = (OfficerAction.OPEN_ENTRY, OfficerAction.ADMIT, OfficerAction.RETRY, OfficerAction.HOLD)
        replies = await asyncio.gather(*(house.decides(passage, action, visual_check=True) for action in asked))
        assert [reply.accepted for reply in replies] == [True, False, False, False]
        assert "exit" not in house.gate.log
    assert [action for _, action, _ in of_officers(house)] == ["open_entry"]
    tried = [action for _, action, _ in of_officers(house, "event.officer_decided")]
    assert tried == [action.value for action in asked], "who came too late is on record, too"


async def test_let_out_by_the_entry_is_an_end_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        passage = await held(house)
        assert (await house.decides(passage, OfficerAction.OPEN_ENTRY)).accepted
        await until(lambda: house.gate.log.count("entry") == 2, "the entry")
        assert house.lane.snapshot().step is Step.GO_BACK
        house.gate.set(entry=OPEN)
        await until(lambda: house.lane.loop.lane.entry == "open")
        house.gate.set(entry=CLOSED, occupied=False)
        await house.reaches("Ready")
        assert shown(house).outcome is Outcome.LET_OUT_BY_OFFICER
        assert "exit" not in house.gate.log


async def test_a_controller_that_restarts_in_a_hold_ends_the_passage_and_lets_nobody_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, monkeypatch)
    async with living(house):
        passage = await held(house)
        assert (await house.decides(passage, OfficerAction.HOLD)).accepted
    house.gate.log.clear()
    async with living(house):
        assert not (await house.decides(passage, OfficerAction.ADMIT, visual_check=True)).accepted
        assert not (await house.decides(passage, OfficerAction.RETRY)).accepted
        await until(lambda: "entry" in house.gate.log, "the way back out")
        assert (house.phase, house.lane.snapshot().passage) == ("Clearing", None)
        assert "exit" not in house.gate.log
    ended = [payload for kind, payload in house.journal() if kind == "passage_ended"]
    assert ended == [{"passage_id": passage, "outcome": "aborted"}]


async def test_a_block_outlives_the_controller_and_ends_by_an_officer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, monkeypatch)
    async with living(house):
        await house.reaches("Ready")
        assert (await house.lane.block(block(True))).accepted
        assert house.lane.snapshot().step is Step.OUT_OF_SERVICE
        assert house.lane.snapshot().in_service
    async with living(house):
        await house.reaches("Ready")
        told = house.lane.snapshot().blocked
        assert told is not None
        assert (told.officer, told.reason) == ("o.sipka", "water on the floor")
        house.lane.loop.post(ev.DocumentPresented("too-early"), "test")
        assert (await house.lane.block(block(False, "k.moser"))).accepted
        assert (house.phase, house.lane.snapshot().blocked) == ("Ready", None)
        await house.walks_in()
    async with living(house):
        assert house.lane.snapshot().blocked is None
    kept = [(facts["officer"], facts["blocked"]) for kind, facts in house.journal() if kind == "event.block_requested"]
    assert kept == [("o.sipka", True), ("k.moser", False)]
    assert "too-early" not in {facts.get("passage_id") for kind, facts in house.journal() if kind == "passage_started"}


async def test_a_block_while_somebody_enters_leaves_them_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        await house.walks_in()
        assert (await house.lane.block(block(True))).accepted
        await house.walks_out()
        assert shown(house).outcome is Outcome.ADMITTED
        assert house.lane.snapshot().step is Step.OUT_OF_SERVICE


async def test_an_escalated_referral_has_a_live_picture_though_no_guard_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        passage = await held(house)
        assert house.lane.image(passage, "live") is None
        house.lane.loop.post(ev.PhaseTimedOut("Referred"), "test")
        await until(lambda: house.lane.image(passage, "live") is not None, "the live picture")
        assert referral(house).escalated


# --- clocks -----------------------------------------------------------------------------------------------------


def clock(stage: Stage) -> float:
    return stage.timers.armed["phase"][0]


async def fires(stage: Stage) -> Any:
    stage.timers.fire("phase")
    await stage.loop.drain()
    return stage.loop.lane.phase


async def referred() -> Stage:
    stage = await Stage().walk_in()
    return await stage.verified(comparison=Result.UNDETERMINED)


async def test_the_lanes_own_clock_escalates_and_writes_it_down() -> None:
    stage = await referred()
    assert clock(stage) == TIMEOUTS["Referred"]
    assert (await fires(stage)).escalated
    assert stage.store.kept[-1] == ("referral_escalated", {"passage_id": "p"})
    assert await stage.officer(OfficerAction.ACKNOWLEDGE)
    assert clock(stage) == TIMEOUTS["Acknowledged"]
    assert type(await fires(stage)).__name__ == "Clearing"
    assert stage.store.kinds().count("referral_escalated") == 1


async def test_a_hold_replaces_the_clock_that_ran_and_its_late_alarm_is_void() -> None:
    stage = await referred()
    late = stage.timers.action("phase")
    assert await stage.officer(OfficerAction.HOLD)
    assert clock(stage) == TIMEOUTS["Held"]
    late()
    await stage.loop.drain()
    assert isinstance(stage.loop.lane.phase, Referred)
    assert (stage.loop.lane.phase.escalated, stage.loop.lane.phase.held_by) == (False, "o.sipka")
    over = await fires(stage)
    assert (over.escalated, over.held_by, clock(stage)) == (True, "", TIMEOUTS["Referred"])


async def test_what_an_officer_did_and_could_not_be_journalled_is_not_called_accepted() -> None:
    stage = await referred()
    stage.store.failure = StoreBroken("disk full")
    assert not await stage.officer(OfficerAction.RETRY)
    assert len(stage.did(StartVerification)) == 1, "the first one alone: what is not on record is not done"
    assert stage.phase == "Referred"

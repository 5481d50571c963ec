"""A whole lane from start to end: what happens to travellers, devices, store and socket together."""

import asyncio
import hashlib
import json
from pathlib import Path

import pytest
from runtime_devices import HandVision
from runtime_house import CLOSED, OPEN, House, living
from runtime_stage import until

from appliance.control.history import Journal, JournalQuestion, Passages, PassagesQuestion, VerifyQuestion, VerifyState
from appliance.control.messages import ServiceRequest
from appliance.core.types import OfficerAction, Outcome, Result, Topology
from appliance.runtime import lane
from appliance.runtime.lane import LaneController
from appliance.store.async_store import AsyncStore
from appliance.store.records import PassageStarted
from appliance.vision.client import VisionRefused
from appliance.wire import Message
from drivers.errors import StaleFrame

pytestmark = pytest.mark.anyio


async def test_a_traveller_passes_and_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        passage = await house.walks_in()
        await until(lambda: house.lane.image(passage, "rgb") is not None, "the pictures")
        assert house.lane.image(passage, "portrait") == (b"portrait", "image/jpeg")
        assert house.lane.image("another", "rgb") is None
        document = house.lane.snapshot().passage.document  # type: ignore[union-attr]
        assert document is not None
        assert document.surname == "OKONJO VALE"
        assert house.lane.snapshot().passage.irregularities == ("The portrait is blurred.",)  # type: ignore[union-attr]
        await house.walks_out()
        assert [order for order in house.gate.log if order in ("entry", "exit")] == ["entry", "exit"]
        await until(lambda: "forget" in HandVision.started[0].asked, "the vision process to forget")
        left = house.lane.snapshot().passage
        assert left is not None
        assert (left.outcome, left.document, left.images) == (Outcome.ADMITTED, None, ())
        assert house.lane.image(passage, "rgb") is None
    kinds = [kind for kind, _ in house.journal()]
    assert kinds.index("passage_started") < kinds.index("decision_made") < kinds.index("passage_ended")
    assert "OKONJO VALE" not in str(house.journal())


async def test_pictures_that_come_after_the_traveller_has_gone_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        HandVision.held["stills"] = asyncio.Event()
        passage = await house.walks_in()
        await house.walks_out()
        await until(lambda: "forget" in HandVision.started[0].asked, "the end of the passage")
        assert "verify" in house.lane._tasks, "the pictures are still to come"
        HandVision.held["stills"].set()
        await until(lambda: "verify" not in house.lane._tasks, "the pictures")
        assert house.lane.image(passage, "rgb") is None
        assert house.lane.snapshot().passage.images == ()  # type: ignore[union-attr]


async def test_a_suspected_attack_waits_for_an_officer_with_a_live_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        HandVision.answers["analyse"].header["checks"][3]["result"] = Result.FAILED
        passage = await house.walks_in()
        await house.reaches("Referred")
        assert "exit" not in house.gate.log
        monkeypatch.setattr(type(house.lane.server), "watchers", 1)
        await until(lambda: house.lane.image(passage, "live") is not None, "the live view")
        looks = [fields["locate"] for op, fields in HandVision.started[-1].told if op == "preview"]
        assert looks[0] is True, "the eyes of whoever was held before are nobody's"
        blind = await house.decides(passage, OfficerAction.ADMIT)
        assert (blind.accepted, "look at its state" in blind.message) == (False, True)
        assert not (await house.decides("another", OfficerAction.ADMIT, visual_check=True)).accepted
        assert (await house.decides(passage, OfficerAction.ADMIT, visual_check=True)).accepted
        await house.walks_out()
        assert house.gate.log.count("exit") == 1
        assert house.lane.snapshot().passage.outcome is Outcome.ADMITTED_BY_OFFICER  # type: ignore[union-attr]


async def test_an_eye_lost_in_the_middle_refers_the_traveller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        await house.reaches("Ready")
        error = StaleFrame("camera.nir", "old")
        HandVision.held["locate"] = asyncio.Event()
        await house.walks_in()
        await house.reaches("Verifying")
        HandVision.failing |= {"locate": error, "health": error, "cameras": error}
        HandVision.held["locate"].set()
        await house.reaches("Referred")
        assert 3002 in house.lane.loop.faults.codes
        assert "exit" not in house.gate.log


async def test_a_lane_nobody_watches_lets_nobody_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(House(tmp_path, monkeypatch, require_guard=True)) as house:
        await house.reaches("Ready")
        house.reader.laid.put_nowait(None)
        await until(lambda: any(kind == "ignored" for kind, _ in house.journal()), "the document")
        assert (house.phase, house.lane.snapshot().step) == ("Ready", "out_of_service")
        reader, writer = await asyncio.open_unix_connection(str(house.config.control_socket))
        writer.write(Message({"kind": "hello", "console": "desk", "guard": True}).encode())
        writer.write(Message({"kind": "heartbeat", "watching": True}).encode())
        await until(lambda: house.lane.loop.faults.codes == (), "the guard")
        house.reader.laid.put_nowait(None)
        await house.reaches("Entering")
        writer.transport.abort()
        await until(lambda: house.lane.loop.faults.codes == (1005,), "the guard's leaving")
        del reader


async def test_a_passage_that_a_crash_left_open_is_closed_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, monkeypatch)
    async with await AsyncStore.open(house.config.state_dir, house.clock, boot_id="before") as store:
        await store.append([PassageStarted("p-crashed", Topology.MANTRAP, "fake", True)])
    async with living(house):
        assert await house.store.unfinished() == ()
    kinds = [(kind, payload.get("outcome")) for kind, payload in house.journal()[1:3]]
    assert kinds == [("lane_started", None), ("passage_ended", Outcome.ABORTED)]


async def test_an_emergency_outlives_the_controller_until_an_officer_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, monkeypatch)
    async with living(house):
        await house.reaches("Ready")
        house.gate.set(emergency=True)
        await house.reaches("Emergency")
        await until(lambda: ("phase", "Emergency") in [(kind, facts.get("to")) for kind, facts in house.journal()])
    house.gate.set(emergency=False)  # it passes while no controller runs
    async with living(house):
        await until(lambda: house.lane.loop.lane.exit == "closed")
        assert house.phase == "Emergency"
        asked = ServiceRequest(request_id="r", in_service=True, officer="o.sipka", reason="cleared")
        assert (await house.lane.service(asked)).accepted
        await house.reaches("Ready")
    async with living(house):
        await house.reaches("Ready")


async def test_the_journal_keeps_which_commissioning_the_lane_started_under(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, monkeypatch)
    signed = tmp_path / "commissioning.toml"
    signed.write_bytes(b"as signed")
    house.config = house.config.model_copy(update={"commissioning": signed})
    async with living(house):
        pass
    (kept,) = (payload for kind, payload in house.journal() if kind == "lane_started")
    assert kept["commissioning_sha256"] == hashlib.sha256(b"as signed").hexdigest()


async def test_an_officer_takes_the_lane_out_of_service_and_resets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        await house.reaches("Ready")

        assert (await house.serves(False)).accepted
        await house.reaches("OutOfService")
        house.lane.loop.faults.raise_fault(2001, "gate", "welded")
        house.gate.log.clear()
        assert (await house.serves(True)).accepted
        assert house.gate.log[0] == "secure"
        assert house.lane.loop.faults.codes == ()
        await house.reaches("Ready")


async def test_a_part_that_breaks_takes_the_lane_down_with_all_outputs_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, monkeypatch)
    async with await AsyncStore.open(house.config.state_dir, house.clock, boot_id="boot") as store:
        controller = LaneController(house.config, house.clock, store)
        running = asyncio.create_task(controller.run())
        await until(lambda: type(controller.loop.lane.phase).__name__ == "Ready")

        def broken(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        monkeypatch.setattr(controller.loop, "_on_change", broken)
        house.gate.set(occupied=True)
        async with asyncio.timeout(5):
            (ended,) = await asyncio.gather(running, return_exceptions=True)
    assert isinstance(ended, BaseExceptionGroup)
    assert ended.split(ZeroDivisionError)[1] is None
    assert house.gate.log[-1] == "close"
    assert house.journal()[-1][0] == "lane_stopped"
    assert not house.config.control_socket.exists()


# --- light that is not as it should be ------------------------------------------------------------------------------

DEAD = {"trouble": "missing", "camera": "nir", "words": "LED 850L: no answer."}


def answers(*findings: dict[str, str]) -> Message:
    return Message({"findings": list(findings), "levels": {}})


def readings() -> int:
    return HandVision.started[0].asked.count("reading")


async def test_a_lamp_that_dies_while_nobody_is_there_closes_the_lane_until_it_answers_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        await house.reaches("Ready")
        HandVision.answers["reading"] = answers(DEAD)
        before = readings()
        await asyncio.sleep(0.03)
        assert readings() == before, "not before its time"
        house.clock.advance(60)
        await house.reaches("OutOfService")
        assert house.lane.loop.faults.codes == (3003,)
        HandVision.answers["reading"] = answers()
        house.clock.advance(5)
        await house.reaches("Ready")
        assert house.lane.loop.faults.codes == ()


async def test_somebody_in_the_lane_is_never_in_the_way_of_a_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        await house.reaches("Ready")
        HandVision.held["locate"] = asyncio.Event()
        await house.walks_in()
        await house.reaches("Verifying")
        before = readings()
        house.clock.advance(100)
        await asyncio.sleep(0.03)
        assert readings() == before
        HandVision.held["locate"].set()
        await house.walks_out()
        await until(lambda: readings() > before, "the test of the empty lane")


async def test_a_capture_in_bad_light_has_the_empty_lane_tested_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        await house.reaches("Ready")
        HandVision.answers["analyse"].header["findings"] = [DEAD]
        HandVision.answers["reading"] = answers(DEAD)
        await house.walks_in()
        await house.reaches("Admitting")
        house.gate.set(exit=OPEN)
        await until(lambda: house.lane.loop.lane.exit == "open")
        house.gate.set(exit=CLOSED, occupied=False, passages=1)
        await house.reaches("OutOfService")
        assert house.lane.loop.faults.codes == (3003,)


async def test_what_the_traveller_is_told_is_in_the_snapshot_while_it_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        good = HandVision.answers["locate"]
        HandVision.answers["locate"] = Message({"acceptable": False, "advice": "come_closer", "faces": 1})
        await house.walks_in()
        await until(lambda: house.lane.snapshot().advice == "come_closer", "the advice")
        HandVision.answers["locate"] = good
        await house.walks_out()
        assert house.lane.snapshot().advice is None


# --- a second detector ----------------------------------------------------------------------------------------------

SHADOW = {
    "result": "failed",
    "detector": "second",
    "reasons": ["Why."],
    "species": "resin_mask",
    "figures": {"score": 3.5},
    "decided": {"result": "successful", "detector": "first"},
}


async def test_a_shadow_is_asked_after_the_decision_and_recorded_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch, liveness={"shadow": tmp_path / "second.json"})) as house:
        HandVision.answers["shadow"] = Message(SHADOW)
        passage = await house.walks_in()
        await house.walks_out()
        assert house.lane.snapshot().passage.outcome is Outcome.ADMITTED  # type: ignore[union-attr]
        await until(lambda: any(kind == "liveness_shadow" for kind, _ in house.journal()), "the record")
    kinds = [kind for kind, _ in house.journal()]
    assert kinds.index("decision_made") < kinds.index("liveness_shadow")
    (facts,) = (payload for kind, payload in house.journal() if kind == "liveness_shadow")
    assert (facts["passage_id"], facts["result"], facts["decided"]) == (passage, "failed", "successful")
    assert (facts["figures"], facts["species"]) == ({"score": 3.5}, "resin_mask")


async def test_a_lane_without_a_shadow_asks_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        await house.walks_in()
        await house.walks_out()
        assert "shadow" not in HandVision.started[0].asked


async def test_a_shadow_that_breaks_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(House(tmp_path, monkeypatch, liveness={"shadow": tmp_path})) as house:
        HandVision.failing["shadow"] = VisionRefused("broken")
        await house.walks_in()
        await house.walks_out()
        assert house.lane.snapshot().passage.outcome is Outcome.ADMITTED  # type: ignore[union-attr]


async def test_on_a_low_battery_the_occupant_is_an_officers_and_the_empty_lane_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, monkeypatch)
    async with await AsyncStore.open(house.config.state_dir, house.clock, boot_id="boot") as house.store:
        house.lane = LaneController(house.config, house.clock, house.store)
        running = asyncio.create_task(house.lane.run())
        HandVision.answers["locate"] = Message({"acceptable": False, "advice": "come_closer", "faces": 0})
        passage = await house.walks_in()
        await house.reaches("Verifying")
        house.gate.set(on_battery=True, battery_low=True)
        await house.reaches("Referred")
        assert not running.done()
        assert (await house.decides(passage, OfficerAction.REFUSE)).accepted
        house.gate.set(entry=OPEN)
        await until(lambda: house.lane.loop.lane.entry == "open")
        house.gate.set(entry=CLOSED, occupied=False)
        with pytest.raises(ExceptionGroup) as ended:
            await running
    assert ended.group_contains(lane.BatteryEmpty)
    assert house.gate.log[-1] == "close"
    assert house.journal()[-1][0] == "lane_stopped"


async def test_a_lane_that_is_ready_knows_its_devices_and_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        await house.reaches("Ready")
        seen = house.lane.snapshot()
        names = ["camera.rgb", "camera.nir", "illumination.nir", "gate", "document_reader"]
        assert [(view.name, view.state) for view in seen.devices] == [(name, "well") for name in names]
        assert seen.mode is not None
        assert seen.mode.relaxed == ("No guard has to watch.",)


async def test_a_lane_answers_for_its_past_and_lets_the_check_of_its_chain_go_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(House(tmp_path, monkeypatch)) as house:
        passage = await house.walks_in()
        await house.walks_out()
        told = await house.lane.history.answer(PassagesQuestion())
        assert isinstance(told, Passages)
        assert [(row.passage_id, row.outcome) for row in told.rows] == [(passage, Outcome.ADMITTED)]
        seen = await house.lane.history.answer(JournalQuestion(kind="device.identified"))
        assert isinstance(seen, Journal)
        assert {json.loads(line.payload)["device"] for line in seen.lines} >= {"gate", "document_reader"}
        state = await house.lane.history.answer(VerifyQuestion(start=True))
        assert isinstance(state, VerifyState)
        assert state.running

"""A maintainer at a running lane: what is refused, what ends by itself, and that no door ever moves for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from runtime_devices import HandVision
from runtime_house import House, living
from runtime_stage import until

from appliance.control.looks import SetupView
from appliance.control.messages import Reply
from appliance.control.setup import (
    LookOrder,
    SelfTestOrder,
    SelfTestQuestion,
    SelfTestState,
    SetupAnswer,
    SetupQuestion,
    SetupRequest,
    StopOrder,
)
from appliance.core.types import Door, Result
from appliance.runtime import setup as module
from appliance.store.errors import StoreBroken
from appliance.vision.client import VisionLost
from appliance.wire import Message
from drivers.errors import ContactDisagrees, StaleFrame
from drivers.ports import DoorPosition

pytestmark = pytest.mark.anyio

FIGURES = {
    "size": (640, 480),
    "window": (1, 2, 3, 4),
    "levels": [1 / 64] * 64,
    "clipped": 0.0,
    "clipped_from": 250,
    "dark": 0.5,
    "dark_below": 26,
    "mean": 30.0,
    "brightest": 60.0,
    "wanted": 200.0,
    "sharpness": 0.1,
    "best": 0.2,
    "advice": ["turn_back"],
}
LOOK = LookOrder(look_id="page-0001", channel="850")


@asynccontextmanager
async def closed(base: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> AsyncIterator[House]:
    """A lane that somebody has taken out of service."""
    monkeypatch.setattr(module, "PICTURE_EVERY_S", 0.002)
    async with living(House(base, monkeypatch, **more)) as house:
        HandVision.answers |= {
            "look": Message({"figures": FIGURES}, (b"picture",)),
            "frames": Message({name: {"holds": True, "seen": "5 frames"} for name in ("rgb", "nir")}),
            "reading": Message({"findings": [], "levels": {"850L": 120.0, "850R": 121.0}}),
        }
        await house.reaches("Ready")
        assert (await house.serves(False)).accepted
        await house.reaches("OutOfService")
        house.gate.log.clear()
        yield house
        assert "entry" not in house.gate.log
        assert "exit" not in house.gate.log


async def order(house: House, what: Any, officer: str = "m.weber") -> Reply:
    return await house.lane.setup.ask(SetupRequest(request_id="r", officer=officer, order=what))


def seen(house: House) -> SetupView:
    view = house.lane.snapshot().setup
    assert view is not None
    return view


async def pictures(house: House, least: int = 1) -> None:
    """Until so many pictures have been fetched, as a page does."""

    def fetched() -> bool:
        look = seen(house).look
        return look is not None and look.version >= least and house.lane.image(look.look_id, look.channel) is not None

    await until(fetched, "the pictures")


async def ends(house: House, why: str) -> None:
    await until(lambda: seen(house).ended is not None, "the end")
    assert why in seen(house).words
    assert house.lane.image(LOOK.look_id, LOOK.channel) is None
    await until(lambda: "setup" not in house.lane._tasks, "the task's end")
    asked = HandVision.started[0].asked
    assert "forget" in asked[len(asked) - asked[::-1].index("look") :], "the last burst is dropped"
    await until(lambda: not house.lane.eye.busy, "the eye's rest")


def kept(house: House, kind: str) -> list[dict[str, Any]]:
    return [facts for name, facts in house.journal() if name == kind]


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", [LOOK, SelfTestOrder()], ids=["look", "self-test"])
class TestRefused:
    async def refuses(self, house: House, what: Any, why: str) -> None:
        before = [one for one in HandVision.started[0].asked if one in ("burst", "look", "frames")]
        reply = await order(house, what)
        assert (reply.accepted, why in reply.message) == (False, True), reply.message
        assert house.lane.snapshot().setup is None
        await asyncio.sleep(0.01)
        assert [one for one in HandVision.started[0].asked if one in ("burst", "look", "frames")] == before

    async def test_in_service(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
        async with living(House(tmp_path, monkeypatch)) as house:
            await house.reaches("Ready")
            await self.refuses(house, what, "take it out of service first")

    async def test_closed_by_a_fault_alone_which_may_pass(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: Any
    ) -> None:
        async with living(House(tmp_path, monkeypatch)) as house:
            await house.reaches("Ready")
            house.gate.set(out_of_service=True)
            await house.reaches("OutOfService")
            await self.refuses(house, what, "take it out of service first")

    async def test_a_passage_under_way(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
        async with living(House(tmp_path, monkeypatch)) as house:
            HandVision.held["locate"] = asyncio.Event()
            await house.walks_in()
            await house.reaches("Verifying")
            await house.serves(False)
            await self.refuses(house, what, "A passage is under way")
            HandVision.held["locate"].set()

    async def test_somebody_inside(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
        async with closed(tmp_path, monkeypatch) as house:
            house.gate.set(occupied=True)
            await until(lambda: house.lane.loop.lane.occupied is True)
            await self.refuses(house, what, "Somebody is in the lane")

    async def test_an_emergency(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
        async with closed(tmp_path, monkeypatch) as house:
            house.gate.set(emergency=True)
            await house.reaches("Emergency")
            await self.refuses(house, what, "emergency")

    async def test_a_journal_that_cannot_be_written(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: Any
    ) -> None:
        async with closed(tmp_path, monkeypatch) as house:

            async def broken(_: object) -> int:
                raise StoreBroken("the disk is gone")

            with monkeypatch.context() as patch:
                patch.setattr(house.store, "append", broken)
                await self.refuses(house, what, "The journal cannot be written")
            assert (await order(house, what)).accepted, "it is not taken for busy"


@pytest.mark.parametrize(
    "doubt", [{"occupied": None}, {"unlocked": frozenset({Door.EXIT})}], ids=["unknown", "unlocked"]
)
async def test_a_lane_that_may_not_be_empty_or_shut_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doubt: dict[str, Any]
) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        lane = house.lane.loop.lane
        with monkeypatch.context() as patch:
            patch.setattr(house.lane.loop, "_lane", replace(lane, **doubt))
            for what in (LOOK, SelfTestOrder()):
                assert "or may be" in (await order(house, what)).message


async def test_a_test_of_the_lanes_own_is_let_finish_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        HandVision.held["reading"] = asyncio.Event()
        house.clock.advance(100)
        await until(lambda: "self-test" in house.lane._tasks, "the lane's own test")
        assert (await order(house, LOOK)).accepted
        await asyncio.sleep(0.02)
        assert "look" not in HandVision.started[0].asked
        HandVision.held["reading"].set()
        await pictures(house)
        assert house.lane.eye.busy, "what has ended does not give the eye away"


async def test_a_channel_the_lane_does_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        reply = await order(house, LookOrder(look_id="page-0001", channel="1550"))
        assert not reply.accepted
        assert "no channel 1550; there are rgb, 850, dark.nir" in reply.message


async def test_one_maintainer_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        both = await asyncio.gather(order(house, LOOK, "a"), order(house, SelfTestOrder(), "b"))
        assert sorted(one.accepted for one in both) == [False, True], "of two in one breath, too"
        assert "a is looking at the bands: one at a time" in both[1].message
        await pictures(house)
        other = LookOrder(look_id="page-0002", channel="850")
        for officer in ("a", "b"):
            assert not (await order(house, other, officer)).accepted
        assert not (await order(house, StopOrder(look_id="page-0002"))).accepted
        assert not (await order(house, StopOrder())).accepted
        assert seen(house).ended is None
        assert (await order(house, StopOrder(look_id="page-0001"), "b")).accepted
        await ends(house, "b ended it")
        assert (await order(house, other, "b")).accepted


async def test_a_camera_that_is_lost_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        house.lane.loop.faults.raise_fault(3001, "camera.nir", "unplugged")
        assert "does not answer" in (await order(house, LOOK)).message


# --- looking --------------------------------------------------------------------------------------------------------


async def test_pictures_move_and_belong_to_the_look_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        assert (await order(house, LOOK)).accepted
        await pictures(house, 3)
        assert house.lane.image("page-0001", "850") == (b"picture", "image/jpeg")
        assert house.lane.image("page-0001", "rgb") is None
        assert house.lane.image("page-0002", "850") is None
        look = seen(house).look
        assert look is not None
        assert look.figures is not None
        assert look.figures.advice == ("turn_back",)
        assert [each["face"] for op, each in HandVision.started[0].told if op == "burst"][-1] is False
        bursts = HandVision.started[0].asked.count("burst")
        await pictures(house, look.version + 2)
        assert HandVision.started[0].asked.count("burst") >= bursts + 2, "each picture is a burst of its own"
        assert house.lane.eye.busy, "nobody else takes frames"
        await order(house, StopOrder(look_id="page-0001"))
        await ends(house, "m.weber ended it")
    assert kept(house, "setup.look_began") == [{"officer": "m.weber"}]
    (ended,) = kept(house, "setup.look_ended")
    assert (ended["officer"], ended["why"]) == ("m.weber", "m.weber ended it.")


async def test_another_channel_measures_anew_and_never_shows_the_old_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        await order(house, LOOK)
        await pictures(house)
        HandVision.held["look"] = asyncio.Event()
        assert (await order(house, LookOrder(look_id="page-0001", channel="rgb", at=(0.1, 0.9)))).accepted
        assert house.lane.image("page-0001", "rgb") is None
        look = seen(house).look
        assert look is not None
        assert (look.channel, look.figures) == ("rgb", None)
        HandVision.held["look"].set()
        await pictures(house, look.version + 2)
        told = [each for op, each in HandVision.started[0].told if op == "look" and each["channel"] == "rgb"]
        assert [each["fresh"] for each in told][:2] == [True, False]
        assert told[0]["at"] == (0.1, 0.9)
        assert kept(house, "setup.look_began") == [{"officer": "m.weber"}], "one look, told once"


async def test_to_measure_anew_counts_from_the_next_burst_also_when_one_is_on_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        await order(house, LOOK)
        await pictures(house, 2)
        HandVision.held["burst"] = asyncio.Event()
        bursts = HandVision.started[0].asked.count("burst")
        await until(lambda: HandVision.started[0].asked.count("burst") > bursts, "a burst on its way")
        looks = HandVision.started[0].asked.count("look")
        assert (await order(house, LookOrder(look_id="page-0001", channel="850"))).accepted
        HandVision.held["burst"].set()
        await until(lambda: HandVision.started[0].asked.count("look") > looks + 2, "the next bursts")
        told = [each["fresh"] for op, each in HandVision.started[0].told if op == "look"][looks : looks + 3]
        assert told == [False, True, False], "the old one, which is dropped; the first of the new; one more"


async def test_a_look_ends_after_two_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        monkeypatch.setattr(module, "UNSEEN_S", 1e9)
        await order(house, LOOK)
        await pictures(house)
        house.clock.advance(module.LOOK_S - 1)
        await order(house, LOOK)  # chosen again: two minutes anew
        house.clock.advance(module.LOOK_S - 1)
        before = seen(house).look
        assert before is not None
        await pictures(house, before.version + 2)
        house.clock.advance(1)
        await ends(house, "Two minutes are over")


async def test_a_look_nobody_fetches_pictures_of_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        await order(house, LOOK)
        await pictures(house, 2)
        version = seen(house).look.version  # type: ignore[union-attr]
        await until(lambda: seen(house).look.version > version, "a picture nobody fetches")  # type: ignore[union-attr]
        house.clock.advance(module.UNSEEN_S + 0.1)
        await ends(house, "Nobody looks any more")


async def test_a_slow_burst_does_not_end_a_look_whose_every_picture_was_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        await order(house, LOOK)
        HandVision.held["look"] = asyncio.Event()
        await until(lambda: "look" in HandVision.started[0].asked, "a burst on its way")
        house.clock.advance(module.UNSEEN_S + 1)
        HandVision.held["look"].set()
        await pictures(house, 1)
        HandVision.held["look"] = asyncio.Event()
        taken = HandVision.started[0].asked.count("look")
        await until(lambda: HandVision.started[0].asked.count("look") > taken, "the next on its way")
        await pictures(house, 1)
        house.clock.advance(module.UNSEEN_S + 1)
        HandVision.held["look"].set()
        await pictures(house, 3)
        assert seen(house).ended is None


async def test_somebody_who_comes_in_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        await order(house, LOOK)
        await pictures(house)
        HandVision.held["look"] = asyncio.Event()
        taken = HandVision.started[0].asked.count("look")
        await until(lambda: HandVision.started[0].asked.count("look") > taken, "a burst on its way")
        version = seen(house).look.version  # type: ignore[union-attr]
        house.gate.set(occupied=True)
        await until(lambda: house.lane.loop.lane.occupied is True)
        HandVision.held["look"].set()
        await ends(house, "Somebody is in the lane")
        assert seen(house).look.version == version  # type: ignore[union-attr]


async def test_a_lane_put_back_in_service_ends_it_and_lets_the_next_traveller_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PICTURE_EVERY_S", 0.002)
    async with living(House(tmp_path, monkeypatch)) as house:
        HandVision.answers["look"] = Message({"figures": FIGURES}, (b"picture",))
        await house.reaches("Ready")
        await house.serves(False)
        await order(house, LOOK)
        await pictures(house)
        HandVision.held["look"] = asyncio.Event()
        taken = HandVision.started[0].asked.count("look")
        await until(lambda: HandVision.started[0].asked.count("look") > taken, "a burst on its way")
        assert (await house.serves(True)).accepted
        await house.walks_in()
        await house.reaches("Verifying")
        await asyncio.sleep(0.02)
        assert "locate" not in HandVision.started[0].asked, "one burst is never in the way of another"
        HandVision.held["look"].set()
        await until(lambda: seen(house).ended is not None, "the end")
        assert house.lane.image("page-0001", "850") is None
        await house.walks_out()
        assert house.gate.log.count("exit") == 1


@pytest.mark.parametrize("error", [VisionLost("died"), StaleFrame("camera.nir", "old")], ids=["vision", "camera"])
async def test_an_eye_lost_in_the_middle_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        await order(house, LOOK)
        await pictures(house)
        HandVision.failing["look"] = error
        await until(lambda: seen(house).ended is not None, "the end")
        assert "It broke off" in seen(house).words
        assert house.lane.image("page-0001", "850") is None
        HandVision.failing.clear()


async def test_a_lane_that_stops_leaves_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        await order(house, LOOK)
        await pictures(house)
    (ended,) = kept(house, "setup.look_ended")
    assert ended["why"] == "The lane was stopped."


async def test_a_channel_without_a_picture_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        HandVision.answers["look"] = Message({"problem": "No exposure of 850."})
        await order(house, LOOK)
        await until(lambda: seen(house).look.problem == "No exposure of 850.", "why")  # type: ignore[union-attr]
        assert house.lane.image("page-0001", "850") is None


# --- the self-test --------------------------------------------------------------------------------------------------


async def proved(house: House) -> SelfTestState:
    assert (await order(house, SelfTestOrder())).accepted
    await until(lambda: seen(house).ended is not None, "the end of the test")
    await until(lambda: "setup" not in house.lane._tasks, "its end on record")
    state = house.lane.setup.test
    assert seen(house).done == len(state.proofs)
    return state


def results(state: SelfTestState) -> dict[tuple[str, str], Result]:
    return {(proof.part, proof.what): proof.result for proof in state.proofs}


async def test_everything_of_a_sound_lane_is_proved_and_no_door_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        state = await proved(house)
        found = results(state)
        not_performed = {key for key, result in found.items() if result is Result.NOT_PERFORMED}
        assert not_performed == {("gate", "entry release"), ("gate", "exit release"), ("presence", "lane empty")}
        assert {result for key, result in found.items() if key not in not_performed} == {Result.SUCCESSFUL}
        assert {("LEDs of the nir camera", "850L"), ("camera, rgb", "frames"), ("gate", "exit door closed")} <= set(
            found
        )
        assert house.gate.log == ["secure"]
        assert HandVision.started[0].asked.count("frames") == 1
    assert kept(house, "setup.self_test_began") == [{"officer": "m.weber"}]
    (ended,) = kept(house, "setup.self_test_ended")
    assert ended["results"] == {"successful": len(found) - 3, "not_performed": 3}


async def test_what_is_broken_is_named_and_the_rest_is_proved_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        dead = {"trouble": "missing", "camera": "nir", "words": "LED 850R: no answer."}
        HandVision.answers["reading"] = Message({"findings": [dead], "levels": {"850L": 120.0, "850R": 0.1}})

        async def welded() -> None:
            raise ContactDisagrees("gate", "the exit contact is closed")

        monkeypatch.setattr(house.gate, "secure", welded)
        found = results(await proved(house))
        assert found["gate", "answers"] is Result.FAILED
        assert found["LEDs of the nir camera", "850R"] is Result.FAILED
        assert found["LEDs of the nir camera", "burst"] is Result.FAILED
        assert found["LEDs of the nir camera", "850L"] is Result.SUCCESSFUL
        assert found["camera, nir", "frames"] is Result.SUCCESSFUL
        assert {2001, 3003} <= set(house.lane.loop.faults.codes), "a fault found in a test is a fault"
        monkeypatch.undo()


async def test_a_camera_lost_in_mid_run_fails_its_part_and_the_next_ones_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        HandVision.failing["frames"] = StaleFrame("camera.nir", "old")
        found = results(await proved(house))
        assert found["cameras", "answers"] is Result.FAILED
        assert found["document reader", "identity, opened anew"] is Result.SUCCESSFUL


async def test_somebody_who_comes_in_breaks_it_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        HandVision.held["reading"] = asyncio.Event()
        assert (await order(house, SelfTestOrder())).accepted
        await until(lambda: seen(house).done >= 8, "the gate's part")
        house.gate.set(occupied=True)
        await until(lambda: house.lane.loop.lane.occupied is True)
        HandVision.held["reading"].set()
        await until(lambda: seen(house).ended is not None, "the end")
        found = results(house.lane.setup.test)
        assert found["gate", "lane empty"] is Result.SUCCESSFUL, "what was proved before"
        for part in ("LEDs", "cameras", "document reader", "presence"):
            assert found[part, "broken off"] is Result.ABORTED
        assert "frames" not in HandVision.started[0].asked
        assert "Somebody is in the lane" in seen(house).words


async def test_a_test_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        HandVision.held["reading"] = asyncio.Event()
        await order(house, SelfTestOrder())
        await until(lambda: seen(house).done >= 8, "the gate's part")
        assert (await order(house, StopOrder(), "b.boss")).accepted
        HandVision.held["reading"].set()
        await until(lambda: seen(house).ended is not None, "the end")
        assert seen(house).words == "b.boss ended it."
        assert results(house.lane.setup.test)["cameras", "broken off"] is Result.ABORTED


async def test_doors_that_stand_open_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        house.gate.set(exit=DoorPosition.OPEN)
        await until(lambda: house.lane.loop.lane.exit == "open")
        assert results(await proved(house))["gate", "exit door closed"] is Result.FAILED


# --- how it is set up -----------------------------------------------------------------------------------------------


async def answered(house: House, question: Any) -> Any:
    return await house.lane.server._history(question)


async def test_the_set_up_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"timeouts": {"Reading": 9.0}, "require_chip": False}
    async with closed(tmp_path, monkeypatch, **more) as house:
        house.lane.loop.faults.raise_fault(1002, "illumination.nir", "silent")
        told = await answered(house, SetupQuestion())
        assert isinstance(told, SetupAnswer), told
        by_name = {one.device: one for one in told.devices}
        assert list(by_name) == ["gate", "illumination.nir", "camera.rgb", "camera.nir", "document_reader"]
        assert (by_name["gate"].link, by_name["gate"].model) == ("up", "fake")
        light = by_name["illumination.nir"]
        assert (light.link, light.fault.code, light.fault.active) == ("lost", 1002, True)  # type: ignore[union-attr]
        reading = next(one for one in told.timeouts if one.key == "policy.timeouts.Reading")
        assert (reading.value, reading.given) == ("9 s", True)
        assert not next(one for one in told.timeouts if one.key == "policy.timeouts.Ready").given
        mandatory = {one.name: one.mandatory for one in told.checks}
        assert (mandatory["document_authenticity"], mandatory["liveness"]) == (False, True)
        assert told.channels == ("rgb", "850", "dark.nir")
        assert told.matcher == (), "no pack is called 'fake'"
        assert [one.kind for one in told.detectors] == ["simulated"]
        assert told.trust[0] == "5 CSCA certificates of 2 states are trusted."
        assert any("simulated" in words for words in told.trust)
        journal = told.retention[0]
        assert journal.now.startswith(f"{house.store.head.seq} records since ")
        house.lane.loop.faults.clear(1002, "illumination.nir")
        again = await answered(house, SetupQuestion())
        light = next(one for one in again.devices if one.device == "illumination.nir")
        assert (light.link, light.fault.active) == ("up", False)  # type: ignore[union-attr]


async def test_before_the_first_test_nothing_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(tmp_path, monkeypatch) as house:
        told = await answered(house, SelfTestQuestion())
        assert (told.officer, told.started, told.proofs) == ("", None, ())


async def test_somebody_the_sensor_overhead_sees_is_somebody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Sensor:
        somebody = True

    async with closed(tmp_path, monkeypatch) as house:
        owners = replace(house.lane.setup._owners, presence=Sensor())  # type: ignore[arg-type]
        monkeypatch.setattr(house.lane.setup, "_owners", owners)
        assert "sensor overhead sees somebody" in (await order(house, LOOK)).message
        Sensor.somebody = False
        assert (await order(house, LOOK)).accepted
        await pictures(house)
        Sensor.somebody = True
        await ends(house, "sensor overhead sees somebody")

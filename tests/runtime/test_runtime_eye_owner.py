"""The owner of the eye: what it opens, whom it blames, and that it comes back from everything but a wrong matcher."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from runtime_devices import HandLight, HandVision
from runtime_stage import Heard, until

from appliance.clock import ManualClock
from appliance.core import events as ev
from appliance.core.types import Device
from appliance.runtime import eye as module
from appliance.runtime.eye import RESTARTS, EyeOwner, StartRefused
from appliance.vision.client import VisionLost, VisionRefused
from appliance.wire import Message
from drivers.errors import Disconnected, IdentityMismatch, NoResponse, PortBusy, StaleFrame

pytestmark = pytest.mark.anyio

LEDS = {"nir": ("850L", "850R", "940L"), "swir": ("1050L", "1050R")}


class ScriptedWellness:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.tests: list[list[dict[str, str]]] = []

    def installed(self, cameras: Any, lights: Any) -> dict[str, Any] | None:
        self.seen = (set(cameras), set(lights))
        return {"made": "yesterday"}

    def tested(self, findings: list[dict[str, str]]) -> None:
        self.tests.append(findings)


class Bench:
    def __init__(self) -> None:
        self.clock, self.heard, self.wellness = ManualClock(), Heard(), ScriptedWellness()
        self.lights = {camera: HandLight() for camera in LEDS}
        self.light = self.lights["nir"]
        self.owner = EyeOwner(
            setup={"pack": "auto"},
            leds=LEDS,
            lights=self.lights,  # type: ignore[arg-type]
            wellness=self.wellness,  # type: ignore[arg-type]
            loop=self.heard,  # type: ignore[arg-type]
            clock=self.clock,
        )

    @property
    def proven(self) -> bool:
        return ev.DeviceReported(Device.ILLUMINATION) in self.heard.posted

    @property
    def codes(self) -> list[tuple[int, str]]:
        return [(fault.code, fault.device) for fault in self.heard.faults.active]

    def told(self, op: str) -> list[dict[str, Any]]:
        return [fields for asked, fields in HandVision.started[-1].told if asked == op]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VisionProcess", HandVision.fresh())
    monkeypatch.setattr(module, "RETRY_S", 0.001)
    monkeypatch.setattr(module, "HEALTH_S", 0.001)


@asynccontextmanager
async def watching(bench: Bench) -> AsyncIterator[asyncio.Task[None]]:
    running = asyncio.create_task(bench.owner.run())
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert all(light.done[-1] == "close" for light in bench.lights.values())
        assert all(process.asked[-1] == "stop" for process in HandVision.started)


async def test_everything_is_opened_and_proven_before_the_devices_report() -> None:
    bench = Bench()
    async with watching(bench):
        await until(lambda: bench.proven, "the devices")
        assert HandVision.started[0].asked[:5] == ["setup", "cameras", "compare_with", "align", "burst"]
        for light in bench.lights.values():
            assert light.done[:4] == ["open", "zero", "arm", "log"]
        assert bench.told("compare_with") == [{"calibration": {"made": "yesterday"}}]
        assert bench.wellness.seen == ({"rgb", "nir"}, {"nir", "swir"})
        assert bench.wellness.tests == [[]]
        await until(lambda: HandVision.started[0].asked.count("health") > 2, "signs of life")
        assert bench.heard.posted == [ev.DeviceReported(Device.VISION), ev.DeviceReported(Device.ILLUMINATION)]
        assert bench.owner.pack is not None


@pytest.mark.parametrize(
    ("where", "error", "fault"),
    [
        ("cameras", PortBusy("camera.rgb", "busy"), (3001, "camera.rgb")),
        ("cameras", IdentityMismatch("camera.nir", "another"), (3001, "camera.nir")),
        ("burst", NoResponse("camera.nir", "dark"), (3001, "camera.nir")),
        ("health", Disconnected("camera.rgb", "unplugged"), (3001, "camera.rgb")),
        ("health", StaleFrame("camera.rgb", "old"), (3002, "camera.rgb")),
        ("health", StaleFrame("camera.nir", "seen before"), (3002, "camera.nir")),
        ("nir", NoResponse("illumination.nir", "silent"), (1002, "illumination.nir")),
        ("swir", NoResponse("illumination.swir", "silent"), (1002, "illumination.swir")),
        ("health", VisionLost("hangs"), (1004, "vision")),
        ("cameras", VisionLost("died"), (1004, "vision")),
    ],
)
async def test_trouble_is_blamed_on_its_device_and_over_when_all_is_proven_again(
    where: str, error: Exception, fault: tuple[int, str]
) -> None:
    bench = Bench()
    async with watching(bench):
        await until(lambda: bench.proven, "the devices")
        assert bench.codes == []
        if where in bench.lights:
            bench.lights[where].failing = error
        else:
            HandVision.failing[where] = error
            # Whatever opening meets is met only when it is opened anew: a sign of life that fails leads there.
            HandVision.failing.setdefault("health", error)
        await until(lambda: fault in bench.codes, "the fault")
        HandVision.failing.clear()
        for light in bench.lights.values():
            light.failing = None
        await until(lambda: bench.codes == [], "recovery")
        await until(lambda: bench.proven, "the devices")
        assert (len(HandVision.started) > 1) is isinstance(error, VisionLost)
        assert bench.heard.posted.count(ev.DeviceReported(Device.VISION)) == 1


@pytest.mark.parametrize("where", ["locate", "burst", "light"])
async def test_trouble_that_a_passage_meets_is_noticed_at_once(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEALTH_S", 60.0)
    bench = Bench()
    async with watching(bench):
        await until(lambda: bench.proven, "the devices")
        HandVision.failing = {"health": StaleFrame("camera.nir", "old"), "cameras": StaleFrame("camera.nir", "old")}
        if where == "light":
            bench.light.failing = StaleFrame("camera.nir", "the light says so")
        else:
            HandVision.failing[where] = StaleFrame("camera.nir", "old")
        with pytest.raises(StaleFrame):
            await (bench.owner.ask("locate") if where == "locate" else bench.owner.capture(face=True))
        await until(lambda: (3002, "camera.nir") in bench.codes, "the fault")


async def test_while_a_passage_is_under_way_nobody_else_takes_frames() -> None:
    bench = Bench()
    async with watching(bench):
        await until(lambda: bench.proven, "the devices")
        bench.owner.busy = True
        await asyncio.sleep(0.01)
        before = HandVision.started[0].asked.count("health")
        await asyncio.sleep(0.02)
        assert HandVision.started[0].asked.count("health") == before


async def test_what_a_test_finds_is_looked_at_twice_and_told() -> None:
    bench = Bench()
    dark = {"trouble": "missing", "camera": "nir", "words": "LED 940L: no answer."}
    async with watching(bench):
        await until(lambda: bench.proven, "the devices")
        bench.owner.busy = True
        before = HandVision.started[0].asked.count("burst")
        HandVision.answers["reading"] = Message({"findings": [dark], "levels": {}})
        await bench.owner.self_test()
        assert bench.wellness.tests[-1] == [dark]
        assert HandVision.started[0].asked.count("burst") == before + 2
        HandVision.answers["reading"] = Message({"findings": [], "levels": {}})
        await bench.owner.self_test()
        assert bench.wellness.tests[-1] == []
        assert HandVision.started[0].asked.count("burst") == before + 3


async def test_a_wrong_matcher_refuses_the_start() -> None:
    bench = Bench()
    HandVision.failing["setup"] = VisionRefused("run: appliance models fetch open-omz")
    async with watching(bench) as running:
        with pytest.raises(StartRefused, match="models fetch"):
            await running


async def test_a_child_that_keeps_dying_is_restarted_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The budget is by the clock: without time passing it is spent, and after its window it is there again."""
    monkeypatch.setattr(module, "RESTART_WINDOW_S", 0.2)
    bench = Bench()
    HandVision.failing["setup"] = VisionLost("dies")
    async with watching(bench):
        await until(lambda: len(HandVision.started) == RESTARTS + 1, "the budget's end")
        await asyncio.sleep(0.05)
        assert len(HandVision.started) == RESTARTS + 1
        assert bench.codes == [(1004, "vision")]
        bench.clock.advance(1.0)
        await until(lambda: len(HandVision.started) > RESTARTS + 1, "the next try")


# --- bursts -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def resting(bench: Bench) -> AsyncIterator[EyeOwner]:
    """Everything open, and nobody else asking."""
    async with watching(bench):
        await until(lambda: bench.proven, "the devices")
        bench.owner.busy = True
        yield bench.owner


async def test_no_two_bursts_need_to_come_in_the_same_order() -> None:
    bench = Bench()
    async with resting(bench) as owner:
        orders = set()
        for _ in range(30):
            logs = await owner.capture(face=False)
            orders.add(tuple(led for _, led in logs["nir"]))
        assert len(orders) > 3
        assert all(sorted(map(str, order)) == ["850L", "850R", "940L", "None", "None"] for order in orders)
        assert sorted(str(led) for _, led in logs["swir"]) == ["1050L", "1050R", "None", "None"]


async def test_all_banks_are_armed_before_one_burst_of_all_cameras() -> None:
    bench = Bench()
    async with resting(bench) as owner:
        bench.clock.advance(7.0)
        await owner.capture(face=True)
        assert bench.told("burst")[-1] == {
            "counts": {"nir": 5, "swir": 4},
            "after": bench.clock.monotonic(),
            "face": True,
        }
        assert "more" not in HandVision.started[0].asked


async def test_exposures_that_were_still_to_come_are_fetched() -> None:
    bench = Bench()
    async with resting(bench) as owner:
        bench.light.late = 1
        logs = await owner.capture(face=True)
        assert bench.told("more") == [{"counts": {"nir": 1}}]
        assert len(logs["nir"]) == 5


async def test_a_log_that_never_ends_does_not_hold_the_capture() -> None:
    bench = Bench()
    async with resting(bench) as owner:
        bench.light.arm = lambda order: asyncio.sleep(0)  # type: ignore[assignment, method-assign]
        bench.light.log_of = ()
        logs = await owner.capture(face=True)
        assert logs["nir"] == []
        assert len(bench.told("more")) == module.LATE_FRAMES


async def test_exposures_are_metered_only_where_a_camera_can_and_until_they_stay() -> None:
    bench = Bench()
    async with resting(bench) as owner:
        await owner.meter()
        assert "meter" not in HandVision.started[0].asked
    HandVision.fresh()
    HandVision.answers["cameras"] = Message(HandVision.answers["cameras"].header | {"adjustable": ["nir"]})
    HandVision.answers["meter"] = Message({"gains": {"nir": 0.5}, "changed": True})
    bench = Bench()
    async with resting(bench) as owner:
        assert bench.told("expose") == [{"gains": {"nir": 1.0}}], "a self-test is made at the longest exposure"
        await owner.meter()
        assert bench.told("burst")[-1]["counts"] == {"nir": 2}
        assert len(bench.told("meter")) == module.METERING_LOOKS
        HandVision.answers["meter"] = Message({"gains": {"nir": 0.5}, "changed": False})
        await owner.meter()
        assert len(bench.told("meter")) == module.METERING_LOOKS + 1

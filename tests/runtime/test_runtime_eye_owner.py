"""The owner of the eye: what it opens, whom it blames, and that it comes back from everything but a wrong matcher."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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


class Bench:
    def __init__(self) -> None:
        self.clock, self.heard, self.light = ManualClock(), Heard(), HandLight()
        self.owner = EyeOwner(
            setup={"pack": "auto"},
            bands=("850", "940"),
            illuminator=self.light,  # type: ignore[arg-type]
            loop=self.heard,  # type: ignore[arg-type]
            clock=self.clock,
        )

    @property
    def proven(self) -> bool:
        return ev.DeviceReported(Device.ILLUMINATION) in self.heard.posted

    @property
    def codes(self) -> list[tuple[int, str]]:
        return [(fault.code, fault.device) for fault in self.heard.faults.active]


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
        assert bench.light.done[-1] == "close"
        assert all(process.asked[-1] == "stop" for process in HandVision.started)


async def test_everything_is_opened_and_proven_before_the_devices_report() -> None:
    bench = Bench()
    async with watching(bench):
        await until(lambda: bench.proven, "the devices")
        assert HandVision.started[0].asked[:4] == ["setup", "cameras", "burst", "response"]
        assert bench.light.done[:4] == ["open", "zero", "arm", "log"]
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
        ("light", NoResponse("illumination", "silent"), (1002, "illumination")),
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
        if where == "light":
            bench.light.failing = error
        else:
            HandVision.failing[where] = error
            # Whatever opening meets is met only when it is opened anew: a sign of life that fails leads there.
            HandVision.failing.setdefault("health", error)
        await until(lambda: fault in bench.codes, "the fault")
        HandVision.failing.clear()
        bench.light.failing = None
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


async def test_a_band_that_does_not_answer_is_a_fault_until_it_does() -> None:
    bench = Bench()
    HandVision.answers["response"] = Message({"problem": "940 nm is dark"})
    async with watching(bench):
        await until(lambda: bench.proven, "the devices")
        assert bench.codes == [(3003, "illumination")]
        assert bench.heard.faults.active[0].detail == "940 nm is dark"
        HandVision.answers["response"] = Message({"problem": ""})
        await bench.owner.self_test()
        assert bench.codes == []


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


async def test_no_two_bursts_need_to_come_in_the_same_order() -> None:
    bench = Bench()
    async with watching(bench):
        await until(lambda: bench.proven, "the devices")
        bench.owner.busy = True
        orders = set()
        for _ in range(30):
            log, _ = await bench.owner.capture(face=False)
            orders.add(tuple(band for _, band in log))
        assert len(orders) > 3
        assert all({"850", "940", None} == set(order) for order in orders)

"""The owner of the presence sensor: what it makes of the check of one person, and the faults of an empty lane."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from runtime_stage import Heard, until

from appliance.clock import ManualClock
from appliance.core import phases as ph
from appliance.core.types import Check, CheckName, Result
from appliance.runtime import presence as module
from appliance.runtime.presence import PresenceOwner
from drivers.errors import Disconnected
from drivers.ports import DeviceIdentity, Presence

pytestmark = pytest.mark.anyio

FACE = Check(CheckName.SINGLE_FACE, Result.SUCCESSFUL, "One face is in view.")
OTHER = Check(CheckName.LIVENESS, Result.SUCCESSFUL, "Skin.")


class ScriptedSensor:
    """Gives what is put in, one reading each."""

    def __init__(self) -> None:
        self.readings: asyncio.Queue[Presence | Exception] = asyncio.Queue()
        self.opening: list[Exception] = []
        self.log: list[str] = []

    async def open(self) -> DeviceIdentity:
        self.log.append("open")
        if self.opening:
            raise self.opening.pop(0)
        return DeviceIdentity("scripted", "1", None, False)

    async def read(self) -> Presence:
        said = await self.readings.get()
        if isinstance(said, Exception):
            raise said
        return said

    async def close(self) -> None:
        self.log.append("close")


class Bench:
    def __init__(self) -> None:
        self.clock, self.sensor = ManualClock(), ScriptedSensor()
        self.heard = Heard(self.clock)
        self.inside()
        self.owner = PresenceOwner(self.sensor, self.heard, self.clock)  # type: ignore[arg-type]

    def inside(self) -> None:
        self.heard.lane = ph.Lane(phase=ph.Verifying("p", ()), occupied=True)  # type: ignore[attr-defined]

    def empty(self) -> None:
        self.heard.lane = ph.Lane(phase=ph.Ready(), occupied=False)  # type: ignore[attr-defined]

    async def says(self, persons: int | None, left: bool | None = None, reason: str = "", age_s: float = 0.0) -> None:
        at = self.clock.monotonic() - age_s
        self.sensor.readings.put_nowait(Presence(persons, left, at, 1.0, reason))
        await until(self.sensor.readings.empty)
        await asyncio.sleep(0)

    async def check(self, face: Check = FACE) -> Check:
        judged = await self.owner.judged((face, OTHER))
        assert judged[1] is OTHER
        return judged[0]

    @property
    def codes(self) -> tuple[int, ...]:
        return self.heard.faults.codes


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECONNECT_S", 0.0)
    monkeypatch.setattr(module, "IDLE_LOOK_S", 0.0)
    monkeypatch.setattr(module, "PATIENCE_S", 0.02)


@asynccontextmanager
async def running() -> AsyncIterator[Bench]:
    bench = Bench()
    task = asyncio.create_task(bench.owner.run())
    try:
        await until(lambda: "open" in bench.sensor.log)
        yield bench
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert bench.sensor.log[-1] == "close"


async def test_one_person_alone_leaves_the_check_as_it_is(quick: None) -> None:
    async with running() as bench:
        bench.owner.begin()
        await bench.says(1)
        assert await bench.check() is FACE
        failed = Check(CheckName.SINGLE_FACE, Result.FAILED, "2 faces are in view.")
        assert await bench.check(failed) is failed


@pytest.mark.parametrize(
    ("persons", "left", "reason"),
    [(2, None, "The sensor overhead counts 2 persons."), (1, True, "Something stands in the lane that nobody holds.")],
)
async def test_company_fails_it_even_when_it_has_gone_again(
    quick: None, persons: int, left: bool | None, reason: str
) -> None:
    async with running() as bench:
        bench.owner.begin()
        await bench.says(persons, left)
        await bench.says(1)
        found = await bench.check()
        assert (found.result, found.reason) == (Result.FAILED, reason)
        # The next traveller is judged anew.
        bench.owner.begin()
        await bench.says(1)
        assert await bench.check() is FACE


async def test_nothing_proved_is_undetermined_with_its_reason(quick: None) -> None:
    async with running() as bench:
        bench.owner.begin()
        assert (await bench.check()).result is Result.UNDETERMINED
        await bench.says(None, None, "blinded")
        assert "alone: blinded." in (await bench.check()).reason
        await bench.says(0)
        assert "it sees nobody" in (await bench.check()).reason
        await bench.says(1, age_s=1.5)
        assert (await bench.check()).result is Result.UNDETERMINED
        await bench.says(1)
        bench.clock.advance(module.PROOF_S + 0.1)
        assert (await bench.check()).result is Result.UNDETERMINED


async def test_what_both_say_stands_in_the_check(quick: None) -> None:
    async with running() as bench:
        bench.owner.begin()
        await bench.says(2)
        found = await bench.check(Check(CheckName.SINGLE_FACE, Result.UNDETERMINED, "No face is in view."))
        assert found.result is Result.FAILED
        assert found.reason == "No face is in view. The sensor overhead counts 2 persons."


async def test_a_verification_without_this_check_gets_none(quick: None) -> None:
    async with running() as bench:
        bench.owner.begin()
        assert await bench.owner.judged((OTHER,)) == (OTHER,)


async def test_a_decision_waits_for_the_proof(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 5.0)
    async with running() as bench:
        bench.owner.begin()
        waiting = asyncio.create_task(bench.check())
        await bench.says(None)
        assert not waiting.done()
        await bench.says(1)
        assert await waiting is FACE


async def test_a_lost_sensor_is_a_fault_until_it_opens_again_and_proves_nothing(quick: None) -> None:
    async with running() as bench:
        bench.owner.begin()
        await bench.says(1)
        bench.sensor.opening = [Disconnected("presence", "gone")]
        bench.sensor.readings.put_nowait(Disconnected("presence", "unplugged"))
        await until(lambda: bench.sensor.log.count("open") == 3)
        assert bench.heard.seen_faults == {(1007, "presence")}
        assert bench.codes == ()
        assert (await bench.check()).result is Result.UNDETERMINED


async def test_a_thing_left_behind_blocks_the_entry_until_it_is_gone(quick: None) -> None:
    async with running() as bench:
        await bench.says(0, True)
        assert bench.codes == (), "somebody is in the lane: it may be his"
        bench.empty()
        await bench.says(0, True)
        assert bench.codes == (2005,)
        await bench.says(0, None)
        await bench.says(None)
        assert bench.codes == (2005,), "what is not certain clears nothing"
        await bench.says(0, False)
        assert bench.codes == ()


async def test_somebody_who_stays_in_the_empty_lane_is_told_after_three_looks(quick: None) -> None:
    async with running() as bench:
        bench.empty()
        await bench.says(1)
        await bench.says(1)
        await bench.says(0)
        await bench.says(1)
        await bench.says(1)
        assert bench.codes == ()
        await bench.says(1)
        assert bench.codes == (2005,)
        await bench.says(0, False)
        assert bench.codes == ()


async def test_a_blind_sensor_is_told_in_an_empty_lane(quick: None) -> None:
    async with running() as bench:
        await bench.says(0)
        bench.clock.advance(module.BLIND_S + 1)
        await bench.says(None, None, "blinded")
        assert bench.codes == (), "somebody may stand under it in a way it cannot tell"
        bench.empty()
        await bench.says(None, None, "blinded")
        assert bench.codes == (3012,)
        await bench.says(0, False)
        assert bench.codes == ()


async def test_somebody_is_said_to_be_there_once_it_is_certain_and_the_next_reading_can_be_waited_for(
    quick: None,
) -> None:
    async with running() as bench:
        bench.empty()
        assert await bench.owner.fresh() is None, "a sensor that says nothing is not waited for for ever"
        waiting = asyncio.create_task(bench.owner.fresh())
        await asyncio.sleep(0)
        await bench.says(1)
        said = await waiting
        assert said is not None
        assert said.persons == 1
        assert not bench.owner.somebody
        for _ in range(2):
            await bench.says(1)
        assert bench.owner.somebody
        await bench.says(0, False)
        assert not bench.owner.somebody

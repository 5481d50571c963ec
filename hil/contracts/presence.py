"""The one suite for every presence sensor. A test module subclasses `PresenceContract` and says how to make its sensor.

Kinds: "simulated", where a stage puts persons and things under the sensor, and "real", which is skipped with its reason
unless the file named by `--bench` has a device of this kind. Under a real sensor only what an empty cell shows is
tested: leave it empty.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar, Protocol

import pytest

from drivers.errors import Disconnected, DriverError
from drivers.ports import Presence, PresenceSensor
from hil.stand import Bench


class Stage(Protocol):
    """What stands under a simulated sensor from now on, and faults of the sensor."""

    def show(self, what: str) -> None:
        """One of "empty", "one", "two", "bag", "one and bag"."""
        ...

    def freeze(self) -> None:
        """From now on the sensor gives its last picture, with new numbers."""
        ...

    def blind(self) -> None:
        """From now on hardly a pixel has an echo."""
        ...

    def unplug(self) -> None:
        """The sensor is gone until `plug`."""
        ...

    def plug(self) -> None:
        """The sensor is back."""
        ...


class PresenceContract:
    """Subclass and override `make`, and `real` unless the kind exists as a simulation only."""

    device: ClassVar[str]
    """The kind in a bench file, e.g. "presence.depth"."""
    settles: ClassVar[int] = 60
    """After how many readings a standing picture must have been judged."""

    def make(self) -> tuple[PresenceSensor, Stage]:
        """A fresh sensor over an empty cell, not yet open."""
        raise NotImplementedError

    def real(self, options: dict[str, Any]) -> PresenceSensor:
        """The sensor of the bench; `options` are the keys of its device in the file."""
        raise NotImplementedError

    @pytest.fixture(params=["simulated", "real"])
    async def cell(
        self, request: pytest.FixtureRequest, bench: Bench
    ) -> AsyncIterator[tuple[PresenceSensor, Stage | None]]:
        """The sensor under test, not yet open, closed afterwards, and its stage when there is one."""
        sensor: PresenceSensor
        stage: Stage | None = None
        if request.param == "real":
            options = bench.device(self.device)
            if options is None:
                pytest.skip(f"bench {bench.name} ({bench.tier.name}) has no {self.device}")
            sensor = self.real(options)
        else:
            sensor, stage = self.make()
        yield sensor, stage
        await sensor.close()

    def staged(self, stage: Stage | None) -> Stage:
        """Skip where nobody can be put under the sensor."""
        if stage is None:
            pytest.skip("nobody can be put under a real sensor by a test")
        return stage

    async def until(self, sensor: PresenceSensor, holds: Callable[[Presence], bool]) -> Presence:
        """Read until a reading holds; fails after `settles` readings."""
        said = await sensor.read()
        for _ in range(self.settles):
            if holds(said):
                return said
            said = await sensor.read()
        raise AssertionError(f"after {self.settles} readings still {said}")

    async def test_open_tells_who_answered(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """Open tells who answered."""
        identity = await cell[0].open()
        assert identity.model

    async def test_the_first_reading_after_open_proves_nothing(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """One look never makes a person, nor an empty cell."""
        await cell[0].open()
        said = await cell[0].read()
        assert said.persons is None
        assert said.left_object is None
        assert said.reason

    async def test_an_empty_cell(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """Nobody and nothing."""
        sensor, _ = cell
        await sensor.open()
        said = await self.until(sensor, lambda said: said.persons is not None and said.left_object is not None)
        assert (said.persons, said.left_object, said.alone) == (0, False, False)

    async def test_stamps_go_forward(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """Stamps go forward."""
        await cell[0].open()
        first, second = await cell[0].read(), await cell[0].read()
        assert first.at < second.at

    async def test_one_person_is_alone(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """One person is alone, and what he leaves is not judged while he is there."""
        sensor, stage = cell
        self.staged(stage).show("one")
        await sensor.open()
        said = await self.until(sensor, lambda said: said.persons is not None)
        assert (said.persons, said.left_object, said.alone) == (1, None, True)

    async def test_two_persons_are_never_one(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """Neither at once nor in time; and a second person who comes later ends being alone."""
        sensor, stage = cell
        self.staged(stage).show("one")
        await sensor.open()
        await self.until(sensor, lambda said: said.alone)
        self.staged(stage).show("two")
        for _ in range(self.settles):
            said = await sensor.read()
            assert not said.alone
        assert said.persons == 2

    async def test_a_bag_left_behind(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """The person goes, the bag stays; once it is taken away the cell is empty again."""
        sensor, stage = cell
        self.staged(stage).show("one and bag")
        await sensor.open()
        await self.until(sensor, lambda said: said.alone)
        self.staged(stage).show("bag")
        said = await self.until(sensor, lambda said: said.left_object is not None)
        assert (said.persons, said.left_object) == (0, True)
        self.staged(stage).show("empty")
        said = await self.until(sensor, lambda said: said.left_object is False)
        assert said.persons == 0

    async def test_a_stuck_picture_proves_nothing(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """Whoever was seen last is not there because the picture stands still."""
        sensor, stage = cell
        self.staged(stage).show("one")
        await sensor.open()
        await self.until(sensor, lambda said: said.alone)
        self.staged(stage).freeze()
        await sensor.read()
        for _ in range(3):
            said = await sensor.read()
            assert (said.persons, said.left_object) == (None, None)
            assert said.reason

    async def test_a_blinded_sensor_proves_nothing(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """A covered sensor does not see an empty cell."""
        sensor, stage = cell
        await sensor.open()
        await self.until(sensor, lambda said: said.persons == 0)
        self.staged(stage).blind()
        said = await sensor.read()
        assert (said.persons, said.left_object) == (None, None)
        assert said.measured < 0.75

    async def test_unplugged_and_plugged_again(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """A lost sensor is an error, never an empty cell; opened anew it starts from nothing."""
        sensor, stage = cell
        await sensor.open()
        await self.until(sensor, lambda said: said.persons == 0)
        self.staged(stage).unplug()
        with pytest.raises(DriverError):
            await sensor.read()
        await sensor.close()
        with pytest.raises(DriverError):
            await sensor.open()
        self.staged(stage).plug()
        await sensor.open()
        assert (await sensor.read()).persons is None
        await self.until(sensor, lambda said: said.persons == 0)

    async def test_unopened_and_closed_sensors_say_so(self, cell: tuple[PresenceSensor, Stage | None]) -> None:
        """Unopened and closed sensors say so and open again."""
        sensor, _ = cell
        with pytest.raises(Disconnected):
            await sensor.read()
        await sensor.open()
        await sensor.close()
        await sensor.close()
        with pytest.raises(Disconnected):
            await sensor.read()
        await sensor.open()
        await sensor.read()

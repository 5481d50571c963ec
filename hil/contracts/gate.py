"""The one suite for every gate. A test module subclasses `GateContract` and says how to make its gate.

Kinds: "null modem" (or another in-memory join), "pty" (or a loopback socket), and "real", which is skipped with its
reason unless the file named by `--bench` has a device of this kind. A real gate moves: nobody may stand in the lane.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import pytest

from drivers.errors import DeviceRefused, Disconnected
from drivers.ports import Door, Gate
from hil.emulator.pty_line import PtyLine
from hil.stand import Bench


class GateContract:
    """Subclass and override `make`, and `real` unless the kind exists as an emulator only."""

    device: ClassVar[str]
    """The kind in a bench file, e.g. "gate.waveshare"."""
    doors: ClassVar[tuple[Door, ...]] = tuple(Door)
    short_s: ClassVar[float] = 0.2
    """A release the device can time that is soon over."""
    long_s: ClassVar[float] = 5.0
    """The longest release it takes."""
    slack_s: ClassVar[float] = 0.15
    """How much later than asked a release may have lapsed and the driver have seen it."""
    out_of_bounds: ClassVar[tuple[float, ...]] = (0.0, -1.0, 0.09, 5.01, float("inf"), float("nan"))

    def make(self, kind: str, plug: Callable[..., PtyLine]) -> Gate:
        """A fresh gate over `kind`, not yet open."""
        raise NotImplementedError

    def real(self, options: dict[str, Any]) -> Gate:
        """The gate of the bench; `options` are the keys of its device in the file."""
        raise NotImplementedError

    @pytest.fixture(params=["null modem", "pty", "real"])
    async def gate(
        self, request: pytest.FixtureRequest, plug: Callable[..., PtyLine], bench: Bench
    ) -> AsyncIterator[Gate]:
        """The gate under test, not yet open, closed afterwards."""
        if request.param == "real":
            options = bench.device(self.device)
            if options is None:
                pytest.skip(f"bench {bench.name} ({bench.tier.name}) has no {self.device}")
            made = self.real(options)
        else:
            made = self.make(request.param, plug)
        yield made
        await made.close()

    @property
    def last(self) -> Door:
        """The exit, or the only door."""
        return self.doors[-1]

    def needs_two_doors(self) -> None:
        """Skip where there is one door."""
        if len(self.doors) < 2:
            pytest.skip("this gate has one door")

    async def test_open_tells_who_answered_and_leaves_everything_off(self, gate: Gate) -> None:
        """Open tells who answered and leaves everything off."""
        identity = await gate.open()
        assert identity.model
        assert identity.firmware
        assert (await gate.read()).released == frozenset()

    async def test_a_release_shows_and_lapses_by_itself(self, gate: Gate) -> None:
        """A release shows and lapses by itself."""
        await gate.open()
        for door in self.doors:
            await gate.release(door, self.short_s)
            assert (await gate.read()).released == {door}
            await asyncio.sleep(self.short_s + self.slack_s)
            reading = await gate.read()
            assert reading.released == frozenset()
            assert reading.disagrees == frozenset()

    async def test_a_door_the_gate_has_not_is_refused(self, gate: Gate) -> None:
        """A door the gate has not is refused."""
        missing = set(Door) - set(self.doors)
        if not missing:
            pytest.skip("this gate has every door")
        await gate.open()
        for door in missing:
            with pytest.raises(DeviceRefused, match=f"no {door} door"):
                await gate.release(door, self.short_s)
        assert (await gate.read()).released == frozenset()

    async def test_secure_ends_a_release(self, gate: Gate) -> None:
        """Secure ends a release."""
        await gate.open()
        await gate.release(self.last, self.long_s)
        await gate.secure()
        assert (await gate.read()).released == frozenset()
        await gate.release(self.doors[0], self.short_s)

    async def test_never_both_doors(self, gate: Gate) -> None:
        """Never both doors."""
        self.needs_two_doors()
        await gate.open()
        await gate.release(Door.ENTRY, self.long_s)
        with pytest.raises(DeviceRefused, match="never both doors"):
            await gate.release(Door.EXIT, self.short_s)
        assert (await gate.read()).released == {Door.ENTRY}

    async def test_a_race_for_both_doors_releases_one(self, gate: Gate) -> None:
        """A race for both doors releases one."""
        self.needs_two_doors()
        await gate.open()
        results = await asyncio.gather(
            gate.release(Door.ENTRY, self.long_s), gate.release(Door.EXIT, self.long_s), return_exceptions=True
        )
        assert [type(result) for result in results] == [type(None), DeviceRefused]
        assert (await gate.read()).released == {Door.ENTRY}

    async def test_polling_beside_a_release_disturbs_neither(self, gate: Gate) -> None:
        """Polling beside a release disturbs neither."""
        await gate.open()
        results = await asyncio.gather(
            gate.read(), gate.read(), gate.release(self.last, self.long_s), gate.read(), return_exceptions=True
        )
        assert [result for result in results if isinstance(result, Exception)] == []
        reading = await gate.read()
        assert reading.released == {self.last}
        assert reading.disagrees == frozenset()

    async def test_durations_out_of_bounds(self, gate: Gate) -> None:
        """Durations out of bounds."""
        await gate.open()
        for duration in self.out_of_bounds:
            with pytest.raises(ValueError, match="a release lasts"):
                await gate.release(self.last, duration)
        assert (await gate.read()).released == frozenset()

    async def test_stamps_go_forward(self, gate: Gate) -> None:
        """Stamps go forward."""
        await gate.open()
        first, second = await gate.read(), await gate.read()
        assert first.at < second.at

    async def test_unopened_and_closed_gates_say_so_and_open_again(self, gate: Gate) -> None:
        """Unopened and closed gates say so and open again."""
        with pytest.raises(Disconnected):
            await gate.read()
        await gate.open()
        await gate.close()
        await gate.close()
        for call in (gate.read(), gate.secure(), gate.release(self.last, self.short_s)):
            with pytest.raises(Disconnected):
                await call
        await gate.open()
        await gate.read()

    async def test_close_ends_a_release(self, gate: Gate) -> None:
        """Close ends a release."""
        await gate.open()
        await gate.release(self.last, self.long_s)
        await gate.close()
        await gate.open()
        assert (await gate.read()).released == frozenset()

"""The one suite for every module whose pulses the host ends and whose watchdog bounds them, on its emulator.

It runs in virtual time over a null modem. Not here: the gate on the module (contracts/gate), and what a real watchdog
does: the driver proves that itself at every open.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from drivers.errors import DeviceRefused, Disconnected, NoResponse
from drivers.gate import coils, host_timed
from drivers.gate.host_timed import HostTimedBoard
from drivers.modbus.frames import WriteSingle
from drivers.modbus_unit import ModbusUnit
from drivers.session import Timing
from drivers.transport.null_modem import NullModemEnd, null_modem
from hil.emulator.virtual_time import Clock
from hil.emulator.watched_module import WatchedModule

_BAUD = 57600


class Desk:
    """A driver on an emulated module, both on one clock; the line keeps no real silence. `silent` swallows replies."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.silent = False
        self.module = self.emulate()
        self._line: NullModemEnd | None = None

    def emulate(self) -> WatchedModule:
        """The module, on this desk's clock."""
        raise NotImplementedError

    def drive(self, unit: ModbusUnit, **options: Any) -> HostTimedBoard:
        """The driver, on this desk's clock."""
        raise NotImplementedError

    def spacers(self) -> Any:
        """Of the driver, for unit 1."""
        raise NotImplementedError

    def connect(self, **options: Any) -> HostTimedBoard:
        """A fresh driver on a fresh line."""
        near, far = null_modem("gate")
        far.answer_with(lambda data: b"" if self.silent else self.module.handle(data))
        self._line = near
        unit = ModbusUnit("gate", near, _BAUD, number=1, spacers=self.spacers(), timing=Timing())
        return self.drive(unit, **options)

    async def opened(self, **options: Any) -> HostTimedBoard:
        """Identified, everything off, the watchdog armed and proved."""
        board = self.connect(**options)
        await board.identify()
        await self.clock.run(board.all_off())
        return board

    def close(self) -> None:
        """End the line."""
        if self._line is not None:
            self._line.close()


class HostTimedContract:
    """Subclass and override `make` and the attributes."""

    timeout_s: float = 1.0
    """The watchdog's time as `opened` sets it."""
    first_relay: int
    """The coil of relay 0."""

    def make(self) -> Desk:
        """A fresh desk."""
        raise NotImplementedError

    @pytest.fixture
    async def desk(self) -> AsyncIterator[Desk]:
        """The desk under test."""
        made = self.make()
        yield made
        made.close()

    def command(self, relay: int, on: bool) -> WriteSingle:
        """The command that switches a relay."""
        return coils.write_coil(1, self.first_relay + relay, on)

    async def test_nothing_is_commanded_before_identity(self, desk: Desk) -> None:
        """Nothing is commanded before identity."""
        board = desk.connect()
        with pytest.raises(DeviceRefused, match="identify comes before"):
            await board.all_off()
        assert desk.module.writes == []

    async def test_no_pulse_before_the_watchdog_is_armed(self, desk: Desk) -> None:
        """No pulse before the watchdog is armed."""
        board = desk.connect()
        await board.identify()
        with pytest.raises(DeviceRefused, match="not armed"):
            await board.pulse(0, 5, expires_s=0.25)
        assert desk.module.writes == []

    async def test_settings_that_are_right_are_not_written_again(self, desk: Desk) -> None:
        """Settings that are right are not written again."""
        (await desk.opened()).close()
        desk.module.writes.clear()
        board = await desk.opened(prove_watchdog=False)
        assert desk.module.writes == [coils.write_coils_off(1, self.first_relay, board.relays)]

    async def test_time_out_of_an_earlier_host_is_cleared_by_opening_and_told(self, desk: Desk) -> None:
        """Time-out of an earlier host is cleared by opening and told."""
        (await desk.opened()).close()
        desk.clock.now += 60.0
        assert desk.module.timed_out
        board = await desk.opened(prove_watchdog=False)
        assert board.timed_out_before_open is True
        assert not desk.module.timed_out

    async def test_host_ends_a_pulse_on_time(self, desk: Desk) -> None:
        """Host ends a pulse on time."""
        board = await desk.opened()
        await board.pulse(1, 5, expires_s=0.25)
        await desk.clock.advance(0.45)
        assert [relay for relay, on in enumerate(await board.read_relays()) if on] == [1]
        await desk.clock.advance(0.1)
        assert not any(await board.read_relays())

    async def test_host_that_dies_leaves_the_relay_to_the_watchdog(self, desk: Desk) -> None:
        """Host that dies leaves the relay to the watchdog."""
        board = await desk.opened()
        await board.pulse(1, 50, expires_s=0.25)
        board.close()
        started = desk.clock.now
        desk.clock.now = started + self.timeout_s - 0.01
        assert desk.module.contact(1)
        desk.clock.now = started + self.timeout_s + 0.01
        assert not desk.module.contact(1)

    async def test_reading_keeps_a_long_pulse_alive(self, desk: Desk) -> None:
        """Reading keeps a long pulse alive."""
        board = await desk.opened()
        await board.pulse(1, 30, expires_s=0.25)
        for _ in range(9):
            await desk.clock.advance(0.3)
            assert (await board.read_relays())[1]
        await desk.clock.advance(0.4)
        assert not desk.module.coil(1)
        assert not desk.module.timed_out

    async def test_switching_off_that_is_lost_is_sent_before_the_next_reading(self, desk: Desk) -> None:
        """Switching off that is lost is sent before the next reading."""
        board = await desk.opened()
        await board.pulse(1, 5, expires_s=0.25)
        desk.silent = True
        await desk.clock.advance(0.6)
        await asyncio.sleep(0.3)
        desk.silent = False
        assert desk.module.coil(1)
        assert not any(await board.read_relays())
        assert not desk.module.coil(1)

    async def test_start_whose_reply_is_lost_is_ended_and_not_repeated(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Start whose reply is lost is ended and not repeated."""
        board = await desk.opened()
        desk.module.writes.clear()
        handle = desk.module.handle
        monkeypatch.setattr(desk.module, "handle", lambda data: handle(data) if data[1] != 5 else handle(data)[:0])
        with pytest.raises(NoResponse):
            await board.pulse(1, 5, expires_s=0.25)
        assert desk.module.writes == [self.command(1, True)]
        monkeypatch.setattr(desk.module, "handle", handle)
        await desk.clock.advance(0.6)
        await asyncio.sleep(0.8)
        assert desk.module.writes == [self.command(1, True), self.command(1, False)]
        assert not desk.module.coil(1)

    async def test_all_off_beside_a_pulse_never_strikes_its_end_off(self, desk: Desk) -> None:
        """All off beside a pulse never strikes its end off."""
        board = await desk.opened()
        await asyncio.gather(board.all_off(), board.pulse(1, 5, expires_s=0.25))
        for _ in range(4):
            await desk.clock.advance(0.2)
            await board.read_relays()
        assert not desk.module.coil(1)

    async def test_all_off_ends_a_pulse_and_what_is_owed(self, desk: Desk) -> None:
        """All off ends a pulse and what is owed."""
        board = await desk.opened()
        await board.pulse(1, 10, expires_s=0.25)
        await board.all_off()
        assert not desk.module.coil(1)
        desk.module.writes.clear()
        for _ in range(4):
            await desk.clock.advance(0.4)
            await board.read_relays()
        assert desk.module.writes == []

    @pytest.mark.parametrize(("relay", "tenths"), [(99, 1), (-1, 1), (0, 0), (0, -1)])
    async def test_impossible_pulses(self, desk: Desk, relay: int, tenths: int) -> None:
        """Impossible pulses."""
        board = await desk.opened()
        desk.module.writes.clear()
        with pytest.raises(ValueError, match=r"relay|tenths"):
            await board.pulse(relay, tenths, expires_s=0.25)
        assert desk.module.writes == []

    async def test_trip_is_noticed_and_not_cleared_by_reading_or_releasing(self, desk: Desk) -> None:
        """Trip is noticed and not cleared by reading or releasing."""
        board = await desk.opened()
        desk.clock.now += self.timeout_s + 0.5
        with pytest.raises(Disconnected, match="host watchdog has tripped"):
            await board.pulse(0, 5, expires_s=0.25)
        for call in (board.read_relays, board.read_inputs):
            with pytest.raises(Disconnected, match="host watchdog has tripped"):
                await call()
        await board.all_off()
        assert desk.module.timed_out
        assert not desk.module.coil(0)
        (await desk.opened()).close()
        assert not desk.module.timed_out

    async def test_a_look_that_began_earlier_does_not_forgive(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A look that began earlier does not forgive."""
        board = await desk.opened()
        answers: dict[bool, tuple[float, str | None]] = {True: (1.0, None), False: (0.5, "told once")}

        async def why(*, urgent: bool) -> str | None:
            delay, reason = answers[urgent]
            await desk.clock.sleep(delay)
            return reason

        monkeypatch.setattr(board, "_why_lost", why)
        looks = asyncio.gather(board._check(urgent=True), board._check(), return_exceptions=True)
        await desk.clock.advance(1.5)
        assert [str(result) for result in await looks] == ["gate: told once"] * 2

    async def test_readings_look_at_the_state_twice_a_second_and_no_more(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Readings look at the state twice a second and no more."""
        board = await desk.opened()
        await board.read_relays()
        looks: list[float] = []
        why_lost = board._why_lost

        async def counted(*, urgent: bool) -> str | None:
            looks.append(desk.clock.now)
            return await why_lost(urgent=urgent)

        monkeypatch.setattr(board, "_why_lost", counted)
        for _ in range(10):
            await board.read_relays()
            await desk.clock.advance(0.1)
        assert len(looks) == 1 / host_timed.CHECK_EVERY_S - 1

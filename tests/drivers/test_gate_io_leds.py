"""The LED block of the Gate I/O profile v1: tables, one-shot, log, `ports.Illuminator` on it. Bytes computed here."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from drivers.errors import DeviceRefused, Disconnected, IdentityMismatch, NoResponse, PortBusy, RemoteProtocolError
from drivers.gate.gate_io import led, protocol
from drivers.gate.gate_io.board import spacers
from drivers.gate.gate_io.driver import open_gate_io_gate
from drivers.gate.gate_io.illuminator import GateIoIlluminator, gate_io_unit
from drivers.gate.gate_io.led import Entry, Fitted, Table, parse_table
from drivers.modbus.server import ModelRefusal
from drivers.modbus_unit import ModbusUnit
from drivers.ports import Door, LitExposure
from drivers.transport.null_modem import null_modem
from hil.emulator.gate_io import GateIoUnit
from hil.emulator.gate_io_leds import USUAL, GateIoLeds
from hil.emulator.pty_line import PtyLine

pytestmark = pytest.mark.anyio
# Exposures 10 ms apart and pulses of 2 ms keep the usual duty of a quarter.
PULSE_US = 2000


# --- words ------------------------------------------------------------------------------------------------------


def test_words_there_and_back() -> None:
    assert led.parse_fitted(USUAL.words()) == USUAL
    table = Table((0, 15, 3, *range(10)), 4000, 100, 250, 3000)
    assert len(table.words()) == led.TABLE_WORDS
    assert parse_table(table.words()) == table
    entries = (Entry(0xFFFF, 15, led.CLOCK_US - 1, 0xFFFF), Entry(0, 0, 0, 0))
    assert led.parse_entries(entries[0].words() + entries[1].words()) == entries


def test_every_flipped_bit_of_a_table_is_refused() -> None:
    words = Table((1, 2, 0), 4000, 100, 250, 3000).words()
    leds = GateIoLeds()
    for at in range(len(words)):
        for bit in range(16):
            wrong = tuple(word ^ (1 << bit if place == at else 0) for place, word in enumerate(words))
            with pytest.raises(ModelRefusal):
                leds.write_block(led.TABLE, wrong)
    assert leds.exposure_started() is None


@pytest.mark.parametrize("names", [("85L",), ("2048L",), ("850l",), ("850",)])
def test_names_that_are_none(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="an LED is named"):
        Fitted(names, 1, 1, 1).words()


@pytest.mark.parametrize("bands", [(), (0, 0), ("850L", "850L"), ("850L", "", "940L")])
def test_fitted_tables_that_are_none(bands: tuple[Any, ...]) -> None:
    words = list(Fitted((), 1, 1, 1).words())
    for at, name in enumerate(bands):
        words[4 + at] = Fitted((name,), 1, 1, 1).words()[4] if name else 0
    with pytest.raises(ValueError, match="1 to 15 unlike LEDs"):
        led.parse_fitted(tuple(words))


# --- the unit alone ---------------------------------------------------------------------------------------------


class Desk:
    def __init__(self, **limits: Any) -> None:
        self.now = 10.0
        self.leds = GateIoLeds(**limits, monotonic=lambda: self.now)

    def arm(self, *bands: int, pulse_us: int = PULSE_US, duty: int = 250, valid_ms: int = 3000) -> None:
        self.leds.write_block(led.TABLE, Table(bands, pulse_us, 100, duty, valid_ms).words())

    def expose(self, count: int, every_s: float = 0.01) -> list[str | None]:
        lit = []
        for _ in range(count):
            self.now += every_s
            lit.append(self.leds.exposure_started())
        return lit

    def logged(self) -> list[int]:
        page = self.leds.registers()
        words = tuple(page[led.RING + at] for at in range(led.ENTRIES_PER_PAGE * led.ENTRY_WORDS))
        return [entry.band for entry in led.parse_entries(words)][: self.leds.total]


def test_order_is_lit_once_and_logged() -> None:
    desk = Desk()
    desk.arm(1, 0, 2)
    assert desk.expose(5) == ["850L", None, "850R", None, None]
    assert desk.logged() == [1, 0, 2]


@pytest.mark.parametrize(
    "order",
    [
        {"bands": (7,)},
        {"pulse_us": 0},
        {"pulse_us": 8001},
        {"duty": 0},
        {"duty": 251},
        {"valid_ms": 0},
        {"valid_ms": 5001},
    ],
)
def test_orders_beyond_the_limits_change_nothing(order: dict[str, Any]) -> None:
    desk = Desk()
    desk.arm(1)
    with pytest.raises(ModelRefusal):
        desk.arm(*order.pop("bands", (1,)), **order)
    assert desk.expose(1) == ["850L"]


def test_one_shot_keeps_the_duty_and_tells_the_log() -> None:
    desk = Desk()
    desk.arm(1, 1, 1, pulse_us=4000)
    assert desk.expose(3) == ["850L", None, "850L"]
    assert desk.logged() == [1, 0, 1]


def test_order_that_is_too_old_stays_dark() -> None:
    desk = Desk()
    desk.arm(1, 1, valid_ms=100)
    desk.now += 0.2
    assert desk.expose(2) == [None, None]
    assert desk.logged() == [0, 0]


def test_dead_led_is_logged_dark() -> None:
    desk = Desk()
    desk.leds.dead.add(2)
    desk.arm(1, 2)
    assert desk.expose(2) == ["850L", None]
    assert desk.logged() == [1, 0]


@pytest.mark.parametrize(("address", "value", "code"), [(64, 2, 3), (65, 4, 3), (66, 0, 2), (32, 1, 2)])
def test_words_the_block_has_not(address: int, value: int, code: int) -> None:
    with pytest.raises(ModelRefusal) as refused:
        Desk().leds.write_word(address, value)
    assert refused.value.code == code


# --- the illuminator --------------------------------------------------------------------------------------------


class Bench:
    def __init__(self, light: GateIoIlluminator, unit: GateIoUnit, line: PtyLine | None) -> None:
        self.light, self.unit, self.line = light, unit, line
        assert unit.leds is not None
        self.leds = unit.leds

    async def expose(self, count: int) -> list[str | None]:
        lit = []
        for _ in range(count):
            lit.append(self.leds.exposure_started())
            await asyncio.sleep(0.01)
        return lit


def make(kind: str, plug: Callable[..., PtyLine], **options: Any) -> Bench:
    unit = GateIoUnit(leds=GateIoLeds())
    if kind == "pty":
        line = plug(unit)
        connect = gate_io_unit("light", line.path, parity="N")
        return Bench(GateIoIlluminator("light", connect, pulse_us=PULSE_US, **options), unit, line)

    def joined() -> ModbusUnit:
        near, far = null_modem("light")
        far.answer_with(unit.handle)
        return ModbusUnit("light", near, protocol.BAUDRATE, number=1, spacers=spacers(1))

    return Bench(GateIoIlluminator("light", joined, pulse_us=PULSE_US, **options), unit, None)


@pytest.fixture(params=["null modem", "pty"])
async def bench(request: pytest.FixtureRequest, plug: Callable[..., PtyLine]) -> AsyncIterator[Bench]:
    made = make(request.param, plug)
    yield made
    await made.light.close()


@pytest.fixture
async def wired(plug: Callable[..., PtyLine]) -> AsyncIterator[Bench]:
    made = make("pty", plug)
    await made.light.open()
    yield made
    await made.light.close()


async def test_open_tells_who_answered_and_its_leds(bench: Bench) -> None:
    assert bench.light.leds == ()
    identity = await bench.light.open()
    assert identity.model
    assert identity.firmware == "profile 1.0"
    assert bench.light.leds == USUAL.leds


async def test_an_order_is_carried_out_once_and_logged(bench: Bench) -> None:
    light = bench.light
    await light.open()
    order = (None, *light.leds, None, light.leds[-1])
    await light.zero()
    await light.arm(order)
    assert await bench.expose(len(order) + 2) == [*order, None, None]
    log = await light.log()
    assert tuple(entry.led for entry in log) == order
    assert [entry.exposure for entry in log] == list(range(len(order)))
    stamps = [entry.at_us for entry in log]
    assert stamps == sorted(set(stamps))


async def test_the_longest_order_is_logged_whole(bench: Bench) -> None:
    await bench.light.open()
    order = tuple(None if at % 3 else bench.light.leds[0] for at in range(64))
    await bench.light.arm(order)
    await bench.expose(len(order))
    assert tuple(entry.led for entry in await bench.light.log()) == order


async def test_arming_clears_the_log_and_dark_ends_an_order(bench: Bench) -> None:
    light = bench.light
    await light.open()
    await light.arm((light.leds[0],) * 3)
    await bench.expose(3)
    await light.arm((light.leds[-1],) * 30)
    await bench.expose(2)
    await light.dark()
    seen = await light.log()
    assert len(seen) == 2
    assert await bench.expose(3) == [None] * 3
    assert await light.log() == seen


@pytest.mark.parametrize("order", [(), ("1",), (None,) * 65])
async def test_orders_no_unit_can_carry_out(bench: Bench, order: tuple[str | None, ...]) -> None:
    await bench.light.open()
    with pytest.raises(ValueError, match=r"exposures|not fitted"):
        await bench.light.arm(order)
    assert await bench.light.log() == ()


async def test_unopened_and_closed_units_say_so_and_open_again(bench: Bench) -> None:
    with pytest.raises(Disconnected):
        await bench.light.zero()
    await bench.light.open()
    await bench.light.close()
    await bench.light.close()
    with pytest.raises(Disconnected):
        await bench.light.log()
    await bench.light.open()
    assert await bench.light.log() == ()


async def test_close_leaves_it_dark(bench: Bench) -> None:
    await bench.light.open()
    await bench.light.arm((bench.light.leds[0],) * 4)
    await bench.light.close()
    assert await bench.expose(2) == [None, None]


async def test_counters_that_wrap_go_on_in_the_log(wired: Bench) -> None:
    await wired.light.arm((None, None, None))
    wired.leds._next_frame = 0xFFFF
    wired.leds._booted_at -= led.CLOCK_US * 1e-6 - 0.015
    await wired.expose(3)
    log = await wired.light.log()
    assert [entry.exposure for entry in log] == [0xFFFF, 0x10000, 0x10001]
    assert [entry.at_us for entry in log] == sorted({entry.at_us for entry in log})


async def test_restart_is_told_instead_of_an_empty_log(wired: Bench) -> None:
    await wired.light.arm((None, None))
    wired.unit.reboot()
    with pytest.raises(Disconnected, match="restarted, its order and log are gone"):
        await wired.light.log()


async def test_log_while_exposures_run(wired: Bench) -> None:
    await wired.light.zero()
    await wired.light.arm((None, None))
    await wired.expose(1)
    log = await wired.light.log()
    assert [(entry.exposure, entry.led) for entry in log] == [(0, None)]
    assert isinstance(log[0], LitExposure)


async def test_silence_unplugging_and_return(wired: Bench) -> None:
    assert wired.line is not None
    wired.line.silent = True
    with pytest.raises(NoResponse):
        await wired.light.zero()
    wired.line.unplug()
    with pytest.raises(Disconnected):
        await wired.light.zero()
    wired.line.silent = False
    wired.line.replug()
    await wired.light.open()
    await wired.light.zero()


async def test_second_controller_on_the_port(wired: Bench) -> None:
    assert wired.line is not None
    with pytest.raises(PortBusy):
        await GateIoIlluminator("other", gate_io_unit("other", wired.line.path, parity="N")).open()
    await wired.light.zero()


async def test_late_reply_is_not_taken_for_the_next(wired: Bench) -> None:
    assert wired.line is not None
    wired.line.delay_s = 0.2
    with pytest.raises(NoResponse):
        await wired.light.arm((None,))
    wired.line.delay_s = 0.0
    assert await wired.light.log() == ()


async def test_unit_without_leds_is_another_unit(plug: Callable[..., PtyLine]) -> None:
    unit = GateIoUnit()
    light = GateIoIlluminator("light", gate_io_unit("light", plug(unit).path, parity="N"))
    with pytest.raises(IdentityMismatch, match="no LED block"):
        await light.open()
    assert unit.writes == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"duty": 251}, DeviceRefused, "duty in thousandths of 251 is beyond its limit of 250"),
        ({"valid_s": 6.0}, DeviceRefused, "validity in ms of 6000"),
        ({"serial": bytes(8)}, IdentityMismatch, "the unit is 0000000000C0FFEE"),
    ],
)
async def test_settings_beyond_the_unit_are_refused_at_open(
    plug: Callable[..., PtyLine], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    made = make("pty", plug, **options)
    with pytest.raises(error, match=message):
        await made.light.open()
    assert made.unit.writes == []


async def test_log_that_names_an_led_the_unit_has_not(wired: Bench) -> None:
    await wired.light.arm((None,))
    wired.leds._log.append(Entry(0, 9, 0, 0))
    with pytest.raises(RemoteProtocolError, match="band 9, 6 are fitted"):
        await wired.light.log()


async def test_gate_and_light_share_one_unit(plug: Callable[..., PtyLine]) -> None:
    unit = GateIoUnit(leds=GateIoLeds())
    gate = open_gate_io_gate("gate", plug(unit).path, parity="N", watchdog_s=2.0)
    with pytest.raises(Disconnected):
        gate.lend()
    await gate.open()
    light = GateIoIlluminator("light", gate.lend, pulse_us=PULSE_US, shared=True)
    await light.open()
    results = await asyncio.gather(
        light.arm((None, "850L")), gate.release(Door.EXIT, 0.2), light.log(), gate.read(), return_exceptions=True
    )
    assert [result for result in results if isinstance(result, Exception)] == []
    await light.close()
    assert (await gate.read()).released in ({Door.EXIT}, frozenset())
    await gate.close()

"""Gardasoft RT: vendor's lines, lamp limits, light only as set and proved, failed lights named, unit lost and back.

A real unit joins when the file given by `--bench` names it as illumination.gardasoft; its lamps may light.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from drivers.errors import (
    DeviceRefused,
    Disconnected,
    IdentityMismatch,
    NoResponse,
    PortBusy,
    RemoteProtocolError,
)
from drivers.illumination.gardasoft import protocol
from drivers.illumination.gardasoft.driver import GardasoftStrobe, Lamp, LampEvent, Strobe
from drivers.illumination.gardasoft.protocol import Ask, Channel, Event, Firmware, GardasoftClient, Trigger
from drivers.transport.null_modem import NullModemEnd, null_modem
from hil.emulator.gardasoft import GardasoftUnit, Pulse
from hil.emulator.pty_line import PtyLine
from hil.stand import Bench

pytestmark = pytest.mark.anyio

LAMP = Lamp(highest_rating_ma=500, highest_pulse_ma=1000, longest_pulse_us=5000, highest_duty=100)
STROBE = Strobe("850L", channel=1, input=1, lamp=LAMP, rating_ma=500, pulse_us=1000)
OTHER = Strobe("940R", channel=3, input=2, lamp=LAMP, rating_ma=250, pulse_us=400, permille=1500, delay_us=100)

# As printed by the vendor (manual pages 57 and 59; docklight's notes after revision 10). Line ends and prompt are added
# by us as the manuals describe them.
VENDOR_VR = b"RT420-20 (HW02) V031"
VENDOR_ST = (
    b"CH1,MD0,S 50.0, 0.0,DL1.000ms,PU1.000ms,RT 0.0us,IP1,FL0,CS0.000A,RA0.000A\n\r"
    b"CH2,MD0,S 50.0, 0.0,DL1.000ms,PU1.000ms,RT 0.0us,IP2,FL0,CS0.000A,RA0.000A"
)
VENDOR_ST0 = b"TM 1, TP 20.00ms"
FACTORY = Channel(1, 0, 500, 1000.0, 1000.0, 0.0, 1, 0, 0, 0)
ANSWERS = [
    ("VR", VENDOR_VR, protocol.Reply(firmware=Firmware("RT420-20", "HW02", "V031"))),
    ("ST", VENDOR_ST, protocol.Reply(channels=(FACTORY, replace(FACTORY, number=2, input=2)))),
    ("ST0", VENDOR_ST0, protocol.Reply(trigger=Trigger(True, 20_000.0))),
]


# --- lines ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "text", "reply"), ANSWERS)
def test_the_vendors_answers_whole_and_byte_by_byte(question: str, text: bytes, reply: protocol.Reply) -> None:
    client = GardasoftClient()
    assert client.send(Ask(question)) == question.encode() + b"\r\n"
    assert client.receive(text + b"\n\r>") == reply
    client.send(Ask(question))
    pieces = [client.receive(bytes((byte,))) for byte in text + b"\n\r>"]
    assert pieces == [None] * (len(text) + 2) + [reply]


@pytest.mark.parametrize(("question", "text", "reply"), ANSWERS)
def test_an_answer_after_garbage_an_echo_and_a_bare_prompt(question: str, text: bytes, reply: protocol.Reply) -> None:
    client = GardasoftClient()
    client.send(Ask(question))
    assert client.receive(b"\xff\x00?\r\n>" if question != "VR" else b"\r\n>") is None
    assert client.receive(question.encode() + b"\r\n" + text + b"\r\n>") == reply


@pytest.mark.parametrize("late", [b">", b"TM 0, TP 20.00ms\n\r>", VENDOR_VR + b"\n\r>", b"Evt1,21;\n\r>"])
def test_what_answers_another_question_is_no_proof(late: bytes) -> None:
    client = GardasoftClient()
    client.send(Ask("ST", ("RS1,0",)))
    assert client.receive(late) is None
    assert "RS1,0;ST was answered by" in (client.abandon() or "")


def test_one_question_never_follows_itself() -> None:
    client = GardasoftClient()
    for question in ("ST", "VR", "ST0"):
        assert client.spacer(Ask(question)) is None
        client.send(Ask(question))
        between = client.spacer(Ask(question))
        assert between is not None
        assert between.question != question


def test_torn_and_endless_answers_are_named() -> None:
    client = GardasoftClient()
    client.send(Ask("ST"))
    client.receive(VENDOR_ST[:40])
    assert client.pending
    client.silence()
    assert client.receive(VENDOR_ST[40:60] + b">") is None
    assert "was answered by" in (client.abandon() or "")
    client.send(Ask("ST"))
    client.receive(b"x" * 3000)
    assert "without a prompt" in (client.abandon() or "")


def test_events_and_errors_are_sorted_from_the_rest() -> None:
    reply = protocol.parse_reply(b"GR;ST\r\nEvt2,21;\n\rErr 5\n\rEvt0,44;\n\rhello\n\r", Ask("ST", ("GR",)))
    assert reply.events == (Event(2, 21), Event(0, 44))
    assert reply.errors == (5,)
    assert reply.other == ("hello",)
    assert "not in the manual" in Event(1, 99).text


@pytest.mark.parametrize(
    ("command", "text"),
    [
        # docklight's command masks, filled in by us.
        (protocol.put_out(2), "RS2,0"),
        (protocol.set_rating(1, 2450), "VL1,0,2.45"),
        (protocol.set_input(4, 2), "RP4,2"),
        (protocol.set_pulse(1, 1000, 20, 1000, 20_000), "RT1,1,0.02,100,20"),
        (protocol.set_pulse(1, 70, 100, 1505, 1400), "RT1,0.07,0.1,150.5,1.4"),
        (protocol.fire(3), "TR3"),
    ],
)
def test_commands_as_written(command: str, text: str) -> None:
    assert command == text


@pytest.mark.parametrize("wrong", [(19, 20, 10, 0), (100, 0, 10, 0), (100, 20, 0, 0), (100, 20, 10, 150)])
def test_numbers_no_unit_takes_are_never_written(wrong: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="is"):
        protocol.set_pulse(1, *wrong)
    with pytest.raises(ValueError, match="rating"):
        protocol.set_rating(1, 3001)


def test_the_emulator_writes_as_the_vendor_prints() -> None:
    unit = GardasoftUnit("RT200-20 (HW02) V031", channels=2)
    assert unit.handle(b"ST\r\n") == VENDOR_ST + b"\n\r>"
    assert unit.handle(b" S T 0\r") == VENDOR_ST0 + b"\n\r>"
    assert unit.handle(b"VR;XX\r\nGR\r") == b"RT200-20 (HW02) V031\n\rErr 2\n\r>>"
    assert unit.handle(b"RT1,1,0,100;VL9,0,1;VL1,0;RS1,x\r") == b"Err 5\n\rErr 1\n\rErr 4\n\rErr 3\n\r>"


@pytest.mark.parametrize(
    ("current_ma", "permille", "longest"),
    [
        (20_000, 1000, 100),
        (12_000, 1000, 400),
        (10_000, 1000, 1000),
        (5_000, 1000, 2000),
        (20_001, 1000, 0),
        (100, 2000, 30_000),
        (100, 9990, 1000),
    ],
)
def test_the_units_own_limits(current_ma: int, permille: int, longest: int) -> None:
    assert protocol.longest_pulse_us(current_ma, permille) == longest


# --- the strobe -------------------------------------------------------------------------------------------------


class Rig:
    def __init__(self, strobe: GardasoftStrobe, unit: GardasoftUnit) -> None:
        self.strobe = strobe
        self.unit = unit
        self.line: PtyLine | None = None

    def lines(self) -> list[str]:
        return [command.name for command in self.unit.received]


def on_null_modem(unit: GardasoftUnit, handle: Callable[[bytes], bytes] | None = None) -> GardasoftStrobe:
    def connect() -> NullModemEnd:
        near, far = null_modem("strobe")
        far.answer_with(handle or unit.handle)
        return near

    return GardasoftStrobe("strobe", "none", connect=connect)


@pytest.fixture(params=["null modem", "pty"])
async def rig(request: pytest.FixtureRequest, plug: Callable[..., PtyLine]) -> AsyncIterator[Rig]:
    unit = GardasoftUnit(echo=request.param == "pty")
    if request.param == "null modem":
        made = Rig(on_null_modem(unit), unit)
    else:
        line = plug(unit)
        made = Rig(GardasoftStrobe("strobe", line.path), unit)
        made.line = line
    yield made
    await made.strobe.close()


async def test_open_proves_who_answers_before_anything_and_puts_all_out(rig: Rig) -> None:
    assert rig.unit.lit() == {1, 2, 3, 4}
    identity = await rig.strobe.open()
    assert (identity.model, identity.firmware) == ("Gardasoft RT420-20", "HW02 V031")
    assert not identity.verified_on_hardware
    assert rig.unit.lit() == frozenset()
    assert rig.lines()[0] == "VR"
    assert "CL" not in rig.lines()
    assert rig.unit.handle(b"ST0\r").endswith(b"TM 0, TP 20.00ms\n\r>")


async def test_a_trigger_gives_the_pulse_that_was_set_and_nothing_else_lights(rig: Rig) -> None:
    await rig.strobe.open()
    await rig.strobe.configure([STROBE, OTHER])
    rig.unit.trigger(1)
    rig.unit.trigger(2)
    rig.unit.trigger(3)
    assert rig.unit.flashes == [Pulse(1, 1000.0, 500.0), Pulse(3, 400.0, 375.0)]
    assert rig.unit.lit() == frozenset()
    assert await rig.strobe.errors() == ()


async def test_the_unit_keeps_the_duty_without_the_host() -> None:
    now = 0.0
    unit = GardasoftUnit(monotonic=lambda: now)
    strobe = on_null_modem(unit)
    await strobe.open()
    await strobe.configure([STROBE])
    for now in (0.0, 0.0099, 0.01, 0.015, 0.02):  # noqa: B007 - the loop variable is the clock
        unit.trigger(1)
    assert len(unit.flashes) == 3
    assert STROBE.retrigger_us == 10_000
    await strobe.close()


async def test_a_failed_light_is_named_once(rig: Rig) -> None:
    await rig.strobe.open()
    await rig.strobe.configure([STROBE, OTHER])
    rig.unit.broken.add(3)
    rig.unit.trigger(1)
    rig.unit.trigger(2)
    (event,) = await rig.strobe.errors()
    assert (event.led, event.channel, event.code, event.fault) == ("940R", 3, 21, True)
    assert "could not be sensed" in event.text
    assert await rig.strobe.errors() == ()


@pytest.mark.parametrize(
    ("channel", "code", "expected"),
    [
        (1, 128, LampEvent("850L", 1, 128, "a light has been connected and works", fault=False)),
        (2, 131, LampEvent(None, 2, 131, "over-current", fault=True)),
        (0, 44, LampEvent(None, 0, 44, "the controller is too hot", fault=True)),
        (1, 77, LampEvent("850L", 1, 77, "event 77, not in the manual", fault=True)),
    ],
)
async def test_other_events(rig: Rig, channel: int, code: int, expected: LampEvent) -> None:
    await rig.strobe.open()
    await rig.strobe.configure([STROBE])
    rig.unit.report(channel, code)
    assert await rig.strobe.errors() == (expected,)


async def test_errors_of_the_time_before_are_forgotten(rig: Rig) -> None:
    rig.unit.report(1, 21)
    await rig.strobe.open()
    assert await rig.strobe.errors() == ()


async def test_a_unit_that_never_stops_telling_is_an_error(rig: Rig) -> None:
    await rig.strobe.open()
    telling = rig.unit._commands["GR"]
    rig.unit._commands["GR"] = lambda arguments: [*telling(arguments), "Evt1,21;"]
    with pytest.raises(RemoteProtocolError, match="in a row"):
        await rig.strobe.errors()


async def test_dark_ends_everything(rig: Rig) -> None:
    await rig.strobe.open()
    await rig.strobe.configure([STROBE])
    await rig.strobe.dark()
    rig.unit.trigger(1)
    assert rig.unit.flashes == []
    with pytest.raises(DeviceRefused, match="not configured"):
        await rig.strobe.flash("850L")


async def test_a_test_flash_is_one_pulse_without_the_internal_trigger(rig: Rig) -> None:
    await rig.strobe.open()
    await rig.strobe.configure([STROBE])
    await rig.strobe.flash("850L")
    assert rig.unit.flashes == [Pulse(1, 1000.0, 500.0)]
    sent = [command for command in rig.unit.received if command.name == "TT"]
    assert {command.arguments for command in sent} == {("0",)}


async def test_configuring_anew_drops_what_was_before(rig: Rig) -> None:
    await rig.strobe.open()
    await rig.strobe.configure([STROBE])
    await rig.strobe.configure([OTHER])
    rig.unit.trigger(1)
    assert rig.unit.flashes == []
    await rig.strobe.configure([])
    assert [rig.unit.channel(number).mode for number in (1, 2, 3, 4)] == [protocol.CONTINUOUS] * 4


# --- refusals: nothing is sent ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rating_ma": 501}, "above the lamp's 500 mA"),
        ({"permille": 2010}, "above the lamp's 1000 mA"),
        ({"pulse_us": 5001}, "longer than the lamp's 5000 us"),
        ({"pulse_us": 69}, "too short for the unit to see a failed light"),
        ({"channel": 5}, "channels and inputs 1 to 4"),
        ({"input": 0}, "channels and inputs 1 to 4"),
        ({"rating_ma": 9}, "a rating is 10 to 3000 mA"),
        ({"delay_us": 5}, "a delay is 20"),
        ({"permille": 0}, "a brightness is"),
        ({"lamp": replace(LAMP, highest_duty=0)}, "duty of 1 to 1000"),
        ({"lamp": replace(LAMP, highest_duty=1)}, "a retrigger delay is"),
        (
            {"lamp": Lamp(3000, 30_000, 5000, 100), "rating_ma": 3000, "permille": 6700},
            "above the 20000 mA of RT420-20",
        ),
        ({"lamp": Lamp(3000, 20_000, 5000, 100), "rating_ma": 3000, "permille": 4000}, "at most 400 us"),
        ({"lamp": Lamp(3000, 20_000, 5000, 100), "rating_ma": 2000, "pulse_us": 2500}, "at most 2000 us"),
    ],
)
async def test_what_lamp_or_unit_cannot_do_is_refused_unsent(
    rig: Rig, changed: dict[str, object], message: str
) -> None:
    await rig.strobe.open()
    rig.unit.received.clear()
    with pytest.raises(DeviceRefused, match=message):
        await rig.strobe.configure([OTHER, replace(STROBE, **changed)])
    assert rig.unit.received == []


async def test_the_shortest_pulse_whose_failure_is_seen_is_taken(rig: Rig) -> None:
    await rig.strobe.open()
    await rig.strobe.configure([replace(STROBE, pulse_us=70)])
    rig.unit.broken.add(1)
    rig.unit.trigger(1)
    assert [event.led for event in await rig.strobe.errors()] == ["850L"]


async def test_a_two_ampere_model_is_held_to_two_amperes() -> None:
    unit = GardasoftUnit("RT220F-2 (HW02) V031", channels=2)
    strobe = on_null_modem(unit)
    await strobe.open()
    wide = Lamp(3000, 20_000, 5000, 100)
    with pytest.raises(DeviceRefused, match="2000 mA of RT220F-2"):
        await strobe.configure([replace(STROBE, lamp=wide, rating_ma=2100, pulse_us=100)])
    await strobe.close()


@pytest.mark.parametrize("twin", [replace(OTHER, channel=1), replace(OTHER, led="850L")])
async def test_two_of_one_channel_or_name_are_refused(rig: Rig, twin: Strobe) -> None:
    await rig.strobe.open()
    with pytest.raises(DeviceRefused, match="give each its own"):
        await rig.strobe.configure([STROBE, twin])


# --- the unit does not do as told -------------------------------------------------------------------------------


async def test_flags_that_may_hide_a_failed_light_are_refused(rig: Rig) -> None:
    rig.unit.set_flags(1, 2)
    await rig.strobe.open()
    with pytest.raises(DeviceRefused, match="RE1,0"):
        await rig.strobe.configure([STROBE])
    assert rig.unit.channel(1).mode == protocol.CONTINUOUS


@pytest.mark.parametrize(("name", "step"), [("VL", "rating"), ("RT", "mode"), ("RP", "input")])
async def test_a_command_that_had_no_effect_leaves_all_dark(rig: Rig, name: str, step: str) -> None:
    await rig.strobe.open()
    rig.unit._commands[name] = lambda _: []
    with pytest.raises(DeviceRefused, match=step):
        await rig.strobe.configure([STROBE, replace(OTHER, input=4)])
    assert {rig.unit.channel(number).permille for number in (1, 2, 3, 4)} == {0}
    assert (name == "VL") == ("RT" not in rig.lines())


@pytest.mark.parametrize(("place", "name"), [(1, "pulse"), (2, "delay"), (4, "retrigger delay")])
async def test_a_time_the_unit_took_otherwise_is_refused(rig: Rig, place: int, name: str) -> None:
    await rig.strobe.open()
    pulsing = rig.unit._commands["RT"]

    def otherwise(arguments: tuple[str, ...]) -> list[str]:
        return pulsing((*arguments[:place], "0.9", *arguments[place + 1 :]))

    rig.unit._commands["RT"] = otherwise
    with pytest.raises(DeviceRefused, match=f"shows a {name} of 900 us"):
        await rig.strobe.configure([STROBE])
    rig.unit.trigger(1)
    assert rig.unit.flashes == []


async def test_a_value_the_unit_has_adjusted_is_refused(rig: Rig) -> None:
    await rig.strobe.open()
    pulsing = rig.unit._commands["RT"]
    rig.unit._commands["RT"] = lambda arguments: [*pulsing(arguments), "Err 5"]
    with pytest.raises(DeviceRefused, match="adjusted"):
        await rig.strobe.configure([STROBE])
    rig.unit.trigger(1)
    assert rig.unit.flashes == []


async def test_dark_while_configuring_wins(rig: Rig) -> None:
    await rig.strobe.open()
    task = asyncio.ensure_future(rig.strobe.configure([STROBE, OTHER]))
    rating, told = rig.unit._commands["VL"], asyncio.Event()
    loop = asyncio.get_running_loop()

    def note(arguments: tuple[str, ...]) -> list[str]:
        loop.call_soon_threadsafe(told.set)
        return rating(arguments)

    rig.unit._commands["VL"] = note
    await told.wait()
    await rig.strobe.dark()
    with pytest.raises(DeviceRefused, match="dark was ordered"):
        await task
    rig.unit.trigger(1)
    rig.unit.trigger(2)
    assert rig.unit.flashes == []


async def test_a_restart_and_the_front_panel_are_noticed(rig: Rig) -> None:
    await rig.strobe.open()
    await rig.strobe.configure([STROBE])
    rig.unit.use_panel(1, 3000)
    rig.unit.report(1, 21)
    with pytest.raises(DeviceRefused, match="panel"):
        await rig.strobe.errors()
    rig.unit.reboot()
    with pytest.raises(DeviceRefused, match="restarted"):
        await rig.strobe.errors()
    await rig.strobe.configure([STROBE])
    assert [event.code for event in await rig.strobe.errors()] == [21]


async def test_an_internal_trigger_that_runs_on_is_an_error(rig: Rig) -> None:
    rig.unit._commands["TT"] = lambda _: []
    with pytest.raises(DeviceRefused, match="internal trigger"):
        await rig.strobe.open()


# --- wrong devices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"RC120 (HW101) V001\n\r>", "calls itself 'RC120"),
        (b"PP420 (HW001) V029\n\r>", "calls itself 'PP420"),
        (b"RT430-20 (HW02) V031\n\r>", "calls itself 'RT430"),
        (b"Err 2\n\r>", "not recognised"),
        (b"\r\n>", "was answered by"),
        (b"@E1\n", "torn reply"),
    ],
)
async def test_another_device_gets_no_command(answer: bytes, message: str) -> None:
    heard: list[bytes] = []

    def other(data: bytes) -> bytes:
        heard.append(data)
        return answer

    with pytest.raises(IdentityMismatch, match=message):
        await on_null_modem(GardasoftUnit(), other).open()
    assert b"".join(heard) == b"VR\r\n"


async def test_channels_that_do_not_fit_the_model_are_refused() -> None:
    with pytest.raises(DeviceRefused, match="RS8,0"):
        await on_null_modem(GardasoftUnit("RT860F-20 (HW02) V031", channels=2)).open()
    with pytest.raises(RemoteProtocolError, match=r"channels \[1, 2, 3, 4\] of 2"):
        await on_null_modem(GardasoftUnit("RT260F-20 (HW02) V031", channels=4)).open()


async def test_eight_channels() -> None:
    strobe = on_null_modem(unit := GardasoftUnit("RT860F-20 (HW02) V031", channels=8))
    await strobe.open()
    await strobe.configure([replace(STROBE, channel=8, input=8)])
    unit.trigger(8)
    assert [pulse.channel for pulse in unit.flashes] == [8]
    await strobe.close()


# --- the line ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def wired(plug: Callable[..., PtyLine]) -> AsyncIterator[tuple[GardasoftStrobe, PtyLine, GardasoftUnit]]:
    unit = GardasoftUnit()
    line = plug(unit)
    strobe = GardasoftStrobe("strobe", line.path)
    yield strobe, line, unit
    await strobe.close()


Wired = tuple[GardasoftStrobe, PtyLine, GardasoftUnit]


async def test_a_garbled_answer_is_no_proof(wired: Wired) -> None:
    strobe, line, unit = wired
    await strobe.open()
    line.garble = lambda data: data.replace(b"RA0.500A", b"RA0.5\xff0A")
    with pytest.raises(RemoteProtocolError, match="ST shows channels"):
        await strobe.configure([STROBE])
    unit.trigger(1)
    assert unit.flashes == []


async def test_silence_unplugging_and_return(wired: Wired) -> None:
    strobe, line, unit = wired
    await strobe.open()
    await strobe.configure([STROBE])
    line.silent = True
    with pytest.raises(NoResponse):
        await strobe.errors()
    line.unplug()
    with pytest.raises(Disconnected):
        await strobe.errors()
    line.silent = False
    line.replug()
    unit.reboot()
    await strobe.open()
    assert unit.lit() == frozenset()
    await strobe.configure([STROBE])
    unit.trigger(1)
    assert len(unit.flashes) == 1


async def test_a_late_answer_is_not_taken_for_the_next(wired: Wired) -> None:
    strobe, line, unit = wired
    await strobe.open()
    await strobe.configure([STROBE])
    line.delay_s = 0.6
    with pytest.raises(NoResponse):
        await strobe.errors()
    line.delay_s = 0.0
    unit.report(1, 21)
    assert [event.code for event in await strobe.errors()] == [21]


async def test_close_puts_out_and_gives_the_port_up(wired: Wired) -> None:
    strobe, line, unit = wired
    with pytest.raises(Disconnected):
        await strobe.configure([STROBE])
    await strobe.open()
    with pytest.raises(PortBusy):
        await GardasoftStrobe("second", line.path).open()
    await strobe.configure([STROBE])
    await strobe.close()
    await strobe.close()
    unit.trigger(1)
    assert unit.flashes == []
    with pytest.raises(Disconnected):
        await strobe.dark()


# --- a real unit ------------------------------------------------------------------------------------------------


async def test_a_real_unit_opens_is_set_and_goes_dark(bench: Bench) -> None:
    options = bench.device("illumination.gardasoft")
    if options is None:
        pytest.skip("the bench has no illumination.gardasoft")
    strobe = GardasoftStrobe("strobe", str(options["port"]))
    await strobe.open()
    # 10 mA for 0.1 ms: far below what any lamp takes.
    faint = Strobe("test", 1, 1, Lamp(10, 10, 100, 10), rating_ma=10, pulse_us=100)
    await strobe.configure([faint])
    await strobe.flash("test")
    await strobe.errors()
    await strobe.close()

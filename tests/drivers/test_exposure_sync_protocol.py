"""The exposure-sync lines: the README's bytes, round trips, no accepted corruption; the firmware's guarantees."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import drivers.illumination.exposure_sync as package
from drivers.illumination.exposure_sync import protocol
from drivers.illumination.exposure_sync.protocol import Ask, ExposureSyncClient, Line, LineReader, decode, encode
from hil.emulator import exposure_sync as controller
from hil.emulator.exposure_sync import ExposureSyncController

README = Path(str(package.__file__)).with_name("README.md").read_text(encoding="utf-8")
ARGUMENT = st.text("ABCXYZabcxyz0189.-", min_size=1, max_size=12)
LINES = st.builds(Line, st.sampled_from("ABQNZ"), st.lists(ARGUMENT, max_size=6).map(tuple), st.integers(0, 255))


class Unit:
    """A controller with a clock in hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.device = ExposureSyncController(monotonic=lambda: self.now)

    def ask(self, command: str, *arguments: str) -> tuple[str, tuple[str, ...]]:
        reply = decode(self.device.handle(encode(Line(command, arguments, 77))))
        assert reply is not None
        assert reply.tag == 77
        return reply.command, reply.arguments

    def expose(self, count: int, period: float = 0.033) -> list[str | None]:
        lit = []
        for _ in range(count):
            flash = self.device.exposure_started()
            lit.append(None if flash is None else flash.led)
            self.now += period
        return lit


def test_every_line_of_the_readme_is_a_line_of_the_protocol() -> None:
    shown = re.findall(r"@[A-Z][^ \n]*~[0-9A-F]{2}\*[0-9A-F]{4}", README)
    assert len(shown) == 18
    for text in shown:
        frame = text.encode() + b"\n"
        line = decode(frame)
        assert line is not None, text
        assert encode(line) == frame


@given(LINES)
def test_round_trip(line: Line) -> None:
    assert decode(encode(line)) == line


@given(st.binary(max_size=200))
def test_hostile_bytes_are_no_line(data: bytes) -> None:
    line = decode(data)
    assert line is None or encode(line) == data


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_the_device_survives_noise(chunks: list[bytes]) -> None:
    unit = Unit()
    for chunk in chunks:
        unit.device.handle(chunk)
    unit.device.handle(b"\n")
    assert unit.ask("Z") == ("Z", ())


@pytest.mark.parametrize("digits", ["0121", "0A1Z09K27", "01201020121020121"])
def test_no_one_or_two_flipped_bits_pass(digits: str) -> None:
    frame = encode(Line(protocol.ORDER, (digits,), 5))
    size = 8 * len(frame)
    number = int.from_bytes(frame, "big")
    for count in (1, 2):
        for flips in itertools.combinations(range(size), count):
            spoilt = number
            for bit in flips:
                spoilt ^= 1 << bit
            assert decode(spoilt.to_bytes(len(frame), "big")) is None


@given(LINES, st.integers(1, 5), st.binary(max_size=10).filter(lambda data: b"@" not in data and b"\n" not in data))
def test_lines_survive_splitting_and_garbage_before(line: Line, size: int, noise: bytes) -> None:
    reader = LineReader()
    data = noise + encode(line) + encode(line)
    found = [one for at in range(0, len(data), size) for one in reader.feed(data[at : at + size])[0]]
    assert found == [line, line]
    assert not reader.pending


def test_an_endless_line_is_dropped() -> None:
    reader = LineReader()
    lines, rejected = reader.feed(b"@" + b"A" * 500)
    assert (lines, len(rejected), reader.pending) == ([], 1, False)


@pytest.mark.parametrize("line", [Line("q", (), 0), Line("Q", ("a b",), 0), Line("Q", ("",), 0), Line("Q", (), 256)])
def test_lines_outside_the_grammar_cannot_be_made(line: Line) -> None:
    with pytest.raises(ValueError, match="not a line"):
        encode(line)


def test_overlong_lines_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="at most"):
        encode(Line("Q", ("A" * 200,), 0))


def test_client_takes_only_the_line_with_its_tag() -> None:
    client = ExposureSyncClient()
    first = decode(client.send(Ask("Z")))
    assert first is not None
    client.abandon()
    second = decode(client.send(Ask("Z")))
    assert second is not None
    assert client.receive(encode(first)) is None
    assert client.receive(encode(second)) == second
    assert client.receive(encode(second)) is None


# --- the firmware's guarantees, README "What the firmware must guarantee" ---------------------------------------


def test_dark_until_armed_and_after_the_order() -> None:
    unit = Unit()
    assert unit.expose(2) == [None, None]
    unit.ask("O", "1040")
    assert unit.expose(1) == [None]
    unit.ask("N", "3000")
    assert unit.expose(6) == ["850L", None, "940L", None, None, None]
    assert [entry.split(".")[:2] for entry in unit.ask("L", "0")[1][2:]] == [
        ["3", "1"],
        ["4", "0"],
        ["5", "4"],
        ["6", "0"],
    ]


def test_log_tells_exposure_led_and_time() -> None:
    unit = Unit()
    unit.expose(3)
    unit.ask("Z")
    unit.ask("O", "12")
    unit.ask("N", "3000")
    began = unit.now
    unit.expose(2, period=0.05)
    first, second = (round((began + offset - 100.0) * 1e6) for offset in (0, 0.05))
    total, start, *entries = unit.ask("L", "0")[1]
    assert (total, start) == ("2", "0")
    assert [entry.split(".")[:2] for entry in entries] == [["0", "1"], ["1", "2"]]
    assert [int(entry.split(".")[2]) for entry in entries] == pytest.approx([first, second], abs=2)


def test_lease_lapses_and_is_renewed() -> None:
    unit = Unit()
    unit.ask("O", "1111")
    unit.ask("N", "100")
    assert unit.expose(1, period=0.2) == ["850L"]
    assert unit.expose(1) == [None]
    unit.ask("N", "100")
    assert unit.expose(2) == ["850L", "850L"]
    assert [entry.split(".")[1] for entry in unit.ask("L", "0")[1][2:]] == ["1", "0", "1", "1"]


def test_duty_is_kept_by_the_device() -> None:
    unit = Unit()
    unit.ask("P", "8000", "0")
    unit.ask("O", "1111")
    unit.ask("N", "3000")
    assert unit.expose(4, period=0.02) == ["850L", None, "850L", None]


def test_each_led_has_its_pulse_and_none_outlasts_the_exposure() -> None:
    unit = Unit()
    assert unit.ask("P", "2000", "0") == ("P", ("2000", "0"))
    assert unit.ask("P", "3000", "500", "4") == ("P", ("3000", "500", "4"))
    unit.ask("O", "141")
    unit.ask("N", "3000")
    shares = []
    for exposure_us in (4000, 4000, 1000):
        flash = unit.device.exposure_started(exposure_us)
        assert flash is not None
        shares.append((flash.led, flash.share))
        unit.now += 0.033
    assert shares == [("850L", 0.5), ("940L", 0.75), ("850L", 0.5)]
    unit.device.reboot()
    unit.ask("O", "4")
    unit.ask("N", "3000")
    flash = unit.device.exposure_started(4000)
    assert flash is not None
    assert flash.share == 0.25, "a reboot forgets every pulse"


def test_a_unit_of_more_than_nine_leds() -> None:
    leds = tuple(f"{band}{side}" for band in (850, 910, 940, 970) for side in "LRC")
    unit = Unit()
    unit.device = ExposureSyncController(controller.unit("BIG", leds), monotonic=lambda: unit.now)
    assert protocol.parse_capability(unit.ask("Q")[1]).leds == leds
    order = (None, *leds)
    digits = protocol.order_digits(order, leds)
    assert digits == "0123456789ABC"
    assert unit.ask("O", digits) == ("O", (digits,))
    unit.ask("N", "3000")
    assert unit.expose(14) == [*order, None]
    assert unit.ask("O", "D") == ("E", ("3",))


def test_stop_and_reboot_are_dark() -> None:
    for end in (lambda unit: unit.ask("S"), lambda unit: unit.device.reboot()):
        unit = Unit()
        unit.ask("O", "1111")
        unit.ask("N", "3000")
        unit.expose(1)
        end(unit)
        assert unit.expose(1) == [None]
        assert unit.ask("N", "3000") == ("E", ("4",))


@pytest.mark.parametrize(
    ("fault", "lit"),
    [
        ({"dead": {"850L"}}, [None, None, "940L"]),
        ({"wired": {"850L": "940L", "940L": "850L"}}, [None, "940L", "850L"]),
        ({"stuck": "970R"}, ["970R", "970R", "970R"]),
    ],
)
def test_what_breaks_behind_the_controller_its_log_does_not_know(fault: dict[str, Any], lit: list[str | None]) -> None:
    unit = Unit()
    for name, value in fault.items():
        setattr(unit.device, name, value)
    unit.ask("O", "014")
    unit.ask("N", "3000")
    assert unit.expose(3) == lit
    assert [entry.split(".")[1] for entry in unit.ask("L", "0")[1][2:]] == ["0", "1", "4"]


@pytest.mark.parametrize(
    ("command", "arguments", "code"),
    [
        ("X", (), "1"),
        ("Q", ("1",), "2"),
        ("P", ("1000",), "2"),
        ("P", ("x", "0"), "2"),
        ("P", ("8001", "0"), "3"),
        ("P", ("0", "0"), "3"),
        ("P", ("10", "100001"), "3"),
        ("P", ("1000", "0", "0"), "3"),
        ("P", ("1000", "0", "8"), "3"),
        ("P", ("1000", "0", "a"), "2"),
        ("P", ("1000", "0", "12"), "2"),
        ("P", ("1000", "0", "1", "2"), "2"),
        ("O", ("018",), "3"),
        ("O", ("01Z",), "3"),
        ("O", ("01a",), "2"),
        ("O", ("0.1",), "2"),
        ("O", ("0" * 65,), "2"),
        ("O", (), "2"),
        ("N", ("1000",), "4"),
        ("L", ("-1",), "2"),
        ("L", ("9" * 10,), "2"),
    ],
)
def test_refusals_change_nothing(command: str, arguments: tuple[str, ...], code: str) -> None:
    unit = Unit()
    assert unit.ask(command, *arguments) == ("E", (code,))
    assert unit.expose(1) == [None]


def test_a_lease_beyond_the_limit_does_not_arm() -> None:
    unit = Unit()
    unit.ask("O", "11")
    assert unit.ask("N", "5001") == ("E", ("3",))
    assert unit.ask("N", "0") == ("E", ("3",))
    assert unit.expose(1) == [None]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("XS2", "m", "1", "s", "850L", "1", "1", "1"),
        ("XS1", "m", "1", "s", "850L-850L", "1", "1", "1"),
        ("XS1", "m", "1", "s", "850", "1", "1", "1"),
        ("XS1", "m", "1", "s", "red", "1", "1", "1"),
        ("XS1", "m", "1", "s", "-".join(f"{band}L" for band in range(800, 836)), "1", "1", "1"),
        ("XS1", "m", "1", "s", "850L", "1.5", "1", "1"),
        ("XS1", "m", "1", "s", "850L", "1", "1"),
    ],
)
def test_capabilities_we_do_not_take(arguments: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"profile|LEDs|decimal"):
        protocol.parse_capability(arguments)


def test_digits_and_leds() -> None:
    leds = ("850L", "940R")
    assert protocol.order_digits(("940R", None, "850L"), leds) == "201"
    assert [protocol.led_of(digit, leds) for digit in "012"] == [None, "850L", "940R"]
    for digit in ("3", "", "12", "a", "-"):
        with pytest.raises(ValueError, match="no LED"):
            protocol.led_of(digit, leds)
    with pytest.raises(ValueError, match="660L is not fitted"):
        protocol.order_digits(("660L",), leds)
    with pytest.raises(ValueError, match="1 to 64"):
        protocol.order_digits((), leds)

"""The exposure-sync lines: the README's bytes, round trips, no accepted corruption; the firmware's guarantees."""

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import drivers.illumination.exposure_sync as package
from drivers.illumination.exposure_sync import protocol
from drivers.illumination.exposure_sync.protocol import Ask, ExposureSyncClient, Line, LineReader, decode, encode
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
        bands = []
        for _ in range(count):
            bands.append(self.device.exposure_started())
            self.now += period
        return bands


def test_every_line_of_the_readme_is_a_line_of_the_protocol() -> None:
    shown = re.findall(r"@[A-Z][^ \n]*~[0-9A-F]{2}\*[0-9A-F]{4}", README)
    assert len(shown) == 14
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


@pytest.mark.parametrize("digits", ["0121", "01201020121020121"])
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
    unit.ask("O", "1020")
    assert unit.expose(1) == [None]
    unit.ask("N", "3000")
    assert unit.expose(6) == ["850", None, "940", None, None, None]
    assert [entry.split(".")[:2] for entry in unit.ask("L", "0")[1][2:]] == [
        ["3", "1"],
        ["4", "0"],
        ["5", "2"],
        ["6", "0"],
    ]


def test_log_tells_exposure_band_and_time() -> None:
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
    assert unit.expose(1, period=0.2) == ["850"]
    assert unit.expose(1) == [None]
    unit.ask("N", "100")
    assert unit.expose(2) == ["850", "850"]
    assert [entry.split(".")[1] for entry in unit.ask("L", "0")[1][2:]] == ["1", "0", "1", "1"]


def test_duty_is_kept_by_the_device() -> None:
    unit = Unit()
    unit.ask("P", "8000", "0")
    unit.ask("O", "1111")
    unit.ask("N", "3000")
    assert unit.expose(4, period=0.02) == ["850", None, "850", None]


def test_stop_and_reboot_are_dark() -> None:
    for end in (lambda unit: unit.ask("S"), lambda unit: unit.device.reboot()):
        unit = Unit()
        unit.ask("O", "1111")
        unit.ask("N", "3000")
        unit.expose(1)
        end(unit)
        assert unit.expose(1) == [None]
        assert unit.ask("N", "3000") == ("E", ("4",))


def test_dead_led_is_logged_as_lit() -> None:
    unit = Unit()
    unit.device.dead_bands.add("850")
    unit.ask("O", "12")
    unit.ask("N", "3000")
    assert unit.expose(2) == [None, "940"]
    assert [entry.split(".")[1] for entry in unit.ask("L", "0")[1][2:]] == ["1", "2"]


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
        ("O", ("013",), "3"),
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
        ("XS2", "m", "1", "s", "850", "1", "1", "1"),
        ("XS1", "m", "1", "s", "850-850", "1", "1", "1"),
        ("XS1", "m", "1", "s", "red", "1", "1", "1"),
        ("XS1", "m", "1", "s", "1-2-3-4-5-6-7-8-9-10", "1", "1", "1"),
        ("XS1", "m", "1", "s", "850", "1.5", "1", "1"),
        ("XS1", "m", "1", "s", "850", "1", "1"),
    ],
)
def test_capabilities_we_do_not_take(arguments: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"profile|bands|decimal"):
        protocol.parse_capability(arguments)


def test_digits_and_bands() -> None:
    bands = ("850", "940")
    assert protocol.order_digits(("940", None, "850"), bands) == "201"
    assert [protocol.band_of(digit, bands) for digit in "012"] == [None, "850", "940"]
    with pytest.raises(ValueError, match="no band"):
        protocol.band_of("3", bands)
    with pytest.raises(ValueError, match=r"\['660'\] are not fitted"):
        protocol.order_digits(("660",), bands)
    with pytest.raises(ValueError, match="1 to 64"):
        protocol.order_digits((), bands)

"""Inputs of two contacts at a gate: door, emergency, curtain, supply; a cut or shorted wire is told and never rest."""

import time
from collections.abc import AsyncIterator, Callable

import pytest

from drivers.gate import DryContactWiring, open_waveshare_gate
from drivers.gate.wiring import WiredInputs
from drivers.ports import DoorPosition, Gate
from hil.emulator.pty_line import PtyLine
from hil.emulator.waveshare import WaveshareBoard

pytestmark = pytest.mark.anyio

PAIRED = DryContactWiring(
    entry_closed=(0, 1), exit_closed=(2, 3), occupied=None, passage=None, out_of_service=None, emergency=(4, 5)
)
CLOSED, OPEN, UNKNOWN = DoorPosition.CLOSED, DoorPosition.OPEN, DoorPosition.UNKNOWN
AT_REST = (True, False)
TRIPPED = (False, True)


def polled(wired: WiredInputs, seconds: float, at: float, **pairs: tuple[bool, bool]) -> float:
    """Polls at 50 Hz for so long, all at rest but those given; the time of the next."""
    while True:
        raw = [*AT_REST * 3, True, True]
        for name, (first, second) in pairs.items():
            place = {"entry": 0, "exit": 2, "emergency": 4}[name]
            raw[place : place + 2] = [first, second]
        wired.take(tuple(raw), at)
        at, seconds = at + 0.02, seconds - 0.02
        if seconds < 0:
            return at


def test_a_pair_is_known_after_two_polls_and_no_alarm_before() -> None:
    wired = WiredInputs(PAIRED)
    at = polled(wired, 0.0, 10.0)
    assert (wired.settled, wired.position("entry_closed"), wired.active("emergency")) == (False, UNKNOWN, False)
    polled(wired, 0.02, at)
    assert (wired.settled, wired.position("entry_closed"), wired.active("emergency")) == (True, CLOSED, False)


def test_both_contacts_change_and_it_is_so() -> None:
    wired = WiredInputs(PAIRED)
    at = polled(wired, 0.1, 10.0)
    at = polled(wired, 0.1, at, exit=TRIPPED, emergency=TRIPPED)
    assert (wired.position("exit_closed"), wired.position("entry_closed")) == (OPEN, CLOSED)
    assert wired.active("emergency")
    polled(wired, 0.1, at)
    assert (wired.position("exit_closed"), wired.active("emergency"), wired.contradictions) == (CLOSED, False, ())


@pytest.mark.parametrize(("wires", "words"), [((False, False), "neither contact"), ((True, True), "both contacts")])
def test_a_cut_or_shorted_wire_is_told_after_a_tenth_of_a_second(wires: tuple[bool, bool], words: str) -> None:
    wired = WiredInputs(PAIRED)
    at = polled(wired, 0.1, 10.0)
    at = polled(wired, 0.12, at, entry=wires, emergency=wires)
    assert (wired.position("entry_closed"), wired.active("emergency")) == (UNKNOWN, True)
    assert all(words in told for told in wired.contradictions)
    assert [told.split(":")[0] for told in wired.contradictions] == ["entry_closed", "emergency"]
    # Well wires alone clear nothing: the device must have tripped once.
    at = polled(wired, 0.2, at)
    assert (wired.position("entry_closed"), wired.active("emergency")) == (UNKNOWN, True)
    at = polled(wired, 0.1, at, entry=TRIPPED, emergency=TRIPPED)
    polled(wired, 0.1, at)
    assert (wired.position("entry_closed"), wired.active("emergency"), wired.contradictions) == (CLOSED, False, ())


def test_a_gap_in_the_polls_makes_positions_unknown_and_no_alarm() -> None:
    wired = WiredInputs(PAIRED)
    at = polled(wired, 0.1, 10.0)
    polled(wired, 0.0, at + 1.0)
    assert (wired.position("exit_closed"), wired.active("emergency")) == (UNKNOWN, False)
    assert wired.active("emergency", unknown=True)


def test_a_curtain_is_two_outputs_that_are_on_together() -> None:
    wiring = DryContactWiring(entry_closed=None, exit_closed=0, occupied=None, curtain=(1, 2))
    wired = WiredInputs(wiring)
    for at, raw in ((1.0, True), (1.02, True)):
        wired.take((True, raw, raw, False, False, True, True, True), at)
    assert not wired.active("curtain", unknown=True)
    for at, raw in ((1.04, False), (1.06, False)):
        wired.take((True, raw, raw, False, False, True, True, True), at)
    assert wired.active("curtain")


def test_numbers_of_pairs_are_checked_like_others() -> None:
    assert sorted(PAIRED.wired_inputs()) == list(range(8))
    with pytest.raises(ValueError, match="wired twice"):
        DryContactWiring(exit_closed=(0, 1))
    with pytest.raises(ValueError, match=r"input \[9\]: the board has 0 to 7"):
        DryContactWiring(emergency=(5, 9), exit_mirror=None, on_battery=7).check_against(8, 8)
    with pytest.raises(ValueError, match="not wired"):
        DryContactWiring(emergency=None, active_low=frozenset({5}))


@pytest.fixture
async def gate(plug: Callable[..., PtyLine]) -> AsyncIterator[tuple[Gate, WaveshareBoard]]:
    board = WaveshareBoard(baudrate=115200)
    for number, closed in enumerate(AT_REST * 3):
        board.set_input(number, closed)
    gate = open_waveshare_gate("gate", plug(board).path, baudrate=115200, wiring=PAIRED)
    yield gate, board
    await gate.close()


async def test_the_first_reading_of_a_gate_is_settled_and_a_cut_wire_is_in_a_later_one(
    gate: tuple[Gate, WaveshareBoard],
) -> None:
    driver, board = gate
    await driver.open()
    first = await driver.read()
    assert (first.entry, first.exit, first.emergency, first.contradictions) == (CLOSED, CLOSED, False, ())
    board.set_input(0, False)
    begun = time.monotonic()
    while not (seen := await driver.read()).contradictions:
        assert time.monotonic() - begun < 2.0
    assert seen.entry is UNKNOWN
    assert seen.contradictions == ("entry_closed: neither contact is closed for more than 0.1 s: wire cut or short",)

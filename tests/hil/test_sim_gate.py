"""Leaves and gate: what moves, what is locked, what the contacts say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.types import Topology
from drivers.gate.wiring import DryContactWiring
from drivers.ports import Door
from hil.sim.door import CLOSES_S, OPENS_S, Leaf
from hil.sim.gate import ACKNOWLEDGE_S, HOLD_S, TURNSTILE, Gate
from hil.sim.lane import Lane

TICK = 0.02
RELAY = {Door.ENTRY: 0, Door.EXIT: 1}


class Board:
    """Terminals a test moves by hand."""

    def __init__(self) -> None:
        self.closed = {0: False, 1: False}
        self.count = {0: 0, 1: 0}
        self.inputs: dict[int, bool] = {}

    def set_contact(self, door: Door, closed: bool) -> None:
        relay = RELAY[door]
        self.count[relay] += closed and not self.closed[relay]
        self.closed[relay] = closed

    def pulse(self, door: Door) -> None:
        self.set_contact(door, True)
        self.set_contact(door, False)

    def contact(self, relay: int) -> bool:
        return self.closed[relay]

    def closings(self, relay: int) -> int:
        return self.count[relay]

    def set_input(self, number: int, active: bool) -> None:
        self.inputs[number] = active


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def gate(board: Board) -> Gate:
    return Gate(board, DryContactWiring())


def run(gate: Gate, seconds: float) -> None:
    for _ in range(round(seconds / TICK)):
        gate.tick(TICK)


def test_a_leaf_opens_only_when_pushed_and_unlocked_and_closes_by_itself() -> None:
    leaf = Leaf()
    leaf.pushed = True
    leaf.tick(1.0)
    assert leaf.closed
    leaf.locked = False
    leaf.tick(OPENS_S / 2)
    assert not leaf.closed
    assert not leaf.wide_open
    leaf.locked = True
    leaf.tick(OPENS_S)
    assert leaf.wide_open, "a bolt does not hold a leaf that is ajar"
    leaf.pushed = False
    leaf.tick(CLOSES_S / 2)
    assert not leaf.closed
    leaf.tick(CLOSES_S)
    assert leaf.closed


@pytest.mark.parametrize("door", list(Door))
def test_a_pulse_unlocks_one_door_for_one_passage(gate: Gate, board: Board, door: Door) -> None:
    other = Door.EXIT if door is Door.ENTRY else Door.ENTRY
    board.pulse(door)
    run(gate, 0.1)
    assert gate.unlocked(door)
    assert not gate.unlocked(other)
    gate.leaf(door).pushed = True
    run(gate, OPENS_S + 0.1)
    assert gate.leaf(door).wide_open
    gate.leaf(door).pushed = False
    run(gate, CLOSES_S + 0.1)
    assert gate.leaf(door).closed
    assert not gate.unlocked(door), "the passage is used up"


def test_a_pulse_nobody_uses_lapses(gate: Gate, board: Board) -> None:
    board.pulse(Door.EXIT)
    run(gate, HOLD_S - 0.1)
    assert gate.unlocked(Door.EXIT)
    run(gate, 0.2)
    assert not gate.unlocked(Door.EXIT)


def test_a_welded_contact_keeps_its_door_unlocked(gate: Gate, board: Board) -> None:
    board.set_contact(Door.EXIT, True)
    run(gate, HOLD_S * 3)
    assert gate.unlocked(Door.EXIT)


def test_emergency_unlocks_by_wire_whatever_the_relays_do(gate: Gate, board: Board) -> None:
    gate.emergency = True
    run(gate, 0.1)
    assert all(gate.unlocked(door) for door in Door)
    assert board.inputs[5]
    gate.emergency = False
    run(gate, 0.1)
    assert not any(gate.unlocked(door) for door in Door)
    assert not board.inputs[5]


def test_out_of_service_ends_a_release(gate: Gate, board: Board) -> None:
    board.pulse(Door.EXIT)
    run(gate, 0.1)
    gate.out_of_service = True
    run(gate, 0.1)
    assert not gate.unlocked(Door.EXIT)
    assert board.inputs[4]


def test_the_contacts_tell_doors_occupancy_and_passages(gate: Gate, board: Board) -> None:
    assert board.inputs == {0: True, 1: True, 2: False, 3: False, 4: False, 5: False}
    board.pulse(Door.EXIT)
    gate.leaf(Door.EXIT).pushed = True
    gate.occupied = True
    run(gate, 0.2)
    assert board.inputs[0]
    assert not board.inputs[1]
    assert board.inputs[2]
    gate.count_passage()
    run(gate, ACKNOWLEDGE_S / 2)
    assert board.inputs[3]
    run(gate, ACKNOWLEDGE_S)
    assert not board.inputs[3]


def test_inputs_listed_as_active_low_are_inverted(board: Board) -> None:
    gate = Gate(board, DryContactWiring(active_low=frozenset({4, 5})))
    assert board.inputs[4]
    assert board.inputs[5]
    gate.emergency = True
    gate.tick(TICK)
    assert not board.inputs[5]


def test_a_turnstile_has_no_entry(board: Board) -> None:
    gate = Gate(board, TURNSTILE)
    assert gate.doors == (Door.EXIT,)
    assert not gate.unlocked(Door.ENTRY)
    assert 0 not in board.inputs
    assert Lane(board, Topology.TURNSTILE).gate.doors == (Door.EXIT,)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pulse"), st.sampled_from(list(Door)), st.just(0.0)),
        st.tuples(st.just("push"), st.sampled_from(list(Door)), st.just(0.0)),
        st.tuples(st.just("let go"), st.sampled_from(list(Door)), st.just(0.0)),
        st.tuples(st.just("service"), st.sampled_from(list(Door)), st.just(0.0)),
        st.tuples(st.just("wait"), st.just(Door.EXIT), st.floats(0.02, 9.0)),
    ),
    max_size=25,
)


@given(STEPS)
def test_mechanics_never_unlock_or_open_without_a_pulse(steps: list[tuple[str, Door, float]]) -> None:
    board = Board()
    gate = Gate(board, DryContactWiring())
    since = dict.fromkeys(Door, float("inf"))
    for what, door, seconds in steps:
        if what == "pulse":
            board.pulse(door)
            since[door] = 0.0
        elif what == "service":
            gate.out_of_service = not gate.out_of_service
        elif what != "wait":
            gate.leaf(door).pushed = what == "push"
        for _ in range(max(1, round(seconds / TICK))):
            shut = {door: gate.leaf(door).closed for door in Door}
            gate.tick(TICK)
            for each in Door:
                assert not gate.unlocked(each) or since[each] <= HOLD_S
                opened_now = shut[each] and not gate.leaf(each).closed
                assert not opened_now or since[each] <= HOLD_S
                since[each] += TICK

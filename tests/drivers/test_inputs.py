"""Contacts: bounce, test pulses, broken wires, late polls. Every wave is made here; no clock is read."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.inputs import (
    ContactPair,
    Debounce,
    Discrepancy,
    InputTable,
    Kind,
    NamedInput,
    PairKind,
    PulseCounter,
    SafeState,
    Timing,
)

POLL_S = 0.02
CLEAR, TRIPPED, UNKNOWN = SafeState.CLEAR, SafeState.TRIPPED, SafeState.UNKNOWN


def polls(start: float, end: float, every: float = POLL_S) -> list[float]:
    return [start + n * every for n in range(round((end - start) / every))]


def feed(contact: Debounce, wave: str, start: float = 0.0, every: float = POLL_S) -> list[bool | None]:
    """`wave` is one character a poll: 1 closed, 0 open."""
    return [contact.sample(c == "1", start + n * every) for n, c in enumerate(wave)]


# --- one contact ---------------------------------------------------------------------------------------------


def test_two_polls_that_agree_at_fifty_hertz_settle() -> None:
    assert feed(Debounce(), "1100") == [None, True, True, False]


def test_faster_polls_must_agree_for_the_hold_time() -> None:
    answers = feed(Debounce(), "1" * 25, every=0.001)
    assert answers.index(True) == 20


def test_slower_polls_still_need_two() -> None:
    assert feed(Debounce(), "10011", every=0.1) == [None, None, False, False, True]


def test_one_poll_that_hits_a_test_pulse_changes_nothing() -> None:
    assert feed(Debounce(), "1101111011")[1:] == [True] * 9


@given(phase=st.floats(0, 0.12), length=st.floats(0.0001, 0.001), period=st.floats(0.11, 0.24))
def test_test_pulses_below_a_millisecond_never_trip_or_unsettle(phase: float, length: float, period: float) -> None:
    """Twelve polls in a row: a period of 120 or 240 ms never meets two neighbouring polls 20 ms apart."""
    contact = Debounce()
    answers = [contact.sample((at + phase) % period >= length, at) for at in polls(0, 3.0)]
    assert False not in answers
    assert None not in answers[3:]


def test_a_gap_forgets() -> None:
    contact = Debounce()
    assert feed(contact, "11")[-1] is True
    assert not contact.stale(0.26)
    assert contact.stale(0.28)
    assert contact.sample(True, 0.3) is None
    assert contact.sample(True, 0.32) is True


@pytest.mark.parametrize("at", [0.01, -5.0, float("nan"), float("inf")])
def test_time_that_is_no_later_proves_nothing(at: float) -> None:
    contact = Debounce()
    assert feed(contact, "11")[-1] is True
    assert contact.stale(at)
    assert contact.sample(True, at) is None


def test_a_chattering_contact_lapses_and_says_so() -> None:
    contact = Debounce()
    answers = feed(contact, "11" + "01" * 5)
    assert answers[-1] is None
    assert contact.chatters
    assert answers.index(None, 1) * POLL_S <= 0.16
    assert feed(contact, "11", start=12 * POLL_S)[-1] is True
    assert not contact.chatters


@pytest.mark.parametrize("wrong", [(0.0, 0.25, 0.1), (0.02, 0.05, 0.1), (0.2, 0.25, 0.1), (0.02, float("inf"), 0.1)])
def test_timings_out_of_order(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="grow in this order"):
        Timing(*wrong)


# --- counting ------------------------------------------------------------------------------------------------


def bouncing(edges: list[tuple[float, list[float]]]) -> Callable[[float], bool]:
    """A contact that changes at each edge, and at each offset after it (bounce), and has settled with the last."""
    changes = sorted(at + offset for at, offsets in edges for offset in (0.0, *offsets[: len(offsets) // 2 * 2]))
    return lambda at: sum(change <= at for change in changes) % 2 == 1


BOUNCE = st.lists(st.floats(0.0001, 0.0195), max_size=12)


@given(
    bounces=st.lists(st.tuples(BOUNCE, BOUNCE), min_size=1, max_size=5),
    every=st.floats(0.004, 0.05),
    phase=st.floats(0, 0.05),
)
def test_bounce_never_counts_twice_and_a_long_pulse_always_once(
    bounces: list[tuple[list[float], list[float]]], every: float, phase: float
) -> None:
    edges = []
    for number, (closing, opening) in enumerate(bounces):
        edges += [(0.5 + number, closing), (0.75 + number, opening)]
    level, counter = bouncing(edges), PulseCounter()
    for at in polls(0, len(bounces) + 0.5, every):
        counter.sample(level(at + phase), at + phase)
    assert counter.count == len(bounces)
    assert counter.gaps == 0


@given(closing=BOUNCE, width=st.floats(0.02, 0.3), every=st.floats(0.001, 0.2), phase=st.floats(0, 0.2))
def test_one_pulse_of_any_width_never_counts_twice(
    closing: list[float], width: float, every: float, phase: float
) -> None:
    level, counter = bouncing([(0.5, closing), (0.5 + width, [])]), PulseCounter()
    for at in polls(0, 1.5, every):
        counter.sample(level(at + phase), at + phase)
    assert counter.count <= 1


def test_a_pulse_that_may_have_fallen_into_a_gap_is_told_not_guessed() -> None:
    counter = PulseCounter()
    for at in (0.0, 0.02, 0.04):
        counter.sample(False, at)
    for at in (0.5, 0.52, 0.54):
        counter.sample(True, at)
    assert (counter.count, counter.gaps) == (0, 1)


def test_a_contact_closed_at_the_start_is_no_pulse() -> None:
    counter = PulseCounter()
    for at in polls(0, 0.2):
        counter.sample(True, at)
    assert counter.count == 0


# --- pairs ---------------------------------------------------------------------------------------------------


def run(pair: ContactPair, levels: Iterable[tuple[bool, bool]], start: float = 0.0) -> list[SafeState]:
    return [pair.sample(*level, start + n * POLL_S) for n, level in enumerate(levels)]


def test_an_antivalent_pair_says_clear_and_tripped() -> None:
    pair = ContactPair(PairKind.ANTIVALENT)
    assert run(pair, [(True, False)] * 3) == [UNKNOWN, CLEAR, CLEAR]
    assert run(pair, [(False, True)] * 3, 0.06) == [CLEAR, TRIPPED, TRIPPED]
    assert pair.fault is None


@pytest.mark.parametrize(
    ("kind", "wrong", "words"),
    [
        (PairKind.ANTIVALENT, (False, False), "neither contact is closed"),
        (PairKind.ANTIVALENT, (True, True), "both contacts are closed"),
        (PairKind.EQUIVALENT, (True, False), "one contact alone is closed"),
        (PairKind.EQUIVALENT, (False, True), "one contact alone is closed"),
    ],
)
def test_a_contradiction_is_tripped_at_once_and_a_fault_after_a_tenth(
    kind: PairKind, wrong: tuple[bool, bool], words: str
) -> None:
    pair = ContactPair(kind)
    clear = kind.value[0]
    run(pair, [clear] * 5)
    states, faults = [], []
    for at in polls(0.1, 0.3):
        states.append(pair.sample(*wrong, at))
        faults.append(pair.fault)
    assert states[1:] == [TRIPPED] * 9, "tripped with the second poll, long before it is a fault"
    assert faults[4] is None
    assert faults[5] is not None, "a tenth after the first poll that contradicts"
    assert words in faults[5]
    assert "wire cut or short" in faults[5]


def test_a_changeover_that_takes_less_than_a_tenth_is_no_fault() -> None:
    pair = ContactPair(PairKind.ANTIVALENT)
    run(pair, [(True, False)] * 5)
    assert run(pair, [(False, False)] * 4, 0.1)[-1] is TRIPPED
    assert run(pair, [(False, True)] * 5, 0.18)[-1] is TRIPPED
    assert run(pair, [(True, False)] * 3, 0.28)[-1] is CLEAR
    assert pair.fault is None


def test_a_fault_stays_until_the_pair_has_been_seen_tripped_and_clear() -> None:
    pair = ContactPair(PairKind.ANTIVALENT)
    run(pair, [(True, True)] * 10)
    assert run(pair, [(True, False)] * 10, 0.2)[-1] is TRIPPED, "a loose wire that touches again is not mended"
    assert pair.fault
    run(pair, [(False, True)] * 3, 0.4)
    assert run(pair, [(True, False)] * 3, 0.46)[-1] is CLEAR
    assert pair.fault is None


def test_contacts_that_settle_in_different_polls_are_not_clear_together() -> None:
    """Each contact has two polls that agree, but in no poll were both clear twice."""
    assert CLEAR not in run(ContactPair(PairKind.ANTIVALENT), [(False, False), (True, False), (True, True)])


def test_the_officers_reset_forgets_a_fault_but_proves_nothing() -> None:
    pair = ContactPair(PairKind.ANTIVALENT)
    run(pair, [(True, True)] * 10)
    pair.restart()
    assert pair.fault is None
    assert run(pair, [(True, False)] * 2, 0.2) == [UNKNOWN, CLEAR]


def test_a_gap_neither_makes_a_fault_nor_clears_one() -> None:
    pair = ContactPair(PairKind.ANTIVALENT)
    run(pair, [(True, True)] * 2)
    assert pair.sample(True, True, 1.0) is UNKNOWN
    assert pair.fault is None, "two polls a second apart say nothing of the time between"
    run(pair, [(True, True)] * 8, 1.02)
    assert pair.fault
    assert pair.sample(True, False, 2.0) is UNKNOWN
    assert pair.fault


def test_a_wire_that_chatters_is_a_fault() -> None:
    pair = ContactPair(PairKind.EQUIVALENT)
    run(pair, [(True, True)] * 5)
    assert run(pair, [(True, False), (True, True)] * 6, 0.1)[-1] is UNKNOWN
    assert "does not settle" in str(pair.fault)


WIRE_FAULTS = st.sampled_from(["cut", "short"])


@settings(max_examples=300)
@given(
    kind=st.sampled_from(PairKind),
    which=st.integers(0, 1),
    fault=WIRE_FAULTS,
    breaks_at=st.floats(0, 1.5),
    trips_at=st.floats(0, 1.5),
    every=st.floats(0.005, 0.1),
)
def test_no_single_broken_wire_reads_clear_while_the_device_is_tripped(
    kind: PairKind, which: int, fault: str, breaks_at: float, trips_at: float, every: float
) -> None:
    """Cut is never closed, short always; before, during or after the device trips."""
    pair = ContactPair(kind)
    clear, tripped = kind.value
    for at in polls(0, 3.0, every):
        levels = list(tripped if at >= trips_at else clear)
        if at >= breaks_at:
            levels[which] = fault == "short"
        state = pair.sample(levels[0], levels[1], at)
        if at >= trips_at + 2 * every + 0.02:
            assert state is not CLEAR
    if tripped[which] != (fault == "short"):
        assert pair.fault, "and the fault is found once the device has tripped"


@given(kind=st.sampled_from(PairKind), which=st.integers(0, 1), fault=WIRE_FAULTS, every=st.floats(0.005, 0.05))
def test_a_broken_wire_that_shows_at_rest_never_reads_clear(
    kind: PairKind, which: int, fault: str, every: float
) -> None:
    clear = kind.value[0]
    levels = list(clear)
    levels[which] = fault == "short"
    if tuple(levels) == clear:
        return
    pair = ContactPair(kind)
    states = {pair.sample(levels[0], levels[1], at) for at in polls(0, 1.0, every)}
    assert CLEAR not in states
    assert pair.fault


@given(both=st.booleans(), tripped=st.booleans(), every=st.floats(0.005, 0.05))
def test_the_common_wire_and_a_short_between_the_two_never_read_clear(both: bool, tripped: bool, every: float) -> None:
    """A cut common opens both; two shorted cores of an antivalent pair are closed both."""
    pair = ContactPair(PairKind.ANTIVALENT)
    assert CLEAR not in {pair.sample(both, both, at) for at in polls(0, 1.0, every)}
    assert pair.fault


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.floats(0.001, 0.4)), min_size=1, max_size=60))
def test_clear_is_never_said_without_a_recent_proof_by_both_in_the_same_polls(
    waves: list[tuple[bool, bool, float]],
) -> None:
    """Whatever comes. A proof: clear in two polls or more, 20 ms or longer, with no gap and no poll between them."""
    pair, at = ContactPair(PairKind.ANTIVALENT), 0.0
    since: float | None = None
    proof: float | None = None
    unproved = 0
    for first, second, step in waves:
        at += step
        unproved += 1
        if step > 0.25:
            since = proof = None
        if (first, second) != (True, False):
            since = None
        elif since is None:
            since = at
        elif at - since >= 0.02:
            proof, unproved = at, 0
        if pair.sample(first, second, at) is CLEAR:
            assert proof is not None
            assert unproved < 4 or at - proof <= 0.1


# --- the table -----------------------------------------------------------------------------------------------

TABLE = (
    NamedInput("entry closed", Kind.ANTIVALENT, (0, 1)),
    NamedInput("curtain", Kind.OSSD, (2, 3)),
    NamedInput("emergency", Kind.LOOP, (4,)),
    NamedInput("passage", Kind.PULSES, (5,)),
    NamedInput("fire", Kind.LOOP, (6,), inverted=True),
)
REST = (True, False, True, True, True, False, False)


def settled(table: InputTable, raw: tuple[bool, ...], start: float = 0.0, seconds: float = 0.2) -> None:
    for at in polls(start, start + seconds):
        table.take(raw, at)


def test_a_table_names_everything() -> None:
    table = InputTable(TABLE)
    settled(table, REST)
    values = table.values(0.2)
    assert dict(values.states) == dict.fromkeys(("entry closed", "curtain", "emergency", "fire"), CLEAR)
    assert values.clear("entry closed", "curtain", "emergency", "fire")
    assert dict(values.counts) == {"passage": 0}
    assert values.discrepancies == ()


def test_one_thing_at_a_time_changes_its_own_name_only() -> None:
    for number, name in ((4, "emergency"), (6, "fire")):
        table = InputTable(TABLE)
        settled(table, REST)
        raw = tuple(level != (n == number) for n, level in enumerate(REST))
        settled(table, raw, 0.2)
        states = table.values(0.4).states
        assert [key for key, state in states.items() if state is not CLEAR] == [name]
        assert states[name] is TRIPPED


def test_a_discrepancy_has_the_name_and_stays_until_the_reset() -> None:
    table = InputTable(TABLE)
    settled(table, REST)
    settled(table, (False, *REST[1:]), 0.2)
    values = table.values(0.4)
    assert values.states["entry closed"] is TRIPPED
    assert values.discrepancies == (
        Discrepancy("entry closed", "neither contact is closed for more than 0.1 s: wire cut or short"),
    )
    settled(table, REST, 0.4)
    assert table.values(0.6).discrepancies
    table.restart()
    settled(table, REST, 0.6)
    assert table.values(0.8).discrepancies == ()
    assert table.values(0.8).clear("entry closed")


def test_a_poll_that_stopped_makes_everything_unknown() -> None:
    table = InputTable(TABLE)
    settled(table, REST)
    assert set(table.values(0.42).states.values()) == {CLEAR}
    assert set(table.values(0.45).states.values()) == {UNKNOWN}
    assert not table.values(0.45).clear("emergency")


def test_nothing_asked_is_not_clear_and_unknown_names_are_errors() -> None:
    table = InputTable(TABLE)
    settled(table, REST)
    assert not table.values(0.2).clear()
    with pytest.raises(KeyError):
        table.values(0.2).clear("emergancy")


def test_passages_are_counted_by_name_and_missed_polls_are_told() -> None:
    table = InputTable(TABLE)
    settled(table, REST)
    settled(table, (*REST[:5], True, REST[6]), 0.2)
    settled(table, REST, 0.4)
    assert dict(table.values(0.6).counts) == {"passage": 1}
    assert dict(table.values(0.6).gaps) == {}
    settled(table, REST, 2.0)
    assert dict(table.values(2.2).gaps) == {"passage": 1}


@given(st.lists(st.tuples(st.lists(st.booleans(), min_size=7, max_size=7), st.floats(-0.1, 0.5)), max_size=40))
def test_any_polls_at_all_give_values_and_no_exception(takes: list[tuple[list[bool], float]]) -> None:
    table, at = InputTable(TABLE), 0.0
    for raw, step in takes:
        at += step
        values = table.take(raw, at)
        assert set(values.states) == {"entry closed", "curtain", "emergency", "fire"}
        for wrong in values.discrepancies:
            assert values.states[wrong.name] is not CLEAR


def test_a_table_that_cannot_be_wired_is_refused() -> None:
    with pytest.raises(ValueError, match="takes 2 number"):
        NamedInput("door", Kind.ANTIVALENT, (0,))
    with pytest.raises(ValueError, match="takes 1 number"):
        NamedInput("mat", Kind.LOOP, (0, 1))
    with pytest.raises(ValueError, match="count from 0"):
        NamedInput("mat", Kind.LOOP, (-1,))
    with pytest.raises(ValueError, match="input number 3 is used twice"):
        InputTable([NamedInput("a", Kind.LOOP, (3,)), NamedInput("b", Kind.LOOP, (3,))])
    with pytest.raises(ValueError, match="name a is used twice"):
        InputTable([NamedInput("a", Kind.LOOP, (3,)), NamedInput("a", Kind.LOOP, (4,))])
    with pytest.raises(ValueError, match="the board has 0 to 4"):
        InputTable(TABLE).check_against(5)
    InputTable(TABLE).check_against(7)


def test_a_board_that_gives_too_few_inputs_is_an_error() -> None:
    with pytest.raises(ValueError, match="gave 6 inputs, the table needs 7"):
        InputTable(TABLE).take(REST[:6], 0.0)

"""Candidates for the chip: few, with right check digits, the true one among them after common confusions."""

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.document.mrz import AccessFields, parse
from appliance.document.mrz_repair import MOST, candidates
from hil.mrz.zone import Fields, drawn, td1, td2, td3

TODAY = date(2026, 11, 28)
SIZES = st.sampled_from(["TD1", "TD2", "TD3"])


def spoilt(lines: tuple[str, ...], row: int, place: int, char: str) -> tuple[str, ...]:
    changed = list(lines)
    assert changed[row][place] != char
    changed[row] = changed[row][:place] + char + changed[row][place + 1 :]
    return tuple(changed)


@given(st.integers(0, 100_000), SIZES)
def test_a_right_zone_has_itself_for_its_only_candidate(seed: int, size: str) -> None:
    lines = drawn(random.Random(seed), size)
    assert candidates(lines) == (parse(lines, TODAY).access,)


@pytest.mark.parametrize(
    ("place", "char"), [(3, "B"), (13, "T"), (15, "O"), (1, "B"), (6, "Z"), (21, "B"), (9, "G"), (0, "?"), (14, "?")]
)
def test_a_common_confusion_is_undone(place: int, char: str) -> None:
    lines = td3(Fields())
    found = candidates(spoilt(lines, 1, place, char))
    assert parse(lines, TODAY).access in found
    assert 1 <= len(found) <= MOST


def test_a_letter_in_a_date_is_read_as_the_digit_it_looks_like() -> None:
    damaged = spoilt(spoilt(td3(Fields(birth="740812", expiry="350415")), 1, 16, "B"), 1, 22, "S")
    assert candidates(damaged)[0] == AccessFields("L898902C3", "740812", "350415")


def test_long_numbers_are_repaired_where_they_go_on() -> None:
    for lines, row, place in (
        (td1(Fields(kind="I<", number="D23145890734")), 0, 16),
        (td2(Fields(kind="I<", number="D23145890734")), 1, 29),
    ):
        assert lines[row][place] == "3"
        assert parse(lines, TODAY).access in candidates(spoilt(lines, row, place, "B"))


def test_what_a_recogniser_thought_comes_before_the_table() -> None:
    lines = td3(Fields())
    damaged = spoilt(lines, 1, 2, "W")
    cells = [[{char: 0.0} for char in line] for line in damaged]
    assert candidates(damaged, tuple(map(tuple, cells))) == ()
    cells[1][2] = {"W": 0.0, "9": 0.4, "Z": 3.0}
    assert candidates(damaged, tuple(map(tuple, cells))) == (parse(lines, TODAY).access,)


@given(st.integers(0, 100_000), SIZES, st.data())
def test_every_candidate_fits_its_check_digits_and_there_are_few(seed: int, size: str, data: st.DataObject) -> None:
    lines = drawn(random.Random(seed), size)
    for _ in range(data.draw(st.integers(1, 4))):
        row = data.draw(st.integers(0, len(lines) - 1))
        place = data.draw(st.integers(0, len(lines[row]) - 1))
        char = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<?*é"))
        changed = list(lines)
        changed[row] = changed[row][:place] + char + changed[row][place + 1 :]
        lines = tuple(changed)
    found = candidates(lines)
    assert len(found) <= MOST
    assert len(set(found)) == len(found)
    for one in found:
        assert isinstance(one, AccessFields)
        assert len(one.document_number) >= 9
        for text in (one.date_of_birth, one.date_of_expiry):
            assert len(text) == 6
            assert set(text) <= set("0123456789<")
        row, start = (0, 5) if size == "TD1" else (1, 0)
        read = lines[row][start : start + 9]
        assert sum(a != b for a, b in zip(read, one.document_number, strict=False)) <= 2


@pytest.mark.parametrize("lines", [(), ("",), ("A" * 44,), ("?" * 44, "?" * 44), ("<" * 30,) * 3, ("é" * 36,) * 2])
def test_what_cannot_be_repaired_has_no_candidate(lines: tuple[str, ...]) -> None:
    assert candidates(lines) == ()

"""All three sizes: the standards' own zones, round trips through a builder written apart, and hostile text."""

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.document.mrz import AccessFields, Format, MrzError, format_of, masked, parse, split
from appliance.document.reasons import Reason
from hil.mrz.zone import Fields, drawn, td1, td2, td3

TODAY = date(2026, 11, 28)
CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<"
# ICAO 9303-11 appendix D.2: the four zones of its worked examples, and the MRZ_information of each.
# The last digits of the second and the fourth are corrected: it prints 8 and 1, by its own rule both are 2.
WORKED = [
    (
        ("I<UTOSTEVENSON<<PETER<<<<<<<<<<<<<<<", "D23145890<UTO3407127M95071227349<<<8"),
        "D23145890734",
        "D23145890734934071279507122",
    ),
    (
        ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L898902C<3UTO6908061F9406236<<<<<<<2"),
        "L898902C",
        "L898902C<369080619406236",
    ),
    (
        ("I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", "STEVENSON<<PETER<<<<<<<<<<<<<<"),
        "D23145890734",
        "D23145890734934071279507122",
    ),
    (
        ("I<UTOL898902C<3<<<<<<<<<<<<<<<", "6908061F9406236UTO<<<<<<<<<<<2", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"),
        "L898902C",
        "L898902C<369080619406236",
    ),
]


@pytest.mark.parametrize(("lines", "number", "information"), WORKED)
def test_the_worked_examples_of_the_standard(lines: tuple[str, ...], number: str, information: str) -> None:
    mrz = parse(lines, TODAY)
    assert (mrz.document_number, mrz.access.information) == (number, information)
    assert mrz.document_type == "I"
    assert mrz.surname in ("STEVENSON", "ERIKSSON")
    assert mrz.optional_data == ""


@pytest.mark.parametrize(("lines", "number", "information"), WORKED)
def test_no_check_digit_of_them_may_be_another(lines: tuple[str, ...], number: str, information: str) -> None:
    """Every digit of the zone stands under a check digit or is one: raised by one it is noticed, in every place."""
    for row, line in enumerate(lines):
        for place, char in enumerate(line):
            if char.isdigit():
                wrong = line[:place] + str((int(char) + 1) % 10) + line[place + 1 :]
                with pytest.raises(MrzError) as caught:
                    parse((*lines[:row], wrong, *lines[row + 1 :]), TODAY)
                assert caught.value.reason in (Reason.MRZ_CHECK_DIGIT, Reason.MRZ_UNREADABLE)


NAME = st.lists(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=12), min_size=1, max_size=3)
BUILT = st.builds(
    Fields,
    kind=st.just("P<"),
    state=st.sampled_from(["UTO", "D<<", "AUT"]),
    surname=NAME.map("<".join),
    given=NAME.map("<".join),
    number=st.text(CHARS[:-1], min_size=1, max_size=9),
    nationality=st.sampled_from(["UTO", "D<<", "XXA"]),
    birth=st.dates(date(1927, 1, 1), date(2026, 11, 28)).map(lambda day: day.strftime("%y%m%d")),
    sex=st.sampled_from("MF<"),
    expiry=st.dates(date(2000, 1, 1), date(2059, 1, 1)).map(lambda day: day.strftime("%y%m%d")),
    optional=st.text(CHARS[:-1], max_size=5),
)
LONG = st.text(CHARS[:-1], min_size=10, max_size=13)


def agree(fields: Fields, lines: tuple[str, ...], number: str, room: int) -> None:
    mrz = parse(lines, TODAY)
    assert mrz.issuing_state == fields.state.rstrip("<")
    assert mrz.nationality == fields.nationality.rstrip("<")
    assert mrz.document_number == number
    assert mrz.date_of_birth is not None
    assert mrz.date_of_expiry is not None
    assert mrz.date_of_birth.strftime("%y%m%d") == fields.birth
    assert mrz.date_of_birth <= TODAY
    assert mrz.date_of_expiry.strftime("%y%m%d") == fields.expiry
    assert mrz.sex == {"<": "X"}.get(fields.sex, fields.sex)
    assert mrz.access == AccessFields(number.ljust(9, "<"), fields.birth, fields.expiry)
    written = f"{fields.surname}<<{fields.given}"
    assert mrz.truncated == (written.ljust(room, "<")[room - 1] != "<")
    if len(written) < room:
        assert (mrz.surname, mrz.given_names) == (fields.surname.replace("<", " "), fields.given.replace("<", " "))
        assert mrz.optional_data == fields.optional


@given(BUILT)
def test_td3_comes_back_as_it_was_built(fields: Fields) -> None:
    agree(fields, td3(fields), fields.number, 39)


@given(BUILT, st.one_of(st.none(), LONG))
def test_td1_comes_back_with_short_and_long_numbers(fields: Fields, long: str | None) -> None:
    card = Fields(**{**_as_dict(fields), "kind": "ID", "number": long or fields.number})
    agree(card, td1(card), card.number, 30)


@given(BUILT, st.one_of(st.none(), st.text(CHARS[:-1], min_size=10, max_size=12)))
def test_td2_comes_back_with_short_and_long_numbers(fields: Fields, long: str | None) -> None:
    card = Fields(**{**_as_dict(fields), "kind": "AC", "optional": "", "number": long or fields.number})
    agree(card, td2(card), card.number, 31)


def _as_dict(fields: Fields) -> dict[str, str]:
    return {name: getattr(fields, name) for name in Fields.__dataclass_fields__}


@given(st.integers(0, 10_000), st.sampled_from(["TD1", "TD2", "TD3"]))
def test_split_undoes_joining(seed: int, size: str) -> None:
    lines = drawn(random.Random(seed), size)
    assert split("".join(lines)) == lines
    assert format_of(lines) is Format[size]
    parse(lines, TODAY)


@given(st.text(max_size=100))
def test_split_of_anything_else_is_an_error(text: str) -> None:
    if len(text) in (72, 88, 90):
        assert "".join(split(text)) == text
    else:
        with pytest.raises(MrzError):
            split(text)


LINE = st.one_of(
    st.text(max_size=50),
    *(st.text(CHARS, min_size=length, max_size=length) for length in (30, 36, 44)),
    *(st.text(min_size=length, max_size=length) for length in (30, 36, 44)),
)


def complaint(lines: tuple[str, ...]) -> str:
    """What parsing says of hostile text, nothing when it is a zone; any other exception fails the test."""
    try:
        parse(lines, TODAY)
    except MrzError as error:
        return str(error)
    return ""


@given(st.lists(LINE, max_size=4))
def test_nothing_but_an_mrz_error_for_any_text(lines: list[str]) -> None:
    said = complaint(tuple(lines))
    assert not any(len(line) > 3 and line in said for line in lines)


@given(st.integers(0, 10_000), st.sampled_from(["TD1", "TD2", "TD3"]), st.data())
def test_one_character_spoilt_raises_nothing_but_an_mrz_error(seed: int, size: str, data: st.DataObject) -> None:
    lines = list(drawn(random.Random(seed), size))
    row = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines[row]) - 1))
    lines[row] = lines[row][:place] + data.draw(st.characters()) + lines[row][place + 1 :]
    assert lines[row] not in complaint(tuple(lines))


def test_a_wrong_check_digit_is_told_from_bad_syntax() -> None:
    upper, lower = td3(Fields())
    wrong = {"digit": (upper, lower[:-1] + str((int(lower[-1]) + 1) % 10)), "syntax": (upper, lower[:-1] + " ")}
    with pytest.raises(MrzError, match="whole zone") as digit:
        parse(wrong["digit"], TODAY)
    with pytest.raises(MrzError, match="characters") as syntax:
        parse(wrong["syntax"], TODAY)
    assert (digit.value.reason, syntax.value.reason) == (Reason.MRZ_CHECK_DIGIT, Reason.MRZ_UNREADABLE)


@pytest.mark.parametrize(
    "lines",
    [
        td3(Fields(kind="V<")),
        td2(Fields(kind="V<")),
        td3(Fields(kind="I<")),
        td3(Fields(kind="<P")),
        td1(Fields(kind="P<")),
        td1(Fields(kind="B<")),
        td2(Fields(kind="7<")),
    ],
)
def test_visas_and_types_no_such_document_has_are_not_admitted(lines: tuple[str, ...]) -> None:
    with pytest.raises(MrzError) as caught:
        parse(lines, TODAY)
    assert caught.value.reason is Reason.TYPE_NOT_ALLOWED


def test_a_lane_may_admit_fewer_types() -> None:
    passport, official = td3(Fields(kind="P<")), td3(Fields(kind="PD"))
    card = td1(Fields(kind="ID"))
    assert parse(passport, TODAY, types={"P"}).document_type == "P"
    assert parse(official, TODAY, types={"P"}).document_type == "PD"
    assert parse(official, TODAY, types={"PD"}).document_type == "PD"
    for lines, types in ((passport, {"PD"}), (card, {"P"}), (passport, set()), (card, {"IP"})):
        with pytest.raises(MrzError) as caught:
            parse(lines, TODAY, types=types)
        assert caught.value.reason is Reason.TYPE_NOT_ALLOWED


@pytest.mark.parametrize("made", [td1, td2])
def test_a_number_that_says_it_goes_on_must(made: object) -> None:
    assert callable(made)
    lines = made(Fields(kind="I<", number="D23145890"))
    row, place = (0, 14) if made is td1 else (1, 9)
    broken = list(lines)
    broken[row] = lines[row][:place] + "<" + lines[row][place + 1 :]
    with pytest.raises(MrzError, match="goes on"):
        parse(tuple(broken), TODAY)


def test_a_passport_number_never_goes_on() -> None:
    upper, lower = td3(Fields())
    with pytest.raises(MrzError, match="document number"):
        parse((upper, lower[:9] + "<" + lower[10:]), TODAY)


@pytest.mark.parametrize("lines", [td3(Fields(number="")), td2(Fields(kind="I<", number=""))])
def test_a_zone_without_a_number_is_none(lines: tuple[str, ...]) -> None:
    with pytest.raises(MrzError, match="no document number"):
        parse(lines, TODAY)


def test_second_optional_data_of_a_card() -> None:
    card = Fields(kind="I<", optional="AB12")
    assert parse(td1(card, "XY9"), TODAY).optional_data == "AB12 XY9"


def test_a_mask_shows_no_person() -> None:
    for size in ("TD1", "TD2", "TD3"):
        lines = drawn(random.Random(4), size)
        hidden = masked(lines)
        mrz = parse(lines, TODAY)
        assert [len(line) for line in hidden] == [len(line) for line in lines]
        assert "".join(hidden).count("*") >= 60
        assert hidden[0][:5] == lines[0][:5]
        shown = "".join(hidden)
        for secret in (mrz.document_number, mrz.access.date_of_birth, mrz.access.date_of_expiry, mrz.surname):
            assert secret[:4] not in shown
        assert mrz.nationality in shown
    assert masked(("SECRET", "X")) == ("******", "*")

"""The zone of ICAO 9303-4 appendix B, whole and with every character wrong in turn."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.document.mrz import AccessFields, Format, Mrz, MrzError, check_digit, parse

NAMES = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
SECOND = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
TODAY = date(2026, 11, 23)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
VALUES = {char: value for value, char in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
COVERED = [*range(10), *range(13, 20), *range(21, 44)]


def zone(**fields: str) -> tuple[str, str]:
    """A second line with right check digits around the given fields."""
    number = fields.get("number", "L898902C3")
    birth, expiry = fields.get("birth", "740812"), fields.get("expiry", "350415")
    personal = fields.get("personal", "ZE184226B<<<<<")
    number += str(check_digit(number))
    birth += str(check_digit(birth))
    expiry += str(check_digit(expiry))
    personal += fields.get("personal_digit", str(check_digit(personal)))
    whole = str(check_digit(number + birth + expiry + personal))
    return NAMES, f"{number}UTO{birth}{fields.get('sex', 'F')}{expiry}{personal}{whole}"


def test_the_specimen_of_the_standard() -> None:
    assert parse((NAMES, SECOND), TODAY) == Mrz(
        format=Format.TD3,
        document_type="P",
        issuing_state="UTO",
        surname="ERIKSSON",
        given_names="ANNA MARIA",
        document_number="L898902C3",
        nationality="UTO",
        date_of_birth=date(1974, 8, 12),
        sex="F",
        date_of_expiry=date(2012, 4, 15),
        optional_data="ZE184226B",
        truncated=False,
        access=AccessFields("L898902C3", "740812", "120415"),
    )


@pytest.mark.parametrize(("text", "digit"), [("520727", 3), ("AB2134<<<", 5), ("HA672242<658022549601086", 7)])
def test_check_digits_of_the_standard(text: str, digit: int) -> None:
    """The worked examples of ICAO 9303-3 section 4.9; the third is the standard's composite of a TD2 zone."""
    expected = sum(VALUES[char] * (7, 3, 1)[place % 3] for place, char in enumerate(text)) % 10
    assert check_digit(text) == expected
    if len(text) < 10:
        assert expected == digit


@pytest.mark.parametrize("place", COVERED)
def test_every_wrong_character_under_a_check_digit_is_noticed(place: int) -> None:
    """All of them but those whose value differs by a multiple of 10 (0, A, K, U, <): no modulus-10 digit sees these,
    and then nothing but the character itself may come out differently."""
    right = parse((NAMES, SECOND), TODAY)
    for char in ALPHABET.replace(SECOND[place], ""):
        wrong = SECOND[:place] + char + SECOND[place + 1 :]
        if (VALUES[char] - VALUES[SECOND[place]]) % 10 or place in (9, 19, 27, 42, 43):
            with pytest.raises(MrzError):
                parse((NAMES, wrong), TODAY)
        elif 13 <= place < 27:
            try:
                read = parse((NAMES, wrong), TODAY)
            except MrzError:
                continue
            assert None in (read.date_of_birth, read.date_of_expiry)
        else:
            assert parse((NAMES, wrong), TODAY).surname == right.surname


@given(st.data())
def test_two_neighbours_swapped_are_noticed(data: st.DataObject) -> None:
    """Neighbours have weights that differ by 4, 2 or 4: a swap shows unless the values are congruent modulo 5."""
    place = data.draw(st.sampled_from([*range(8), *range(13, 18), *range(21, 26), *range(28, 41)]))
    left, right = SECOND[place], SECOND[place + 1]
    swapped = SECOND[:place] + right + left + SECOND[place + 2 :]
    if (VALUES[left] - VALUES[right]) % 5:
        with pytest.raises(MrzError):
            parse((NAMES, swapped), TODAY)
    else:
        assert check_digit(swapped[:9]) == check_digit(SECOND[:9])


@given(st.text(ALPHABET, min_size=44, max_size=44), st.text(ALPHABET, min_size=44, max_size=44))
def test_an_error_never_quotes_the_zone(first: str, second: str) -> None:
    try:
        parse((first, second), TODAY)
    except MrzError as error:
        said = str(error)
        assert not any(line[start : start + 4] in said for line in (first, second) for start in range(41))


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (NAMES,),
        (NAMES, SECOND, SECOND),
        (NAMES, SECOND[:-1]),
        (NAMES, SECOND + "<"),
        (NAMES, SECOND + "\n"),
        (NAMES, SECOND.lower()),
        (NAMES.replace("<", " "), SECOND),
        (NAMES, SECOND.replace("1", "１")),
        (NAMES, SECOND.replace("0", "٠")),
        ("I" + NAMES[1:], SECOND),
        ("", ""),
        (SECOND, NAMES),
    ],
)
def test_what_is_no_passport_zone(lines: tuple[str, ...]) -> None:
    with pytest.raises(MrzError):
        parse(lines, TODAY)


def test_the_composite_digit_is_checked_by_itself() -> None:
    with pytest.raises(MrzError, match="whole zone"):
        parse((NAMES, SECOND[:-1] + "1"), TODAY)


@pytest.mark.parametrize(
    ("written", "on", "born"),
    [
        ("740812", TODAY, date(1974, 8, 12)),
        ("261123", TODAY, date(2026, 11, 23)),
        ("261124", TODAY, date(1926, 11, 24)),
        ("000229", TODAY, date(2000, 2, 29)),
        ("991231", date(2099, 12, 31), date(2099, 12, 31)),
        ("000229", date(2101, 1, 1), date(2000, 2, 29)),
    ],
)
def test_a_birth_is_never_in_the_future(written: str, on: date, born: date) -> None:
    assert parse(zone(birth=written), on).date_of_birth == born


@pytest.mark.parametrize(
    ("written", "expires"),
    [
        ("261122", date(2026, 11, 22)),
        ("361123", date(2036, 11, 23)),
        ("751231", date(2075, 12, 31)),
        ("990101", date(1999, 1, 1)),
    ],
)
def test_an_expiry_may_lie_ahead(written: str, expires: date) -> None:
    assert parse(zone(expiry=written), TODAY).date_of_expiry == expires


@pytest.mark.parametrize("field", ["birth", "expiry"])
@pytest.mark.parametrize("written", ["741332", "740230", "230229", "740800", "A40812"])
def test_a_date_that_does_not_exist(field: str, written: str) -> None:
    with pytest.raises(MrzError, match="not a date"):
        parse(zone(**{field: written}), TODAY)


@pytest.mark.parametrize("written", ["<<<<<<", "74<<<<", "7408<<"])
def test_an_unknown_date_is_none_and_not_guessed(written: str) -> None:
    assert parse(zone(birth=written), TODAY).date_of_birth is None
    assert parse(zone(expiry=written), TODAY).date_of_expiry is None


def test_an_empty_personal_number_may_have_a_filler_for_its_digit() -> None:
    for digit in "<0":
        assert parse(zone(personal="<" * 14, personal_digit=digit), TODAY).surname == "ERIKSSON"
    with pytest.raises(MrzError, match="personal number"):
        parse(zone(personal_digit="<"), TODAY)


@pytest.mark.parametrize(("written", "sex"), [("M", "M"), ("F", "F"), ("<", "X"), ("X", "X"), ("7", "X")])
def test_sex_is_m_f_or_neither(written: str, sex: str) -> None:
    assert parse(zone(sex=written), TODAY).sex == sex


@pytest.mark.parametrize(
    ("line", "surname", "given"),
    [
        ("P<UTOPAPANDROPOULOUS<<JONATHON<ALEXANDROS<<<", "PAPANDROPOULOUS", "JONATHON ALEXANDROS"),
        ("PMUTOVAN<DER<MUELLEN<<MARIANNE<LOUISE<<<<<<<", "VAN DER MUELLEN", "MARIANNE LOUISE"),
        ("P<UTOARKFREITH<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<", "ARKFREITH", ""),
        ("P<D<<" + "<" * 39, "", ""),
    ],
)
def test_names_as_they_come(line: str, surname: str, given: str) -> None:
    mrz = parse((line, SECOND), TODAY)
    assert (mrz.surname, mrz.given_names) == (surname, given)

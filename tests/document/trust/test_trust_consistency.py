"""DG1 against the printed zone: one document, or a mismatch that names fields and never what they hold."""

import pytest

from appliance.document.reasons import DocumentFault, Reason
from appliance.document.trust.consistency import same_document

# The specimens of ICAO 9303-4, 9303-5 and 9303-6, appendices.
TD3 = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
TD1 = ("I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<")
TD2 = ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6")


def mismatch(chip: tuple[str, ...], printed: tuple[str, ...]) -> str:
    with pytest.raises(DocumentFault) as caught:
        same_document(chip, printed)
    assert caught.value.reason is Reason.MRZ_MISMATCH
    return caught.value.detail


@pytest.mark.parametrize("zone", [TD1, TD2, TD3])
def test_the_same_zone_is_the_same_document(zone: tuple[str, ...]) -> None:
    same_document(zone, zone)


@pytest.mark.parametrize("zone", [TD1, TD2, TD3])
def test_no_character_may_differ_and_no_detail_quotes_one(zone: tuple[str, ...]) -> None:
    for line, text in enumerate(zone):
        for column in range(len(text)):
            other = text[:column] + ("Q" if text[column] != "Q" else "R") + text[column + 1 :]
            told = mismatch(zone, (*zone[:line], other, *zone[line + 1 :]))
            assert told.startswith("differing: ")
            assert not any(secret in told for secret in ("ERIKSSON", "ANNA", "L898", "D2314", "740812"))


@pytest.mark.parametrize(
    ("line", "column", "field"),
    [
        (1, 3, "document number"),
        (1, 9, "document number"),
        (1, 14, "date of birth"),
        (1, 22, "date of expiry"),
        (1, 11, "nationality"),
        (0, 3, "issuing state"),
        (0, 6, "names"),
    ],
)
def test_the_differing_field_is_named(line: int, column: int, field: str) -> None:
    text = TD3[line]
    other = text[:column] + "Q" + text[column + 1 :]
    assert mismatch(TD3, (*TD3[:line], other, *TD3[line + 1 :])) == f"differing: {field}"


@pytest.mark.parametrize(
    ("one", "other"), [(TD3, TD2), (TD1, TD2), (TD3, TD3[:1]), (TD3, ()), ((), TD3), ((), ()), (("A",), ("A",))]
)
def test_zones_of_different_formats_are_no_document(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert mismatch(one, other) == "the zones are of different formats"


def names(text: str) -> tuple[str, str]:
    assert len(text) <= 39
    return (f"P<UTO{text:<39}".replace(" ", "<"), TD3[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Given names cut to initials instead of at the end; the last one left out.
        ("NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG"),
        ("BENNELONG<WOOLOOMOOLOO<W<W<<DINGO<POTORO", "BENNELONG<WOOLOOMOOLOO<WARRA<WA<<DINGO<P"),
    ],
)
def test_long_names_may_be_cut_in_two_ways(one: str, other: str) -> None:
    for a, b in ((one, other), (other, one)):
        same_document(names(a[:39]), names(b[:39]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Nothing is full to its end: nothing was cut.
        ("ERIKSSON<<ANNA<MARIA", "ERIKSSON<<ANNA"),
        # Full, but another surname, or another given name.
        ("NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", "NILAVADHANANANDB<<CHAYAPA<DEJTHAMRONG"),
        ("NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", "NILA<<CHAYAPA<DEJTHAMRONG"),
        ("NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", "NILAVADHANANANDA<<BORIS<DEJTHAMRONG"),
        ("NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", ""),
    ],
)
def test_other_names_are_another_document(one: str, other: str) -> None:
    for a, b in ((one, other), (other, one)):
        assert mismatch(names(a), names(b)) == "differing: names"

"""The printed zones and the portraits of the cast."""

from dataclasses import replace

import pytest

from hil.scene import CAST, render_portrait, traveller
from hil.scene.document import check_digit, mrz


def test_check_digit_of_the_icao_specimen():
    # ICAO 9303-4 appendix B, the Utopia specimen.
    assert check_digit("L898902C3") == "6"
    assert check_digit("740812") == "2"
    assert check_digit("120415") == "9"
    assert check_digit("L898902C3674081221204159ZE184226B<<<<<1") == "0"


def _digit(text: str) -> str:
    values = [0 if c == "<" else int(c, 36) for c in text]
    return str(sum(v * w for v, w in zip(values, (7, 3, 1) * 20, strict=False)) % 10)


@pytest.mark.parametrize("who", CAST, ids=lambda who: who.key)
def test_every_mrz_is_well_formed(who):
    upper, lower = mrz(who, "2031-12-05")
    assert (len(upper), len(lower)) == (44, 44)
    assert upper.startswith("P<UTO")
    assert lower[10:13] == "UTO"
    assert lower[9] == _digit(lower[:9])
    assert lower[19] == _digit(lower[13:19])
    assert lower[21:28] == "311205" + _digit("311205")
    assert lower[42] in ("0", "<")
    assert lower[43] == _digit(lower[:10] + lower[13:20] + lower[21:43])


def test_portrait_is_the_same_every_time():
    assert render_portrait(traveller("bjorn")) == render_portrait(traveller("bjorn"))


@pytest.mark.parametrize("date", ["31-12-2020", "2020-1-1", "2020-12-3x", ""])
def test_a_wrong_date_is_refused(date):
    with pytest.raises(ValueError, match="date"):
        mrz(traveller("bjorn"), date)


@pytest.mark.parametrize(
    "change", [{"surname": "Ünal"}, {"document_number": "L8/1"}, {"document_number": "L123456789"}]
)
def test_what_cannot_stand_in_an_mrz_is_refused(change):
    with pytest.raises(ValueError, match=r"machine readable zone|44"):
        mrz(replace(traveller("bjorn"), **change), "2030-01-01")


def test_a_long_name_is_cut_at_the_field():
    upper, _ = mrz(replace(traveller("bjorn"), given_names="Maximiliana " * 6), "2030-01-01")
    assert len(upper) == 44

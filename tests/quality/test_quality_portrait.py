"""The reference portrait: what the guard is told of it, and when nothing is compared with it."""

from datetime import date

import numpy as np
import pytest

from appliance.core.types import ADVICE_WORDS
from appliance.face.quality import PortraitReport, assess_portrait
from appliance.face.quality.portrait import IN_FUTURE, NO_FACE, OLD, SEVERAL_FACES, SMALL, TOO_SMALL
from appliance.face.types import DetectedFace, Image
from tests.quality.drawn_face import blurred, covered, drawn_face, lit, lit_from_the_right

TODAY = date(2026, 11, 28)


def told(image: Image, faces: list[DetectedFace], issued: date | None = None, today: date = TODAY) -> PortraitReport:
    return assess_portrait(image, faces, issued=issued, today=today)


def test_a_good_portrait_of_a_young_document_has_nothing_to_be_told() -> None:
    image, face = drawn_face(120)
    report = told(image, [face], date(2020, 1, 1))
    assert (report.problem, report.irregularities) == ("", ())


@pytest.mark.parametrize(
    ("eyes_px", "problem", "said"),
    [(100, "", ()), (80, "", (SMALL,)), (30, "", (SMALL,)), (20, TOO_SMALL, (TOO_SMALL,))],
)
def test_small_is_told_and_too_small_is_not_compared(eyes_px: float, problem: str, said: tuple[str, ...]) -> None:
    image, face = drawn_face(eyes_px)
    report = told(image, [face])
    assert report.problem == problem
    assert [words for words in report.irregularities if words in (SMALL, TOO_SMALL)] == list(said)


def test_no_face_and_several_are_problems() -> None:
    image, face = drawn_face(120)
    assert told(image, []).irregularities == (NO_FACE,)
    assert told(image, []).problem == NO_FACE
    assert told(image, [face, face]).problem == SEVERAL_FACES
    broken = DetectedFace(face.box, np.full((5, 2), np.nan, np.float32), 0.9)
    assert told(image, [broken]).problem == NO_FACE


@pytest.mark.parametrize(
    ("issued", "today", "said"),
    [
        (None, TODAY, ()),
        (date(2016, 11, 28), TODAY, ()),
        (date(2016, 11, 27), TODAY, (OLD,)),
        (date(1996, 1, 1), TODAY, (OLD,)),
        (date(2016, 2, 29), date(2026, 2, 28), ()),
        (date(2016, 2, 29), date(2026, 3, 1), (OLD,)),
        (date(2026, 11, 29), TODAY, (IN_FUTURE,)),
        (date(9999, 12, 31), TODAY, (IN_FUTURE,)),
        (date(1, 1, 1), TODAY, (OLD,)),
    ],
)
def test_age_is_by_the_calendar_and_unknown_is_not_judged(
    issued: date | None, today: date, said: tuple[str, ...]
) -> None:
    image, face = drawn_face(120)
    assert told(image, [face], issued, today).irregularities == said


def test_a_poor_portrait_is_told_for_what_is_poor() -> None:
    image, face = drawn_face(120)
    for spoilt, word in (
        (blurred(image, 12.0), "blurred"),
        (lit(image, 0.004), "too dark"),
        (lit(image, 5.0), "over-exposed"),
        (lit_from_the_right(image, face, 0.99), "in shadow"),
        (covered(image, face, "eyes", 1.0, (15, 15, 15)), "covered"),
    ):
        report = told(spoilt, [face])
        assert any(word in line for line in report.irregularities), word
        assert report.problem == "", "poor is told, and still compared"
        assert len(set(report.irregularities)) == len(report.irregularities)


def test_nothing_of_the_portrait_is_said_to_the_traveller() -> None:
    image, face = drawn_face(20)
    assert not set(told(image, [face], date(1990, 1, 1)).irregularities) & set(ADVICE_WORDS.values())

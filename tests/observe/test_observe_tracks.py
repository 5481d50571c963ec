"""Following faces and counting votes: once per face, never from too little, bounded whatever comes."""

import pytest

from appliance.observe.tracks import MOST_FACES, Ended, Raised, Seen, Tracks, Votes

RULE = Votes(hits=3, of=5, gone_s=1.0)


def seen(x: float = 0.0, covered: bool | None = True, score: float = 0.8) -> Seen:
    return Seen((x, 0.0, x + 100.0, 120.0), covered, score)


def run(pictures: list[list[Seen]], *, period_s: float = 0.25) -> list[list[Raised | Ended]]:
    tracks = Tracks(RULE)
    return [tracks.step(number * period_s, faces) for number, faces in enumerate(pictures)]


def test_a_covered_face_is_told_once_when_enough_pictures_say_so() -> None:
    told = run([[seen(2.0 * number)] for number in range(12)])
    assert told[:2] == [[], []]
    assert isinstance(told[2][0], Raised)
    assert told[2] == [Raised(1, (4.0, 0.0, 104.0, 120.0), told[2][0].score, 3, 3)]
    assert told[2][0].score == pytest.approx(0.8)
    assert told[3:] == [[]] * 9


@pytest.mark.parametrize(
    "covered", [[False] * 20, [None] * 20, [True, None] * 2, [True, True, False, False, False] * 4]
)
def test_too_few_votes_tell_nothing(covered: list[bool | None]) -> None:
    assert run([[seen(covered=one)] for one in covered]) == [[]] * len(covered)


def test_no_opinion_is_no_vote_but_keeps_the_face() -> None:
    told = run([[seen(covered=one)] for one in (True, None, True, None, True)])
    assert [len(one) for one in told] == [0, 0, 0, 0, 1]


def test_out_of_sight_ends_it_and_who_comes_back_is_new() -> None:
    told = run([[seen()]] * 3 + [[]] * 7 + [[seen()]] * 3)
    flat = [(number, one) for number, many in enumerate(told) for one in many]
    assert [(number, type(one), one.track) for number, one in flat] == [(2, Raised, 1), (7, Ended, 1), (12, Raised, 2)]


def test_a_bare_face_that_goes_tells_nothing() -> None:
    assert run([[seen(covered=False)]] * 3 + [[]] * 10) == [[]] * 13


def test_two_people_are_two_and_do_not_share_votes() -> None:
    told = run([[seen(0.0), seen(300.0, covered=False)]] * 6)
    assert [one.track for many in told for one in many] == [1]
    told = run([[seen(0.0, covered=number % 2 == 0), seen(300.0, covered=number % 2 == 1)] for number in range(4)])
    assert told == [[]] * 4


def test_somebody_who_jumps_across_the_picture_is_somebody_else() -> None:
    assert run([[seen(200.0 * (number % 3))] for number in range(4)]) == [[]] * 4


def test_the_end_of_the_view_ends_what_was_told_and_only_that() -> None:
    tracks = Tracks(RULE)
    for number in range(4):
        tracks.step(number * 0.1, [seen(), seen(300.0, covered=False)])
    assert tracks.end() == [Ended(1)]
    assert tracks.end() == []


def test_a_wall_of_faces_is_bounded() -> None:
    tracks = Tracks(RULE)
    told = [tracks.step(number * 0.2, [seen(200.0 * place) for place in range(500)]) for number in range(4)]
    assert sum(len(one) for one in told) == MOST_FACES


@pytest.mark.parametrize("box", [(float("nan"),) * 4, (5.0, 5.0, 5.0, 5.0), (9.0, 9.0, 1.0, 1.0), (-1e30, 0, 1e30, 1)])
def test_impossible_boxes_are_nobody_twice(box: tuple[float, float, float, float]) -> None:
    tracks = Tracks(RULE)
    told = [tracks.step(number * 0.2, [Seen(box, True, 0.9), seen()]) for number in range(4)]
    assert 1 in [one.track for many in told for one in many] or 2 in [one.track for many in told for one in many]

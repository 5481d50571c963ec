"""Groups and circumstances: what is counted where, and which lines miss their target."""

from evaluate_rows import attack, genuine

from appliance.core.types import Result
from appliance.evaluate.figures import Rate
from appliance.evaluate.outcome import Outcome
from appliance.evaluate.sensitivity import Line, Verdict, conditions, groups, headline

OK, BAD = Result.SUCCESSFUL, Result.FAILED


def people(group: str, good: int, bad: int) -> list[Outcome]:
    return [genuine(OK, groups={"skin": group}) for _ in range(good)] + [
        genuine(BAD, groups={"skin": group}) for _ in range(bad)
    ]


def under(name: str, value: float | str, good: int, bad: int, **more: float | str) -> list[Outcome]:
    made = {name: value, **more}
    return [genuine(OK, conditions=dict(made)) for _ in range(good)] + [
        genuine(BAD, conditions=dict(made)) for _ in range(bad)
    ]


def by_value(lines: list[Line]) -> dict[str, Line]:
    return {line.value: line for line in lines}


def test_a_group_refused_more_than_twice_as_often_as_all_misses_its_target() -> None:
    lines = by_value(groups(people("I", 990, 10) + people("VI", 97, 3)))
    assert lines["I"].verdict is Verdict.MET
    assert lines["VI"].verdict is Verdict.MISSED
    assert lines["VI"].limit < 0.03


def test_a_group_refused_more_than_one_in_twenty_misses_even_when_all_are_refused_as_often() -> None:
    assert {line.verdict for line in groups(people("I", 90, 10) + people("VI", 90, 10))} == {Verdict.MISSED}


def test_where_one_error_is_beyond_the_limit_none_or_one_proves_nothing_and_two_count() -> None:
    lines = by_value(groups(people("I", 500, 5) + people("IV", 7, 1) + people("V", 8, 0) + people("VI", 6, 2)))
    assert lines["IV"].verdict is Verdict.FEW
    assert lines["V"].verdict is Verdict.FEW
    assert lines["VI"].verdict is Verdict.MISSED


def test_a_circumstance_that_never_varies_is_no_line() -> None:
    assert conditions(under("sun", 0.0, 10, 0)) == []


def test_every_value_of_a_circumstance_is_counted_by_itself() -> None:
    lines = by_value(conditions(under("sun", 0.0, 98, 2) + under("sun", 0.6, 80, 20)))
    assert lines["0"].bona_fide.bpcer == Rate(2, 100)
    assert lines["0.6"].bona_fide.bpcer == Rate(20, 100)
    assert (lines["0"].verdict, lines["0.6"].verdict) == (Verdict.MET, Verdict.MISSED)


def test_words_are_values_too() -> None:
    assert list(by_value(conditions(under("make_up", "none", 5, 0) + under("make_up", "full", 5, 0)))) == [
        "full",
        "none",
    ]


def test_many_distances_are_gathered_between_fixed_edges_and_none_is_lost() -> None:
    rows = [row for cm in range(40, 100) for row in under("distance_m", cm / 100, 1, 0)]
    lines = conditions(rows)
    assert [line.value for line in lines] == ["below 0.5", "0.5 to 0.7", "0.7 to 0.9", "0.9 and more"]
    assert sum(line.bona_fide.bpcer.n for line in lines) == len(rows)


def test_a_turn_to_the_left_is_as_large_as_one_to_the_right() -> None:
    rows = [row for degrees in range(-20, 21, 2) for row in under("yaw_deg", float(degrees), 1, 0)]
    lines = by_value(conditions(rows))
    assert lines["15 and more"].bona_fide.bpcer.n == 6
    assert sum(line.bona_fide.bpcer.n for line in lines.values()) == 21


def test_a_sweep_speaks_only_of_its_own_circumstance_and_not_in_the_headline() -> None:
    plain = under("sun", 0.0, 10, 0, speed_m_s=0.0)
    swept = under("sun", 0.6, 0, 10, speed_m_s=0.0, sweep="sun")
    walked = under("speed_m_s", 0.3, 10, 0, sun=0.0, sweep="speed_m_s")
    lines = {(line.name, line.value): line for line in conditions(plain + swept + walked)}
    assert lines["sun", "0"].bona_fide.bpcer == Rate(0, 10)
    assert lines["sun", "0.6"].bona_fide.bpcer == Rate(10, 10)
    assert lines["speed_m_s", "0"].bona_fide.bpcer == Rate(0, 10)
    assert headline(plain + swept + walked) == plain


def test_people_under_a_medical_mask_are_no_headline_but_a_line_of_their_own() -> None:
    bare = [genuine(OK, groups={"medical_mask": "no"}) for _ in range(20)]
    masked = [genuine(Result.UNDETERMINED, groups={"medical_mask": "yes"}) for _ in range(3)]
    assert headline(bare + masked) == bare
    assert by_value(groups(bare + masked))["yes"].bona_fide.bpcer_referred == Rate(3, 3)


def test_masked_and_swept_presentations_are_in_no_other_group_and_masked_ones_under_no_circumstance() -> None:
    plain = [genuine(OK, groups={"beard": "full"}, conditions={"sun": sun}) for sun in (0.0, 0.6) for _ in range(9)]
    masked = [genuine(BAD, groups={"beard": "full", "medical_mask": "yes"}, conditions={"sun": 0.6})]
    swept = [genuine(BAD, groups={"beard": "full"}, conditions={"sun": 0.6, "sweep": "sun"})]
    lines = {line.name: line for line in groups(plain + masked + swept)}
    assert lines["beard"].bona_fide.bpcer == Rate(0, 18)
    assert lines["medical_mask"].bona_fide.bpcer == Rate(1, 1)
    assert by_value(conditions(plain + masked + swept))["0.6"].bona_fide.bpcer == Rate(1, 10)


def test_a_circumstance_in_which_more_attacks_pass_is_marked() -> None:
    rows = under("sun", 0.0, 30, 0) + under("sun", 0.6, 30, 0)
    rows += [attack(BAD, "print_dye").model_copy(update={"conditions": {"sun": 0.0}}) for _ in range(50)]
    rows += [attack(OK, "paper_mask").model_copy(update={"conditions": {"sun": 0.6}}) for _ in range(20)]
    lines = by_value(conditions(rows))
    assert (lines["0"].more_pass, lines["0.6"].more_pass) == (False, True)
    assert lines["0.6"].worst == ("paper_mask", Rate(20, 20))
    assert lines["0.6"].verdict is Verdict.MET

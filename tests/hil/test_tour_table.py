"""The tour's table of passages, and that every difference from it is told."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from appliance.core.types import CheckName, Outcome, Result, Topology
from appliance.evaluate.species import SPECIES
from hil.scenarios import tour
from hil.scenarios.conductor import Got, differences
from hil.scenarios.passages import PASSAGES, UnknownPassage, chosen, releases
from hil.scenarios.report import Line, table, write_json
from hil.sim.traveller import Place

PRINT = next(passage for passage in PASSAGES if passage.name == "print_dye")
SILICONE = next(passage for passage in PASSAGES if passage.name == "silicone_mask")


def as_expected() -> Got:
    return Got(
        outcome=Outcome.REFUSED_BY_OFFICER,
        checks={"liveness": ("failed", "It looks like: mask."), "comparison": ("successful", "matches")},
        inside=True,
        suspected=True,
        releases=(2, 0),
        place=Place.AWAY,
        seconds=1.0,
    )


def wrong(got: Got) -> list[str]:
    return differences(PRINT, got, expected_releases=releases(PRINT.expected, Topology.MANTRAP))


def test_what_is_as_expected_has_no_differences() -> None:
    assert wrong(as_expected()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"outcome": Outcome.ADMITTED}, "outcome"),
        ({"outcome": None}, "outcome"),
        ({"inside": None}, "referred inside"),
        ({"suspected": False}, "suspected attack"),
        ({"releases": (2, 1)}, "releases of entry and exit"),
        ({"exit_opened": 1}, "openings of the exit"),
        ({"both_unlocked": 1}, "both doors unlocked"),
        ({"place": Place.THROUGH}, "traveller"),
        ({"faults": {3001}}, "faults"),
        ({"problems": ["picture map: no picture"]}, "picture map"),
    ],
)
def test_every_difference_is_told(change: dict[str, object], told: str) -> None:
    found = wrong(replace(as_expected(), **change))  # type: ignore[arg-type]
    assert len(found) == 1
    assert told in found[0]


@pytest.mark.parametrize(("result", "suspected"), [("failed", True), ("undetermined", False)])
def test_an_attack_may_be_suspected_or_prove_nothing(result: str, suspected: bool) -> None:
    got = replace(as_expected(), checks={"liveness": (result, "")}, suspected=suspected)
    assert differences(SILICONE, got, expected_releases=(2, 0)) == []


@pytest.mark.parametrize("checks", [{"liveness": ("successful", "")}, {"liveness": ("not_performed", "")}, {}])
def test_an_attack_that_the_check_does_not_hold_is_a_difference_whatever_the_guard_does(checks: dict) -> None:
    got = replace(as_expected(), checks=checks)
    (told,) = differences(SILICONE, got, expected_releases=(2, 0))
    assert told.startswith("liveness: held was expected")
    assert any(told.startswith("liveness: expected failed") for told in wrong(got))


def test_the_table_keeps_the_exit_shut_for_everybody_who_is_not_admitted() -> None:
    for passage in PASSAGES:
        admitted = passage.expected.outcome in (Outcome.ADMITTED, Outcome.ADMITTED_BY_OFFICER)
        for topology in Topology:
            entry, exit_ = releases(passage.expected, topology)
            assert exit_ == (1 if admitted else 0), passage.name
            assert topology is Topology.MANTRAP or entry == 0, passage.name
        assert (passage.expected.leaves is Place.THROUGH) == admitted, passage.name
        assert (passage.guard is None) == (passage.expected.inside is None), passage.name


def test_the_table_covers_what_the_lane_must_be_able_to_do() -> None:
    outcomes = {passage.expected.outcome for passage in PASSAGES}
    assert outcomes >= {
        Outcome.ADMITTED,
        Outcome.ADMITTED_BY_OFFICER,
        Outcome.REFUSED_BY_OFFICER,
        Outcome.SECOND_LINE,
        Outcome.WALKED_AWAY,
    }
    suspected = [passage for passage in PASSAGES if passage.expected.suspected]
    assert len(suspected) == 2
    assert all(passage.expected.checks[CheckName.LIVENESS] is Result.FAILED for passage in suspected)
    held = {passage.name for passage in PASSAGES if CheckName.LIVENESS in passage.expected.held}
    assert held == set(SPECIES)
    assert all(passage.evidence for passage in PASSAGES if passage.name in held)
    assert len({passage.name for passage in PASSAGES}) == len(PASSAGES)


def test_passages_are_chosen_by_name() -> None:
    assert [passage.name for passage in chosen(("resin_mask", "genuine"))] == ["genuine", "resin_mask"]
    assert chosen(()) == PASSAGES
    with pytest.raises(UnknownPassage, match="no passage is called maks; there are genuine"):
        chosen(("maks",))


def test_the_exit_code_is_zero_only_for_a_whole_tour() -> None:
    good, bad = Line(PRINT, as_expected(), ()), Line(PRINT, as_expected(), ("outcome",))
    assert tour.exit_code([good], planned=1, intact=True) == tour.AS_EXPECTED
    assert tour.exit_code([good, bad], planned=2, intact=True) == tour.DIFFERENT
    assert tour.exit_code([good], planned=2, intact=True) == tour.DIFFERENT
    assert tour.exit_code([good], planned=1, intact=False) == tour.DIFFERENT
    assert tour.exit_code([], planned=0, intact=True) == tour.DIFFERENT


def test_the_report_shows_what_was_wrong(tmp_path: Path) -> None:
    got = replace(as_expected(), outcome=Outcome.ADMITTED)
    line = Line(PRINT, got, tuple(wrong(got)), shadow="undetermined")
    console = Console(record=True, width=200, file=(tmp_path / "screen").open("w"))
    console.print(table([line]))
    console.file.close()
    text = console.export_text()
    assert "✗ Attack: Ink-jet print (dye)" in text
    assert "outcome: expected refused_by_officer, got admitted" in text
    assert "It looks like: mask." in text
    assert "in the shadow: undetermined" in text
    write_json(tmp_path / "tour.json", [line], pack="none", topology="mantrap", journal="intact")
    record = json.loads((tmp_path / "tour.json").read_text())
    assert record["passed"] is False
    assert record["passages"][0]["wrong"] == list(line.wrong)
    assert record["passages"][0]["shadow"] == "undetermined"


def test_an_unknown_passage_stops_the_tour_before_it_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert tour.run(tour.Tour(only=("maks",))) == tour.NOT_RUN
    assert "there are genuine" in capsys.readouterr().out

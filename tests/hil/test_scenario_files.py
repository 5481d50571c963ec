"""Files of passages: read whole, refused in words."""

from pathlib import Path

import pytest

from appliance.core.types import CheckName, OfficerAction, Outcome, Result
from appliance.sites import Site
from hil.passport.faults import Fault
from hil.scenarios.passages import PASSAGES, TOUR, chosen
from hil.scenarios.script import Mishap, ScenarioError, read
from hil.scenarios.tour import Tour
from hil.sim.traveller import Place

GOOD = """
- name: mask
  title: A mask
  holder: amara
  face: {species: resin_mask, of: amara, bearer: dario}
  behaviour: {reacts_s: 0.1}
  mishap: camera unplugged
  guard: {action: second_line, reason: A mask., visual_check: false}
  expected:
    outcome: second_line
    releases: [2, 0]
    leaves: away
    inside: true
    suspected: true
    checks: {liveness: failed}
    held: [liveness]
    faults: [3001]
"""


def test_everything_of_a_passage_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")
    (passage,) = read(path)
    assert (passage.name, passage.holder.key, passage.mishap) == ("mask", "amara", Mishap.CAMERA_UNPLUGGED)
    assert passage.behaviour.reacts_s == 0.1
    assert passage.guard is not None
    assert passage.guard.action is OfficerAction.SECOND_LINE
    expected = passage.expected
    assert (expected.outcome, expected.releases, expected.leaves) == (Outcome.SECOND_LINE, (2, 0), Place.AWAY)
    assert (expected.inside, expected.suspected, expected.faults) == (True, True, {3001})
    assert expected.checks == {CheckName.LIVENESS: Result.FAILED}
    assert expected.held == {CheckName.LIVENESS}
    assert passage.shows() is not None
    assert [one.name for one in Tour(scenario=path).passages()] == ["mask"]


def test_passages_whose_weights_are_not_there_are_named_and_left_out(tmp_path: Path) -> None:
    tour = Tour(models_dir=tmp_path)
    assert [passage.name for passage in tour.lacking()] == ["mask-taken-off", "mask-kept-on"]
    assert len(tour.passages()) + 2 == len(PASSAGES)


def test_a_point_without_a_guard_has_a_tour_of_its_own_in_which_nobody_decides() -> None:
    passages = Tour(site=Site.UNATTENDED_POINT).passages()
    assert {passage.guard for passage in passages} == {None}
    for passage in passages:
        admitted = passage.expected.outcome is Outcome.ADMITTED
        assert passage.expected.releases == (0, 1 if admitted else 0), passage.name
        assert admitted or passage.expected.outcome is Outcome.UNATTENDED, passage.name
    assert {"resin_mask", "screen_lcd"} <= {passage.shows().species for passage in passages}


def test_the_tours_own_file_is_its_beginning() -> None:
    own = read(TOUR)
    assert [one.name for one in own] == [one.name for one in PASSAGES[: len(own)]]
    assert len(PASSAGES) == 30
    assert chosen(("expired",))[0].expires == "2024-01-31"
    assert chosen(("cloned-passport",))[0].wrong == {Fault.CLONE_CHIP}


@pytest.mark.parametrize(
    ("change", "to", "message"),
    [
        ("holder: amara", "holder: nobody", "nobody is called nobody; there are amara"),
        ("species: resin_mask", "species: wax", "no species is called wax"),
        ("holder: amara", "holder: amara\n  wrong: [ugly]", "no fault is called 'ugly'"),
        ("outcome: second_line", "outcome: maybe", "'maybe' is not a valid Outcome"),
        ("  title: A mask\n", "  titel: A mask\n", "unknown keys titel"),
        ("    leaves: away\n", "", "'leaves' is missing"),
        ("action: second_line", "action: wave", "'wave' is not a valid OfficerAction"),
        ("reacts_s", "react_s", "react_s"),
        ("releases: [2, 0]", "releases: [2]", "passage 1"),
        ("held: [liveness]", "hold: [liveness]", "unknown keys hold"),
        (GOOD, "a: mapping", "is a list"),
        (GOOD, "- a text", "not a mapping"),
        (GOOD, "[", "expected"),
    ],
)
def test_a_file_that_cannot_be_run_is_refused(change: str, to: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert change in GOOD
    path.write_text(GOOD.replace(change, to, 1), encoding="utf-8")
    with pytest.raises(ScenarioError, match=message):
        read(path)

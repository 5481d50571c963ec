"""The soak: nothing goes wrong as it is, a planted defect is found, shrunk and replayed, and a bad file is told."""

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.core import interlock, passage
from appliance.core.phases import Verifying
from appliance.core.types import Topology
from hil.cli import app
from hil.soak.command import parts, play
from hil.soak.script import Act, Comer, Script, ScriptError, draw, parse
from hil.soak.session import Session, shrink, violations

SEED, SCRIPTS = 7, 1_500


def test_a_short_soak_breaks_nothing_and_sees_everything_happen() -> None:
    counts, wrong = play(SEED, range(SCRIPTS))
    assert wrong == []
    for name in ("admitted", "admitted_by_officer", "refused_by_officer", "walked_away", "unattended", "aborted"):
        assert counts[name] > 20, name
    assert counts["let_out_by_officer"] > 20
    for kind in ("fault", "force", "push", "verdict", "repeat", "stranger steps in", "officer"):
        assert counts[kind] > 100, kind


def test_equal_seeds_make_equal_courses_in_one_process_or_two() -> None:
    def total(jobs: int) -> tuple[Counter[str], list[int]]:
        counts, wrong = Counter[str](), []
        for part, bad in parts(SEED, 120, jobs):
            counts += part
            wrong += bad
        return counts, wrong

    assert total(1) == total(2)
    assert draw(SEED, 3) == draw(SEED, 3) != draw(SEED + 1, 3)


def _first_wrong(most: int = 3_000) -> Script:
    return next(script for script in (draw(SEED, number) for number in range(most)) if violations(script))


# Each takes one guard out of the machine; what the interlock then vetoes is a violation, too.
DEFECTS = {
    "the exit opens with the entry free": ("_exit_may_open", lambda *_: True),
    "the entry opens with the exit free": ("_entry_may_open", lambda *_: True),
    "an officer need not look": ("needs_visual_check", lambda _: False),
    "an officer may admit anybody": ("admissible", lambda _: True),
    "a suspect may try again": ("may_verify_again", lambda phase, _: phase.inside and phase.retries > 0),
    "every face is the holder's": ("decide", lambda checks, policy: passage.Decision(checks, admit=True)),
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
@pytest.mark.parametrize("blind", [False, True], ids=["interlock awake", "interlock asleep"])
def test_a_planted_defect_is_found(defect, blind: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(passage, *defect)
    if blind:
        monkeypatch.setattr(interlock, "veto", lambda *_: None)
    assert violations(_first_wrong())


def test_a_failure_shrinks_to_what_it_takes_and_replays_from_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = passage._matters

    def hasty(lane, event, policy):  # type: ignore[no-untyped-def]
        """A verdict counts whoever it is of."""
        if isinstance(lane.phase, Verifying) and isinstance(event, passage.VerificationDone):
            return passage._verified(lane, event, lane.phase, policy)
        return honest(lane, event, policy)

    monkeypatch.setattr(passage, "_matters", hasty)
    whole = _first_wrong()
    small = shrink(whole)
    assert violations(small)
    assert len(small.comers) == 1
    assert [act.kind for act in small.acts] == ["verdict"]
    path = tmp_path / "kept.json"
    path.write_text(small.text(), encoding="utf-8")
    assert parse(path.read_text(encoding="utf-8")) == small
    done = CliRunner().invoke(app, ["soak", "--replay", str(path)])
    assert done.exit_code == 1
    assert "whom nobody accepted" in done.output
    monkeypatch.undo()
    done = CliRunner().invoke(app, ["soak", "--replay", str(path)])
    assert (done.exit_code, "nothing went wrong" in done.output) == (0, True)


def test_the_command_keeps_what_went_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["soak", "--sessions", "600", "--seed", str(SEED), "--out", str(tmp_path / "kept")]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, "no invariant was broken" in done.output) == (0, True)
    assert not (tmp_path / "kept").exists()
    monkeypatch.setattr(passage, "needs_visual_check", lambda _: False)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 1
    kept = sorted((tmp_path / "kept").glob(f"soak-{SEED}-*.json"))
    assert kept
    assert all(violations(parse(path.read_text(encoding="utf-8"))) for path in kept)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"topology": "tunnel"}', "\x00", '{"comers": 3}'])
def test_a_file_that_is_no_script_is_one_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="not a script of the soak"):
        parse(text)
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["soak", "--replay", str(path)])
    assert (done.exit_code, "not a script of the soak" in done.output) == (2, True)


def test_a_traveller_in_order_goes_through_and_one_who_is_not_does_not() -> None:
    good = Comer(1.0, "in order", "all successful", 1.0, 1.0, 1.0, 1.0, "", 1.0)
    bad = Comer(1.0, "in order", "liveness failed", 1.0, 1.0, 1.0, 1.0, "", 1.0)
    for topology in Topology:
        assert Session(Script(topology, 0.1, (good,), ())).run().counts["admitted"] == 1
        told = Session(Script(topology, 0.1, (bad,), (Act(9.0, "push", "exit"),))).run()
        assert (told.counts["exits released"], told.violations) == (0, [])

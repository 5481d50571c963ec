"""Claims: made from rows, kept apart by kind, printed worst first, demanded by configurations."""

import json
from io import StringIO
from pathlib import Path

import pytest
from evaluate_rows import attack, drawn, genuine, header
from rich.console import Console

from appliance.core.types import Result
from appliance.evaluate import claims as module
from appliance.evaluate.claims import (
    BonaFideClaim,
    Claims,
    ClaimsError,
    Demand,
    SpeciesClaim,
    claims_of,
    publish,
    read,
    rows,
    unmet,
)
from appliance.evaluate.claims_text import BEGIN, END, NONE, markdown, table, update
from appliance.evaluate.figures import Rate
from appliance.evaluate.species import SPECIES, VOCABULARY

NIR = "rgb+850+940"


def make(kind: str = "simulated", band_set: str = NIR, **changes: object) -> Claims:
    species = {"paper_mask": SpeciesClaim(n=59, accepted=0), "latex_mask": SpeciesClaim(n=60, accepted=30)}
    made = claims_of(header(band_set, kind=kind, dataset=f"{kind}-1"), [genuine(Result.SUCCESSFUL)])
    return made.model_copy(update={"species": species, **changes})


def printed(claims: list[Claims]) -> str:
    text = StringIO()
    Console(width=200, file=text).print(table(claims))
    return text.getvalue()


def test_claims_hold_the_counts_of_the_run() -> None:
    outcomes = [attack(Result.SUCCESSFUL), attack(Result.FAILED), attack(Result.UNDETERMINED)]
    outcomes += [attack(Result.NOT_PERFORMED), genuine(Result.FAILED), genuine(Result.UNDETERMINED)]
    outcomes += [genuine(Result.FAILED, conditions={"sweep": "sun", "sun": 1.0})]
    made = claims_of(header(), outcomes)
    assert made.species["paper_mask"] == SpeciesClaim(n=3, accepted=1, undetermined=1, no_response=1)
    assert made.species["paper_mask"].apcer == Rate(1, 3)
    assert (made.bona_fide.n, made.bona_fide.failed, made.bona_fide.undetermined) == (2, 1, 1)
    assert made.made_on == "2026-11-28"


def test_what_never_got_an_answer_is_neither_untested_nor_proven() -> None:
    made = claims_of(header(kind="measured"), [attack(Result.NOT_PERFORMED)])
    assert set(made.untested) == set(VOCABULARY) - {"paper_mask"}
    assert "| Paper mask | ○ 1 without answer |" in markdown([made])
    assert "1 without answer" in printed([made])
    assert "untested" in unmet([made], Demand(NIR, {"paper_mask": 1.0}))[0]


def test_published_claims_come_back_and_replace_their_elders(tmp_path: Path) -> None:
    publish(make(), tmp_path)
    newer = make(detector="toy 2")
    publish(newer, tmp_path)
    publish(make("measured"), tmp_path)
    found = read(tmp_path)
    assert [one.kind for one in found] == ["measured", "simulated"]
    assert found[1] == newer
    assert read(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kind": "estimated"}, "kind"),
        ({"band_set": "940"}, "band_set"),
        ({"species": {"alien": {"n": 1, "accepted": 0}}}, "unknown species alien"),
        ({"species": {"paper_mask": {"n": 1, "accepted": 2}}}, "more answers than presentations"),
        ({"species": {"paper_mask": {"n": -1, "accepted": 0}}}, "species.paper_mask.n"),
        ({"species": {"paper_mask": {"n": 60, "accepted": 0, "upper": 0.0}}}, "species.paper_mask.upper"),
        ({"bona_fide": {"n": 2, "failed": 1, "undetermined": 2}}, "bona_fide"),
        ({"made_on": "yesterday"}, "made_on"),
    ],
)
def test_claims_that_contradict_themselves_are_refused(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    (tmp_path / "one.json").write_text(json.dumps({**json.loads(make().model_dump_json()), **changes}))
    with pytest.raises(ClaimsError, match=says):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]"])
def test_a_broken_file_is_named_and_not_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.json").write_bytes(content)
    with pytest.raises(ClaimsError, match=r"one\.json"):
        read(tmp_path)


def test_the_worst_species_stands_first_and_every_species_stands_somewhere() -> None:
    found = rows([make()])
    assert [row.species for row in found[:2]] == ["latex_mask", "paper_mask"]
    assert {row.species for row in found} == set(VOCABULARY)
    assert all(row.claim is None for row in found[2:])


def test_a_line_is_of_one_kind_only_whatever_is_printed() -> None:
    for line in printed([make(), make("measured")]).splitlines():
        assert not ("SIMULATED" in line and "MEASURED" in line)
    page = markdown([make(), make("measured"), make(band_set="rgb")])
    assert page.index("**MEASURED**") < page.index("**SIMULATED**")
    simulated = page[page.index("**SIMULATED**") :]
    assert "| RGB | RGB + 850 + 940 |" in simulated
    assert "| RGB + 850 + 940 |\n" in page[: page.index("**SIMULATED**")]


def test_a_table_says_how_many_passed_and_what_is_untested() -> None:
    page = markdown([make()])
    assert "| Latex mask | ✖ 30/60" in page
    assert "| Paper mask | ✔ 0/59 (≤\u00a05.0\u00a0%) |" in page
    assert page.index("Latex mask") < page.index("Paper mask")
    assert "Untested: Ink-jet print (dye); " in page
    assert "untested" in printed([make()])
    assert markdown([]) == NONE


def test_a_table_tells_what_bona_fide_travellers_meet() -> None:
    page = markdown([make(bona_fide=BonaFideClaim(n=98, failed=2, undetermined=5, no_response=2))])
    assert "| *bona fide suspected (BPCER)* | 2/98 (≤" in page
    assert "| *bona fide not accepted, for whatever reason* | 9/100 (≤" in page


def test_what_others_wrote_is_no_markup_of_the_page() -> None:
    page = markdown([make(source="rig\nof <b>us</b> | them")])
    assert "(rig of &lt;b&gt;us&lt;/b&gt; / them)" in page


def test_the_page_is_made_anew_between_its_markers_and_nowhere_else() -> None:
    page = f"# Title\n{BEGIN}\nold\n{END}\nafter\n"
    new = update(page, [make()])
    assert new.startswith("# Title\n")
    assert new.endswith(f"{END}\nafter\n")
    assert "old" not in new
    assert update(new, [make()]) == new
    with pytest.raises(ClaimsError, match="no place for claims"):
        update("# Title\n", [make()])
    with pytest.raises(ClaimsError, match="no place for claims"):
        update(f"{END}{BEGIN}", [make()])


def test_a_demand_is_met_by_claims_of_its_band_set_and_kind_alone() -> None:
    demand = Demand(NIR, {"paper_mask": 0.05}, kind="simulated")
    assert unmet([make()], demand) == []
    assert unmet([make("measured")], demand) == []
    measured = Demand(NIR, {"paper_mask": 0.05})
    assert "untested with rgb+850+940 (measured" in unmet([make()], measured)[0]
    assert unmet([make("measured")], measured) == []
    assert "untested" in unmet([make(band_set="rgb")], demand)[0]


def test_a_demand_names_every_shortfall_in_words() -> None:
    demand = Demand(NIR, {"latex_mask": 0.05, "paper_mask": 0.04, "wig": 0.5, "alien": 0.5, "print_dye": 0.0})
    said = unmet([make("measured")], demand)
    assert len(said) == 5
    assert said[0].startswith("Latex mask: APCER may be 6")
    assert "(30 of 60 passed), 5.0\u00a0% is demanded" in said[0]
    assert "Paper mask: APCER may be 5.0\u00a0%" in said[1]
    assert "Wig: untested" in said[2]
    assert "alien is no species" in said[3]
    assert "no rate above 0" in said[4]


def test_of_several_claims_the_worst_counts_and_another_detector_does_not() -> None:
    good = make("measured", detector="v2")
    bad = make("measured", detector="v1", species={"paper_mask": SpeciesClaim(n=60, accepted=9)})
    assert unmet([good, bad], Demand(NIR, {"paper_mask": 0.05}))
    assert unmet([good, bad], Demand(NIR, {"paper_mask": 0.05}, detector="v2")) == []
    assert unmet([good], Demand(NIR, {"paper_mask": 0.05}, detector="v3"))


def test_the_claims_of_the_package_can_be_read() -> None:
    assert all(isinstance(one, Claims) for one in module.shipped())


def test_drawn_rows_make_claims_of_every_species_of_the_twin() -> None:
    made = claims_of(header(), drawn(NIR))
    assert set(made.species) == set(SPECIES)
    assert "Silicone mask tuned to skin" in markdown([made])

"""What is known of the bands: shown, and where a site demands more, every shortfall named before anything starts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.config import ConfigError, load
from appliance.evaluate import claims as published
from appliance.runtime import evidence
from appliance.vision.judge import judge_of

Write = Callable[..., Path]
DETECTOR = judge_of("rgb+850+940", None).version


@pytest.fixture(autouse=True)
def nothing_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "shipped", lambda: [])


def claim(folder: Path, **changes: Any) -> None:
    row: dict[str, Any] = {
        "kind": "measured",
        "band_set": "rgb+850+940",
        "dataset": "laboratory",
        "source": "rig 7",
        "protocol": "shipped",
        "detector": DETECTOR,
        "made_on": "2026-11-20",
        "bona_fide": {"n": 100, "failed": 1},
        "species": {"print_dye": {"n": 59, "accepted": 0}, "screen_lcd": {"n": 59, "accepted": 6}},
    }
    folder.mkdir(exist_ok=True)
    (folder / "claims.json").write_text(json.dumps(row | changes))


def asked(write: Write, folder: Path, species: str, kind: str = "measured") -> Path:
    section = (
        f'[liveness]\nclaims = "{folder}"\n[liveness.demand]\nspecies = {species}\nkind = "{kind}"\n\n[simulation]'
    )
    return write(("[simulation]", section))


def test_a_site_that_demands_nothing_starts(write: Write) -> None:
    evidence.check(load(write()))


def test_a_demand_that_is_met(write: Write, tmp_path: Path) -> None:
    claim(tmp_path / "claims")
    evidence.check(load(asked(write, tmp_path / "claims", "{ print_dye = 0.05 }")))


def test_all_that_is_unmet_is_said_at_once(write: Write, tmp_path: Path) -> None:
    claim(tmp_path / "claims")
    species = "{ print_dye = 0.05, screen_lcd = 0.05, latex_mask = 0.2, paper_bag = 0.1 }"
    with pytest.raises(ConfigError) as caught:
        evidence.check(load(asked(write, tmp_path / "claims", species)))
    said = str(caught.value)
    assert "the installed bands (rgb+850+940) do not meet it" in said
    assert "6 of 59 passed" in said
    assert "Latex mask: untested" in said
    assert "paper_bag is no species" in said
    assert "Ink-jet" not in said


@pytest.mark.parametrize(
    "changes", [{"kind": "simulated"}, {"band_set": "rgb+850"}, {"detector": "another"}, {"species": {}}]
)
def test_claims_of_something_else_do_not_count(write: Write, tmp_path: Path, changes: dict[str, Any]) -> None:
    claim(tmp_path / "claims", **changes)
    with pytest.raises(ConfigError, match="untested"):
        evidence.check(load(asked(write, tmp_path / "claims", "{ print_dye = 0.05 }")))


def test_simulated_claims_count_where_they_are_enough_and_never_in_production(write: Write, tmp_path: Path) -> None:
    claim(tmp_path / "claims", kind="simulated")
    path = asked(write, tmp_path / "claims", "{ print_dye = 0.05 }", "simulated")
    evidence.check(load(path))
    path.write_text(path.read_text().replace('profile = "simulated"', 'profile = "production"'))
    with pytest.raises(ConfigError, match=r"liveness\.demand\.kind: a production lane demands measured claims"):
        load(path)


def test_claims_that_cannot_be_read_meet_nothing(write: Write, tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "broken.json").write_text("{")
    with pytest.raises(ConfigError, match=r"liveness\.demand: .*broken\.json"):
        evidence.check(load(asked(write, tmp_path / "claims", "{ print_dye = 0.05 }")))


@pytest.mark.parametrize("species", ["{}", "{ print_dye = 0 }", "{ print_dye = 2 }", "5"])
def test_demands_that_are_none(write: Write, tmp_path: Path, species: str) -> None:
    with pytest.raises(ConfigError, match=r"liveness\.demand\.species"):
        load(asked(write, tmp_path, species))


# --- what a console says ----------------------------------------------------------------------------------------


def labelled(write: Write, folder: Path | None) -> str:
    change = ("[simulation]", f'[liveness]\nclaims = "{folder}"\n\n[simulation]' if folder else "[simulation]")
    return evidence.label(load(write(change)))


def test_what_is_simulated_and_unmeasured_is_said(write: Write, tmp_path: Path) -> None:
    label = labelled(write, None)
    assert label.startswith("Liveness bands 850, 940 nm (simulated). ")
    assert "measured on this installation: none, all untested" in label
    assert "all untested" in labelled(write, tmp_path / "nowhere")


def test_the_worst_species_is_named_and_simulated_claims_are_never_measured_ones(write: Write, tmp_path: Path) -> None:
    claim(tmp_path / "claims", kind="simulated")
    label = labelled(write, tmp_path / "claims")
    assert "Simulated: of 2 species the worst is screen, lcd, " in label
    assert "measured on this installation: none" in label
    claim(tmp_path / "claims")
    label = labelled(write, tmp_path / "claims")
    assert "Measured: of 2 species the worst is screen, lcd" in label
    assert "none, all untested" not in label
    claim(tmp_path / "claims", band_set="rgb+850")
    assert "Measured:" not in labelled(write, tmp_path / "claims")


def test_claims_that_are_broken_are_said_to_be(write: Write, tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "broken.json").write_text("{")
    assert "cannot be read" in labelled(write, tmp_path / "claims")


def test_where_masks_are_allowed_the_demand_holds_for_the_upper_half_too(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.liveness import detector

    monkeypatch.setattr(published, "shipped_upper", lambda: [])
    claims = tmp_path / "claims"
    claim(claims)
    path = asked(write, claims, "{ print_dye = 0.05 }")
    text = path.read_text().replace("[liveness]", '[face]\nmasks = "allow"\n\n[liveness]')
    text = text.replace('profile = "simulated"', 'profile = "simulated"\nsite = "office"\ntopology = "turnstile"')
    path.write_text(text)
    # Without a detector for it nobody passes with a mask on, and there is nothing to demand.
    monkeypatch.setattr(detector, "UPPER", tmp_path / "none")
    evidence.check(load(path))
    upper = tmp_path / "upper"
    upper.mkdir()
    (upper / "rgb+850+940.json").write_text(detector.load("rgb+850+940").model_dump_json())
    path.write_text(text.replace("[liveness]", f'[liveness]\nupper = "{upper}"'))
    with pytest.raises(ConfigError, match=r"above a medical mask: Ink-jet print \(dye\): untested"):
        evidence.check(load(path))
    claim(claims / "upper")
    evidence.check(load(path))
    assert "Above a medical mask: Measured: of 2 species" in evidence.label(load(path))

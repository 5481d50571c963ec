"""`appliance evaluate faces` as an operator types it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from faces_toys import ColourPack
from typer.testing import CliRunner

from appliance.evaluate.faces.cli import faces
from appliance.face import packs

app = typer.Typer()
app.command()(faces)
runner = CliRunner()
People = Callable[..., Path]


def _toy(monkeypatch: pytest.MonkeyPatch, pack: ColourPack) -> None:
    monkeypatch.setattr(packs, "load_pack", lambda name, folder, accepted: pack)


def test_figures_report_and_json(people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _toy(monkeypatch, ColourPack())
    page, kept = tmp_path / "r" / "x.html", tmp_path / "r" / "x.json"
    asked = [str(people(12, 3)), "--out", str(tmp_path / "run"), "--report", str(page), "--json", str(kept)]
    done = runner.invoke(app, [*asked, "--limit", "30", "--least-eyes-px", "10", "--masked"])
    assert done.exit_code == 0, done.output
    assert "All against all: 60 genuine" in done.output
    assert page.read_text().startswith("<!doctype html>")
    assert json.loads(kept.read_text())["cut"] is True


def test_breaking_off_says_how_to_go_on(people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _toy(monkeypatch, ColourPack(stop_after=5))
    done = runner.invoke(app, [str(people(3, 3)), "--out", str(tmp_path / "run"), "--least-eyes-px", "10"])
    assert done.exit_code == 130
    assert "the same command goes on" in done.output


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--protocol", "pairs"], "lists no pairs"),
        (["--limit", "1"], "below two"),
        (["--root", "."], "--root"),
        (["--genuine-per-person", "-1"], "genuine-per-person"),
        (["--protocol", "some"], "protocol"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], says: str
) -> None:
    _toy(monkeypatch, ColourPack())
    done = runner.invoke(app, [str(people(3, 3)), "--out", str(tmp_path / "run"), "--least-eyes-px", "10", *more])
    assert done.exit_code in (1, 2)
    assert says in done.output
    assert "Traceback" not in done.output


def test_a_missing_pack_says_what_to_do(people: People, tmp_path: Path) -> None:
    asked = [str(people(3, 3)), "--out", str(tmp_path / "run"), "--pack", "open-omz", "--models-dir", str(tmp_path)]
    done = runner.invoke(app, asked)
    assert done.exit_code == 1
    assert "appliance" in done.output
    assert not (tmp_path / "run").exists()

"""What is claimed of the matchers: read whole or refused, shown with intervals, and the source of every threshold."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from appliance.evaluate import face_claims
from appliance.evaluate.claims import ClaimsError
from appliance.evaluate.face_claims import FaceReport, read, shipped
from appliance.main import app
from appliance.models.catalogue import PACKS

runner = CliRunner()


def rate(count: int, n: int) -> dict[str, Any]:
    return {
        "count": count,
        "n": n,
        "value": count / n,
        "clopper_pearson_95": [0.1, 0.2],
        "bootstrap_subjects_95": [0.3, 0.4] if count else None,
    }


def report(**changes: Any) -> dict[str, Any]:
    point = {"target_fmr": 1e-3, "threshold": 0.3397, "fmr": rate(7, 7000), "tar": rate(90, 100)}
    every = {"protocol": "all", "n_genuine": 100, "n_impostor": 7000, "n_subjects": 20}
    return {
        "pack_id": "open-omz",
        "pack_title": "t",
        "recogniser_sha256": "a" * 64,
        "dataset": "LFW",
        "dataset_digest": "b" * 64,
        "images": 200,
        "masked": False,
        "mask_method": None,
        "flip": False,
        "software_version": "0.1.0",
        "date": "2026-11-28T00:00:00+00:00",
        "acquisition": [{"view": "plain", "fta": rate(0, 200)}],
        "protocols": [every | {"thresholds": [point, {"target_fmr": 1e-4, "threshold": None, "why": "n"}]}],
        **changes,
    }


def write(folder: Path, *reports: dict[str, Any]) -> Path:
    for number, one in enumerate(reports):
        (folder / f"{number}.json").write_text(json.dumps(one))
    return folder


def test_the_thresholds_in_use_are_those_of_the_published_reports() -> None:
    found = shipped()
    for pack in PACKS.values():
        bare, *more = [one for one in found if one.pack_id == pack.pack_id and not one.masked]
        assert not more
        assert bare.recogniser_sha256 == pack.template_sha256
        for point in pack.operating_points:
            measured = bare.at(point.fmr)
            assert point.threshold == measured.threshold, pack.pack_id
            assert point.tar == pytest.approx(measured.tar, abs=5e-5), pack.pack_id
        masked = [one for one in found if one.pack_id == pack.pack_id and one.masked]
        if pack.masked is not None:
            assert pack.masked.fmr == pack.default.fmr
            assert pack.masked.threshold == masked[0].at(pack.masked.fmr).threshold
            assert pack.masked.tar == pytest.approx(masked[0].at(pack.masked.fmr).tar, abs=5e-5)


def test_a_line_has_the_rate_its_interval_and_the_threshold(tmp_path: Path) -> None:
    found = read(write(tmp_path, report(), report(masked=True, mask_method="a polygon")))
    page = face_claims.markdown(found)
    assert "| open-omz | LFW, bare | 100 / 0.0 M | 90.00 % (30.00 to 40.00) at 0.3397 | not supported by n |" in page
    assert "LFW, masks drawn on probes" in page
    assert page.endswith("Masks: a polygon.\n")
    console = Console(width=200, record=True)
    console.print(face_claims.table(found))
    assert "nothing is known of a border" in console.export_text()
    assert face_claims.markdown([]) == "Nothing is claimed of any matcher.\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "cannot be read"),
        (json.dumps(report(pack_id=None)), "pack_id"),
        (json.dumps(report(protocols=[])), "no figures of all against all"),
        (json.dumps(report(images="many")), "images"),
    ],
)
def test_a_report_that_is_none_is_named(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ClaimsError, match=says):
        read(tmp_path)


def test_what_n_does_not_support_is_no_operating_point() -> None:
    found = FaceReport.model_validate(report())
    assert (found.at(1e-3).threshold, found.at(1e-3).tar) == (0.3397, 0.9)
    with pytest.raises(ClaimsError, match=r"does not support FMR 0\.0001"):
        found.at(1e-4)


def test_the_command_shows_them_and_makes_a_page_anew(tmp_path: Path) -> None:
    folder = write(tmp_path, report())
    page = tmp_path / "page.md"
    page.write_text(f"before\n{face_claims.BEGIN}\nold\n{face_claims.END}\nafter\n")
    done = runner.invoke(app, ["claims", "--faces", "--from", str(folder), "--update", str(page)])
    assert done.exit_code == 0, done.output
    assert page.read_text().startswith("before\n")
    assert "| open-omz |" in page.read_text()
    assert "old" not in page.read_text()
    listed = runner.invoke(app, ["claims", "--faces", "--from", str(folder), "--format", "json"])
    assert json.loads(listed.output)[0]["pack_id"] == "open-omz"
    page.write_text("no markers")
    refused = runner.invoke(app, ["claims", "--faces", "--from", str(folder), "--update", str(page)])
    assert refused.exit_code == 1
    assert "has no place for claims" in refused.output

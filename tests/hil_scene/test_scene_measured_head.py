"""The measured head: only the proven file is taken, and what is rendered from it is a face."""

import hashlib

import numpy as np
import pytest
from typer.testing import CliRunner

from appliance.face.packs import load_pack
from appliance.models.manager import import_from
from hil.cli import app
from hil.heads import Head
from hil.scene import CAST, Light, Sensor, bona_fide, castcheck, traveller
from hil.scene.head import head_mesh
from hil.scene.measured import NAME, SHA256, HeadError, choose_head, import_head, load_head, measured_mesh


def test_another_file_is_refused_with_both_hashes_and_nothing_is_left(tmp_path):
    wrong = b"PK\x03\x04 another head"
    (tmp_path / NAME).write_bytes(wrong)
    result = CliRunner().invoke(app, ["import-head", str(tmp_path), "--heads-dir", str(tmp_path / "heads")])
    assert result.exit_code == 2
    assert SHA256 in result.output
    assert hashlib.sha256(wrong).hexdigest() in result.output
    assert not (tmp_path / "heads").exists()


def test_a_head_that_is_not_there_says_how_to_get_it(tmp_path, capsys):
    with pytest.raises(HeadError, match="import-head FOLDER_OR_FILE"):
        import_head(tmp_path / "nowhere", tmp_path / "heads")
    for command in (["tour", "--keep", str(tmp_path / "lane")], ["demo", "--state-dir", str(tmp_path / "lane")]):
        result = CliRunner().invoke(app, [*command, "--head", "measured", "--heads-dir", str(tmp_path / "heads")])
        assert result.exit_code == 2
        assert "import-head FOLDER_OR_FILE" in result.output
    assert not (tmp_path / "lane").exists()
    assert castcheck.main(["--head", "measured", "--heads-dir", str(tmp_path / "heads")]) == 2
    assert "import-head FOLDER_OR_FILE" in capsys.readouterr().err


def test_a_head_that_was_changed_after_its_import_is_not_used(tmp_path):
    (tmp_path / NAME).write_bytes(b"changed")
    with pytest.raises(HeadError, match="not used"):
        choose_head(Head.MEASURED, tmp_path)


@pytest.mark.measured
def test_the_right_file_is_imported_whole(shared, tmp_path):
    heads = tmp_path / "heads"
    source = shared / "data" / "heads" / NAME
    result = CliRunner().invoke(app, ["import-head", str(source), "--heads-dir", str(heads)])
    assert result.exit_code == 0, result.output
    assert [path.name for path in heads.iterdir()] == [NAME]
    assert (heads / NAME).read_bytes() == source.read_bytes()


@pytest.mark.measured
def test_shapes_are_the_traveller_s_own_and_fade_into_the_skull(shared):
    model = load_head(shared / "data" / "heads")
    who, other = CAST[0], CAST[1]
    mesh, plain = measured_mesh(model, who), head_mesh(who.traits)
    assert np.array_equal(mesh, measured_mesh(model, who))
    assert np.isfinite(mesh).all()
    # Ears begin at 72 degrees about the axis of the head, hair at the hairline.
    kept = (np.abs(np.arctan2(plain[..., 0], plain[..., 2] + 80.0)) > np.radians(72)) | (plain[..., 1] > 80.0)
    assert np.allclose(mesh[kept], plain[kept], atol=0.01)
    assert np.abs(mesh - plain).max() > 3.0
    moved = mesh - plain - (measured_mesh(model, other) - head_mesh(other.traits))
    assert np.abs(moved).max() > 3.0


@pytest.fixture(scope="module")
def packs(shared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    import_from(shared / "models", folder)
    return load_pack("open-omz", folder), load_pack("pypi-dlib", folder)


@pytest.mark.measured
def test_both_detectors_find_the_measured_face_where_its_eyes_are_painted(shared, packs):
    who = traveller("hugo")
    try:
        choose_head(Head.MEASURED, shared / "data" / "heads")
        frame = Sensor(np.random.default_rng(0)).rgb(bona_fide.__wrapped__(who), Light())
    finally:
        choose_head(Head.PROCEDURAL)
    for pack in packs:
        faces = pack.detect(frame)
        assert len(faces) == 1
        painted = 2 * who.traits.eye_x * 900.0 / 600.0
        assert faces[0].inter_eye_distance == pytest.approx(painted, rel=0.12)

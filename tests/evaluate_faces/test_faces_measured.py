"""The real matcher on a few hundred real photographs (LFW): close to what the catalogue says of it."""

from pathlib import Path

import pytest

from appliance.clock import SystemClock
from appliance.evaluate.faces.loaders import load
from appliance.evaluate.faces.run import Options, run
from appliance.face.packs import load_pack
from appliance.models.manager import import_from

pytestmark = pytest.mark.measured


@pytest.fixture(scope="module")
def models(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    import_from(shared, folder)
    return folder


@pytest.mark.timeout(120)
def test_open_omz_on_lfw(shared: Path, models: Path, tmp_path: Path) -> None:
    faces = load(shared / "data" / "faces" / "lfw").limited(240)
    pack = load_pack("open-omz", models)
    bare = run(pack, faces, tmp_path / "run", Options(), SystemClock())
    masked = run(pack, faces, tmp_path / "run", Options(masked=True, protocol="all"), SystemClock())
    pairs, every = bare.sections
    assert bare.acquisition[0].fta.errors <= 2
    assert every.impostors > 25_000
    assert every.given.tar.n > 40
    assert (every.given.tar.value or 0) > 0.9
    assert (every.given.fmr.value or 0) < 5e-4
    assert pairs.folds is not None
    assert pairs.folds.mean > 0.96
    # A drawn mask takes accepted travellers away, and hides few faces from the detector.
    assert masked.acquisition[1].fta.errors <= 8
    assert (masked.sections[0].given.tar.value or 0) < (every.given.tar.value or 0) - 0.05
    assert (masked.sections[0].given.fmr.value or 0) < 5e-4

"""The wheel: what is in it, what is not, and its tests run from outside the tree against the installed wheel."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("appliance", "drivers", "ui", "migrations")
# What needs neither the rig nor a browser; the rig is not in the wheel.
CARRIED = ("core", "config", "document", "store")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content alone, as on an installed machine."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def outside(installed: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python outside the tree: our packages from the wheel, libraries from this environment, nothing else.

    A path entry, unlike a site folder, does not follow the editable install back into the tree.
    """
    libraries = sysconfig.get_paths()["purelib"]
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "SALLYPORT_SHARED")},
        "PYTHONPATH": os.pathsep.join([str(installed), libraries]),
    }
    command = [sys.executable, "-S", "-P", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_holds_the_product_and_not_the_rig(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert top == {*OURS, "sallyport-0.1.0.dist-info"}
    assert "ui/static/guard.html" in names
    assert "ui/static/traveller.html" in names
    assert "migrations/lane/versions/0001_journal.py" in names
    assert "appliance/liveness/learned/rgb+850+940.json" in names
    # The reader of printed zones is ours, learnt from a rendered font; no other weights and no data are carried.
    heavy = {name for name in names if name.endswith((".onnx", ".dat", ".bin", ".npz", ".jpg", ".pyc"))}
    assert heavy == {"appliance/document/ocr/ocrb.npz"}
    assert not [name for name in names if "node_modules" in name]
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_our_names_are_ours_alone(installed: Path, tmp_path: Path) -> None:
    """Another distribution with a package called `drivers` would silently overwrite ours."""
    ask = "import importlib.metadata as m, json; print(json.dumps(m.packages_distributions()))"
    owners = json.loads(outside(installed, tmp_path, "-c", ask).stdout)
    assert {name: set(owners[name]) for name in OURS} == {name: {"sallyport"} for name in OURS}


def test_the_installed_command_runs_outside_the_tree(installed: Path, tmp_path: Path) -> None:
    config = tmp_path / "lane.toml"
    config.write_text('lane_id = "x"\nsurprise = 1\n')
    done = outside(installed, tmp_path, "-m", "appliance", "check-config", "--config", str(config))
    assert done.returncode == 2
    assert "surprise: unknown key" in done.stderr
    where = outside(installed, tmp_path, "-c", "import appliance; print(appliance.__file__)")
    assert where.stdout.startswith(str(installed))


def test_a_production_lane_has_no_way_to_the_rig(installed: Path, tmp_path: Path) -> None:
    done = outside(installed, tmp_path, "-c", "import hil")
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.timeout(600)
def test_its_tests_pass_outside_the_tree(installed: Path, tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    for name in CARRIED:
        (tests / name).symlink_to(ROOT / "tests" / name)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    options = ["--import-mode=importlib", "-p", "no:cacheprovider", "-q", "-W", "error", "--strict-markers"]
    markers = ["-o", "markers=measured: needs weights\nrig: needs the rig", "-m", "not measured and not rig"]
    # The same pure code for minutes, and a measurement of the tree itself.
    left = ("core/test_every_reachable_state.py", "core/test_coverage.py", "document/trust/test_trust_hostile.py")
    left += ("document/chip/test_chip_hostile.py", "document/chip/test_chip_cheats.py")
    exhaustive = [part for name in left for part in ("--ignore", f"tests/{name}")]
    done = outside(installed, tmp_path, "-m", "pytest", *options, *markers, *exhaustive, str(tests))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout.splitlines()[-1]

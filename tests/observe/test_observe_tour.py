"""The tour of a place that only watches: its file, and three of its scenes with the real networks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.rig


def test_the_scenes_of_the_tour_are_read() -> None:
    from hil.scenarios.watching import SCENES, Mishap, read

    scenes = {scene.name: scene for scene in read(SCENES)}
    assert (scenes["nobody"].faces, scenes["bare"].faces, scenes["both-of-two"].faces) == (0, 1, 2)
    assert {scene.mishap for scene in scenes.values()} == {None, Mishap.UNPLUGGED, Mishap.FROZEN}
    assert {scene.expected.raised for scene in scenes.values()} == {0, 1, 2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name: alone",
        "- name: x",
        "- {name: x, title: X, shows: [amara], expected: {raised: 0}}",
        "- {name: x, title: X, shows: [nobody-known, null], expected: {raised: 0}}",
        "- {name: x, title: X, shows: [null, null], expected: {raised: 0, moved: 1}}",
        "- {name: x, title: X, shows: [null, null], expected: {raised: 0}, mishap: earthquake}",
        "- {name: x, title: X, shows: [null, null], expected: {raised: 0}, releases: 1}",
        "\xff: [",
    ],
)
def test_files_that_are_none(tmp_path: Path, text: str) -> None:
    from hil.scenarios.script import ScenarioError
    from hil.scenarios.watching import read

    path = tmp_path / "scenes.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ScenarioError, match=r"scenes\.yaml"):
        read(path)


def tour(folder: Path, *arguments: str, models: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hil", "tour", "--site", "observe", "--models-dir", str(models)]
    return subprocess.run(
        [*command, *arguments, "--json", str(folder / "tour.json")],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.measured
def test_a_mask_a_pulled_stream_and_what_cannot_be_seen(tmp_path: Path, shared: Path) -> None:
    from appliance.models.manager import import_from

    models = tmp_path / "models"
    models.mkdir()
    import_from(shared, models)
    only = [word for name in ("masked", "stream-pulled", "resin-mask") for word in ("--only", name)]
    done = tour(tmp_path, *only, models=models)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "tour.json").read_text())
    assert told["passed"] is True
    assert "records intact" in told["journal"]
    assert [(scene["name"], scene["raised"], scene["ends"]) for scene in told["scenes"]] == [
        ("masked", 1, ["out of sight"]),
        ("stream-pulled", 1, ["link lost", "out of sight"]),
        ("resin-mask", 0, []),
    ]


def test_without_weights_it_says_so_and_does_not_pass(tmp_path: Path) -> None:
    done = tour(tmp_path, models=tmp_path)
    assert done.returncode == 1
    assert "NOT RUN, it needs the weights medical-mask" in done.stdout


def test_a_scene_nobody_wrote_is_refused(tmp_path: Path) -> None:
    done = tour(tmp_path, "--only", "none", models=tmp_path)
    assert done.returncode == 2
    assert "no scene is called none" in done.stdout

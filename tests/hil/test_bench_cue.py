"""The figures of the visible-light cue: who is counted, and as what."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.face.types import DetectedFace
from appliance.liveness.rgb_cue import Box, Suspicion
from hil.bench.cue import Found, first_of_each, look, main


class Finder:
    """Finds one face in a light picture and none in a black one."""

    def detect(self, image: NDArray[np.uint8]) -> list[DetectedFace]:
        points = np.zeros((5, 2), np.float32)
        return [DetectedFace((0.0, 0.0, 64.0, 64.0), points, 0.9)] if image.any() else []


class Score:
    """Scores a picture by how light it is; a white one it cannot judge."""

    def judge(self, image: NDArray[np.uint8], box: Box) -> Suspicion:
        level = float(image.mean()) / 255.0
        return Suspicion(None, 0.7, "too light") if level == 1.0 else Suspicion(level, 0.7)


def person(folder: Path, name: str, *levels: int) -> None:
    (folder / name).mkdir(parents=True)
    for number, level in enumerate(levels):
        cv2.imwrite(str(folder / name / f"{number}.jpg"), np.full((64, 64, 3), level, np.uint8))


def test_each_person_counts_once_and_what_cannot_be_judged_does_not(tmp_path: Path) -> None:
    for name, levels in {"a": (200, 10), "b": (50, 250), "c": (255,), "d": (0,), "nobody": ()}.items():
        person(tmp_path, name, *levels)
    (tmp_path / "pairs.txt").write_text("no picture")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "0.jpg").write_bytes(b"no picture")
    found = look(Score(), Finder(), first_of_each(tmp_path, 0))  # type: ignore[arg-type]
    rate = found.suspected(0.7)
    assert (rate.errors, rate.n, found.faceless, len(found.suspicions)) == (1, 2, 2, 3)
    assert len(found.took_ms) == 2


def test_fewer_people_are_spread_over_all(tmp_path: Path) -> None:
    for name in "abcdefghi":
        person(tmp_path, name, 100)
    assert [path.parent.name for path in first_of_each(tmp_path, 3)] == ["a", "e", "i"]
    assert len(first_of_each(tmp_path, 99)) == 9


def test_nobody_is_no_good_figure() -> None:
    rate = Found().suspected(0.5)
    assert (rate.value, rate.lower, rate.upper) == (None, 0.0, 1.0)


def test_without_weights_it_says_how_to_get_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--dir", str(tmp_path)]) == 2
    assert "appliance models fetch rgb-cue" in capsys.readouterr().err

"""The survey behind the figures in docs/face-quality.md: which pictures, how they are fitted, what is printed."""

from pathlib import Path

import cv2
import numpy as np

from appliance.face.quality.survey import fitted, lines, look, pictures
from tests.quality.drawn_face import drawn_face


def test_pictures_are_spread_evenly_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.jpg").touch()
    (tmp_path / "notes.txt").touch()
    assert [path.stem for path in pictures(tmp_path, 5)] == ["0", "2", "4", "6", "8"]
    assert len(pictures(tmp_path, 99)) == 10


def test_a_picture_is_fitted_without_being_stretched() -> None:
    view = fitted(np.full((100, 100, 3), 200, np.uint8), (640, 480))
    assert view.shape == (480, 640, 3)
    assert (view[:, :80].max(), view[:, 80:560].min(), view[:, 560:].max()) == (0, 200, 0)


def test_what_is_seen_is_counted_and_what_is_not_performed_is_said(tmp_path: Path) -> None:
    image, face = drawn_face()
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "empty.png"), np.zeros((480, 640, 3), np.uint8))
    seen = look(pictures(tmp_path, 99), lambda view: [face] if view.any() else [], None, None)
    assert (len(seen.reports), seen.without) == (3, 1)
    printed = "\n".join(lines(seen))
    assert printed.startswith("3 pictures with a face, 1 without;")
    assert "| eyes_open | 0x4d | 0 | not performed | | |" in printed
    assert "said first: None 100.0 %" in printed

"""Which judge is chosen, and what stands in the shadow."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.core.types import Result
from appliance.face.types import DetectedFace
from appliance.liveness.burst import Capture
from appliance.liveness.detector import DetectorError
from appliance.liveness.rgb_cue import Suspicion
from appliance.models.manager import ModelError
from appliance.vision import judge as module
from appliance.vision.judge import judge_of, shadow_of

FACE = DetectedFace((10, 10, 60, 60), np.zeros((5, 2), np.float32), 0.9)
CAPTURE = Capture(np.zeros((80, 80, 3), np.uint8), (), {})


class FakeCue:
    def __init__(self, score: float | None, reason: str = "") -> None:
        self.said = Suspicion(score, 0.7, reason)

    def judge(self, image_bgr: Any, box: Any) -> Suspicion:
        assert (image_bgr.shape, box) == ((80, 80, 3), (10, 10, 60, 60))
        return self.said


@pytest.mark.parametrize(
    ("cue", "result", "reasons", "figures"),
    [
        (FakeCue(0.9), Result.FAILED, (), {"score": 0.9}),
        (FakeCue(0.1), Result.NOT_PERFORMED, (), {"score": 0.1}),
        (FakeCue(None, "the face is too small"), Result.NOT_PERFORMED, ("the face is too small",), {}),
    ],
)
def test_the_cue_in_the_shadow_suspects_or_says_nothing(
    monkeypatch: pytest.MonkeyPatch, cue: FakeCue, result: Result, reasons: tuple[str, ...], figures: dict[str, float]
) -> None:
    monkeypatch.setattr(module, "load_cue", lambda _: cue)
    shadow = shadow_of("rgb+850+940", "rgb-cue", Path("models"))
    assert shadow is not None
    report = shadow.judge(CAPTURE, FACE)
    assert (report.result, report.reasons, report.figures, report.detector) == (result, reasons, figures, "rgb-cue")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    assert shadow_of("rgb+850", "", tmp_path) is None
    with pytest.raises(ModelError, match="appliance models fetch rgb-cue"):
        shadow_of("rgb+850", "rgb-cue", tmp_path)
    with pytest.raises(DetectorError, match=r"rgb\+850"):
        shadow_of("rgb+850", str(tmp_path), tmp_path)
    broken = tmp_path / "detector.json"
    broken.write_text("{}")
    with pytest.raises(DetectorError, match="is not a detector"):
        judge_of("rgb+850", broken)

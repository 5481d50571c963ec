"""Comparison, alignment and the interface without any weights."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from appliance.face.analysis import Detector, InsightFacePack, Recogniser
from appliance.face.geometry import shrink, similarity
from appliance.face.types import DetectedFace, FailureToAcquire, Image, Template, TemplatesNotComparable
from appliance.models.catalogue import OPEN_OMZ, PACKS, PYPI_DLIB, PackRecord


class Nobody(Detector):
    """Finds no face."""

    def find(self, image_bgr: Image) -> list[DetectedFace]:
        return []


class Unused(Recogniser):
    """Templates are given here, none is made."""

    def vector(self, image_bgr: Image, face: DetectedFace) -> NDArray[np.float32]:
        raise AssertionError("no template is made in these tests")


def pack_of(record: PackRecord) -> InsightFacePack:
    return InsightFacePack(record, Nobody(), Unused())


def template(record: PackRecord, values: object) -> Template:
    return Template(record.pack_id, record.template_sha256, np.asarray(values, dtype=np.float32))


@pytest.mark.parametrize("record", PACKS.values(), ids=list(PACKS))
@pytest.mark.parametrize("bad", [np.zeros(8), np.full(8, np.nan), np.full(8, np.inf), np.eye(1, 8)[0] * np.nan])
def test_vectors_without_information_are_never_accepted(record: PackRecord, bad: NDArray[np.float64]) -> None:
    pack, good = pack_of(record), template(record, np.ones(8))
    for a, b in ((bad, bad), (bad, good.vector), (good.vector, bad)):
        comparison = pack.compare(template(record, a), template(record, b))
        assert not comparison.accepted
        assert np.isfinite(comparison.score)


@pytest.mark.parametrize("record", PACKS.values(), ids=list(PACKS))
def test_threshold_is_the_last_accepted_score(record: PackRecord) -> None:
    pack = pack_of(record)
    base = np.array([1.0, 0.0])
    for step, expected in ((-1e-4, False), (1e-4, True)):
        if record.metric == "cosine":
            c = record.threshold + step
            other = np.array([c, np.sqrt(1 - c * c)])
        else:
            other = base + np.array([0.0, record.threshold - step])
        comparison = pack.compare(template(record, base), template(record, other))
        assert comparison.accepted is expected
        assert comparison.threshold == record.threshold
        assert comparison.metric == record.metric


def test_cosine_ignores_length() -> None:
    pack, a = pack_of(OPEN_OMZ), np.linspace(-1, 1, 256)
    assert pack.compare(template(OPEN_OMZ, a), template(OPEN_OMZ, a * 37)).score == pytest.approx(1.0)


def test_same_pack_with_other_weights_does_not_compare() -> None:
    pack, good = pack_of(OPEN_OMZ), template(OPEN_OMZ, np.ones(256))
    other = Template("open-omz", "0" * 64, good.vector)
    for a, b in ((good, other), (other, good), (other, other)):
        with pytest.raises(TemplatesNotComparable):
            pack.compare(a, b)


@pytest.mark.parametrize("shape", [(255,), (1, 256), ()])
def test_vectors_of_other_shapes_do_not_compare(shape: tuple[int, ...]) -> None:
    pack, good = pack_of(OPEN_OMZ), template(OPEN_OMZ, np.ones(256))
    with pytest.raises(TemplatesNotComparable):
        pack.compare(good, template(OPEN_OMZ, np.ones(shape)))


def test_what_is_shown_comes_from_the_catalogue() -> None:
    pack = pack_of(PYPI_DLIB)
    assert (pack.pack_id, pack.grade, pack.metric, pack.threshold) == ("pypi-dlib", "development grade", "l2", 0.547)
    assert pack_of(OPEN_OMZ).threshold == 0.4251
    assert "FMR 1e-4" in pack_of(OPEN_OMZ).threshold_source


@given(st.floats(0.2, 5), st.floats(-3.1, 3.1), st.floats(-500, 500), st.floats(-500, 500), st.integers(0, 2**32 - 1))
def test_similarity_recovers_what_was_applied(scale: float, angle: float, x: float, y: float, seed: int) -> None:
    points = np.random.default_rng(seed).uniform(0, 100, (5, 2))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = np.column_stack([turn, [x, y]])
    np.testing.assert_allclose(similarity(points, points @ turn.T + [x, y]), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), np.nan), np.full((5, 2), 3.0)])
def test_landmarks_that_cannot_be_aligned(points: NDArray[np.float64]) -> None:
    with pytest.raises(FailureToAcquire):
        similarity(points, np.arange(10.0).reshape(5, 2))


def test_shrink_leads_back() -> None:
    image, factor = shrink(np.zeros((1000, 2000, 3), np.uint8), 640)
    assert image.shape == (320, 640, 3)
    assert factor == 2000 / 640
    same = np.zeros((480, 640, 3), np.uint8)
    assert shrink(same, 640) == (same, 1.0)


def test_detector_orders_and_limits() -> None:
    class Two(Detector):
        def find(self, image_bgr: NDArray[np.uint8]) -> list[DetectedFace]:
            points = np.zeros((5, 2), np.float32)
            return [DetectedFace((0.0, 0.0, s, s), points, 0.5) for s in (10.0, 40.0, 20.0)]

    image = np.zeros((64, 64, 3), np.uint8)
    assert [face.box[2] for face in InsightFacePack(OPEN_OMZ, Two(), Unused()).detect(image)] == [40.0, 20.0, 10.0]
    boxes, points = Two().detect(image, max_num=2)
    assert (boxes.shape, points.shape) == ((2, 5), (2, 5, 2))


def test_naming_a_pack_imports_no_native_library() -> None:
    code = (
        "import sys, appliance.face.packs, appliance.models.manager\n"
        "heavy = {'cv2', 'onnxruntime', 'insightface', 'openvino', 'dlib', 'skimage'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_a_pack_warns_of_nothing_and_prints_nothing() -> None:
    code = (
        "from pathlib import Path\nfrom appliance.face.packs import load_pack\n"
        "from appliance.face.selftest import selftest\n"
        "selftest(load_pack('pypi-dlib', Path('nowhere')))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_loading_openvino_tells_nobody() -> None:
    """Its import would send a report over the network (seen in 2026.4.1); ours leaves no such module and no thread."""
    script = (
        "import threading, sys, appliance.face.open_omz;"
        "print(sys.modules['openvino_telemetry'], [t.name for t in threading.enumerate()])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None ['MainThread']"

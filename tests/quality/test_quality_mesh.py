"""Whether eyes are open: from the points of the eyelids to what is said, and the network behind them."""

import hashlib
import importlib.util
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.core.types import Advice
from appliance.face import trial
from appliance.face.quality import Measure, assess, mesh
from appliance.face.quality.mesh import FaceMesh, Lids, lids, load_mesh, mesh_for
from appliance.face.types import DetectedFace, Image
from appliance.models import manager
from appliance.models.catalogue import FACE_MESH
from appliance.models.manager import HashMismatch, ModelError, PackMissing
from tests.quality.drawn_face import drawn_face

SHUT, OPEN, NARROW = Lids(0.008, 0.004), Lids(0.07, -0.05), Lids(0.008, -0.001)


class Mesh:
    """A mesh with a fixed answer that counts how often it was asked."""

    def __init__(self, finding: Lids | None) -> None:
        self.finding, self.asked = finding, 0

    def look(self, image_bgr: Image, face: DetectedFace) -> Lids | None:
        self.asked += 1
        return self.finding


def points(left: tuple[float, float], right: tuple[float, float], turned: float = 0.0) -> NDArray[np.float32]:
    """float32[478, 2]: for each eye, how far its upper and its lower lid lie below its corners; T is 100."""
    made = np.zeros((478, 2), np.float32)
    for (upper, lower), x, (start, end), above, under in (
        (left, 0.0, (33, 133), (161, 160, 159, 158, 157), (163, 144, 145, 153, 154)),
        (right, 60.0, (362, 263), (384, 385, 386, 387, 388), (381, 380, 374, 373, 390)),
    ):
        made[start], made[end] = (x, 0.0), (x + 30.0, 0.0)
        for number in range(5):
            made[above[number]], made[under[number]] = (x + 5 + 5 * number, upper), (x + 5 + 5 * number, lower)
    made[152] = (45.0, 100.0)
    angle = np.radians(turned)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (made @ turn.T + 200.0).astype(np.float32)


@pytest.mark.parametrize("turned", [0.0, 20.0, -90.0, 180.0])
@pytest.mark.parametrize(
    ("left", "right", "found"),
    [
        ((-5.0, 2.0), (-5.0, 2.0), Lids(0.07, -0.05)),
        ((3.0, 3.0), (4.0, 4.5), Lids(0.005, 0.03)),
        ((3.0, 3.0), (-5.0, 2.0), Lids(0.07, -0.05)),
        ((-1.0, 0.0), (-1.0, 0.0), Lids(0.01, -0.01)),
    ],
    ids=["open", "shut", "one open", "narrow"],
)
def test_the_eye_that_is_more_open_counts_however_the_head_leans(
    left: tuple[float, float], right: tuple[float, float], found: Lids, turned: float
) -> None:
    told = lids(points(left, right, turned))
    assert told is not None
    assert (told.opening, told.drop) == pytest.approx((found.opening, found.drop), abs=1e-5)


def test_points_that_are_no_face_have_no_lids() -> None:
    assert lids(np.zeros((478, 2), np.float32)) is None
    chin = points((0, 1), (0, 1))
    chin[152] = chin[[33, 133, 362, 263]].mean(axis=0)
    assert lids(chin) is None


@pytest.mark.parametrize(
    ("found", "value", "said"),
    [(OPEN, 99.3, None), (SHUT, 23.1, Advice.OPEN_EYES), (NARROW, 23.1, None), (Lids(0.02, 0.02), 50.0, None)],
    ids=["open", "shut", "narrow", "cast down"],
)
def test_eyes_are_held_that_are_shut_and_not_those_that_are_narrow(
    found: Lids, value: float, said: Advice | None
) -> None:
    image, face = drawn_face()
    report = assess(image, [face], mesh=Mesh(found))
    assert report.advice is said
    assert report.measurements[Measure.EYES_OPEN].value == pytest.approx(value, abs=0.1)


def test_it_is_asked_only_of_a_face_where_it_should_be_and_counts_only_with_an_opinion() -> None:
    far, small = drawn_face(30)
    asked = Mesh(SHUT)
    assert assess(far, [small], mesh=asked).advice is Advice.COME_CLOSER
    assert asked.asked == 0
    image, face = drawn_face()
    for report in (assess(image, [face]), assess(image, [face], mesh=Mesh(None))):
        assert report.advice is None
        assert report.measurements[Measure.EYES_OPEN].value is None


def test_without_weights_or_package_a_lane_goes_on_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mesh_for(tmp_path) is None
    with pytest.raises(PackMissing, match="nobody publishes it in this form; run: appliance models import FOLDER"):
        load_mesh(tmp_path)
    installed(tmp_path, monkeypatch, b"weights")
    present = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "ai_edge_litert" else present(name, *rest)
    )
    assert mesh_for(tmp_path) is None
    with pytest.raises(PackMissing, match=r"needs ai_edge_litert\. Run: pip install 'sallyport\[mesh\]'"):
        load_mesh(tmp_path)


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """The release as it would be if it named this content."""
    file = replace(FACE_MESH.files[0], size=len(content), sha256=hashlib.sha256(content).hexdigest())
    record = replace(FACE_MESH, files=(file,))
    (folder / file.name).write_bytes(content)
    monkeypatch.setattr(mesh, "FACE_MESH", record)
    monkeypatch.setattr(manager, "CUES", {record.pack_id: record})


@pytest.mark.parametrize("content", [b"", b"no network at all"], ids=["empty", "no network"])
def test_what_does_not_run_stops_the_start(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FACE_MESH.files[0].name).write_bytes(content)
    with pytest.raises(HashMismatch, match="is not the file pack face-mesh names"):
        mesh_for(tmp_path)
    installed(tmp_path, monkeypatch, content)
    with pytest.raises(ModelError, match="does not run here"):
        mesh_for(tmp_path)


@pytest.fixture(scope="module")
def network(shared: Path) -> FaceMesh:
    return FaceMesh((shared / "models" / "extra" / FACE_MESH.files[0].name).read_bytes())


def with_lids(image: Image, face: DetectedFace, which: tuple[int, ...]) -> Image:
    """These eyes of a drawn face shut: skin, and lashes on a lid that hangs."""
    shut, d = image.copy(), face.inter_eye_distance
    for place in (tuple(round(float(v)) for v in face.landmarks[number]) for number in which):
        cv2.ellipse(shut, place, (round(0.28 * d), round(0.14 * d)), 0, 0, 360, (120, 150, 205), -1)
        cv2.ellipse(shut, place, (round(0.24 * d), round(0.08 * d)), 0, 0, 180, (40, 45, 60), round(0.03 * d))
    return shut


@pytest.mark.measured
def test_the_network_gives_what_it_gave(network: FaceMesh) -> None:
    """Golden: channels, scale or cut changed would move these points by pixels and still find a face."""
    image, face = drawn_face(150)
    chip = mesh.drawn(image, mesh.similarity(face.landmarks, mesh._IN_CHIP), mesh.SIZE)
    assert chip is not None
    found = network.landmarks(chip)
    assert found is not None
    golden = [[83.4, 97.6], [113.5, 100.6], [142.3, 100.6], [172.5, 98.1], [128.2, 219.9], [95.5, 90.9], [96.7, 103.4]]
    assert found[[33, 133, 362, 263, 152, 159, 145]] == pytest.approx(np.array(golden), abs=0.3)
    assert network.landmarks(np.full((256, 256, 3), 128, np.uint8)) is None
    assert network.look(trial.pictures()[0], trial.FACE) is None


@pytest.mark.measured
@pytest.mark.parametrize(("which", "said"), [((), None), ((0,), None), ((1,), None), ((0, 1), Advice.OPEN_EYES)])
def test_both_eyes_shut_are_told_to_open(network: FaceMesh, which: tuple[int, ...], said: Advice | None) -> None:
    image, face = drawn_face()
    assert assess(with_lids(image, face, which), [face], mesh=network).advice is said


@pytest.mark.measured
def test_a_face_without_a_place_is_not_looked_at(network: FaceMesh) -> None:
    image, face = drawn_face()
    nowhere = np.full((5, 2), 50, np.float32)
    for landmarks in (nowhere, face.landmarks + np.float32(9000)):
        assert network.look(image, DetectedFace(face.box, landmarks, 0.9)) is None

"""A network whose hash is right and that does not run here stops the start; it never meets a traveller.

A wrong hash is refused before anything is loaded: tests/models/test_models_manager.py.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from appliance.face import mask_detector, open_omz, trial
from appliance.face.mask_detector import detector_for, load_mask_detector
from appliance.face.packs import load_pack
from appliance.face.types import DetectedFace, FacePack, FailureToAcquire, Image, Template
from appliance.liveness import rgb_cue
from appliance.liveness.rgb_cue import load_cue
from appliance.models.catalogue import MEDICAL_MASK, OPEN_OMZ, RGB_CUE, ModelFile, Weights
from appliance.models.manager import HashMismatch, ModelError
from appliance.vision.operations import Refused, Worker
from appliance.wire import Message

SAID = r"does not run here: .*install it again, or choose another pack\.$"


def network(shape: tuple[int, ...], name: str) -> bytes:
    """A sound ONNX file that gives back what it is given, if that is float32 of this shape."""
    told = [helper.make_tensor_value_info(end, TensorProto.FLOAT, shape) for end in (name, "out")]
    graph = helper.make_graph([helper.make_node("Identity", [name], ["out"])], "g", told[:1], told[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(made.SerializeToString())


def torn(input_name: str) -> bytes:
    whole = network((1, 3, 64, 64), input_name)
    return whole[: len(whole) // 2]


BAD: dict[str, Callable[[str], bytes]] = {
    "another size": lambda name: network((1, 3, 64, 64), name),
    "another input": lambda name: network((1, 3, 128, 128), f"{name}_of_another"),
    "truncated": torn,
    "empty": lambda _: b"",
    "no network": lambda _: b"not a network at all",
}


def with_file(record: Any, file: ModelFile, content: bytes) -> Any:
    """The record as a release would have it that names this content."""
    changed = replace(file, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    return replace(record, files=tuple(changed if one is file else one for one in record.files))


def install(folder: Path, record: Weights, content: bytes) -> None:
    (folder / record.files[0].name).write_bytes(content)


@pytest.mark.parametrize("kind", BAD)
def test_the_cue_in_visible_light(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = BAD[kind]("input")
    install(tmp_path, RGB_CUE, content)
    with pytest.raises(HashMismatch, match="is not the file pack"):
        load_cue(tmp_path)
    monkeypatch.setattr(rgb_cue, "RGB_CUE", with_file(RGB_CUE, RGB_CUE.files[0], content))
    with pytest.raises(ModelError, match=SAID):
        load_cue(tmp_path)


@pytest.mark.parametrize("kind", BAD)
def test_the_detector_of_masks(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it left away as one that is absent would be."""
    content = BAD[kind]("data")
    install(tmp_path, MEDICAL_MASK, content)
    monkeypatch.setattr(mask_detector, "MEDICAL_MASK", with_file(MEDICAL_MASK, MEDICAL_MASK.files[0], content))
    for load in (load_mask_detector, lambda folder: detector_for("ask_to_remove", folder)):
        with pytest.raises(ModelError, match=SAID):
            load(tmp_path)


def test_the_vision_process_refuses_to_be_set_up_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = BAD["another size"]("data")
    install(tmp_path, MEDICAL_MASK, content)
    monkeypatch.setattr(mask_detector, "MEDICAL_MASK", with_file(MEDICAL_MASK, MEDICAL_MASK.files[0], content))
    header: dict[str, Any] = {"pack": "pypi-dlib", "models_dir": str(tmp_path), "accepted": [], "gallery": None}
    worker = Worker()
    try:
        with pytest.raises(Refused, match=SAID):
            worker.setup(Message(header | {"masks": "ask_to_remove", "band_set": "rgb+850", "detector": ""}))
    finally:
        worker.end()


@pytest.mark.measured
@pytest.mark.parametrize("kind", BAD)
def test_the_detector_of_a_pack(kind: str, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in OPEN_OMZ.files:
        (tmp_path / file.name).symlink_to(models_dir / file.name)
    load_pack("open-omz", tmp_path)
    detector, content = OPEN_OMZ.file("detector"), BAD[kind]("input")
    (tmp_path / detector.name).unlink()
    (tmp_path / detector.name).write_bytes(content)
    with pytest.raises(HashMismatch):
        load_pack("open-omz", tmp_path)
    monkeypatch.setattr(open_omz, "OPEN_OMZ", with_file(OPEN_OMZ, detector, content))
    with pytest.raises(ModelError, match=f"Pack open-omz {SAID}"):
        load_pack("open-omz", tmp_path)


@pytest.mark.measured
@pytest.mark.parametrize("suffix", [".xml", ".bin"])
@pytest.mark.parametrize("role", ["recogniser", "landmarks"])
def test_a_truncated_recogniser_of_a_pack(
    role: str, suffix: str, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO's, in two files each."""
    for file in OPEN_OMZ.files:
        (tmp_path / file.name).symlink_to(models_dir / file.name)
    file = next(one for one in OPEN_OMZ.files if one.role == role and one.name.endswith(suffix))
    content = (models_dir / file.name).read_bytes()[: file.size // 2]
    (tmp_path / file.name).unlink()
    (tmp_path / file.name).write_bytes(content)
    monkeypatch.setattr(open_omz, "OPEN_OMZ", with_file(OPEN_OMZ, file, content))
    with pytest.raises(ModelError, match=f"Pack open-omz {SAID}"):
        load_pack("open-omz", tmp_path)


class Toy:
    """A pack that does what it is told when it is asked for a template."""

    def __init__(self, vector: Any) -> None:
        self.vector, self.seen = vector, list[tuple[int, ...]]()

    def detect(self, image_bgr: Image) -> list[DetectedFace]:
        self.seen.append(image_bgr.shape)
        return []

    def embed(self, image_bgr: Image, face: DetectedFace) -> Template:
        if isinstance(self.vector, Exception):
            raise self.vector
        return Template("toy", "0", self.vector)


@pytest.mark.parametrize(
    "vector",
    [
        np.zeros(8, np.float32),
        np.full(8, np.nan, np.float32),
        np.ones((2, 4), np.float32),
        FailureToAcquire("no face ever"),
        RuntimeError(""),
    ],
    ids=["zero", "nan", "two rows", "never", "silent"],
)
def test_a_recogniser_that_gives_no_vector_does_not_run(vector: Any) -> None:
    with pytest.raises(ModelError, match=f"Pack toy {SAID}"), trial.proving("Pack toy"):
        trial.prove(as_pack(Toy(vector)))


def test_one_that_does_is_tried_at_two_sizes_and_an_error_of_the_weights_stays_what_it_is() -> None:
    good = Toy(np.ones(8, np.float32))
    trial.prove(as_pack(good))
    assert len(set(good.seen)) == 2
    with pytest.raises(HashMismatch, match=r"^delete it$"), trial.proving("Pack toy"):
        raise HashMismatch("delete it")


def as_pack(toy: Any) -> FacePack:
    return toy  # type: ignore[no-any-return]


def test_the_networks_made_here_are_sound() -> None:
    """Else every one would be refused for a reason of its own."""
    onnx.checker.check_model(onnx.load_from_string(network((1, 3, 64, 64), "input")))

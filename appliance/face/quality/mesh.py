"""Where the eyelids are, from MediaPipe's face mesh (Apache-2.0): how wide the eyes are open, how low the lids hang.

Points and how the picture is cut are those of MediaPipe (`face_mesh_connections.py` and
`face_landmarks_detector_graph.cc`, commit 43313dc). Not responsible for what is too little (`rules`).
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.face import trial
from appliance.face.geometry import similarity
from appliance.face.quality.frame import EYE_APART, PLACES, drawn
from appliance.face.trial import proving
from appliance.face.types import DetectedFace, FailureToAcquire, Image
from appliance.models.catalogue import FACE_MESH
from appliance.models.manager import PackMissing, read_verified, require

_log = logging.getLogger(__name__)
Floats = NDArray[np.float32]

SIZE, POINTS = 256, 478
# MediaPipe cuts a square of 1.5 heights of the mesh around its middle: of its canonical face, eyes are 61 pixels apart
# in it and lie 31 above the middle.
_IN_CHIP = (PLACES - (PLACES[:2].mean(axis=0))) * (61.0 / EYE_APART) + (128.0, 97.0)
_UPPER = np.array([[161, 160, 159, 158, 157], [384, 385, 386, 387, 388]])
_LOWER = np.array([[163, 144, 145, 153, 154], [381, 380, 374, 373, 390]])
"""Pairs of eyelid points, one above the other: eye on the image's left, the other."""
_CORNERS = np.array([[33, 133], [362, 263]])
_CHIN = 152


@dataclass(frozen=True, slots=True)
class Lids:
    """Of the eye that is more open, over T (from between the eyes to the chin): who has one eye to open is not held.

    `opening`: widest distance of the lids, as OFIQ. `drop`: how far the middle of the upper lid hangs below the line
    through the eye's corners; negative above it. A lid that is shut hangs, one that is narrow or laughs does not.
    """

    opening: float
    drop: float


class FaceMesh:
    """The network, loaded once. Not for several threads at a time."""

    def __init__(self, model: bytes) -> None:
        # Not at the top: the package is optional, and takes most of a second.
        from ai_edge_litert.interpreter import Interpreter

        self._network: Any = Interpreter(model_content=model, num_threads=1)
        self._network.allocate_tensors()
        (self._input,) = (item["index"] for item in self._network.get_input_details())
        self._points, self._presence = (item["index"] for item in self._network.get_output_details()[:2])

    def look(self, image_bgr: Image, face: DetectedFace) -> Lids | None:
        """The lids of one face of an (H, W, 3) uint8 BGR image; None if the network sees no face there."""
        try:
            chip = drawn(image_bgr, similarity(face.landmarks, _IN_CHIP), SIZE)
        except FailureToAcquire:
            return None
        found = None if chip is None else self.landmarks(chip)
        return None if found is None else lids(found)

    def landmarks(self, chip_bgr: Image) -> Floats | None:
        """float32[478, 2] pixels of a (256, 256, 3) uint8 BGR chip; None where the network says there is no face."""
        pixels = cv2.cvtColor(chip_bgr, cv2.COLOR_BGR2RGB)[None].astype(np.float32) / np.float32(255.0)
        self._network.set_tensor(self._input, pixels)
        self._network.invoke()
        # A logit; compared as one, for a very small one has no exponential.
        presence = float(self._network.get_tensor(self._presence).item())
        points = np.array(self._network.get_tensor(self._points), np.float32).reshape(POINTS, 3)[:, :2]
        sure = presence >= math.log(FACE_MESH.threshold / (1.0 - FACE_MESH.threshold))
        return points if sure and bool(np.isfinite(points).all()) else None


def lids(points: Floats) -> Lids | None:
    """From float32[478, 2]; None where the chin is at the eyes or an eye has no width."""
    corners = points[_CORNERS]
    t = float(np.linalg.norm(points[_CHIN] - corners.mean(axis=(0, 1))))
    across = corners[:, 1] - corners[:, 0]
    widths = np.linalg.norm(across, axis=1)
    if min(t, *widths) < 1.0:
        return None
    opened = np.linalg.norm(points[_UPPER] - points[_LOWER], axis=2).max(axis=1)
    # The corners run to the image's right, so this points down, however the head leans.
    below = np.stack([-across[:, 1], across[:, 0]], axis=1) / widths[:, None]
    middle = points[_UPPER[:, 1:4]].mean(axis=1) - corners[:, 0]
    return Lids(float(opened.max()) / t, float((middle * below).sum(axis=1).min()) / t)


def load_mesh(models_dir: Path) -> FaceMesh:
    """The installed network. Raises ModelError when it or its package is not there, not what it should be, or does not
    run here.
    """
    require(FACE_MESH.pack_id, models_dir)
    with proving(FACE_MESH.title):
        found = FaceMesh(read_verified(FACE_MESH, FACE_MESH.file("cue"), models_dir))
        found.look(trial.pictures()[0], trial.FACE)
    return found


def mesh_for(models_dir: Path) -> FaceMesh | None:
    """The network where it is installed; without it, whether eyes are open is not performed. Raises ModelError for one
    that is not what it should be.
    """
    try:
        return load_mesh(models_dir)
    except PackMissing as error:
        _log.info("whether eyes are open is not looked at: %s", error)
        return None

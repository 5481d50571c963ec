"""Templates of every image of a data set, made once and kept in a run folder, so that a run can be broken off.

A run folder holds manifest.json and shards of 256 images a kind of template. It is bound to one data set, one pack and
one rule of faces: anything else is refused, never mixed. Shards are written beside and moved into place; one that is
damaged is made again. Not responsible for comparing.
"""

import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from appliance.clock import Clock
from appliance.evaluate.faces.dataset import DatasetError, FaceRule, FaceSet, as_bytes
from appliance.evaluate.faces.images import LeavesRoot, Unusable, inside, read
from appliance.evaluate.masks import SMALLEST_EYES_PX
from appliance.face.masked import found_again, masked_reference
from appliance.face.masking import draw_mask
from appliance.face.types import DetectedFace, FacePack, FailureToAcquire, Image, TemplatesNotComparable

View = Literal["plain", "masked", "masked-reference"]
"""Bare images; probes with a drawn mask; bare images as the reference of such probes."""
SHARD = 256
_FORMAT = 1
_LEAST_NORM = 1e-6


class Got(IntEnum):
    """What came of an image. The first two are failures to enrol (no image), the rest failures to acquire."""

    TEMPLATE = 0
    MISSING = 1
    BROKEN = 2
    NO_FACE = 3
    SEVERAL = 4
    TOO_SMALL = 5
    NO_TEMPLATE = 6


class RunFolderError(Exception):
    """The run folder belongs to another run or cannot be used. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How an image becomes a template. `seed` draws the masks; each image has its own stream."""

    face: FaceRule
    least_eyes_px: float = SMALLEST_EYES_PX
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """Templates of one view, in the order of the set's images.

    `vectors` and `mirrored` float32[n, d] (NaN without one), `got` uint8[n] of `Got`, `several` bool[n] (more than one
    face found), `eyes_px` float32[n], `seconds` float32[n, 3]: finding faces, first template, that of the mirror image.
    """

    vectors: NDArray[np.float32]
    mirrored: NDArray[np.float32]
    got: NDArray[np.uint8]
    several: NDArray[np.bool_]
    eyes_px: NDArray[np.float32]
    seconds: NDArray[np.float32]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """bool[n]: images that gave a template."""
        return np.asarray(self.got == Got.TEMPLATE)


_FIELDS = tuple(Templates.__dataclass_fields__)


class RunFolder:
    """The kept templates of one set, pack and rule."""

    def __init__(self, path: Path, about: dict[str, object]) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        manifest = path / "manifest.json"
        wanted = {"format": _FORMAT, **about}
        if manifest.exists():
            try:
                kept = json.loads(manifest.read_text(encoding="utf-8"))
            except ValueError as error:
                raise RunFolderError(f"{manifest} is damaged: {error}; choose a new folder with --out") from error
            if kept != wanted:
                odd = [name for name in wanted if not isinstance(kept, dict) or kept.get(name) != wanted[name]]
                raise RunFolderError(f"{path} holds another run ({', '.join(odd)}); choose a new folder with --out")
        else:
            if any(path.iterdir()):
                raise RunFolderError(f"{path} is not empty and holds no run; choose a new folder with --out")
            _write(manifest, json.dumps(wanted, indent=1).encode())

    def shard(self, view: View, number: int, rows: int, flip: bool) -> dict[str, NDArray[np.generic]] | None:
        """A kept shard; None when there is none, when it is damaged, or lacks the mirrored templates asked for."""
        try:
            with self._name(view, number).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                found = {name: kept[name] for name in (*_FIELDS, "flip")}
        except Exception:  # damaged archives raise whatever the layer that trips over them raises
            return None
        whole = all(len(found[name]) == rows for name in _FIELDS)
        return found if whole and (bool(found["flip"]) or not flip) else None

    def keep(self, view: View, number: int, rows: "list[_Row]", flip: bool) -> None:
        """Write a shard."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = _columns(rows)
        np.savez(buffer, flip=np.bool_(flip), **arrays)
        _write(self._name(view, number), buffer.getvalue())

    def _name(self, view: View, number: int) -> Path:
        return self.path / f"{view}-{number:05d}.npz"


@dataclass(slots=True)
class _Row:
    vector: NDArray[np.float32] | None = None
    mirror: NDArray[np.float32] | None = None
    got: Got = Got.TEMPLATE
    several: bool = False
    eyes_px: float = 0.0
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)


class Maker:
    """Makes templates with one pack."""

    def __init__(self, pack: FacePack, recogniser_sha256: str, rules: Rules, clock: Clock) -> None:
        self._pack, self._sha, self._rules, self._clock = pack, recogniser_sha256, rules, clock

    def make(
        self, faces: FaceSet, folder: RunFolder, view: View, *, flip: bool, step: Callable[[int, int], None]
    ) -> Templates:
        """Templates of every image, from the folder where they are kept. Safe to break off at any time."""
        parts = []
        for number, start in enumerate(range(0, len(faces.images), SHARD)):
            images = faces.images[start : start + SHARD]
            part = folder.shard(view, number, len(images), flip)
            if part is None:
                rows = []
                for done, image in enumerate(images, start + 1):
                    rows.append(self._row(faces.root, image.path, view, flip))
                    step(done, len(faces.images))
                folder.keep(view, number, rows, flip)
                part = _columns(rows)
            step(start + len(images), len(faces.images))
            parts.append(part)
        return _joined(parts)

    def _row(self, root: Path, relative: str, view: View, flip: bool) -> _Row:
        row = _Row()
        try:
            image = read(inside(root, relative))
        except Unusable as reason:
            row.got = Got.MISSING if str(reason) == "missing" else Got.BROKEN
            return row
        except LeavesRoot as error:  # a link changed while we ran
            raise DatasetError(str(error)) from error
        began = self._clock.monotonic()
        face = self._choose(image, row)
        if face is not None and view == "masked":
            image, face = self._masked(image, face, relative, row)
        found = self._clock.monotonic()
        row.seconds = (found - began, 0.0, 0.0)
        if face is None:
            return row
        row.eyes_px = face.inter_eye_distance
        if row.eyes_px < self._rules.least_eyes_px:
            row.got = Got.TOO_SMALL
            return row
        if view == "masked-reference":
            self._refer(image, face, row)
        else:
            self._embed(image, face, row, flip)
        return row

    def _refer(self, image: Image, face: DetectedFace, row: _Row) -> None:
        began = self._clock.monotonic()
        try:
            row.vector = masked_reference(self._pack, image, face, self._pack.embed(image, face)).template.vector
        except (FailureToAcquire, ValueError):
            row.got = Got.NO_TEMPLATE
            return
        row.seconds = (row.seconds[0], self._clock.monotonic() - began, 0.0)

    def _choose(self, image: Image, row: _Row) -> DetectedFace | None:
        faces = self._pack.detect(image)
        row.several = len(faces) > 1
        if not faces:
            row.got = Got.NO_FACE
            return None
        if row.several and self._rules.face == "single":
            row.got = Got.SEVERAL
            return None
        return _central(faces, image) if self._rules.face == "central" else faces[0]

    def _masked(self, image: Image, face: DetectedFace, relative: str, row: _Row) -> tuple[Image, DetectedFace | None]:
        """The image with a mask drawn, and the face as it is found there."""
        seed = hashlib.sha256(as_bytes(f"{self._rules.seed} {relative}")).digest()
        try:
            masked = draw_mask(image, face.landmarks, np.random.default_rng(list(seed)))
        except FailureToAcquire:
            row.got = Got.NO_TEMPLATE
            return image, None
        again = found_again(self._pack, masked, face)
        row.got = Got.NO_FACE if again is None else row.got
        return masked, again

    def _embed(self, image: Image, face: DetectedFace, row: _Row, flip: bool) -> None:
        began = self._clock.monotonic()
        try:
            row.vector = self._vector(image, face)
            middle = self._clock.monotonic()
            row.mirror = self._vector(*mirrored(image, face)) if flip else None
        except (FailureToAcquire, ValueError):
            row.vector, row.mirror, row.got = None, None, Got.NO_TEMPLATE
            return
        row.seconds = (row.seconds[0], middle - began, self._clock.monotonic() - middle if flip else 0.0)

    def _vector(self, image: Image, face: DetectedFace) -> NDArray[np.float32]:
        """Raises FailureToAcquire, and TemplatesNotComparable when the pack stamps what the catalogue does not say."""
        template = self._pack.embed(image, face)
        if template.recogniser_sha256 != self._sha:
            raise TemplatesNotComparable(f"pack {self._pack.pack_id} is not the one of the catalogue; reinstall it")
        vector = template.vector
        if vector.ndim != 1 or not np.isfinite(vector).all() or not np.linalg.norm(vector) > _LEAST_NORM:
            raise FailureToAcquire("the template carries no information")
        return vector


def mirrored(image: Image, face: DetectedFace) -> tuple[Image, DetectedFace]:
    """Image and face as a mirror shows them; left and right landmarks change places."""
    last = image.shape[1] - 1
    x1, y1, x2, y2 = face.box
    points = face.landmarks[[1, 0, 2, 4, 3]].copy()
    points[:, 0] = last - points[:, 0]
    return np.ascontiguousarray(image[:, ::-1]), DetectedFace((last - x2, y1, last - x1, y2), points, face.score)


def _central(faces: Sequence[DetectedFace], image: Image) -> DetectedFace:
    """The face nearest the middle of the image."""
    height, width = image.shape[:2]
    return min(faces, key=lambda f: (f.box[0] + f.box[2] - width) ** 2 + (f.box[1] + f.box[3] - height) ** 2)


def _columns(rows: list[_Row]) -> dict[str, NDArray[np.generic]]:
    """Rows as arrays; a shard without any template has vectors of no length."""
    length = max((len(row.vector) for row in rows if row.vector is not None), default=0)
    blank = np.full(length, np.nan, np.float32)
    return {
        "vectors": np.array([blank if row.vector is None else row.vector for row in rows], np.float32),
        "mirrored": np.array([blank if row.mirror is None else row.mirror for row in rows], np.float32),
        "got": np.array([row.got for row in rows], np.uint8),
        "several": np.array([row.several for row in rows], np.bool_),
        "eyes_px": np.array([row.eyes_px for row in rows], np.float32),
        "seconds": np.array([row.seconds for row in rows], np.float32),
    }


def _joined(parts: "Sequence[dict[str, NDArray[np.generic]]]") -> Templates:
    length = max(part["vectors"].shape[1] for part in parts)

    def column(name: str) -> NDArray[np.generic]:
        pieces = [part[name] for part in parts]
        if name in ("vectors", "mirrored"):
            pieces = [
                piece if piece.shape[1] == length else np.full((len(piece), length), np.nan, np.float32)
                for piece in pieces
            ]
        return np.concatenate(pieces)

    return Templates(**{name: column(name) for name in _FIELDS})  # type: ignore[arg-type]  # each of its own type


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)

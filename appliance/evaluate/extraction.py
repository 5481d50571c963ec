"""Finding and measuring the face of every presentation once, whatever is asked of it afterwards.

What was measured is kept on disk, one file for a data set, band set and version of the measuring code; a presentation
whose images or code have changed is measured anew. Not responsible for judging.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from appliance.clock import Clock
from appliance.evaluate.dataset import Dataset, Record
from appliance.evaluate.system import Figures, System, Unusable
from appliance.face.types import FacePack
from appliance.liveness.burst import Capture
from appliance.liveness.channels import CHANNELS, channels_of

NO_FACE = "No face was found."

Progress = Callable[[int, int], None]
"""Called with presentations done and presentations in all."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One presentation: its figures, or why there are none (a non-response)."""

    figures: Figures | None
    reason: str = ""
    seconds: float = 0.0


def restrict(capture: Capture, band_set: str) -> Capture:
    """The capture as a lane with this band set would have made it: no frame of a band or camera that is not there."""
    present = {channel.name for channel in channels_of(band_set)}
    cameras = {CHANNELS[name].camera for name in present}
    return replace(
        capture,
        exposures=tuple(
            exposure
            for exposure in capture.exposures
            if (exposure.led is None and exposure.camera in cameras)
            or (exposure.led is not None and exposure.led[:-1] in present)
        ),
        planes={name: plane for name, plane in capture.planes.items() if name in present},
    )


class Extraction:
    """Measures presentations of data sets. `cache` is a folder; it may be thrown away at any time."""

    def __init__(self, system: System, pack: FacePack, cache: Path, clock: Clock) -> None:
        self._system, self._pack, self._cache, self._clock = system, pack, cache, clock

    def measure(
        self, dataset: Dataset, records: Sequence[Record], band_set: str, progress: Progress = lambda *_: None
    ) -> dict[str, Measured]:
        """What was measured, by record id. Raises DatasetError when a presentation cannot be read."""
        version = f"{self._system.version} {band_set} {self._pack.pack_id}"
        path = self._cache / f"{dataset.header.name}-{hashlib.sha256(version.encode()).hexdigest()[:16]}.jsonl"
        known = _known(path)
        faces = _known(faces_path := self._cache / f"{dataset.header.name}-{self._pack.pack_id}-faces.jsonl")
        found: dict[str, Measured] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        with _appending(path) as file, _appending(faces_path) as faces_file:
            for number, record in enumerate(records, 1):
                key = _key(dataset, record)
                if key not in known:
                    capture = dataset.load(record)
                    if key not in faces:
                        faces[key] = {"key": key, "landmarks": self._find(capture)}
                        print(json.dumps(faces[key]), file=faces_file, flush=True)
                    known[key] = self._row(key, capture, faces[key]["landmarks"], band_set)
                    print(json.dumps(known[key]), file=file, flush=True)
                found[record.id] = _measured(known[key])
                progress(number, len(records))
        return found

    def _find(self, capture: Capture) -> list[list[float]] | None:
        faces = self._pack.detect(capture.rgb)
        return faces[0].landmarks.astype(float).tolist() if faces else None

    def _row(self, key: str, capture: Capture, landmarks: list[list[float]] | None, band_set: str) -> dict[str, Any]:
        begun = self._clock.monotonic()
        row: dict[str, Any] = {"key": key}
        if landmarks is None:
            row["reason"] = NO_FACE
        else:
            try:
                figures = self._system.measure(restrict(capture, band_set), _points(landmarks), band_set)
                row |= {"values": dict(figures.values), "missing": list(figures.missing)}
            except Unusable as error:
                row["reason"] = str(error)
        return row | {"seconds": round(self._clock.monotonic() - begun, 4)}


def _points(landmarks: list[list[float]]) -> NDArray[np.float32]:
    return np.asarray(landmarks, dtype=np.float32)


def _measured(row: dict[str, Any]) -> Measured:
    figures = Figures(row["values"], tuple(row["missing"])) if "values" in row else None
    return Measured(figures, row.get("reason", ""), row.get("seconds", 0.0))


def _key(dataset: Dataset, record: Record) -> str:
    """What the figures depend on: the images, how they were exposed, and where the reference is."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        digest.update((dataset.folder / f"{record.id}.npz").read_bytes())
    except OSError:
        digest.update(b"unreadable")  # loading it says so in full
    digest.update(record.model_dump_json(include={"exposures", "rgb_at_s"}).encode())
    digest.update(dataset.header.model_dump_json(include={"patches", "channels"}).encode())
    return digest.hexdigest()


def _known(path: Path) -> dict[str, dict[str, Any]]:
    """Rows of a cache file; a line that broke off when a run was stopped is left out."""
    rows: dict[str, dict[str, Any]] = {}
    for line in _lines(path):
        try:
            row = json.loads(line)
            rows[row["key"]] = row
        except (ValueError, KeyError, TypeError):
            continue
    return rows


def _appending(path: Path) -> TextIO:
    """Open for more rows, behind a line that broke off if there is one."""
    broken = path.exists() and not path.read_bytes().endswith(b"\n")
    file = path.open("a", encoding="utf-8")
    file.write("\n" if broken else "")
    return file


def _lines(path: Path) -> Iterable[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ()

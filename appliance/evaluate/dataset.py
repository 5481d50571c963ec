"""A data set of presentations on disk, and reading and writing one.

A folder with `dataset.json` (what it is), `index.jsonl` (one presentation a line) and one `.npz` a presentation. The
same form holds what a simulator rendered and what a rig recorded; `kind` says which, and the two are never mixed in
one figure. Reading checks everything: a data set decides what is claimed.

A presentation has the visible image, the frames of the switched cameras with their exposures, and planes. A plane is a
finished image of one channel, float[H, W] on the pixels of the visible image: "thermal" in degrees Celsius, "depth" in
metres, and a switched channel ("850", "1300") as light of its LED alone (lit minus dark) relative within the image.
The last is for published sets, which hold no exposures to subtract; who records anew keeps the exposures.
"""

import copy
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Annotated, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from appliance.evaluate.species import BONA_FIDE, VOCABULARY
from appliance.liveness.burst import Capture, Exposure, GreyPatch
from appliance.liveness.channels import CHANNELS, split_led

FORMAT: Final = "sallyport-presentations-1"


class DatasetError(Exception):
    """The data set cannot be used; the message names the file and says what is wrong with it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PatchRecord(_Strict):
    """The grey reference of one camera: pixels, reflectance, and how wide the box is on it."""

    box: tuple[int, int, int, int]
    reflectance: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    width_mm: Annotated[float, Field(gt=0.0)] | None = None


class Header(_Strict):
    """What the data set is. `source` names the renderer and version, or the rig and laboratory."""

    format: Literal["sallyport-presentations-1"] = FORMAT
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    kind: Literal["simulated", "measured"]
    source: str
    channels: tuple[str, ...]
    patches: dict[str, PatchRecord]

    @field_validator("channels")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(names) - set(CHANNELS)):
            raise ValueError(f"unknown channels {', '.join(unknown)}; there are {', '.join(CHANNELS)}")
        return names


class ExposureRecord(_Strict):
    """One exposure of a switched camera, in the order of the frames of that camera."""

    camera: str
    led: str | None
    sequence: int
    at_s: float = 0.0
    gain: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0

    @field_validator("led")
    @classmethod
    def _is_led(cls, led: str | None) -> str | None:
        if led is not None:
            split_led(led)
        return led


class Record(_Strict):
    """One presentation.

    `species` is "bona_fide" or a name of `species.SPECIES`; `subject` is who stands there, `instrument_of` whose face
    the instrument shows. `groups` are the properties figures are broken down by ("fitzpatrick": "III", "glasses":
    "none", "beard": "full", "make_up": "none", "medical_mask": "no", "headscarf": "no"), `conditions` those of the
    capture ("sun": 0.3, "speed_m_s": 0.15, "distance_m": 0.6, "yaw_deg": 0.0, "led_drift": 0.0).
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")]
    species: str
    subject: str
    instrument_of: str | None = None
    split: Literal["train", "site", "test"]
    groups: dict[str, str] = {}
    conditions: dict[str, float | str] = {}
    exposures: tuple[ExposureRecord, ...] = ()
    rgb_at_s: float = 0.0

    @field_validator("species")
    @classmethod
    def _named(cls, name: str) -> str:
        if name != BONA_FIDE and name not in VOCABULARY:
            raise ValueError(f"unknown species {name!r}; there are {BONA_FIDE}, {', '.join(VOCABULARY)}")
        return name


class Writer:
    """Writes a data set; the index line of a presentation comes after its images, so a broken-off run stays usable."""

    def __init__(self, folder: Path, header: Header) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "dataset.json").write_text(header.model_dump_json(indent=1) + "\n", encoding="utf-8")
        self._index = (folder / "index.jsonl").open("a", encoding="utf-8")

    def add(
        self,
        record: Record,
        rgb: NDArray[np.uint8],
        frames: Mapping[str, NDArray[np.uint8]],
        planes: Mapping[str, NDArray[np.float32]] = {},
    ) -> None:
        """Add one presentation: `rgb` BGR uint8[H, W, 3]; `frames` by camera uint8[n, H, W] in the record's order."""
        arrays: dict[str, NDArray[np.generic]] = {"rgb": rgb}
        arrays |= {f"camera_{name}": images for name, images in frames.items()}
        arrays |= {f"plane_{name}": values.astype(np.float16) for name, values in planes.items()}
        # numpy's savez takes the names as keywords.
        np.savez_compressed(self._folder / f"{record.id}.npz", **arrays)  # type: ignore[arg-type]
        self._index.write(record.model_dump_json() + "\n")
        self._index.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._index.close()


class Dataset:
    """A data set on disk, index read and checked; images are loaded one presentation at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header = _header(folder / "dataset.json")
        self.records = _records(folder / "index.jsonl")

    def load(self, record: Record) -> Capture:
        """The images of one presentation. Raises DatasetError."""
        path = self.folder / f"{record.id}.npz"
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise DatasetError(f"{path} cannot be read: {error}") from error
        return _capture(path, self.header, record, arrays)


def above_masks(dataset: Dataset) -> Dataset:
    """The same presentations for a check of the upper half of the face: a medical mask is a group, and covers nothing.

    A sweep of masks is part of the headline then.
    """
    seen = copy.copy(dataset)
    seen.records = tuple(_above(record) for record in dataset.records)
    return seen


def _above(record: Record) -> Record:
    groups = dict(record.groups)
    groups["worn"] = "medical mask" if groups.pop("medical_mask", "no") == "yes" else "no mask"
    conditions = {
        name: value
        for name, value in record.conditions.items()
        if (name, value) != ("sweep", "medical_mask") and name != "medical_mask"
    }
    return record.model_copy(update={"groups": groups, "conditions": conditions})


def _capture(path: Path, header: Header, record: Record, arrays: dict[str, NDArray[np.generic]]) -> Capture:
    rgb = arrays.get("rgb")
    if rgb is None or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise DatasetError(f"{path}: the colour image is missing or not uint8[H, W, 3]")
    taken = dict.fromkeys({line.camera for line in record.exposures}, 0)
    exposures = []
    for line in record.exposures:
        stack = arrays.get(f"camera_{line.camera}")
        if stack is None or stack.dtype != np.uint8 or stack.ndim != 3 or stack.shape[1:] != rgb.shape[:2]:
            raise DatasetError(f"{path}: the frames of camera {line.camera} are missing or not uint8[n, H, W]")
        place = taken[line.camera]
        if place >= len(stack):
            raise DatasetError(f"{path}: camera {line.camera} has {len(stack)} frames, fewer than the index says")
        taken[line.camera] = place + 1
        exposures.append(
            Exposure(line.camera, line.led, stack[place].astype(np.uint8), line.sequence, line.at_s, line.gain)
        )
    planes = {
        name.removeprefix("plane_"): values.astype(np.float32)
        for name, values in arrays.items()
        if name.startswith("plane_")
    }
    if unknown := sorted(set(planes) - set(header.channels)):
        raise DatasetError(f"{path}: planes of channels the header does not name: {', '.join(unknown)}")
    if any(values.shape != rgb.shape[:2] for values in planes.values()):
        raise DatasetError(f"{path}: a plane does not have the size of the colour image")
    patches = {
        camera: GreyPatch(*patch.box, reflectance=patch.reflectance, width_mm=patch.width_mm)
        for camera, patch in header.patches.items()
    }
    return Capture(rgb.astype(np.uint8), tuple(exposures), patches, planes, record.rgb_at_s)


def _header(path: Path) -> Header:
    try:
        return Header.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        raise DatasetError(f"{path}: {_first(error)}") from error


def _records(path: Path) -> tuple[Record, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path} cannot be read: {error}") from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(Record.model_validate(json.loads(line)))
        except ValidationError as error:
            raise DatasetError(f"{path}, line {number}: {_first(error)}") from error
        except ValueError as error:
            raise DatasetError(f"{path}, line {number}: not JSON: {error}") from error
    if len({record.id for record in records}) != len(records):
        raise DatasetError(f"{path}: two presentations have the same id")
    return tuple(records)


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"

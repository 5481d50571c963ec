"""What all loaders share: what they yield, what may be asked of them, and reading files nobody vouches for."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.dataset import PatchRecord, Record
from appliance.evaluate.outcome import Kind

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
Split = Literal["train", "site", "test"]

LARGEST = 8192
"""Pixels along an edge; whoever claims more does not hold pictures of faces."""
SMALL = 200
"""Crops below this edge are doubled, so that the eyes are far enough apart to be found and measured."""


class CannotImport(Exception):
    """The folder cannot be taken in; the message says why."""


class Broken(CannotImport):
    """One presentation cannot be read. With `skip_broken` it is left out and noted."""


@dataclass(frozen=True, slots=True)
class Options:
    """What may be asked of a loader.

    `protocol`: a list that says which part each presentation belongs to; without one all are tested. `channels`: what
    the planes of a stack are, "-" for one to leave out. `name` and `source` stand in the data set's header.
    """

    kind: Kind = "measured"
    name: str = ""
    source: str = ""
    protocol: Path | None = None
    channels: tuple[str, ...] = ()
    skip_broken: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Presentation:
    """One presentation, ready for the writer of the data set."""

    record: Record
    rgb: U8
    planes: Mapping[str, F32] = field(default_factory=lambda: MappingProxyType({}))
    frames: Mapping[str, U8] = field(default_factory=lambda: MappingProxyType({}))


Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of folder. `read` yields presentations and notes what it leaves out; `channels` are the header's."""

    name: str
    words: str
    read: Callable[[Path, Options, Note], Iterator[Presentation]]
    channels: Callable[[Path, Options], tuple[str, ...]]
    patches: Callable[[Path], dict[str, PatchRecord]] = lambda _: {}


def tolerate(options: Options, note: Note, make: Callable[[], Presentation | None]) -> Presentation | None:
    """Make one presentation; a broken one is noted and left out when that was asked for. Raises Broken otherwise."""
    try:
        return make()
    except Broken as error:
        if not options.skip_broken:
            raise
        note(f"{error}.")
        return None


_SPLITS: Mapping[str, Split] = MappingProxyType({"train": "train", "dev": "site", "eval": "test"})


def splits(protocol: Path | None) -> dict[str, Split] | None:
    """Part by file stem from a list whose lines begin with the file and end with train, dev or eval (Idiap's form).

    The part the publisher means for tuning is our site, which sets thresholds. Raises CannotImport.
    """
    if protocol is None:
        return None
    try:
        with protocol.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) >= 2]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CannotImport(f"{protocol} cannot be read: {error}") from error
    found = {stem(Path(row[0]).name): _SPLITS[row[-1].strip()] for row in rows if row[-1].strip() in _SPLITS}
    if not found:
        raise CannotImport(f"{protocol} names no presentation of train, dev or eval")
    return found


def stem(name: str) -> str:
    """A file's name without the endings of HDF5 files."""
    return name.removesuffix(".hdf5").removesuffix(".h5")


def picture(path: Path, flags: int = cv2.IMREAD_COLOR) -> NDArray[np.generic]:
    """An image file. Raises Broken."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        image = cv2.imdecode(data, flags) if data.size else None
    except (OSError, cv2.error) as error:
        raise Broken(f"{path} cannot be read: {error}") from error
    if image is None:
        raise Broken(f"{path} is no picture")
    if max(image.shape[:2]) > LARGEST:
        raise Broken(f"{path} is larger than {LARGEST} pixels")
    return image


def colour(path: Path) -> U8:
    """An 8-bit colour image, BGR. Raises Broken."""
    return np.asarray(picture(path), dtype=np.uint8)


def relative(image: NDArray[np.generic], path: Path) -> F32:
    """One band of an image file as light of 0 to 1: 8 or 16 bits, first channel. Raises Broken."""
    if image.dtype not in (np.uint8, np.uint16):
        raise Broken(f"{path} has neither 8 nor 16 bits")
    flat = image if image.ndim == 2 else image[..., 0]
    return flat.astype(np.float32) / np.float32(255 if image.dtype == np.uint8 else 65535)


def enlarged(rgb: U8, planes: Mapping[str, F32]) -> tuple[U8, dict[str, F32]]:
    """Small crops doubled until their eyes can be found; planes brought to the size of the visible image."""
    times = 1
    while min(rgb.shape[:2]) * times < SMALL:
        times *= 2
    size = (rgb.shape[1] * times, rgb.shape[0] * times)
    visible = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    brought = {name: cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for name, plane in planes.items()}
    return visible, {name: np.asarray(plane, dtype=np.float32) for name, plane in brought.items()}

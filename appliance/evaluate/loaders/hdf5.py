"""Reading HDF5 files nobody vouches for: nothing is followed out of the file, nothing read before its size is known."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.loaders.common import LARGEST, Broken, CannotImport


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The file as h5py gives it. Raises CannotImport without h5py, Broken when the file is no HDF5 file."""
    try:
        import h5py
    except ImportError as error:
        raise CannotImport("reading this set needs the extra `datasets`: pip install 'sallyport[datasets]'") from error
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise Broken(f"{path} cannot be read: {error}") from error
    with file:
        yield file


def numbered(file: Any) -> dict[int, str]:
    """Frames of a preprocessed file by number: groups "Frame_<n>" that hold an "array"."""
    found = {}
    for name in file:
        number = name.removeprefix("Frame_")
        if number != name and number.isdecimal():
            found[int(number)] = f"{name}/array"
    return found


def array(file: Any, name: str, path: Path, place: int | None = None) -> NDArray[np.generic]:
    """A data set of the file, or one frame of it: unsigned numbers, three dimensions left. Raises Broken."""
    import h5py

    try:
        link = file.get(name, getlink=True)
        found = file.get(name)
        if not isinstance(link, h5py.HardLink) or not isinstance(found, h5py.Dataset):
            raise Broken(f"{path}: {name} is not there or no array")
        shape = found.shape if place is None else found.shape[1:]
        if len(shape) != 3 or max(shape) > LARGEST or min(shape) < 1 or found.dtype.kind != "u":
            raise Broken(f"{path}: {name} is {found.dtype}{list(found.shape)}, not frames of unsigned numbers")
        return np.asarray(found[()] if place is None else found[place])
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise Broken(f"{path}: {name} cannot be read: {error}") from error


def length(file: Any, name: str, path: Path) -> int:
    """How many frames a data set of the file holds, at least one. Raises Broken."""
    import h5py

    try:
        found = file.get(name)
    except (OSError, KeyError, RuntimeError) as error:
        raise Broken(f"{path}: {name} cannot be read: {error}") from error
    if not isinstance(found, h5py.Dataset) or len(found.shape) != 4 or found.shape[0] < 1:
        raise Broken(f"{path}: {name} is not there or no sequence of frames")
    return int(found.shape[0])

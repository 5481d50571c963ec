"""The measured tables and the head the examiner works from: an optional import, proven by SHA-256, never shipped.

Nothing here interprets a number; `spectra`, `skin` and `head` do.
"""

import csv
import hashlib
import os
import tempfile
from collections.abc import Mapping
from io import BytesIO, StringIO
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

FOLDER = Path("var/examiner")
FILES: Mapping[str, str] = MappingProxyType(
    {
        "nist_skin_100_full_3nm.csv": "9768888ad47afb08018f81b8fc79a38f3be754dff185eac302c02f2db86ecd4c",
        "nist_skin_100_bands.csv": "7ecedce95a729c45c8d587afdb9e24d4093a92cf673024c878517a3492b0ce2c",
        "usgs_materials_full_5nm.csv": "25c302c4ee4ff30a6a5a6f7f1793d1d3d592325d36839098a6bb92be70aa00ca",
        "polymer_water_absorption_full_5nm.csv": "1b459492788ba534158148040c8138d19d87d0e9c6d54cb419caeb8d9cd91dd3",
        "plasticscanner_3dprint_led_rel_to_calibration.csv": (
            "48ba00a2137f7c15bdb90b83543e8f82f799f2dbcf67bd85250b8012df323faa"
        ),
        "sensor_qe.csv": "8a5ef49f1da96526b6689239b7b40dc66e72b5a2c7da70d03695601a18d81963",
        "astm_g173_400_1700.csv": "beac70835a3892ddb1c2ab121e0a36246764fc599855c56d6c569b7f3b8a1a0c",
        "ict_facekit_light.npz": "1068caf42ec8a096a170dab12884dbbafc585fd154767fa293f813b87cad5a3a",
    }
)
"""Every file by name with the SHA-256 of the only content that is taken."""


class TableError(Exception):
    """A table cannot be had or cannot be trusted; the message says what to do."""


def _proven(path: Path, name: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TableError(
            f"{path} cannot be read ({error.strerror}). The examiner's tables are an optional import: "
            "python -m hil.examiner import FOLDER"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != FILES[name]:
        raise TableError(f"{path} is not the table it must be: SHA-256 is {found}, must be {FILES[name]}; not used")
    return content


def import_tables(source: Path, into: Path = FOLDER) -> tuple[Path, ...]:
    """Copy every file from anywhere under `source`: all of them or, when one is missing or another, none.

    Returns the paths written. Raises TableError.
    """
    contents: dict[str, bytes] = {}
    for name in FILES:
        found = sorted(source.rglob(name))
        contents[name] = _proven(found[0] if found else source / name, name)
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _write(into / name, content)
    except OSError as error:
        raise TableError(f"{into} cannot be written ({error.strerror}). Choose another with --tables.") from error
    return tuple(into / name for name in FILES)


def _write(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def rows(name: str, folder: Path = FOLDER) -> list[dict[str, str]]:
    """Lines of a CSV table by column, proven again from the bytes that are used. Raises TableError."""
    return list(csv.DictReader(StringIO(_proven(folder / name, name).decode("utf-8"))))


def columns(name: str, folder: Path = FOLDER) -> dict[str, F64]:
    """Columns of a table of numbers, float64[rows]; an empty cell is NaN. Raises TableError."""
    table = list(csv.reader(StringIO(_proven(folder / name, name).decode("utf-8"))))
    values = np.array([[float(cell or "nan") for cell in row] for row in table[1:]], np.float64)
    return {title: values[:, k] for k, title in enumerate(table[0])}


def arrays(name: str, folder: Path = FOLDER) -> dict[str, NDArray[np.generic]]:
    """Arrays of an .npz file. Raises TableError."""
    with np.load(BytesIO(_proven(folder / name, name)), allow_pickle=False) as data:
        return {key: data[key] for key in data.files}

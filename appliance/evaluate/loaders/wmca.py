"""WMCA, Idiap's Wide Multi-Channel presentation Attack set: the preprocessed face crops.

Layout (Idiap's documentation of bob.db.batl, and public code that reads the set): two trees, `...RGB...` and
`...CDIT...`, with the same files `<date>/<client>_<session>_<presenter>_<type>_<pai>.hdf5`; in each, groups
`Frame_<n>` with `array` uint8, [3, H, W] in the order red, green, blue, and [4, H, W] as grey, depth, infrared,
thermal. Infrared comes from a RealSense SR300, whose lamp is at 860 nm: it stands for our 850. Depth and thermal are
scaled to 8 bits by a rule of each image, so that metres and degrees are gone: they are left out. Infrared was scaled
likewise: only what is relative within an image can be learned from it.

Kinds of instrument follow the table bob.pad.face publishes (lists/batl/idiap_converter_v2.json).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from appliance.evaluate.dataset import Record
from appliance.evaluate.loaders.common import (
    Broken,
    CannotImport,
    Note,
    Options,
    Presentation,
    Source,
    Split,
    enlarged,
    splits,
    stem,
    tolerate,
)
from appliance.evaluate.loaders.hdf5 import array, numbered, opened
from appliance.evaluate.species import BONA_FIDE

_GLASSES = {"00": "none", "01": "own", "02": "unisex"}
_STAND = "000"


def species(kind: int, instrument: int) -> str | None:
    """The species of a type and instrument number; None for what the published table does not assign."""
    match kind:
        case 0:
            return BONA_FIDE
        case 1:
            return _disguise(instrument)
        case 2:
            return _fake_face(instrument)
        case 3:
            # Photographs on paper, but for those shown on a screen.
            return "screen_unspecified" if instrument in (5, 10, 15) else "print_unspecified"
        case 4:
            return "screen_unspecified"
        case 5:
            return "make_up_attack"
    return None


def _disguise(instrument: int) -> str | None:
    if instrument in (1, 4, 5, 6, 7):
        return "glasses_funny"
    if instrument in (15, 16):
        return "glasses_paper"
    if instrument in (2, 13, 14):
        return "rigid_mask"
    return "wig" if 8 <= instrument <= 12 else None


def _fake_face(instrument: int) -> str | None:
    if 1 <= instrument <= 7:
        return "mannequin"
    if 8 <= instrument <= 11:
        return "paper_mask"
    if 12 <= instrument <= 17:
        return "rigid_mask"
    return "silicone_mask" if instrument == 18 or 75 <= instrument <= 99 else None


def _read(folder: Path, options: Options, note: Note) -> Iterator[Presentation]:
    colour = {_key(path): path for path in _tree(folder, "RGB")}
    other = {_key(path): path for path in _tree(folder, "CDIT")}
    if not colour:
        raise CannotImport(f"{folder} has no tree of HDF5 files with RGB in its name")
    parts = splits(options.protocol)
    for key, path in sorted(colour.items()):

        def make(key: str = key, path: Path = path) -> Presentation | None:
            return _presentation(path, other.get(key), parts, note)

        if (made := tolerate(options, note, make)) is not None:
            yield made


def _tree(folder: Path, word: str) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*.hdf5"))
        if any(word in part for part in path.relative_to(folder).parts[:-1])
    ]


def _key(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _presentation(path: Path, other: Path | None, parts: dict[str, Split] | None, note: Note) -> Presentation | None:
    record = _record(path, parts, note)
    if record is None:
        return None
    if other is None:
        raise Broken(f"{path} has no counterpart with the other channels")
    with opened(path) as seen, opened(other) as rest:
        both = sorted(set(numbered(seen)) & set(numbered(rest)))
        if not both:
            raise Broken(f"{path} shares no frame with {other}")
        # One presentation is one capture: the frame in the middle of the video.
        name = f"Frame_{both[len(both) // 2]}/array"
        visible, channels = _bytes(seen, name, path, 3), _bytes(rest, name, other, 4)
    if visible.shape[1:] != channels.shape[1:]:
        raise Broken(f"{path} and {other} differ in size")
    rgb = np.ascontiguousarray(visible[::-1].transpose(1, 2, 0))
    picture, planes = enlarged(rgb, {"850": np.asarray(channels[2] / np.float32(255), dtype=np.float32)})
    return Presentation(record, picture, planes)


def _bytes(file: Any, name: str, path: Path, planes: int) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    found = array(file, name, path)
    if found.dtype != np.uint8 or found.shape[0] != planes:
        raise Broken(f"{path}: {name} is {found.dtype}{list(found.shape)}, not uint8[{planes}, H, W]")
    return found.astype(np.uint8)


def _record(path: Path, parts: dict[str, Split] | None, note: Note) -> Record | None:
    name = stem(path.name)
    fields = name.split("_")
    if len(fields) != 5 or not all(field.isdecimal() for field in fields):
        raise Broken(f"{path} is not named client_session_presenter_type_instrument")
    client, _, presenter, kind, instrument = fields
    found = species(int(kind), int(instrument))
    if found is None:
        note(f"{name}: type {kind}, instrument {instrument} is in no published table; left out.")
        return None
    if parts is not None and name not in parts:
        note(f"{name}: not in the list of parts; left out.")
        return None
    genuine = found == BONA_FIDE
    return Record(
        id=f"{path.parent.name}-{name}",
        species=found,
        subject=client if genuine else "stand" if presenter == _STAND else presenter,
        instrument_of=None if genuine else client,
        split="test" if parts is None else parts[name],
        groups={"glasses": _GLASSES.get(instrument, "unknown")} if genuine else {},
    )


SOURCE = Source(
    name="wmca",
    words="WMCA, Idiap Research Institute; preprocessed face crops, one frame of each video",
    read=_read,
    channels=lambda _folder, _options: ("B", "G", "R", "850"),
)

"""HQ-WMCA, Idiap's High-Quality Wide Multi-Channel Attack set: recordings, or stacks Idiap's code has made of them.

Recordings (Idiap's documentation of bob.db.hqwmca) are
`<date>/<site>_<session>_<client>_<presenter>_<type>_<subtype>_<pai>-<hash>.h5` with sequences [n, channels, H, W]:
BASLER_BGR, BASLER_LEFT_NIR_{735,850,940,1050}nm, BASLER_LEFT_NIR_Dark and the same of a right camera; SWIR likewise as
BOBCAT_SWIR_<wavelength>nm, whose names, and that of its dark frames, are taken by analogy and unverified. Of each
sequence the middle frame counts, lit minus dark. The cameras stand beside each other; Idiap aligns them by a
calibration that is not used here: each is fitted to the visible image by its edges, and a presentation for which that
fails keeps the visible image alone, so that it counts and cannot pass.

Stacks: `<date>/<name>.hdf5` with groups `Frame_<n>/array` uint8 [channels, H, W]; which channel is which depends on how
the stack was made, so it has to be said.

Types follow public code that reads the set. LED power and exposure differ between bands by constants nobody states: a
detector must be taught and tested on this set alone.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from appliance.evaluate.dataset import Record
from appliance.evaluate.loaders.common import (
    F32,
    U8,
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
from appliance.evaluate.loaders.hdf5 import array, length, numbered, opened
from appliance.evaluate.loaders.registration import fit, warp
from appliance.evaluate.species import BONA_FIDE
from appliance.liveness.channels import CHANNELS, VISIBLE

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "00": BONA_FIDE,
        "01": "glasses_unspecified",
        "02": "mannequin",
        "03": "print_unspecified",
        "04": "screen_unspecified",
        "05": "rigid_mask",
        "06": "flexible_mask",
        "07": "paper_mask",
        "08": "wig",
        "09": "tattoo",
        "10": "make_up_attack",
    }
)
_NAME = re.compile(r"^(\d+)_(\d+)_(\d+)_(\d+)_(\d{2})_(\d+)_(\d+)(-[0-9a-f]+)?$")
_COLOUR = "BASLER_BGR"
_CAMERAS = (
    ("BASLER_LEFT_NIR_", ("850", "940"), "850"),
    ("BOBCAT_SWIR_", ("1050", "1300", "1550"), "1050"),
)
"""Prefix of a camera's sequences, the bands taken from it, and the one it is fitted by."""
_NOBODY = "0000"


def _read(folder: Path, options: Options, note: Note) -> Iterator[Presentation]:
    recordings, stacks = sorted(folder.rglob("*.h5")), sorted(folder.rglob("*.hdf5"))
    if stacks and not recordings and not options.channels:
        raise CannotImport("say with --channels what the planes of the stacks are, e.g. grey,850,940,1050,1300,1550,-")
    parts = splits(options.protocol)
    for path in recordings or stacks:

        def make(path: Path = path) -> Presentation | None:
            record = _record(path, parts, note)
            if record is None:
                return None
            with opened(path) as file:
                seen = _recording(file, path, note) if recordings else _stack(file, path, options.channels)
            return Presentation(record, *seen)

        if (made := tolerate(options, note, make)) is not None:
            yield made


def _record(path: Path, parts: dict[str, Split] | None, note: Note) -> Record | None:
    name = stem(path.name)
    fields = _NAME.match(name)
    if fields is None:
        raise Broken(f"{path} is not named site_session_client_presenter_type_subtype_instrument")
    client, presenter, kind = fields[3], fields[4], fields[5]
    if kind not in TYPES:
        note(f"{name}: type {kind} is in no published table; left out.")
        return None
    if parts is not None and name not in parts:
        note(f"{name}: not in the list of parts; left out.")
        return None
    species = TYPES[kind]
    return Record(
        id=f"{path.parent.name}-{name}",
        species=species,
        subject=client if species == BONA_FIDE else "stand" if presenter == _NOBODY else presenter,
        instrument_of=None if species == BONA_FIDE else client,
        split="test" if parts is None else parts[name],
    )


def _recording(file: Any, path: Path, note: Note) -> tuple[U8, dict[str, F32]]:
    colour = _middle(file, _COLOUR, path)
    if colour.shape[0] != 3 or colour.dtype != np.uint8:
        raise Broken(f"{path}: {_COLOUR} is not three channels of 8 bits")
    rgb = np.ascontiguousarray(colour.transpose(1, 2, 0)).astype(np.uint8)
    planes: dict[str, F32] = {}
    for prefix, bands, leading in _CAMERAS:
        names = {band: f"{prefix}{band}nm" for band in bands if f"{prefix}{band}nm" in file}
        if leading not in names:
            raise Broken(f"{path}: {prefix}{leading}nm is missing")
        dark = _middle(file, f"{prefix}Dark", path)[0].astype(np.float32)
        lit = {band: _difference(_middle(file, name, path)[0], dark, path) for band, name in names.items()}
        matrix = fit(lit[leading], rgb)
        if matrix is None:
            note(f"{path.name}: {prefix.rstrip('_')} cannot be fitted to the visible image; kept without its bands.")
            continue
        planes |= {band: warp(image, matrix, rgb) for band, image in lit.items()}
    return rgb, planes


def _middle(file: Any, name: str, path: Path) -> np.ndarray[Any, np.dtype[np.generic]]:
    return array(file, name, path, place=length(file, name, path) // 2)


def _difference(lit: np.ndarray[Any, np.dtype[np.generic]], dark: F32, path: Path) -> F32:
    if lit.shape != dark.shape:
        raise Broken(f"{path}: lit and dark frames differ in size")
    most = np.float32(2 ** (8 * lit.dtype.itemsize) - 1)
    return np.asarray(np.maximum(lit.astype(np.float32) - dark, 0) / most, dtype=np.float32)


def _stack(file: Any, path: Path, channels: tuple[str, ...]) -> tuple[U8, dict[str, F32]]:
    frames = numbered(file)
    if not frames:
        raise Broken(f"{path} has no frames")
    found = array(file, frames[sorted(frames)[len(frames) // 2]], path)
    if found.dtype != np.uint8 or found.shape[0] != len(channels):
        raise Broken(
            f"{path} has {found.shape[0]} channels of {found.dtype}, --channels names {len(channels)} of 8 bits"
        )
    named = {name: found[place].astype(np.uint8) for place, name in enumerate(channels) if name != "-"}
    grey = named.get("grey")
    visible = [named.get(name, grey) for name in VISIBLE]
    if any(plane is None for plane in visible):
        raise CannotImport("--channels must name B, G and R, or grey")
    rgb = np.ascontiguousarray(np.stack([plane for plane in visible if plane is not None], axis=2))
    bands = {name: np.asarray(plane / np.float32(255), np.float32) for name, plane in named.items() if name in CHANNELS}
    return enlarged(rgb, {name: plane for name, plane in bands.items() if name not in VISIBLE})


def _channels(_folder: Path, options: Options) -> tuple[str, ...]:
    if not options.channels:
        return (*VISIBLE, *(band for _, bands, _ in _CAMERAS for band in bands))
    if unknown := sorted(set(options.channels) - set(CHANNELS) - {"-", "grey"}):
        raise CannotImport(f"unknown channels {', '.join(unknown)}; there are {', '.join(CHANNELS)}, grey and -")
    return tuple(name for name in CHANNELS if name in VISIBLE or name in options.channels)


SOURCE = Source(
    name="hq-wmca",
    words="HQ-WMCA, Idiap Research Institute; the middle frame of each recording",
    read=_read,
    channels=_channels,
)

"""A plain folder: `<species>/<presentation>/rgb.png`, beside it one image a channel, and what is known of it.

Channels are `850.png`, `940.png` and so on (light of that LED alone, 8 or 16 bits), `thermal.png` (16 bits, hundredths
of a kelvin) and `depth.png` (16 bits, millimetres), all on the pixels of rgb.png. `presentation.json`, if there, holds
"subject", "instrument_of", "split", "groups" and "conditions" as in the data set's index.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from pydantic import ValidationError

from appliance.evaluate.dataset import Record
from appliance.evaluate.loaders.common import (
    F32,
    Broken,
    CannotImport,
    Note,
    Options,
    Presentation,
    Source,
    colour,
    picture,
    relative,
    tolerate,
)
from appliance.evaluate.species import BONA_FIDE, VOCABULARY
from appliance.liveness.channels import CHANNELS, VISIBLE

_BANDS = tuple(name for name in CHANNELS if name not in VISIBLE)
_KELVIN = np.float32(273.15)
_ABOUT = ("subject", "instrument_of", "split", "groups", "conditions")


def _read(folder: Path, options: Options, note: Note) -> Iterator[Presentation]:
    for species in sorted(path for path in folder.iterdir() if path.is_dir()):
        if species.name != BONA_FIDE and species.name not in VOCABULARY:
            raise CannotImport(f"{species} is named after no species; there are {BONA_FIDE}, {', '.join(VOCABULARY)}")
        for place in sorted(path for path in species.iterdir() if path.is_dir()):

            def make(place: Path = place) -> Presentation:
                return _presentation(place)

            if (made := tolerate(options, note, make)) is not None:
                yield made


def _presentation(place: Path) -> Presentation:
    rgb = colour(place / "rgb.png")
    planes = {name: _plane(place / f"{name}.png", name) for name in _BANDS if (place / f"{name}.png").exists()}
    if wrong := sorted(name for name, plane in planes.items() if plane.shape != rgb.shape[:2]):
        raise Broken(f"{place}: {', '.join(wrong)} has not the size of rgb.png")
    return Presentation(_record(place), rgb, planes)


def _plane(path: Path, name: str) -> F32:
    image = picture(path, cv2.IMREAD_UNCHANGED)
    if name not in ("thermal", "depth"):
        return relative(image, path)
    if image.dtype != np.uint16 or image.ndim != 2:
        raise Broken(f"{path} must be one channel of 16 bits")
    values = image.astype(np.float32)
    return values / np.float32(100) - _KELVIN if name == "thermal" else values / np.float32(1000)


def _record(place: Path) -> Record:
    about: dict[str, object] = {}
    path = place / "presentation.json"
    if path.exists():
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Broken(f"{path} cannot be read: {error}") from error
        if not isinstance(about, dict) or set(about) - set(_ABOUT):
            raise Broken(f"{path} may hold {', '.join(_ABOUT)} and nothing else")
    species = place.parent.name
    try:
        return Record.model_validate(
            {"subject": place.name, "split": "test", **about, "id": f"{species}-{place.name}", "species": species}
        )
    except ValidationError as error:
        problem = error.errors()[0]
        raise Broken(f"{place}: {'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}") from error


def _channels(folder: Path, _options: Options) -> tuple[str, ...]:
    return (*VISIBLE, *(name for name in _BANDS if any(folder.glob(f"*/*/{name}.png"))))


SOURCE = Source(name="folders", words="a folder of images", read=_read, channels=_channels)

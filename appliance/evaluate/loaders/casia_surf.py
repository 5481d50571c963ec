"""CASIA-SURF (challenge of CVPR 2019): face crops in colour, depth and infrared.

Layout (public code that reads the set): lists of lines `<colour> <depth> <infrared> <label>`, label 1 for real; images
for training at `Training/{real,fake}_part/<subject>/<session>.rssdk/{color,depth,ir}/<n>.jpg`, for the other parts at
`Val/<nnnn>/<n>-color.jpg` and so on, without subject or session. All attacks are printed photographs with eyes, nose or
mouth cut out. The camera is a RealSense SR300, whose lamp is at 860 nm: infrared stands for our 850. Depth was scaled
to 8 bits, so that metres are gone: it is left out. The background is black.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2

from appliance.evaluate.dataset import Record
from appliance.evaluate.loaders.common import (
    Broken,
    CannotImport,
    Note,
    Options,
    Presentation,
    Source,
    Split,
    colour,
    enlarged,
    picture,
    relative,
    tolerate,
)
from appliance.evaluate.species import BONA_FIDE

ATTACK = "print_cut"
_PARTS: tuple[tuple[str, Split], ...] = (("train", "train"), ("val", "site"), ("test", "test"))


@dataclass(frozen=True, slots=True)
class _Line:
    colour: PurePosixPath
    infrared: PurePosixPath
    genuine: bool
    split: Split

    @property
    def video(self) -> str:
        """Images of one video share it; those of the other parts stand by themselves."""
        return str(self.colour.parent.parent if self.colour.parent.name == "color" else self.colour)


def _read(folder: Path, options: Options, note: Note) -> Iterator[Presentation]:
    lists = [options.protocol] if options.protocol is not None else _lists(folder)
    if not lists:
        raise CannotImport(f"{folder} has no list of the form *train*list*.txt, *val*list*.txt or *test*list*.txt")
    for path in lists:
        lines = _lines(path, note)
        for line in _one_of_each(lines):

            def make(line: _Line = line, root: Path = path.parent) -> Presentation:
                return _presentation(line, _root(root, folder, line))

            if (made := tolerate(options, note, make)) is not None:
                yield made


def _lists(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*list*.txt")) if any(word in path.name for word, _ in _PARTS)]


def _lines(path: Path, note: Note) -> list[_Line]:
    split: Split = next((split for word, split in _PARTS if word in path.name), "test")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotImport(f"{path} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if len(fields) == 3:
            note(f"{path.name} gives no labels; left out.")
            return []
        if fields and (len(fields) != 4 or fields[3] not in ("0", "1")):
            raise CannotImport(f"{path}, line {number}: not colour, depth, infrared and a label of 0 or 1")
        if fields:
            found.append(
                _checked(_Line(PurePosixPath(fields[0]), PurePosixPath(fields[2]), fields[3] == "1", split), path)
            )
    return found


def _checked(line: _Line, path: Path) -> _Line:
    for file in (line.colour, line.infrared):
        if file.is_absolute() or ".." in file.parts:
            raise CannotImport(f"{path} points out of its folder: {file}")
    if ("real_part" in line.colour.parts and not line.genuine) or ("fake_part" in line.colour.parts and line.genuine):
        raise CannotImport(f"{path}: label and folder contradict each other at {line.colour}")
    return line


def _one_of_each(lines: list[_Line]) -> list[_Line]:
    """One image of each video, the middle one: its neighbours are no presentations of their own."""
    videos: dict[str, list[_Line]] = {}
    for line in lines:
        videos.setdefault(line.video, []).append(line)
    return [found[len(found) // 2] for found in videos.values()]


def _root(beside: Path, folder: Path, line: _Line) -> Path:
    return next((root for root in (beside, folder, beside.parent) if (root / line.colour).is_file()), folder)


def _presentation(line: _Line, root: Path) -> Presentation:
    visible = colour(root / line.colour)
    path = root / line.infrared
    infrared = relative(picture(path, cv2.IMREAD_GRAYSCALE), path)
    rgb, planes = enlarged(visible, {"850": infrared})
    name = "-".join(line.colour.with_suffix("").parts).replace(" ", "")
    if len(name) > 80 or not all(letter.isalnum() or letter in "._-" for letter in name):
        raise Broken(f"{line.colour} makes no name of a presentation")
    in_training = line.colour.parent.name == "color" and len(line.colour.parts) >= 4
    subject = line.colour.parts[-4] if in_training else f"unknown-{name}"
    return Presentation(
        Record(
            id=name,
            species=BONA_FIDE if line.genuine else ATTACK,
            subject=subject,
            instrument_of=None if line.genuine else subject,
            split=line.split,
        ),
        rgb,
        planes,
    )


SOURCE = Source(
    name="casia-surf",
    words="CASIA-SURF, challenge of CVPR 2019; face crops, one image of each video where videos are told apart",
    read=_read,
    channels=lambda _folder, _options: ("B", "G", "R", "850"),
)

"""Taking in data sets: LFW as published, a CSV of pairs, a folder with a subfolder for each person, labels beside it.

A list that names a path outside the data set's folder is refused as a whole; a file that is missing or broken is
counted later, as a failure to enrol. Nothing is decoded here.
"""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from appliance.evaluate.faces.dataset import DatasetError, FaceImage, FaceSet, Pair, as_bytes
from appliance.evaluate.faces.images import ENDINGS, LeavesRoot, inside

_MOST_LINES = 20_000_000
_MOST_LINE = 1 << 14
_YES, _NO = {"1", "true", "yes", "same", "genuine"}, {"0", "false", "no", "different", "impostor"}


def load(path: Path, labels: Path | None = None, root: Path | None = None) -> FaceSet:
    """The data set at `path`: a .csv file of pairs, a folder with pairs.txt (LFW), or a folder of people.

    `root` is where a CSV's paths start (default: the CSV's own folder). Raises DatasetError.
    """
    try:
        if path.is_file():
            found = _pairs_csv(path, root or path.parent)
        elif root is not None:
            raise DatasetError("--root goes with a CSV of pairs only; a folder is its own root")
        else:
            found = _lfw(path) if (path / "pairs.txt").is_file() else _folder(path)
        return found if labels is None else _labelled(found, labels)
    except LeavesRoot as error:
        raise DatasetError(str(error)) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: {error}") from error


def _lfw(root: Path) -> FaceSet:
    """LFW View 2 (Huang, Ramesh, Berg, Learned-Miller 2007): pairs.txt says k folds of n genuine, then n impostor."""
    path = root / "pairs.txt"
    lines = [[part.strip() for part in line.split("\t")] for line in _lines(path)]
    if not lines or len(lines[0]) != 2 or not all(_number(part) for part in lines[0]):
        raise DatasetError(f"{path}: the first line is the number of folds, a tab, and pairs of each kind")
    folds, each = (int(part) for part in lines[0])
    if folds < 1 or each < 1 or len(lines) - 1 != 2 * folds * each:
        raise DatasetError(f"{path}: {folds} folds of 2 x {each} pairs were announced, {len(lines) - 1} pairs came")
    places: dict[str, int] = {}
    pairs = []
    for line, row in enumerate(lines[1:], 2):
        if len(row) not in (3, 4):
            raise DatasetError(f"{path} line {line}: a pair has three fields (genuine) or four")
        ends = []
        for name, number in (row[:2], row[-2:] if len(row) == 4 else (row[0], row[2])):
            if not _number(number) or "/" in name or name.startswith("."):
                raise DatasetError(f"{path} line {line}: {name[:40]!r} {number[:10]!r} names no image")
            relative = f"{name}/{name}_{int(number):04d}.jpg"
            inside(root, relative)
            ends.append(places.setdefault(relative, len(places)))
        same = len(row) == 3 or row[0] == row[2]
        pairs.append(Pair(ends[0], ends[1], same, (line - 2) // (2 * each) + 1))
    images = tuple(FaceImage(relative, relative.partition("/")[0]) for relative in places)
    # LFW images were cut around the person named: the face in the middle is the one meant.
    return FaceSet(name="LFW", kind="lfw", root=root, images=images, pairs=tuple(pairs), face="central", folds=folds)


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6


def _folder(root: Path) -> FaceSet:
    images = []
    loose = 0
    for folder in sorted(root.iterdir()):
        if folder.name.startswith("."):
            continue
        if not folder.is_dir():
            loose += folder.suffix.lower() in ENDINGS
            continue
        for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS):
            relative = path.relative_to(root).as_posix()
            inside(root, relative)
            images.append(FaceImage(relative, folder.name))
    if len(images) < 2:
        raise DatasetError(f"{root} has fewer than two images in subfolders; there is one subfolder for each person")
    notes = (f"{loose} images beside the subfolders were left out: nobody said who they show",) if loose else ()
    return FaceSet(name=_shown(root.resolve().name), kind="folder", root=root, images=tuple(images), notes=notes)


def _shown(name: str) -> str:
    """A file's name that can be printed."""
    return as_bytes(name).decode("utf-8", "replace")


def _pairs_csv(path: Path, root: Path) -> FaceSet:
    """path_a,path_b,same[,group] with a heading. Who is who follows from the pairs that are said to be the same."""
    places: dict[str, int] = {}
    pairs = []
    for line, row in _table(path, {"path_a", "path_b", "same"}):
        ends = []
        for name in ("path_a", "path_b"):
            relative = row[name]
            try:
                inside(root, relative)
            except LeavesRoot as error:
                raise DatasetError(f"{path} line {line}: {error}") from error
            ends.append(places.setdefault(relative, len(places)))
        word = row["same"].lower()
        if word not in _YES | _NO:
            raise DatasetError(f"{path} line {line}: 'same' is 1 or 0, not {word[:20]!r}")
        if ends[0] == ends[1]:
            raise DatasetError(f"{path} line {line}: an image is compared with itself; leave the line out")
        pairs.append(Pair(ends[0], ends[1], word in _YES, group=row.get("group", "")))
    if not pairs:
        raise DatasetError(f"{path} holds no pair")
    owner = _components(len(places), pairs)
    odd = sum(not pair.same and owner[pair.reference] == owner[pair.probe] for pair in pairs)
    notes = ["people were told apart by the pairs that are said to be the same; it may be fewer than they are here"]
    if odd:
        notes.append(f"{odd} pairs are said to differ although others join the same two images: the labels disagree")
    images = tuple(FaceImage(relative, f"person-{owner[place]}") for relative, place in places.items())
    return FaceSet(
        name=_shown(path.stem),
        kind="pairs",
        root=root,
        images=images,
        pairs=tuple(pairs),
        identified=False,
        notes=tuple(notes),
    )


def _components(n: int, pairs: list[Pair]) -> list[int]:
    """The least image each one is joined with by genuine pairs (union-find with path halving)."""
    parent = list(range(n))

    def find(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for pair in pairs:
        if pair.same:
            low, high = sorted((find(pair.reference), find(pair.probe)))
            parent[high] = low
    return [find(node) for node in range(n)]


def _labelled(found: FaceSet, labels: Path) -> FaceSet:
    """The set with labels: path and one column a grouping; images without a line stay without."""
    by_path: dict[str, dict[str, str]] = {}
    for line, row in _table(labels, {"path"}):
        relative = row.pop("path")
        try:
            inside(found.root, relative)
        except LeavesRoot as error:
            raise DatasetError(f"{labels} line {line}: {error}") from error
        if relative in by_path:
            raise DatasetError(f"{labels} line {line}: {relative[:80]!r} is labelled twice")
        by_path[relative] = {name: value for name, value in row.items() if value}
    images = tuple(replace(image, groups=by_path.get(image.path, {})) for image in found.images)
    used = sum(bool(image.groups) for image in images)
    if not used:
        raise DatasetError(f"{labels}: none of its paths is an image of {found.root}; write them relative to it")
    note = f"labels: {used} of {len(images)} images"
    return replace(found, images=images, notes=(*found.notes, note))


def _lines(path: Path) -> Iterator[str]:
    """Lines without their ends, none of them empty. Raises DatasetError for what is no list at all."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number in range(1, _MOST_LINES + 1):
            line = file.readline(_MOST_LINE)
            if not line:
                return
            if len(line) >= _MOST_LINE:
                raise DatasetError(f"{path} line {number} is longer than {_MOST_LINE} characters")
            if line.strip():
                yield line.rstrip("\r\n")
    raise DatasetError(f"{path} has more than {_MOST_LINES} lines")


def _table(path: Path, needed: set[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV with their line (empty lines not counted). Raises DatasetError."""
    rows = csv.reader(_lines(path), strict=True)
    heading = [name.strip().lower() for name in next(rows, [])]
    if not needed <= set(heading) or len(set(heading)) != len(heading):
        raise DatasetError(f"{path}: the first line names the columns, among them {', '.join(sorted(needed))}")
    for number, row in enumerate(rows, 2):
        if len(row) != len(heading):
            raise DatasetError(f"{path} line {number} has {len(row)} fields, the heading has {len(heading)}")
        yield number, {name: value.strip() for name, value in zip(heading, row, strict=True)}

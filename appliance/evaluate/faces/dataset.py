"""A data set of face images, however it lies on the disk: images, who is on them, pairs to compare."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from appliance.evaluate.faces.images import fingerprint, inside

FaceRule = Literal["largest", "central", "single"]
"""Which face of an image counts: the largest, the one nearest the middle, or none when there are several."""

Kind = Literal["lfw", "pairs", "folder"]


def as_bytes(name: str) -> bytes:
    """A file's name as the file system has it: names need not be text."""
    return name.encode("utf-8", "surrogateescape")


class DatasetError(Exception):
    """The data set cannot be used. The message says where and what to do."""


@dataclass(frozen=True, slots=True)
class FaceImage:
    """One image: path below the root (with /), who it shows ("" when unknown), labels by their column."""

    path: str
    subject: str
    groups: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images by their place in the set: reference first, probe second. `fold` of a k-fold protocol, else 0."""

    reference: int
    probe: int
    same: bool
    fold: int = 0
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSet:
    """A data set as read. `identified`: subjects are known, so that every image can be compared with every other.

    `face` is the rule its images were made for; `notes` say what was odd about it.
    """

    name: str
    kind: Kind
    root: Path
    images: tuple[FaceImage, ...]
    pairs: tuple[Pair, ...] = ()
    identified: bool = True
    face: FaceRule = "largest"
    folds: int = 0
    notes: tuple[str, ...] = ()
    cut: bool = False

    @property
    def subjects(self) -> int:
        """How many different people (known ones)."""
        return len({image.subject for image in self.images})

    def digest(self, step: Callable[[int, int], None] = lambda *_: None) -> str:
        """SHA-256 over every image's path, bytes, subject and labels, and every pair.

        Two sets with one digest give the same figures; one changed byte gives another digest.
        """
        whole = hashlib.sha256()
        for done, image in enumerate(self.images, 1):
            mark = fingerprint(inside(self.root, image.path))
            row = [image.path, mark, image.subject, sorted(image.groups.items())]
            whole.update(json.dumps(row).encode() + b"\n")
            step(done, len(self.images))
        for pair in self.pairs:
            whole.update(f"{pair.reference} {pair.probe} {pair.same:d} {pair.fold} {pair.group}\n".encode())
        return whole.hexdigest()

    def limited(self, most: int) -> "FaceSet":
        """At most so many images: pairs spread over folds and kinds, or else whole people in the order of a hash."""
        if most < 2:
            raise DatasetError("a limit below two images leaves nothing to compare")
        if len(self.images) <= most:
            return self
        kept = self._kept_by_pairs(most) if self.pairs else self._kept_by_subject(most)
        if len(kept) < 2:
            raise DatasetError(f"a limit of {most} leaves no whole person of this set; raise it")
        place = {old: new for new, old in enumerate(sorted(kept))}
        pairs = tuple(
            replace(pair, reference=place[pair.reference], probe=place[pair.probe])
            for pair in self.pairs
            if pair.reference in place and pair.probe in place
        )
        return replace(self, images=tuple(self.images[old] for old in sorted(kept)), pairs=pairs, cut=True)

    def _kept_by_pairs(self, most: int) -> set[int]:
        seen: Counter[tuple[int, bool]] = Counter()
        ranked = []
        for pair in self.pairs:
            seen[pair.fold, pair.same] += 1
            ranked.append((seen[pair.fold, pair.same], pair.fold, pair.same, pair))
        kept: set[int] = set()
        for *_, pair in sorted(ranked, key=lambda item: item[:3]):
            if len(kept | {pair.reference, pair.probe}) <= most:
                kept |= {pair.reference, pair.probe}
        return kept

    def _kept_by_subject(self, most: int) -> set[int]:
        by_subject: dict[str, list[int]] = {}
        for place, image in enumerate(self.images):
            by_subject.setdefault(image.subject, []).append(place)
        kept: set[int] = set()
        for name in sorted(by_subject, key=lambda name: hashlib.sha256(as_bytes(name)).digest()):
            if len(kept) + len(by_subject[name]) <= most:
                kept.update(by_subject[name])
        return kept

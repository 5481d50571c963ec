"""Error rates of groups of people, where labels say who belongs to which.

Genuine comparisons of people of the group, impostor comparisons of two people who both belong to it: people who are
alike are the ones a matcher takes for each other. Worst first: the group whose FMR or FNMR is the largest multiple of
that of the whole set.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.evaluate.faces.dataset import FaceSet
from appliance.evaluate.faces.figures import Operating, Share, operating
from appliance.evaluate.faces.outcome import GroupLine, GroupTable
from appliance.evaluate.faces.scores import Scores

MOST_VALUES = 64
"""A column with more different values is no grouping."""
OF_PAIR = "group"
_AT = 1e-3


@dataclass(frozen=True, slots=True)
class Compared:
    """Scores of a part: of the images chosen (bool[n]), and of the pairs of a list that carry a group's name."""

    within: Callable[[NDArray[np.bool_]], Scores]
    tagged: Callable[[str], Scores] | None


def columns(faces: FaceSet) -> dict[str, list[str]]:
    """Every column of the labels with its values."""
    seen: dict[str, set[str]] = {}
    for image in faces.images:
        for name, value in image.groups.items():
            seen.setdefault(name, set()).add(value)
    return {name: sorted(values) for name, values in sorted(seen.items())}


def left_out(faces: FaceSet) -> list[str]:
    """Columns that are no grouping: one value only, or about as many as there are people."""
    return [name for name, values in columns(faces).items() if not _fit(values, faces)]


def _fit(values: list[str], faces: FaceSet) -> bool:
    return 1 < len(values) <= min(MOST_VALUES, faces.subjects - 1)


def tables(
    faces: FaceSet,
    usable: NDArray[np.bool_],
    compared: Compared,
    points: Sequence[Operating],
    given: Operating,
    seed: int,
) -> tuple[GroupTable, ...]:
    """A table for each column of labels and each of two thresholds: the pack's own, and that of FMR 1e-3 here."""
    thresholds = [(given, "threshold of the pack")]
    thresholds += [(point, f"FMR {_AT:g} of the whole set") for point in points if point.target == _AT]
    thresholds = [(point, why) for point, why in thresholds if point.threshold is not None]
    found = []
    for column, values in columns(faces).items():
        if not _fit(values, faces):
            continue
        parts = []
        for value in values:
            chosen = usable & np.array([image.groups.get(column) == value for image in faces.images])
            people = len({image.subject for image, kept in zip(faces.images, chosen, strict=True) if kept})
            if people:
                parts.append((value, int(chosen.sum()), people, compared.within(chosen)))
        found += _at_thresholds(column, parts, thresholds, seed)
    tags = sorted({pair.group for pair in faces.pairs if pair.group})
    if compared.tagged is not None and 1 < len(tags) <= MOST_VALUES:
        parts = []
        for tag in tags:
            ends = {end for pair in faces.pairs if pair.group == tag for end in (pair.reference, pair.probe)}
            people = len({faces.images[end].subject for end in ends})
            parts.append((tag, len(ends), people, compared.tagged(tag)))
        found += _at_thresholds(OF_PAIR, parts, thresholds, seed)
    return tuple(found)


_Part = tuple[str, int, int, Scores]


def _at_thresholds(
    column: str, parts: list[_Part], thresholds: list[tuple[Operating, str]], seed: int
) -> list[GroupTable]:
    found = []
    for whole, why in thresholds:
        assert whole.threshold is not None
        lines = [_line(column, part, whole, seed) for part in parts]
        lines.sort(key=lambda line: (line.worse is None, -(line.worse or 0.0), line.value))
        found.append(GroupTable(column, whole.threshold, why, tuple(lines)))
    return found


def _line(column: str, part: _Part, whole: Operating, seed: int) -> GroupLine:
    value, images, people, scores = part
    assert whole.threshold is not None
    similarity = whole.threshold if scores.metric == "cosine" else -whole.threshold
    own = operating(scores, similarity, None, np.random.default_rng(seed))
    fnmr = missed(own.tar)
    ratios = [
        ratio
        for ratio in (_times(own.fmr.value, whole.fmr.value), _times(fnmr.value, missed(whole.tar).value))
        if ratio is not None
    ]
    return GroupLine(column, value, images, people, own.fmr, fnmr, max(ratios, default=None))


def missed(tar: Share) -> Share:
    """FNMR from the true accept rate."""
    turned = None if tar.bootstrap is None else (1 - tar.bootstrap[1], 1 - tar.bootstrap[0])
    return Share(tar.n - tar.errors, tar.n, turned)


def _times(own: float | None, whole: float | None) -> float | None:
    """How many times the rate of the whole set; None where either is unknown or the whole set shows no error."""
    return None if own is None or not whole else own / whole

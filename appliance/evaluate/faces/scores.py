"""Comparing every template with every other in blocks, within a bounded amount of memory.

Scores are similarities here: cosine as it is, a distance with its sign changed, so that more is always more alike. Of
impostor scores a histogram is kept and, exactly, the highest ones with the two subjects they came from; of genuine
scores all. Scores are computed in float64 and equal those of `FacePack.compare`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appliance.face.types import Metric

BINS = 20_000
_RANGE: dict[Metric, tuple[float, float]] = {"cosine": (-1.0, 1.0), "l2": (-2.0, 0.0)}
BLOCK = 1024
MOST_TAIL = 1_000_000
"""Exact impostor scores kept at most (16 bytes each)."""
MOST_GENUINE = 5_000_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class TooManyScores(Exception):
    """More genuine comparisons than are kept. The message says what to do."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Everything the figures need of one way to compare.

    `genuine` float64[g] with `genuine_subject` int64[g]; `counts` int64[BINS] of all impostor scores; `tail` float64[t]
    the highest of them, falling, without a gap, with the two subjects of each, int64[t, 2]; `impostors` how many there
    are in all. `images` int64[s] is how many images each subject brought to an all-against-all, None for listed pairs.
    """

    metric: Metric
    genuine: Floats
    genuine_subject: Ints
    counts: Ints
    tail: Floats
    tail_subjects: Ints
    impostors: int
    subjects: int
    images: Ints | None

    @property
    def complete(self) -> bool:
        """Every impostor score is kept exactly."""
        return len(self.tail) == self.impostors

    @property
    def edges(self) -> Floats:
        """float64[BINS + 1]: the histogram's edges."""
        return edges(self.metric)


def edges(metric: Metric) -> Floats:
    """The histogram's edges as similarities, float64[BINS + 1]."""
    low, high = _RANGE[metric]
    return np.linspace(low, high, BINS + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """Leave-one-out searches: of every usable probe the best score among its own person's other images (-inf without
    one) and among everybody else's; `subject` int64[n]; `gallery` images searched each time (the probe left out).
    """

    mate: Floats
    other: Floats
    subject: Ints
    gallery: int
    gallery_subjects: int


def prepared(vectors: NDArray[np.float32], mirrors: NDArray[np.float32] | None, metric: Metric) -> Floats:
    """Vectors as they are compared, float64[n, d]: averaged with the mirror image's; of length one for cosine."""
    found = _unit(vectors.astype(np.float64), metric)
    if mirrors is not None:
        found = _unit((found + _unit(mirrors.astype(np.float64), metric)) / 2, metric)
    return found


def _unit(vectors: Floats, metric: Metric) -> Floats:
    if metric == "l2":
        return vectors
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float64)


def block(a: Floats, b: Floats, metric: Metric) -> Floats:
    """Similarity of each row of `a` with each of `b`, float64[len(a), len(b)]."""
    dot = a @ b.T
    if metric == "cosine":
        return np.asarray(np.clip(dot, -1.0, 1.0), np.float64)
    square = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2 * dot
    return np.asarray(-np.sqrt(np.maximum(square, 0.0)), np.float64)


def listed(a: Floats, b: Floats, metric: Metric) -> Floats:
    """Similarity of row k of `a` with row k of `b`, float64[n]."""
    if metric == "cosine":
        return np.asarray(np.clip((a * b).sum(axis=1), -1.0, 1.0), np.float64)
    return np.asarray(-np.linalg.norm(a - b, axis=1), np.float64)


def histogram(scores: Floats, metric: Metric) -> Ints:
    """Counts int64[BINS]; what lies beyond the range is in the outermost bins."""
    low, high = _RANGE[metric]
    place = (scores - low) * (BINS / (high - low))
    return np.bincount(np.clip(place, 0, BINS - 1).astype(np.int32), minlength=BINS).astype(np.int64)


class _Tail:
    """The highest scores seen, exactly."""

    def __init__(self, most: int) -> None:
        self._most, self._floor = most, -np.inf
        self._parts: list[tuple[Floats, Ints, Ints]] = []
        self._held = 0

    def add(self, scores: Floats, one: Ints, other: Ints) -> None:
        keep = scores >= self._floor
        if not keep.any():
            return
        self._parts.append((scores[keep], one[keep], other[keep]))
        self._held += len(self._parts[-1][0])
        if self._held > 2 * self._most:
            self._trim()

    def floor(self) -> float:
        """Lower scores will not be kept."""
        return self._floor

    def _trim(self) -> None:
        scores, one, other = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        if len(scores) > self._most:
            best = np.argpartition(scores, len(scores) - self._most)[-self._most :]
            scores, one, other = scores[best], one[best], other[best]
            self._floor = float(scores.min())
        self._parts, self._held = [(scores, one, other)], len(scores)

    def finish(self) -> tuple[Floats, Ints]:
        if not self._parts:
            return np.zeros(0), np.zeros((0, 2), np.int64)
        self._trim()
        scores, one, other = self._parts[0]
        order = np.argsort(-scores, kind="stable")
        return scores[order], np.stack([one[order], other[order]], axis=1).astype(np.int64)


def all_against_all(
    reference: Floats,
    subject: Ints,
    metric: Metric,
    *,
    probe: Floats | None = None,
    genuine_each: int = 0,
    tail: int = MOST_TAIL,
    step: Callable[[int, int], None] = lambda *_: None,
) -> tuple[Scores, Searches]:
    """Compare each image with each other one; with `probe` (masked images, say) both ways round, never with itself.

    `subject` int64[n] numbers the people from 0. Genuine comparisons are taken among the first images of each person,
    as many as give at most `genuine_each` of them (0: all), so that few people do not stand for everybody. Searches
    use every image. Raises TooManyScores.
    """
    n, ordered = len(reference), probe is not None
    probes = reference if probe is None else probe
    counted = _counted(subject, genuine_each, ordered)
    counts, kept = np.zeros(BINS, np.int64), _Tail(tail)
    genuine: list[tuple[Floats, Ints]] = []
    mate, other = np.full(n, -np.inf), np.full(n, -np.inf)
    held = 0
    for i in range(0, n, BLOCK):
        rows = slice(i, min(i + BLOCK, n))
        for j in range(0 if ordered else i, n, BLOCK):
            columns = slice(j, min(j + BLOCK, n))
            scores = block(probes[rows], reference[columns], metric)
            same = subject[rows, None] == subject[None, columns]
            itself = np.arange(rows.start, rows.stop)[:, None] == np.arange(columns.start, columns.stop)[None, :]
            _best(scores, same & ~itself, same, (mate, other), rows, None if ordered or i == j else columns)
            once = ~itself if ordered or i != j else np.triu(np.ones_like(itself), 1)
            chosen = same & once & counted[rows, None] & counted[None, columns]
            if chosen.any():
                genuine.append((scores[chosen], np.broadcast_to(subject[rows, None], same.shape)[chosen]))
                held += len(genuine[-1][0])
                if held > MOST_GENUINE:
                    raise TooManyScores("too many genuine comparisons; give --genuine-per-person a smaller number")
            _impostors(scores, ~same & once, (subject[rows], subject[columns]), counts, kept, metric)
        step(rows.stop, n)
    found = _gathered(metric, genuine, kept, counts, np.bincount(subject).astype(np.int64))
    return found, Searches(mate, other, subject, n - 1, found.subjects)


def _gathered(metric: Metric, genuine: list[tuple[Floats, Ints]], kept: _Tail, counts: Ints, images: Ints) -> Scores:
    top, who = kept.finish()
    pairs = [np.concatenate(column) for column in zip(*genuine, strict=True)] if genuine else [np.zeros(0)] * 2
    return Scores(
        metric=metric,
        genuine=pairs[0],
        genuine_subject=pairs[1].astype(np.int64),
        counts=counts,
        tail=top,
        tail_subjects=who,
        impostors=int(counts.sum()),
        subjects=len(images),
        images=images,
    )


def _counted(subject: Ints, most: int, ordered: bool) -> NDArray[np.bool_]:
    """Which images take part in genuine comparisons."""
    if most <= 0:
        return np.ones(len(subject), np.bool_)
    images = 2
    while (images + 1) * images // (1 if ordered else 2) <= (2 * most if ordered else most):
        images += 1
    order = np.argsort(subject, kind="stable")
    ranked = subject[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ranked)) + 1]) if len(ranked) else np.zeros(0, int)
    rank = np.empty(len(subject), np.int64)
    rank[order] = np.arange(len(subject)) - np.repeat(starts, np.diff(np.append(starts, len(ranked))))
    return np.asarray(rank < images)


def _best(
    scores: Floats,
    mates: NDArray[np.bool_],
    same: NDArray[np.bool_],
    best: tuple[Floats, Floats],
    rows: slice,
    columns: slice | None,
) -> None:
    """Raise the best scores of the probes in these rows, and in these columns where the block stands for two."""
    own, foreign = np.where(mates, scores, -np.inf), np.where(same, -np.inf, scores)
    for kept, found in zip(best, (own, foreign), strict=True):
        np.maximum(kept[rows], found.max(axis=1), out=kept[rows])
        if columns is not None:
            np.maximum(kept[columns], found.max(axis=0), out=kept[columns])


def _impostors(
    scores: Floats, chosen: NDArray[np.bool_], subjects: tuple[Ints, Ints], counts: Ints, kept: _Tail, metric: Metric
) -> None:
    counts += histogram(scores[chosen], metric)
    high = chosen & (scores >= kept.floor())
    row, column = np.nonzero(high)
    kept.add(scores[row, column], subjects[0][row], subjects[1][column])


def of_pairs(scores: Floats, same: NDArray[np.bool_], subjects: Ints, metric: Metric) -> Scores:
    """Scores of listed pairs; `subjects` int64[n, 2]. Everything is kept exactly."""
    impostor = scores[~same]
    order = np.argsort(-impostor, kind="stable")
    return Scores(
        metric=metric,
        genuine=scores[same],
        genuine_subject=subjects[same, 0],
        counts=histogram(impostor, metric),
        tail=impostor[order],
        tail_subjects=subjects[~same][order],
        impostors=len(impostor),
        subjects=int(subjects.max()) + 1 if len(subjects) else 0,
        images=None,
    )

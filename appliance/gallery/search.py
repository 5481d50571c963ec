"""Exact search over decrypted templates in memory: one matrix product per probe.

Templates lie in one float32 array that is overwritten with zeros when a row is dropped, when the array grows and when
it closes. What Python cannot promise is listed in the README. Not responsible for keys or files, nor for the time.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.face.types import Metric, TemplatesNotComparable
from appliance.gallery.vault import StoredVector

_FIRST_ROWS = 64
_BLOCK = 1024
# Room for float32 rounding: what may pass is scored again in float64, as `FacePack.compare` does.
_SLACK = 1e-3
_NEVER = np.iinfo(np.int64).min


class Nearest(Protocol):
    """An approximate index beside the matrix (`index`). Ids are template ids."""

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add templates: ids int64[n], vectors float32[n, d]."""
        ...

    def remove(self, template_id: int) -> None:
        """Forget one."""
        ...

    def nearest(self, probe: NDArray[np.float32]) -> NDArray[np.int64]:
        """Ids of the nearest few to a probe float32[d], in any order."""
        ...

    def close(self) -> None:
        """Give the memory back."""
        ...


class Matrix:
    """Decrypted templates of one recogniser. `[n]` below counts array rows, used and freed ones."""

    def __init__(self, metric: Metric, index: Nearest | None = None) -> None:
        self._metric: Metric = metric
        self._index = index
        self._vectors = np.zeros((0, 0), np.float32)
        self._squares = np.zeros(0, np.float32)
        self._until_us = np.full(0, _NEVER, np.int64)
        self._ids = np.zeros(0, np.int64)
        self._subjects: list[str] = []
        self._labels: dict[str, str] = {}
        self._rows: dict[int, int] = {}
        self._free: list[int] = []
        self._end = 0
        self._dates: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def dims(self) -> int:
        """Values per template; 0 while empty."""
        return self._vectors.shape[1]

    def extend(self, stored: Iterable[StoredVector], *, expect: int = 0) -> None:
        """Add templates; each given vector is wiped. `expect` is how many may come.

        Raises TemplatesNotComparable when their lengths differ.
        """
        added: list[int] = []
        self._dates = None
        for item in stored:
            if not self.dims:
                self._grow(max(_FIRST_ROWS, expect), item.vector.size)
            if item.vector.size != self.dims:
                raise TemplatesNotComparable(f"templates of {item.vector.size} and {self.dims} values in one gallery")
            added.append(self._put(item))
            item.vector.fill(0)
        if self._index is not None and added:
            rows = np.array(added)
            self._index.add(self._ids[rows], self._vectors[rows])

    def drop(self, template_ids: Iterable[int]) -> None:
        """Forget templates and overwrite them with zeros."""
        self._dates = None
        for template_id in template_ids:
            row = self._rows.pop(template_id)
            self._vectors[row].fill(0)
            self._squares[row], self._until_us[row], self._subjects[row] = 0, _NEVER, ""
            self._free.append(row)
            if self._index is not None:
                self._index.remove(template_id)

    def in_date(self, now_us: int) -> tuple[int, int]:
        """How many subjects are in date, and how many are not."""
        if self._dates is None:
            dates = {self._subjects[row]: self._until_us[row] for row in self._rows.values()}
            self._dates = np.fromiter(dates.values(), np.int64, len(dates))
        valid = int(np.count_nonzero(self._dates > now_us))
        return valid, len(self._dates) - valid

    def label(self, subject_id: str) -> str:
        """The label as it was proven when the template was opened."""
        return self._labels[subject_id]

    def search(
        self, probe: NDArray[np.float32], *, threshold: float, limit: int, now_us: int
    ) -> list[tuple[str, float]]:
        """Subject ids with the score of their best template, the best first, at most `limit`.

        `probe` is float32[d] as the gallery keeps templates. Scores are float64 cosine (from the threshold upwards) or
        l2 distance (up to it). Raises TemplatesNotComparable when the lengths differ.
        """
        if not self._rows:
            return []
        if probe.size != self.dims:
            raise TemplatesNotComparable(f"a probe of {probe.size} values against templates of {self.dims}")
        rows = slice(0, self._end) if self._index is None else self._near_rows(self._index, probe)
        scores = self._scores(probe, rows)
        passed = scores >= threshold - _SLACK if self._metric == "cosine" else scores <= threshold + _SLACK
        until = self._until_us[: self._end] if isinstance(rows, slice) else self._until_us[rows]
        chosen = np.flatnonzero(passed & (until > now_us))
        sign = -1 if self._metric == "cosine" else 1
        chosen = chosen[np.argsort(sign * scores[chosen], kind="stable")]
        return self._best(probe, chosen if isinstance(rows, slice) else rows[chosen], threshold=threshold, limit=limit)

    def close(self) -> None:
        """Overwrite and forget everything; it may be filled again."""
        for array in (self._vectors, self._squares, self._until_us, self._ids):
            array.fill(0)
        if self._index is not None:
            self._index.close()
        self._rows, self._subjects, self._labels, self._free, self._end = {}, [], {}, [], 0
        self._dates = None
        self._vectors, self._squares = np.zeros((0, 0), np.float32), np.zeros(0, np.float32)
        self._until_us, self._ids = np.zeros(0, np.int64), np.zeros(0, np.int64)

    def _near_rows(self, index: Nearest, probe: NDArray[np.float32]) -> NDArray[np.int64]:
        known = (self._rows.get(int(template_id)) for template_id in index.nearest(probe))
        return np.array([row for row in known if row is not None], np.int64)

    def _scores(self, probe: NDArray[np.float32], rows: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        products = self._vectors[rows] @ probe
        if self._metric == "cosine":
            return np.asarray(products, np.float32)
        distances = self._squares[rows] + float(probe @ probe) - 2 * products
        return np.asarray(np.sqrt(np.maximum(distances, 0)), np.float32)

    def _best(
        self, probe: NDArray[np.float32], rows: NDArray[np.int64], *, threshold: float, limit: int
    ) -> list[tuple[str, float]]:
        found: dict[str, float] = {}
        cosine = self._metric == "cosine"
        wide = probe.astype(np.float64)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            for row, score in zip(block, self._exact(wide, block), strict=True):
                if score >= threshold if cosine else score <= threshold:
                    subject = self._subjects[row]
                    known = found.get(subject, score)
                    found[subject] = max(known, score) if cosine else min(known, score)
            if len(found) >= limit:
                break
        return sorted(found.items(), key=lambda item: -item[1] if cosine else item[1])[:limit]

    def _exact(self, probe: NDArray[np.float64], rows: NDArray[np.int64]) -> Sequence[float]:
        vectors = self._vectors[rows].astype(np.float64)
        if self._metric == "l2":
            return [float(d) for d in np.linalg.norm(vectors - probe, axis=1)]
        norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(probe)
        return [float(s) for s in vectors @ probe / norms]

    def _put(self, item: StoredVector) -> int:
        if self._free:
            row = self._free.pop()
        else:
            if self._end == len(self._vectors):
                self._grow(2 * self._end, self.dims)
            row, self._end = self._end, self._end + 1
            self._subjects.append("")
        self._vectors[row] = item.vector
        self._squares[row] = float(item.vector @ item.vector)
        self._until_us[row], self._ids[row], self._subjects[row] = (
            item.valid_until_us,
            item.template_id,
            item.subject_id,
        )
        self._labels[item.subject_id] = item.label
        self._rows[item.template_id] = row
        return row

    def _grow(self, rows: int, dims: int) -> None:
        old = self._vectors
        self._vectors = np.zeros((rows, dims), np.float32)
        if self._end:
            self._vectors[: self._end] = old[: self._end]
            old.fill(0)
        more = rows - len(self._squares)
        self._squares = np.concatenate([self._squares, np.zeros(more, np.float32)])
        self._until_us = np.concatenate([self._until_us, np.full(more, _NEVER, np.int64)])
        self._ids = np.concatenate([self._ids, np.zeros(more, np.int64)])

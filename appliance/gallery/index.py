"""An approximate index for galleries where the matrix product takes too long: HNSW by usearch (optional extra).

It only proposes rows: scores, dates and deletions are the matrix's (`search`), so it can miss a subject and never adds
one. Built in memory from the encrypted store at every start; nothing of it is written.
Method: Malkov and Yashunin, arXiv:1603.09320.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.face.types import Metric
from appliance.gallery.errors import GalleryError

# Chosen with `appliance gallery bench`; the efforts are HNSW's ef: higher finds more and takes longer.
CONNECTIVITY = 16
EFFORT_ADD = 128
EFFORT_SEARCH = 1024
PROPOSED = 32


class Hnsw:
    """The index over templates of one recogniser; see `search.Nearest`."""

    def __init__(self, metric: Metric) -> None:
        """Raises GalleryError without usearch."""
        try:
            from usearch.index import Index
        except ImportError as error:
            raise GalleryError("the approximate index needs usearch: pip install 'sallyport[gallery]'") from error
        self._make: Any = Index
        self._metric = "cos" if metric == "cosine" else "l2sq"
        self._index: Any = None

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Add templates: ids int64[n], vectors float32[n, d]."""
        if self._index is None:
            self._index = self._make(
                ndim=vectors.shape[1],
                metric=self._metric,
                dtype="f16",  # the matrix scores in full
                connectivity=CONNECTIVITY,
                expansion_add=EFFORT_ADD,
                expansion_search=EFFORT_SEARCH,
            )
        self._index.add(ids.astype(np.uint64), vectors)

    def remove(self, template_id: int) -> None:
        """Mark one as gone. usearch keeps its vector until the slot is used again: the matrix ignores it at once."""
        self._index.remove(template_id)

    def nearest(self, probe: NDArray[np.float32]) -> NDArray[np.int64]:
        """Ids of the nearest few to a probe float32[d], in any order."""
        if self._index is None or not len(self._index):
            return np.zeros(0, np.int64)
        return np.asarray(self._index.search(probe, PROPOSED).keys).astype(np.int64)

    def close(self) -> None:
        """Give the memory back; it is not overwritten."""
        if self._index is not None:
            self._index.reset()
        self._index = None

"""`appliance gallery bench`: how long a start and a search take, and what the approximate index misses.

Templates are SYNTHETIC: directions drawn evenly over the sphere, which are harder for an index than real templates
(nothing lies in clusters) and easier for a threshold (impostor scores have no tail). Genuine probes are planted at a
chosen cosine with one template each. Nothing here is a figure of recognition accuracy.
"""

import secrets
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.clock import Clock
from appliance.face.types import Template
from appliance.gallery import database
from appliance.gallery.index import Hnsw
from appliance.gallery.store import Gallery
from appliance.gallery.types import Consent, Recogniser, Subject
from appliance.gallery.vault import NewTemplate

MADE_BY = Recogniser("synthetic", "0" * 64, "cosine")
THRESHOLD = 0.425
PLANTED = (0.45, 0.55, 0.70)
"""From just above the threshold of pack open-omz upwards."""


def run(count: int, *, clock: Clock, dims: int = 256, probes: int = 300, approximate: bool = True) -> Iterator[str]:
    """Lines to print, as they are known. Works in a temporary folder that is removed."""
    generator = np.random.default_rng(20261127)
    vectors = _units(generator, count, dims)
    planted = generator.choice(count, min(probes, count), replace=False)
    with tempfile.TemporaryDirectory(prefix="gallery-bench-") as name:
        folder, key_file = Path(name) / "gallery", Path(name) / "gallery.key"
        Gallery.create(folder, key_file, clock)
        began = time.perf_counter()
        _fill(folder, key_file, vectors, clock)
        size = (folder / database.DATABASE).stat().st_size
        yield f"{count} synthetic templates of {dims} values, file {size / 1e6:.0f} MB"
        yield f"written in one transaction in {time.perf_counter() - began:.1f} s"
        for way in ("exact", "HNSW") if approximate else ("exact",):
            index = None if way == "exact" else Hnsw("cosine")
            with Gallery.open(folder, key_file, clock, recogniser=MADE_BY, index=index) as gallery:
                yield _measure(way, gallery, vectors, planted, generator)
        with Gallery.open(folder, key_file, clock, writable=True) as gallery:
            began = time.perf_counter()
            (certificate,) = gallery.delete(["bench-0"], by="bench", reason="bench")
            took = time.perf_counter() - began
            yield f"one deletion with proof: {took:.1f} s, {certificate.remaining_matches} matches left"


def _measure(
    way: str,
    gallery: Gallery,
    vectors: NDArray[np.float32],
    planted: NDArray[np.int64],
    generator: np.random.Generator,
) -> str:
    """Milliseconds per search, and the share of planted subjects ranked first, by cosine."""
    began = time.perf_counter()
    gallery.refresh()
    start_s = time.perf_counter() - began
    times: list[float] = []
    recall: list[str] = []
    for score in PLANTED:
        first = 0
        for number in planted:
            probe = _at(vectors[number], score, generator)
            began = time.perf_counter()
            found = gallery.search(probe, threshold=THRESHOLD)
            times.append(1000 * (time.perf_counter() - began))
            first += bool(found.candidates) and found.candidates[0].label == f"bench-{number}"
        recall.append(f"{first / len(planted):.3f} at {score}")
    median, p99 = np.percentile(times, [50, 99])
    return (
        f"{way}: ready in {start_s:.1f} s, search median {median:.2f} ms, p99 {p99:.2f} ms, "
        f"recall@1 {', '.join(recall)} of {len(planted)} each, process {_rss_mb():.0f} MB"
    )


def _fill(folder: Path, key_file: Path, vectors: NDArray[np.float32], clock: Clock) -> None:
    """Rows as `Gallery.add` writes them, in one transaction: a sync to disk for each would be the disk's figure."""
    now = clock.now()
    consent = Consent("bench", now, "none", "bench")
    with Gallery.open(folder, key_file, clock, writable=True) as gallery:
        vault = gallery._vault
        with database.transaction(vault.connection, vault.path):
            for number, vector in enumerate(vectors):
                subject = Subject(secrets.token_hex(16), f"bench-{number}", consent, now + timedelta(days=1), now)
                vault.insert(subject, [NewTemplate(MADE_BY, vector, "synthetic")], None, created=now)


def _units(generator: np.random.Generator, count: int, dims: int) -> NDArray[np.float32]:
    vectors = generator.standard_normal((count, dims), np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _at(vector: NDArray[np.float32], score: float, generator: np.random.Generator) -> Template:
    """A probe whose cosine with the vector is `score`, in a random direction."""
    across = generator.standard_normal(vector.size)
    across -= (across @ vector) * vector.astype(np.float64)
    probe = score * vector + np.sqrt(1 - score**2) * across / np.linalg.norm(across)
    return Template(MADE_BY.pack_id, MADE_BY.sha256, probe.astype(np.float32))


def _rss_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")

"""Proof of a deletion: the files of a gallery are read byte by byte for what was erased.

Pieces of the subject's encrypted bytes are taken while they still exist, live in memory only, and are looked for in
every file of the gallery's folder before and after. Not responsible for copies elsewhere: backups, snapshots, blocks
that the disk has set aside.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from appliance.gallery.errors import GalleryRefused
from appliance.gallery.types import Erased

_PIECE = 28
_WORD = 8
_LEAST_DISTINCT = 5
# SQLite cuts long values at places of its own, the shortest part 489 bytes: a whole piece lies in every part.
_STRIDE = 256
# Of a large photo fewer, so that a deletion of many fits in memory.
_MOST_PIECES = 1000
_BLOCK = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Captured:
    """A subject's encrypted bytes: `pieces` of 28 bytes (nonces whole), and what they were, as hashes."""

    subject_id: str
    pieces: tuple[bytes, ...]
    erased: tuple[Erased, ...]


def capture(connection: sqlite3.Connection, subject_id: str) -> Captured:
    """Everything the files hold of a subject, before it is erased."""
    pieces: list[bytes] = []
    erased: list[Erased] = []
    for kind, query in (
        ("data key", "SELECT key_nonce, wrapped_key FROM subjects WHERE subject_id = ?"),
        ("template", "SELECT nonce, sealed FROM templates WHERE subject_id = ? ORDER BY template_id"),
        ("photo", "SELECT nonce, sealed FROM photos WHERE subject_id = ? ORDER BY photo_id"),
    ):
        for nonce, sealed in connection.execute(query, (subject_id,)):
            # What somebody overwrote with one value is no ciphertext, and lies in every file.
            pieces += [piece for piece in (nonce, *_cut(sealed)) if len(set(piece)) >= _LEAST_DISTINCT]
            erased.append(Erased(kind, hashlib.sha256(sealed).hexdigest(), len(sealed)))
    return Captured(subject_id, tuple(pieces), tuple(erased))


def erase(connection: sqlite3.Connection, subject_id: str) -> None:
    """Overwrite the wrapped key, then remove every row. Inside a transaction of the caller's."""
    blank = "UPDATE subjects SET wrapped_key = zeroblob(length(wrapped_key)) WHERE subject_id = ?"
    connection.execute(blank, (subject_id,))
    for table in ("photos", "templates", "subjects"):
        connection.execute(f"DELETE FROM {table} WHERE subject_id = ?", (subject_id,))


def count_matches(folder: Path, captured: Sequence[Captured]) -> tuple[dict[str, int], dict[str, int]]:
    """Read every file below the folder: places where pieces of each subject lie, and bytes read of each file.

    Raises GalleryRefused when a file cannot be read: what was not read proves nothing.
    """
    finder = _Finder(captured)
    found = {one.subject_id: 0 for one in captured}
    read: dict[str, int] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size = 0
        try:
            for block, fresh in _blocks(path):
                size += fresh
                for subject_id in finder.hits(block):
                    found[subject_id] += 1
        except OSError as error:
            raise GalleryRefused(f"{path} cannot be read ({error.strerror}), so nothing is proven.") from error
        read[str(path.relative_to(folder))] = size
    return found, read


class _Finder:
    """Finds any of many pieces in one pass: a table of their first 16 bits, then their first 64, then all of them."""

    def __init__(self, captured: Sequence[Captured]) -> None:
        self._owners: dict[bytes, list[tuple[bytes, str]]] = {}
        for one in captured:
            for piece in one.pieces:
                self._owners.setdefault(piece[:_WORD], []).append((piece, one.subject_id))
        self._words = np.unique(np.array([int.from_bytes(word, "little") for word in self._owners], np.uint64))
        self._table = np.zeros(1 << 16, bool)
        self._table[(self._words & np.uint64(0xFFFF)).astype(np.int64)] = True

    def hits(self, block: bytes) -> Iterator[str]:
        """The subject of every place in the block where one of its pieces lies whole."""
        for offset in range(min(_WORD, len(block) - _WORD + 1)):
            words = np.frombuffer(block, "<u8", count=(len(block) - offset) // _WORD, offset=offset)
            likely = np.flatnonzero(self._table[(words & np.uint64(0xFFFF)).astype(np.uint16)])
            for place in likely[np.isin(words[likely], self._words)]:
                start = offset + int(place) * _WORD
                for piece, subject_id in self._owners[block[start : start + _WORD]]:
                    if block.startswith(piece, start):
                        yield subject_id


def _cut(sealed: bytes) -> Iterator[bytes]:
    last = max(0, len(sealed) - _PIECE)
    for start in {*range(0, last, max(_STRIDE, len(sealed) // _MOST_PIECES)), last}:
        yield sealed[start : start + _PIECE]


def _blocks(path: Path) -> Iterator[tuple[bytes, int]]:
    """Blocks that overlap, so that no piece is cut, each with how many of its bytes are new.

    A piece in the overlap may be counted twice; none is missed.
    """
    tail = b""
    with path.open("rb", buffering=0) as file:
        while fresh := file.read(_BLOCK):
            yield tail + fresh, len(fresh)
            tail = (tail + fresh)[-(_PIECE - 1) :]

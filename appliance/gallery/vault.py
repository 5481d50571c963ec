"""Rows of a gallery, sealed and opened. Every row is bound to its subject, and a subject's key to all it says.

Whoever edits an expiry, a label or a consent, or moves a row, leaves a key or template that no longer opens. Not
responsible for searching, for expiry or for erasing.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.gallery import database
from appliance.gallery.crypto import KEY_BYTES, Sealer
from appliance.gallery.errors import GalleryRefused, KeyRefused, NoSuchSubject
from appliance.gallery.types import SUBJECT_ID, Consent, Recogniser, Subject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SUBJECT = "subject_id, label, consent, valid_until, created, key_nonce, wrapped_key"


class _Row(NamedTuple):
    subject_id: str
    label: str
    consent: str
    valid_until: str
    created: str
    key_nonce: bytes
    wrapped_key: bytes


class StoredVector(NamedTuple):
    """One decrypted template: vector float32[d], `valid_until` in microseconds since 1970."""

    template_id: int
    subject_id: str
    label: str
    valid_until_us: int
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NewTemplate:
    """A template about to be stored: vector float32[d] as the gallery keeps it, quality in words."""

    made_by: Recogniser
    vector: NDArray[np.float32]
    quality: str


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970, exact: a float of seconds would round."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


class Vault:
    """The rows behind one connection and one gallery key. Bound to the thread that opened the connection."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, key: bytes) -> None:
        """Raises KeyRefused when the key is not the gallery's."""
        self.connection = connection
        self.path = folder / database.DATABASE
        self._key = Sealer(key)
        with database.refusals(self.path):
            rows = connection.execute("SELECT gallery_id, created, nonce, key_check FROM gallery").fetchall()
        if len(rows) != 1:
            raise GalleryRefused(f"{self.path} does not say which gallery it is. Restore it from a copy.")
        gallery_id, created, nonce, check = rows[0]
        self.gallery_id = str(gallery_id)
        try:
            self._key.open(nonce, check, ("key check", self.gallery_id, created))
        except GalleryRefused as error:
            raise KeyRefused(f"the key is not the one of {self.path}. Name the key file made with it.") from error

    @staticmethod
    def found(connection: sqlite3.Connection, folder: Path, key: bytes, now: datetime) -> None:
        """Write the row that names a new gallery and knows its key."""
        gallery_id, created = secrets.token_hex(16), now.isoformat()
        nonce, check = Sealer(key).seal(b"", ("key check", gallery_id, created))
        with database.transaction(connection, folder / database.DATABASE):
            connection.execute("INSERT INTO gallery VALUES (?, ?, ?, ?)", (gallery_id, created, nonce, check))

    def subjects(self) -> list[Subject]:
        """Everybody, oldest first; keys are not opened. Raises GalleryRefused when a row is unreadable."""
        query = f"""SELECT {_SUBJECT},
            (SELECT count(*) FROM templates t WHERE t.subject_id = s.subject_id),
            (SELECT count(*) FROM photos p WHERE p.subject_id = s.subject_id)
            FROM subjects s ORDER BY created, subject_id"""
        with database.refusals(self.path):
            rows = self.connection.execute(query).fetchall()
        return [_subject(_Row(*row[:7]), *row[7:]) for row in rows]

    def resolve(self, who: str) -> str:
        """Subject id of an id or a label. Raises NoSuchSubject."""
        column = "subject_id" if SUBJECT_ID.fullmatch(who) else "label"
        with database.refusals(self.path):
            row = self.connection.execute(f"SELECT subject_id FROM subjects WHERE {column} = ?", (who,)).fetchone()
        if row is None:
            raise NoSuchSubject(f"nobody is enrolled as {who!r}; `appliance gallery list` shows who is.")
        return str(row[0])

    def proven(self, subject_id: str) -> Subject:
        """The subject, once its key has opened: nobody edited what the row says. Raises GalleryRefused."""
        row = self._row(subject_id)
        self._data_key(row)
        query = """SELECT (SELECT count(*) FROM templates WHERE subject_id = :id),
            (SELECT count(*) FROM photos WHERE subject_id = :id)"""
        with database.refusals(self.path):
            counts = self.connection.execute(query, {"id": subject_id}).fetchone()
        return _subject(row, *counts)

    def insert(
        self, subject: Subject, templates: Iterable[NewTemplate], photo: bytes | None, *, created: datetime
    ) -> None:
        """Write a subject with a new data key. Inside a transaction of the caller's."""
        data_key = secrets.token_bytes(KEY_BYTES)
        consent = asdict(subject.consent) | {"at": subject.consent.at.isoformat()}
        row = _Row(
            subject.subject_id,
            subject.label,
            json.dumps(consent, sort_keys=True),
            subject.valid_until.isoformat(),
            subject.created.isoformat(),
            b"",
            b"",
        )
        row = self._wrapped(row, data_key)
        self.connection.execute(f"INSERT INTO subjects ({_SUBJECT}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        sealer = Sealer(data_key)
        self._add(subject.subject_id, sealer, templates, created)
        if photo is not None:
            stamp = created.isoformat()
            self.connection.execute(
                "INSERT INTO photos (subject_id, created, nonce, sealed) VALUES (?, ?, ?, ?)",
                (subject.subject_id, stamp, *sealer.seal(photo, ("photo", subject.subject_id, stamp))),
            )

    def add(self, subject_id: str, templates: Iterable[NewTemplate], *, created: datetime) -> None:
        """Write more templates of a subject. Inside a transaction of the caller's."""
        self._add(subject_id, self._data_key(self._row(subject_id)), templates, created)

    def set_expiry(self, subject_id: str, valid_until: datetime) -> None:
        """Write another expiry and wrap the data key anew, bound to it. Inside a transaction of the caller's."""
        old = self._row(subject_id)
        data_key = self._key.open(old.key_nonce, old.wrapped_key, self._key_words(old))
        new = self._wrapped(old._replace(valid_until=valid_until.isoformat()), data_key)
        self.connection.execute(
            "UPDATE subjects SET valid_until = ?, key_nonce = ?, wrapped_key = ? WHERE subject_id = ?",
            (new.valid_until, new.key_nonce, new.wrapped_key, subject_id),
        )

    def wrap_all_for(self, key: bytes) -> int:
        """Wrap every data key for another gallery key; returns how many. Inside a transaction of the caller's."""
        old, new = self._key, Sealer(key)
        rows = [_Row(*row) for row in self.connection.execute(f"SELECT {_SUBJECT} FROM subjects")]
        for row in rows:
            words = self._key_words(row)
            nonce, wrapped = new.seal(old.open(row.key_nonce, row.wrapped_key, words), words)
            self.connection.execute(
                "UPDATE subjects SET key_nonce = ?, wrapped_key = ? WHERE subject_id = ?",
                (nonce, wrapped, row.subject_id),
            )
        (created,) = self.connection.execute("SELECT created FROM gallery").fetchone()
        nonce, check = new.seal(b"", ("key check", self.gallery_id, created))
        self.connection.execute("UPDATE gallery SET nonce = ?, key_check = ?", (nonce, check))
        self._key = new
        return len(rows)

    def photos(self, subject_id: str) -> list[bytes]:
        """The kept photos as they were given, newest first. Raises GalleryRefused."""
        sealer = self._data_key(self._row(subject_id))
        query = "SELECT created, nonce, sealed FROM photos WHERE subject_id = ? ORDER BY photo_id DESC"
        with database.refusals(self.path):
            rows = self.connection.execute(query, (subject_id,)).fetchall()
        return [sealer.open(nonce, sealed, ("photo", subject_id, created)) for created, nonce, sealed in rows]

    def vectors(self, made_by: Recogniser, subject_ids: Iterable[str] | None = None) -> Iterator[StoredVector]:
        """Decrypt templates of one recogniser, of these subjects or of all. Raises GalleryRefused at a bad row."""
        if subject_ids is None:
            yield from self._vectors(made_by, "", ())
        else:
            for subject_id in subject_ids:
                yield from self._vectors(made_by, "AND s.subject_id = ?", (subject_id,))

    def versions(self, made_by: Recogniser) -> dict[int, tuple[str, bytes]]:
        """Template id to subject id and key nonce, which is new whenever what the subject's row says is."""
        query = """SELECT template_id, t.subject_id, key_nonce FROM templates t JOIN subjects s USING (subject_id)
            WHERE pack_id = ? AND recogniser_sha256 = ?"""
        with database.refusals(self.path):
            rows = self.connection.execute(query, (made_by.pack_id, made_by.sha256)).fetchall()
        return {template: (subject, nonce) for template, subject, nonce in rows}

    def without(self, made_by: Recogniser) -> list[str]:
        """Subjects without a template of this recogniser, oldest first."""
        query = """SELECT subject_id FROM subjects s WHERE NOT EXISTS (SELECT 1 FROM templates t
            WHERE t.subject_id = s.subject_id AND pack_id = ? AND recogniser_sha256 = ?) ORDER BY created, subject_id"""
        with database.refusals(self.path):
            return [row[0] for row in self.connection.execute(query, (made_by.pack_id, made_by.sha256))]

    def _vectors(self, made_by: Recogniser, also: str, values: tuple[str, ...]) -> Iterator[StoredVector]:
        columns = ", ".join(f"s.{name.strip()}" for name in _SUBJECT.split(","))
        query = f"""SELECT {columns}, template_id, quality, t.created, nonce, sealed
            FROM subjects s JOIN templates t ON t.subject_id = s.subject_id
            WHERE pack_id = ? AND recogniser_sha256 = ? {also} ORDER BY s.rowid, template_id"""
        opened, sealer = "", None
        with database.refusals(self.path):
            for values_ in self.connection.execute(query, (made_by.pack_id, made_by.sha256, *values)):
                row = _Row(*values_[:7])
                template_id, quality, created, nonce, sealed = values_[7:]
                if sealer is None or opened != row.subject_id:
                    opened, sealer = row.subject_id, self._data_key(row)
                words = _template_words(row.subject_id, made_by, quality, created)
                vector = sealer.open_vector(nonce, sealed, words)
                until = microseconds(datetime.fromisoformat(row.valid_until))
                yield StoredVector(template_id, row.subject_id, row.label, until, vector)

    def _add(self, subject_id: str, sealer: Sealer, templates: Iterable[NewTemplate], created: datetime) -> None:
        stamp = created.isoformat()
        for new in templates:
            words = _template_words(subject_id, new.made_by, new.quality, stamp)
            nonce, sealed = sealer.seal(new.vector.astype("<f4").tobytes(), words)
            self.connection.execute(
                "INSERT INTO templates (subject_id, pack_id, recogniser_sha256, quality, created, nonce, sealed) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (subject_id, new.made_by.pack_id, new.made_by.sha256, new.quality, stamp, nonce, sealed),
            )

    def _row(self, subject_id: str) -> _Row:
        with database.refusals(self.path):
            query = f"SELECT {_SUBJECT} FROM subjects WHERE subject_id = ?"
            row = self.connection.execute(query, (subject_id,)).fetchone()
        if row is None:
            raise NoSuchSubject(f"nobody is enrolled as {subject_id!r}; `appliance gallery list` shows who is.")
        return _Row(*row)

    def _data_key(self, row: _Row) -> Sealer:
        return Sealer(self._key.open(row.key_nonce, row.wrapped_key, self._key_words(row)))

    def _wrapped(self, row: _Row, data_key: bytes) -> _Row:
        nonce, wrapped = self._key.seal(data_key, self._key_words(row))
        return row._replace(key_nonce=nonce, wrapped_key=wrapped)

    def _key_words(self, row: _Row) -> tuple[str, ...]:
        return ("data key", row.subject_id, self.gallery_id, row.label, row.consent, row.valid_until, row.created)


def _template_words(subject_id: str, made_by: Recogniser, quality: str, created: str) -> tuple[str, ...]:
    return ("template", subject_id, made_by.pack_id, made_by.sha256, quality, created)


def _subject(row: _Row, templates: int, photos: int) -> Subject:
    try:
        said = json.loads(row.consent)
        consent = Consent(**said | {"at": datetime.fromisoformat(said["at"])})
        until, created = datetime.fromisoformat(row.valid_until), datetime.fromisoformat(row.created)
    except (ValueError, TypeError, KeyError) as error:
        raise GalleryRefused(f"the row of {row.subject_id} is unreadable: it was edited. Keep a copy.") from error
    return Subject(row.subject_id, row.label, consent, until, created, templates, photos)

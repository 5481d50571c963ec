"""A gallery for a whole site in PostgreSQL with pgvector, searched there by many lanes.

The templates are PLAIN VECTORS: the server can only compare what it can read. Whoever reads its disk, its backups or
its network has the biometric data, and encrypting those is the site's work. Deletion removes rows; it is no
crypto-erasure, and copies in backups, replicas and archived logs are the site's to remove. So it opens only with
`accept_plain_vectors`. No photos are kept here. Not responsible for users and rights of the server.

Needs PostgreSQL with the extension `vector` 0.5 or later, and psycopg 3 (LGPL-3.0, used unmodified as a module).
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

import numpy as np
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from appliance.clock import Clock
from appliance.face.types import Template, TemplatesNotComparable
from appliance.gallery.errors import ConsentMissing, EnrolmentRefused, GalleryRefused, NoSuchSubject, TemplatesStale
from appliance.gallery.types import (
    MOST_QUALITY_TEXT,
    SUBJECT_ID,
    Candidate,
    Consent,
    Recogniser,
    SearchResult,
    Subject,
    checked_consent,
    checked_expiry,
    checked_label,
    checked_text,
    checked_threshold,
    only_one,
    usable,
)

_SCHEMA = (
    "CREATE EXTENSION IF NOT EXISTS vector",
    """CREATE TABLE gallery_subjects (
        subject_id text PRIMARY KEY, label text NOT NULL UNIQUE, consent jsonb NOT NULL,
        valid_until timestamptz NOT NULL, created timestamptz NOT NULL)""",
    """CREATE TABLE gallery_templates (
        template_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        subject_id text NOT NULL REFERENCES gallery_subjects ON DELETE CASCADE,
        pack_id text NOT NULL, recogniser_sha256 text NOT NULL, quality text NOT NULL, created timestamptz NOT NULL,
        embedding vector NOT NULL)""",
    "CREATE INDEX gallery_templates_of ON gallery_templates (subject_id)",
    """CREATE TABLE gallery_deletions (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, subject_id text NOT NULL, deleted_at timestamptz NOT NULL,
        deleted_by text NOT NULL, reason text NOT NULL, templates integer NOT NULL)""",
)

# pgvector: <=> is cosine distance, <-> is l2 distance, both ascending.
_SCORE = {"cosine": "1 - (t.embedding <=> CAST(:probe AS vector))", "l2": "t.embedding <-> CAST(:probe AS vector)"}
_MINE = "pack_id = :pack AND recogniser_sha256 = :sha256"
_BEST = {"cosine": ("max", "DESC", ">="), "l2": ("min", "ASC", "<=")}


@dataclass(frozen=True, slots=True, kw_only=True)
class PgSettings:
    """`url` as SQLAlchemy writes it, `postgresql+psycopg://...`; over a network add `sslmode=verify-full`."""

    url: str
    accept_plain_vectors: bool = False


class PgGallery:
    """One site's gallery. Exact search (no index is made); every call is one transaction. Safe for many programs."""

    def __init__(self, engine: Engine, clock: Clock, recogniser: Recogniser) -> None:
        """For `open` only."""
        self._engine = engine
        self._clock = clock
        self._recogniser = recogniser

    @classmethod
    def open(cls, settings: PgSettings, clock: Clock, recogniser: Recogniser) -> Self:
        """Connect and make the tables unless they are there.

        Raises GalleryRefused: plain vectors not accepted, no server, no extension, no driver.
        """
        if settings.accept_plain_vectors is not True:
            raise GalleryRefused(
                "PostgreSQL keeps templates as plain vectors, readable by whoever reads its disk or backups. Encrypt "
                "that disk, then set accept_plain_vectors = true; or use the encrypted gallery."
            )
        try:
            engine = create_engine(settings.url, pool_pre_ping=True, hide_parameters=True)
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise GalleryRefused("the driver is missing: pip install 'sallyport[gallery-pg]'") from error
        if engine.dialect.name != "postgresql":
            raise GalleryRefused(f"the URL names {engine.dialect.name}; this gallery needs postgresql+psycopg://")
        gallery = cls(engine, clock, recogniser)
        try:
            with gallery._begin() as connection:
                # A lane's user may read and write rows and make no tables.
                if connection.scalar(text("SELECT to_regclass('gallery_deletions')")) is None:
                    for statement in _SCHEMA:
                        connection.execute(text(statement))
        except BaseException:
            engine.dispose()
            raise
        return gallery

    def add(
        self,
        *,
        label: str,
        consent: Consent,
        valid_until: datetime,
        templates: Iterable[tuple[Template, str]],
    ) -> Subject:
        """Store a new subject with templates, each with its quality in words. Raises as `Gallery.add`."""
        now = self._clock.now()
        subject = Subject(
            subject_id=secrets.token_hex(16),
            label=checked_label(label),
            consent=checked_consent(consent, now),
            valid_until=checked_expiry(valid_until, now),
            created=now,
        )
        rows = [self._row(subject.subject_id, template, quality, now) for template, quality in templates]
        if not rows:
            raise EnrolmentRefused("a subject is enrolled with at least one template")
        said = json.dumps(asdict(consent) | {"at": consent.at.isoformat()})
        with self._begin() as connection:
            values = {"id": subject.subject_id, "label": label, "said": said, "until": valid_until, "now": now}
            added = connection.execute(
                text(
                    "INSERT INTO gallery_subjects VALUES (:id, :label, CAST(:said AS jsonb), :until, :now) "
                    "ON CONFLICT (label) DO NOTHING"
                ),
                values,
            )
            if added.rowcount != 1:
                raise EnrolmentRefused(f"{label!r} is enrolled already; delete it first or choose another label")
            connection.execute(
                text(
                    "INSERT INTO gallery_templates "
                    "(subject_id, pack_id, recogniser_sha256, quality, created, embedding) "
                    "VALUES (:subject, :pack, :sha256, :quality, :now, CAST(:vector AS vector))"
                ),
                rows,
            )
        return subject

    def search(self, probe: Template, *, threshold: float, limit: int = 10) -> SearchResult:
        """As `Gallery.search`: exact, in date only, of this recogniser only; the threshold is the caller's."""
        checked_threshold(threshold)
        if limit < 1:
            raise ValueError("a search needs a limit of at least 1")
        made_by = self._recogniser
        best, order, passes = _BEST[made_by.metric]
        values = self._mine() | {
            "probe": self._text(probe),
            "now": self._clock.now(),
            "threshold": threshold,
            "limit": limit,
        }
        counts = f"""SELECT count(m) FILTER (WHERE valid_until > :now), count(m) FILTER (WHERE valid_until <= :now),
                count(*) - count(m)
            FROM gallery_subjects s
            LEFT JOIN (SELECT DISTINCT subject_id FROM gallery_templates WHERE {_MINE}) m USING (subject_id)"""
        found = f"""SELECT subject_id, label, {best}(score) AS best FROM (
                SELECT s.subject_id, s.label, {_SCORE[made_by.metric]} AS score
                FROM gallery_templates t JOIN gallery_subjects s USING (subject_id)
                WHERE {_MINE} AND valid_until > :now) AS scored
            WHERE score {passes} :threshold GROUP BY subject_id, label ORDER BY best {order} LIMIT :limit"""
        with self._begin() as connection:
            compared, expired, stale = connection.execute(text(counts), values).one()
            if stale and not compared + expired:
                raise TemplatesStale("all templates are of another recogniser; enrol the subjects again")
            rows = connection.execute(text(found), values).all()
        candidates = tuple(Candidate(subject, label, float(score)) for subject, label, score in rows)
        return SearchResult(candidates, compared=compared, expired=expired, stale=stale)

    def identify(self, probe: Template, *, threshold: float) -> Candidate | None:
        """As `Gallery.identify`."""
        found = only_one(self.search(probe, threshold=threshold, limit=2))
        if found is not None:
            with self._begin() as connection:
                usable(_subject(connection, found.subject_id), self._clock.now())
        return found

    def reference(self, who: str) -> Template:
        """As `Gallery.reference`."""
        query = f"""SELECT CAST(embedding AS real[]) FROM gallery_templates
            WHERE subject_id = :id AND {_MINE} ORDER BY template_id DESC LIMIT 1"""
        with self._begin() as connection:
            subject = usable(_subject(connection, who), self._clock.now())
            vector = connection.scalar(text(query), self._mine() | {"id": subject.subject_id})
        if vector is None:
            raise TemplatesStale(f"{who!r} has templates of another recogniser only; enrol again")
        return Template(self._recogniser.pack_id, self._recogniser.sha256, np.array(vector, np.float32))

    def set_expiry(self, who: str, valid_until: datetime) -> None:
        """Another end of validity, after now. Raises EnrolmentRefused, NoSuchSubject."""
        checked_expiry(valid_until, self._clock.now())
        with self._begin() as connection:
            values = {"id": _resolve(connection, who), "until": valid_until}
            connection.execute(text("UPDATE gallery_subjects SET valid_until = :until WHERE subject_id = :id"), values)

    def delete(self, who: str, *, by: str, reason: str) -> int:
        """Remove a subject's rows and note it; returns how many templates went. No proof: see the module's docstring.

        Raises NoSuchSubject, EnrolmentRefused (who and why are missing).
        """
        checked_text("who deletes", by)
        checked_text("the reason", reason)
        with self._begin() as connection:
            values: dict[str, Any] = {"id": _resolve(connection, who)}
            removed = connection.execute(text("DELETE FROM gallery_templates WHERE subject_id = :id"), values).rowcount
            connection.execute(text("DELETE FROM gallery_subjects WHERE subject_id = :id"), values)
            values |= {"at": self._clock.now(), "by": by, "reason": reason, "n": removed}
            connection.execute(
                text(
                    "INSERT INTO gallery_deletions (subject_id, deleted_at, deleted_by, reason, templates) "
                    "VALUES (:id, :at, :by, :reason, :n)"
                ),
                values,
            )
        return removed

    def purge(self, *, by: str) -> int:
        """Delete everybody out of date; returns how many subjects went."""
        query = text("SELECT subject_id FROM gallery_subjects WHERE valid_until <= :now")
        with self._begin() as connection:
            ids = connection.execute(query, {"now": self._clock.now()}).scalars().all()
        for subject_id in ids:
            self.delete(subject_id, by=by, reason="expired")
        return len(ids)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _row(self, subject_id: str, template: Template, quality: str, now: datetime) -> dict[str, Any]:
        return {
            "subject": subject_id,
            "pack": template.pack_id,
            "sha256": template.recogniser_sha256,
            "quality": checked_text("the quality", quality, MOST_QUALITY_TEXT),
            "now": now,
            "vector": self._text(template),
        }

    def _mine(self) -> dict[str, Any]:
        return {"pack": self._recogniser.pack_id, "sha256": self._recogniser.sha256}

    def _text(self, template: Template) -> str:
        """The vector as pgvector reads it. Raises TemplatesNotComparable, TemplateRefused."""
        return "[" + ",".join(map(repr, self._recogniser.vector(template).tolist())) + "]"

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except (DBAPIError, ModuleNotFoundError) as error:
            cause = getattr(error, "orig", None) or error
            if "different vector dimensions" in str(cause):
                raise TemplatesNotComparable("the templates have different lengths; take the probe again") from error
            raise GalleryRefused(
                f"PostgreSQL refuses: {str(cause).splitlines()[0]}. Check the server, its rights and that "
                "the extension pgvector is installed there."
            ) from error


def _subject(connection: Connection, who: str) -> Subject:
    query = "SELECT subject_id, label, consent, valid_until, created FROM gallery_subjects WHERE subject_id = :id"
    values = {"id": _resolve(connection, who)}
    subject_id, label, said, valid_until, created = connection.execute(text(query), values).one()
    try:
        consent = Consent(**said | {"at": datetime.fromisoformat(said["at"])})
    except (ValueError, TypeError, KeyError) as error:
        raise ConsentMissing(f"{label!r} has no consent on record; delete or enrol again") from error
    return Subject(subject_id, label, consent, valid_until, created)


def _resolve(connection: Connection, who: str) -> str:
    column = "subject_id" if SUBJECT_ID.fullmatch(who) else "label"
    query = text(f"SELECT subject_id FROM gallery_subjects WHERE {column} = :who")
    found = connection.scalar(query, {"who": who})
    if found is None:
        raise NoSuchSubject(f"nobody is enrolled as {who!r}")
    return str(found)

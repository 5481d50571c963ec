"""A gallery: subjects with consent and expiry, their templates at rest, search, deletion.

One program writes (a lock), any number read; a reader sees a change before its next search. Use a handle from the
thread that opened it. Not responsible for photos and quality (`enrol`), nor for whether a score admits anyone.
"""

import secrets
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Self

from appliance.clock import Clock
from appliance.face.types import Template, TemplatesNotComparable
from appliance.gallery import database, erase
from appliance.gallery.crypto import create_key_file, keep_apart, read_key_file
from appliance.gallery.errors import EnrolmentRefused, GalleryInUse, NoSuchSubject, TemplatesStale
from appliance.gallery.search import Matrix, Nearest
from appliance.gallery.types import (
    MOST_PHOTO_BYTES,
    MOST_QUALITY_TEXT,
    Candidate,
    Consent,
    DeletionCertificate,
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
from appliance.gallery.vault import NewTemplate, Vault, microseconds

_REENROL = "run `appliance gallery reenrol`"
_PURGED_AT_ONCE = 500


class Gallery:
    """Open with `open`; nothing is decrypted before the first search."""

    def __init__(
        self, vault: Vault, folder: Path, *, clock: Clock, recogniser: Recogniser | None, index: Nearest | None
    ) -> None:
        """For `open` only."""
        self._vault = vault
        self._folder = folder
        self._clock = clock
        self._recogniser = recogniser
        self._matrix = Matrix(recogniser.metric if recogniser else "cosine", index)
        self._loaded: dict[int, tuple[str, bytes]] = {}
        self._stale = 0
        self._seen: int | None = None
        self._owned = ExitStack()

    @staticmethod
    def create(folder: Path, key_file: Path, clock: Clock) -> None:
        """Make an empty gallery and, unless it exists, its key file.

        Raises KeyRefused (also when the key would lie inside the folder), GalleryRefused.
        """
        keep_apart(key_file, folder)
        if not key_file.exists():
            create_key_file(key_file)
        key = read_key_file(key_file)
        connection = database.create(folder)
        try:
            Vault.found(connection, folder, key, clock.now())
        finally:
            connection.close()

    @classmethod
    def open(
        cls,
        folder: Path,
        key_file: Path,
        clock: Clock,
        *,
        recogniser: Recogniser | None = None,
        writable: bool = False,
        index: Nearest | None = None,
    ) -> Self:
        """Open a gallery; `recogniser` is the one in use now, needed to search and to enrol.

        `index` proposes rows in place of the exact search. Raises KeyRefused, GalleryInUse, GalleryRefused.
        """
        key = read_key_file(key_file)
        with ExitStack() as owned:
            if writable and folder.is_dir():
                owned.callback(database.WriterLock(folder).release)
            connection = database.connect(folder, writable=writable)
            owned.callback(connection.close)
            vault = Vault(connection, folder, key)
            gallery = cls(vault, folder, clock=clock, recogniser=recogniser, index=index)
            owned.callback(gallery._matrix.close)
            gallery._owned = owned.pop_all()
        return gallery

    @property
    def recogniser(self) -> Recogniser:
        """The recogniser in use. Raises TemplatesNotComparable when it was opened without."""
        if self._recogniser is None:
            raise TemplatesNotComparable("the gallery was opened without a recogniser; name the pack in use")
        return self._recogniser

    def subjects(self) -> list[Subject]:
        """Everybody, oldest first, in date or not."""
        return self._vault.subjects()

    def find(self, who: str) -> Subject:
        """Subject by id or label, once its row is proven unedited. Raises NoSuchSubject, GalleryRefused."""
        return self._vault.proven(self._vault.resolve(who))

    def add(
        self,
        *,
        label: str,
        consent: Consent,
        valid_until: datetime,
        templates: Iterable[tuple[Template, str]],
        photo: bytes | None = None,
    ) -> Subject:
        """Store a new subject with templates, each with its quality in words; `photo` only where it is to be kept.

        Raises EnrolmentRefused, TemplateRefused, TemplatesNotComparable, GalleryRefused; nothing was written then.
        """
        now = self._clock.now()
        subject = Subject(
            subject_id=secrets.token_hex(16),
            label=checked_label(label),
            consent=checked_consent(consent, now),
            valid_until=checked_expiry(valid_until, now),
            created=now,
        )
        if photo is not None and not 0 < len(photo) <= MOST_PHOTO_BYTES:
            raise EnrolmentRefused(f"a kept photo has 1 to {MOST_PHOTO_BYTES} bytes, not {len(photo)}")
        self._check_free(label)
        new = self._new(templates)
        with database.transaction(self._vault.connection, self._vault.path):
            self._vault.insert(subject, new, photo, created=now)
        self._seen = None
        return replace(subject, template_count=len(new), photo_count=int(photo is not None))

    def replace_templates(self, who: str, templates: Iterable[tuple[Template, str]]) -> None:
        """New templates for somebody enrolled; all earlier ones, of any recogniser, go in the same transaction."""
        subject_id, new = self._vault.resolve(who), self._new(templates)
        with database.transaction(self._vault.connection, self._vault.path):
            self._vault.connection.execute("DELETE FROM templates WHERE subject_id = ?", (subject_id,))
            self._vault.add(subject_id, new, created=self._clock.now())
        self._seen = None

    def photos(self, who: str) -> list[bytes]:
        """The kept photos as they were given, newest first. Raises NoSuchSubject, GalleryRefused."""
        return self._vault.photos(self._vault.resolve(who))

    def search(self, probe: Template, *, threshold: float, limit: int = 10) -> SearchResult:
        """Everybody in date whose best template passes `threshold`, at most `limit`, the best first (1:N).

        The threshold is the caller's and must fit the size of the gallery: with independent comparisons the false
        positive identification rate is FPIR = 1 - (1 - FMR)^N (ISO/IEC 19795-1: false positives grow with N), so a
        threshold at FMR 1e-4 answers about one stranger in ten with somebody's name at N = 1000.
        Cosine passes from the threshold upwards, l2 up to it. Raises TemplatesNotComparable (the probe is of another
        recogniser, or nobody has a template of this one), TemplateRefused, ValueError, GalleryRefused.
        """
        checked_threshold(threshold)
        if limit < 1:
            raise ValueError("a search needs a limit of at least 1")
        vector = self.recogniser.vector(probe)
        self.refresh()
        if self._stale and not len(self._matrix):
            raise TemplatesStale(f"all {self._stale} subjects have templates of another recogniser only; {_REENROL}")
        now_us = microseconds(self._clock.now())
        found = self._matrix.search(vector, threshold=threshold, limit=limit, now_us=now_us)
        valid, expired = self._matrix.in_date(now_us)
        candidates = tuple(Candidate(subject, self._matrix.label(subject), score) for subject, score in found)
        return SearchResult(candidates, compared=valid, expired=expired, stale=self._stale)

    def identify(self, probe: Template, *, threshold: float) -> Candidate | None:
        """The one subject whose template passes `threshold`, or None: nobody does.

        Raises Ambiguous, ConsentMissing, SubjectExpired (since the search), and as `search`.
        """
        found = only_one(self.search(probe, threshold=threshold, limit=2))
        if found is not None:
            usable(self.find(found.subject_id), self._clock.now())
        return found

    def reference(self, who: str, *, for_masks: bool = False) -> Template:
        """The newest template of one subject, by label or id, as after a card was read (1:1); opens this subject only.

        The pack compares it, with the pack's threshold; `for_masks` is the one for probes in medical masks. Raises
        NoSuchSubject, SubjectExpired, ConsentMissing, TemplatesStale, GalleryRefused.
        """
        recogniser = self.recogniser.for_masks() if for_masks else self.recogniser
        with database.snapshot(self._vault.connection, self._vault.path):
            subject = usable(self.find(who), self._clock.now())
            stored = list(self._vault.vectors(recogniser, [subject.subject_id]))
        if not stored:
            raise TemplatesStale(f"{who!r} has templates of another recogniser only; {_REENROL}")
        return Template(recogniser.pack_id, recogniser.sha256, stored[-1].vector)

    def refresh(self) -> None:
        """Bring the templates in memory up to the file: what was deleted goes, what is new or changed comes."""
        with database.refusals(self._vault.path):
            (version,) = self._vault.connection.execute("PRAGMA data_version").fetchone()
        if version == self._seen:
            return
        try:
            with database.snapshot(self._vault.connection, self._vault.path):
                self._load()
        except BaseException:
            # Half of a gallery must not answer: the next search loads it all again, or fails likewise.
            self._matrix.close()
            self._loaded, self._seen = {}, None
            raise
        self._seen = version

    def stale(self) -> list[Subject]:
        """Who has no template of the recogniser in use and must be enrolled again."""
        ids = set(self._vault.without(self.recogniser))
        return [subject for subject in self.subjects() if subject.subject_id in ids]

    def expired(self) -> list[Subject]:
        """Who is out of date now and is found by no search."""
        now = self._clock.now()
        return [subject for subject in self.subjects() if subject.valid_until <= now]

    def set_expiry(self, who: str, valid_until: datetime) -> None:
        """Another end of validity, after now. Raises EnrolmentRefused, NoSuchSubject, GalleryRefused."""
        checked_expiry(valid_until, self._clock.now())
        subject_id = self._vault.resolve(who)
        with database.transaction(self._vault.connection, self._vault.path):
            self._vault.set_expiry(subject_id, valid_until)
        self._seen = None

    def delete(self, who: Iterable[str], *, by: str, reason: str) -> list[DeletionCertificate]:
        """Erase subjects for good: keys overwritten, rows removed, file and log rewritten, files read for remains.

        Ids or labels; all or none. A certificate that is not `proven` says how much is left.
        Raises NoSuchSubject, EnrolmentRefused (who and why are missing), GalleryRefused.
        """
        by, reason = checked_text("who deletes (--by)", by), checked_text("the reason (--reason)", reason)
        ids = list(dict.fromkeys(self._vault.resolve(one) for one in who))
        connection = self._vault.connection
        with database.refusals(self._vault.path):
            captured = [erase.capture(connection, subject_id) for subject_id in ids]
        before, _ = erase.count_matches(self._folder, captured)
        at = self._clock.now().isoformat()
        of = self._vault.gallery_id
        claims = [
            DeletionCertificate(of, one.subject_id, at, by, reason, one.erased, before[one.subject_id], -1)
            for one in captured
        ]
        # Written with the deletion itself, so that one cut short by a power failure is on record as not proven.
        with database.transaction(connection, self._vault.path):
            for claim in claims:
                erase.erase(connection, claim.subject_id)
                connection.execute("INSERT INTO deletions (certificate) VALUES (?)", (claim.to_json(),))
        self._seen = None
        return self._prove(captured, claims)

    def purge(self, *, by: str) -> list[DeletionCertificate]:
        """Delete everybody out of date, so many at a time that what is looked for fits in memory."""
        checked_text("who deletes (--by)", by)
        ids = [subject.subject_id for subject in self.expired()]
        batches = [ids[start : start + _PURGED_AT_ONCE] for start in range(0, len(ids), _PURGED_AT_ONCE)]
        return [one for batch in batches for one in self.delete(batch, by=by, reason="expired")]

    def compact(self) -> None:
        """Rewrite the file and empty its log, as after templates were replaced. Raises GalleryInUse."""
        database.compact(self._vault.connection, self._vault.path)

    def certificates(self) -> list[str]:
        """Every deletion certificate as JSON, oldest first."""
        with database.refusals(self._vault.path):
            rows = self._vault.connection.execute("SELECT certificate FROM deletions ORDER BY seq").fetchall()
        return [row[0] for row in rows]

    def close(self) -> None:
        """Wipe the templates in memory and let the next writer in. May be called again."""
        self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prove(self, captured: list[erase.Captured], claims: list[DeletionCertificate]) -> list[DeletionCertificate]:
        # A reader in the middle of a read keeps the log: the count then says how much of the deleted is in it.
        with suppress(GalleryInUse):
            self.compact()
        found, read = erase.count_matches(self._folder, captured)
        proofs = [replace(one, remaining_matches=found[one.subject_id], files_scanned=read) for one in claims]
        with database.transaction(self._vault.connection, self._vault.path):
            for claim, proof in zip(claims, proofs, strict=True):
                self._vault.connection.execute(
                    "UPDATE deletions SET certificate = ? WHERE certificate = ?", (proof.to_json(), claim.to_json())
                )
        return proofs

    def _new(self, templates: Iterable[tuple[Template, str]]) -> list[NewTemplate]:
        new = []
        for template, quality in templates:
            for_masks = self.recogniser.for_masks()
            made_by = for_masks if template.recogniser_sha256 == for_masks.sha256 else self.recogniser
            words = checked_text("the quality", quality, MOST_QUALITY_TEXT)
            new.append(NewTemplate(made_by, made_by.vector(template), words))
        if not new:
            raise EnrolmentRefused("a subject is enrolled with at least one template")
        return new

    def _check_free(self, label: str) -> None:
        try:
            self._vault.resolve(label)
        except NoSuchSubject:
            return
        raise EnrolmentRefused(f"{label!r} is enrolled already; delete it first or choose another label")

    def _load(self) -> None:
        current = self._vault.versions(self.recogniser)
        self._matrix.drop([template for template, known in self._loaded.items() if current.get(template) != known])
        kept = {template for template, known in self._loaded.items() if current.get(template) == known}
        fresh = current.keys() - kept
        subjects = sorted({current[template][0] for template in fresh}) if kept else None
        vectors = self._vault.vectors(self.recogniser, subjects)
        self._matrix.extend((item for item in vectors if item.template_id in fresh), expect=len(current))
        self._loaded = current
        self._stale = len(self._vault.without(self.recogniser))

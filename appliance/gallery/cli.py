"""`appliance gallery`: make a gallery, enrol, list, search, expire, delete, re-enrol, measure.

Nobody is shown or written by name; deletions print their certificate. Errors are sentences, exit code 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appliance.clock import Clock, SystemClock

if TYPE_CHECKING:
    from appliance.face.types import FacePack
    from appliance.gallery.store import Gallery
    from appliance.gallery.types import DeletionCertificate, Subject

gallery_app = typer.Typer(no_args_is_help=True, help="Enrolled templates: enrol, search, expire, delete provably.")

Folder = Annotated[Path, typer.Option("--dir", envvar="SALLYPORT_GALLERY", help="Folder of the gallery.")]
Key = Annotated[
    Path, typer.Option("--key", envvar="SALLYPORT_GALLERY_KEY", help="Key file, mode 0600, outside of the folder.")
]
Pack = Annotated[str, typer.Option("--pack", help="Matcher pack in use.")]
Models = Annotated[Path, typer.Option("--models", envvar="SALLYPORT_MODELS", help="Folder the weights lie in.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted, delete nothing.")]
By = Annotated[str, typer.Option("--by", help="Who does it, for the record.")]
_FOLDER, _KEY, _MODELS, _PACK = Path("var/gallery"), Path("var/keys/gallery.key"), Path("var/models"), "open-omz"


@gallery_app.command()
def init(folder: Folder = _FOLDER, key: Key = _KEY) -> None:
    """Make an empty gallery, and its key file unless there is one."""
    from appliance.gallery.store import Gallery

    with _errors():
        Gallery.create(folder, key, _clock())
    typer.echo(f"{folder} is ready. Keep a copy of {key} apart from it: without the key nothing opens again.")


@gallery_app.command()
def enrol(
    photo: Annotated[Path, typer.Argument(help="JPEG or PNG with exactly one face.")],
    label: Annotated[str, typer.Option(help="Your pseudonym for the person, such as a card number; never a name.")],
    days: Annotated[int, typer.Option(min=1, max=3660, help="Days the enrolment is valid.")],
    consent_by: Annotated[str, typer.Option(help="Who recorded the consent.")],
    consent_text: Annotated[str, typer.Option(help="Version of the text consented to.")],
    purpose: Annotated[str, typer.Option(help="What the consent is for.")],
    consent_at: Annotated[datetime | None, typer.Option(help="When (UTC); now without.")] = None,
    keep_photo: Annotated[bool, typer.Option("--keep-photo", help="Keep the photo, encrypted.")] = False,
    allow_duplicate: Annotated[
        bool, typer.Option("--allow-duplicate", help="Enrol a face that resembles another.")
    ] = False,
    duplicate_threshold: Annotated[float | None, typer.Option(help="Score that counts as resembling.")] = None,
    pack: Pack = _PACK,
    models: Models = _MODELS,
    folder: Folder = _FOLDER,
    key: Key = _KEY,
) -> None:
    """Enrol one person from a photo; the face is first looked for among everybody enrolled."""
    from appliance.gallery import enrol as enrolling
    from appliance.gallery.types import Consent

    clock = _clock()
    with _errors(), _open(folder, key, pack=pack, writable=True) as gallery:
        at = consent_at.replace(tzinfo=UTC) if consent_at is not None else clock.now()
        done = enrolling.enrol(
            gallery,
            _load(pack, models),
            _read(photo),
            label=label,
            consent=Consent(consent_by, at, consent_text, purpose),
            valid_until=clock.now() + timedelta(days=days),
            keep_photo=keep_photo,
            allow_duplicate=allow_duplicate,
            duplicate_threshold=duplicate_threshold,
        )
    for other in done.resembles:
        typer.echo(f"resembles {_printable(other.label)} (score {other.score:.3f})", err=True)
    if done.not_compared:
        typer.echo(f"not compared with {done.not_compared} subjects whose templates are stale", err=True)
    until = done.subject.valid_until.date().isoformat()
    typer.echo(f"enrolled {_printable(label)} as {done.subject.subject_id}, valid until {until}")


@gallery_app.command("list")
def list_subjects(folder: Folder = _FOLDER, key: Key = _KEY) -> None:
    """Everybody enrolled, oldest first."""
    with _errors(), _open(folder, key) as gallery:
        subjects, expired = gallery.subjects(), {one.subject_id for one in gallery.expired()}
    for one in subjects:
        state = "EXPIRED" if one.subject_id in expired else "valid"
        typer.echo(_row(one, f"{state} until {one.valid_until.date().isoformat()}"))
    typer.echo(f"{len(subjects)} enrolled, {len(expired)} of them out of date")


@gallery_app.command()
def search(
    photo: Annotated[Path, typer.Argument(help="JPEG or PNG with exactly one face.")],
    threshold: Annotated[float, typer.Option(help="Score to pass. False positives grow with the gallery's size.")],
    who: Annotated[str | None, typer.Option("--who", help="Compare with this label or id only (1:1).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Candidates at most.")] = 10,
    pack: Pack = _PACK,
    models: Models = _MODELS,
    folder: Folder = _FOLDER,
    key: Key = _KEY,
) -> None:
    """Look for a face. Exit code 0 also when nobody passes."""
    from appliance.gallery.enrol import acquire
    from appliance.gallery.types import checked_threshold

    with _errors(), _open(folder, key, pack=pack) as gallery:
        matcher = _load(pack, models)
        probe, figures = acquire(matcher, _read(photo))[0]
        if who is not None:
            score = matcher.compare(gallery.reference(who), probe).score
            sign = 1 if matcher.metric == "cosine" else -1
            passed = sign * score >= sign * checked_threshold(threshold)
            typer.echo(f"{score:.3f}  {_printable(who)}  {'passes' if passed else 'does not pass'} ({figures})")
            return
        found = gallery.search(probe, threshold=threshold, limit=limit)
    for one in found.candidates:
        typer.echo(f"{one.score:.3f}  {one.subject_id}  {_printable(one.label)}")
    typer.echo(
        f"{len(found.candidates)} above {threshold} of {found.compared} compared; {found.expired} out of date, "
        f"{found.stale} stale and not compared ({figures})"
    )


@gallery_app.command()
def expire(
    who: Annotated[
        str | None, typer.Argument(help="Label or id to give another end; none: delete who is out of date.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3660, help="Valid for so many days from now.")] = None,
    by: By = "",
    dry_run: DryRun = False,
    folder: Folder = _FOLDER,
    key: Key = _KEY,
) -> None:
    """Delete everybody out of date, or give one subject another end of validity."""
    from appliance.gallery.errors import GalleryError

    with _errors(), _open(folder, key, writable=not dry_run) as gallery:
        if who is not None:
            if days is None:
                raise GalleryError("say for how many --days, or use `appliance gallery delete`")
            if not dry_run:
                gallery.set_expiry(who, _clock().now() + timedelta(days=days))
            typer.echo(f"{_printable(who)} {'would be' if dry_run else 'is'} valid for {days} days")
            return
        if dry_run:
            _would_delete(gallery.expired())
            return
        certificates = gallery.purge(by=by)
        if not certificates:
            gallery.compact()
    _certify(certificates)
    typer.echo(f"{len(certificates)} deleted", err=True)


@gallery_app.command()
def delete(
    who: Annotated[list[str], typer.Argument(help="Labels or ids.")],
    by: By = "",
    reason: Annotated[str, typer.Option(help="Why, for the record; no name.")] = "",
    dry_run: DryRun = False,
    folder: Folder = _FOLDER,
    key: Key = _KEY,
) -> None:
    """Erase subjects for good and print a certificate each (JSON). Exit code 1 when one is not proven."""
    with _errors(), _open(folder, key, writable=not dry_run) as gallery:
        if dry_run:
            _would_delete([gallery.find(one) for one in who])
            return
        certificates = gallery.delete(who, by=by, reason=reason)
    _certify(certificates)


@gallery_app.command()
def certificates(folder: Folder = _FOLDER, key: Key = _KEY) -> None:
    """Every deletion certificate kept, oldest first, one line of JSON each."""
    with _errors(), _open(folder, key) as gallery:
        for one in gallery.certificates():
            typer.echo(one)


@gallery_app.command()
def stale(pack: Pack = _PACK, folder: Folder = _FOLDER, key: Key = _KEY) -> None:
    """Who has no template of the pack in use and is found by no search."""
    with _errors(), _open(folder, key, pack=pack) as gallery:
        subjects = gallery.stale()
    for one in subjects:
        typer.echo(_row(one, "photo kept" if one.photo_count else "ask for a photo"))
    typer.echo(f"{len(subjects)} stale")


@gallery_app.command()
def reenrol(
    pack: Pack = _PACK,
    models: Models = _MODELS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say whose templates would be replaced.")] = False,
    folder: Folder = _FOLDER,
    key: Key = _KEY,
) -> None:
    """Make templates of the pack in use from kept photos. May be stopped and started again."""
    from appliance.gallery import enrol as enrolling

    left = 0
    with _errors(), _open(folder, key, pack=pack, writable=not dry_run) as gallery:
        if dry_run:
            for one in gallery.stale():
                typer.echo(_row(one, "would be made anew" if one.photo_count else "no photo was kept"))
            return
        for step in enrolling.reenrol(gallery, _load(pack, models)):
            left += step.problem is not None
            typer.echo(f"{step.done}/{step.total}  {_printable(step.label)}  {step.problem or 'done'}")
    if left:
        typer.echo(f"{left} are still stale", err=True)
        raise typer.Exit(1)


@gallery_app.command()
def rekey(
    new: Annotated[Path, typer.Argument(help="The new key file; it must not exist.")],
    folder: Folder = _FOLDER,
    key: Key = _KEY,
) -> None:
    """Wrap every key for a new gallery key: what was deleted then opens in no old backup either."""
    from appliance.gallery.rekey import rekey as wrap_anew

    with _errors():
        count = wrap_anew(folder, key, new)
    typer.echo(f"{count} keys wrapped anew. Restart readers with --key {new}, then destroy {key} and its copies.")


@gallery_app.command()
def bench(
    count: Annotated[int, typer.Option(min=100, max=1_000_000, help="Synthetic templates.")] = 10_000,
    dims: Annotated[int, typer.Option(min=8, max=4096, help="Values per template.")] = 256,
    exact_only: Annotated[bool, typer.Option("--exact-only", help="Leave the approximate index out.")] = False,
) -> None:
    """Measure start, search and deletion here, with synthetic templates in a temporary folder."""
    from appliance.gallery.bench import run

    with _errors():
        for line in run(count, clock=_clock(), dims=dims, approximate=not exact_only):
            typer.echo(line)


def _clock() -> Clock:
    return SystemClock()


def _load(pack: str, models: Path) -> FacePack:
    from appliance.face.packs import load_pack

    return load_pack(pack, models)


@contextmanager
def _open(folder: Path, key: Path, *, pack: str | None = None, writable: bool = False) -> Iterator[Gallery]:
    from appliance.gallery.enrol import recogniser_of
    from appliance.gallery.store import Gallery

    recogniser = None if pack is None else recogniser_of(pack)
    with Gallery.open(folder, key, _clock(), recogniser=recogniser, writable=writable) as gallery:
        yield gallery


@contextmanager
def _errors() -> Iterator[None]:
    from appliance.face.types import TemplatesNotComparable
    from appliance.gallery.errors import GalleryError
    from appliance.models.manager import ModelError

    try:
        yield
    except (GalleryError, ModelError, TemplatesNotComparable, ValueError, OSError) as error:
        typer.echo(_printable(str(error)), err=True)
        raise typer.Exit(1) from error


def _read(photo: Path) -> bytes:
    from appliance.gallery.types import MOST_PHOTO_BYTES

    with photo.open("rb") as file:
        return file.read(MOST_PHOTO_BYTES + 1)


def _would_delete(subjects: list[Subject]) -> None:
    for one in subjects:
        typer.echo(_row(one, "would be deleted"))
    typer.echo(f"{len(subjects)} would be deleted; nothing was")


def _certify(certificates: list[DeletionCertificate]) -> None:
    for one in certificates:
        typer.echo(one.to_json())
    unproven = [one.subject_id for one in certificates if not one.proven]
    if unproven:
        typer.echo(
            f"deleted, but not proven for {', '.join(unproven)}: bytes are left in the gallery's folder. Remove copies "
            "in it, close other readers and run `appliance gallery expire`.",
            err=True,
        )
        raise typer.Exit(1)


def _row(one: Subject, what: str) -> str:
    held = f"{one.template_count} templates, {one.photo_count} photos"
    consent = json.dumps(f"{one.consent.purpose} ({one.consent.text_version})")
    return f"{one.subject_id}  {_printable(one.label)}  {what}  {held}  {_printable(consent)}"


def _printable(text: str) -> str:
    # A doctored database must not steer the terminal.
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)

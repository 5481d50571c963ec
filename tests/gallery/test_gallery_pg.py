"""The site's gallery on a real PostgreSQL with pgvector, started on a Unix socket in a temporary folder.

Skipped, visibly, without psycopg or without a server that has the extension. SALLYPORT_PG_BIN names another server's
folder of programs.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from gallery_support import COSINE, DIMS, NEWER, noisy, template, unit
from sqlalchemy import create_engine, text

from appliance.clock import ManualClock
from appliance.face.types import Template, TemplatesNotComparable
from appliance.gallery.errors import (
    Ambiguous,
    ConsentMissing,
    EnrolmentRefused,
    GalleryRefused,
    NoSuchSubject,
    SubjectExpired,
    TemplateRefused,
    TemplatesStale,
)
from appliance.gallery.pg import PgGallery, PgSettings
from appliance.gallery.types import Consent, Recogniser


def _as_nobody() -> dict[str, object]:
    """A server refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs() -> Path | None:
    """Folder of initdb and pg_ctl of a server that has pgvector and that its user may run."""
    named, packaged = os.environ.get("SALLYPORT_PG_BIN"), importlib.util.find_spec("pgserver")
    places = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if packaged is not None and packaged.origin is not None:
        places.append(Path(packaged.origin).parent / "pginstall" / "bin")
    for place in places:
        try:
            command = [place / "pg_config", "--sharedir"]
            told = subprocess.run(command, capture_output=True, text=True, check=True, **_as_nobody())  # type: ignore[call-overload]
        except (OSError, subprocess.CalledProcessError):
            continue
        if (Path(told.stdout.strip()) / "extension" / "vector.control").exists():
            return place
    return None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra 'gallery-pg')")
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL with pgvector that may run here (name one with SALLYPORT_PG_BIN)")
    # The socket's path must be short, and the folder its user's.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    user = _as_nobody()
    if user:
        os.chown(folder, int(str(user["user"])), int(str(user["group"])))

    def call(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [programs / program, "-D", str(folder / "data"), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=100,
            cwd=folder,
            check=False,
            **user,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stderr

    call("initdb", "-U", "gate", "-A", "trust", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql+psycopg://gate@/postgres?host={folder}"
    finally:
        call("pg_ctl", "-w", "-m", "fast", "stop")
        shutil.rmtree(folder)


def _open(url: str, clock: ManualClock, made_by: Recogniser = COSINE) -> PgGallery:
    return PgGallery.open(PgSettings(url=url, accept_plain_vectors=True), clock, made_by)


@pytest.fixture
def site(server: str, clock: ManualClock) -> Iterator[PgGallery]:
    with _open(server, clock) as opened:
        with opened._engine.begin() as connection:
            connection.execute(text("TRUNCATE gallery_subjects, gallery_templates, gallery_deletions"))
        yield opened


def _put(site: PgGallery, clock: ManualClock, consent: Consent, seed: int, made_by: Recogniser = COSINE) -> str:
    return site.add(
        label=f"card-{seed}",
        consent=consent,
        valid_until=clock.now() + timedelta(days=30),
        templates=[(template(seed, made_by), "good")],
    ).subject_id


@pytest.mark.parametrize("said", [False, "true", 1, None])
def test_plain_vectors_must_be_accepted_in_so_many_words(clock: ManualClock, said: object) -> None:
    settings = PgSettings(url="postgresql+psycopg://nowhere/x", accept_plain_vectors=said)  # type: ignore[arg-type]
    with pytest.raises(GalleryRefused, match="plain vectors"):
        PgGallery.open(settings, clock, COSINE)
    with pytest.raises(GalleryRefused, match="plain vectors"):
        PgGallery.open(PgSettings(url="postgresql+psycopg://nowhere/x"), clock, COSINE)


def test_another_database_is_refused(clock: ManualClock) -> None:
    with pytest.raises(GalleryRefused, match="sqlite"):
        _open("sqlite://", clock)


def test_a_server_that_is_not_there_is_a_sentence(tmp_path: Path, clock: ManualClock) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed (extra 'gallery-pg')")
    with pytest.raises(GalleryRefused, match="Check the server"):
        _open(f"postgresql+psycopg://gate@/postgres?host={tmp_path}", clock)


def test_search_agrees_with_scores_computed_one_by_one(site: PgGallery, clock: ManualClock, consent: Consent) -> None:
    for seed in range(40):
        _put(site, clock, consent, seed)
    probe = noisy(7, 0.7)
    found = site.search(probe, threshold=-1.0, limit=100)
    by_hand = sorted(((float(unit(s).astype(float) @ probe.vector), f"card-{s}") for s in range(40)), reverse=True)
    assert [one.label for one in found.candidates] == [label for _, label in by_hand]
    assert [one.score for one in found.candidates] == pytest.approx([score for score, _ in by_hand], abs=1e-6)
    assert (found.compared, found.expired, found.stale) == (40, 0, 0)
    assert [one.label for one in site.search(probe, threshold=0.6).candidates] == ["card-7"]
    assert len(site.search(probe, threshold=-1.0, limit=3).candidates) == 3
    named = site.identify(probe, threshold=0.6)
    assert named is not None
    assert named.label == "card-7"
    assert site.identify(probe, threshold=0.71) is None
    with pytest.raises(Ambiguous):
        site.identify(probe, threshold=-1.0)
    assert site.reference("card-8").vector == pytest.approx(unit(8), abs=1e-7)


def test_l2_passes_up_to_the_threshold(site: PgGallery, server: str, clock: ManualClock, consent: Consent) -> None:
    l2 = Recogniser("fake-l2", "c" * 64, "l2")
    with _open(server, clock, l2) as other:
        for seed in range(5):
            _put(other, clock, consent, seed, l2)
        longer = Template(l2.pack_id, l2.sha256, (1.4 * unit(3)).astype(np.float32))
        assert [(one.label, round(one.score, 4)) for one in other.search(longer, threshold=0.41).candidates] == [
            ("card-3", 0.4)
        ]
        assert other.search(longer, threshold=0.39).candidates == ()


def test_the_expired_the_stale_and_the_deleted_never_match(
    site: PgGallery, server: str, clock: ManualClock, consent: Consent
) -> None:
    for seed in (1, 2):
        _put(site, clock, consent, seed)
    clock.advance(30 * 86400)
    found = site.search(template(1), threshold=-1.0)
    assert (found.candidates, found.compared, found.expired) == ((), 0, 2)
    with pytest.raises(SubjectExpired):
        site.reference("card-1")
    site.set_expiry("card-1", clock.now() + timedelta(days=1))
    assert site.search(template(1), threshold=0.5).candidates
    assert site.purge(by="timer") == 1
    assert site.delete("card-1", by="o", reason="left") == 1
    assert site.search(template(1), threshold=-1.0).candidates == ()
    with site._engine.begin() as connection:
        noted = connection.execute(text("SELECT reason, templates FROM gallery_deletions ORDER BY seq")).all()
        left = connection.execute(text("SELECT count(*) FROM gallery_templates")).scalar()
    assert ([tuple(row) for row in noted], left) == ([("expired", 1), ("left", 1)], 0)
    with pytest.raises(NoSuchSubject):
        site.delete("card-1", by="o", reason="left")
    with pytest.raises(NoSuchSubject):
        site.reference("card-1")
    with pytest.raises(EnrolmentRefused):
        site.delete("card-1", by="", reason="left")


def test_another_recognisers_probe_is_refused(
    site: PgGallery, server: str, clock: ManualClock, consent: Consent
) -> None:
    _put(site, clock, consent, 1)
    with pytest.raises(TemplatesNotComparable, match="take the probe again"):
        site.search(template(1, NEWER), threshold=-1.0)
    with _open(server, clock, NEWER) as newer:
        with pytest.raises(TemplatesNotComparable, match="enrol the subjects again"):
            newer.search(template(1, NEWER), threshold=-1.0)
        with pytest.raises(TemplatesStale):
            newer.reference("card-1")
        _put(newer, clock, consent, 2, NEWER)
        assert newer.search(template(2, NEWER), threshold=0.5).stale == 1
    with pytest.raises(TemplatesNotComparable, match="lengths"):
        site.search(template(1, dims=DIMS * 2), threshold=-1.0)


@pytest.mark.parametrize(
    "said",
    [
        "'{}'",
        "'[]'",
        "'null'",
        "consent - 'purpose'",
        "consent || '{\"recorded_by\": 5}'",
        'consent || \'{"at": "2026-01-01"}\'',
        "consent || '{\"more\": 1}'",
    ],
)
def test_a_consent_somebody_took_away_names_nobody(
    site: PgGallery, clock: ManualClock, consent: Consent, said: str
) -> None:
    _put(site, clock, consent, 1)
    with site._engine.begin() as connection:
        connection.execute(text(f"UPDATE gallery_subjects SET consent = {said}"))
    with pytest.raises(ConsentMissing):
        site.reference("card-1")
    with pytest.raises(ConsentMissing):
        site.identify(template(1), threshold=0.5)
    assert site.delete("card-1", by="o", reason="withdrawn") == 1


def test_a_lanes_user_needs_no_right_to_make_tables(
    site: PgGallery, server: str, clock: ManualClock, consent: Consent
) -> None:
    _put(site, clock, consent, 1)
    with site._engine.begin() as connection:
        connection.execute(text("CREATE USER lane"))
        connection.execute(text("REVOKE CREATE ON SCHEMA public FROM public"))
        connection.execute(text("GRANT SELECT ON gallery_subjects, gallery_templates TO lane"))
    with _open(server.replace("gate@", "lane@"), clock) as lane:
        found = lane.identify(template(1), threshold=0.5)
        assert found is not None
        with pytest.raises(GalleryRefused, match="permission denied"):
            lane.delete("card-1", by="o", reason="left")
    assert site.reference("card-1").vector.size == DIMS


def test_hostile_values_write_nothing(site: PgGallery, clock: ManualClock, consent: Consent) -> None:
    _put(site, clock, consent, 1)
    nan = Template(COSINE.pack_id, COSINE.sha256, np.full(DIMS, np.nan, np.float32))
    whole = {"consent": consent, "valid_until": clock.now() + timedelta(days=1)}
    for label, templates, refusal in (
        ("card-1", [(template(2), "good")], EnrolmentRefused),
        ("card-2", [(nan, "good")], TemplateRefused),
        ("card-2", [], EnrolmentRefused),
        ("0" * 32, [(template(2), "good")], EnrolmentRefused),
    ):
        with pytest.raises(refusal):
            site.add(label=label, templates=templates, **whole)  # type: ignore[arg-type]
    strange = "x'); DROP TABLE gallery_subjects; --"
    site.add(label=strange, templates=[(template(2), "good")], **whole)  # type: ignore[arg-type]
    assert site.search(template(2), threshold=0.5).candidates[0].label == strange
    with pytest.raises(ValueError, match="finite"):
        site.search(template(1), threshold=float("nan"))


def test_the_vectors_are_plain_in_the_database_as_the_manual_says(
    site: PgGallery, server: str, clock: ManualClock, consent: Consent
) -> None:
    _put(site, clock, consent, 1)
    engine = create_engine(server)
    with engine.begin() as connection:
        seen = connection.execute(text("SELECT CAST(embedding AS real[]) FROM gallery_templates")).scalar_one()
    engine.dispose()
    assert seen == pytest.approx(unit(1).tolist(), abs=1e-7)

"""Deletion, proven on the bytes of the files themselves."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from gallery_support import COSINE, noisy, put, template

from appliance.clock import ManualClock
from appliance.gallery import database, erase, store
from appliance.gallery.errors import EnrolmentRefused, GalleryInUse, GalleryRefused, NoSuchSubject
from appliance.gallery.store import Gallery
from appliance.gallery.types import Consent

PHOTO = np.random.default_rng(1).bytes(60_000)


def _secrets(folder: Path, subject_id: str) -> list[bytes]:
    """Nonces and ciphertexts of a subject, straight from the database; photos as the parts a page holds."""
    with closing(sqlite3.connect(folder / "gallery.db")) as connection:
        rows = [
            *connection.execute("SELECT key_nonce, wrapped_key FROM subjects WHERE subject_id = ?", (subject_id,)),
            *connection.execute("SELECT nonce, sealed FROM templates WHERE subject_id = ?", (subject_id,)),
            *connection.execute("SELECT nonce, sealed FROM photos WHERE subject_id = ?", (subject_id,)),
        ]
    return [part for row in rows for value in row for part in (value[:12], value[len(value) // 2 :][:40], value[-20:])]


def _raw(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_deletion_leaves_no_byte_of_the_subject_in_any_file(
    gallery: Gallery, folder: Path, clock: ManualClock, consent: Consent
) -> None:
    for seed in range(30):
        put(gallery, clock, consent, seed, photo=PHOTO if seed % 3 == 0 else None)
    target = gallery.find("card-9").subject_id
    gallery.replace_templates(target, [(template(9), "good"), (noisy(9, 0.9), "good")])
    gallery.set_expiry(target, clock.now() + timedelta(days=9))
    secrets, other = _secrets(folder, target), _secrets(folder, gallery.find("card-12").subject_id)
    raw = _raw(folder)
    assert len(secrets) == 4 * 2 * 3
    assert all(secret in raw for secret in secrets + other)

    (certificate,) = gallery.delete(["card-9"], by="operator-7", reason="left the company")

    raw = _raw(folder)
    assert not any(secret in raw for secret in secrets)
    assert all(secret in raw for secret in other)
    assert certificate.proven
    assert certificate.remaining_matches == 0
    assert certificate.matches_before >= 4 + 60_000 // 256
    assert {one.kind for one in certificate.erased} == {"data key", "template", "photo"}
    assert certificate.files_scanned["gallery.db"] == (folder / "gallery.db").stat().st_size
    assert certificate.files_scanned["gallery.db-wal"] == 0
    with pytest.raises(NoSuchSubject):
        gallery.find("card-9")
    assert len(gallery.subjects()) == 29
    assert gallery.search(template(12), threshold=0.5).candidates[0].label == "card-12"
    assert gallery.photos("card-12") == [PHOTO]


def test_the_old_keys_of_a_changed_expiry_and_replaced_templates_go_too(
    gallery: Gallery, folder: Path, clock: ManualClock, consent: Consent
) -> None:
    target = put(gallery, clock, consent, 1)
    put(gallery, clock, consent, 2)
    old = _secrets(folder, target)
    gallery.set_expiry(target, clock.now() + timedelta(days=9))
    gallery.replace_templates(target, [(template(3), "good")])
    gallery.delete([target], by="o", reason="left")
    raw = _raw(folder)
    assert not any(secret in raw for secret in old)


def test_the_journal_of_deletions_holds_no_biometric(
    gallery: Gallery, folder: Path, clock: ManualClock, consent: Consent
) -> None:
    target = put(gallery, clock, consent, 1)
    secrets = _secrets(folder, target)
    gallery.delete([target], by="operator-7", reason="left")
    (line,) = gallery.certificates()
    said = json.loads(line)
    assert said["subject_id"] == target
    assert (said["deleted_by"], said["reason"], said["deleted_at"]) == ("operator-7", "left", clock.now().isoformat())
    assert (said["remaining_matches"], said["proven"]) == (0, True)
    assert [one["kind"] for one in said["erased"]] == ["data key", "template"]
    assert "card-1" not in line
    assert not any(secret.hex() in line for secret in secrets)


def test_a_copy_left_in_the_folder_is_found_and_the_certificate_says_so(
    gallery: Gallery, folder: Path, clock: ManualClock, consent: Consent
) -> None:
    target = put(gallery, clock, consent, 1)
    (folder / "old").mkdir()
    for name in ("gallery.db", "gallery.db-wal"):
        shutil.copy(folder / name, folder / "old" / name)
    (certificate,) = gallery.delete([target], by="o", reason="left")
    assert not certificate.proven
    assert certificate.remaining_matches > 0
    assert gallery.certificates() == [certificate.to_json()]


def test_a_reader_in_the_middle_of_a_read_keeps_the_log_and_the_certificate_says_so(
    gallery: Gallery, folder: Path, clock: ManualClock, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery._vault.connection.execute("PRAGMA busy_timeout=50")
    target = put(gallery, clock, consent, 1)
    secrets = _secrets(folder, target)
    with closing(sqlite3.connect(folder / "gallery.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subjects").fetchone()
        (certificate,) = gallery.delete([target], by="o", reason="left")
        assert not certificate.proven
        assert certificate.remaining_matches > 0
        with pytest.raises(GalleryInUse, match="expire"):
            gallery.compact()
        assert any(secret in _raw(folder) for secret in secrets)
        reader.execute("COMMIT")
        gallery.compact()
    assert not any(secret in _raw(folder) for secret in secrets)


def test_without_overwriting_and_rewriting_the_scan_would_find_remains(
    gallery: Gallery, folder: Path, clock: ManualClock, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scan can fail: rows merely removed, as any database does it, are still in the file."""
    target = put(gallery, clock, consent, 1)
    put(gallery, clock, consent, 2)
    gallery._vault.connection.execute("PRAGMA secure_delete=0")
    gallery._vault.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    monkeypatch.setattr(database, "compact", lambda *_: None)
    monkeypatch.setattr(erase, "erase", _merely_removed)
    assert gallery.delete([target], by="o", reason="left")[0].remaining_matches > 0


def _merely_removed(connection: sqlite3.Connection, subject_id: str) -> None:
    for table in ("photos", "templates", "subjects"):
        connection.execute(f"DELETE FROM {table} WHERE subject_id = ?", (subject_id,))


def test_a_deletion_cut_short_is_on_record_as_not_proven_and_the_next_purge_empties_the_files(
    gallery: Gallery,
    folder: Path,
    key_file: Path,
    clock: ManualClock,
    consent: Consent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = put(gallery, clock, consent, 1)
    put(gallery, clock, consent, 2)
    secrets = _secrets(folder, target)

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(database, "compact", power_cut)
        with pytest.raises(KeyboardInterrupt):
            gallery.delete([target], by="o", reason="left")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    gallery.close()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    assert any(secret in _raw(folder) for secret in secrets)
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as after:
        said = json.loads(after.certificates()[0])
        assert (said["subject_id"], said["proven"], said["remaining_matches"]) == (target, False, -1)
        assert after.search(template(1), threshold=0.5).candidates == ()
        after.compact()
    assert not any(secret in _raw(folder) for secret in secrets)


def test_purge_deletes_who_is_out_of_date_and_nobody_else(
    gallery: Gallery, clock: ManualClock, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_PURGED_AT_ONCE", 2)
    for seed in range(4):
        put(gallery, clock, consent, seed)
    gallery.set_expiry("card-1", clock.now() + timedelta(days=40))
    assert gallery.purge(by="timer") == []
    clock.advance(30 * 86400)
    certificates = gallery.purge(by="timer")
    assert len(certificates) == 3
    assert all(one.proven and one.reason == "expired" for one in certificates)
    assert [one.label for one in gallery.subjects()] == ["card-1"]


def test_a_subject_whose_rows_were_edited_can_still_be_deleted(
    gallery: Gallery, folder: Path, clock: ManualClock, consent: Consent
) -> None:
    target = put(gallery, clock, consent, 1)
    with closing(sqlite3.connect(folder / "gallery.db", isolation_level=None)) as connection:
        connection.execute("UPDATE subjects SET wrapped_key = zeroblob(48), label = 'edited'")
    assert gallery.delete([target], by="o", reason="damaged")[0].proven


def test_deleting_nobody_or_for_no_reason_is_refused(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    put(gallery, clock, consent, 1)
    with pytest.raises(NoSuchSubject):
        gallery.delete(["card-1", "card-2"], by="o", reason="left")
    for by, reason in (("", "left"), ("o", " ")):
        with pytest.raises(EnrolmentRefused):
            gallery.delete(["card-1"], by=by, reason=reason)
    assert len(gallery.subjects()) == 1


def test_what_is_looked_for_of_a_large_photo_is_bounded(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    target = put(gallery, clock, consent, 1, photo=np.random.default_rng(3).bytes(5_000_000))
    captured = erase.capture(gallery._vault.connection, target)
    assert 1000 < len(captured.pieces) < 1020
    assert gallery.delete([target], by="o", reason="left")[0].proven


def test_a_file_that_cannot_be_read_proves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"x")
    captured = erase.Captured("s", (b"p" * 28,), ())

    def refuse(*_args: object, **_named: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(GalleryRefused, match="nothing is proven"):
        erase.count_matches(tmp_path, [captured])


@pytest.mark.parametrize("at", [0, 1, 7, 8, 4095, 65_536 - 28, 65_536 - 5, 65_536, 100_000 - 28])
def test_a_piece_is_found_wherever_it_lies(tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase, "_BLOCK", 65_536)
    piece, nonce = bytes(range(100, 128)), bytes(range(200, 212))
    captured = erase.Captured("s", (piece, nonce), ())
    data = bytearray(np.random.default_rng(2).bytes(100_000))
    (tmp_path / "f").write_bytes(data)
    assert erase.count_matches(tmp_path, [captured]) == ({"s": 0}, {"f": 100_000})
    data[at : at + 28] = piece
    (tmp_path / "f").write_bytes(data)
    assert erase.count_matches(tmp_path, [captured]) == ({"s": 1}, {"f": 100_000})
    data[at : at + 28] = piece[:27] + b"?"
    (tmp_path / "f").write_bytes(data)
    assert erase.count_matches(tmp_path, [captured])[0] == {"s": 0}


def test_readers_and_writers_of_the_deleted_gallery_go_on(
    gallery: Gallery, folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    put(gallery, clock, consent, 1)
    gallery.delete(["card-1"], by="o", reason="left")
    put(gallery, clock, consent, 1)
    with Gallery.open(folder, key_file, clock, recogniser=COSINE) as reader:
        assert reader.search(template(1), threshold=0.5).candidates[0].label == "card-1"

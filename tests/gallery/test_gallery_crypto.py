"""Key files, sealed bytes, and rows that somebody moved or edited."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from gallery_support import COSINE, put, template, unit
from hypothesis import given
from hypothesis import strategies as st

from appliance.clock import ManualClock
from appliance.gallery import crypto
from appliance.gallery.crypto import Sealer, create_key_file, read_key_file
from appliance.gallery.errors import GalleryInUse, GalleryRefused, KeyRefused
from appliance.gallery.rekey import rekey
from appliance.gallery.store import Gallery
from appliance.gallery.types import Consent

KEY = bytes(range(32))


def test_a_key_file_is_private_random_and_never_overwritten(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "one.key", tmp_path / "two.key"
    create_key_file(one)
    create_key_file(two)
    assert one.stat().st_mode & 0o777 == 0o600
    assert len(read_key_file(one)) == 32
    assert read_key_file(one) != read_key_file(two)
    before = one.read_bytes()
    with pytest.raises(KeyRefused, match="never overwritten"):
        create_key_file(one)
    assert one.read_bytes() == before


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o700 | 0o001])
def test_a_key_file_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "k"
    create_key_file(path)
    path.chmod(mode)
    with pytest.raises(KeyRefused, match="others may have read it"):
        read_key_file(path)


def _link(path: Path) -> None:
    create_key_file(path.with_name("real"))
    path.symlink_to(path.with_name("real"))


def _written(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.touch(0o600)
        path.write_text(text)

    return write


@pytest.mark.parametrize(
    "make",
    [
        lambda path: None,
        lambda path: path.mkdir(0o700),
        lambda path: os.mkfifo(path, 0o600),
        _link,
        _written(""),
        _written("00" * 32),
        _written("sallyport-gallery-key-1:" + "00" * 31),
        _written("sallyport-gallery-key-1:" + "00" * 33),
        _written("sallyport-gallery-key-1:" + "zz" * 32),
        _written("sallyport-gallery-key-1:" + "é" * 32),
    ],
    ids=["absent", "folder", "pipe", "link", "empty", "no header", "short", "long", "no hex", "no ascii"],
)
def test_what_is_no_key_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "k")
    with pytest.raises(KeyRefused):
        read_key_file(tmp_path / "k")


@given(plain=st.binary(max_size=64), words=st.lists(st.text(max_size=8), min_size=3, max_size=5))
def test_what_was_sealed_opens_for_the_same_words_only(plain: bytes, words: list[str]) -> None:
    sealer = Sealer(KEY)
    nonce, sealed = sealer.seal(plain, words)
    assert sealer.open(nonce, sealed, words) == plain
    joined = ["".join(words[:2]), *words[2:]]
    for other in (joined, [*words, ""], words[:-1], [words[0] + "x", *words[1:]]):
        with pytest.raises(GalleryRefused):
            sealer.open(nonce, sealed, other)


def test_any_flipped_bit_and_any_other_key_is_refused() -> None:
    nonce, sealed = Sealer(KEY).seal(unit(1).tobytes(), ("template", "s"))
    assert np.array_equal(Sealer(KEY).open_vector(nonce, sealed, ("template", "s")), unit(1))
    for place in (0, len(sealed) // 2, len(sealed) - 1):
        bad = bytearray(sealed)
        bad[place] ^= 1
        with pytest.raises(GalleryRefused, match="changed, moved or damaged"):
            Sealer(KEY).open_vector(nonce, bytes(bad), ("template", "s"))
    with pytest.raises(GalleryRefused):
        Sealer(bytes(32)).open(nonce, sealed, ("template", "s"))
    for cut in (b"", sealed[:16], sealed[:-1], sealed[:-4]):
        with pytest.raises(GalleryRefused):
            Sealer(KEY).open_vector(nonce, cut, ("template", "s"))


def _sql(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "gallery.db", isolation_level=None)) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount != 0


EDITS = {
    "templates of two subjects swapped": (
        "CREATE TABLE t AS SELECT template_id, subject_id FROM templates",
        "UPDATE templates SET subject_id = (SELECT subject_id FROM t WHERE t.template_id = 3 - templates.template_id)",
    ),
    "template bytes swapped": (
        "CREATE TABLE t AS SELECT template_id, sealed FROM templates",
        "UPDATE templates SET sealed = (SELECT sealed FROM t WHERE t.template_id = 3 - templates.template_id)",
    ),
    "key of another subject": (
        "CREATE TABLE t AS SELECT wrapped_key FROM subjects WHERE label = 'card-2'",
        "UPDATE subjects SET wrapped_key = (SELECT wrapped_key FROM t) WHERE label = 'card-1'",
    ),
    "longer validity": ("UPDATE subjects SET valid_until = '2099-01-01T00:00:00+00:00' WHERE label = 'card-1'",),
    "another label": ("UPDATE subjects SET label = 'card-9' WHERE label = 'card-1'",),
    "another purpose": ("UPDATE subjects SET consent = replace(consent, 'door', 'cellar')",),
    "better quality": ("UPDATE templates SET quality = 'eyes 900 px apart'",),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_gallery_with_an_edited_row_answers_no_search(
    folder: Path, key_file: Path, clock: ManualClock, consent: Consent, edit: str
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as gallery:
        for seed in (1, 2):
            put(gallery, clock, consent, seed)
        assert gallery.search(template(1), threshold=0.5).candidates[0].label == "card-1"
    _sql(folder, *EDITS[edit])
    with Gallery.open(folder, key_file, clock, recogniser=COSINE) as gallery:
        for _ in range(2):
            with pytest.raises(GalleryRefused, match="changed, moved or damaged"):
                gallery.search(template(1), threshold=0.5)


def test_a_template_relabelled_as_the_new_recognisers_does_not_open(
    folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as gallery:
        put(gallery, clock, consent, 1)
    newer = type(COSINE)("fake-cosine", "b" * 64, "cosine")
    _sql(folder, f"UPDATE templates SET recogniser_sha256 = '{newer.sha256}'")
    with Gallery.open(folder, key_file, clock, recogniser=newer) as gallery, pytest.raises(GalleryRefused):
        gallery.search(template(1, newer), threshold=0.5)


def test_nonces_never_repeat_and_a_repeated_one_is_refused(
    gallery: Gallery, folder: Path, clock: ManualClock, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    draw = crypto.os.urandom

    def noted(size: int) -> bytes:
        seen.append(draw(size))
        return seen[-1]

    monkeypatch.setattr(crypto.os, "urandom", noted)
    for seed in range(20):
        put(gallery, clock, consent, seed, photo=b"photo")
    assert len(seen) == 60  # one for the key, one for the template, one for the photo
    assert len(set(seen)) == len(seen)
    assert {len(nonce) for nonce in seen} == {12}
    monkeypatch.setattr(crypto.os, "urandom", lambda size: seen[0])
    with pytest.raises(GalleryRefused, match="contradicts"):
        put(gallery, clock, consent, 99)
    assert len(gallery.subjects()) == 20


def test_after_rekey_only_the_new_key_opens_and_an_old_copy_opens_with_the_old_one_only(
    folder: Path, key_file: Path, tmp_path: Path, clock: ManualClock, consent: Consent
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as gallery:
        for seed in (1, 2):
            put(gallery, clock, consent, seed, photo=b"photo")
        with pytest.raises(GalleryInUse):
            rekey(folder, key_file, tmp_path / "early.key")
    shutil.copytree(folder, tmp_path / "backup")
    with closing(sqlite3.connect(folder / "gallery.db")) as connection:
        old = [row[0] for row in connection.execute("SELECT wrapped_key FROM subjects")]
    assert rekey(folder, key_file, tmp_path / "new.key") == 2
    raw = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not any(wrapped in raw for wrapped in old)
    with pytest.raises(KeyRefused):
        Gallery.open(folder, key_file, clock)
    with pytest.raises(KeyRefused):
        Gallery.open(tmp_path / "backup", tmp_path / "new.key", clock)
    with Gallery.open(folder, tmp_path / "new.key", clock, recogniser=COSINE) as gallery:
        assert gallery.search(template(1), threshold=0.5).candidates[0].label == "card-1"
        assert gallery.photos("card-2") == [b"photo"]


def test_a_rekey_that_meets_an_edited_row_leaves_the_old_key_the_right_one(
    folder: Path, key_file: Path, tmp_path: Path, clock: ManualClock, consent: Consent
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as gallery:
        for seed in (1, 2):
            put(gallery, clock, consent, seed)
    _sql(folder, "UPDATE subjects SET label = 'card-9' WHERE label = 'card-2'")
    with pytest.raises(GalleryRefused, match="changed, moved or damaged"):
        rekey(folder, key_file, tmp_path / "new.key")
    with pytest.raises(KeyRefused, match="own folder"):
        rekey(folder, key_file, folder / "new.key")
    with Gallery.open(folder, key_file, clock, recogniser=COSINE) as gallery:
        assert np.array_equal(gallery.reference("card-1").vector, unit(1))
        with pytest.raises(GalleryRefused, match="changed, moved or damaged"):
            gallery.reference("card-9")


def test_the_files_hold_neither_template_nor_photo_nor_key_in_clear(
    gallery: Gallery, folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    photo = b"a photo that would be recognised anywhere" * 300
    put(gallery, clock, consent, 5, photo=photo)
    raw = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"card-5" in raw  # labels are in clear, and the scan does see the row
    assert unit(5).tobytes()[:16] not in raw
    assert photo[:30] not in raw
    assert read_key_file(key_file) not in raw
    assert gallery.photos("card-5") == [photo]

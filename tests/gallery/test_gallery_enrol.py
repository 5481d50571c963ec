"""From photos to subjects: hostile photos, duplicates, and enrolling again after the recogniser changed."""

import io
import struct
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery_support import COSINE, NEWER, FakePack, encode, floor, picture, put, template
from PIL import Image as Pillow

from appliance.clock import ManualClock
from appliance.gallery.enrol import Quality, acquire, enrol, lane_quality, recogniser_of, reenrol
from appliance.gallery.errors import DuplicateSuspected, EnrolmentRefused
from appliance.gallery.photo import decode
from appliance.gallery.store import Gallery
from appliance.gallery.types import Consent


def _enrol(gallery: Gallery, clock: ManualClock, consent: Consent, person: int, **more: Any) -> Any:
    named = {"label": f"card-{person}", "consent": consent, "valid_until": clock.now() + timedelta(days=30)}
    photo = more.pop("photo", picture(person))
    return enrol(gallery, FakePack(), photo, floor=floor, **(named | more))


def test_the_photo_is_kept_only_when_asked(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    _enrol(gallery, clock, consent, 1)
    _enrol(gallery, clock, consent, 2, keep_photo=True)
    assert gallery.photos("card-1") == []
    assert gallery.photos("card-2") == [picture(2)]
    found = gallery.search(template(2), threshold=0.9)
    assert [one.label for one in found.candidates] == ["card-2"]


def test_somebody_enrolled_already_is_noticed(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    _enrol(gallery, clock, consent, 1)
    with pytest.raises(DuplicateSuspected, match=r"card-1 \(1.000\)") as refused:
        _enrol(gallery, clock, consent, 1, label="again")
    assert refused.value.candidates[0].label == "card-1"
    assert len(gallery.subjects()) == 1
    done = _enrol(gallery, clock, consent, 1, label="again", allow_duplicate=True)
    assert [one.label for one in done.resembles] == ["card-1"]
    assert _enrol(gallery, clock, consent, 1, label="third", duplicate_threshold=1.1).resembles == ()


@pytest.mark.parametrize(
    ("photo", "match"),
    [
        (picture(1, faces=0), "shows no faces"),
        (picture(1, faces=2), "shows 2 faces"),
        (picture(1, shade=10), "too dark; shade 10"),
        (picture(255), "no landmarks"),
        (b"", "neither JPEG nor PNG"),
        (b"\xff\xd8\xff\xe0", "neither JPEG nor PNG"),
        (b"GIF89a" + bytes(100), "neither JPEG nor PNG"),
        (picture(1)[:-40], "damaged"),
        (picture(1, kind="JPEG")[:400], "neither|damaged"),
        (b"\xff" * 20_000_001, "the limit is 20000000"),
    ],
    ids=["none", "two", "dark", "no template", "empty", "stub", "gif", "cut png", "cut jpeg", "large"],
)
def test_a_photo_that_is_not_fit_enrols_nobody(
    gallery: Gallery, clock: ManualClock, consent: Consent, photo: bytes, match: str
) -> None:
    with pytest.raises(EnrolmentRefused, match=match):
        _enrol(gallery, clock, consent, 1, photo=photo)
    assert gallery.subjects() == []


def _bomb(side: int, *, whole: bool) -> bytes:
    """A PNG of a few kilobytes that says it is `side` x `side`."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1 + 3 * side) * (64 if whole else 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [20_000, 12_000, 7_000, 60_000])
def test_a_photo_bomb_is_refused_by_its_header(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", never)
    with pytest.raises(EnrolmentRefused, match="pixels"):
        decode(_bomb(side, whole=True))


def test_a_text_chunk_that_unpacks_to_a_gigabyte_is_refused() -> None:
    data = b"k\0\0" + zlib.compress(bytes(80_000_000))
    chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    good = picture(1)
    with pytest.raises(EnrolmentRefused, match=r"damaged|neither"):
        decode(good[:33] + chunk + good[33:])


def test_a_photo_is_turned_as_its_exif_says() -> None:
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20] = 255
    exif = Pillow.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Pillow.fromarray(pixels).save(out, "PNG", exif=exif)
    turned = decode(out.getvalue())
    assert turned.shape == (40, 20, 3)
    assert turned[0].min() == 255


def test_colours_come_back_in_bgr() -> None:
    out = io.BytesIO()
    Pillow.fromarray(np.full((16, 16, 3), (0, 0, 200), np.uint8)).save(out, "PNG")
    assert decode(out.getvalue())[3, 3].tolist() == [200, 0, 0]


def test_a_pack_that_is_not_the_gallerys_enrols_nobody(gallery: Gallery, clock: ManualClock, consent: Consent) -> None:
    with pytest.raises(Exception, match="take the probe again"):
        enrol(gallery, FakePack(NEWER), picture(1), floor=floor, label="x", consent=consent, valid_until=clock.now())
    assert gallery.subjects() == []


def test_reenrolment_goes_on_where_it_was_stopped(
    folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as gallery:
        for person in range(1, 6):
            _enrol(gallery, clock, consent, person, keep_photo=person != 3)
            clock.advance(1)
    with Gallery.open(folder, key_file, clock, recogniser=NEWER, writable=True) as gallery:
        run = reenrol(gallery, FakePack(NEWER), floor)
        assert [next(run).problem for _ in range(2)] == [None, None]
        run.close()
    with Gallery.open(folder, key_file, clock, recogniser=NEWER, writable=True) as gallery:
        assert len(gallery.stale()) == 3
        steps = list(reenrol(gallery, FakePack(NEWER), floor))
        assert [(one.done, one.total, one.problem is None) for one in steps] == [
            (1, 3, False),
            (2, 3, True),
            (3, 3, True),
        ]
        assert "no photo was kept" in str(next(one.problem for one in steps if one.problem))
        assert [one.label for one in gallery.stale()] == ["card-3"]
        found = gallery.search(template(4, NEWER), threshold=0.9)
        assert ([one.label for one in found.candidates], found.stale) == (["card-4"], 1)
        assert all(one.template_count == 1 for one in gallery.subjects())


def test_a_kept_photo_the_new_pack_cannot_use_leaves_the_subject_stale(
    gallery: Gallery, folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    put(gallery, clock, consent, 1, photo=picture(1, faces=3))
    gallery.close()
    with Gallery.open(folder, key_file, clock, recogniser=NEWER, writable=True) as after:
        (step,) = reenrol(after, FakePack(NEWER), floor)
        assert "3 faces" in str(step.problem)
        assert after.find("card-1").template_count == 1


def test_enrolling_beside_stale_subjects_says_who_was_not_compared(
    folder: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    with Gallery.open(folder, key_file, clock, recogniser=COSINE, writable=True) as gallery:
        _enrol(gallery, clock, consent, 1)
    with Gallery.open(folder, key_file, clock, recogniser=NEWER, writable=True) as gallery:
        done = enrol(
            gallery,
            FakePack(NEWER),
            picture(1),
            floor=floor,
            label="again",
            consent=consent,
            valid_until=clock.now() + timedelta(days=1),
        )
        assert (done.resembles, done.not_compared) == ((), 1)


@pytest.mark.measured
def test_the_real_pack_enrols_finds_and_refuses_a_crowd(
    tmp_path: Path, shared: Path, key_file: Path, clock: ManualClock, consent: Consent
) -> None:
    import insightface.data

    from appliance.face.packs import load_pack
    from appliance.models.manager import import_from

    import_from(shared, tmp_path / "models")
    pack = load_pack("open-omz", tmp_path / "models")
    crowd = insightface.data.get_image("t1", use_cache=False)
    Gallery.create(tmp_path / "gallery", key_file, clock)
    until = clock.now() + timedelta(days=1)
    with Gallery.open(
        tmp_path / "gallery", key_file, clock, recogniser=recogniser_of("open-omz"), writable=True
    ) as gallery:
        with pytest.raises(EnrolmentRefused, match="6 faces"):
            enrol(gallery, pack, encode(crowd), label="crowd", consent=consent, valid_until=until)
        boxes = [[round(v) for v in face.box] for face in pack.detect(crowd)]
        crops = [crowd[max(0, y1 - 15) : y2 + 15, max(0, x1 - 8) : x2 + 8] for x1, y1, x2, y2 in boxes]
        alone = [crop for crop in map(np.ascontiguousarray, crops) if len(pack.detect(crop)) == 1]
        assert len(alone) >= 4
        for number, crop in enumerate(alone):
            with pytest.raises(EnrolmentRefused, match="come closer"):
                acquire(pack, encode(crop))
            enrol(
                gallery,
                pack,
                encode(crop),
                label=f"card-{number}",
                consent=consent,
                valid_until=until,
                floor=any_quality,
            )
        for number, crop in enumerate(alone):
            darker = (crop[:, ::-1] * 0.8).astype(np.uint8)
            probe, _ = acquire(pack, encode(darker), any_quality)[0]
            found = gallery.search(probe, threshold=pack.threshold)
            assert [one.label for one in found.candidates] == [f"card-{number}"]
            assert pack.compare(gallery.reference(f"card-{number}"), probe).accepted
            assert not pack.compare(gallery.reference(f"card-{number - 1 if number else 1}"), probe).accepted
            assert gallery.identify(probe, threshold=pack.threshold) == found.candidates[0]
        # With the quality floor of the lane, and its words kept beside the template.
        large = [larger(crop) for crop in alone]
        good = [photo for photo in large if lane_quality(photo, pack.detect(photo)[0]).fault is None]
        again = enrol(
            gallery, pack, encode(good[0]), label="large", consent=consent, valid_until=until, allow_duplicate=True
        )
        assert len(again.resembles) == 1


def larger(crop: Any) -> Any:
    import cv2

    return cv2.copyMakeBorder(cv2.resize(crop, None, fx=2, fy=2), 80, 80, 80, 80, cv2.BORDER_REPLICATE)


def any_quality(_image: object, _face: object) -> Quality:
    return Quality("not judged")

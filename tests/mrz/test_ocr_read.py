"""Zones read off rendered pages, and pictures that are none. Figures are the bench's (`python -m hil.bench.mrz`)."""

import io
import json
import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from appliance.document.mrz import Format, parse
from appliance.document.ocr.classifier import ALPHABET, WEIGHTS, opinions
from appliance.document.ocr.read import ImageRefused, Reading, decode, grey_of, read
from appliance.main import app
from hil.bench import mrz as bench
from hil.mrz import train
from hil.mrz.page import CONDITIONS, Condition, FontMissing, take
from hil.mrz.zone import drawn

TODAY = date(2026, 11, 28)
READER = CONDITIONS["reader"]


def page(size: str, seed: int, condition: Condition = READER) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    lines = drawn(random.Random(seed), size)
    return lines, take(lines, condition, np.random.default_rng(seed)).image


@pytest.mark.parametrize(("size", "seed"), [("TD3", 1), ("TD3", 2), ("TD1", 3), ("TD2", 4)])
def test_a_flat_scan_is_read_whole(size: str, seed: int) -> None:
    lines, image = page(size, seed)
    reading = read(grey_of(image))
    assert reading is not None
    assert reading.format is Format[size]
    assert reading.lines == lines
    assert reading.access == (parse(lines, TODAY).access,)
    assert lines[-1] not in repr(reading)


def test_most_pages_before_a_camera_open_the_chip_within_three_tries() -> None:
    """A floor far below the bench's figure, so that chance does not fail it; a broken step does."""
    opened = 0
    for seed in range(8):
        lines, image = page("TD3", 100 + seed, CONDITIONS["camera"])
        reading = read(grey_of(image))
        opened += reading is not None and parse(lines, TODAY).access in reading.access
    assert opened >= 5


def test_a_page_without_a_zone_and_other_pictures_have_none() -> None:
    _, image = page("TD3", 1)
    grey = grey_of(image)
    chance = np.random.default_rng(5)
    stripes = np.tile(np.repeat(np.array([255, 0], np.uint8), 8), (600, 60))
    pictures = [
        grey[: int(0.6 * len(grey))],
        np.full((800, 1200), 255, np.uint8),
        chance.integers(0, 256, (800, 1200), dtype=np.uint8),
        stripes,
        stripes.T.copy(),
        np.zeros((1, 5000), np.uint8),
        chance.integers(0, 256, (75, 300_000), dtype=np.uint8),
        grey[::-1].copy(),
    ]
    for picture in pictures:
        assert read(np.ascontiguousarray(picture)) is None


def test_what_covers_part_of_the_zone_is_not_read_over() -> None:
    """A thumb over ten characters: nothing, or lines that are not said to be right."""
    lines, image = page("TD3", 1)
    height, width = image.shape[:2]
    image[int(0.78 * height) :, int(0.4 * width) : int(0.62 * width)] = (90, 120, 190)
    reading = read(grey_of(image))
    assert reading is None or reading.lines != lines


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(50, 500), st.integers(250, 700), st.integers(0, 2**32 - 1))
def test_no_picture_breaks_it(height: int, width: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    noise = chance.integers(0, 256, (height // 9 + 1, width // 9 + 1), dtype=np.uint8)
    picture = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    reading = read(picture)
    assert reading is None or isinstance(reading, Reading)


def packed(width: int, height: int, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (width, height), 200).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"P<UTOERIKSSON<<ANNA", "not a picture"),
        (packed(1, 1), "too small"),
        (packed(299, 299), "too small"),
        (packed(9000, 5000), "40 million pixels"),
        (packed(800, 600)[:60], "damaged or cut off"),
        (packed(800, 600, "JPEG")[:-300], "damaged or cut off"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 400, "not a picture|damaged"),
        (b"\0" * 30_000_001, "larger than 30 MB"),
    ],
)
def test_what_is_no_usable_picture_is_said(data: bytes, said: str) -> None:
    with pytest.raises(ImageRefused, match=said):
        decode(data)


def test_a_picture_that_says_it_lies_on_its_side_is_turned_upright() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned by a quarter
    Image.new("L", (800, 600), 90).save(buffer, "JPEG", exif=exif)
    assert decode(buffer.getvalue()).shape == (800, 600)


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM", b"II*\0", b"P5 "])
)
def test_no_bytes_break_the_decoder(data: bytes, head: bytes) -> None:
    try:
        said = str(decode(head + data).ndim)
    except ImageRefused as error:
        said = str(error)
    assert said == "2" or said.startswith(("The file", "The picture"))


def written(tmp_path: Path, image: NDArray[np.uint8]) -> str:
    path = tmp_path / "page.png"
    assert cv2.imwrite(str(path), image)
    return str(path)


def test_the_command_masks_and_says_what_it_is_worth(tmp_path: Path) -> None:
    lines, image = page("TD3", 1)
    path = written(tmp_path, image)
    done = CliRunner().invoke(app, ["mrz", "read", path])
    assert done.exit_code == 0, done.output
    assert "never trusted over it" in done.stdout
    assert "All check digits are right" in done.stdout
    mrz = parse(lines, TODAY)
    for secret in (mrz.document_number, mrz.surname, mrz.access.date_of_birth):
        assert secret not in done.stdout
    shown = CliRunner().invoke(app, ["mrz", "read", path, "--unmask"])
    assert all(line in shown.stdout for line in lines)
    told = json.loads(CliRunner().invoke(app, ["mrz", "read", path, "--json"]).stdout)
    assert (told["format"], told["check"], told["masked"]) == ("TD3", "right", True)
    assert lines[1] not in told["lines"]
    assert told["candidates_for_the_chip"] == 1


def test_the_command_says_when_nothing_is_sure(tmp_path: Path) -> None:
    lines, image = page("TD3", 1)
    blank = CliRunner().invoke(app, ["mrz", "read", written(tmp_path, image[: len(image) // 2])])
    assert blank.exit_code == 1
    assert "No machine-readable zone was found" in blank.stdout
    digit = str((int(lines[1][43]) + 1) % 10)
    wrong = take((lines[0], lines[1][:43] + digit), READER, np.random.default_rng(1)).image
    done = CliRunner().invoke(app, ["mrz", "read", written(tmp_path, wrong)])
    assert done.exit_code == 1
    assert "check digit of the whole zone is wrong" in done.stdout


@pytest.mark.parametrize(("name", "data"), [("empty.png", b""), ("text.png", b"hello"), ("dot.png", packed(1, 1))])
def test_the_command_refuses_what_is_no_picture(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    for given_path in (path, tmp_path / "none.png", tmp_path, Path("/dev/zero")):
        done = CliRunner().invoke(app, ["mrz", "read", str(given_path)])
        assert done.exit_code == 2
        assert str(given_path) in done.stderr
        assert "Traceback" not in done.output


def test_the_weights_are_small_and_know_the_alphabet() -> None:
    assert WEIGHTS.stat().st_size < 200_000
    printed = (ALPHABET.strip().ljust(44, "<"), ALPHABET.strip()[::-1].rjust(44, "<"))
    chance = np.random.default_rng(3)
    picture = take(printed, READER, chance)
    for row, line in enumerate(printed):
        told = opinions(train.cells(picture, row, 44, chance))
        assert told.shape == (48, len(ALPHABET))
        assert np.allclose(np.exp(told).sum(axis=1), 1, atol=1e-4)
        assert "".join(ALPHABET[at] for at in told.argmax(axis=1)) == f"  {line}  "


def test_learning_learns_and_writes_weights_of_the_same_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["--pages", "6", "--out", str(tmp_path / "w.npz")]) == 0
    told, of = (int(word) for word in capsys.readouterr().out.split(": ")[1].split(" cells")[0].split(" of "))
    assert told > of / 4  # by chance it were one in 37
    with np.load(tmp_path / "w.npz") as fresh, np.load(WEIGHTS) as kept:
        assert {name: fresh[name].shape for name in fresh} == {name: kept[name].shape for name in kept}


def test_the_bench_prints_every_condition_with_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--pages", "1", "--seed", "7"]) == 0
    said = capsys.readouterr().out
    assert all(f"{condition.px_per_mm:g}" in said for condition in CONDITIONS.values())
    assert "no camera was used" in said
    assert "Clopper-Pearson" in said


def test_a_missing_font_is_said_with_its_cure() -> None:
    with pytest.raises(FontMissing, match="apt-get install"):
        take(("A" * 30,) * 3, replace(READER, font="none.otf"), np.random.default_rng(1))

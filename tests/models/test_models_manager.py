"""Weights: proven, imported, fetched; and everything a network or a folder can put in their place."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.face.packs import load_pack
from appliance.models import manager
from appliance.models.catalogue import (
    CUES,
    OPEN_OMZ,
    PACKS,
    PYPI_DLIB,
    RGB_CUE,
    ModelFile,
    PackRecord,
    Weights,
)
from appliance.models.manager import FetchFailed, HashMismatch, ModelError, PackMissing, State

CONTENT = {"one.onnx": b"detector " * 4000, "two.bin": b"weights " * 9000, "two.xml": b"<net/>" * 500}


def model_file(name: str, role: str = "recogniser") -> ModelFile:
    digest = hashlib.sha256(CONTENT[name]).hexdigest()
    urls = (f"https://first.example/{name}", f"https://second.example/{name}")
    return ModelFile(name, role, len(CONTENT[name]), digest, "MIT", True, urls)  # type: ignore[arg-type]


@pytest.fixture
def pack(monkeypatch: pytest.MonkeyPatch) -> PackRecord:
    """open-omz with small files, in place of the real catalogue; no installed modules needed."""
    files = (model_file("one.onnx", "detector"), model_file("two.bin"), model_file("two.xml"))
    small = replace(OPEN_OMZ, files=files, modules=())
    absent = replace(PYPI_DLIB, modules=("no_such_module_of_ours",))
    packs = {"open-omz": small, "pypi-dlib": absent}
    monkeypatch.setattr(manager, "PACKS", packs)
    return small


class FakeDownload:
    def __init__(self, content: bytes, length: int | None, fail: OSError | None = None) -> None:
        self.stream, self.length, self.fail, self.closed = io.BytesIO(content), length, fail, False

    def read(self, size: int) -> bytes:
        piece = self.stream.read(size)
        if not piece and self.fail:
            raise self.fail
        return piece

    def close(self) -> None:
        self.closed = True


class FakeOpener:
    """Answers by URL; remembers what it opened."""

    def __init__(self, answer: Callable[[str], FakeDownload]) -> None:
        self.answer, self.opened, self.downloads = answer, [], []

    def __call__(self, url: str, timeout_s: float) -> FakeDownload:
        assert timeout_s > 0
        self.opened.append(url)
        self.downloads.append(self.answer(url))
        return self.downloads[-1]


def honest(url: str) -> FakeDownload:
    content = CONTENT[url.rsplit("/", 1)[1]]
    return FakeDownload(content, len(content))


def fetch(opener: FakeOpener, folder: Path, clock: ManualClock | None = None) -> tuple[Path, ...]:
    return manager.fetch("open-omz", folder, opener=opener, progress=lambda *_: None, clock=clock or ManualClock())


def fill(folder: Path, **other: bytes) -> None:
    folder.mkdir(exist_ok=True)
    for name, content in CONTENT.items():
        (folder / name).write_bytes(other.get(name.replace(".", "_"), content))


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# --- verify -------------------------------------------------------------------------------------------------


def test_ready_pack(pack: PackRecord, tmp_path: Path) -> None:
    fill(tmp_path)
    assert manager.check_pack("open-omz", tmp_path).state is State.READY
    assert set(manager.require("open-omz", tmp_path)) == set(CONTENT)
    assert manager.read_verified(pack, pack.files[0], tmp_path) == CONTENT["one.onnx"]
    assert manager.best_available(tmp_path) == "open-omz"
    assert manager.advice(manager.check_pack("open-omz", tmp_path)) == ""


def test_missing_pack_gives_the_command(pack: PackRecord, tmp_path: Path) -> None:
    with pytest.raises(PackMissing, match=r"appliance models fetch open-omz .*appliance models import FOLDER"):
        manager.require("open-omz", tmp_path / "nowhere")
    with pytest.raises(PackMissing, match="appliance models fetch open-omz"):
        manager.read_verified(pack, pack.files[0], tmp_path / "nowhere")


@pytest.mark.parametrize("damage", [b"", b"x", CONTENT["two.bin"][:-1], CONTENT["two.bin"] + b"!", b"<!DOCTYPE html>"])
def test_wrong_file_refuses_and_says_both_hashes(pack: PackRecord, tmp_path: Path, damage: bytes) -> None:
    fill(tmp_path, two_bin=damage)
    for attempt in (
        lambda: manager.require("open-omz", tmp_path),
        lambda: manager.read_verified(pack, pack.files[1], tmp_path),
        lambda: manager.best_available(tmp_path),
    ):
        with pytest.raises(HashMismatch) as caught:
            attempt()
        assert hashlib.sha256(damage).hexdigest() in str(caught.value)
        assert pack.files[1].sha256 in str(caught.value)


def test_damage_of_the_better_pack_never_falls_back(
    pack: PackRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(manager.PACKS, "pypi-dlib", replace(PYPI_DLIB, files=(), modules=()))
    assert manager.best_available(tmp_path) == "pypi-dlib"
    (tmp_path / "two.xml").write_bytes(b"tampered")
    with pytest.raises(HashMismatch):
        manager.best_available(tmp_path)


def test_nothing_available_says_how_to_get_either(pack: PackRecord, tmp_path: Path) -> None:
    with pytest.raises(PackMissing) as caught:
        manager.best_available(tmp_path)
    assert "appliance models fetch open-omz" in str(caught.value)
    assert "pip install" in str(caught.value)


def test_unknown_pack_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="open-omz, pypi-dlib"):
        manager.require("buffalo_l", tmp_path)


def test_the_registry_pack_is_where_pip_put_it() -> None:
    check = manager.check_pack("pypi-dlib", Path("nowhere"))
    assert check.state is State.READY
    assert all("face_recognition_models" in str(item.path) for item in check.files)


def test_a_folder_in_place_of_a_file_is_missing(pack: PackRecord, tmp_path: Path) -> None:
    (tmp_path / "one.onnx").mkdir()
    assert manager.check_pack("open-omz", tmp_path).state is State.MISSING


# --- import -------------------------------------------------------------------------------------------------


def test_import_finds_files_by_hash_whatever_their_name(pack: PackRecord, tmp_path: Path) -> None:
    source, target = tmp_path / "stick", tmp_path / "models"
    (source / "deep" / "er").mkdir(parents=True)
    for place, name in (("a", "one.onnx"), ("deep/b.dat", "two.bin"), ("deep/er/c (1).xml", "two.xml")):
        (source / place).write_bytes(CONTENT[name])
    written = manager.import_from(source, target)
    assert sorted(path.name for path in written) == sorted(CONTENT)
    assert leftovers(target) == sorted(CONTENT)
    assert manager.check_pack("open-omz", target).state is State.READY


def test_import_leaves_lookalikes(pack: PackRecord, tmp_path: Path) -> None:
    source, target = tmp_path / "stick", tmp_path / "models"
    same_size = CONTENT["one.onnx"][:-1] + b"?"
    fill(source, one_onnx=same_size, two_bin=CONTENT["two.bin"][:100], two_xml=b"<html>not a model</html>")
    with pytest.raises(ModelError, match=r"recognised by SHA-256.*one\.onnx"):
        manager.import_from(source, target)
    assert leftovers(target) == []


def test_import_of_a_part_says_what_is_still_missing(pack: PackRecord, tmp_path: Path) -> None:
    source, target = tmp_path / "stick", tmp_path / "models"
    fill(source, two_xml=b"other")
    assert [path.name for path in manager.import_from(source, target)] == ["one.onnx", "two.bin"]
    assert "lacks two.xml" in manager.advice(manager.check_pack("open-omz", target))


def test_import_replaces_a_damaged_file(pack: PackRecord, tmp_path: Path) -> None:
    fill(tmp_path / "stick")
    fill(tmp_path / "models", one_onnx=b"damaged")
    manager.import_from(tmp_path / "stick", tmp_path / "models")
    assert manager.check_pack("open-omz", tmp_path / "models").state is State.READY


def test_import_from_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a folder"):
        manager.import_from(tmp_path / "nowhere", tmp_path)


# --- fetch --------------------------------------------------------------------------------------------------


def test_fetch_everything_then_nothing(pack: PackRecord, tmp_path: Path) -> None:
    opener, seen = FakeOpener(honest), []
    written = manager.fetch(
        "open-omz", tmp_path / "m", opener=opener, progress=lambda *a: seen.append(a), clock=ManualClock()
    )
    assert [path.name for path in written] == list(CONTENT)
    assert manager.check_pack("open-omz", tmp_path / "m").state is State.READY
    assert ("two.bin", len(CONTENT["two.bin"]), len(CONTENT["two.bin"])) in seen
    assert all(download.closed for download in opener.downloads)
    again = FakeOpener(honest)
    assert fetch(again, tmp_path / "m") == ()
    assert again.opened == []


def test_fetch_gets_only_what_is_wrong(pack: PackRecord, tmp_path: Path) -> None:
    fill(tmp_path, two_bin=b"damaged")
    opener = FakeOpener(honest)
    assert [path.name for path in fetch(opener, tmp_path)] == ["two.bin"]


def test_second_url_when_the_first_fails(pack: PackRecord, tmp_path: Path) -> None:
    def answer(url: str) -> FakeDownload:
        if "first" in url:
            raise ConnectionRefusedError("refused")
        return honest(url)

    assert len(fetch(FakeOpener(answer), tmp_path)) == 3


PAGE = b"<!DOCTYPE html><title>Sign in</title>"
BAD_DOWNLOADS = {
    "page instead of a model": lambda: FakeDownload(PAGE, None),
    "page with its length": lambda: FakeDownload(PAGE, len(PAGE)),
    "same size, other bytes": lambda: FakeDownload(bytes(len(CONTENT["one.onnx"])), len(CONTENT["one.onnx"])),
    "cut short": lambda: FakeDownload(CONTENT["one.onnx"][:1000], len(CONTENT["one.onnx"])),
    "one byte too many": lambda: FakeDownload(CONTENT["one.onnx"] + b"!", None),
    "announces too much": lambda: FakeDownload(CONTENT["one.onnx"], 10**12),
    "nothing": lambda: FakeDownload(b"", None),
    "silent": lambda: FakeDownload(CONTENT["one.onnx"][:5000], None, TimeoutError("timed out")),
}


@pytest.mark.parametrize("bad", BAD_DOWNLOADS.values(), ids=list(BAD_DOWNLOADS))
def test_bad_downloads_leave_nothing_behind(pack: PackRecord, tmp_path: Path, bad: Callable[[], FakeDownload]) -> None:
    opener = FakeOpener(lambda _: bad())
    with pytest.raises(FetchFailed) as caught:
        fetch(opener, tmp_path)
    message = str(caught.value)
    assert "first.example" in message
    assert "second.example" in message
    assert "appliance models import" in message
    assert leftovers(tmp_path) == []
    assert all(download.closed for download in opener.downloads)


def test_endless_download_is_cut_at_the_size(pack: PackRecord, tmp_path: Path) -> None:
    class Endless(FakeDownload):
        served = 0

        def read(self, size: int) -> bytes:
            self.served += size
            return b"x" * size

    opener = FakeOpener(lambda _: Endless(b"", None))
    with pytest.raises(FetchFailed, match="more than the 36000 bytes"):
        fetch(opener, tmp_path)
    assert all(download.served <= 2 * 65536 for download in opener.downloads)


def test_dripping_server_meets_the_deadline(pack: PackRecord, tmp_path: Path) -> None:
    clock = ManualClock()

    class Drip(FakeDownload):
        def read(self, size: int) -> bytes:
            clock.advance(19.0)
            return super().read(1)

    opener = FakeOpener(lambda url: Drip(honest(url).stream.getvalue(), None))
    with pytest.raises(FetchFailed, match="bytes in 300 s"):
        fetch(opener, tmp_path, clock)
    assert leftovers(tmp_path) == []


def test_interrupt_leaves_nothing_half_written(pack: PackRecord, tmp_path: Path) -> None:
    def stop(name: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    fill(tmp_path, one_onnx=b"old")
    with pytest.raises(KeyboardInterrupt):
        manager.fetch("open-omz", tmp_path, opener=FakeOpener(honest), progress=stop, clock=ManualClock())
    assert leftovers(tmp_path) == sorted(CONTENT)
    assert (tmp_path / "one.onnx").read_bytes() == b"old"


def test_registry_pack_is_not_fetched_by_url(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="pip install"):
        manager.fetch("pypi-dlib", tmp_path, opener=FakeOpener(honest), progress=lambda *_: None, clock=ManualClock())


# --- cues ---------------------------------------------------------------------------------------------------


CUE = b"cue " * 1000


@pytest.fixture
def cue_file(pack: PackRecord, monkeypatch: pytest.MonkeyPatch) -> ModelFile:
    """The file of a small rgb-cue, beside the small packs."""
    file = replace(RGB_CUE.files[0], size=len(CUE), sha256=hashlib.sha256(CUE).hexdigest())
    monkeypatch.setattr(manager, "CUES", {"rgb-cue": replace(RGB_CUE, files=(file,))})
    return file


def test_a_cue_is_imported_checked_and_fetched_like_a_pack(cue_file: ModelFile, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "whatever").write_bytes(CUE)
    assert [path.name for path in manager.import_from(tmp_path / "stick", tmp_path / "m")] == [cue_file.name]
    assert manager.check_pack("rgb-cue", tmp_path / "m").state is State.READY
    opener = FakeOpener(lambda _: FakeDownload(CUE, len(CUE)))
    written = manager.fetch("rgb-cue", tmp_path / "n", opener=opener, progress=lambda *_: None, clock=ManualClock())
    assert [path.name for path in written] == [cue_file.name]
    assert opener.opened == list(cue_file.urls)


def test_no_matcher_is_found_among_cues(cue_file: ModelFile, tmp_path: Path) -> None:
    (tmp_path / cue_file.name).write_bytes(CUE)
    assert not set(CUES) & set(PACKS)
    with pytest.raises(PackMissing, match="No matcher pack is ready") as caught:
        manager.best_available(tmp_path)
    assert "rgb-cue" not in str(caught.value)
    with pytest.raises(ModelError, match="no matcher pack 'rgb-cue'"):
        load_pack("rgb-cue", tmp_path)
    with pytest.raises(ModelError, match="no matcher pack 'rgb-cue'"):
        manager.pack_record("rgb-cue")


@pytest.mark.parametrize("content", [None, b"tampered"])
def test_a_cue_that_is_absent_or_damaged_leaves_the_matcher_alone(
    cue_file: ModelFile, tmp_path: Path, content: bytes | None
) -> None:
    fill(tmp_path)
    if content is not None:
        (tmp_path / cue_file.name).write_bytes(content)
    assert manager.best_available(tmp_path) == "open-omz"
    check = manager.verify(tmp_path)[-1]
    assert check.pack.pack_id == "rgb-cue"
    assert check.state is (State.MISSING if content is None else State.HASH_MISMATCH)
    assert "appliance models fetch rgb-cue" in manager.advice(check)


# --- the catalogue itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize("record", PACKS.values(), ids=list(PACKS))
def test_a_default_is_an_operating_point(record: PackRecord) -> None:
    assert record.default in record.operating_points


@pytest.mark.parametrize("record", [*PACKS.values(), *CUES.values()], ids=[*PACKS, *CUES])
def test_catalogue_is_sound(record: Weights) -> None:
    for file in record.files:
        assert len(file.sha256) == 64
        assert set(file.sha256) <= set("0123456789abcdef")
        assert not (file.urls and file.package)
        assert all(url.startswith("https://") for url in file.urls)
        assert file.commercial_use or record.pack_id == "scrfd-omz"


@pytest.mark.measured
def test_published_weights_import(shared: Path, tmp_path: Path) -> None:
    written = manager.import_from(shared / "models", tmp_path)
    sizes = {
        file.name: file.size
        for record in (*PACKS.values(), *CUES.values())
        for file in record.files
        if not file.package
    }
    assert {path.name: path.stat().st_size for path in written} == sizes
    for name in ("open-omz", "rgb-cue", "medical-mask"):
        assert manager.check_pack(name, tmp_path).state is State.READY


def never_asked(url: str, timeout_s: float) -> manager.Download:
    pytest.fail(f"{url} was asked for")


def test_what_nobody_publishes_is_imported_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be fetched: nobody publishes it"):
        manager.fetch(
            "medical-mask",
            tmp_path,
            opener=lambda *_: pytest.fail("asked"),
            progress=lambda *_: None,
            clock=ManualClock(),
        )

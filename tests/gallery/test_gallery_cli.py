"""`appliance gallery` as typed, with a pack that reads the person from the picture."""

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from gallery_support import FakePack, floor, picture
from typer.testing import CliRunner, Result

from appliance.clock import ManualClock
from appliance.gallery import cli, enrol
from appliance.gallery.cli import gallery_app
from appliance.gallery.enrol import recogniser_of
from appliance.gallery.types import Recogniser

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(cli, "_clock", lambda: clock)
    monkeypatch.setattr(cli, "_load", lambda pack, _models: FakePack(recogniser_of(pack)))
    real = enrol.acquire
    monkeypatch.setattr(enrol, "acquire", lambda pack, photo, *_: real(pack, photo, floor))
    env = {"SALLYPORT_GALLERY": str(tmp_path / "gallery"), "SALLYPORT_GALLERY_KEY": str(tmp_path / "keys" / "k")}

    def call(*words: str) -> Result:
        return CliRunner().invoke(gallery_app, list(words), env=env)

    return call


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., str]:
    def write(person: int, **more: Any) -> str:
        path = tmp_path / f"{person}.png"
        path.write_bytes(picture(person, **more))
        return str(path)

    return write


CONSENT = ("--consent-by", "operator-7", "--consent-text", "text-3", "--purpose", "door 4")


def _enrol(run: Run, path: str, label: str, *more: str) -> Result:
    return run("enrol", path, "--label", label, "--days", "30", *CONSENT, *more)


def _ok(done: Result) -> str:
    assert done.exit_code == 0, done.output
    return done.stdout


def _refused(done: Result) -> str:
    assert done.exit_code == 1, done.output
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit)
    return done.stderr


def test_from_init_to_a_proven_deletion(run: Run, photo: Callable[..., str], tmp_path: Path) -> None:
    assert "Keep a copy of" in _ok(run("init"))
    assert "enrolled card-1 as" in _ok(_enrol(run, photo(1), "card-1"))
    _ok(_enrol(run, photo(2), "card-2", "--keep-photo"))
    assert "2 enrolled, 0 of them out of date" in _ok(run("list"))
    assert "1.000" in _ok(run("search", photo(1), "--threshold", "0.5"))
    assert "1 above 0.5 of 2 compared" in _ok(run("search", photo(1), "--threshold", "0.5"))
    assert "card-1  passes" in _ok(run("search", photo(1), "--threshold", "0.5", "--who", "card-1"))
    assert "card-2  does not pass" in _ok(run("search", photo(1), "--threshold", "0.5", "--who", "card-2"))
    assert "nobody is enrolled" in _refused(run("search", photo(1), "--threshold", "0.5", "--who", "card-3"))
    assert "1 would be deleted; nothing was" in _ok(run("delete", "card-1", "--dry-run"))
    assert "2 enrolled" in _ok(run("list"))
    certificate = json.loads(_ok(run("delete", "card-1", "--by", "operator-7", "--reason", "left")))
    assert certificate["proven"] is True
    assert json.loads(_ok(run("certificates"))) == certificate
    assert "1 enrolled" in _ok(run("list"))
    assert "0 above" in _ok(run("search", photo(1), "--threshold", "0.5"))


def test_a_second_face_alike_needs_to_be_allowed(run: Run, photo: Callable[..., str]) -> None:
    _ok(run("init"))
    _ok(_enrol(run, photo(1), "card-1"))
    assert "--allow-duplicate" in _refused(_enrol(run, photo(1), "again"))
    assert "resembles card-1" in _enrol(run, photo(1), "again", "--allow-duplicate").stderr


def test_expiry_and_purge(run: Run, photo: Callable[..., str], clock: ManualClock) -> None:
    _ok(run("init"))
    for person in (1, 2):
        _ok(_enrol(run, photo(person), f"card-{person}"))
    assert "would be valid for 90 days" in _ok(run("expire", "card-2", "--days", "90", "--dry-run"))
    _ok(run("expire", "card-2", "--days", "60"))
    clock.advance(timedelta(days=31).total_seconds())
    assert "2 enrolled, 1 of them out of date" in _ok(run("list"))
    would = _ok(run("expire", "--dry-run"))
    assert ("card-1" in would, "card-2" in would) == (True, False)
    assert "2 enrolled" in _ok(run("list"))
    assert json.loads(_ok(run("expire", "--by", "timer")))["reason"] == "expired"
    assert "1 enrolled, 0 of them" in _ok(run("list"))
    assert "0 deleted" in run("expire", "--by", "timer").stderr


def test_stale_and_reenrol(run: Run, photo: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    _ok(run("init"))
    _ok(_enrol(run, photo(1), "card-1", "--keep-photo"))
    _ok(_enrol(run, photo(2), "card-2"))
    newer = Recogniser("open-omz", "f" * 64, "cosine")
    monkeypatch.setattr(enrol, "recogniser_of", lambda _pack: newer)
    monkeypatch.setattr(cli, "_load", lambda *_: FakePack(newer))
    assert "2 stale" in _ok(run("stale"))
    assert "would be made anew" in _ok(run("reenrol", "--dry-run"))
    assert "2 stale" in _ok(run("stale"))
    assert "reenrol" in _refused(run("search", photo(1), "--threshold", "0.5"))
    assert "1 are still stale" in _refused(run("reenrol"))
    assert "1 stale" in _ok(run("stale"))
    assert "1 above" in _ok(run("search", photo(1), "--threshold", "0.5"))


def test_an_unproven_deletion_exits_1(run: Run, photo: Callable[..., str], tmp_path: Path) -> None:
    _ok(run("init"))
    _ok(_enrol(run, photo(1), "card-1"))
    shutil.copy(tmp_path / "gallery" / "gallery.db", tmp_path / "gallery" / "gallery.db.bak")
    done = run("delete", "card-1", "--by", "o", "--reason", "left")
    assert "not proven" in _refused(done)
    assert json.loads(done.stdout)["proven"] is False


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("delete", "nobody", "--by", "o", "--reason", "r"), "nobody is enrolled"),
        (("delete", "card-1", "--reason", "r"), "--by"),
        (("delete", "card-1", "--by", "o"), "--reason"),
        (("delete", "card-1", "nobody", "--dry-run"), "nobody is enrolled"),
        (("expire", "card-1"), "--days"),
        (("expire",), "--by"),
        (("search", "absent.png", "--threshold", "0.5"), "No such file"),
        (("search", "1.png", "--threshold", "nan"), "finite"),
        (("stale", "--pack", "nothing"), "nothing"),
        (("init",), "never overwritten"),
        (("list", "--key", "absent.key"), "cannot open the key file"),
        (("list", "--dir", "absent"), "no such gallery"),
    ],
)
def test_mistakes_are_sentences(
    run: Run,
    photo: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    _ok(run("init"))
    _ok(_enrol(run, photo(1), "card-1"))
    assert says in _refused(run(*words))
    assert "1 enrolled" in _ok(run("list"))


def test_rekey(run: Run, photo: Callable[..., str], tmp_path: Path) -> None:
    _ok(run("init"))
    _ok(_enrol(run, photo(1), "card-1"))
    new = str(tmp_path / "keys" / "new")
    assert "1 keys wrapped anew" in _ok(run("rekey", new))
    assert "not the one of" in _refused(run("list"))
    assert "1 enrolled" in _ok(run("list", "--key", new))
    assert "never overwritten" in _refused(run("rekey", new, "--key", new))


def test_a_crowd_and_a_key_everybody_may_read_are_refused(run: Run, photo: Callable[..., str], tmp_path: Path) -> None:
    _ok(run("init"))
    assert "2 faces" in _refused(_enrol(run, photo(1, faces=2), "card-1"))
    (tmp_path / "keys" / "k").chmod(0o644)
    assert "0644" in _refused(run("list"))


def test_bench_measures_start_search_and_deletion(run: Run) -> None:
    said = _ok(run("bench", "--count", "300", "--dims", "64", "--exact-only"))
    assert "300 synthetic templates of 64 values" in said
    assert "1.000 at 0.7" in said
    assert "0 matches left" in said

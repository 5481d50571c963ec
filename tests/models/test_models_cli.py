"""`appliance models` as typed, and the opener against a real web server on the loopback."""

import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.models import manager
from appliance.models.catalogue import OPEN_OMZ, RGB_CUE
from appliance.models.cli import models_app
from appliance.models.http import open_https, open_with

runner = CliRunner()


def test_list_shows_state_and_command(tmp_path: Path) -> None:
    done = runner.invoke(models_app, ["list", "--dir", str(tmp_path)])
    assert done.exit_code == 0
    assert "development" in done.stdout
    assert "missing" in done.stdout
    assert "ready" in done.stdout
    assert "appliance models fetch open-omz" in done.stdout


def test_list_shows_a_mismatch_and_check_fails(tmp_path: Path) -> None:
    (tmp_path / OPEN_OMZ.files[0].name).write_bytes(b"<html>")
    done = runner.invoke(models_app, ["list", "--dir", str(tmp_path)])
    assert "HASH MISMATCH" in done.stdout
    assert OPEN_OMZ.files[0].sha256 in done.stdout
    checked = runner.invoke(models_app, ["check", "--dir", str(tmp_path)])
    assert checked.exit_code == 1
    assert OPEN_OMZ.files[0].sha256 in checked.stderr
    assert "pypi-dlib: tells people apart" in checked.stdout


def test_list_names_the_cue_its_terms_and_that_it_never_admits(tmp_path: Path) -> None:
    shown = " ".join(runner.invoke(models_app, ["list", "--dir", str(tmp_path)], env={"COLUMNS": "200"}).stdout.split())
    for words in ("rgb-cue", "optional cue, never admits", "Apache-2.0", "non-commercial research only"):
        assert words in shown
    assert "appliance models fetch rgb-cue" in shown


def test_a_damaged_cue_fails_the_check_and_an_absent_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.models.cli._selftest", lambda *_: True)
    assert runner.invoke(models_app, ["check", "--dir", str(tmp_path)]).exit_code == 0
    (tmp_path / RGB_CUE.files[0].name).write_bytes(b"<html>")
    done = runner.invoke(models_app, ["check", "--dir", str(tmp_path)])
    assert done.exit_code == 1
    assert RGB_CUE.files[0].sha256 in done.stderr


def test_folder_comes_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / OPEN_OMZ.files[0].name).write_bytes(b"x")
    done = runner.invoke(models_app, ["list"], env={"SALLYPORT_MODELS": str(tmp_path)})
    assert "HASH MISMATCH" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import", "/nowhere"], "is not a folder"),
        (["fetch", "pypi-dlib"], "pip install"),
        (["fetch", "buffalo_l"], "There is no matcher pack"),
    ],
)
def test_errors_are_words_not_tracebacks(tmp_path: Path, arguments: list[str], words: str) -> None:
    done = runner.invoke(models_app, [*arguments, "--dir", str(tmp_path)])
    assert done.exit_code == 1
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_fetch_without_a_network_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(url: str, timeout_s: float) -> manager.Download:
        raise OSError("no route to host")

    monkeypatch.setattr("appliance.models.http.open_https", no_network)
    done = runner.invoke(models_app, ["fetch", "open-omz", "--dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "no route to host" in done.stderr
    assert "appliance models import FOLDER" in done.stderr


@pytest.mark.measured
def test_import_then_check(tmp_path: Path, shared: Path) -> None:
    done = runner.invoke(models_app, ["import", str(shared / "models"), "--dir", str(tmp_path)])
    assert done.exit_code == 0
    assert "open-omz: ready" in done.stdout
    assert "rgb-cue: ready" in done.stdout
    assert "open-omz: tells people apart" in runner.invoke(models_app, ["check", "--dir", str(tmp_path)]).stdout


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/absent":
            self.send_error(404)
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
        elif self.path == "/silent":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.server.released.wait(10)  # type: ignore[attr-defined]
        elif self.path == "/garbage":
            self.wfile.write(b"\x00\x01 not http at all\r\n\r\n")
        elif self.path == "/downgrade":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/model")
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"content")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        web.released = threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.released.set()  # type: ignore[attr-defined]
        web.shutdown()
        thread.join()


def read_all(url: str, timeout_s: float = 5.0) -> bytes:
    download = open_with(urllib.request.build_opener(), url, timeout_s)
    try:
        return b"".join(iter(lambda: download.read(100), b""))
    finally:
        download.close()


def test_a_real_reply(server: str) -> None:
    download = open_with(urllib.request.build_opener(), f"{server}/model", 5.0)
    assert download.length == 7
    assert download.read(100) == b"content"
    assert download.read(100) == b""
    download.close()


@pytest.mark.parametrize(("path", "words"), [("/absent", "404"), ("/garbage", "not an HTTP reply")])
def test_refused_or_no_http(server: str, path: str, words: str) -> None:
    with pytest.raises(OSError, match=words):
        read_all(server + path)


def test_silent_server_times_out(server: str) -> None:
    with pytest.raises(TimeoutError):
        read_all(f"{server}/silent", 0.2)


def test_short_reply_ends_quietly_so_only_the_hash_can_tell(server: str) -> None:
    assert read_all(f"{server}/short") == b"x" * 10


def test_only_https_is_opened(server: str) -> None:
    for url in (f"{server}/model", "file:///etc/hostname", "ftp://x.example/y"):
        with pytest.raises(OSError, match="not HTTPS"):
            open_https(url, 1.0)


def test_redirect_may_not_leave_https(server: str) -> None:
    from appliance.models.http import _HttpsOnly

    with pytest.raises(OSError, match="not HTTPS"):
        open_with(urllib.request.build_opener(_HttpsOnly), f"{server}/downgrade", 5.0)

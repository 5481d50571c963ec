"""A place that only watches holds nothing, and a lane holds no network camera."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from appliance.config import ConfigError, load
from appliance.main import app
from appliance.observe.config import load_post, observes

GOOD = """site = "observe"
lane_id = "hall-1"
profile = "production"
state_dir = "{folder}/state"
control_socket = "{folder}/hall.sock"
[observe]
[[observe.cameras]]
name = "hall"
url = "rtsp://camera.example/1"
user = "watcher"
password_file = "{folder}/password"
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("se/cr:et@1\n")
    (tmp_path / "password").chmod(0o600)
    path = tmp_path / "post.toml"
    path.write_text(GOOD.format(folder=tmp_path))
    return path


def test_a_whole_file_is_read(written: Path) -> None:
    assert observes(written)
    config = load_post(written)
    assert [camera.name for camera in config.observe.cameras] == ["hall"]
    assert (config.observe.votes.hits, config.observe.votes.of) == (5, 8)
    told = CliRunner().invoke(app, ["check-config", "-c", str(written)])
    assert told.exit_code == 0
    assert "watches hall, profile production; nothing moves here" in told.output


@pytest.mark.parametrize(
    "section",
    ["gate", "commissioning", "policy", "illumination", "cameras", "document_reader", "presence", "liveness", "door"],
)
def test_nothing_that_moves_lights_or_reads_can_be_there(written: Path, section: str) -> None:
    written.write_text(written.read_text() + f"[{section}]\n")
    with pytest.raises(ConfigError, match=rf"{section}: an observe site .* moves, lights and reads nothing"):
        load_post(written)
    told = CliRunner().invoke(app, ["run", "-c", str(written)])
    assert told.exit_code == 2
    assert section in told.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[observe]", "[observe]\nfase = 1"), "observe.fase: unknown key"),
        (("[observe]", "[observe]\nhits = 9"), "9 of the last 8 pictures can never be"),
        (("[observe]", "[observe]\nrate = 1000"), "observe.rate"),
        (("[observe]", '[observe]\npack = "other"'), "observe.pack"),
        (("rtsp://camera.example/1", "rtsp://a:hidden@camera.example/1"), "apart from the address"),
        (("rtsp://camera.example/1", "file:///tmp/face.avi"), "rtsp://host"),
        (('name = "hall"', 'name = "a/b"'), "observe.cameras.0.name"),
        (('user = "watcher"', ""), "a password needs a user"),
        (("/password", "/none"), "cannot be read"),
    ],
)
def test_what_cannot_be_is_said_without_repeating_a_secret(
    written: Path, change: tuple[str, str], message: str
) -> None:
    written.write_text(written.read_text().replace(*change))
    with pytest.raises(ConfigError, match=message) as caught:
        load_post(written)
    assert "hidden" not in str(caught.value)
    assert "se/cr" not in str(caught.value)


@pytest.mark.parametrize("words", [b"", b"\n", b"x" * 300, "ß".encode(), b"two\nlines\n"])
def test_a_password_file_holds_one_line(written: Path, tmp_path: Path, words: bytes) -> None:
    (tmp_path / "password").write_bytes(words)
    with pytest.raises(ConfigError, match=r"holds no password|printable"):
        load_post(written)


def test_a_password_others_can_read_is_refused(written: Path, tmp_path: Path) -> None:
    (tmp_path / "password").chmod(0o640)
    with pytest.raises(ConfigError, match="can be read by others; chmod 600"):
        load_post(written)


def test_two_cameras_of_one_name_are_refused(written: Path) -> None:
    text = written.read_text()
    written.write_text(text + text[text.index("[[observe.cameras]]") :])
    with pytest.raises(ConfigError, match="two are called hall"):
        load_post(written)


def test_the_commands_of_a_lane_refuse_a_post(written: Path) -> None:
    with pytest.raises(ConfigError, match="has "):
        load(written)
    for command in ("selftest", "calibrate", "devices"):
        told = CliRunner().invoke(app, [command, "-c", str(written)])
        assert told.exit_code == 2


def test_a_lane_cannot_call_itself_a_place_that_only_watches(lane_values: dict[str, Any]) -> None:
    from pydantic import ValidationError

    from appliance.config import LaneConfig

    LaneConfig.model_validate(lane_values)
    for profile in ("simulated", "production"):
        with pytest.raises(ValidationError) as caught:
            LaneConfig.model_validate({**lane_values, "profile": profile, "site": "observe"})
        assert profile == "production" or "an observe site is no lane and moves nothing" in str(caught.value)


def test_a_lane_takes_no_network_camera(lane_values: dict[str, Any]) -> None:
    from pydantic import ValidationError

    from appliance.config import LaneConfig

    rgb = {"kind": "rtsp", "url": "rtsp://camera.example/1"}
    with pytest.raises(ValidationError, match="a network stream proves no exposure and decides nothing"):
        LaneConfig.model_validate({**lane_values, "cameras": {**lane_values["cameras"], "rgb": rgb}})


@pytest.fixture
def lane_values(tmp_path: Path) -> dict[str, Any]:
    import tomllib

    from hil.rig.config import LaneSettings, RigPaths, lane_toml

    return tomllib.loads(lane_toml(RigPaths(tmp_path), LaneSettings()))

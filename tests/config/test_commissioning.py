"""Commissioning: a lane that needs the file does not start without one that stands for it, signed by two people."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.commissioning import TEMPLATE, check, digest, load
from appliance.config import ConfigError, LaneConfig
from appliance.config import load as load_config
from appliance.core.types import Door
from appliance.main import app

Write = Callable[..., Path]
TODAY = date(2026, 11, 27)
SIGNED = TEMPLATE.replace("simulated = false", "simulated = true")


@pytest.fixture
def lane(write: Write, tmp_path: Path) -> Callable[..., LaneConfig]:
    """The good lane with a commissioning file, pieces of which are replaced."""

    def made(*changes: tuple[str, str], topology: str = "mantrap") -> LaneConfig:
        text = SIGNED
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "commissioning.toml"
        path.write_text(text, encoding="utf-8")
        head = f'lane_id = "E-07"\ntopology = "{topology}"\ncommissioning = "{path}"'
        return load_config(write(('lane_id = "E-07"', head)))

    return made


def refusal(lane: LaneConfig) -> str:
    with pytest.raises(ConfigError) as caught:
        check(lane, TODAY)
    return str(caught.value)


def test_what_was_signed_stands(lane: Callable[..., LaneConfig]) -> None:
    found = check(lane(), TODAY)
    assert found is not None
    assert {door: one.fire for door, one in found.doors.items()} == dict.fromkeys(Door, "unlocks by wire")
    assert len(digest(lane()) or "") == 64


def test_a_lane_that_needs_none_has_none(write: Write) -> None:
    config = load_config(write())
    assert check(config, TODAY) is None
    assert digest(config) is None


ENTRY = TEMPLATE[TEMPLATE.index("[doors.entry]") : TEMPLATE.index("[doors.exit]")]
SECOND = TEMPLATE[TEMPLATE.rindex("[[signed]]") :]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((('lane_id = "E-07"', 'lane_id = "E-08"'),), "it is of lane E-08, not E-07"),
        ((("simulated = true", "simulated = false"),), "it is of a real lane, and this one is simulated"),
        (((ENTRY, ""),), "doors.entry is missing"),
        ((('fire = "unlocks by wire"', 'fire = "stays locked"'),), "no door unlocks in a fire"),
        (((SECOND, ""),), "it takes two people of two roles"),
        ((('name = "B. Example"', 'name = " a. example"'),), "it takes two people of two roles"),
        ((('role = "fire safety"', 'role = "operator"'),), "it takes two people of two roles"),
        ((("on = 2026-11-21", "on = 2026-11-28"),), "which is yet to come"),
        ((("tested_on = 2026-11-20", "tested_on = 2026-11-22"),), "after it had been signed"),
    ],
)
def test_what_does_not_stand_for_the_lane_is_told(
    lane: Callable[..., LaneConfig], changes: tuple[tuple[str, str], ...], words: str
) -> None:
    assert words in refusal(lane(*changes))


def test_all_problems_are_told_together(lane: Callable[..., LaneConfig]) -> None:
    said = refusal(lane(('lane_id = "E-07"', 'lane_id = "E-08"'), (ENTRY, ""), (SECOND, "")))
    assert said.count("\n  ") == 3


def test_a_turnstile_has_no_entry_door(lane: Callable[..., LaneConfig]) -> None:
    assert "doors.entry: a turnstile has no such door" in refusal(lane(topology="turnstile"))
    assert check(lane((ENTRY, ""), topology="turnstile"), TODAY) is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "format: Field required"),
        ("\x00", "is not TOML"),
        (SIGNED.replace("[doors.entry]", "[doors.window]"), "doors.window"),
        (SIGNED.replace('power_loss = "stays locked"', 'power_loss = "unsure"'), "doors.entry.power_loss"),
        (SIGNED + 'stamp = "x"\n', "stamp"),
        (SIGNED.replace("commissioning-1", "commissioning-9"), "format"),
    ],
)
def test_a_file_that_is_none_says_where(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "commissioning.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="commissioning") as caught:
        load(path)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_says_how_to_get_one(lane: Callable[..., LaneConfig]) -> None:
    config = lane()
    assert config.commissioning is not None
    config.commissioning.unlink()
    assert "cannot be read: No such file or directory. Print one to fill in: appliance commissioning" in refusal(config)


def test_the_commands_print_check_and_refuse(lane: Callable[..., LaneConfig], tmp_path: Path) -> None:
    printed = CliRunner().invoke(app, ["commissioning"])
    assert (printed.exit_code, printed.output) == (0, TEMPLATE)
    lane()
    told = CliRunner().invoke(app, ["check-config", "--config", str(tmp_path / "lane.toml")])
    assert told.exit_code == 0, told.output
    assert "The entry stays locked without power and unlocks by wire in a fire, as signed." in told.output
    lane((SECOND, ""))
    for command in ("check-config", "run"):
        refused = CliRunner().invoke(app, [command, "--config", str(tmp_path / "lane.toml")])
        assert (refused.exit_code, "two people" in refused.output) == (2, True)

"""Rows on disk: what goes in comes out, and what is broken is refused with its line."""

import json
from pathlib import Path

import pytest
from evaluate_rows import attack, drawn, genuine, header

from appliance.core.types import Result
from appliance.evaluate.outcome import Outcome, OutcomesError, finite, read, write


def test_a_run_comes_back_as_it_was_written(tmp_path: Path) -> None:
    rows = drawn("rgb+850+940", per_species=3, bona_fide=5)
    path = tmp_path / "new" / "run.jsonl"
    write(path, header(), rows)
    run = read(path)
    assert run.header == header()
    assert list(run.outcomes) == rows
    assert [found.name for found in path.parent.iterdir()] == ["run.jsonl"]


def _lines() -> list[str]:
    return [
        header().model_dump_json(),
        attack(Result.FAILED).model_dump_json(),
        genuine(Result.SUCCESSFUL).model_dump_json(),
    ]


def _with(line: str, **changes: object) -> str:
    return json.dumps({**json.loads(line), **changes})


@pytest.mark.parametrize(
    ("number", "changes", "says"),
    [
        (0, {"kind": "real"}, "line 1: kind"),
        (0, {"band_set": "850+rgb"}, "line 1: band_set"),
        (0, {"format": "something-else"}, "line 1: format"),
        (0, {"dataset": "../../etc"}, "line 1: dataset"),
        (0, {"made_at": "today"}, "line 1: made_at"),
        (0, {"stated": {"n": 3, "failed": 2, "undetermined": 2, "site": "a"}}, "line 1: stated"),
        (1, {"species": "alien"}, "line 2: species"),
        (1, {"result": "aborted"}, "line 2: result"),
        (1, {"result": "passed"}, "line 2: result"),
        (1, {"scor": 0.5}, "line 2: scor"),
        (2, {"score": float("nan")}, "line 3: score"),
        (2, {"threshold": float("inf")}, "line 3: threshold"),
    ],
)
def test_what_a_row_must_not_say_is_refused_with_its_line(
    tmp_path: Path, number: int, changes: dict[str, object], says: str
) -> None:
    lines = _lines()
    lines[number] = _with(lines[number], **changes)
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(OutcomesError, match=says):
        read(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"{", "line 1: not JSON"),
        (b"[]", "line 1"),
        (b"null\n", "line 1"),
    ],
)
def test_a_file_that_is_no_run_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)
    with pytest.raises(OutcomesError, match=says):
        read(path)


def test_a_file_that_broke_off_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join(_lines())[:-20])
    with pytest.raises(OutcomesError, match="line 3: not JSON"):
        read(path)


def test_one_presentation_counted_twice_is_refused(tmp_path: Path) -> None:
    lines = _lines()
    path = tmp_path / "run.jsonl"
    path.write_text("\n".join([*lines, lines[1]]))
    with pytest.raises(OutcomesError, match="same presentation"):
        read(path)


def test_only_successful_is_accepted_and_only_not_performed_is_silence() -> None:
    assert [result for result in Result if result is not Result.ABORTED and _one(result).accepted] == [
        Result.SUCCESSFUL
    ]
    assert [r for r in Result if r is not Result.ABORTED and not _one(r).responded] == [Result.NOT_PERFORMED]


def _one(result: Result) -> Outcome:
    return attack(result)


def test_what_is_no_number_is_left_out() -> None:
    assert finite({"a": 1.0, "b": float("nan"), "c": float("inf")}) == {"a": 1.0}

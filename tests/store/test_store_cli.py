import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from appliance.clock import ManualClock
from appliance.store.chain import Entry, Head, entry_hash
from appliance.store.cli import journal_app
from appliance.store.lane_store import LaneStore
from appliance.store.records import JournalRecord, canonical
from appliance.store.verify import verify


def run(*words: str, **env: str) -> Result:
    return CliRunner().invoke(journal_app, list(words), env=env)


def test_verify_prints_the_head_to_note_elsewhere(written: Path) -> None:
    head = verify(written / "lane.db").head
    result = run("verify", "--state-dir", str(written))
    assert result.exit_code == 0
    assert f"20 records intact, head {head}" in result.stdout
    assert "note this head elsewhere" in result.stdout
    assert run("verify", "--state-dir", str(written), "--expect-head", str(head)).exit_code == 0


def test_verify_names_the_first_bad_record_and_exits_1(lane: Path, tamper: Callable[[str], None]) -> None:
    tamper("UPDATE journal SET payload = '{}' WHERE seq = 7; DELETE FROM journal WHERE seq = 12")
    result = run("verify", SALLYPORT_STATE=str(lane))
    assert result.exit_code == 1
    assert "BROKEN at record 7: edited" in result.stderr
    assert "6 records before it are intact" in result.stderr


def test_verify_sees_a_cut_tail_against_a_noted_head(written: Path) -> None:
    result = run("verify", "--state-dir", str(written), "--expect-head", f"25:{'ab' * 32}")
    assert result.exit_code == 1
    assert "BROKEN at record 21: truncated" in result.stderr


def test_verify_works_beside_the_controller_and_from_a_process_of_its_own(
    tmp_path: Path, store: LaneStore, child_env: dict[str, str]
) -> None:
    store.append([JournalRecord("event")])
    command = [sys.executable, "-c", "from appliance.store.cli import journal_app; journal_app()", "verify"]
    command += ["--state-dir", str(tmp_path / "lane")]
    done = subprocess.run(command, env=child_env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"1 records intact, head {store.head}")
    assert store.append([JournalRecord("event")]) == 2


@pytest.mark.parametrize("command", ["verify", "show", "export"])
def test_without_a_readable_database_every_command_exits_2_with_advice(tmp_path: Path, command: str) -> None:
    missing = run(command, "--state-dir", str(tmp_path / "nowhere"))
    assert missing.exit_code == 2
    assert "--state-dir" in missing.stderr
    (tmp_path / "lane.db").write_bytes(b"no database at all" * 100)
    damaged = run(command, "--state-dir", str(tmp_path))
    assert damaged.exit_code == 2
    assert "damaged" in damaged.stderr


@pytest.mark.parametrize("head", ["nonsense", "5", "5:zz", ""])
def test_a_head_that_is_none_is_a_usage_error(written: Path, head: str) -> None:
    result = run("verify", "--state-dir", str(written), "--expect-head", head)
    assert result.exit_code == 2
    assert "SEQ:HASH" in result.stderr


def test_show_prints_the_newest_or_one_passage(written: Path) -> None:
    newest = run("show", "--state-dir", str(written), "--last", "3").stdout.splitlines()
    assert [line.split()[0] for line in newest] == ["18", "19", "20"]
    passage = run("show", "--state-dir", str(written), "--passage", "p1").stdout.splitlines()
    assert [line.split()[2] for line in passage] == [
        "passage_started",
        "document_read",
        "decision_made",
        "decision_made",
        "passage_ended",
    ]
    assert len(run("show", "--state-dir", str(written), "--last", "999").stdout.splitlines()) == 20
    nobody = run("show", "--state-dir", str(written), "--passage", "p9")
    assert nobody.exit_code == 1
    assert "no record names passage p9" in nobody.stderr


def test_a_doctored_database_cannot_steer_the_terminal(lane: Path, tamper: Callable[[str], None]) -> None:
    tamper("UPDATE journal SET kind = 'x' || char(27) || '[2J', payload = char(155) || '\u202e' WHERE seq = 20")
    printed = run("show", "--state-dir", str(lane), "--last", "1").stdout
    assert printed.rstrip("\n").isprintable()
    assert "\\x1b[2J" in printed


def test_export_is_enough_to_verify_the_chain_elsewhere(written: Path) -> None:
    lines = run("export", "--state-dir", str(written)).stdout.splitlines()
    head = Head(0, bytes(32))
    for line in lines:
        record = json.loads(line)
        prev, digest = bytes.fromhex(record.pop("prev_hash")), bytes.fromhex(record.pop("hash"))
        assert prev == head.hash
        assert entry_hash(prev, Entry(**{**record, "payload": canonical(record["payload"])})) == digest
        head = Head(record["seq"], digest)
    assert head == verify(written / "lane.db").head


def test_export_of_an_edited_record_gives_its_text(lane: Path, tamper: Callable[[str], None]) -> None:
    tamper("UPDATE journal SET payload = 'no json' WHERE seq = 2")
    lines = run("export", "--state-dir", str(lane)).stdout.splitlines()
    assert len(lines) == 20
    assert json.loads(lines[1])["payload"] == "no json"


def test_an_empty_journal_is_intact(tmp_path: Path) -> None:
    with LaneStore.open(tmp_path, ManualClock(), boot_id="b"):
        pass
    assert "0 records intact" in run("verify", "--state-dir", str(tmp_path)).stdout
    assert run("show", "--state-dir", str(tmp_path)).stdout == ""

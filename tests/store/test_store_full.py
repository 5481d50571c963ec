"""A full disk, for real: a child under RLIMIT_FSIZE everywhere, and a small tmpfs where user namespaces are allowed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.clock import ManualClock
from appliance.store.chain import Head
from appliance.store.errors import StoreBroken, StoreFull
from appliance.store.lane_store import LaneStore
from appliance.store.records import JournalRecord
from appliance.store.state_dir import RESERVE_BYTES
from appliance.store.verify import verify

FILL = """
import json, shutil, sys, resource
from pathlib import Path
from appliance.clock import SystemClock
from appliance.store.errors import StoreBroken, StoreFull
from appliance.store.lane_store import LaneStore
from appliance.store.records import JournalRecord

state, keep, limit = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
store = LaneStore.open(state, SystemClock(), boot_id="filling")
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
found = {"acknowledged": []}
try:
    while True:
        store.append([JournalRecord("event", {"text": "x" * 1900})])
        found["acknowledged"].append(str(store.head))
except (StoreFull, StoreBroken) as error:
    found["error"] = type(error).__name__
    found["message"] = str(error)
try:
    store.append([JournalRecord("event")])
except (StoreFull, StoreBroken) as error:
    found["again"] = str(error)
found["reserve"] = (state / "lane.reserve").stat().st_size
found["last_words"] = store.append_last_words([JournalRecord("out_of_service", {"fault": 5001})])
found["freed"] = not (state / "lane.reserve").exists()
store.close()
shutil.copytree(state, keep)
if not limit:
    try:
        (state / "filler").write_bytes(b"x" * 1_000_000)
    except OSError:
        pass
    try:
        LaneStore.open(state, SystemClock(), boot_id="still-full")
    except StoreFull as error:
        found["reopened"] = str(error)
print(json.dumps(found))
"""
MOUNT = 'mount -t tmpfs -o size=1500k none "$1" && shift && exec "$@"'
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


def namespaces_allowed() -> bool:
    probe = [*NAMESPACE, "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]
    try:
        return subprocess.run(probe, capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        return False


def fill(state: Path, keep: Path, *, limit: int, prefix: tuple[str, ...], env: dict[str, str]) -> dict[str, object]:
    command = [*prefix, sys.executable, "-c", FILL, str(state), str(keep), str(limit)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("disk", ["file size limit", "full tmpfs"] if namespaces_allowed() else ["file size limit"])
def test_a_disk_that_takes_no_more(tmp_path: Path, child_env: dict[str, str], disk: str) -> None:
    keep = tmp_path / "kept"
    mount = tmp_path / "disk"
    mount.mkdir()
    if disk == "full tmpfs":
        prefix = (*NAMESPACE, "sh", "-c", MOUNT, "sh", str(mount))
        found = fill(mount / "lane", keep, limit=0, prefix=prefix, env=child_env)
        assert found["error"] == "StoreFull"
        assert "no room left" in str(found["message"])
        assert "Free space" in str(found["reopened"])
    else:
        found = fill(mount / "lane", keep, limit=400_000, prefix=(), env=child_env)
        assert found["error"] == "StoreBroken"
        assert "Check the disk" in str(found["message"])
    assert "stopped at an earlier error" in str(found["again"])
    assert (found["reserve"], found["freed"]) == (RESERVE_BYTES, True)

    acknowledged = [Head.parse(line) for line in found["acknowledged"]]  # type: ignore[attr-defined]
    assert len(acknowledged) > 20
    report = verify(keep / "lane.db", expect=acknowledged[-1])
    assert report.problem is None
    assert report.head.seq == found["last_words"]
    with LaneStore.open(keep, ManualClock(), boot_id="space-again") as store:
        assert store.append([JournalRecord("in_service")]) == report.head.seq + 1
        assert (keep / "lane.reserve").stat().st_size == RESERVE_BYTES


def test_a_database_at_its_page_limit_is_full_and_refuses_until_reopened(store: LaneStore) -> None:
    connection = store._connected()
    connection.exec_driver_sql("PRAGMA max_page_count = 14")
    connection.rollback()

    def fill_up() -> None:
        for _ in range(100):
            store.append([JournalRecord("event", {"text": "x" * 1900})])

    with pytest.raises(StoreFull, match="no room left"):
        fill_up()
    head = store.head
    with pytest.raises(StoreFull, match="earlier error"):
        store.append([JournalRecord("event")])
    # The limit belongs to the connection: the fresh one for the last words has room, like a disk after the reserve.
    assert store.append_last_words([JournalRecord("out_of_service")]) == head.seq + 1
    with pytest.raises(StoreFull, match="earlier error"):
        store.append([JournalRecord("event")])
    assert verify(store._path, expect=head).problem is None


def test_last_words_that_cannot_be_written_say_so(store: LaneStore, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = store._connected()
    connection.exec_driver_sql("PRAGMA query_only = 1")
    connection.rollback()
    with pytest.raises(StoreBroken, match="readonly"):
        store.append([JournalRecord("event")])
    store._path.unlink()
    with pytest.raises(StoreBroken):
        store.append_last_words([JournalRecord("out_of_service")])

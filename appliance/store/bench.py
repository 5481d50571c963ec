"""Figures of the store on this machine: `python -m appliance.store.bench [DIRECTORY]`. Prints, judges nothing."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from appliance.clock import SystemClock
from appliance.core.types import Check, CheckName, Result, Topology
from appliance.store.async_store import AsyncStore
from appliance.store.lane_store import LaneStore
from appliance.store.records import DecisionMade, JournalRecord, PassageStarted, Record
from appliance.store.state_dir import DATABASE
from appliance.store.verify import verify

APPENDS = 500
ROWS = 100_000
_clock = SystemClock()
_event = [JournalRecord("event", {"passage_id": "p", "seconds": 0.1, "source": "bench"})]
_checks = tuple(Check(name, Result.SUCCESSFUL, "fine", "0.5") for name in CheckName)
_decision: list[Record] = [DecisionMade("p", True, _checks)]


def main(parent: str | None) -> None:
    """Measure in a fresh directory under `parent` (default: the system's place for temporary files)."""
    with tempfile.TemporaryDirectory(dir=parent) as name:
        state = Path(name)
        with LaneStore.open(state, _clock, boot_id="bench") as store:
            store.append([PassageStarted("p", Topology.MANTRAP, "bench", simulated=True)])
            _report("LaneStore, one event", [_timed(store, _event) for _ in range(APPENDS)])
            _report("LaneStore, a decision", [_timed(store, _decision) for _ in range(APPENDS)])
        asyncio.run(_through_the_loop(state))
        with LaneStore.open(state, _clock, boot_id="bench") as store:
            for _ in range(ROWS // 1000):
                store.append(_event * 1000)
        before = _clock.monotonic()
        records = verify(state / DATABASE).records
        print(f"verify: {records / (_clock.monotonic() - before):,.0f} rows/s over {records:,} rows")


async def _through_the_loop(state: Path) -> None:
    async with await AsyncStore.open(state, _clock, boot_id="bench") as store:
        for what, records in (("AsyncStore, one event", _event), ("AsyncStore, a decision", _decision)):
            taken = []
            for _ in range(APPENDS):
                before = _clock.monotonic()
                await store.append(records)
                taken.append(_clock.monotonic() - before)
            _report(what, taken)


def _timed(store: LaneStore, records: Sequence[Record]) -> float:
    before = _clock.monotonic()
    store.append(records)
    return _clock.monotonic() - before


def _report(what: str, seconds: list[float]) -> None:
    ordered = [1000 * value for value in sorted(seconds)]
    p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    print(f"{what}: n {len(ordered)}, p50 {p50:.2f} ms, p99 {p99:.2f} ms, max {ordered[-1]:.2f} ms")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)

"""A whole lane: its real loop, store and socket; only devices and vision process are in the test's hands. Test only."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from runtime_devices import HandGate, HandLight, HandReader, HandVision, utopia
from runtime_stage import until

from appliance.clock import ManualClock
from appliance.config import LaneConfig
from appliance.control.messages import OfficerRequest, Reply, ServiceRequest
from appliance.core.types import OfficerAction
from appliance.runtime import eye, lane, preview
from appliance.runtime.lane import LaneController
from appliance.store.async_store import AsyncStore
from appliance.store.verify import verify
from drivers.ports import DoorPosition
from hil.rig.trust import fingerprint

OPEN, CLOSED = DoorPosition.OPEN, DoorPosition.CLOSED


class House:
    """A lane and everything it is made of."""

    def __init__(
        self, base: Path, monkeypatch: pytest.MonkeyPatch, liveness: dict[str, Any] | None = None, **policy: Any
    ) -> None:
        self.base, self.clock = base, ManualClock()
        self.gate, self.light, self.reader = HandGate(), HandLight(), HandReader()
        monkeypatch.setattr(eye, "VisionProcess", HandVision.fresh())
        monkeypatch.setattr(eye, "RETRY_S", 0.001)
        monkeypatch.setattr(eye, "HEALTH_S", 0.01)
        monkeypatch.setattr(preview, "EVERY_S", 0.005)
        monkeypatch.setattr(lane.devices, "gate", lambda _: self.gate)
        monkeypatch.setattr(lane.devices, "illuminators", lambda _: {"nir": self.light})
        monkeypatch.setattr(lane.devices, "reader", lambda _: self.reader)
        monkeypatch.setattr(lane, "TEST_LOOK_S", 0.005)
        rig = {"kind": "rig"}
        camera = rig | {"reference": {"box": (0, 0, 10, 10), "width_mm": 7}}
        self.config = LaneConfig.model_validate(
            {
                "lane_id": "E-07",
                "profile": "simulated",
                "state_dir": base / "state",
                "control_socket": base / "lane.sock",
                "policy": {"require_guard": False} | policy,
                "gate": {"port": "none", "poll_hz": 50},
                "illumination": {"nir": {"port": "none", "bands": {"850": {}}}},
                "cameras": {"rgb": camera, "nir": camera},
                "document_reader": rig,
                "trust": {"store": utopia(), "roots": [fingerprint()]},
                "liveness": liveness or {},
                "simulation": {"module": "none"},
            }
        )
        self.store: AsyncStore
        self.lane: LaneController

    @property
    def phase(self) -> str:
        return type(self.lane.loop.lane.phase).__name__

    async def reaches(self, phase: str) -> None:
        await until(lambda: self.phase == phase, phase)

    async def walks_in(self) -> str:
        await self.reaches("Ready")
        self.reader.laid.put_nowait(None)
        await self.reaches("Entering")
        self.gate.set(entry=OPEN)
        await until(lambda: self.lane.loop.lane.entry == "open")
        self.gate.set(entry=CLOSED, occupied=True)
        passage = self.lane.snapshot().passage
        assert passage is not None
        return passage.passage_id

    async def walks_out(self) -> None:
        await self.reaches("Admitting")
        self.gate.set(exit=OPEN)
        await until(lambda: self.lane.loop.lane.exit == "open")
        self.gate.set(exit=CLOSED, occupied=False, passages=self.gate.inputs.passages + 1)
        await until(lambda: self.lane.snapshot().passage.outcome is not None, "the end")  # type: ignore[union-attr]
        await self.reaches("Ready")

    async def decides(self, passage: str, action: OfficerAction, **more: Any) -> Reply:
        asked = {"request_id": "r", "passage_id": passage, "action": action, "officer": "o.sipka"}
        return await self.lane.decide(OfficerRequest(**asked, reason="seen by eye", **more))

    async def serves(self, wanted: bool) -> Reply:
        """Somebody takes the lane out of service, or puts it back."""
        asked = ServiceRequest(request_id="s", in_service=wanted, officer="o.sipka", reason="cleaning")
        return await self.lane.service(asked)

    def journal(self) -> list[tuple[str, dict[str, Any]]]:
        with closing(sqlite3.connect(self.base / "state" / "lane.db")) as connection:
            rows = connection.execute("SELECT kind, payload FROM journal ORDER BY seq").fetchall()
        return [(kind, json.loads(payload)) for kind, payload in rows]


@asynccontextmanager
async def living(house: House) -> AsyncIterator[House]:
    tasks = asyncio.all_tasks()
    async with await AsyncStore.open(house.config.state_dir, house.clock, boot_id="boot") as house.store:
        house.lane = LaneController(house.config, house.clock, house.store)
        running = asyncio.create_task(house.lane.run())
        try:
            await until(lambda: running.done() or house.phase != "Starting", "the start")
            yield house
        finally:
            running.cancel()
            ended = (await asyncio.gather(running, return_exceptions=True))[0]
            left = [task.get_name() for task in asyncio.all_tasks() - tasks if "TestRunner" not in repr(task)]
    assert isinstance(ended, asyncio.CancelledError), ended
    assert house.gate.log[-1] == "close"
    assert left == []
    assert house.journal()[-1][0] == "lane_stopped"
    assert verify(house.base / "state" / "lane.db").problem is None

"""A lane's core, journal and gate owner in this process, on an emulated board behind a real pseudo-terminal.

For measurements and faults that need the real control path many times over: reader, cameras and vision are told to the
loop as events. Whole processes are the rig's (hil.rig). Not here: what is measured.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from appliance.clock import Clock, SystemClock
from appliance.core import commands as cmd
from appliance.core import events as ev
from appliance.core.explore import DOCUMENTS, TODAY, face_checks
from appliance.core.policy import Policy
from appliance.core.types import Device
from appliance.core.types import Door as CoreDoor
from appliance.runtime.gate import GateOwner
from appliance.runtime.loop import LaneLoop
from appliance.runtime.timers import LoopTimers
from appliance.store.async_store import AsyncStore
from drivers.gate import DryContactWiring, open_waveshare_gate
from drivers.ports import Door
from hil.emulator.pty_line import Emulator, PtyLine
from hil.emulator.waveshare import WaveshareBoard
from hil.sim.gate import Gate
from hil.sim.observer import Observer

BAUD = 115200
TICK_S = 0.01
_HURRY = 10.0
_PATIENCE_S = 12.0


class Late(Exception):
    """Something that had to happen did not; the message says what."""


class Controller:
    """Use `Controller.started`. `observer` and `mechanism` are the truth about contacts and doors."""

    def __init__(self, line: PtyLine, observer: Observer, loop: LaneLoop, gate: GateOwner) -> None:
        self.line, self.observer, self.loop, self.gate = line, observer, loop, gate
        self.board = observer.board
        self.mechanism = Gate(observer, DryContactWiring())

    @classmethod
    @contextlib.asynccontextmanager
    async def started(
        cls,
        *,
        clock: Clock | None = None,
        release_s: float = 0.5,
        tap: Callable[[Observer], Emulator] | None = None,
        baudrate: int = BAUD,
    ) -> AsyncIterator["Controller"]:
        """A ready lane. `tap` may stand between the line and the board."""
        observer = Observer(WaveshareBoard(baudrate=baudrate), time.monotonic)
        timekeeper = clock or SystemClock()
        with tempfile.TemporaryDirectory() as folder:
            port = Path(folder) / "gate.tty"
            with PtyLine(tap(observer) if tap else observer, port) as line:
                async with await AsyncStore.open(Path(folder) / "state", timekeeper, boot_id="hil") as store:
                    made = cls._wired(line, observer, store, timekeeper, release_s=release_s, baudrate=baudrate)
                    async with made._living():
                        yield made

    @classmethod
    def _wired(
        cls, line: PtyLine, observer: Observer, store: AsyncStore, clock: Clock, *, release_s: float, baudrate: int
    ) -> "Controller":
        def dispatch(command: cmd.Command) -> None:
            match command:
                case cmd.ReleaseEntry():
                    gate.order_release(CoreDoor.ENTRY)
                case cmd.ReleaseExit():
                    gate.order_release(CoreDoor.EXIT)
                case cmd.Secure():
                    gate.order_secure()
                case _:
                    pass

        loop = LaneLoop(
            policy=Policy(release_s=release_s),
            clock=clock,
            timers=LoopTimers(),
            store=store,
            pack_id=lambda: "hil",
            simulated=True,
            dispatch=dispatch,
            on_change=lambda *_: None,
        )
        driver = open_waveshare_gate("gate", line.path, baudrate=baudrate)
        gate = GateOwner(driver, loop, poll_s=0.05, release_s=release_s)
        return cls(line, observer, loop, gate)

    @contextlib.asynccontextmanager
    async def _living(self) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work()) for work in (self._tick, self.loop.run, self.gate.run)]
        try:
            for device in set(Device) - {Device.GATE}:
                self.loop.post(ev.DeviceReported(device), "hil")
            await self.until(lambda: self.phase == "Ready", "the lane to be ready")
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tick(self) -> None:
        lived = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            self.mechanism.tick(now - lived, speed=_HURRY)
            self.observer.watch(self.mechanism)
            lived = now

    @property
    def phase(self) -> str:
        """The name of the lane's phase."""
        return type(self.loop.lane.phase).__name__

    async def until(self, holds: Callable[[], bool], what: str, patience_s: float = _PATIENCE_S) -> float:
        """Seconds until it holds. Raises Late."""
        begun = time.monotonic()
        while not holds():
            if time.monotonic() - begun > patience_s:
                raise Late(
                    f"waited {patience_s:.0f} s for {what}; the lane is in {self.phase}, {self.loop.faults.codes}"
                )
            await asyncio.sleep(0.002)
        return time.monotonic() - begun

    # --- a traveller ------------------------------------------------------------------------------------------

    async def comes_in(self, passage: str) -> None:
        """A traveller with a document in order enters; the entry has shut behind him and his face is to be verified."""
        self.loop.post(ev.DocumentPresented(passage), "hil")
        self.loop.post(ev.DocumentRead(passage, DOCUMENTS["in order"], TODAY), "hil")
        await self._walks_through(Door.ENTRY, inside=True)
        await self._pulse_over(0)
        await self.until(lambda: self.phase == "Verifying", "the verification to begin")

    async def is_accepted(self, passage: str) -> float:
        """His face is accepted; seconds until the exit's release contact has closed."""
        before = self.observer.closings(1)
        self.loop.post(ev.VerificationDone(passage, face_checks()), "hil")
        return await self.until(lambda: self.observer.closings(1) > before, "the exit's contact to close")

    async def goes_out(self) -> None:
        """He leaves by the exit and the lane is ready again."""
        await self._walks_through(Door.EXIT, inside=False)
        await self._pulse_over(1)
        await self.until(lambda: self.phase == "Ready", "the lane to be ready again")

    async def _pulse_over(self, relay: int) -> None:
        """People are slower than this: by the time one of them is at the next door the pulse is long over."""
        await self.until(lambda: not self.observer.contact(relay), "the pulse to end")
        await asyncio.sleep(0.2)  # the driver trusts no contact for 0.1 s after it, and polls at 20 Hz

    async def _walks_through(self, door: Door, *, inside: bool) -> None:
        leaf = self.mechanism.leaf(door)
        await self.until(lambda: self.mechanism.unlocked(door), f"the {door} to be released")
        leaf.pushed = True
        await self.until(lambda: leaf.wide_open, f"the {door} to open")
        self.mechanism.occupied = inside
        if not inside:
            self.mechanism.count_passage()
        await asyncio.sleep(0.2)  # longer than a reading: both facts are seen with the door open
        leaf.pushed = False
        await self.until(lambda: leaf.closed, f"the {door} to shut")

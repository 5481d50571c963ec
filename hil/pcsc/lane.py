"""A lane's document reader as its configuration has it, kind `pcsc`: a swipe reader on a pseudo-terminal beside pcscd.

What a traveller does is here: swipe, lay the passport down, take it off. What must come of it is not (`cases`).
"""

import asyncio
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance import devices
from appliance.clock import SystemClock, today
from appliance.config import LaneConfig, checked
from appliance.core.types import InspectionStep, Result
from appliance.document.judge import Judged
from appliance.document.reasons import worst
from appliance.runtime.documents import Documents, Trusted
from drivers.document.reader import ZoneAndChip
from drivers.errors import DriverError
from drivers.ports import DeviceIdentity, DocumentReader
from hil.emulator.mrz_swipe import TextReader
from hil.emulator.pty_line import PtyLine
from hil.passport import vpcd
from hil.passport.passport import Passport
from hil.pcsc.cases import GENUINE, Case
from hil.pcsc.stack import READER, Pcscd
from hil.rig.config import LaneSettings, RigPaths, lane_toml
from hil.rig.trust import import_trust

SWAP_S = 0.6
"""Between two passports. pcscd looks every 0.4 s; of one swapped between two looks it may not know until it is gone."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a lane made of one document. `proven_s`: from swipe until the chip is let go, `chip_s` of it at the chip."""

    said: str
    commands: int
    proven_s: float
    chip_s: float


class Counted:
    """A document reader whose commands are counted; `at` says what happens just before the n-th of a document."""

    def __init__(self, reader: DocumentReader) -> None:
        self._reader = reader
        self.open, self.presented, self.zone = reader.open, reader.presented, reader.zone
        self.connect, self.close = reader.connect, reader.close
        self.begin({})

    def begin(self, at: Mapping[int, Callable[[], None]]) -> None:
        """Count from now on, for another document."""
        self._at = at
        self.commands, self.chip_s, self.since, self.proven_s = 0, 0.0, time.monotonic(), 0.0

    async def transmit(self, command: bytes) -> bytes:
        """A command to the chip."""
        self.commands += 1
        if self.commands in self._at:
            self._at[self.commands]()
        start = time.monotonic()
        try:
            return await self._reader.transmit(command)
        finally:
            self.chip_s += time.monotonic() - start

    async def disconnect(self) -> None:
        """The chip is done with."""
        self.proven_s = time.monotonic() - self.since
        await self._reader.disconnect()


def configured(folder: Path, port: str) -> LaneConfig:
    """A rig's lane, but for its document reader. Raises ConfigError."""
    paths = RigPaths(folder)
    raw = tomllib.loads(lane_toml(paths, LaneSettings()))
    raw["document_reader"] = {"kind": "pcsc", "reader": READER, "zone": {"kind": "serial_text", "port": port}}
    return checked(paths.config, raw, LaneConfig)


class ReaderLane:
    """Reads one document after the other, opening its reader anew when that has failed, as `ReaderOwner` does."""

    def __init__(self, reader: Counted, documents: Documents, line: PtyLine, pcscd: Pcscd) -> None:
        self._reader, self._documents, self._line, self._pcscd = reader, documents, line, pcscd

    async def open(self) -> DeviceIdentity:
        """Open the reader. Raises DriverError."""
        return await self._documents.open()

    async def close(self) -> None:
        """Let it go."""
        await self._documents.close()

    async def read(self, case: Case, passport: Passport) -> Reading:
        """A traveller does what the case says. Never raises for what a reader may do."""
        loop = asyncio.get_running_loop()
        with ExitStack() as laid:
            happens: dict[int, Callable[[], None]] = {}
            if case.pulled_at:
                happens[case.pulled_at] = laid.close
            if case.stopped_at:
                happens[case.stopped_at] = self._pcscd.stop

            def lay() -> None:
                laid.enter_context(vpcd.lay(passport.chip()))

            if case.laid_after_s == 0:
                lay()
                self._pcscd.wait_for_chip(there=True)
            await self._swiped(passport)
            if case.laid_after_s:
                loop.call_later(case.laid_after_s, lay)
            self._reader.begin(happens)
            try:
                said = _said(await self._documents.judged(today(SystemClock())))
            except DriverError as error:
                said = type(error).__name__
                await self._reopened()
        self._pcscd.wait_for_chip(there=False)
        await asyncio.sleep(SWAP_S)
        counted = self._reader
        return Reading(said, counted.commands, counted.proven_s, counted.chip_s)

    async def _swiped(self, passport: Passport) -> None:
        presented = asyncio.create_task(self._documents.presented())
        await asyncio.sleep(0)  # a zone that comes before it is asked for is thrown away
        self._line.send(TextReader().swipe(passport.printed))
        await presented

    async def _reopened(self) -> None:
        await self.close()
        self._pcscd.stop()
        self._pcscd.start()
        await self.open()


def _said(judged: Judged) -> str:
    """The gravest reason; GENUINE only for a document that is, with its portrait decoded."""
    inspection = judged.inspection
    if inspection is None:
        return judged.document.problem
    if (gravest := worst(inspection.reasons())) is not None:
        return gravest
    whole = all(inspection.result(step) is Result.SUCCESSFUL for step in InspectionStep)
    return GENUINE if whole and judged.document.checks_ok and judged.portrait is not None else "incomplete"


@contextmanager
def reader_lane(folder: Path, pcscd: Pcscd) -> Iterator[ReaderLane]:
    """A lane's reader over a running pcscd; files in `folder`. Its own to open. Raises ConfigError."""
    paths = RigPaths(folder)
    import_trust(paths.trust, folder / "utopia", SystemClock().now())
    with PtyLine(TextReader(), folder / "swipe.tty") as line:
        config = configured(folder, line.path)
        reader = devices.reader(config)
        assert isinstance(reader, ZoneAndChip)
        assert config.trust is not None
        counted = Counted(reader)
        trusted = Trusted(config.trust.store, config.trust.roots, specimens=config.simulated)
        yield ReaderLane(counted, Documents(counted, trusted, config.trust.rules()), line, pcscd)

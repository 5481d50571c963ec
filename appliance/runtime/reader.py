"""Owner of what people say who they are with: keeps it open, starts passages, judges claims when told."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import asdict

from appliance.clock import Clock, today
from appliance.core import events as ev
from appliance.core.types import Device
from appliance.document.judge import Judged, unreadable
from appliance.runtime.claims import Source
from appliance.runtime.loop import LaneLoop
from drivers.errors import DriverError, NoResponse
from drivers.ports import DeviceIdentity

RECONNECT_S = 0.5
PROVED_S = 5.0
_log = logging.getLogger(__name__)


class ReaderOwner:
    """One source of claims. `on_document` gets what was judged before the core hears of it."""

    def __init__(
        self, reader: Source, loop: LaneLoop, clock: Clock, on_document: Callable[[str, Judged], None]
    ) -> None:
        self._reader, self._loop, self._clock, self._on_document = reader, loop, clock, on_document
        self._reported = False
        self._waiting: asyncio.Timeout | None = None
        self._proof: asyncio.Future[DeviceIdentity] | None = None

    async def run(self) -> None:
        """Open, wait for documents, reconnect."""
        try:
            while True:
                try:
                    identity = await self._reader.open()
                    if self._proof is not None and not self._proof.done():
                        self._proof.set_result(identity)
                    _log.info("document reader: %s, firmware %s", identity.model, identity.firmware)
                    self._loop.faults.identified("document_reader", asdict(identity))
                    self._loop.faults.clear(1003, "document_reader")
                    if not self._reported:
                        self._reported = True
                        self._loop.post(ev.DeviceReported(Device.DOCUMENT_READER), "document_reader")
                    await self._documents()
                except DriverError as error:
                    self._loop.faults.raise_fault(1003, "document_reader", str(error))
                    await self._reader.close()
                except TimeoutError:
                    await self._reader.close()
                await asyncio.sleep(RECONNECT_S)
        finally:
            await asyncio.shield(self._reader.close())

    async def _documents(self) -> None:
        try:
            async with asyncio.timeout(None) as self._waiting:
                while True:
                    await self._reader.presented()
                    self._loop.post(ev.DocumentPresented(uuid.uuid4().hex[:16]), "document_reader")
        finally:
            self._waiting = None

    def _reopen(self) -> None:
        """End the wait for documents: only opening the reader anew proves that it works again."""
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def prove(self) -> DeviceIdentity:
        """Have the reader opened anew, by whom it belongs to. Raises DriverError when it does not answer in time."""
        self._proof = asyncio.get_running_loop().create_future()
        self._reopen()
        try:
            async with asyncio.timeout(PROVED_S):
                return await self._proof
        except TimeoutError as error:
            raise NoResponse("document_reader", f"it was not opened within {PROVED_S:g} s") from error

    async def read(self, passage_id: str) -> None:
        """Read and judge the document on the reader; the core hears of it either way."""
        on = today(self._clock)
        try:
            judged = await self._reader.judged(on)
        except DriverError as error:
            self._loop.faults.raise_fault(1003, "document_reader", str(error))
            self._reopen()
            judged = unreadable("The document reader does not answer.")
        self._on_document(passage_id, judged)
        self._loop.post(ev.DocumentRead(passage_id, judged.document, on), "document_reader")

"""The document reader's end of the rig's socket: the printed zone, and a line to the chip of what lies on the plate.

Requests carry a number which the answer repeats; `presented` waits for a document laid down later than `after`. The
chip is the virtual passport's (hil.passport); its arithmetic is done beside the loop, so that no camera waits for it.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from appliance.wire import Message, receive
from hil.passport.chip import Chip
from hil.passport.misbehaviour import CardRemoved, CardSilent
from hil.passport.passport import Passport, PassportError, load
from hil.rig.world import World
from hil.sim.reader import DocumentPlate


class Refused(Exception):
    """The rig says no; `word` is for the program, the text for people."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word

    def answer(self, **more: Any) -> Message:
        """As an answer."""
        return Message({"error": self.word, "message": str(self), **more})


class ReaderEnd:
    """One connection of a document reader's driver."""

    def __init__(self, world: World, model: str, writer: asyncio.StreamWriter) -> None:
        self._world, self._model, self._writer = world, model, writer
        self._chip: tuple[Chip, int] | None = None
        """The chip that is powered up, and which document laid down it belongs to."""

    async def serve(self, first: Message, reader: asyncio.StreamReader) -> None:
        """Until the driver hangs up; `presented` may wait while something else is asked."""
        message: Message | None = first
        pending: set[asyncio.Task[None]] = set()
        try:
            while message is not None:
                task = asyncio.create_task(self._answer(message))
                pending.add(task)
                task.add_done_callback(pending.discard)
                message = await receive(reader)
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
            self._plate.finish()

    @property
    def _plate(self) -> DocumentPlate:
        return self._world.lane.plate

    async def _answer(self, message: Message) -> None:
        number = message.header.get("number", 0)
        try:
            blobs, more = await self._carry_out(message)
            told = {"number": number, "model": f"{self._model} document reader", "placements": self._plate.placements}
            answer = Message(told | more, blobs)
        except Refused as refusal:
            answer = refusal.answer(number=number)
        with contextlib.suppress(ConnectionError):
            self._writer.write(answer.encode())
            await self._writer.drain()

    async def _carry_out(self, message: Message) -> tuple[tuple[bytes, ...], dict[str, Any]]:
        match message.header.get("ask"):
            case "document_reader":
                pass
            case "presented":
                await self._presented(message.header.get("after"))
            case "zone":
                return (), {"zone": list(await self._zone())}
            case "connect":
                return (self._connect(),), {}
            case "transmit" if len(message.blobs) == 1:
                return (await self._transmit(message.blobs[0]),), {}
            case "disconnect":
                self._chip = None
                self._plate.finish()
            case other:
                raise Refused("refused", f"the document reader cannot {other!r}")
        return (), {}

    async def _presented(self, after: object) -> None:
        plate, seen = self._plate, after if isinstance(after, int) else -1
        await self._world.until(lambda: plate.document is not None and plate.placements > seen)

    async def _zone(self) -> tuple[str, ...]:
        plate = self._plate
        self._passport()
        before = plate.broken_off
        plate.begin()
        await self._world.until(lambda: plate.zone_read or not plate.reading)
        if plate.broken_off != before:
            raise Refused("unreadable", "the document was taken off too early; lay it down and leave it there")
        return self._passport().printed

    def _passport(self) -> Passport:
        folder: Path | None = self._plate.document
        if folder is None:
            raise Refused("unreadable", "no document lies on the reader; lay it down and leave it there")
        try:
            return load(folder)
        except PassportError as error:
            raise Refused("unreadable", str(error)) from error

    def _connect(self) -> bytes:
        chip = self._passport().chip()
        if not self._plate.reading:
            self._plate.begin()
        self._chip = chip, self._plate.placements
        return chip.reset()

    async def _transmit(self, command: bytes) -> bytes:
        if self._chip is None:
            raise Refused("chip_lost", "no chip is powered up")
        chip, placement = self._chip
        with contextlib.suppress(CardRemoved):
            response = await self._answered(chip, command) if self._lies(placement) else b""
            if response and self._lies(placement):
                return response
        self._chip = None
        raise Refused("chip_lost", "the document was taken off too early; lay it down and leave it there")

    def _lies(self, placement: int) -> bool:
        return self._plate.document is not None and self._plate.placements == placement

    async def _answered(self, chip: Chip, command: bytes) -> bytes:
        try:
            return await asyncio.to_thread(chip.process, command)
        except CardSilent:
            await asyncio.Event().wait()  # until the other end gives up
            raise

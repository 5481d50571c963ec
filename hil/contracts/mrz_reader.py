"""The one suite for every MRZ reader. A test module subclasses `MrzReaderContract` and says how to make its reader.

Kinds: "null modem", "pty", and "real", which is skipped with its reason unless the file named by `--bench` has a device
of this kind. Nobody can swipe a document by a test, so under a real reader only what needs none is tested.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import pytest

from drivers.document.mrz_swipe.driver import SwipeReader, swipe_reader
from drivers.document.mrz_swipe.framing import Framing
from drivers.errors import Disconnected, DocumentUnreadable, DriverError
from drivers.ports import MrzReader
from drivers.transport.null_modem import NullModemEnd, null_modem
from hil.emulator.mrz_swipe import SwipeEmulator
from hil.emulator.pty_line import PtyLine
from hil.stand import Bench

PASSPORT = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
OTHER = ("P<UTOSTEVENSON<<PETER<<<<<<<<<<<<<<<<<<<<<<<", "D231458903UTO3407127M9507122<<<<<<<<<<<<<<<4")
CARD = ("I<UTOD23145890<7349<<<<<<<<<<<", "3407127M9507122UTO<<<<<<<<<<<2", "STEVENSON<<PETER<<<<<<<<<<<<<<")
SMALL = ("I<UTOSTEVENSON<<PETER<<<<<<<<<<<<<<<", "D23145890<UTO3407127M95071227349<<<8")
_IDLE_S = 0.03
_PATIENCE_S = 10.0


class Slot:
    """An emulated reader on a line, and what people and faults do to it."""

    def __init__(self, emulator: SwipeEmulator, kind: str, plug: Callable[..., PtyLine]) -> None:
        self.emulator = emulator
        self._far: NullModemEnd | None = None
        self._line = plug(emulator) if kind == "pty" else None

    def connect_in_memory(self) -> NullModemEnd:
        """A fresh null modem to the emulator."""
        near, self._far = null_modem("reader")
        self._far.answer_with(self.emulator.handle)
        return near

    def reader(self, framing: Framing) -> SwipeReader:
        """The driver on this line."""
        if self._line is None:
            return SwipeReader("reader", self.connect_in_memory, framing, idle_s=_IDLE_S)
        return swipe_reader("reader", self._line.path, framing, baudrate=115200, idle_s=_IDLE_S)

    def send(self, data: bytes) -> None:
        """Bytes from the reader."""
        if self._line is not None:
            self._line.send(data)
        elif self._far is not None:
            self._far.emit(data)

    async def swipe(self, lines: tuple[str, ...], part: float = 1.0) -> None:
        """A document, once the reader would read it; of what the reader sends of it, this part arrives."""
        async with asyncio.timeout(_PATIENCE_S):
            while not self.emulator.ready:  # noqa: ASYNC110 - the emulator lives in a thread
                await asyncio.sleep(0.001)
        sent = self.emulator.swipe(lines)
        self.send(sent[: int(len(sent) * part)])

    async def read(self, reader: MrzReader, lines: tuple[str, ...]) -> tuple[str, ...]:
        """What the reader gives of a document that is swiped once it is asked, and taken away again."""
        task = await waiting(reader)
        await self.swipe(lines)
        async with asyncio.timeout(_PATIENCE_S):
            try:
                return await task
            finally:
                self.emulator.remove()

    def unplug(self) -> None:
        """The reader is gone."""
        if self._line is not None:
            self._line.unplug()
        elif self._far is not None:
            self._far.close()

    def replug(self) -> None:
        """The reader is back."""
        if self._line is not None:
            self._line.replug()


async def waiting(reader: MrzReader) -> "asyncio.Task[tuple[str, ...]]":
    """A reader that is asked for a zone and has begun to wait for it."""
    task = asyncio.create_task(reader.zone())
    for _ in range(20):
        await asyncio.sleep(0)
    return task


class MrzReaderContract:
    """Subclass and override `make`, and `real` unless the kind exists as an emulator only."""

    device: ClassVar[str]
    """The kind in a bench file, e.g. "mrz.rte6701"."""
    zones: ClassVar[tuple[tuple[str, ...], ...]] = (PASSPORT, CARD, SMALL)

    def emulator(self) -> SwipeEmulator:
        """A fresh emulator."""
        raise NotImplementedError

    def framing(self) -> Framing:
        """A fresh host end."""
        raise NotImplementedError

    def real(self, options: dict[str, Any]) -> MrzReader:
        """The reader of the bench; `options` are the keys of its device in the file."""
        return swipe_reader("reader", options["port"], self.framing(), baudrate=options.get("baudrate", 9600))

    @pytest.fixture(params=["null modem", "pty", "real"])
    async def bay(
        self, request: pytest.FixtureRequest, plug: Callable[..., PtyLine], bench: Bench
    ) -> AsyncIterator[tuple[MrzReader, Slot | None]]:
        """The reader under test, open, closed afterwards, and its slot when it is an emulated one."""
        slot: Slot | None = None
        if request.param == "real":
            options = bench.device(self.device)
            if options is None:
                pytest.skip(f"bench {bench.name} ({bench.tier.name}) has no {self.device}")
            reader = self.real(options)
        else:
            slot = Slot(self.emulator(), request.param, plug)
            reader = slot.reader(self.framing())
        assert (await reader.open()).model
        yield reader, slot
        await reader.close()

    def emulated(self, slot: Slot | None) -> Slot:
        """Skip where nobody can swipe."""
        if slot is None:
            pytest.skip("a test cannot swipe a document through a real reader")
        return slot

    async def test_zones_of_every_size_come_as_printed(self, bay: tuple[MrzReader, Slot | None]) -> None:
        """Zones of every size come as printed."""
        reader, slot = bay[0], self.emulated(bay[1])
        for lines in self.zones:
            assert await slot.read(reader, lines) == lines

    async def test_a_zone_nobody_asked_for_is_never_given(self, bay: tuple[MrzReader, Slot | None]) -> None:
        """What the last traveller swiped is not the next one's."""
        reader, slot = bay[0], self.emulated(bay[1])
        slot.send(slot.emulator.swipe(PASSPORT))
        slot.emulator.remove()
        assert await slot.read(reader, OTHER) == OTHER

    async def test_garbage_is_no_zone_and_the_next_one_is_read(self, bay: tuple[MrzReader, Slot | None]) -> None:
        """Garbage is no zone, and the next zone is read."""
        reader, slot = bay[0], self.emulated(bay[1])
        task = await waiting(reader)
        slot.send(b"\x00\xff~~garbage\x07")
        done, _ = await asyncio.wait({task}, timeout=10 * _IDLE_S)
        if done:
            with pytest.raises(DocumentUnreadable):
                await task
        else:
            task.cancel()
            await asyncio.wait({task})
        assert await slot.read(reader, PASSPORT) == PASSPORT

    async def test_a_flood_of_garbage_is_an_error(self, bay: tuple[MrzReader, Slot | None]) -> None:
        """A wrong baud rate is told, not waited for."""
        reader, slot = bay[0], self.emulated(bay[1])
        task = await waiting(reader)
        slot.send(bytes(range(128, 256)) * 4)
        async with asyncio.timeout(_PATIENCE_S):
            with pytest.raises(DriverError, match="check the baud rate"):
                await task

    async def test_an_error_never_quotes_the_zone(self, bay: tuple[MrzReader, Slot | None]) -> None:
        """A cut zone: an error, without a character of it."""
        reader, slot = bay[0], self.emulated(bay[1])
        task = await waiting(reader)
        await slot.swipe(PASSPORT, part=0.5)
        async with asyncio.timeout(_PATIENCE_S):
            with pytest.raises(DocumentUnreadable) as caught:
                await task
        assert not any(part in str(caught.value) for part in ("ERIKSSON", "L8989", "7408"))

    async def test_waiting_can_be_given_up(self, bay: tuple[MrzReader, Slot | None]) -> None:
        """Given up, the reader is asked anew."""
        reader, slot = bay
        task = await waiting(reader)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if slot is not None:
            assert await slot.read(reader, PASSPORT) == PASSPORT

    async def test_unplugged_and_plugged_again(self, bay: tuple[MrzReader, Slot | None]) -> None:
        """A reader that is pulled out while it is waited for is an error at once; opened anew it reads."""
        reader, slot = bay[0], self.emulated(bay[1])
        task = await waiting(reader)
        slot.unplug()
        async with asyncio.timeout(_PATIENCE_S):
            with pytest.raises(Disconnected):
                await task
        await reader.close()
        slot.replug()
        await reader.open()
        assert await slot.read(reader, PASSPORT) == PASSPORT

    async def test_a_closed_reader_says_so(self, bay: tuple[MrzReader, Slot | None]) -> None:
        """A closed reader says so and opens again."""
        reader, _ = bay
        await reader.close()
        await reader.close()
        with pytest.raises(Disconnected, match="not open"):
            await reader.zone()
        await reader.open()

"""The owner of the document reader, and the register of faults it shares with the other owners."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from runtime_devices import PORTRAIT, in_order, utopia
from runtime_stage import Heard, until

from appliance.clock import ManualClock, today
from appliance.core import events as ev
from appliance.core.faults import Effect
from appliance.core.types import Device, Result
from appliance.document.judge import Judged
from appliance.document.rules import Rules
from appliance.runtime import reader as module
from appliance.runtime.documents import Documents, Trusted
from appliance.runtime.faults import FaultRegister
from appliance.runtime.reader import ReaderOwner
from drivers.errors import Disconnected, DocumentUnreadable, NoResponse
from drivers.ports import DeviceIdentity
from hil.passport.faults import Fault
from hil.passport.passport import Passport
from hil.passport.personalise import make_passport
from hil.plate import PassportReader
from hil.rig.trust import fingerprint
from hil.scene import CAST

pytestmark = pytest.mark.anyio


class ScriptedReader(PassportReader):
    """Each reading finds the next of `documents`: a passport, or what goes wrong at its zone."""

    def __init__(self) -> None:
        super().__init__(in_order())
        self.log: list[str] = []
        self.laid: asyncio.Queue[Exception | None] = asyncio.Queue()
        self.opening: list[Exception] = []
        self.documents: list[Passport | Exception] = []

    async def open(self) -> DeviceIdentity:
        self.log.append("open")
        if self.opening:
            raise self.opening.pop(0)
        return DeviceIdentity("scripted", "1", None, False)

    async def presented(self) -> None:
        if (error := await self.laid.get()) is not None:
            raise error

    async def zone(self) -> tuple[str, ...]:
        found = self.documents.pop(0)
        if isinstance(found, Exception):
            raise found
        self._passport = found
        return await super().zone()

    async def disconnect(self) -> None:
        self.log.append("disconnect")

    async def close(self) -> None:
        self.log.append("close")


class Bench:
    def __init__(self) -> None:
        self.clock, self.heard, self.reader = ManualClock(), Heard(), ScriptedReader()
        self.seen: list[tuple[str, Judged, int]] = []
        self.documents = Documents(self.reader, Trusted(utopia(), frozenset({fingerprint()}), specimens=True), Rules())
        self.owner = ReaderOwner(self.documents, self.heard, self.clock, self._document)  # type: ignore[arg-type]

    def _document(self, passage_id: str, judged: Judged) -> None:
        self.seen.append((passage_id, judged, len(self.heard.posted)))

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.heard.posted if isinstance(event, kind)]


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch, *opening: Exception) -> AsyncIterator[Bench]:
    monkeypatch.setattr(module, "RECONNECT_S", 0.0)
    bench = Bench()
    bench.reader.opening = list(opening)
    task = asyncio.create_task(bench.owner.run())
    try:
        await until(lambda: bool(bench.told(ev.DeviceReported)), "the reader")
        yield bench
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert bench.reader.log[-1] == "close"


async def test_every_document_laid_down_starts_a_passage_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as bench:
        for _ in range(3):
            bench.reader.laid.put_nowait(None)
        await until(lambda: len(bench.told(ev.DocumentPresented)) == 3)
        ids = {event.passage_id for event in bench.told(ev.DocumentPresented)}
        assert len(ids) == 3
        assert all(len(passage_id) == 16 for passage_id in ids)


async def test_a_lost_reader_is_a_fault_until_it_opens_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch, Disconnected("document_reader", "no")) as bench:
        assert bench.reader.log == ["open", "close", "open"]
        assert bench.heard.seen_faults == {(1003, "document_reader")}
        assert bench.heard.faults.codes == ()
        bench.reader.opening = [NoResponse("document_reader", "silent")]
        bench.reader.laid.put_nowait(Disconnected("document_reader", "unplugged"))
        await until(lambda: bench.reader.log.count("open") == 4)
        assert bench.heard.faults.codes == ()
        assert bench.told(ev.DeviceReported) == [ev.DeviceReported(Device.DOCUMENT_READER)]


async def test_a_reading_that_fails_heals_without_another_document(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as bench:
        bench.reader.documents = [NoResponse("document_reader", "silent"), NoResponse("document_reader", "silent")]
        await bench.owner.read("p")
        assert bench.heard.faults.codes == (1003,)
        assert not bench.seen[0][1].document.readable
        await bench.owner.read("p")
        await until(lambda: bench.reader.log.count("open") == 2, "the reader's return")
        await until(lambda: bench.heard.faults.codes == (), "the end of the fault")
        bench.reader.laid.put_nowait(None)
        await until(lambda: bool(bench.told(ev.DocumentPresented)))


async def test_a_document_in_order_is_shown_before_the_core_hears_of_it() -> None:
    bench = Bench()
    bench.reader.documents = [in_order()]
    await bench.owner.read("p-1")
    passage, judged, posted_before = bench.seen[0]
    assert (passage, posted_before) == ("p-1", 0)
    assert judged.mrz is not None
    assert judged.portrait is not None
    assert judged.issued == date(2024, 7, 1)
    assert bench.reader.log == ["disconnect"], "the traveller may have it back"
    event = bench.told(ev.DocumentRead)[0]
    assert (event.passage_id, event.on, event.document) == ("p-1", today(bench.clock), judged.document)
    assert event.document.chip_authentic is Result.SUCCESSFUL


async def test_what_cannot_be_read_is_said_and_no_fault() -> None:
    bench = Bench()
    wrong = make_passport(CAST[0], PORTRAIT, faults=[Fault.MRZ_CHECK_DIGIT])
    bench.reader.documents = [DocumentUnreadable("document_reader", "Turn the page."), wrong]
    await bench.owner.read("p")
    await bench.owner.read("p")
    first, second = (event.document for event in bench.told(ev.DocumentRead))
    assert (first.readable, first.problem) == (False, "Turn the page.")
    assert (second.readable, second.chip_authentic) == (False, Result.NOT_PERFORMED)
    assert second.code == "mrz_check_digit"
    assert bench.reader.log == ["disconnect", "disconnect"]
    assert bench.heard.seen_faults == set()


async def test_the_zone_of_a_chip_that_is_read_again_is_not_asked_for_again() -> None:
    bench = Bench()
    pulled = make_passport(CAST[0], PORTRAIT, faults=[Fault.CARD_PULLED])
    bench.reader.documents = [pulled, in_order()]
    await bench.owner.read("p")
    await bench.owner.read("p")
    assert [event.document.code for event in bench.told(ev.DocumentRead)] == ["chip_lost", "chip_lost"]
    assert bench.reader.documents == [in_order()], "its holder was asked to leave it there"
    bench.reader.laid.put_nowait(None)
    await bench.documents.presented()
    await bench.owner.read("p")
    assert bench.told(ev.DocumentRead)[2].document.chip_authentic is Result.SUCCESSFUL


def test_a_fault_keeps_its_first_cause_and_tells_only_changes() -> None:
    clock, told = ManualClock(), list[frozenset[Effect]]()
    faults = FaultRegister(clock, told.append)
    begun = clock.now()
    faults.raise_fault(1001, "gate", "first cause")
    clock.advance(5)
    faults.raise_fault(1001, "gate", "later cause")
    faults.raise_fault(4001, "document_reader")
    assert [(f.code, f.detail, f.since - begun) for f in faults.active] == [
        (1001, "first cause", timedelta()),
        (4001, "", timedelta(seconds=5)),
    ]
    assert told == [{Effect.OUT_OF_SERVICE}, {Effect.OUT_OF_SERVICE, Effect.NOTICE}]
    faults.clear(1001, "reader")
    assert len(told) == 2
    faults.set(1001, "gate", False)
    faults.clear(1001, "gate")
    assert told[2:] == [{Effect.NOTICE}]
    faults.set(1001, "gate", True, "again")
    assert faults.active[0].detail == "again"


def test_the_same_fault_of_two_devices_is_over_when_both_are() -> None:
    told: list[frozenset[Effect]] = []
    faults = FaultRegister(ManualClock(), told.append)
    faults.raise_fault(3001, "camera.rgb")
    faults.raise_fault(3001, "camera.nir")
    faults.clear(3001, "camera.rgb")
    assert (faults.codes, told[-1]) == ((3001,), {Effect.OUT_OF_SERVICE})
    faults.clear(3001, "camera.nir")
    assert (faults.codes, told[-1]) == ((), frozenset())


def test_a_fault_that_is_not_in_the_catalogue_is_a_bug() -> None:
    with pytest.raises(KeyError):
        FaultRegister(ManualClock(), lambda _: None).raise_fault(4242, "gate")


async def test_a_reader_is_proved_by_being_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(monkeypatch) as bench:
        assert (await bench.owner.prove()).model == "scripted"
        assert bench.reader.log == ["open", "close", "open"]
        assert bench.heard.faults.codes == ()
        bench.reader.laid.put_nowait(None)
        await until(lambda: bool(bench.told(ev.DocumentPresented)), "documents are still seen")


async def test_a_reader_that_does_not_open_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROVED_S", 0.02)
    async with running(monkeypatch) as bench:
        bench.reader.opening = [NoResponse("document_reader", "silent") for _ in range(100_000)]
        with pytest.raises(NoResponse, match="not opened"):
            await bench.owner.prove()
        assert bench.heard.faults.codes == (1003,)
        bench.reader.opening = []
        await until(lambda: bench.heard.faults.codes == (), "its return")
        assert (await bench.owner.prove()).model == "scripted"

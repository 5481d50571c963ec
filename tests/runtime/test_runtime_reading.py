"""A document that was not read well is read again, and its traveller is told what helps, for exactly that long."""

import asyncio
from pathlib import Path

import pytest
from runtime_devices import PORTRAIT, HandReader, HandVision, in_order
from runtime_house import House, living
from runtime_stage import until

from appliance.core.types import Advice, OfficerAction
from drivers.errors import DocumentUnreadable, NoResponse
from hil.passport.faults import Fault
from hil.passport.passport import Passport
from hil.passport.personalise import make_passport
from hil.scene import CAST

pytestmark = pytest.mark.anyio
BLURRED = DocumentUnreadable("document_reader", "Turn the page.")
LEAVE, AGAIN = Advice.LEAVE_IT_THERE, Advice.LAY_DOWN_AGAIN


class FindsNext(HandReader):
    """Each reading finds the next of `found`, and waits for it: a passport, or what goes wrong.

    It begins with the zone, or where that is known with the chip.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: asyncio.Queue[Passport | Exception] = asyncio.Queue()
        self.readings = 0
        self._begun = False

    async def zone(self) -> tuple[str, ...]:
        await self._next()
        self._begun = True
        return await super().zone()

    async def connect(self) -> bytes:
        if not self._begun:
            await self._next()
        self._begun = False
        return await super().connect()

    async def _next(self) -> None:
        self.readings += 1
        found = await self.found.get()
        if isinstance(found, Exception):
            raise found
        self._passport = found


class Desk(House):
    """A lane with such a reader. `told` is each phase a console saw, with the advice in it."""

    def __init__(self, base: Path, monkeypatch: pytest.MonkeyPatch, **policy: int) -> None:
        super().__init__(base, monkeypatch, **policy)
        self.reader: FindsNext = FindsNext()
        self.told: list[tuple[str, Advice | None]] = []

    def listens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def changed() -> None:
            self.told.append((self.phase, self.lane.snapshot().advice))

        monkeypatch.setattr(self.lane.server, "changed", changed)

    async def reads(self, reading: int) -> None:
        await until(lambda: self.reader.readings == reading, f"reading {reading}")


def pulled_away() -> Passport:
    return make_passport(CAST[0], PORTRAIT, faults=[Fault.CARD_PULLED])


async def test_whose_chip_was_pulled_away_is_told_to_leave_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(desk := Desk(tmp_path, monkeypatch)):
        await desk.reaches("Ready")
        desk.listens(monkeypatch)
        desk.reader.laid.put_nowait(None)
        await desk.reads(1)
        assert desk.lane.snapshot().advice is None, "nothing has gone wrong yet"
        desk.reader.found.put_nowait(pulled_away())
        await desk.reads(2)
        seen = desk.lane.snapshot()
        assert (seen.phase, seen.step, seen.advice) == ("Reading", "reading_document", LEAVE)
        desk.reader.found.put_nowait(in_order())
        await desk.reaches("Entering")
        assert desk.lane.snapshot().advice is None
        assert [phase for phase, advice in desk.told if advice is not None] == ["Reading"]


async def test_each_reading_has_its_own_advice_and_the_next_traveller_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(desk := Desk(tmp_path, monkeypatch, document_attempts=3)):
        await desk.reaches("Ready")
        desk.listens(monkeypatch)
        desk.reader.laid.put_nowait(None)
        await desk.reads(1)
        for reading, found, advice in ((2, BLURRED, AGAIN), (3, pulled_away(), LEAVE)):
            desk.reader.found.put_nowait(found)
            await desk.reads(reading)
            assert desk.lane.snapshot().advice is advice
        desk.reader.found.put_nowait(BLURRED)
        await desk.reaches("Referred")
        passage = desk.lane.snapshot().passage
        assert passage is not None
        assert (await desk.decides(passage.passage_id, OfficerAction.REFUSE)).accepted
        await desk.reaches("Ready")
        desk.reader.laid.put_nowait(None)
        await desk.reads(4)
        assert (desk.phase, desk.lane.snapshot().advice) == ("Reading", None)
        # The last reading ended in advice as well, but was not to be followed by another.
        assert [told for told in desk.told if told[1] is not None] == [("Reading", AGAIN), ("Reading", LEAVE)]


async def test_a_reader_that_does_not_answer_is_no_fault_of_the_travellers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(desk := Desk(tmp_path, monkeypatch)):
        await desk.reaches("Ready")
        desk.listens(monkeypatch)
        desk.reader.laid.put_nowait(None)
        await desk.reads(1)
        desk.reader.found.put_nowait(NoResponse("document_reader", "silent"))
        await until(lambda: desk.told[-1][0] != "Reading" or desk.reader.readings == 2, "what comes of it")
        assert {advice for _, advice in desk.told} == {None}


async def test_a_passage_that_ends_in_the_middle_of_a_reading_leaves_neither_advice_nor_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(desk := Desk(tmp_path, monkeypatch)):
        await desk.reaches("Ready")
        desk.reader.laid.put_nowait(None)
        await desk.reads(1)
        desk.reader.found.put_nowait(pulled_away())
        await desk.reads(2)
        assert desk.lane.snapshot().advice is LEAVE
        desk.gate.set(emergency=True)
        await desk.reaches("Emergency")
        assert desk.lane.snapshot().advice is None
        desk.reader.found.put_nowait(in_order())
        await until(lambda: not any(name.startswith("read.") for name in desk.lane._tasks), "the late reading")
        passage = desk.lane.snapshot().passage
        assert passage is not None
        assert passage.document is None
        assert "enrol" not in HandVision.started[-1].asked

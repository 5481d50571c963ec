"""Travel documents on a reader, as a source of claims: carries an inspection's commands to the chip and back.

Not responsible for what is said to the chip (`appliance.document`) nor for faults and passages (`reader`).
"""

import asyncio
import logging
from datetime import date
from pathlib import Path

from appliance.core.types import Advice
from appliance.document.inspection import RESET, Found, Inspection, Reset, Talk
from appliance.document.inspector import inspect
from appliance.document.judge import Judged, judge, unreadable
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.rules import Rules
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.countries import SPECIMEN
from appliance.document.trust.store import MANIFEST, load
from drivers.errors import ChipAbsent, ChipLost, DocumentUnreadable
from drivers.ports import DocumentReader

TALK_S = 12.0
"""A chip that is not read by then is given up; its traveller is asked once more, then referred."""
_log = logging.getLogger(__name__)


class Trusted:
    """The issuers of a store, loaded anew when an operator has imported something; roots are pinned by the lane."""

    def __init__(self, folder: Path, roots: frozenset[str], *, specimens: bool) -> None:
        """`specimens`: passports of Utopia are believed. Raises DocumentFault: a lane that trusts nobody starts not."""
        self._folder, self._roots, self._specimens = folder, roots, specimens
        self._stamp = self._changed()
        self._anchors = self._loaded()

    def _loaded(self) -> Anchors:
        anchors = load(self._folder, self._roots).anchors
        if not self._specimens and any(one.country == SPECIMEN for one in anchors.certificates):
            detail = f"{self._folder} holds certificates of Utopia, whose passports are test material: take them out"
            raise DocumentFault(Reason.TRUST_UNAVAILABLE, detail)
        return anchors

    def _changed(self) -> tuple[int, int] | None:
        try:
            seen = (self._folder / MANIFEST).stat()
        except OSError:
            return None
        return seen.st_mtime_ns, seen.st_ino

    def anchors(self) -> Anchors:
        """The issuers believed now. Raises DocumentFault (TRUST_UNAVAILABLE) when what was imported is not proven."""
        if (stamp := self._changed()) != self._stamp:
            self._anchors = self._loaded()
            self._stamp = stamp
        return self._anchors


class Documents:
    """One document after the other, believing whom the site believes."""

    def __init__(self, reader: DocumentReader, trusted: Trusted, rules: Rules) -> None:
        self._reader, self._trusted, self._rules = reader, trusted, rules
        self.open, self.close = reader.open, reader.close
        self._zone: tuple[str, ...] | None = None
        """The zone of a document whose chip alone is to be read again: its holder was asked to leave it there."""

    async def presented(self) -> None:
        """Return once a document lies on the reader."""
        await self._reader.presented()
        self._zone = None

    async def judged(self, on: date) -> Judged:
        """Inspect and judge the document on the reader. Raises DriverError when the reader itself is at fault."""
        zone, self._zone = self._zone, None
        try:
            zone = zone or await self._reader.zone()
            inspection = await self._inspected(zone, on)
        except DocumentUnreadable as error:
            return unreadable(error.message, Advice.LAY_DOWN_AGAIN)
        finally:
            await self._reader.disconnect()
        for each in inspection.found:
            _log.info("document: %s %s", each.reason, each.detail)
        judged = await judge(inspection)
        if judged.advice is Advice.LEAVE_IT_THERE:
            self._zone = zone
        return judged

    async def _inspected(self, zone: tuple[str, ...], on: date) -> Inspection:
        try:
            anchors = await asyncio.to_thread(self._trusted.anchors)
        except DocumentFault as fault:
            return Inspection((Found(fault.reason, fault.detail),))
        return await carry(inspect(zone, on, anchors, self._rules), self._reader)


async def carry(talk: Talk, reader: DocumentReader) -> Inspection:
    """Carry every command to the chip until the inspection is done. Raises DriverError, none of them the chip's.

    The arithmetic between two commands is done beside the loop: the gate does not wait for a signature.
    """
    deadline = asyncio.get_running_loop().time() + TALK_S
    response: bytes | DocumentFault | None = None
    while True:
        command, done = await asyncio.to_thread(_step, talk, response)
        if done is not None:
            return done
        try:
            async with asyncio.timeout_at(deadline):
                response = await (reader.connect() if command is RESET else reader.transmit(_bytes(command)))
        except ChipAbsent as error:
            response = DocumentFault(Reason.NO_CHIP, error.message)
        except ChipLost as error:
            response = DocumentFault(Reason.CHIP_LOST, error.message)
        except TimeoutError:
            response = DocumentFault(Reason.CHIP_SILENT, f"not read within {TALK_S:g} s")


def _step(talk: Talk, response: bytes | DocumentFault | None) -> tuple[bytes | Reset | None, Inspection | None]:
    """What the inspection wants next, or what it ended with: no StopIteration crosses into a task."""
    try:
        if isinstance(response, DocumentFault):
            return talk.throw(response), None
        return (next(talk) if response is None else talk.send(response)), None
    except StopIteration as end:
        return None, end.value


def _bytes(command: bytes | Reset | None) -> bytes:
    assert isinstance(command, bytes)
    return command

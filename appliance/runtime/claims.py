"""How somebody says who they are at this lane, one source each: a document, a card, or a face that comes into view.

A source says when there is a claim and what it is worth. Not responsible for faults and passages (`reader`).
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Protocol

from appliance import devices
from appliance.config import ConfigError, LaneConfig
from appliance.core.types import Claim, Document, Result
from appliance.document.judge import Judged
from appliance.document.reasons import DocumentFault
from appliance.runtime.documents import Documents, Trusted
from appliance.runtime.eye import EyeOwner
from appliance.vision.client import VisionLost, VisionRefused
from appliance.wire import Message
from drivers.errors import DeviceRefused, DriverError
from drivers.osdp.reader import CardRead, LocalStatus, OsdpReader
from drivers.ports import DeviceIdentity, DocumentReader

LOOK_EVERY_S = 0.25


def source_of(config: LaneConfig, eye: EyeOwner, free: Callable[[], bool]) -> "Source":
    """The source of a lane's claims. Raises ConfigError."""
    reader = devices.reader(config)
    if reader is None:
        return Faces(eye, free)
    if isinstance(reader, OsdpReader):
        return Cards("document_reader", reader, eye)
    return _documents(reader, config)


def _documents(reader: DocumentReader, config: LaneConfig) -> Documents:
    assert config.trust is not None  # a configuration without it is refused
    try:
        trusted = Trusted(config.trust.store, config.trust.roots, specimens=config.simulated)
    except DocumentFault as fault:
        raise ConfigError(f"trust: {fault.detail}") from fault
    return Documents(reader, trusted, config.trust.rules())


class Source(Protocol):
    """Where claims come from."""

    async def open(self) -> DeviceIdentity:
        """Get ready. Raises DriverError."""
        ...

    async def presented(self) -> None:
        """Return once somebody makes a claim. Raises DriverError when the source is lost."""
        ...

    async def judged(self, on: date) -> Judged:
        """The claim just made. Raises DriverError."""
        ...

    async def close(self) -> None:
        """Let go. Never raises."""
        ...


class Cards:
    """Cards at an OSDP reader, each the label of somebody in the gallery."""

    def __init__(self, device: str, reader: OsdpReader, eye: EyeOwner) -> None:
        self._device, self._reader, self._eye = device, reader, eye
        self._label = ""

    async def open(self) -> DeviceIdentity:
        """Have the reader's key proved."""
        return await self._reader.open()

    async def presented(self) -> None:
        """Return once a card was read. A reader whose case is open is not believed."""
        while True:
            event = await self._reader.next()
            if isinstance(event, LocalStatus) and event.tampered:
                raise DeviceRefused(self._device, "the reader's case is open")
            if isinstance(event, CardRead):
                self._label = label_of(event)
                return

    async def judged(self, on: date) -> Judged:
        """Ask the gallery who has this card, and have the enrolled template made the reference."""
        del on  # the gallery's own clock decides who is in date
        reply = await _asked(self._eye, "refer_to", who=self._label)
        until, problem = reply.header["valid_until"], reply.header["problem"]
        expires = None if until is None else datetime.fromisoformat(until).date()
        document = Document(not problem, not problem, expires, Result.NOT_PERFORMED, problem, Claim.CARD)
        photo = (reply.blobs[0], reply.header["eyes"]) if reply.blobs else None
        return Judged(document, None, None, enrolled_as="" if until is None else self._label, photo=photo)

    async def close(self) -> None:
        """End the line."""
        await self._reader.close()


class Faces:
    """A face that comes into view: nobody says who they are, the gallery is searched. `free` tells a lane at rest.

    Whoever was there when the last passage ended must have left before the next one begins.
    """

    def __init__(self, eye: EyeOwner, free: Callable[[], bool]) -> None:
        self._eye, self._free = eye, free
        self._seen_nobody = False

    async def open(self) -> DeviceIdentity:
        """The cameras are the eye's own business."""
        return DeviceIdentity("the lane's camera", "none", None, verified_on_hardware=True)

    async def presented(self) -> None:
        """Return once somebody new stands before the camera."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self._free() or self._eye.busy:
                continue
            seen = (await _asked(self._eye, "locate")).header
            if seen["acceptable"] and self._seen_nobody:
                self._seen_nobody = False
                return
            self._seen_nobody |= seen.get("faces") == 0

    async def judged(self, on: date) -> Judged:
        """Have the live face compared with everybody enrolled."""
        del on
        await _asked(self._eye, "refer_to", who=None)
        return Judged(Document(True, True, None, Result.NOT_PERFORMED, claim=Claim.NOBODY), None, None)

    async def close(self) -> None:
        """Nothing is held."""


def label_of(card: CardRead) -> str:
    """What a card is called in the gallery: its bits and their number, as `appliance gallery enrol --label` has it."""
    return f"card-{card.bits}-{card.data.hex()}"


async def _asked(eye: EyeOwner, op: str, **fields: Any) -> Message:
    """The eye's answer; where there is none, one that lets nobody in: the eye's owner raises the fault."""
    try:
        return await eye.ask(op, **fields)
    except (VisionLost, VisionRefused, DriverError):
        return Message({"problem": "The gallery could not be asked.", "valid_until": None, "acceptable": False})

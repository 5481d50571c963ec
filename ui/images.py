"""Live images over one WebSocket: all channels multiplexed, latest frame only, acknowledged by the page.

The page sends `{"watch": ["lane-1"]}` and, for each frame it has drawn, `{"ack": 17}`. The console sends binary
messages: uint32 (big endian) header length, header (JSON `FrameHeader`), image bytes. No bytes means the image is gone.
A picture is fetched when the lane says there is a newer one, and only after the channel's last was acknowledged, so a
slow page gets fewer frames, not older ones. The eyes travel with their picture. MJPEG in an <img> would hold an HTTP
connection per channel and starve the decision's own request.

A maintainer's page says `{"look": {"lane": "lane-1", "look_id": "..."}}` in place of `watch`: it gets the pictures of
that look alone, which ends with the socket.
"""

import asyncio
import json
import struct
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.control.client import LaneClient, LaneUnreachable
from appliance.control.messages import ImageView
from appliance.control.setup import LookId
from ui.accounts import Signed
from ui.auth import session_of, the_console
from ui.console import Console
from ui.roles import May
from ui.setup import leave
from ui.streams import PULSE_S, pause

SIGNED_OUT, BAD_MESSAGE = 4401, 4400
_U32 = struct.Struct(">I")
router = APIRouter()


class Looked(BaseModel):
    """A look that a page has begun."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lane: str = Field(max_length=64)
    look_id: LookId


class FromPage(BaseModel):
    """What a page may say: which lanes it shows, which look, or which frame it has drawn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    watch: list[str] | None = Field(default=None, max_length=16)
    look: Looked | None = None
    ack: int | None = None


@dataclass(slots=True)
class _Channel:
    """What a page has of one channel of one lane."""

    passage_id: str = ""
    version: int = -1
    awaiting: int | None = None


@dataclass(slots=True)
class _Feed:
    """One page's images."""

    console: Console
    socket: WebSocket
    signed: Signed
    looked: Looked | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    lanes: list[str] = field(default_factory=list)
    channels: dict[tuple[str, str], _Channel] = field(default_factory=dict)
    sent: int = 0

    async def listen(self) -> None:
        """Take the page's messages until it leaves."""
        while True:
            said = FromPage.model_validate_json(await self.socket.receive_text())
            if said.watch is not None and May.SEE_TRAVELLERS in self.signed.may:
                self.lanes = [name for name in said.watch if name in self.console.lanes]
                self.channels = {key: value for key, value in self.channels.items() if key[0] in self.lanes}
            if said.look is not None and May.SETUP in self.signed.may and said.look.lane in self.console.lanes:
                self.looked = said.look
            for channel in self.channels.values():
                if channel.awaiting is not None and said.ack == channel.awaiting:
                    channel.awaiting = None
            self.wake.set()

    async def send(self) -> None:
        """Send what is new until the session ends."""
        checked = float("-inf")
        with self.console.changes(self.wake):
            while not self.console.closing.is_set():
                self.wake.clear()
                now = self.console.clock.monotonic()
                if now - checked >= PULSE_S:
                    checked = now
                    signed = await session_of(self.socket)
                    if not _may_see(signed):
                        await self.socket.close(SIGNED_OUT, "the session has ended")
                        return
                for name in self.lanes:
                    await self._send_lane(name, self.console.lanes[name])
                if self.looked is not None:
                    await self._send_look(self.looked, self.console.lanes[self.looked.lane])
                await pause(self.wake, PULSE_S)
            await self.socket.close(1001, "the console stops")

    async def _send_lane(self, name: str, client: LaneClient) -> None:
        """Send the lane's new images."""
        snapshot = client.state.snapshot
        passage = snapshot.passage if snapshot is not None and client.state.reachable else None
        if passage is None or not self.console.takes(client):
            self.channels = {key: value for key, value in self.channels.items() if key[0] != name}
            return
        for image in passage.images:
            channel = self.channels.setdefault((name, image.channel), _Channel())
            same = (channel.passage_id, channel.version) == (passage.passage_id, image.version)
            if channel.awaiting is None and not same:
                await self._send_image(name, client, passage.passage_id, image)

    async def _send_look(self, looked: Looked, client: LaneClient) -> None:
        """Send the look's new picture."""
        snapshot = client.state.snapshot
        setup = snapshot.setup if snapshot is not None and client.state.reachable else None
        look = setup.look if setup is not None and setup.ended is None else None
        if look is None or look.look_id != looked.look_id:
            return
        channel = self.channels.setdefault((looked.lane, look.channel), _Channel())
        same = (channel.passage_id, channel.version) == (look.look_id, look.version)
        if look.figures is not None and channel.awaiting is None and not same:
            picture = ImageView(channel=look.channel, version=look.version, label="")
            await self._send_image(looked.lane, client, look.look_id, picture)

    async def _send_image(self, name: str, client: LaneClient, passage_id: str, image: ImageView) -> None:
        channel = self.channels[name, image.channel]
        try:
            data, media_type = await self.console.picture(client, passage_id, image)
        except LaneUnreachable:
            return  # the lane's status already tells the guard; the next snapshot brings the image
        self.sent += 1
        channel.passage_id, channel.version, channel.awaiting = passage_id, image.version, self.sent
        header: dict[str, Any] = {
            "seq": self.sent,
            "lane": name,
            "passage_id": passage_id,
            "channel": image.channel,
            "version": image.version,
            "media_type": media_type,
            "eyes": image.eyes,
        }
        head = json.dumps(header).encode()
        await self.socket.send_bytes(_U32.pack(len(head)) + head + data)


def _may_see(signed: Signed | None) -> bool:
    return signed is not None and bool({May.SEE_TRAVELLERS, May.SETUP} & set(signed.may))


@router.websocket("/api/images")
async def images(socket: WebSocket) -> None:
    """Images of the watched lanes' passages, for a signed-in guard; of a look, for a maintainer."""
    signed = await session_of(socket)
    await socket.accept()
    if signed is None or not _may_see(signed):
        await socket.close(SIGNED_OUT, "sign in first, as somebody who may see travellers, or set up lanes")
        return
    feed = _Feed(the_console(socket), socket, signed)
    tasks = {asyncio.ensure_future(feed.listen()), asyncio.ensure_future(feed.send())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        if feed.looked is not None:
            await leave(feed.console.lanes[feed.looked.lane], signed.officer, feed.looked.look_id)
    for end in ends:
        if isinstance(end, ValidationError | KeyError):
            await socket.close(BAD_MESSAGE, "the page sent something this console does not understand")
        elif isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect | RuntimeError):
            raise end

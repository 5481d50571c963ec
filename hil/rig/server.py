"""The rig's socket: cameras and document reader, one connection each, `appliance.wire` framing.

A camera's client says `{"ask": "camera", "camera": NAME}` and then `{"ask": "frame"}` for every frame, or
`{"ask": "exposure", "gain": SHARE}` for another exposure, answered by the share in force. A reader's
requests carry a number which the answer repeats; `presented` waits for a document laid down later than `after`.
`{"error": WORD, "message": TEXT}` says no. Files of a document are handed over as they lie in its folder: judging
them is the other end's task.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from appliance.wire import Message, WireError, receive
from hil.rig.world import CameraHead, Stream, World
from hil.sim.reader import DocumentPlate

MODEL = "Sallyport rig"
_LONGEST_FILE = 8 * 1024 * 1024
_HANG_UP_S = 0.5


class Refused(Exception):
    """The rig says no; `word` is for the program, the text for people."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word

    def answer(self, **more: Any) -> Message:
        """As an answer."""
        return Message({"error": self.word, "message": str(self), **more})


class RigServer:
    """Serves one world. `hang_up` is what unplugging a camera does to its connection."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._streams: dict[str, asyncio.StreamWriter] = {}
        self._idle = {name: asyncio.Event() for name in world.cameras}
        for idle in self._idle.values():
            idle.set()
        self._conversations: set[asyncio.Task[None]] = set()

    def hang_up(self, camera: str) -> None:
        """Cut the connection of a camera, if there is one."""
        writer = self._streams.pop(camera, None)
        if writer is not None:
            writer.transport.abort()

    async def end(self) -> None:
        """End all conversations."""
        for task in self._conversations:
            task.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection until it ends."""
        task = asyncio.current_task()
        assert task is not None
        self._conversations.add(task)
        try:
            first = await receive(reader)
            if first is not None and first.header.get("ask") == "camera":
                await self._serve_camera(str(first.header.get("camera")), reader, writer)
            elif first is not None:
                await self._serve_reader(first, reader, writer)
        except (WireError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._conversations.discard(task)
            writer.close()

    # --- cameras --------------------------------------------------------------------------------------------

    async def _plugged(self, name: str) -> CameraHead:
        camera = self._world.cameras.get(name)
        if camera is None:
            raise Refused("refused", f"the rig has no camera {name!r}; it has {', '.join(self._world.cameras)}")
        if camera.unplugged:
            raise Refused("disconnected", f"the {name} camera is unplugged")
        # One who closes and opens at once may be faster than our end of the old connection.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANG_UP_S):
                await self._idle[name].wait()
        if name in self._streams:
            raise Refused("busy", f"another program has the {name} camera open")
        return camera

    async def _serve_camera(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            camera = await self._plugged(name)
        except Refused as refusal:
            await _send(writer, refusal.answer())
            return
        self._streams[name] = writer
        self._idle[name].clear()
        try:
            stream = Stream(camera)
            await _send(writer, Message({"model": f"{MODEL} {name} camera"}))
            while (asked := await receive(reader)) is not None:
                if asked.header.get("ask") == "exposure":
                    gain = stream.expose_for(float(asked.header.get("gain", 1.0)))
                    await _send(writer, Message({"gain": gain}))
                    continue
                number, stamp, image = await stream.frame()
                header = {"sequence": number, "stamp": stamp, "shape": list(image.shape)}
                await _send(writer, Message(header, (image.tobytes(),)))
        finally:
            if self._streams.get(name) is writer:
                del self._streams[name]
            if name not in self._streams:
                self._idle[name].set()

    # --- document reader ------------------------------------------------------------------------------------

    async def _serve_reader(self, first: Message, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message: Message | None = first
        pending: set[asyncio.Task[None]] = set()
        try:
            while message is not None:
                task = asyncio.create_task(self._answer(message.header, writer))
                pending.add(task)
                task.add_done_callback(pending.discard)
                message = await receive(reader)
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _answer(self, header: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        number = header.get("number", 0)
        try:
            blobs = await self._carry_out(str(header.get("ask")), header.get("after"))
            told = {"number": number, "model": f"{MODEL} document reader", "placements": self._plate.placements}
            answer = Message(told, blobs)
        except Refused as refusal:
            answer = refusal.answer(number=number)
        with contextlib.suppress(ConnectionError):
            await _send(writer, answer)

    @property
    def _plate(self) -> DocumentPlate:
        return self._world.lane.plate

    async def _carry_out(self, ask: str, after: object) -> tuple[bytes, ...]:
        plate = self._plate
        if ask == "document_reader":
            return ()
        if ask == "presented":
            seen = after if isinstance(after, int) else -1
            await self._world.until(lambda: plate.document is not None and plate.placements > seen)
            return ()
        if ask == "read":
            return await self._read()
        raise Refused("refused", f"the document reader cannot {ask!r}")

    async def _read(self) -> tuple[bytes, bytes]:
        plate = self._plate
        folder = plate.document
        if folder is None:
            raise Refused("unreadable", "no document lies on the reader; lay it down and leave it there")
        before = plate.broken_off
        plate.begin()
        await self._world.until(lambda: not plate.reading)
        if plate.broken_off != before:
            raise Refused("unreadable", "the document was taken off too early; lay it down and leave it there")
        try:
            return _file(folder / "document.json"), _file(folder / "portrait.jpg")
        except OSError as error:
            raise Refused("unreadable", f"{error.filename} cannot be read: {error.strerror}") from error


def _file(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LONGEST_FILE + 1)
    if len(content) > _LONGEST_FILE:
        raise Refused("unreadable", f"{path.name} is larger than {_LONGEST_FILE} bytes")
    return content


async def _send(writer: asyncio.StreamWriter, message: Message) -> None:
    writer.write(message.encode())
    await writer.drain()

"""The rig's socket: cameras and document reader, one connection each, `appliance.wire` framing.

A camera's client says `{"ask": "camera", "camera": NAME}` and then `{"ask": "frame"}` for every frame, or
`{"ask": "exposure", "gain": SHARE}` for another exposure, answered by the share in force.
Whatever else is asked first is the document reader's (`reader`).
`{"error": WORD, "message": TEXT}` says no.
"""

import asyncio
import contextlib

from appliance.wire import Message, WireError, receive
from hil.rig.reader import ReaderEnd, Refused
from hil.rig.world import CameraHead, Stream, World

MODEL = "Sallyport rig"
_HANG_UP_S = 0.5


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
                await ReaderEnd(self._world, MODEL, writer).serve(first, reader)
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


async def _send(writer: asyncio.StreamWriter, message: Message) -> None:
    writer.write(message.encode())
    await writer.drain()

"""The controller's end of the vision process: start it, ask it, notice when it dies or hangs, end it.

Not responsible for when to restart (the runtime's owner of vision) nor for what the answers mean.
"""

import asyncio
import socket
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from appliance.config import LaneConfig
from appliance.wire import Message, WireError, receive
from drivers.errors import DriverError

_CAMERA_ERRORS: dict[str, type[DriverError]] = {kind.__name__: kind for kind in DriverError.__subclasses__()}


class VisionLost(Exception):
    """The vision process died, hangs, or broke its protocol."""


class VisionRefused(Exception):
    """The vision process cannot do what was asked (a missing pack, a wrong hash); the message says what to do."""


def setup_of(config: LaneConfig) -> dict[str, Any]:
    """What the vision process of a lane is told first."""
    return {
        "pack": config.face.pack,
        "accepted": config.face.accept_non_commercial,
        "models_dir": str(Path(config.face.models_dir)),
        "masks": config.face.masks,
        "gallery": config.gallery.model_dump(mode="json") if config.gallery else None,
        "cameras": config.cameras.model_dump(mode="json", exclude_none=True),
        "leds": {camera: list(light.pulses) for camera, light in config.illumination.items()},
        "drift": config.calibration.drift,
        "band_set": config.band_set,
        "detector": str(config.liveness.detector or ""),
        "upper": str(config.liveness.upper or ""),
        "shadow": str(config.liveness.shadow or ""),
        "module": config.simulation.module if config.simulation else None,
    }


class VisionProcess:
    """One child process. Requests may be cancelled; a late reply to a cancelled request is dropped by its id."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._pending: dict[int, asyncio.Future[Message]] = {}
        self._child: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Spawn the child."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "appliance.vision.worker",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
            )
        reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        self._listener = asyncio.create_task(self._listen(reader), name="vision-listener")

    @property
    def pid(self) -> int | None:
        """Process id of the child, None before `start`."""
        return self._child.pid if self._child else None

    async def ask(self, op: str, *, within_s: float, blobs: tuple[bytes, ...] = (), **fields: Any) -> Message:
        """One request. Raises VisionLost, VisionRefused, or the camera's own DriverError."""
        if self._writer is None or self._listener is None or self._listener.done():
            raise VisionLost("the vision process is not running")
        number = next(self._numbers)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._pending[number] = future
        try:
            async with asyncio.timeout(within_s):
                self._writer.write(Message({"id": number, "op": op, **fields}, blobs).encode())
                await self._writer.drain()
                reply = await future
        except TimeoutError as error:
            raise VisionLost(f"the vision process did not answer {op!r} within {within_s:g} s") from error
        except ConnectionError as error:
            raise VisionLost(f"the vision process is gone: {error}") from error
        finally:
            self._pending.pop(number, None)
        return _checked(reply)

    async def stop(self) -> None:
        """End the child; kill it when it does not go by itself. Never raises."""
        if self._writer is not None:
            # Not `close`: that would wait until a child that hangs has read what is still to be sent.
            self._writer.transport.abort()
            with suppress(OSError):
                await self._writer.wait_closed()
        if self._child is not None:
            try:
                async with asyncio.timeout(1.0):
                    await self._child.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    self._child.kill()
                await self._child.wait()
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        why = "the vision process ended"
        try:
            while (message := await receive(reader)) is not None:
                future = self._pending.get(message.header.get("id", 0))
                if future is not None and not future.done():
                    future.set_result(message)
        except (WireError, OSError) as error:
            why = f"the vision process broke its protocol: {error}"
        finally:
            for future in self._pending.values():
                if not future.done():
                    future.set_exception(VisionLost(why))


def _checked(reply: Message) -> Message:
    error = reply.header.get("error")
    if not error:
        return reply
    if error["kind"] in _CAMERA_ERRORS:
        raise _CAMERA_ERRORS[error["kind"]](error["device"], error["message"])
    if error["kind"] == "Refused":
        raise VisionRefused(error["message"])
    raise VisionLost(error["message"])

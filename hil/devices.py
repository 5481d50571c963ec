"""The rig's devices as the appliance loads them (`[simulation] module = "hil.devices"`): its cameras, its reader.

They speak to the rig over one Unix socket in the framing of `appliance.wire`, one connection per device, each request
with a number that its answer repeats. Not here: what the cameras see (rig and scene), judging a document (appliance).
"""

import asyncio
import contextlib
import itertools
import math
import socket
from typing import Any

import numpy as np

from appliance.wire import Message, WireError, receive, receive_blocking, send_blocking
from drivers.errors import (
    ChipAbsent,
    ChipLost,
    DeviceRefused,
    Disconnected,
    DocumentUnreadable,
    DriverError,
    NoResponse,
    PortBusy,
    RemoteProtocolError,
)
from drivers.ports import Camera, DepthFrame, DeviceIdentity, DocumentReader, Frame
from drivers.sensing import DepthSource

_ANSWER_S = 2.0
_CAMERAS = ("rgb", "nir", "swir")
_DEPTH_UNIT_M = np.float32(0.001)
_ERRORS: dict[str, type[DriverError]] = {
    "busy": PortBusy,
    "disconnected": Disconnected,
    "refused": DeviceRefused,
    "unreadable": DocumentUnreadable,
    "no_chip": ChipAbsent,
    "chip_lost": ChipLost,
}


def camera(device: str, options: dict[str, Any]) -> Camera:
    """A camera of the rig; options `socket` (path) and `camera` (its name there). Raises ValueError."""
    _only(options, {"socket", "camera"})
    if options.get("camera") not in _CAMERAS:
        known = ", ".join(_CAMERAS)
        raise ValueError(f'{device}: option "camera" must be one of {known}, not {options.get("camera")!r}')
    return RigCamera(device, _socket_path(device, options), options["camera"])


def depth_source(device: str, options: dict[str, Any]) -> DepthSource:
    """The rig's overhead depth sensor; option `socket` (path). Raises ValueError."""
    _only(options, {"socket"})
    return RigDepthSource(RigCamera(device, _socket_path(device, options), "depth"))


def document_reader(device: str, options: dict[str, Any]) -> DocumentReader:
    """The rig's document reader; option `socket` (path). Raises ValueError."""
    _only(options, {"socket"})
    return RigDocumentReader(device, _socket_path(device, options))


def _only(options: dict[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(options) - known):
        raise ValueError(f"unknown options {', '.join(unknown)}; there are {', '.join(sorted(known))}")


def _socket_path(device: str, options: dict[str, Any]) -> str:
    path = options.get("socket")
    if not isinstance(path, str) or not path:
        raise ValueError(f'{device}: option "socket" must name the rig\'s socket')
    return path


def _checked(device: str, header: dict[str, Any]) -> dict[str, Any]:
    """The answer, unless it says no. Raises DriverError."""
    error = header.get("error")
    if error is None:
        return header
    raise _ERRORS.get(error, RemoteProtocolError)(device, str(header.get("message", error)))


def _identity(header: dict[str, Any]) -> DeviceIdentity:
    return DeviceIdentity(
        model=str(header.get("model", "rig")), firmware="simulated", serial_number=None, verified_on_hardware=False
    )


def _unreachable(device: str, path: str, error: OSError) -> Disconnected:
    return Disconnected(device, f"no rig answers at {path} ({error.strerror or error}); is it running?")


# --- camera -------------------------------------------------------------------------------------------------


class RigCamera:
    """`ports.Camera` over the rig's socket; a frame is exposed when it is asked for."""

    def __init__(self, device: str, path: str, name: str) -> None:
        self._device = device
        self._path = path
        self._name = name
        self._socket: socket.socket | None = None
        self._asked = False

    def open(self) -> DeviceIdentity:
        """Connect and start the stream: the next exposure has number 0. Raises DriverError."""
        self.close()
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_ANSWER_S)
        try:
            connection.connect(self._path)
            send_blocking(connection, Message({"ask": "camera", "camera": self._name}))
            answer = receive_blocking(connection)
            if answer is None:
                raise Disconnected(self._device, "the rig hung up; is the camera plugged in?")
            identity = _identity(_checked(self._device, answer.header))
        except TimeoutError as error:
            connection.close()
            raise NoResponse(self._device, f"the rig was silent for {_ANSWER_S} s") from error
        except OSError as error:
            connection.close()
            raise _unreachable(self._device, self._path, error) from error
        except WireError as error:
            connection.close()
            raise RemoteProtocolError(self._device, str(error)) from error
        except DriverError:
            connection.close()
            raise
        self._socket, self._asked = connection, False
        return identity

    def read(self, timeout_s: float) -> Frame:
        """The next frame. After NoResponse the frame asked for may still come with the next call."""
        if self._socket is None:
            raise Disconnected(self._device, "the camera is not open")
        try:
            if not self._asked:
                self._socket.settimeout(_ANSWER_S)
                send_blocking(self._socket, Message({"ask": "frame"}))
                self._asked = True
            self._wait(self._socket, timeout_s)
            answer = receive_blocking(self._socket)
        except (OSError, WireError) as error:
            # Broken inside a message: the rest of the stream has lost its framing.
            self.close()
            raise Disconnected(self._device, f"the stream broke off: {error}") from error
        if answer is None:
            self.close()
            raise Disconnected(self._device, "unplugged")
        self._asked = False
        return self._frame(_checked(self._device, answer.header), answer.blobs)

    def set_exposure(self, gain: float) -> float:
        """Expose for this share of the longest exposure from the next frame on; the share in force."""
        if self._socket is None:
            raise Disconnected(self._device, "the camera is not open")
        if self._asked:
            self.read(_ANSWER_S)  # a frame that came too late for its call stands before the answer
        try:
            self._socket.settimeout(_ANSWER_S)
            send_blocking(self._socket, Message({"ask": "exposure", "gain": gain}))
            answer = receive_blocking(self._socket)
        except (OSError, WireError) as error:
            self.close()
            raise Disconnected(self._device, f"the stream broke off: {error}") from error
        if answer is None:
            self.close()
            raise Disconnected(self._device, "unplugged")
        return float(_checked(self._device, answer.header).get("gain", 1.0))

    def _wait(self, connection: socket.socket, timeout_s: float) -> None:
        """Until the answer begins to come, or NoResponse. Nothing is taken from the stream."""
        connection.settimeout(timeout_s)
        try:
            connection.recv(1, socket.MSG_PEEK)
        except TimeoutError as error:
            raise NoResponse(self._device, f"no frame within {timeout_s} s") from error
        connection.settimeout(_ANSWER_S)

    def _frame(self, header: dict[str, Any], blobs: tuple[bytes, ...]) -> Frame:
        try:
            shape = tuple(int(size) for size in header["shape"])
            if len(blobs) != 1 or math.prod(shape) != len(blobs[0]) or min(shape) < 1:
                raise ValueError("the picture does not have the size it claims")
            image = np.frombuffer(blobs[0], np.uint8).reshape(shape)
            return Frame(sequence=int(header["sequence"]), stamp=float(header["stamp"]), image=image)
        except (KeyError, TypeError, ValueError) as error:
            self.close()
            raise RemoteProtocolError(self._device, f"not a frame: {error}") from error

    def close(self) -> None:
        """Hang up. Never raises."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


class RigDepthSource:
    """`DepthSource` over the rig's socket: pictures of 16-bit millimetres, as depth cameras send them."""

    def __init__(self, camera: RigCamera) -> None:
        self._camera = camera

    async def open(self) -> DeviceIdentity:
        """Connect."""
        return await asyncio.to_thread(self._camera.open)

    async def frame(self) -> DepthFrame:
        """The next picture."""
        frame = await asyncio.to_thread(self._camera.read, _ANSWER_S)
        millimetres = np.ascontiguousarray(frame.image).view("<u2")
        return DepthFrame(frame.sequence, frame.stamp, millimetres.astype(np.float32) * _DEPTH_UNIT_M)

    async def close(self) -> None:
        """Hang up."""
        self._camera.close()


# --- document reader ----------------------------------------------------------------------------------------


class RigDocumentReader:
    """`ports.DocumentReader` over the rig's socket. One task per connection takes the answers in."""

    def __init__(self, device: str, path: str) -> None:
        self._device = device
        self._path = path
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[Message]] = {}
        self._numbers = itertools.count(1)
        self._placements = -1

    async def open(self) -> DeviceIdentity:
        """Connect. Raises DriverError."""
        await self.close()
        # A document that already lies there counts as laid down: the lane may have been restarted under it.
        self._placements = -1
        try:
            reader, self._writer = await asyncio.open_unix_connection(self._path)
        except OSError as error:
            raise _unreachable(self._device, self._path, error) from error
        self._listening = asyncio.create_task(self._listen(reader), name=f"{self._device} answers")
        try:
            async with asyncio.timeout(_ANSWER_S):
                return _identity((await self._ask("document_reader")).header)
        except TimeoutError as error:
            await self.close()
            raise NoResponse(self._device, f"the rig was silent for {_ANSWER_S} s") from error
        except BaseException:
            await self.close()
            raise

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        why = "unplugged"
        try:
            while (answer := await receive(reader)) is not None:
                waiting = self._pending.pop(int(answer.header.get("number", 0)), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        except (OSError, ValueError, TypeError, WireError) as error:
            why = f"the connection broke: {error}"
        finally:
            if self._writer is not None:
                self._writer.close()
            self._writer = None
            for waiting in self._pending.values():
                if not waiting.done():
                    waiting.set_exception(Disconnected(self._device, why))
            self._pending.clear()

    async def _ask(self, what: str, *blobs: bytes, **more: int) -> Message:
        if self._writer is None:
            raise Disconnected(self._device, "the reader is not open")
        number = next(self._numbers)
        self._pending[number] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(Message({"ask": what, "number": number, **more}, blobs).encode())
            answer = await self._pending[number]
        finally:
            self._pending.pop(number, None)
        _checked(self._device, answer.header)
        return answer

    async def presented(self) -> None:
        """Return once for every document laid on the reader. Raises Disconnected when the reader is lost."""
        answer = await self._ask("presented", after=self._placements)
        self._placements = int(answer.header.get("placements", 0))

    async def zone(self) -> tuple[str, ...]:
        """The zone of the document on the reader. Raises DocumentUnreadable, also when it is pulled off too early."""
        lines = (await self._ask("zone")).header.get("zone")
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise RemoteProtocolError(self._device, "what came is no zone")
        return tuple(lines)

    async def connect(self) -> bytes:
        """Power the chip up anew. Raises ChipAbsent."""
        return self._one_blob(await self._ask("connect"))

    async def transmit(self, command: bytes) -> bytes:
        """A command to the chip. Raises ChipLost, also when the document is pulled off."""
        return self._one_blob(await self._ask("transmit", command))

    def _one_blob(self, answer: Message) -> bytes:
        if len(answer.blobs) != 1:
            raise RemoteProtocolError(self._device, f"{len(answer.blobs)} answers of the chip came, not 1")
        return answer.blobs[0]

    async def disconnect(self) -> None:
        """Let the traveller have the document back."""
        with contextlib.suppress(DriverError):
            await self._ask("disconnect")

    async def close(self) -> None:
        """Hang up. Never raises."""
        task, self._listening = self._listening, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

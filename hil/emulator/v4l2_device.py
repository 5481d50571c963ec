"""A camera as the kernel's video interface shows it: the far side of `drivers.camera.v4l2.kernel.Kernel`.

It reads and writes the very structures of the system calls and keeps the kernel's rules of order, but it is no kernel:
scheduling, USB and the memory of a real driver are not in it. Simulated. A picture is taken when `expose` is called.
"""

import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from ctypes import Structure
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from drivers.camera.v4l2 import abi
from drivers.camera.v4l2.pixels import BYTES_PER_PIXEL

NODE = "/dev/video0"
_FD = 700


def coarse_noise(number: int, width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    """(height, width, 3), multiples of 8: a picture that only this number has, coarse enough to live through a JPEG."""
    coarse = np.random.default_rng(number).integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)


def usb_camera_in(folder: Path, **texts: str) -> Path:
    """A folder like /sys/class/video4linux with `NODE` as a USB camera of these descriptors (idVendor, serial, ...)."""
    usb = folder / "devices" / "usb1"
    (usb / "1-1:1.0").mkdir(parents=True)
    for name, text in texts.items():
        (usb / name).write_text(text + "\n")
    node = folder / Path(NODE).name
    node.mkdir()
    (node / "device").symlink_to(usb / "1-1:1.0")
    return folder


@dataclass
class Label:
    """What the camera says of itself and can do."""

    driver: bytes = b"uvcvideo"
    card: bytes = b"Simulated UVC camera"
    version: int = 0x06_01_00
    formats: tuple[str, ...] = ("MJPG", "YUYV")
    sizes: tuple[tuple[int, int], ...] = ((64, 48), (640, 480))
    rates: tuple[float, ...] = (30.0, 60.0)
    exposure_steps: tuple[int, int] = (3, 2047)
    controls: tuple[int, ...] = (abi.EXPOSURE_AUTO, abi.EXPOSURE_ABSOLUTE, abi.AUTO_GAIN, abi.AUTO_WHITE_BALANCE)
    stamp_flags: int = abi.STAMP_MONOTONIC | abi.STAMP_START_OF_EXPOSURE
    padding: int = 0
    """Bytes behind each line of a raw picture."""
    capabilities: int = abi.CAN_CAPTURE | abi.CAN_STREAM
    metadata_node: bool = False


@dataclass
class _Session:
    """What lasts from open to close."""

    pixel_format: str = ""
    size: tuple[int, int] = (0, 0)
    fps: float = 30.0
    memory: list[bytearray] = field(default_factory=list)
    queued: deque[int] = field(default_factory=deque)
    filled: deque[abi.Buffer] = field(default_factory=deque)
    streaming: bool = False
    sequence: int = 0


class V4l2Device:
    """One camera. `refuse[request] = errno` makes a call fail; `plugged` False makes all fail as after an unplug."""

    def __init__(self, label: Label | None = None, *, monotonic: Callable[[], float], node: str = NODE) -> None:
        self.label = label or Label()
        self.node = node
        self.plugged = True
        self.busy = False
        self.refuse: dict[int, int] = {}
        self.controls: dict[int, int] = {}
        self.mapped = 0
        self.exposures = 0
        self._monotonic = monotonic
        self._session: _Session | None = None
        self._change = threading.Condition()

    # --- the stage: what a test or a rig does to the camera ---------------------------------------------------

    @property
    def streaming(self) -> bool:
        """Whether a program has it streaming."""
        return self._session is not None and self._session.streaming

    def expose(self, image: NDArray[np.uint8] | NDArray[np.uint16], *, flags: int = 0, cut: int | None = None) -> bool:
        """One exposure. False when no buffer was free: the frame is lost, and its number with it.

        `flags` are added to the buffer's; `cut` leaves only so many bytes of the picture.
        """
        with self._change:
            session = self._session
            if session is None or not session.streaming or not self.plugged:
                return False
            sequence, session.sequence = session.sequence, session.sequence + 1
            self.exposures += 1
            if not session.queued:
                return False
            data = self._encoded(image, session)[:cut]
            index = session.queued.popleft()
            session.memory[index][: len(data)] = data
            now = self._monotonic()
            session.filled.append(
                abi.Buffer(
                    index=index,
                    type=abi.CAPTURE,
                    memory=abi.MEMORY_MMAP,
                    bytesused=len(data),
                    flags=self.label.stamp_flags | flags,
                    seconds=int(now),
                    microseconds=int(now % 1 * 1e6),
                    sequence=sequence,
                    length=len(session.memory[index]),
                )
            )
            self._change.notify_all()
            return True

    def _encoded(self, image: NDArray[np.uint8] | NDArray[np.uint16], session: _Session) -> bytes:
        if session.pixel_format == "MJPG":
            return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        if session.pixel_format == "YUYV":
            lines = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_YUYV).reshape(image.shape[0], -1)
        elif session.pixel_format == "Z16 ":
            lines = image.astype("<u2").view(np.uint8)
        else:
            lines = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        return np.pad(lines, ((0, 0), (0, self.label.padding))).tobytes()

    def unplug(self) -> None:
        """Pull the cable: every call fails from now on."""
        with self._change:
            self.plugged = False
            self._change.notify_all()

    def plug(self) -> None:
        """Back again, as it came from the factory."""
        with self._change:
            self.plugged = True
            self.controls.clear()

    # --- `Kernel`: what the driver sees -----------------------------------------------------------------------

    def open(self, path: str) -> int:
        """As open(2)."""
        if not self.plugged or path != self.node:
            raise _error(errno.ENOENT)
        if self._session is not None:
            raise _error(errno.EMFILE)
        self._session = _Session()
        return _FD

    def close(self, fd: int) -> None:
        """As close(2)."""
        self._opened(fd)
        self._session = None

    def wait(self, fd: int, timeout_s: float) -> bool:
        """As poll(2): an unplugged camera is ready, to fail."""
        session = self._opened(fd)
        with self._change:
            return self._change.wait_for(lambda: bool(session.filled) or not self.plugged, timeout_s)

    def map(self, fd: int, length: int, offset: int) -> "_Mapped":
        """As mmap(2)."""
        session = self._opened(fd)
        if offset >= len(session.memory) or length != len(session.memory[offset]):
            raise _error(errno.EINVAL)
        self.mapped += 1
        return _Mapped(self, session.memory[offset])

    def ioctl(self, fd: int, request: int, argument: Structure) -> None:
        """As ioctl(2)."""
        session = self._opened(fd)
        if not self.plugged:
            raise _error(errno.ENODEV)
        if request in self.refuse:
            raise _error(self.refuse[request])
        handler = _HANDLERS.get(request)
        if handler is None:
            raise _error(errno.ENOTTY)
        with self._change:
            handler(self, session, argument)

    def _opened(self, fd: int) -> _Session:
        if self._session is None or fd != _FD:
            raise _error(errno.EBADF)
        return self._session

    def _capability(self, _: _Session, told: abi.Capability) -> None:
        told.driver, told.card, told.bus_info = self.label.driver, self.label.card, b"usb-0000:00:14.0-1"
        told.version = self.label.version
        told.device_caps = 0 if self.label.metadata_node else self.label.capabilities
        # All nodes of a camera together can do this; what one node can do is in device_caps.
        told.capabilities = self.label.capabilities | abi.HAS_DEVICE_CAPS

    def _format(self, _: _Session, one: abi.FormatDescription) -> None:
        if one.index >= len(self.label.formats):
            raise _error(errno.EINVAL)
        one.pixelformat = abi.fourcc(self.label.formats[one.index])

    def _set_format(self, session: _Session, given: abi.Format) -> None:
        if session.memory or self.busy:
            raise _error(errno.EBUSY)
        pix = given.pix
        # A camera moves what it cannot do to what it can, without an error.
        if abi.fourcc_name(pix.pixelformat) not in self.label.formats:
            pix.pixelformat = abi.fourcc(self.label.formats[0])
        if (pix.width, pix.height) not in self.label.sizes:
            pix.width, pix.height = self.label.sizes[0]
        session.pixel_format, session.size = abi.fourcc_name(pix.pixelformat), (pix.width, pix.height)
        per_pixel = BYTES_PER_PIXEL.get(session.pixel_format, 0)
        pix.bytesperline = pix.width * per_pixel + self.label.padding if per_pixel else 0
        pix.sizeimage = pix.bytesperline * pix.height or pix.width * pix.height * 2

    def _set_rate(self, session: _Session, rate: abi.StreamParameters) -> None:
        wanted = rate.denominator / rate.numerator
        session.fps = min(self.label.rates, key=lambda one: abs(one - wanted))
        rate.capability, rate.numerator, rate.denominator = abi.HAS_TIME_PER_FRAME, 1, round(session.fps)

    def _set_control(self, _: _Session, control: abi.Control) -> None:
        if control.id not in self.label.controls:
            raise _error(errno.EINVAL)
        if control.id == abi.EXPOSURE_ABSOLUTE:
            if self.controls.get(abi.EXPOSURE_AUTO) != abi.EXPOSURE_MANUAL:
                raise _error(errno.EACCES)
            lowest, highest = self.label.exposure_steps
            control.value = min(max(control.value, lowest), highest)
        self.controls[control.id] = control.value

    def _request_buffers(self, session: _Session, asked: abi.RequestBuffers) -> None:
        if session.streaming or not session.pixel_format:
            raise _error(errno.EBUSY)
        width, height = session.size
        session.memory = [bytearray((width + self.label.padding) * height * 2) for _ in range(asked.count)]

    def _query_buffer(self, session: _Session, buffer: abi.Buffer) -> None:
        if buffer.index >= len(session.memory):
            raise _error(errno.EINVAL)
        buffer.length, buffer.offset = len(session.memory[buffer.index]), buffer.index

    def _queue(self, session: _Session, buffer: abi.Buffer) -> None:
        if buffer.index >= len(session.memory) or buffer.index in session.queued:
            raise _error(errno.EINVAL)
        session.queued.append(buffer.index)

    def _dequeue(self, session: _Session, buffer: abi.Buffer) -> None:
        if not session.streaming:
            raise _error(errno.EINVAL)
        if not session.filled:
            raise _error(errno.EAGAIN)
        filled = session.filled.popleft()
        for name, *_ in abi.Buffer._fields_:
            setattr(buffer, name, getattr(filled, name))

    def _on(self, session: _Session, _: abi.BufferType) -> None:
        if not session.queued:
            raise _error(errno.EINVAL)
        session.streaming, session.sequence = True, 0

    def _off(self, session: _Session, _: abi.BufferType) -> None:
        session.streaming = False
        session.queued.clear()
        session.filled.clear()


class _Mapped:
    """A mapped buffer; the device counts them, so that a forgotten one shows."""

    def __init__(self, device: V4l2Device, memory: bytearray) -> None:
        self._device, self._memory = device, memory

    def __getitem__(self, part: slice) -> bytes:
        return bytes(self._memory[part])

    def close(self) -> None:
        """As munmap(2)."""
        self._device.mapped -= 1


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


_HANDLERS: dict[int, Callable[[V4l2Device, _Session, Any], None]] = {
    abi.QUERYCAP: V4l2Device._capability,
    abi.ENUM_FMT: V4l2Device._format,
    abi.S_FMT: V4l2Device._set_format,
    abi.S_PARM: V4l2Device._set_rate,
    abi.S_CTRL: V4l2Device._set_control,
    abi.REQBUFS: V4l2Device._request_buffers,
    abi.QUERYBUF: V4l2Device._query_buffer,
    abi.QBUF: V4l2Device._queue,
    abi.DQBUF: V4l2Device._dequeue,
    abi.STREAMON: V4l2Device._on,
    abi.STREAMOFF: V4l2Device._off,
}

"""One streaming session with the kernel: format, rate, buffers in and out. Blocking; errors leave as DriverError.

Not here: threads, decoding, what a frame means (driver).
"""

import contextlib
import ctypes
import errno
import threading
from collections.abc import Callable
from dataclasses import dataclass

from drivers.camera.v4l2 import abi
from drivers.camera.v4l2.kernel import Kernel, Memory
from drivers.camera.v4l2.pixels import BYTES_PER_PIXEL, FORMATS
from drivers.errors import DeviceRefused, Disconnected, DriverError, PortBusy, RemoteProtocolError

_BUFFERS = 4
_FEWEST_BUFFERS = 2
_MOST_FORMATS = 64
_RATE_OFF = 0.02
_UNKNOWN = (errno.ENOTTY, errno.EINVAL)
"""How the kernel says that a camera has no such call, control or further format."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A filled buffer, copied. `stamp` is the kernel's, `arrived` ours; both monotonic seconds."""

    sequence: int
    stamp: float
    arrived: float
    flags: int
    data: bytes
    pixel_format: str
    stride: int

    @property
    def broken(self) -> bool:
        """The kernel knows that it lacks data."""
        return bool(self.flags & abi.BUFFER_ERROR) or not self.data


def failure(device: str, path: str, error: OSError, doing: str) -> DriverError:
    """What a refused system call means."""
    match error.errno:
        case errno.ENOENT:
            return Disconnected(device, f"{path} does not exist; plug the camera in or correct its path")
        case errno.ENODEV | errno.ENXIO | errno.ESHUTDOWN | errno.EIO | errno.EBADF | errno.EPROTO:
            return Disconnected(device, f"{path} was unplugged ({doing}: {error.strerror})")
        case errno.EBUSY:
            return PortBusy(device, f"{path} is in use by another program")
        case errno.EACCES | errno.EPERM:
            return DeviceRefused(device, f"{path} may not be opened; add the user of this process to the group video")
        case errno.ENOSPC:
            return DeviceRefused(
                device,
                "the USB bus has no bandwidth left for it: connect it to another bus, or use pixel_format MJPG, "
                "a lower rate or a smaller picture",
            )
        case errno.ENOTTY:
            return Disconnected(device, f"{path} is no camera")
        case _:
            return DeviceRefused(device, f"{path} refused ({doing}: {error.strerror})")


class Stream:
    """Opens the node at once. One thread calls everything but `set_control`, which any thread may call."""

    def __init__(self, device: str, path: str, kernel: Kernel, monotonic: Callable[[], float]) -> None:
        self._device, self._path = device, path
        self._kernel, self._monotonic = kernel, monotonic
        self._memory: list[Memory] = []
        self._streaming = False
        self._pixel_format, self._stride, self._size = "", 0, 0
        self._lock = threading.Lock()
        try:
            self._fd = kernel.open(path)
        except OSError as error:
            raise failure(device, path, error, "open") from error

    def _call(self, request: int, argument: ctypes.Structure, doing: str) -> None:
        try:
            self._kernel.ioctl(self._fd, request, argument)
        except OSError as error:
            raise failure(self._device, self._path, error, doing) from error

    def _tried(self, request: int, argument: ctypes.Structure, doing: str) -> bool:
        """Whether the camera knows this at all."""
        try:
            self._kernel.ioctl(self._fd, request, argument)
        except OSError as error:
            if error.errno in _UNKNOWN:
                return False
            raise failure(self._device, self._path, error, doing) from error
        return True

    def capability(self) -> abi.Capability:
        """Who it is. Raises Disconnected when it is gone or no camera that streams."""
        told = abi.Capability()
        self._call(abi.QUERYCAP, told, "asking who it is")
        can = told.device_caps if told.capabilities & abi.HAS_DEVICE_CAPS else told.capabilities
        if not (can & abi.CAN_CAPTURE and can & abi.CAN_STREAM):
            raise Disconnected(
                self._device, f"{self._path} gives no pictures; a camera has several nodes, name the one with index 0"
            )
        return told

    def configure(self, width: int, height: int, fps: float, pixel_format: str | None) -> None:
        """Size, format and rate, exactly as asked. Raises DeviceRefused with what it gives instead."""
        offered = self._formats()
        wanted = [name for name in ((pixel_format,) if pixel_format else FORMATS) if name in offered]
        if not wanted:
            raise DeviceRefused(
                self._device, f"has no format {pixel_format or ' or '.join(FORMATS)}; it offers {', '.join(offered)}"
            )
        given = abi.Format(type=abi.CAPTURE)
        given.pix.width, given.pix.height, given.pix.field = width, height, abi.FIELD_NONE
        given.pix.pixelformat = abi.fourcc(wanted[0])
        self._call(abi.S_FMT, given, "setting the format")
        pix = given.pix
        got = f"{pix.width}x{pix.height} {abi.fourcc_name(pix.pixelformat)}"
        if got != f"{width}x{height} {wanted[0]}":
            raise DeviceRefused(
                self._device, f"asked for {width}x{height} {wanted[0]}, gives {got}; choose a size it has"
            )
        self._pixel_format, self._stride = wanted[0], pix.bytesperline or width * BYTES_PER_PIXEL.get(wanted[0], 0)
        self._set_rate(fps)

    def _formats(self) -> list[str]:
        found = []
        for index in range(_MOST_FORMATS):
            one = abi.FormatDescription(index=index, type=abi.CAPTURE)
            if not self._tried(abi.ENUM_FMT, one, "asking for formats"):
                break
            found.append(abi.fourcc_name(one.pixelformat))
        return found

    def _set_rate(self, fps: float) -> None:
        rate = abi.StreamParameters(type=abi.CAPTURE, numerator=1000, denominator=round(fps * 1000))
        if not self._tried(abi.S_PARM, rate, "setting the rate") or not rate.capability & abi.HAS_TIME_PER_FRAME:
            # It has one rate only; the burst will show whether it is the one configured.
            return
        given = rate.denominator / rate.numerator if rate.numerator else 0.0
        if abs(given / fps - 1) > _RATE_OFF:
            raise DeviceRefused(self._device, f"asked for {fps:g} frames per second, gives {given:.2f}; correct fps")

    def expose_by_hand(self) -> None:
        """No automatic change of exposure, rate, gain or white balance: a burst compares levels of its frames."""
        if self.set_control(abi.EXPOSURE_AUTO, abi.EXPOSURE_MANUAL) != abi.EXPOSURE_MANUAL:
            raise DeviceRefused(self._device, "does not let its exposure be set by hand; leave exposure_us out")
        for control in (abi.EXPOSURE_AUTO_PRIORITY, abi.AUTO_GAIN, abi.AUTO_WHITE_BALANCE):
            self.set_control(control, 0)

    def set_control(self, control: int, value: int) -> int | None:
        """The value in force, which the camera may have moved; None when it has no such control."""
        setting = abi.Control(control, value)
        with self._lock:
            if self._fd < 0:
                raise Disconnected(self._device, "the camera is not open")
            known = self._tried(abi.S_CTRL, setting, "setting a control")
        return setting.value if known else None

    def start(self) -> None:
        """Map the buffers, queue them, stream."""
        asked = abi.RequestBuffers(count=_BUFFERS, type=abi.CAPTURE, memory=abi.MEMORY_MMAP)
        self._call(abi.REQBUFS, asked, "asking for buffers")
        if asked.count < _FEWEST_BUFFERS:
            raise DeviceRefused(self._device, f"gives {asked.count} buffers, {_FEWEST_BUFFERS} are needed")
        for index in range(asked.count):
            buffer = self._buffer(index)
            self._call(abi.QUERYBUF, buffer, "asking for a buffer")
            try:
                self._memory.append(self._kernel.map(self._fd, buffer.length, buffer.offset))
            except OSError as error:
                raise failure(self._device, self._path, error, "mapping a buffer") from error
            self._call(abi.QBUF, self._buffer(index), "queueing a buffer")
        self._size = buffer.length
        self._call(abi.STREAMON, abi.BufferType(abi.CAPTURE), "starting the stream")
        self._streaming = True

    def _buffer(self, index: int = 0) -> abi.Buffer:
        return abi.Buffer(index=index, type=abi.CAPTURE, memory=abi.MEMORY_MMAP)

    def next(self, timeout_s: float) -> Picture | None:
        """The next filled buffer, broken ones too; None after `timeout_s`."""
        filled = self._buffer()
        try:
            if not self._kernel.wait(self._fd, timeout_s):
                return None
            self._kernel.ioctl(self._fd, abi.DQBUF, filled)
        except BlockingIOError:
            return None
        except OSError as error:
            raise failure(self._device, self._path, error, "taking a frame") from error
        arrived = self._monotonic()
        if filled.index >= len(self._memory) or filled.bytesused > self._size:
            raise RemoteProtocolError(
                self._device, f"the kernel gave buffer {filled.index} with {filled.bytesused} bytes of {self._size}"
            )
        data = b"" if filled.flags & abi.BUFFER_ERROR else bytes(self._memory[filled.index][: filled.bytesused])
        self._call(abi.QBUF, self._buffer(filled.index), "giving a buffer back")
        stamp = filled.seconds + filled.microseconds / 1e6
        return Picture(filled.sequence, stamp, arrived, filled.flags, data, self._pixel_format, self._stride)

    def close(self) -> None:
        """Stop, unmap, give the node up. Never raises."""
        if self._streaming:
            with contextlib.suppress(OSError):
                self._kernel.ioctl(self._fd, abi.STREAMOFF, abi.BufferType(abi.CAPTURE))
        self._streaming = False
        for memory in self._memory:
            memory.close()
        self._memory.clear()
        with self._lock:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                self._kernel.close(fd)

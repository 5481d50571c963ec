"""The infrared emitter of a USB camera, switched through its extension unit (Linux, UVCIOC_CTRL_QUERY). Blocking calls.

For a camera with one emitter of its own: light on or off for as long as it streams, no order and no log, so it is no
`ports.Illuminator`. The device node stays open between `open` and `close`, because some cameras forget the control when
it closes. Which bytes a camera takes is in table.py. Sources: linux/uvcvideo.h, linux/usb/video.h (A.8), the
kernel's uvcvideo.rst (errors). Not here: images; `confirm` judges levels that others have measured.
"""

import contextlib
import ctypes
import errno
import fcntl
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path

from drivers.errors import DeviceRefused, Disconnected, DriverError, IdentityMismatch, NoResponse, PortBusy
from drivers.illumination.uvc_ir.table import EMITTERS, Emitter, extension_units, find
from drivers.ports import DeviceIdentity

Ioctl = Callable[[int, int, bytes], object]
"""As `fcntl.ioctl`: descriptor, request, the packed query. Raises OSError."""

QUERY = struct.Struct("@BBBHP")
"""struct uvc_xu_control_query: u8 unit, u8 selector, u8 query, u16 size, u8 *data, with the compiler's alignment."""
UVCIOC_CTRL_QUERY = (3 << 30) | (QUERY.size << 16) | (ord("u") << 8) | 0x21
SET_CUR, GET_CUR, GET_LEN, GET_INFO = 0x01, 0x81, 0x85, 0x86
_CAN_GET, _CAN_SET = 0x01, 0x02

_GONE = {errno.ENODEV, errno.ENXIO, errno.ESHUTDOWN, errno.EIO, errno.EBADF}
_SILENT = {errno.ETIMEDOUT}
_REASONS = {
    errno.ENOENT: "the camera has no such unit or control",
    errno.ENOBUFS: "the control has another length",
    errno.EBADRQC: "the control does not take this request",
    errno.ERANGE: "the camera says the value is out of range",
    errno.EINVAL: "the camera says the value is invalid",
    errno.EPIPE: "the camera stalled the request",
    errno.EBUSY: "the camera is not ready",
    errno.EACCES: "the camera is in the wrong state; is it streaming?",
    errno.EILSEQ: "the camera is in the wrong state; is it streaming?",
}
_ADD_A_ROW = (
    "find unit, selector and bytes with `linux-enable-ir-emitter configure` and add a row with its source to "
    "drivers/illumination/uvc_ir/table.py"
)


class UvcIrEmitter:
    """`open`, then `light(True)`. What was wanted last is applied again by every `open`; at first that is off.

    `node` is /dev/video*, best by its name in /dev/v4l/by-path. A camera that slept or was plugged in anew has
    forgotten its state: `holds` tells, `open` sets it again.
    """

    def __init__(
        self,
        device: str,
        node: str | Path,
        *,
        rows: tuple[Emitter, ...] = EMITTERS,
        sysfs: Path = Path("/sys/class/video4linux"),
        opener: Callable[[str, int], int] = os.open,
        closer: Callable[[int], None] = os.close,
        ioctl: Ioctl = fcntl.ioctl,
    ) -> None:
        self._device = device
        self._node = Path(node)
        self._rows = rows
        self._sysfs = sysfs
        self._opener = opener
        self._closer = closer
        self._ioctl = ioctl
        self._fd = -1
        self._row: Emitter | None = None
        self._readable = False
        self._wanted = False

    def open(self) -> DeviceIdentity:
        """Prove camera, unit and control, then apply what was wanted last, read back. Raises DriverError."""
        self._drop()
        camera = self._camera()
        row = self._known(camera)
        self._prove_unit(camera, row)
        try:
            self._fd = self._opener(str(self._node), os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise self._unopened(error) from error
        try:
            self._prove_control(row)
            self._row = row
            self._apply(self._wanted)
        except BaseException:
            self._drop()
            raise
        return DeviceIdentity(
            model=f"{row.name} ({row.vendor:04x}:{row.product:04x})",
            firmware=_text(camera / "bcdDevice") or "unknown",
            serial_number=_text(camera / "serial"),
            verified_on_hardware=False,
        )

    # --- who it is ------------------------------------------------------------------------------------------

    def _interface(self) -> Path:
        """The node's USB interface in sysfs."""
        return (self._sysfs / self._node.resolve().name / "device").resolve()

    def _camera(self) -> Path:
        interface = self._interface()
        if not interface.exists():
            raise Disconnected(self._device, f"{self._node} does not exist; plug the camera in or correct its node")
        return interface.parent

    def _known(self, camera: Path) -> Emitter:
        vendor, product = _text(camera / "idVendor"), _text(camera / "idProduct")
        try:
            row = find(int(vendor or "", 16), int(product or "", 16), self._rows)
        except ValueError:
            raise IdentityMismatch(self._device, f"{self._node} is not a USB camera; only those are known") from None
        if row is None:
            raise IdentityMismatch(self._device, f"no emitter is known for camera {vendor}:{product}; {_ADD_A_ROW}")
        return row

    def _prove_unit(self, camera: Path, row: Emitter) -> None:
        """The camera's own descriptors list the unit, with its GUID and control, on the interface of this node."""
        try:
            number = int(_text(self._interface() / "bInterfaceNumber") or "", 16)
            units = extension_units((camera / "descriptors").read_bytes())
        except (OSError, ValueError) as error:
            raise IdentityMismatch(self._device, f"the camera's descriptors cannot be read: {error}") from error
        unit = next((unit for unit in units if (unit.interface, unit.unit) == (number, row.unit)), None)
        if unit is None:
            raise IdentityMismatch(
                self._device,
                f"{self._node} has no extension unit {row.unit}; name the infrared node of the camera, "
                f"not the colour one, or correct the row",
            )
        if row.guid is not None and unit.guid != row.guid:
            raise IdentityMismatch(self._device, f"extension unit {row.unit} is {unit.guid}, not {row.guid}")
        if not unit.has(row.selector):
            raise IdentityMismatch(self._device, f"extension unit {row.unit} has no control {row.selector}")

    def _prove_control(self, row: Emitter) -> None:
        try:
            length = int.from_bytes(self._query(row, GET_LEN, bytes(2)), "little")
            info = self._query(row, GET_INFO, bytes(1))[0]
        except DeviceRefused as error:
            raise IdentityMismatch(self._device, f"not the control of the table: {error.message}") from error
        if length != len(row.on):
            raise IdentityMismatch(
                self._device, f"the control has {length} bytes, the table {len(row.on)}; {_ADD_A_ROW}"
            )
        if not info & _CAN_SET:
            raise IdentityMismatch(self._device, "the control cannot be set; correct the row")
        self._readable = bool(info & _CAN_GET)

    # --- light ----------------------------------------------------------------------------------------------

    def light(self, on: bool) -> None:
        """Emitter on or off, read back where the control can be read. Raises DriverError; then it may be either."""
        self._wanted = on
        self._apply(on)

    def holds(self) -> bool:
        """Whether the control still has what was set; False after sleep or a reset: `open` anew. Raises DriverError.

        True where the control cannot be read; only the image tells then.
        """
        row = self._opened()
        return not self._readable or self._read(row) == _value(row, self._wanted)

    def _apply(self, on: bool) -> None:
        row = self._opened()
        value = _value(row, on)
        self._query(row, SET_CUR, value)
        if self._readable and (shown := self._read(row)) != value:
            raise DeviceRefused(
                self._device, f"the control reads {shown.hex(' ')} after {value.hex(' ')} was set; the row does not fit"
            )

    def _read(self, row: Emitter) -> bytes:
        return self._query(row, GET_CUR, bytes(len(row.on)))

    def _opened(self) -> Emitter:
        if self._row is None:
            raise Disconnected(self._device, "the emitter is not open")
        return self._row

    def close(self) -> None:
        """Emitter off if the camera still answers, node closed. Never raises. What was wanted is kept for `open`."""
        try:
            if self._row is not None:
                with contextlib.suppress(DriverError):
                    self._apply(on=False)
        finally:
            self._drop()

    def _drop(self) -> None:
        fd, self._fd = self._fd, -1
        self._row = None
        if fd >= 0:
            with contextlib.suppress(OSError):
                self._closer(fd)

    # --- the kernel -----------------------------------------------------------------------------------------

    def _query(self, row: Emitter, code: int, data: bytes) -> bytes:
        """One request to the unit; the data as the kernel leaves them."""
        buffer = ctypes.create_string_buffer(data, len(data))
        query = QUERY.pack(row.unit, row.selector, code, len(data), ctypes.addressof(buffer))
        try:
            self._ioctl(self._fd, UVCIOC_CTRL_QUERY, query)
        except OSError as error:
            raise self._translated(error) from error
        return buffer.raw

    def _translated(self, error: OSError) -> DriverError:
        if error.errno in _GONE:
            return Disconnected(self._device, f"{self._node} was unplugged ({error.strerror})")
        if error.errno in _SILENT:
            return NoResponse(self._device, "the camera does not answer; plug it in anew")
        if error.errno == errno.ENOTTY:
            return IdentityMismatch(self._device, f"{self._node} is not a camera of the kernel's uvcvideo driver")
        reason = _REASONS.get(error.errno or 0, error.strerror or "unknown error")
        return DeviceRefused(self._device, f"{reason} ({errno.errorcode.get(error.errno or 0, error.errno)})")

    def _unopened(self, error: OSError) -> DriverError:
        if error.errno == errno.EBUSY:
            return PortBusy(self._device, f"{self._node} is in use by another program; stop it")
        if error.errno in (errno.EACCES, errno.EPERM):
            return Disconnected(self._device, f"no permission for {self._node}; add this user to the group video")
        return Disconnected(self._device, f"{self._node} cannot be opened: {error.strerror}")


def confirm(off: float, on: float, *, ratio: float = 1.3, rise: float = 8.0) -> bool:
    """Whether mean levels (0 to 255) of the image with the emitter off and on show that it lights.

    `on` must be `ratio` times `off` and `rise` levels above it. A control that reads back right proves no light: take
    both levels of the same scene, gain and exposure fixed, several frames after the switching.
    """
    if not all(map(math.isfinite, (off, on))) or off < 0:
        return False
    return on >= off * ratio and on - off >= rise


def _value(row: Emitter, on: bool) -> bytes:
    return row.on if on else row.off


def _text(path: Path) -> str | None:
    """One line of sysfs; None when the file is not there or empty."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None

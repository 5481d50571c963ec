"""Infrared emitters by extension unit: the kernel's bytes, descriptors, an emulated camera that refuses and forgets.

The emulated camera stands behind the ioctl and reads the query's memory as the kernel would. A real camera joins when
the file given by `--bench` names it as illumination.uvc_ir.
"""

import ctypes
import errno
import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.errors import DeviceRefused, Disconnected, DriverError, IdentityMismatch, NoResponse, PortBusy
from drivers.illumination.uvc_ir import driver
from drivers.illumination.uvc_ir.driver import UvcIrEmitter, confirm
from drivers.illumination.uvc_ir.table import EMITTERS, MICROSOFT_CAMERA_CONTROL, Emitter, extension_units, find
from hil.stand import Bench

LUXVISIONS = next(row for row in EMITTERS if row.vendor == 0x30C9)
CHICONY = next(row for row in EMITTERS if row.product == 0xB67C)

# --- descriptors: composed by us from the layouts of the USB Video Class ----------------------------------------


def interface(number: int, subclass: int = 1) -> bytes:
    return bytes((9, 4, number, 0, 0, 0x0E, subclass, 0, 0))


def extension_unit(unit: int, guid: uuid.UUID, controls: bytes) -> bytes:
    body = bytes((0x24, 0x06, unit)) + guid.bytes_le + bytes((4, 1, 2, len(controls))) + controls + bytes(1)
    return bytes((len(body) + 1,)) + body


DEVICE = bytes((18, 1)) + bytes(16)
MJPEG_FORMAT = bytes((27, 0x24, 0x06, 14)) + bytes(23)
OTHER_GUID = uuid.UUID("1229a78c-47b4-4094-b0ce-db07386fb938")


def descriptors_of(row: Emitter, guid: uuid.UUID | None = None) -> bytes:
    """A camera of two functions: colour on interface 0, infrared on interface 2."""
    controls = (1 << (row.selector - 1)).to_bytes(2, "little")
    infrared = extension_unit(row.unit, guid or row.guid or OTHER_GUID, controls)
    colour = extension_unit(4, OTHER_GUID, b"\x00\x06")
    return DEVICE + interface(0) + colour + interface(1, 2) + MJPEG_FORMAT + interface(2) + infrared


class Camera:
    """A camera's control behind the kernel. `fails` maps a request to an errno; `slept` forgets the value."""

    def __init__(self, row: Emitter, *, length: int | None = None, info: int = 0x03) -> None:
        self.row = row
        self.length = len(row.on) if length is None else length
        self.info = info
        self.value = row.off
        self.refuses: set[bytes] = set()
        self.fails: dict[int, int] = {}
        self.deaf = False
        self.opened: list[int] = []
        self.closed: list[int] = []
        self.requests: list[int] = []

    @property
    def lit(self) -> bool:
        return self.value == self.row.on

    def open(self, _path: str, flags: int) -> int:
        assert flags & os.O_RDWR
        self.opened.append(100 + len(self.opened))
        return self.opened[-1]

    def close(self, fd: int) -> None:
        self.closed.append(fd)

    def slept(self) -> None:
        self.value = self.row.off

    def ioctl(self, fd: int, request: int, query: bytes) -> None:
        assert request == driver.UVCIOC_CTRL_QUERY
        assert fd == self.opened[-1]
        unit, selector, code, size, address = driver.QUERY.unpack(query)
        self.requests.append(code)
        if code in self.fails:
            raise OSError(self.fails[code], os.strerror(self.fails[code]))
        if (unit, selector) != (self.row.unit, self.row.selector):
            raise OSError(errno.ENOENT, "no such entity")
        answers = {
            driver.GET_LEN: self.length.to_bytes(2, "little"),
            driver.GET_INFO: bytes((self.info,)),
            driver.GET_CUR: self.value,
        }
        if size != (len(answers[code]) if code != driver.GET_CUR and code in answers else self.length):
            raise OSError(errno.ENOBUFS, "wrong size")
        if code == driver.SET_CUR:
            value = ctypes.string_at(address, size)
            if value in self.refuses:
                raise OSError(errno.ERANGE, "out of range")
            self.value = self.value if self.deaf else value
        else:
            ctypes.memmove(address, answers[code], size)


def plugged(tmp_path: Path, row: Emitter, *, interface_number: str = "02", descriptors: bytes | None = None) -> Path:
    """A sysfs with this camera as video2; gives the directory of the video nodes."""
    usb = tmp_path / "devices" / "usb1" / "1-6"
    function = usb / f"1-6:1.{int(interface_number, 16)}"
    function.mkdir(parents=True, exist_ok=True)
    (usb / "idVendor").write_text(f"{row.vendor:04x}\n")
    (usb / "idProduct").write_text(f"{row.product:04x}\n")
    (usb / "bcdDevice").write_text("1013\n")
    (usb / "serial").write_text("200901010001\n")
    (usb / "descriptors").write_bytes(descriptors_of(row) if descriptors is None else descriptors)
    (function / "bInterfaceNumber").write_text(f"{interface_number}\n")
    node = tmp_path / "video4linux" / "video2"
    node.mkdir(parents=True, exist_ok=True)
    (node / "device").unlink(missing_ok=True)
    (node / "device").symlink_to(function)
    return tmp_path / "video4linux"


def emitter_on(sysfs: Path, camera: Camera, rows: tuple[Emitter, ...] = EMITTERS) -> UvcIrEmitter:
    return UvcIrEmitter(
        "ir", "/dev/video2", rows=rows, sysfs=sysfs, opener=camera.open, closer=camera.close, ioctl=camera.ioctl
    )


@pytest.fixture
def camera() -> Camera:
    return Camera(LUXVISIONS)


@pytest.fixture
def emitter(tmp_path: Path, camera: Camera) -> UvcIrEmitter:
    return emitter_on(plugged(tmp_path, LUXVISIONS), camera)


# --- the kernel's bytes ---------------------------------------------------------------------------------------------


def test_the_query_is_laid_out_as_the_kernel_reads_it() -> None:
    # Offsets 0, 1, 2, 4, 8, size 16 and the request number as gcc gives them for linux/uvcvideo.h on x86-64.
    assert driver.QUERY.size == 16
    assert driver.UVCIOC_CTRL_QUERY == 0xC0107521
    packed = driver.QUERY.pack(0x0E, 0x06, driver.SET_CUR, 0x0109, 0x1122334455667788)
    assert packed == bytes.fromhex("0e 06 01 00 09 01 00 00 88 77 66 55 44 33 22 11")


def test_request_codes_of_the_video_class() -> None:
    assert (driver.SET_CUR, driver.GET_CUR, driver.GET_LEN, driver.GET_INFO) == (0x01, 0x81, 0x85, 0x86)


def test_rows_name_their_source_and_can_be_told_apart() -> None:
    assert len({(row.vendor, row.product) for row in EMITTERS}) == len(EMITTERS)
    for row in EMITTERS:
        assert row.source
        assert len(row.on) == len(row.off)
        assert row.on != row.off
    assert find(0x04F2, 0xB67C) == CHICONY
    assert (CHICONY.on, CHICONY.off) == (b"\x02\x19", b"\x00\x00")
    assert find(0x1234, 0x5678) is None


def test_units_are_found_in_control_interfaces_only() -> None:
    found = extension_units(descriptors_of(LUXVISIONS))
    assert [(unit.interface, unit.unit) for unit in found] == [(0, 4), (2, 14)]
    assert found[1].guid == MICROSOFT_CAMERA_CONTROL
    assert [selector for selector in range(1, 17) if found[1].has(selector)] == [6]
    assert [selector for selector in range(1, 17) if found[0].has(selector)] == [10, 11]


def test_a_guid_on_the_wire_is_mixed_endian() -> None:
    # UVC_GUID_MSXU_1_5 of the kernel's include/linux/usb/uvc.h.
    assert bytes.fromhex("dc 95 3f 0f 32 26 4e 4c 92 c9 a0 47 82 f4 3b c8") in descriptors_of(LUXVISIONS)


@pytest.mark.parametrize("torn", [b"\x00", b"\x01\x04", DEVICE[:-1], interface(0) + b"\x12\x24\x06"])
def test_torn_descriptors(torn: bytes) -> None:
    with pytest.raises(ValueError, match="cut off"):
        extension_units(torn)


def test_a_unit_that_claims_more_than_its_descriptor_has() -> None:
    unit = bytearray(extension_unit(14, OTHER_GUID, b"\x20"))
    for at, value in ((21, 200), (23, 200)):
        lying = bytearray(unit)
        lying[at] = value
        with pytest.raises(ValueError, match="unit 14 is cut off"):
            extension_units(interface(0) + bytes(lying))


# --- light ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", EMITTERS, ids=lambda row: f"{row.vendor:04x}-{row.product:04x}")
def test_every_row_lights_and_goes_out(tmp_path: Path, row: Emitter) -> None:
    camera = Camera(row)
    camera.value = row.on
    emitter = emitter_on(plugged(tmp_path, row), camera)
    identity = emitter.open()
    assert f"{row.vendor:04x}:{row.product:04x}" in identity.model
    assert (identity.firmware, identity.serial_number) == ("1013", "200901010001")
    assert not identity.verified_on_hardware
    assert not camera.lit
    emitter.light(on=True)
    assert camera.lit
    assert emitter.holds()
    emitter.close()
    assert not camera.lit
    assert camera.opened == camera.closed


def test_nothing_is_set_before_the_control_is_proved(emitter: UvcIrEmitter, camera: Camera) -> None:
    emitter.open()
    assert camera.requests == [driver.GET_LEN, driver.GET_INFO, driver.SET_CUR, driver.GET_CUR]


def test_a_node_is_taken_by_its_name_in_by_path(tmp_path: Path, camera: Camera) -> None:
    sysfs = plugged(tmp_path, LUXVISIONS)
    link = tmp_path / "pci-0000:04:00.4-usb-0:1:1.2-video-index0"
    link.symlink_to("/dev/video2")
    emitter = UvcIrEmitter("ir", link, sysfs=sysfs, opener=camera.open, closer=camera.close, ioctl=camera.ioctl)
    emitter.open()


def test_the_node_stays_open_until_close(emitter: UvcIrEmitter, camera: Camera) -> None:
    emitter.open()
    emitter.light(on=True)
    assert camera.closed == []
    emitter.close()
    emitter.close()
    assert camera.closed == camera.opened
    with pytest.raises(Disconnected, match="not open"):
        emitter.light(on=True)
    with pytest.raises(Disconnected):
        emitter.holds()


def test_what_was_wanted_is_applied_again_after_replug(emitter: UvcIrEmitter, camera: Camera) -> None:
    emitter.open()
    emitter.light(on=True)
    camera.fails = dict.fromkeys((driver.SET_CUR, driver.GET_CUR), errno.ENODEV)
    with pytest.raises(Disconnected, match="unplugged"):
        emitter.holds()
    emitter.close()
    camera.slept()
    camera.fails = {}
    emitter.open()
    assert camera.lit
    emitter.light(on=False)
    emitter.close()
    emitter.open()
    assert not camera.lit


def test_a_camera_that_slept_is_noticed_and_set_again(emitter: UvcIrEmitter, camera: Camera) -> None:
    emitter.open()
    emitter.light(on=True)
    camera.slept()
    assert not emitter.holds()
    emitter.open()
    assert camera.lit
    assert len(camera.closed) == 1


def test_a_control_that_cannot_be_read_is_left_to_the_image(tmp_path: Path) -> None:
    camera = Camera(LUXVISIONS, info=0x02)
    camera.fails = {driver.GET_CUR: errno.EBADRQC}
    emitter = emitter_on(plugged(tmp_path, LUXVISIONS), camera)
    emitter.open()
    emitter.light(on=True)
    assert camera.lit
    assert emitter.holds()


# --- the camera does not do as told -----------------------------------------------------------------------------


def test_a_camera_that_refuses_off_is_not_taken(tmp_path: Path) -> None:
    zeros = replace(LUXVISIONS, off=bytes(9))
    camera = Camera(zeros)
    camera.value = zeros.on
    camera.refuses.add(bytes(9))
    with pytest.raises(DeviceRefused, match="out of range"):
        emitter_on(plugged(tmp_path, zeros), camera, (zeros,)).open()
    assert camera.closed == camera.opened


def test_a_value_that_does_not_stay_is_an_error(emitter: UvcIrEmitter, camera: Camera) -> None:
    emitter.open()
    camera.deaf = True
    with pytest.raises(DeviceRefused, match=r"reads 01 03 01 .* after 01 03 03"):
        emitter.light(on=True)


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (errno.EPIPE, DeviceRefused, "stalled"),
        (errno.ERANGE, DeviceRefused, "out of range"),
        (errno.EILSEQ, DeviceRefused, "wrong state"),
        (errno.EBUSY, DeviceRefused, "not ready"),
        (errno.ENOMEM, DeviceRefused, "ENOMEM"),
        (errno.ETIMEDOUT, NoResponse, "does not answer"),
        (errno.ENODEV, Disconnected, "unplugged"),
        (errno.EIO, Disconnected, "unplugged"),
    ],
)
def test_what_the_kernel_says(
    emitter: UvcIrEmitter, camera: Camera, number: int, error: type[DriverError], message: str
) -> None:
    emitter.open()
    camera.fails = {driver.SET_CUR: number}
    with pytest.raises(error, match=message):
        emitter.light(on=True)
    emitter.close()
    assert camera.closed == camera.opened


# --- wrong cameras: nothing is commanded ------------------------------------------------------------------------


def refused_unset(emitter: UvcIrEmitter, camera: Camera, message: str) -> None:
    with pytest.raises(IdentityMismatch, match=message):
        emitter.open()
    assert driver.SET_CUR not in camera.requests
    assert camera.closed == camera.opened


def test_an_unknown_camera_says_how_to_add_it(tmp_path: Path, camera: Camera) -> None:
    stranger = replace(LUXVISIONS, vendor=0x1234, product=0x5678)
    emitter = emitter_on(plugged(tmp_path, stranger), camera)
    refused_unset(emitter, camera, r"1234:5678; find .*linux-enable-ir-emitter.*table\.py")
    assert camera.opened == []


@pytest.mark.parametrize(
    ("number", "descriptors", "message"),
    [
        ("00", None, "name the infrared node"),
        ("02", descriptors_of(LUXVISIONS, OTHER_GUID), "is 1229a78c-47b4-4094-b0ce-db07386fb938, not 0f3f95dc"),
        ("02", descriptors_of(replace(LUXVISIONS, selector=9)), "no control 6"),
        ("02", descriptors_of(LUXVISIONS)[:-1], "cannot be read"),
        ("02", b"", "no extension unit 14"),
    ],
)
def test_descriptors_that_do_not_fit(
    tmp_path: Path, camera: Camera, number: str, descriptors: bytes | None, message: str
) -> None:
    sysfs = plugged(tmp_path, LUXVISIONS, interface_number=number, descriptors=descriptors)
    refused_unset(emitter_on(sysfs, camera), camera, message)
    assert camera.opened == []


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda camera: setattr(camera, "length", 8), "has 8 bytes, the table 9"),
        (lambda camera: setattr(camera, "info", 0x01), "cannot be set"),
        (lambda camera: camera.fails.update({driver.GET_LEN: errno.ENOENT}), "no such unit or control"),
        (lambda camera: camera.fails.update({driver.GET_INFO: errno.EPIPE}), "stalled"),
        (lambda camera: camera.fails.update({driver.GET_LEN: errno.ENOTTY}), "uvcvideo"),
    ],
)
def test_controls_that_do_not_fit(
    emitter: UvcIrEmitter, camera: Camera, prepare: Callable[[Camera], None], message: str
) -> None:
    prepare(camera)
    refused_unset(emitter, camera, message)


def test_what_is_no_usb_camera_or_not_there(tmp_path: Path, camera: Camera) -> None:
    sysfs = plugged(tmp_path, LUXVISIONS)
    (tmp_path / "devices" / "usb1" / "1-6" / "idVendor").unlink()
    refused_unset(emitter_on(sysfs, camera), camera, "not a USB camera")
    with pytest.raises(Disconnected, match="plug the camera in"):
        UvcIrEmitter("ir", "/dev/video9", sysfs=sysfs).open()


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (errno.EBUSY, PortBusy, "in use"),
        (errno.EACCES, Disconnected, "group video"),
        (errno.ENOENT, Disconnected, "cannot be opened"),
    ],
)
def test_a_node_that_cannot_be_opened(
    tmp_path: Path, camera: Camera, number: int, error: type[DriverError], message: str
) -> None:
    def opener(_path: str, _flags: int) -> int:
        raise OSError(number, os.strerror(number))

    sysfs = plugged(tmp_path, LUXVISIONS)
    with pytest.raises(error, match=message):
        UvcIrEmitter("ir", "/dev/video2", sysfs=sysfs, opener=opener, ioctl=camera.ioctl).open()


def test_the_real_ioctl_on_what_is_no_camera(tmp_path: Path) -> None:
    # /dev/null takes no such request: the kernel's own answer, not an emulated one.
    emitter = UvcIrEmitter(
        "ir",
        "/dev/video2",
        sysfs=plugged(tmp_path, LUXVISIONS),
        opener=lambda _path, flags: os.open("/dev/null", flags),
    )
    with pytest.raises(IdentityMismatch, match="uvcvideo"):
        emitter.open()


# --- proof by image ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("off", "on", "lights"),
    [
        (40.0, 120.0, True),
        (40.0, 52.0, True),
        (40.0, 51.9, False),
        (2.0, 9.0, False),
        (0.0, 8.0, True),
        (120.0, 40.0, False),
        (255.0, 255.0, False),
        (-1.0, 50.0, False),
        (float("nan"), 50.0, False),
        (10.0, float("inf"), False),
    ],
)
def test_light_is_confirmed_by_the_image(off: float, on: float, lights: bool) -> None:
    assert confirm(off, on) is lights


def test_a_real_camera_lights_and_goes_out(bench: Bench) -> None:
    options = bench.device("illumination.uvc_ir")
    if options is None:
        pytest.skip("the bench has no illumination.uvc_ir")
    emitter = UvcIrEmitter("ir", str(options["node"]))
    emitter.open()
    emitter.light(on=True)
    assert emitter.holds()
    emitter.close()

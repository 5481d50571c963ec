"""What passes between a program and the kernel's video interface: structures and request numbers, for both ends.

Source: linux/videodev2.h; the tests have a C compiler confirm sizes, offsets and numbers. 64-bit machines only: on
32-bit ones `struct v4l2_buffer` has another layout. No input or output here (kernel), no rule (driver).
"""

import ctypes
from ctypes import Structure, Union, c_char, c_int32, c_int64, c_uint8, c_uint32, c_uint64

CAPTURE = 1
"""V4L2_BUF_TYPE_VIDEO_CAPTURE."""
MEMORY_MMAP = 1
FIELD_NONE = 1

CAN_CAPTURE = 0x0000_0001
CAN_STREAM = 0x0400_0000
HAS_DEVICE_CAPS = 0x8000_0000
HAS_TIME_PER_FRAME = 0x1000

BUFFER_ERROR = 0x0040
STAMP_KIND = 0xE000
STAMP_MONOTONIC = 0x2000
STAMP_SOURCE = 0x7_0000
STAMP_START_OF_EXPOSURE = 0x1_0000

EXPOSURE_AUTO = 0x009A_0901
EXPOSURE_ABSOLUTE = 0x009A_0902
EXPOSURE_AUTO_PRIORITY = 0x009A_0903
AUTO_WHITE_BALANCE = 0x0098_090C
AUTO_GAIN = 0x0098_0912
EXPOSURE_MANUAL = 1


def fourcc(name: str) -> int:
    """Pixel format as the kernel counts it ("GREY", "YUYV", "MJPG")."""
    return int.from_bytes(name.encode("ascii"), "little")


def fourcc_name(code: int) -> str:
    """The four letters; what cannot be printed is shown by number."""
    letters = code.to_bytes(4, "little")
    return letters.decode("ascii") if letters.isascii() and letters.decode("ascii").isprintable() else f"{code:#010x}"


class Capability(Structure):
    """struct v4l2_capability."""

    _fields_ = (
        ("driver", c_char * 16),
        ("card", c_char * 32),
        ("bus_info", c_char * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class PixelFormat(Structure):
    """struct v4l2_pix_format."""

    _fields_ = tuple(
        (name, c_uint32)
        for name in (
            *("width", "height", "pixelformat", "field", "bytesperline", "sizeimage"),
            *("colorspace", "priv", "flags", "ycbcr_enc", "quantization", "xfer_func"),
        )
    )


class _FormatUnion(Union):
    # The 64-bit member gives the union the alignment it has in the kernel, where some members hold pointers.
    _fields_ = (("pix", PixelFormat), ("raw", c_uint8 * 200), ("align", c_uint64))


class Format(Structure):
    """struct v4l2_format."""

    _anonymous_ = ("fmt",)
    _fields_ = (("type", c_uint32), ("fmt", _FormatUnion))


class FormatDescription(Structure):
    """struct v4l2_fmtdesc."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("description", c_char * 32),
        ("pixelformat", c_uint32),
        ("mbus_code", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class StreamParameters(Structure):
    """struct v4l2_streamparm with its capture member."""

    _fields_ = (
        ("type", c_uint32),
        ("capability", c_uint32),
        ("capturemode", c_uint32),
        ("numerator", c_uint32),
        ("denominator", c_uint32),
        ("extendedmode", c_uint32),
        ("readbuffers", c_uint32),
        ("rest", c_uint8 * 176),
    )


class RequestBuffers(Structure):
    """struct v4l2_requestbuffers."""

    _fields_ = (
        ("count", c_uint32),
        ("type", c_uint32),
        ("memory", c_uint32),
        ("capabilities", c_uint32),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 3),
    )


class Buffer(Structure):
    """struct v4l2_buffer; `offset` is the member of its union that mapped memory uses."""

    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("bytesused", c_uint32),
        ("flags", c_uint32),
        ("field", c_uint32),
        ("seconds", c_int64),
        ("microseconds", c_int64),
        ("timecode", c_uint8 * 16),
        ("sequence", c_uint32),
        ("memory", c_uint32),
        ("offset", c_uint64),
        ("length", c_uint32),
        ("reserved2", c_uint32),
        ("request_fd", c_int32),
    )


class Control(Structure):
    """struct v4l2_control."""

    _fields_ = (("id", c_uint32), ("value", c_int32))


class BufferType(Structure):
    """The int of STREAMON and STREAMOFF."""

    _fields_ = (("type", c_int32),)


_WRITES, _READS = 1, 2


def _request(direction: int, number: int, structure: type[Structure]) -> int:
    """_IOC of asm-generic/ioctl.h."""
    return direction << 30 | ctypes.sizeof(structure) << 16 | ord("V") << 8 | number


QUERYCAP = _request(_READS, 0, Capability)
ENUM_FMT = _request(_READS | _WRITES, 2, FormatDescription)
S_FMT = _request(_READS | _WRITES, 5, Format)
REQBUFS = _request(_READS | _WRITES, 8, RequestBuffers)
QUERYBUF = _request(_READS | _WRITES, 9, Buffer)
QBUF = _request(_READS | _WRITES, 15, Buffer)
DQBUF = _request(_READS | _WRITES, 17, Buffer)
STREAMON = _request(_WRITES, 18, BufferType)
STREAMOFF = _request(_WRITES, 19, BufferType)
S_PARM = _request(_READS | _WRITES, 22, StreamParameters)
S_CTRL = _request(_READS | _WRITES, 28, Control)

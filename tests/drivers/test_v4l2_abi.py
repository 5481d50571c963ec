"""What passes between a program and the kernel's video interface: structures against a C compiler, pictures as sent."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drivers.camera.v4l2 import abi
from drivers.camera.v4l2.pixels import PictureBroken, decode
from hil.emulator.v4l2_device import coarse_noise

WIDTH, HEIGHT = 64, 48


# --- the structures -----------------------------------------------------------------------------------------


def offset(structure: type[ctypes.Structure], member: str) -> int:
    return int(getattr(structure, member).offset)


STRUCTURES: dict[str, type[ctypes.Structure]] = {
    "v4l2_capability": abi.Capability,
    "v4l2_fmtdesc": abi.FormatDescription,
    "v4l2_format": abi.Format,
    "v4l2_pix_format": abi.PixelFormat,
    "v4l2_requestbuffers": abi.RequestBuffers,
    "v4l2_streamparm": abi.StreamParameters,
    "v4l2_buffer": abi.Buffer,
    "v4l2_control": abi.Control,
}
RENAMED = {
    ("v4l2_format", "fmt"): "fmt.pix",
    ("v4l2_streamparm", "capability"): "parm.capture.capability",
    ("v4l2_streamparm", "capturemode"): "parm.capture.capturemode",
    ("v4l2_streamparm", "numerator"): "parm.capture.timeperframe.numerator",
    ("v4l2_streamparm", "denominator"): "parm.capture.timeperframe.denominator",
    ("v4l2_streamparm", "extendedmode"): "parm.capture.extendedmode",
    ("v4l2_streamparm", "readbuffers"): "parm.capture.readbuffers",
    ("v4l2_buffer", "seconds"): "timestamp.tv_sec",
    ("v4l2_buffer", "microseconds"): "timestamp.tv_usec",
    ("v4l2_buffer", "offset"): "m.offset",
}
NUMBERS = {
    **{f"VIDIOC_{name}": name for name in ("QUERYCAP", "ENUM_FMT", "S_FMT", "REQBUFS", "QUERYBUF", "QBUF", "DQBUF")},
    **{f"VIDIOC_{name}": name for name in ("STREAMON", "STREAMOFF", "S_PARM", "S_CTRL")},
    "V4L2_BUF_TYPE_VIDEO_CAPTURE": "CAPTURE",
    "V4L2_MEMORY_MMAP": "MEMORY_MMAP",
    "V4L2_FIELD_NONE": "FIELD_NONE",
    "V4L2_CAP_VIDEO_CAPTURE": "CAN_CAPTURE",
    "V4L2_CAP_STREAMING": "CAN_STREAM",
    "V4L2_CAP_DEVICE_CAPS": "HAS_DEVICE_CAPS",
    "V4L2_CAP_TIMEPERFRAME": "HAS_TIME_PER_FRAME",
    "V4L2_BUF_FLAG_ERROR": "BUFFER_ERROR",
    "V4L2_BUF_FLAG_TIMESTAMP_MASK": "STAMP_KIND",
    "V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC": "STAMP_MONOTONIC",
    "V4L2_BUF_FLAG_TSTAMP_SRC_MASK": "STAMP_SOURCE",
    "V4L2_BUF_FLAG_TSTAMP_SRC_SOE": "STAMP_START_OF_EXPOSURE",
    "V4L2_CID_EXPOSURE_AUTO": "EXPOSURE_AUTO",
    "V4L2_CID_EXPOSURE_ABSOLUTE": "EXPOSURE_ABSOLUTE",
    "V4L2_CID_EXPOSURE_AUTO_PRIORITY": "EXPOSURE_AUTO_PRIORITY",
    "V4L2_CID_AUTO_WHITE_BALANCE": "AUTO_WHITE_BALANCE",
    "V4L2_CID_AUTOGAIN": "AUTO_GAIN",
    "V4L2_EXPOSURE_MANUAL": "EXPOSURE_MANUAL",
}


def test_structures_and_numbers_are_those_of_the_kernels_headers(tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None or not Path("/usr/include/linux/videodev2.h").exists():
        pytest.skip("no C compiler or no kernel headers (apt-get install gcc linux-libc-dev)")
    asked: dict[str, int] = {}
    for name, structure in STRUCTURES.items():
        asked[f"sizeof(struct {name})"] = ctypes.sizeof(structure)
        for member in (field[0] for field in structure._fields_):
            if member not in ("reserved", "rest", "request_fd", "reserved2"):
                place = RENAMED.get((name, member), member)
                asked[f"offsetof(struct {name}, {place})"] = offset(structure, member)
    for theirs, ours in NUMBERS.items():
        asked[theirs] = getattr(abi, ours)
    prints = "\n".join(f'printf("%llu\\n", (unsigned long long)(unsigned)({what}));' for what in asked)
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <linux/videodev2.h>\n#include <stddef.h>\n#include <stdio.h>\n"
        f"int main(void) {{ {prints} return 0; }}\n"
    )
    subprocess.run([compiler, "-o", str(tmp_path / "layout"), str(source)], check=True, timeout=30)
    told = subprocess.run([str(tmp_path / "layout")], check=True, timeout=10, capture_output=True, text=True)
    assert dict(zip(asked, map(int, told.stdout.split()), strict=True)) == asked


def test_request_numbers_as_this_file_was_written() -> None:
    # The same without a compiler, for x86-64 and arm64.
    assert (abi.QUERYCAP, abi.S_FMT, abi.REQBUFS, abi.QUERYBUF) == (0x80685600, 0xC0D05605, 0xC0145608, 0xC0585609)
    assert (abi.QBUF, abi.DQBUF, abi.STREAMON, abi.STREAMOFF) == (0xC058560F, 0xC0585611, 0x40045612, 0x40045613)
    assert (abi.ENUM_FMT, abi.S_PARM, abi.S_CTRL) == (0xC0405602, 0xC0CC5616, 0xC008561C)


def test_names_of_pixel_formats() -> None:
    assert abi.fourcc("YUYV") == 0x56595559
    assert abi.fourcc_name(abi.fourcc("GREY")) == "GREY"
    assert abi.fourcc_name(0x80000001) == "0x80000001"
    assert abi.fourcc_name(0x00000007) == "0x00000007"


# --- pictures -----------------------------------------------------------------------------------------------


def test_raw_pictures_come_back_as_they_were() -> None:
    grey = coarse_noise(1)[..., 0]
    padded = np.pad(grey, ((0, 0), (0, 16)))
    assert np.array_equal(decode(padded.tobytes(), "GREY", WIDTH, HEIGHT, WIDTH + 16), grey)
    assert np.array_equal(decode(padded.tobytes()[:-16], "GREY", WIDTH, HEIGHT, WIDTH + 16), grey)
    colour = coarse_noise(2)
    sent = cv2.cvtColor(colour, cv2.COLOR_BGR2YUV_YUYV).tobytes()
    got = decode(sent, "YUYV", WIDTH, HEIGHT, 2 * WIDTH)
    assert np.abs(got.astype(int) - colour).max() <= 4


def jpeg(image: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


def without_tables(data: bytes) -> bytes:
    """As many USB cameras send it: without the Huffman tables."""
    while (start := data.find(b"\xff\xc4")) >= 0:
        length = int.from_bytes(data[start + 2 : start + 4], "big")
        data = data[:start] + data[start + 2 + length :]
    return data


@pytest.mark.parametrize(
    "sent", [jpeg(coarse_noise(3)), without_tables(jpeg(coarse_noise(3))), jpeg(coarse_noise(3)) + bytes(20)]
)
def test_jpeg_as_cameras_send_it(sent: bytes) -> None:
    got = decode(sent, "MJPG", WIDTH, HEIGHT, 0)
    assert np.abs(got.astype(int) - coarse_noise(3)).mean() < 12


@pytest.mark.parametrize(
    ("data", "pixel_format", "complaint"),
    [
        (bytes(WIDTH * HEIGHT - 1), "GREY", "3071 bytes"),
        (b"", "YUYV", "0 bytes"),
        (b"", "MJPG", "no beginning"),
        (jpeg(coarse_noise(1))[:-200], "MJPG", "no end"),
        (b"\xff\xd8" + bytes(50) + b"\xff\xd9", "MJPG", "no JPEG"),
        (jpeg(np.zeros((16, 16, 3), np.uint8)), "MJPG", "a JPEG of 16x16 where 64x48"),
    ],
)
def test_what_is_no_whole_coarse_noise(data: bytes, pixel_format: str, complaint: str) -> None:
    with pytest.raises(PictureBroken, match=complaint):
        decode(data, pixel_format, WIDTH, HEIGHT, WIDTH * {"GREY": 1, "YUYV": 2}.get(pixel_format, 0))


def test_a_jpeg_that_claims_to_be_huge_is_not_decoded() -> None:
    sent = bytearray(jpeg(coarse_noise(1)))
    start = sent.index(b"\xff\xc0")
    sent[start + 5 : start + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(PictureBroken):
        decode(bytes(sent), "MJPG", WIDTH, HEIGHT, 0)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["GREY", "YUYV", "MJPG"]), st.integers(0, 200))
def test_whatever_the_bytes_it_is_a_picture_or_broken(data: bytes, pixel_format: str, stride: int) -> None:
    try:
        image = decode(data, pixel_format, 8, 8, stride)
    except PictureBroken:
        return
    assert image.shape[:2] == (8, 8)

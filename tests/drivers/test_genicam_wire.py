"""What goes wrong with a GenICam camera on the wire: pulled, frozen, restarted, taken, another format; hostile answers.

Simulated: Aravis' fake in a process of its own, and datagrams of our own.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera.genicam import GenicamCamera, aravis, gvcp
from drivers.errors import Disconnected, NoResponse, PortBusy, RemoteProtocolError
from hil.contracts.camera import UNPLUGGED_WITHIN_S
from hil.emulator.genicam_camera import HERE, PIXEL_FORMAT, camera_id
from tests.drivers.test_genicam import HEIGHT, WIDTH, Stage, library

CONTROL_PRIVILEGE, BAYER_RG8 = 0x0A00, 0x01080009


@pytest.fixture
def wired() -> Iterator[tuple[Stage, list[GenicamCamera]]]:
    """A camera on the loopback, and drivers to close when the test ends."""
    library()
    stage, made = Stage(), list[GenicamCamera]()
    yield stage, made
    for camera in made:
        camera.close()
    stage.unplug()
    # Of a camera that is gone Aravis takes some 10 s to let go, on a thread of the driver's.
    for thread in threading.enumerate():
        if thread.name == "camera camera":
            thread.join(20)


def read_on(camera: GenicamCamera) -> None:
    """Read what had been sent before, until the camera says what is wrong."""
    for _ in range(50):
        camera.read(1.0)


def at(stage: Stage, **options: Any) -> GenicamCamera:
    settings: dict[str, Any] = {"width": WIDTH, "height": HEIGHT, "fps": 25.0}
    return GenicamCamera("camera", camera_id(stage.serial_number), **settings | options)


@pytest.mark.parametrize("gone", [Stage.unplug, Stage.silence])
def test_waiting_for_triggers_it_is_asked_and_one_that_is_gone_told_within_a_second(
    wired: tuple[Stage, list[GenicamCamera]], gone: Callable[[Stage], None]
) -> None:
    stage, made = wired
    made.append(at(stage, trigger_source="Software"))
    made[0].open()
    # Longer than the camera keeps a controller it does not hear from (3 s).
    with pytest.raises(NoResponse):
        made[0].read(3.5)
    begun = time.monotonic()
    gone(stage)
    with pytest.raises(Disconnected, match="does not answer any more"):
        made[0].read(5.0)
    assert time.monotonic() - begun < UNPLUGGED_WITHIN_S


def test_waiting_for_triggers_one_that_was_restarted_is_told(wired: tuple[Stage, list[GenicamCamera]]) -> None:
    stage, made = wired
    made.append(at(stage, trigger_source="Software"))
    made[0].open()
    stage.write(CONTROL_PRIVILEGE, 0)
    with pytest.raises(Disconnected, match="ours no more"):
        made[0].read(5.0)


def test_a_picture_of_another_pixel_format_is_an_error(wired: tuple[Stage, list[GenicamCamera]]) -> None:
    stage, made = wired
    made.append(at(stage))
    made[0].open()
    made[0].read(1.0)
    stage.write(PIXEL_FORMAT, BAYER_RG8)
    with pytest.raises(RemoteProtocolError, match=r"0x01080009 came, not 512x256 of 0x01080001 \(Mono8\)"):
        read_on(made[0])


@pytest.mark.parametrize("seen_in_time", [True, False])
def test_one_that_another_program_controls_is_busy_and_left_alone(
    wired: tuple[Stage, list[GenicamCamera]], monkeypatch: pytest.MonkeyPatch, seen_in_time: bool
) -> None:
    stage, made = wired
    made += [at(stage), at(stage)]
    made[0].open()
    first = made[0].read(1.0).sequence
    if not seen_in_time:
        # It was free when asked, and taken before Aravis opened it.
        monkeypatch.setattr(gvcp, "controlled", lambda address: False)
    begun = time.monotonic()
    with pytest.raises(PortBusy, match="controlled by another program"):
        made[1].open()
    if seen_in_time:
        assert time.monotonic() - begun < 2.0
    assert made[0].read(1.0).sequence > first
    made[0].close()
    made[1].open()
    made[1].read(1.0)


@pytest.mark.parametrize("call", ["camera_set_region", "camera_start_acquisition"])
def test_one_that_is_pulled_while_it_is_opened_is_disconnected(
    wired: tuple[Stage, list[GenicamCamera]], monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    stage, made = wired
    real = aravis.Aravis.call

    def pulled(self: aravis.Aravis, name: str, *arguments: Any) -> Any:
        if name == call:
            stage.unplug()
        return real(self, name, *arguments)

    monkeypatch.setattr(aravis.Aravis, "call", pulled)
    made.append(at(stage))
    begun = time.monotonic()
    with pytest.raises(Disconnected):
        made[0].open()
    assert time.monotonic() - begun < 7.0, "looking for it, Aravis' five attempts, and 2 s of letting it go"


# --- asking past Aravis ------------------------------------------------------------------------------------------

ANSWER = bytes.fromhex("0000 0085 0008 0001 00000a00")


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (ANSWER + b"\0\0\0\2", True),
        (ANSWER + b"\0\0\0\1", True),
        (ANSWER + b"\0\0\0\0", False),
        (bytes.fromhex("8006 0085 0000 0001"), True),  # access denied: controlled exclusively
        (bytes.fromhex("8001 0085 0000 0001"), False),  # not implemented: it is there
        (ANSWER, None),
        (ANSWER[:7] + b"\2" + ANSWER[8:] + b"\0\0\0\2", None),  # the answer to another question
        (b"\0\0\0\x81" + ANSWER[4:] + b"\0\0\0\2", None),  # to another command
        (ANSWER[:-1] + b"\4" + b"\0\0\0\2", None),  # of another register
        (b"", None),
    ],
)
def test_who_controls_a_camera_over_the_wire(reply: bytes, told: bool | None) -> None:
    def camera() -> None:
        for _ in range(gvcp.TRIES):
            _, asker = line.recvfrom(1024)
            line.sendto(reply, asker)
            if told is not None:
                return

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((HERE, 0))
        answering = threading.Thread(target=camera)
        answering.start()
        assert gvcp.controlled(HERE, line.getsockname()[1]) is told
        answering.join()


def test_one_that_is_silent_or_not_there_is_told_in_time() -> None:
    begun = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((HERE, 0))
        assert gvcp.controlled(HERE, line.getsockname()[1]) is None
        port = line.getsockname()[1]
    assert gvcp.controlled(HERE, port) is None
    assert gvcp.controlled("no address", port) is None
    assert time.monotonic() - begun < 2 * gvcp.TRIES * gvcp.WAIT_S


@given(st.binary(max_size=40))
def test_whatever_is_answered_is_an_answer_or_none(reply: bytes) -> None:
    assert gvcp._told(reply) in (True, False, None)
    assert gvcp._told(ANSWER + reply) in (True, False, None)

"""Faults that need no lane: a bouncing contact, a camera that is none, an OSDP peripheral that is not to be trusted."""

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from drivers.camera.v4l2 import V4l2Camera
from drivers.errors import DriverError, IdentityMismatch
from drivers.inputs.debounce import PulseCounter
from drivers.osdp.board import osdp_board
from drivers.osdp.protocol import Command
from drivers.transport import Transport
from drivers.transport.null_modem import null_modem
from hil.emulator.osdp_pd import KEY, OsdpDevice
from hil.emulator.v4l2_device import NODE, Label, V4l2Device, usb_camera_in
from hil.faults.observed import Observed

_PASSAGES, _POLL_S = 2000, 0.02


async def bounce() -> Observed:
    """Contacts that bounce for 1 to 20 ms at both ends of a passage, polled at 50 Hz with jitter."""
    rng, counter, at = random.Random(10), PulseCounter(), 0.0
    edges: list[tuple[float, bool]] = []
    for _ in range(_PASSAGES):
        for closed in (True, False):
            at += rng.uniform(0.2, 0.5)
            settle = at + rng.uniform(0.001, 0.020)
            edges += [(rng.uniform(at, settle), rng.random() < 0.5) for _ in range(rng.randrange(1, 12))]
            edges.append((settle, closed))
    edges.sort()
    level, place, now = False, 0, 0.0
    while now < edges[-1][0] + 1.0:
        now += _POLL_S * rng.uniform(0.8, 1.2)
        while place < len(edges) and edges[place][0] <= now:
            level, place = edges[place][1], place + 1
        counter.sample(level, now)
    observed = Observed(note=f"{counter.count} of {_PASSAGES} passages counted, each bouncing at both ends")
    observed.demand(counter.count == _PASSAGES, f"{counter.count} passages were counted, {_PASSAGES} were made")
    return observed


async def virtual_camera() -> Observed:
    """In place of the camera: pictures a program makes, another USB device, another unit of the same make."""
    observed, notes = Observed(), []
    with tempfile.TemporaryDirectory() as folder:
        sysfs = usb_camera_in(Path(folder), idVendor="32e4", idProduct="9230", serial="A17")
        for words, label, pinned in (
            ("a loopback", Label(driver=b"v4l2 loopback"), {}),
            ("another device", Label(), {"usb_id": "1d6b:0102"}),
            ("another unit", Label(), {"serial_number": "A18"}),
        ):
            device = V4l2Device(label, monotonic=time.monotonic)
            told = await asyncio.to_thread(_opening, device, sysfs, pinned)
            observed.demand(bool(told), f"{words}: it was taken for the camera")
            observed.demand(not device.streaming, f"{words}: it streams")
            notes.append(f"{words}: {told[:60]}")
    observed.note = "; ".join(notes) + "; one that imitates all three has to answer the order of the light"
    return observed


def _opening(device: V4l2Device, sysfs: Path, pinned: dict[str, Any]) -> str:
    camera = V4l2Camera("camera", NODE, width=64, height=48, fps=30, kernel=device, sysfs=sysfs, **pinned)
    try:
        camera.open()
    except IdentityMismatch as error:
        return error.message
    finally:
        camera.close()
    return ""


async def osdp() -> Observed:
    """A peripheral with another key, with none, with the default key, one that offers no secure channel."""
    observed, notes = Observed(), []
    for words, device in (
        ("another key", OsdpDevice(key=bytes.fromhex("0F1571C947D9E8590CB7ADD6AF7F6798"))),
        ("no key", OsdpDevice(key=None)),
        ("the default key", OsdpDevice(key=None, offers_default=True)),
        ("plain text only", OsdpDevice(has_channel=False)),
    ):
        begun = time.monotonic()
        told = await _refused(device)
        seconds = time.monotonic() - begun
        observed.demand(bool(told), f"{words}: the device was taken")
        observed.demand(not device.done and Command.OUT not in device.asked, f"{words}: it was commanded")
        observed.told_s = max(observed.told_s or 0.0, seconds)
        notes.append(f"{words}: {told[:60]} ({seconds:.1f} s)")
    observed.note = "; ".join(notes)
    return observed


async def _refused(device: OsdpDevice) -> str:
    def connect() -> Transport:
        near, far = null_modem("reader")
        far.answer_with(device.handle)
        return near

    board = osdp_board("reader", connect, key=KEY)()
    try:
        await board.identify()
    except DriverError as error:
        return error.message
    finally:
        board.close()
    return ""


CASES: dict[str, Callable[[], Awaitable[Observed]]] = {case.__name__: case for case in (bounce, virtual_camera, osdp)}

"""`appliance devices`: what is plugged in, and who answers at the ports a lane is configured for. Nothing is moved.

Asked is only who a device is: no output, no lamp and no setting is written, and the control lines of a port stay low.
Not here: whether a device works (`appliance calibrate`, the self-test of a running lane).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from appliance import devices
from appliance.camera_config import GenicamCameraConfig, V4l2CameraConfig
from appliance.config import LaneConfig
from appliance.gate_config import DryContactConfig
from appliance.presence_config import V4l2PresenceConfig
from drivers.errors import DriverError
from drivers.ports import DeviceIdentity

KNOWN_USB: dict[tuple[int, int], str] = {
    (0x0403, 0x6001): "FTDI serial adapter",
    (0x0403, 0x6015): "FTDI serial adapter",
    (0x10C4, 0xEA60): "CP210x serial adapter",
    (0x1A86, 0x7523): "CH340: a serial adapter, or an LCUS relay board (bench only, it stays on when the host dies)",
    (0x2A19, 0x0C05): "Numato relay board (bench only, it stays on when the host dies)",
    (0x16C0, 0x05DF): "HID relay board (not supported)",
}
"""USB vendor and product to what it usually is (linux-usb.org/usb.ids, the makers' pages)."""

NOT_OPENED = "there, not opened"
ASKED_BY_OPENING = "not asked: it tells who it is only when it is opened; run appliance selftest"


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answered for one configured device, or why nobody did."""

    device: str
    port: str
    identity: DeviceIdentity | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Plugged:
    """A serial port or camera of this machine. `path` is the name that stays when something else is plugged in."""

    path: str
    what: str
    serial_number: str | None = None


def plugged(dev: Path = Path("/dev")) -> list[Plugged]:
    """Serial ports and cameras that are here."""
    from serial.tools import list_ports

    stable = {link.resolve(): str(link) for link in sorted(dev.glob("serial/by-path/*"))}
    found = [
        Plugged(
            stable.get(Path(port.device).resolve(), port.device),
            KNOWN_USB.get((port.vid or 0, port.pid or 0), str(port.product or port.description)),
            port.serial_number,
        )
        for port in sorted(list_ports.comports(), key=lambda port: str(port.device))
    ]
    cameras = sorted(dev.glob("v4l/by-path/*-video-index0")) or sorted(dev.glob("video[0-9]*"))
    found += [Plugged(str(path), "camera") for path in cameras]
    return found + [Plugged(one, "GenICam camera", one.rpartition("-")[2] or None) for one in genicam()]


async def ask(lane: LaneConfig) -> list[Answer]:
    """Whoever is configured at a serial port, one after the other. Never raises for a device."""
    gate = lane.gate
    if isinstance(gate, DryContactConfig):
        answers = [await _asked("gate", gate.port, lambda: _board(gate))]
    else:
        answers = [Answer("gate", gate.port, None, ASKED_BY_OPENING)]
    lights = zip(lane.illumination.values(), devices.illuminators(lane).items(), strict=True)
    for light, (name, illuminator) in lights:
        answers.append(await _asked(f"illumination.{name}", light.port, illuminator.probe))
    return answers


def cameras(lane: LaneConfig) -> list[Answer]:
    """Whether real cameras are there; opening one would take it from whoever uses it."""
    named = {f"cameras.{name}": one for name, one in lane.cameras.all.items()} | {"presence": lane.presence}
    answers = [
        Answer(name, one.path, None, NOT_OPENED if Path(one.path).exists() else f"{one.path} is not there")
        for name, one in named.items()
        if isinstance(one, V4l2CameraConfig | V4l2PresenceConfig)
    ]
    here = genicam()
    return answers + [
        Answer(name, one.camera_id, None, NOT_OPENED if one.camera_id in here else "it does not answer")
        for name, one in named.items()
        if isinstance(one, GenicamCameraConfig)
    ]


def genicam() -> list[str]:
    """Ids of the GenICam cameras that answer now; none without Aravis."""
    from drivers.camera.genicam import aravis

    try:
        return aravis.load().devices()
    except aravis.NoAravis:
        return []


async def _board(gate: DryContactConfig) -> DeviceIdentity:
    board = devices.gate_board(gate)()
    try:
        return await board.identify()
    finally:
        board.close()


async def _asked(device: str, port: str, who: Callable[[], Awaitable[DeviceIdentity]]) -> Answer:
    try:
        return Answer(device, port, await who())
    except DriverError as error:
        return Answer(device, port, None, str(error))

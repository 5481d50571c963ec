"""From configuration to drivers. Production kinds are built here; simulated ones come from the configured module."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never, cast

from appliance.camera_config import CameraConfig, GenicamCameraConfig, V4l2CameraConfig
from appliance.claim_config import OsdpCardConfig, PcscReaderConfig, SimulatedReaderConfig, WalkUpConfig
from appliance.clock import SystemClock
from appliance.config import ConfigError, LaneConfig
from appliance.gate_config import (
    AuthorisationConfig,
    DryContactConfig,
    GateIoConfig,
    IcpDasConfig,
    LcusConfig,
    LotConfig,
    MoxaConfig,
    NumatoConfig,
    OsdpConfig,
    R421A08Config,
    UhppoteConfig,
    WaveshareConfig,
)
from appliance.presence_config import PresenceConfig, RigPresenceConfig
from drivers.document.pcsc import PcscChip, scard
from drivers.document.reader import ZoneAndChip
from drivers.errors import DriverError
from drivers.gate import DryContactGate, DryContactWiring, waveshare_board
from drivers.gate.board import RelayBoard
from drivers.gate.gate_io.driver import open_gate_io_gate
from drivers.gate.icpdas.board import icpdas_board
from drivers.gate.lcus.board import lcus_board
from drivers.gate.lot.driver import open_lot_gate
from drivers.gate.moxa.board import moxa_board
from drivers.gate.numato.board import numato_board
from drivers.gate.r421a08.board import r421a08_board
from drivers.gate.split_board import split
from drivers.gate.uhppote.driver import UhppoteWiring, open_uhppote_gate
from drivers.illumination.exposure_sync.driver import ExposureSyncIlluminator
from drivers.osdp.board import osdp_board
from drivers.osdp.keys import KeyRefused, KeyStore
from drivers.osdp.reader import OsdpReader
from drivers.ports import Camera, DocumentReader, Door, Gate, PresenceSensor

if TYPE_CHECKING:
    from drivers.sensing import DepthSource


def gate(config: LaneConfig) -> Gate:
    """The gate of a lane; a turnstile has no entry door. Raises ConfigError."""
    given = config.gate
    try:
        match given:
            case LotConfig():
                return open_lot_gate("gate", given.port, unit=given.unit, way=given.way)
            case UhppoteConfig():
                wiring = UhppoteWiring(**given.model_dump(include={"entry", "exit", "occupied", "passage"}))
                return open_uhppote_gate("gate", given.port, given.serial, wiring=wiring)
            case AuthorisationConfig():
                from drivers.gate.authorisation.driver import AuthorisationGate
                from drivers.gate.authorisation.token import load_key

                how = given.model_dump(include={"audience", "life_s"})
                key, wall = load_key(given.key), SystemClock().now
                return AuthorisationGate(
                    "gate", given.port, lane_id=config.lane_id, key=key, wall=lambda: wall().timestamp(), **how
                )
            case GateIoConfig():
                how = given.model_dump(include={"baudrate", "parity", "unit", "watchdog_s"})
                return open_gate_io_gate("gate", given.port, key=_key(given.key), **how)
            case _:
                return DryContactGate("gate", gate_board(given), _wiring(config, given))
    except (ValueError, OSError) as error:
        raise ConfigError(f"gate: {error}") from error


def _key(path: Path | None) -> str | None:
    return None if path is None else path.read_text(encoding="ascii").strip()


def _wiring(config: LaneConfig, given: DryContactConfig) -> DryContactWiring:
    numbers = given.wiring.model_dump()
    if config.topology == "turnstile":
        numbers |= {"entry_release": None, "entry_closed": None, "entry_mirror": None}
    try:
        return DryContactWiring(**numbers)
    except ValueError as error:
        raise ConfigError(f"gate.wiring: {error}") from error


def doors(config: LaneConfig) -> tuple[Door, ...]:
    """The doors a lane can release; none where a release is an authorisation."""
    if config.gate.kind == "authorisation":
        return ()
    return (Door.EXIT,) if config.topology == "turnstile" else tuple(Door)


def gate_board(given: DryContactConfig) -> Callable[[], RelayBoard]:
    """What opens the ports of the gate's relay board and gives the board, to be asked who it is. Raises ConfigError."""
    outputs, sensors = _relays(given), given.inputs
    if sensors is None:
        return outputs
    inputs = waveshare_board("gate.inputs", sensors.port, baudrate=sensors.baudrate, unit=sensors.unit)
    return lambda: split(outputs, inputs)


def _relays(given: DryContactConfig) -> Callable[[], RelayBoard]:
    match given:
        case WaveshareConfig():
            return waveshare_board("gate", given.port, baudrate=given.baudrate, unit=given.unit)
        case IcpDasConfig():
            return icpdas_board(
                "gate",
                given.port,
                baudrate=given.baudrate,
                unit=given.unit,
                watchdog_s=given.watchdog_s,
                prove_watchdog=given.prove_watchdog,
            )
        case MoxaConfig():
            how = given.model_dump(include={"baudrate", "unit", "watchdog_s", "prove_watchdog"})
            return moxa_board("gate", given.port, **how)
        case R421A08Config():
            return r421a08_board("gate", given.port, unit=given.unit)
        case LcusConfig():
            return lcus_board("gate", given.port, relays=given.relays)
        case NumatoConfig():
            return numato_board("gate", given.port, relays=given.relays, inputs=given.pins, module_id=given.module_id)
        case OsdpConfig():
            try:
                key = KeyStore(given.keys).key("gate")
            except KeyRefused as error:
                raise ConfigError(f"gate.keys: {error.message}") from error
            how = given.model_dump(include={"baudrate", "address", "outputs"})
            return osdp_board("gate", given.port, key=key, inputs=given.pins, **how)
        case _:
            assert_never(given)


def illuminators(config: LaneConfig) -> dict[str, ExposureSyncIlluminator]:
    """The switched illumination of a lane, by the camera it follows."""
    return {
        camera: ExposureSyncIlluminator(
            f"illumination.{camera}", light.port, light.baudrate, delay_us=light.delay_us, pulses=light.pulses
        )
        for camera, light in config.illumination.items()
    }


def camera(device: str, config: CameraConfig, module: str | None) -> Camera:
    """One camera. Raises ConfigError, also when it is simulated and no module is named."""
    if isinstance(config, V4l2CameraConfig):
        from drivers.camera.v4l2 import V4l2Camera

        try:
            return V4l2Camera(device, **config.model_dump(exclude={"kind", "reference"}))
        except ValueError as error:
            raise ConfigError(f"{device}: {error}") from error
    if isinstance(config, GenicamCameraConfig):
        from drivers.camera.genicam import GenicamCamera

        return GenicamCamera(device, **config.model_dump(exclude={"kind", "reference"}))
    try:
        return cast(Camera, _simulated(module).camera(device, config.options))
    except ValueError as error:
        raise ConfigError(str(error)) from error


def depth_source(config: PresenceConfig, module: str | None) -> "DepthSource":
    """What the presence sensor gets its depths from. Raises ConfigError."""
    from drivers.camera.v4l2 import V4l2Camera
    from drivers.camera.v4l2.pixels import DEPTH
    from drivers.sensing.v4l2_depth import V4l2DepthSource

    try:
        if isinstance(config, RigPresenceConfig):
            return cast("DepthSource", _simulated(module).depth_source("presence", config.options))
        optics = config.optics
        given = config.model_dump(include={"path", "fps", "usb_id", "serial_number"})
        camera = V4l2Camera("presence", width=optics.width, height=optics.height, pixel_format=DEPTH, **given)
        return V4l2DepthSource(camera, optics.width, optics.height, unit_m=config.unit_m)
    except ValueError as error:
        raise ConfigError(f"presence: {error}") from error


def presence(config: LaneConfig) -> PresenceSensor | None:
    """The presence sensor of a lane that has one. Raises ConfigError, also when its floor is not measured."""
    given = config.presence
    if given is None:
        return None
    from drivers.sensing import Area, Floor, Optics, OverheadDepth

    try:
        floor, serial_number = Floor.load(given.floor)
    except (OSError, ValueError) as error:
        raise ConfigError(f"presence.floor: {given.floor}: {error}; measure it: appliance floor") from error
    if (floor.optics, floor.area) != (Optics(**given.optics.model_dump()), Area(*given.area)):
        raise ConfigError("presence.floor: measured with other optics or for another area; run appliance floor again")
    source = depth_source(given, config.simulation.module if config.simulation else None)
    return OverheadDepth("presence", source, floor, serial_number=serial_number)


def reader(config: LaneConfig) -> DocumentReader | OsdpReader | None:
    """What people show at a lane: a reader of documents or cards, None where they show nothing. Raises ConfigError."""
    match config.document_reader:
        case SimulatedReaderConfig() as given:
            module = config.simulation.module if config.simulation else None
            try:
                return cast(DocumentReader, _simulated(module).document_reader("document_reader", given.options))
            except ValueError as error:
                raise ConfigError(f"document_reader: {error}") from error
        case PcscReaderConfig() as given:
            try:
                chip = PcscChip("document_reader", given.reader, scard())
            except DriverError as error:
                raise ConfigError(f"document_reader: {error.message}") from error
            return ZoneAndChip(given.zone.build("document_reader.zone"), chip)
        case OsdpCardConfig() as given:
            try:
                key = KeyStore(given.keys).key("document_reader")
            except KeyRefused as error:
                raise ConfigError(f"document_reader.keys: {error.message}") from error
            how = given.model_dump(include={"baudrate", "address", "serial_number"})
            return OsdpReader("document_reader", given.port, key=key, **how)
        case WalkUpConfig():
            return None


def reader_kind(config: LaneConfig) -> str | None:
    """What people show at a lane, None where they show nothing."""
    return None if isinstance(config.document_reader, WalkUpConfig) else config.document_reader.kind


def _simulated(module: str | None) -> Any:
    if module is None:
        raise ConfigError("a simulated device needs [simulation] module, which a production lane cannot have")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"the simulation module {module} cannot be loaded: {error}") from error

"""From configuration to drivers. Production kinds are built here; simulated ones come from the configured module."""

import importlib
from collections.abc import Callable
from typing import Any, cast

from appliance.config import CameraConfig, ConfigError, LaneConfig, OpenCvCameraConfig, SimulatedConfig
from drivers.gate import DryContactWiring, open_waveshare_gate, waveshare_board
from drivers.gate.board import RelayBoard
from drivers.illumination.exposure_sync.driver import ExposureSyncIlluminator
from drivers.ports import Camera, DocumentReader, Door, Gate


def gate(config: LaneConfig) -> Gate:
    """The gate of a lane; a turnstile has no entry door. Raises ConfigError."""
    given = config.gate.wiring.model_dump()
    if config.topology == "turnstile":
        given |= {"entry_release": None, "entry_closed": None, "entry_mirror": None}
    port, baudrate, unit = config.gate.port, config.gate.baudrate, config.gate.unit
    try:
        return open_waveshare_gate("gate", port, baudrate=baudrate, unit=unit, wiring=DryContactWiring(**given))
    except ValueError as error:
        raise ConfigError(f"gate.wiring: {error}") from error


def doors(config: LaneConfig) -> tuple[Door, ...]:
    """The doors a lane can release."""
    return (Door.EXIT,) if config.topology == "turnstile" else tuple(Door)


def gate_board(config: LaneConfig) -> Callable[[], RelayBoard]:
    """What opens the port of the gate's relay board and gives the board, to be asked who it is."""
    return waveshare_board("gate", config.gate.port, baudrate=config.gate.baudrate, unit=config.gate.unit)


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
    if isinstance(config, OpenCvCameraConfig):
        from drivers.camera.opencv import OpenCvCamera

        given = config.model_dump(include={"width", "height", "fps", "exposure_us"})
        try:
            return OpenCvCamera(device, config.path, **given)
        except ValueError as error:
            raise ConfigError(f"{device}: {error}") from error
    try:
        return cast(Camera, _simulated(module).camera(device, config.options))
    except ValueError as error:
        raise ConfigError(str(error)) from error


def document_reader(config: LaneConfig) -> DocumentReader:
    """The document reader of a lane. Raises ConfigError."""
    reader: SimulatedConfig = config.document_reader
    module = config.simulation.module if config.simulation else None
    try:
        return cast(DocumentReader, _simulated(module).document_reader("document_reader", reader.options))
    except ValueError as error:
        raise ConfigError(f"document_reader: {error}") from error


def _simulated(module: str | None) -> Any:
    if module is None:
        raise ConfigError("a simulated device needs [simulation] module, which a production lane cannot have")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"the simulation module {module} cannot be loaded: {error}") from error

"""From configuration to drivers. Production kinds are built here; simulated ones come from the configured module."""

import importlib
from typing import Any, cast

from appliance.config import CameraConfig, ConfigError, LaneConfig, OpenCvCameraConfig, SimulatedConfig
from drivers.gate import DryContactWiring, open_waveshare_gate
from drivers.illumination.exposure_sync.driver import ExposureSyncIlluminator
from drivers.ports import Camera, DocumentReader, Gate, Illuminator


def gate(config: LaneConfig) -> Gate:
    """The gate of a lane; a turnstile has no entry door. Raises ConfigError."""
    given = config.gate.wiring.model_dump()
    if config.topology == "turnstile":
        given |= {"entry_release": None, "entry_closed": None, "entry_mirror": None}
    try:
        wiring = DryContactWiring(**given)
    except ValueError as error:
        raise ConfigError(f"gate.wiring: {error}") from error
    return open_waveshare_gate(
        "gate", config.gate.port, baudrate=config.gate.baudrate, unit=config.gate.unit, wiring=wiring
    )


def illuminator(config: LaneConfig) -> Illuminator:
    """The switched illumination of a lane."""
    return ExposureSyncIlluminator("illumination", config.illumination.port, config.illumination.baudrate)


def camera(device: str, config: CameraConfig, module: str | None) -> Camera:
    """One camera. Raises ConfigError when it is simulated and no module is named."""
    if isinstance(config, OpenCvCameraConfig):
        from drivers.camera.opencv import OpenCvCamera

        try:
            return OpenCvCamera(device, config.path, width=config.width, height=config.height, fps=config.fps)
        except ValueError as error:
            raise ConfigError(f"{device}: {error}") from error
    return cast(Camera, _simulated(module).camera(device, config.options))


def document_reader(config: LaneConfig) -> DocumentReader:
    """The document reader of a lane."""
    reader: SimulatedConfig = config.document_reader
    module = config.simulation.module if config.simulation else None
    return cast(DocumentReader, _simulated(module).document_reader("document_reader", reader.options))


def _simulated(module: str | None) -> Any:
    if module is None:
        raise ConfigError("a simulated device needs [simulation] module, which a production lane cannot have")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"the simulation module {module} cannot be loaded: {error}") from error

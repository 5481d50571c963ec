"""The configuration of one lane: a TOML file, checked whole before anything starts.

An unknown key is an error, and all problems are listed together. A production profile refuses everything simulated:
pre-recorded images in productive operation are an attack vector (ICAO 9303-2 appendix C.1).
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appliance.core.policy import TIMEOUTS, Policy
from appliance.core.types import MANDATORY, CheckName, Topology


class ConfigError(Exception):
    """The lane must not start with this configuration. The message lists every problem."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyConfig(_Section):
    """What a site may set. Time-outs in seconds by phase."""

    require_chip: bool = True
    require_guard: bool = True
    document_attempts: Annotated[int, Field(ge=1, le=5)] = 2
    release_s: Annotated[float, Field(ge=0.1, le=5.0)] = 0.5
    release_hold_s: Annotated[float, Field(ge=1.0, le=60.0)] = 8.0
    timeouts: dict[str, Annotated[float, Field(gt=0.5, le=600.0)]] = {}

    @model_validator(mode="after")
    def _known_phases(self) -> "PolicyConfig":
        unknown = sorted(set(self.timeouts) - set(TIMEOUTS))
        if unknown:
            raise ValueError(f"no phase is called {', '.join(unknown)}; there are {', '.join(TIMEOUTS)}")
        return self


class WiringConfig(_Section):
    """Relays and inputs of the gate, numbered from 0 on the board; None means not wired."""

    entry_release: int | None = 0
    exit_release: int = 1
    entry_closed: int | None = 0
    exit_closed: int = 1
    occupied: int = 2
    passage: int = 3
    out_of_service: int | None = 4
    emergency: int | None = 5
    entry_mirror: int | None = 6
    exit_mirror: int | None = 7
    active_low: frozenset[int] = frozenset()


class GateConfig(_Section):
    """A gate behind dry contacts on a Waveshare Modbus RTU Relay (D)."""

    kind: Literal["waveshare_dry_contact"] = "waveshare_dry_contact"
    port: str
    baudrate: Literal[4800, 9600, 19200, 38400, 57600, 115200] = 9600
    unit: Annotated[int, Field(ge=1, le=247)] = 1
    poll_hz: Annotated[float, Field(ge=5, le=50)] = 20.0
    wiring: WiringConfig = WiringConfig()


class IlluminationConfig(_Section):
    """An exposure-synchronised LED controller. `bands` are all required: without one the lane stays out of service."""

    kind: Literal["exposure_sync"] = "exposure_sync"
    port: str
    baudrate: int = 115200
    bands: Annotated[tuple[str, ...], Field(min_length=1)] = ("850", "940")


class OpenCvCameraConfig(_Section):
    """A V4L2 camera through OpenCV, named by its path under /dev."""

    kind: Literal["opencv"]
    path: str
    width: int = 640
    height: int = 480
    fps: int = 30


class SimulatedConfig(_Section):
    """A device of the simulated rig."""

    kind: Literal["rig"]
    options: dict[str, Any] = {}


CameraConfig = Annotated[OpenCvCameraConfig | SimulatedConfig, Field(discriminator="kind")]


class CamerasConfig(_Section):
    """The two cameras of the lane, mounted so that their pixels coincide."""

    rgb: CameraConfig
    nir: CameraConfig


class FaceConfig(_Section):
    """The matcher: a pack of the catalogue, or "auto" for the best one that is here."""

    pack: Literal["auto", "open-omz", "pypi-dlib"] = "auto"
    models_dir: Path = Path("var/models")


class LivenessConfig(_Section):
    """The grey reference in view: (x, y, width, height) in pixels and its reflectance."""

    reference_patch: tuple[int, int, int, int]
    reference_reflectance: Annotated[float, Field(gt=0.05, lt=1.0)] = 0.5


class SimulationConfig(_Section):
    """The module that builds the rig's devices. Only a simulated lane has one."""

    module: str


class LaneConfig(_Section):
    """One lane."""

    lane_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    profile: Literal["production", "simulated"]
    topology: Topology = Topology.MANTRAP
    state_dir: Path
    control_socket: Path
    policy: PolicyConfig = PolicyConfig()
    gate: GateConfig
    illumination: IlluminationConfig
    cameras: CamerasConfig
    document_reader: SimulatedConfig
    face: FaceConfig = FaceConfig()
    liveness: LivenessConfig
    simulation: SimulationConfig | None = None

    @model_validator(mode="after")
    def _profile(self) -> "LaneConfig":
        simulated = [
            name
            for name, section in (
                ("cameras.rgb", self.cameras.rgb),
                ("cameras.nir", self.cameras.nir),
                ("document_reader", self.document_reader),
            )
            if isinstance(section, SimulatedConfig)
        ]
        problems = []
        if self.profile == "production":
            problems += [f"{name}: a simulated device in a production lane" for name in simulated]
            problems += ["simulation: a production lane has no such section"] if self.simulation else []
            problems += [] if self.policy.require_chip else ["policy.require_chip: a production lane reads the chip"]
            problems += [] if self.policy.require_guard else ["policy.require_guard: a production lane is watched"]
        elif simulated and self.simulation is None:
            problems.append('simulation: missing; a simulated lane names its module, e.g. module = "hil.devices"')
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def simulated(self) -> bool:
        """Whether this lane may run on simulated devices; shown on every screen."""
        return self.profile == "simulated"

    def core_policy(self) -> Policy:
        """The policy as the core takes it."""
        without_chip = frozenset() if self.policy.require_chip else frozenset({CheckName.DOCUMENT_AUTHENTICITY})
        return Policy(
            topology=self.topology,
            mandatory=MANDATORY - without_chip,
            timeouts={**TIMEOUTS, **self.policy.timeouts},
            document_attempts=self.policy.document_attempts,
            release_s=self.policy.release_s,
            release_hold_s=self.policy.release_hold_s,
        )


def load(path: Path) -> LaneConfig:
    """Read and check a configuration file. Raises ConfigError naming every problem."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    try:
        return LaneConfig.model_validate(raw)
    except ValidationError as error:
        lines = [f"  {_place(problem['loc'])}: {_message(problem)}" for problem in error.errors()]
        count = len(lines)
        raise ConfigError(f"{path} has {count} problem{'s' * (count > 1)}:\n" + "\n".join(lines)) from error


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the whole file"


def _message(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown key; remove it or correct its spelling"
    return str(problem["msg"]).removeprefix("Value error, ")

"""The configuration of one lane: a TOML file, checked whole before anything starts.

An unknown key is an error, and all problems are listed together. A production profile refuses everything simulated:
pre-recorded images in productive operation are an attack vector (ICAO 9303-2 appendix C.1).
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from appliance import sites
from appliance.camera_config import SWITCHED, CamerasConfig, RigCameraConfig
from appliance.claim_config import CLAIM_KINDS, ClaimConfig, GalleryConfig, SimulatedReaderConfig, TrustConfig
from appliance.core.policy import TIMEOUTS, Policy
from appliance.core.types import MANDATORY, OF_DOCUMENT, CheckName, Claim, Topology
from appliance.gate_config import GATE_KINDS, GateConfig
from appliance.liveness.channels import CHANNELS, band_set
from appliance.liveness.plan import LONGEST_MS, burst_ms
from appliance.models.catalogue import AUTO, PACKS
from appliance.presence_config import PresenceConfig, RigPresenceConfig
from appliance.section import Section
from appliance.sites import Site
from drivers.gate.bench import objection

S = TypeVar("S", bound=Section)

WAVELENGTH_OFF_NM = 20
"""How far from its channel's an LED's wavelength may lie."""


class ConfigError(Exception):
    """The lane must not start with this configuration. The message lists every problem."""


class PolicyConfig(Section):
    """What a site may set. Time-outs in seconds by phase."""

    require_chip: bool = True
    require_guard: bool = True
    document_attempts: Annotated[int, Field(ge=1, le=5)] = 2
    retries: Annotated[int, Field(ge=0, le=5)] = 2
    release_s: Annotated[float, Field(ge=0.1, le=5.0)] = 0.5
    release_hold_s: Annotated[float, Field(ge=1.0, le=60.0)] = 8.0
    timeouts: dict[str, Annotated[float, Field(gt=0.5, le=600.0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_phases(self) -> "PolicyConfig":
        unknown = sorted(set(self.timeouts) - set(TIMEOUTS))
        if unknown:
            raise ValueError(f"no phase is called {', '.join(unknown)}; there are {', '.join(TIMEOUTS)}")
        return self


class BandConfig(Section):
    """One band of the illumination; its name is its key. What is left out is as the channel of that name has it.

    `exposure_us` is the light of one exposure, `axis` says that there is an LED on the camera's axis beside those left
    and right; `current_ma` and `power_mw` (radiant, per LED) are for the record.
    """

    wavelength_nm: Annotated[int, Field(ge=700, le=1700)] | None = None
    width_nm: Annotated[int, Field(ge=1, le=200)] | None = None
    exposure_us: Annotated[int, Field(ge=1, le=100_000)] = 4000
    axis: bool = False
    current_ma: Annotated[float, Field(gt=0)] | None = None
    power_mw: Annotated[float, Field(gt=0)] | None = None


class IlluminationConfig(Section):
    """The LED controller that follows one switched camera. All its bands are required: without one no traveller enters.

    `burst_ms` is how long one burst may take; longer than 300 only where the site says so.
    """

    kind: Literal["exposure_sync"] = "exposure_sync"
    port: str
    baudrate: int = 115200
    delay_us: Annotated[int, Field(ge=0, le=100_000)] = 100
    burst_ms: Annotated[float, Field(gt=0, le=3000)] = LONGEST_MS
    bands: Annotated[dict[str, BandConfig], Field(min_length=1)]

    @property
    def pulses(self) -> dict[str, int]:
        """Light of one exposure by LED, us; its keys are the LEDs in use."""
        return {
            led: band.exposure_us
            for name, band in self.bands.items()
            for led in (*CHANNELS[name].leds, *((f"{name}C",) if band.axis else ()))
        }

    def problems(self, camera: str, fps: float) -> list[str]:
        """What cannot be with this camera at this rate."""
        found = [problem for name, band in self.bands.items() for problem in _of_band(name, band, camera)]
        if found:
            return found
        takes = burst_ms(tuple(self.pulses), fps)
        if takes > self.burst_ms + 1:
            found.append(
                f"a burst of {len(self.pulses)} LEDs takes {takes:.0f} ms at {fps:g} frames per second, "
                f"{self.burst_ms:.0f} are allowed: fewer bands, a faster camera, or a longer burst_ms"
            )
        if self.delay_us + max(self.pulses.values()) > 1e6 / fps:
            found.append(f"exposure_us is longer than a frame at {fps:g} frames per second")
        return found


def _of_band(name: str, band: BandConfig, camera: str) -> list[str]:
    channel = CHANNELS.get(name)
    if channel is None or channel.camera != camera or channel.wavelength_nm is None:
        known = ", ".join(one.name for one in CHANNELS.values() if one.camera == camera)
        return [f"bands.{name}: the {camera} camera has no such band; there are {known}"]
    off = abs((band.wavelength_nm or channel.wavelength_nm) - channel.wavelength_nm)
    if off > WAVELENGTH_OFF_NM:
        return [f"bands.{name}: {band.wavelength_nm} nm is {off} nm off; the detector knows {channel.wavelength_nm} nm"]
    return []


class FaceConfig(Section):
    """The matcher: a pack of the catalogue, or "auto" for the best one that is here and free for every use.

    `accept_non_commercial` names packs that may be used here although their licence forbids commercial use.
    `masks`: what is done about a medical mask. "ask_to_remove" asks twice and then calls an officer; "ignore" does not
    look for one, and leaves it to the other checks; "allow" compares with one on, by a threshold of its own, and not at
    a border. None of them makes the liveness check more lenient.
    """

    pack: str = AUTO
    accept_non_commercial: tuple[str, ...] = ()
    models_dir: Path = Path("var/models")
    masks: Literal["ask_to_remove", "ignore", "allow"] = "ask_to_remove"

    @model_validator(mode="after")
    def _pack(self) -> "FaceConfig":
        named = [name for name in (self.pack, *self.accept_non_commercial) if name != AUTO]
        if unknown := sorted(set(named) - set(PACKS)):
            raise ValueError(f"no matcher pack is called {', '.join(unknown)}; there are {', '.join(PACKS)}")
        record = PACKS.get(self.pack)
        if record is not None and (refused := record.objection(self.accept_non_commercial)):
            raise ValueError(refused)
        return self


class CalibrationConfig(Section):
    """What `appliance calibrate` has measured. Without a file the bands are watched, but not for drift.

    `drift` is the share by which an LED may differ from its calibration; `required` keeps the lane closed without a
    calibration younger than `max_age_days`.
    """

    file: Path | None = None
    max_age_days: Annotated[float, Field(gt=0, le=3650)] = 180.0
    drift: Annotated[float, Field(gt=0.02, lt=1.0)] = 0.20
    required: bool = False


class DemandConfig(Section):
    """What must be known of the installed bands before the lane starts.

    `species` to the highest upper bound (95 %) of its APCER; `kind` "measured" is met by measured claims alone.
    """

    species: Annotated[dict[str, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
    kind: Literal["measured", "simulated"] = "measured"


class LivenessConfig(Section):
    """The detector: a file, or a folder with one file for each band set; None for the one of the package.

    `shadow` is a second one of the same form, or the cue in visible light, that judges every capture after the decision
    and is recorded beside it; it decides nothing. `claims` is a folder with the site's own claims. `upper` is a folder
    of detectors for the upper half of faces in medical masks; its claims lie in the folder `upper` of `claims`.
    """

    detector: Path | None = None
    upper: Path | None = None
    shadow: Literal["rgb-cue"] | Path | None = None
    claims: Path | None = None
    demand: DemandConfig | None = None


class SimulationConfig(Section):
    """The module that builds the rig's devices. Only a simulated lane has one."""

    module: str


class RealtimeConfig(Section):
    """SCHED_FIFO for the controller, off unless the section is there."""

    priority: Annotated[int, Field(ge=1, le=80)] = 10


class LaneConfig(Section):
    """One lane. `commissioning` is the file that says what its doors do without power and in a fire."""

    lane_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    profile: Literal["production", "simulated"]
    site: Site = Site.BORDER
    topology: Topology = Topology.MANTRAP
    state_dir: Path
    control_socket: Path
    commissioning: Path | None = None
    policy: PolicyConfig = PolicyConfig()
    gate: GateConfig
    illumination: Annotated[dict[Literal["nir", "swir"], IlluminationConfig], Field(min_length=1)]
    cameras: CamerasConfig
    calibration: CalibrationConfig = CalibrationConfig()
    document_reader: ClaimConfig
    trust: TrustConfig | None = None
    gallery: GalleryConfig | None = None
    presence: PresenceConfig | None = None
    face: FaceConfig = FaceConfig()
    liveness: LivenessConfig = LivenessConfig()
    realtime: RealtimeConfig | None = None
    simulation: SimulationConfig | None = None

    @model_validator(mode="after")
    def _profile(self) -> "LaneConfig":
        simulated = [f"cameras.{name}" for name, one in self.cameras.all.items() if isinstance(one, RigCameraConfig)]
        simulated += ["document_reader"] if isinstance(self.document_reader, SimulatedReaderConfig) else []
        simulated += ["presence"] if isinstance(self.presence, RigPresenceConfig) else []
        problems = []
        if self.profile == "production":
            problems += [f"{name}: a simulated device in a production lane" for name in simulated]
            problems += ["simulation: a production lane has no such section"] if self.simulation else []
            chip = self.policy.require_chip or self.document_reader.claim is not Claim.DOCUMENT
            problems += [] if chip else ["policy.require_chip: a production lane proves the chip genuine"]
            if self.site is Site.BORDER and not self.policy.require_guard:
                problems.append("policy.require_guard: a production lane is watched")
            simulated_claims = self.liveness.demand is not None and self.liveness.demand.kind == "simulated"
            problems += ["liveness.demand.kind: a production lane demands measured claims"] if simulated_claims else []
            problems += [] if self.calibration.file else ["calibration.file: a production lane is calibrated"]
            objected = objection(self.gate.family)
            problems += [f"gate.kind: {objected}"] if objected else []
            missing = "commissioning: a production lane has signed what its doors do without power and in a fire"
            problems += [] if self.commissioning or not sites.KINDS[self.site].doors else [missing]
        elif simulated and self.simulation is None:
            problems.append('simulation: missing; a simulated lane names its module, e.g. module = "hil.devices"')
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _place(self) -> "LaneConfig":
        guarded = self.policy.require_guard
        if found := list(sites.problems(self.site, self.topology, self.gate.kind, guarded=guarded)):
            raise ValueError("; ".join(found))
        return self

    @model_validator(mode="after")
    def _claims(self) -> "LaneConfig":
        claim, gallery = self.document_reader.claim, self.gallery
        problems = []
        if self.face.masks == "allow" and self.site is Site.BORDER:
            problems.append("face.masks: nobody is verified behind a medical mask at a border")
        if claim is not Claim.DOCUMENT and self.site is Site.BORDER:
            problems.append("document_reader.kind: at a border the reference comes from a travel document")
        if claim is Claim.DOCUMENT and self.trust is None:
            problems.append("trust: missing; whose signatures are believed (how to come by a list: docs/trust.md)")
        if claim is not Claim.DOCUMENT and self.trust is not None:
            problems.append("trust: a lane that reads no documents has no use for it")
        if claim is not Claim.DOCUMENT and gallery is None:
            problems.append("gallery: missing; whoever shows no document must be enrolled (docs/galleries.md)")
        if claim is Claim.DOCUMENT and gallery is not None:
            problems.append("gallery: a lane that reads documents has no use for one")
        if claim is Claim.NOBODY and gallery is not None and gallery.identify_threshold is None:
            problems.append("gallery.identify_threshold: missing; how to choose it: docs/galleries.md, section 1:N")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @model_validator(mode="after")
    def _release(self) -> "LaneConfig":
        shortest = self.gate.shortest_release_s
        if self.policy.release_s < shortest:
            raise ValueError(f"policy.release_s: {self.gate.kind} times no release below {shortest:g} s")
        if self.gate.kind == "lot" and self.topology is not Topology.TURNSTILE:
            raise ValueError('topology: a LOT turnstile has no entry door; it is a "turnstile"')
        return self

    @model_validator(mode="after")
    def _banks(self) -> "LaneConfig":
        problems = []
        for name in SWITCHED:
            camera, light = self.cameras.all.get(name), self.illumination.get(name)
            if camera is not None and light is not None:
                problems += [f"illumination.{name}: {problem}" for problem in light.problems(name, camera.fps)]
                if (camera.width, camera.height) != (self.cameras.rgb.width, self.cameras.rgb.height):
                    problems.append(f"cameras.{name}: its pictures must have the size of the rgb camera's")
            elif camera is not None:
                problems.append(f"cameras.{name}: nothing lights it; there is no illumination.{name}")
            elif light is not None:
                problems.append(f"illumination.{name}: there is no cameras.{name} to follow")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def bands(self) -> tuple[str, ...]:
        """Every switched band of the lane, in the order of the channels."""
        installed = {name for light in self.illumination.values() for name in light.bands}
        return tuple(name for name in CHANNELS if name in installed)

    @property
    def band_set(self) -> str:
        """The name of the set of all bands, which a detector and its claims are for."""
        return band_set(self.bands)

    @property
    def simulated(self) -> bool:
        """Whether this lane may run on simulated devices; shown on every screen."""
        return self.profile == "simulated"

    @property
    def _refusals(self) -> dict[str, float]:
        return {"Referred": sites.REFUSED_AFTER_S} if sites.KINDS[self.site].guarded is False else {}

    def core_policy(self) -> Policy:
        """The policy as the core takes it."""
        authenticity = frozenset({CheckName.DOCUMENT_AUTHENTICITY})
        left_out = {
            Claim.DOCUMENT: frozenset() if self.policy.require_chip else authenticity,
            Claim.CARD: authenticity,
            Claim.NOBODY: OF_DOCUMENT,
        }[self.document_reader.claim]
        return Policy(
            topology=self.topology,
            mandatory=MANDATORY - left_out,
            timeouts={**TIMEOUTS, **self._refusals, **self.policy.timeouts},
            document_attempts=self.policy.document_attempts,
            retries=self.policy.retries,
            release_s=self.policy.release_s,
            # An authorisation that was taken holds nothing open.
            release_hold_s=self.policy.release_hold_s if sites.KINDS[self.site].doors else 0.0,
        )


def load(path: Path) -> LaneConfig:
    """Read and check a lane's configuration file. Raises ConfigError naming every problem."""
    return checked(path, read(path), LaneConfig)


def read(path: Path) -> dict[str, Any]:
    """A TOML file as it is. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def checked(path: Path, raw: dict[str, Any], kind: type[S]) -> S:
    """What was read from a file as its configuration. Raises ConfigError naming every problem."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        lines = [f"  {_place(problem['loc'])}: {_message(problem)}" for problem in error.errors()]
        count = len(lines)
        raise ConfigError(f"{path} has {count} problem{'s' * (count > 1)}:\n" + "\n".join(lines)) from error


def _place(location: tuple[int | str, ...]) -> str:
    # Between the section and the key stands the kind: it is no part of the file's own path.
    hidden = ("[key]", *GATE_KINDS, *CLAIM_KINDS)
    return ".".join(str(part) for part in location if part not in hidden) or "the whole file"


def _message(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "unknown key; remove it or correct its spelling"
    return str(problem["msg"]).removeprefix("Value error, ")

"""The appliance's configuration for a rig: it names ports and a socket, and nothing else of the simulated world."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from appliance.core.types import Claim, Topology
from appliance.liveness.channels import CHANNELS
from appliance.models.manager import State, check_pack, chosen_pack
from appliance.sites import Site
from hil.emulator.exposure_sync import DELAY_US, EXPOSURE_US
from hil.rig.trust import fingerprint
from hil.scene import NIR, REFERENCE_REFLECTANCE
from hil.scene.stage import LANE
from hil.sim.depth import OPTICS

LANE_ID = "lane-1"
AUDIENCE = "till-1"
"""Who acts on a simulated point's authorisations."""
_STRICTER = 0.05
"""How much stricter than a comparison a search is judged; ten people are enrolled."""
AXIS = "850"
"""The band with an LED on the camera's axis."""


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """What a rig leaves open about its lane. `timeouts` are seconds by phase, over the policy's own.

    `bands` are installed; `calibration` is the lane's calibration file, None for a lane that has none; `liveness`
    stands in its section as it is here; `presence` puts a depth sensor above the lane. At an `unattended_point` a
    receiver of authorisations stands in for the doors. People say who they are by `claim`: with a card, or by nothing,
    there is a gallery of the cast.
    """

    topology: Topology = Topology.MANTRAP
    pack: str = "auto"
    models_dir: Path = Path("var/models")
    timeouts: Mapping[str, float] = field(default_factory=dict)
    bands: tuple[str, ...] = NIR
    calibration: Path | None = None
    liveness: Mapping[str, object] = field(default_factory=dict)
    presence: bool = True
    site: Site = Site.BORDER
    claim: Claim = Claim.DOCUMENT

    @property
    def masks(self) -> Mapping[str, str]:
        """An office verifies people in medical masks, where matcher and detector can."""
        if self.site is not Site.OFFICE:
            return {}
        pack = chosen_pack(self.pack, self.models_dir)
        able = pack.masked is not None and check_pack("medical-mask", self.models_dir).state is State.READY
        return {"masks": "allow"} if able else {}

    @property
    def leds(self) -> dict[str, tuple[str, ...]]:
        """The LEDs of the installed bands by camera; one band has a third on the camera's axis."""
        found: dict[str, tuple[str, ...]] = {}
        for band in self.bands:
            channel = CHANNELS[band]
            of_band = (*channel.leds, f"{band}C") if band == AXIS else channel.leds
            found[channel.camera] = (*found.get(channel.camera, ()), *of_band)
        return found


@dataclass(frozen=True, slots=True)
class RigPaths:
    """Every path of a rig, all below one directory."""

    directory: Path

    @property
    def gate(self) -> Path:
        """Serial port of the gate's relay board."""
        return self.directory / "gate.tty"

    def illumination(self, camera: str) -> Path:
        """Serial port of the illuminator that follows a camera."""
        return self.directory / f"illumination.{camera}.tty"

    @property
    def socket(self) -> Path:
        """Socket of cameras and document reader."""
        return self.directory / "rig.sock"

    @property
    def control(self) -> Path:
        """The lane's control socket; a console names the lane after it."""
        return self.directory / f"{LANE_ID}.sock"

    @property
    def state(self) -> Path:
        """The lane's state directory: database and journal."""
        return self.directory / "state"

    @property
    def floor(self) -> Path:
        """What the lane's depth sensor sees of the empty floor."""
        return self.directory / "floor.npz"

    @property
    def trust(self) -> Path:
        """Whose documents the lane believes."""
        return self.directory / "trust"

    @property
    def till(self) -> Path:
        """Socket of the receiver of authorisations."""
        return self.directory / "till.sock"

    @property
    def key(self) -> Path:
        """The lane's key for authorisations."""
        return self.directory / "lane.pem"

    @property
    def card_reader(self) -> Path:
        """Serial port of the card reader."""
        return self.directory / "cards.tty"

    @property
    def keys(self) -> Path:
        """Folder of the card reader's key."""
        return self.directory / "keys"

    @property
    def gallery(self) -> Path:
        """Who is enrolled."""
        return self.directory / "gallery"

    @property
    def gallery_key(self) -> Path:
        """What opens the gallery."""
        return self.directory / "gallery.key"

    @property
    def config(self) -> Path:
        """The appliance's configuration file."""
        return self.directory / "lane.toml"

    @property
    def commissioning(self) -> Path:
        """What the simulated doors do without power and in a fire."""
        return self.directory / "commissioning.toml"


def _value(value: object) -> str:
    """One TOML value; JSON's strings, numbers, booleans and flat arrays are TOML's too."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(str(value) if isinstance(value, Path) else value)


def lane_toml(paths: RigPaths, settings: LaneSettings) -> str:
    """The text of `lane.toml` for this rig."""
    socket = str(paths.socket)
    reference = {
        "box": list(LANE.patch),
        "reflectance": REFERENCE_REFLECTANCE,
        "width_mm": round(LANE.patch_width_mm, 2),
    }
    cameras = ["rgb", *dict.fromkeys(CHANNELS[band].camera for band in settings.bands)]
    sections: dict[str, Mapping[str, object]] = {
        "": {
            "lane_id": LANE_ID,
            "profile": "simulated",
            "topology": settings.topology.value,
            "state_dir": paths.state,
            "control_socket": paths.control,
            "commissioning": paths.commissioning,
        },
        "policy.timeouts": dict(settings.timeouts),
        "gate": {"port": paths.gate, "baudrate": 115200, "unit": 1},
    }
    sections[""] = {**sections[""], "site": settings.site.value}
    if settings.site is Site.UNATTENDED_POINT:
        del sections[""]["commissioning"]  # type: ignore[attr-defined]
        sections["policy"] = {"require_guard": False}
        till = {"kind": "authorisation", "audience": AUDIENCE, "key": paths.key}
        sections["gate"] = {"port": f"unix:{paths.till}", **till}
    for camera in cameras:
        options = {"socket": socket, "camera": camera}
        sections[f"cameras.{camera}"] = {"kind": "rig", "options": options, "reference": reference}
    for camera in cameras[1:]:
        sections[f"illumination.{camera}"] = {"port": paths.illumination(camera), "delay_us": DELAY_US}
        for band in (name for name in settings.bands if CHANNELS[name].camera == camera):
            sections[f"illumination.{camera}.bands.{band}"] = {"exposure_us": EXPOSURE_US, "axis": band == AXIS}
    if settings.presence:
        optics = {name: getattr(OPTICS, name) for name in ("width", "height", "fx", "fy", "cx", "cy")}
        options = {"socket": socket}
        sections["presence"] = {"kind": "rig", "floor": paths.floor, "optics": optics, "options": options}
    if settings.liveness:
        sections["liveness"] = settings.liveness
    if settings.calibration is not None:
        sections["calibration"] = {"file": settings.calibration}
    sections |= {
        **_claim(paths, settings),
        "face": {"pack": settings.pack, "models_dir": settings.models_dir.resolve(), **settings.masks},
        "simulation": {"module": "hil.devices"},
    }
    lines = []
    for name, entries in sections.items():
        if name and entries:
            lines += ["", f"[{name}]"]
        lines += [f"{key} = {_value(value)}" for key, value in entries.items()]
    return "\n".join(lines) + "\n"


def _claim(paths: RigPaths, settings: LaneSettings) -> dict[str, Mapping[str, object]]:
    """The sections that say how people say who they are."""
    if settings.claim is Claim.DOCUMENT:
        return {
            "document_reader": {"kind": "rig", "options": {"socket": str(paths.socket)}},
            "trust": {"store": paths.trust, "roots": [fingerprint()]},
        }
    gallery: dict[str, object] = {"folder": paths.gallery, "key": paths.gallery_key}
    if settings.claim is Claim.CARD:
        return {
            "document_reader": {"kind": "osdp_card", "port": paths.card_reader, "keys": paths.keys},
            "gallery": gallery,
        }
    pack = chosen_pack(settings.pack, settings.models_dir)
    stricter = _STRICTER if pack.metric == "cosine" else -_STRICTER
    gallery["identify_threshold"] = round(pack.threshold + stricter, 4)
    return {"document_reader": {"kind": "walk_up"}, "gallery": gallery}


def commissioning_toml(settings: LaneSettings) -> str:
    """The text of `commissioning.toml`: what `hil.sim.gate` does, signed by nobody who exists."""
    doors = ("exit",) if settings.topology is Topology.TURNSTILE else ("entry", "exit")
    lines = ['format = "sallyport-commissioning-1"', f'lane_id = "{LANE_ID}"', "simulated = true"]
    for door in doors:
        lines += [
            f"[doors.{door}]",
            'power_loss = "stays locked"',
            'fire = "unlocks by wire"',
            "tested_on = 2026-01-01",
        ]
    for name, role in (("The rig", "simulated operator"), ("Its observer", "simulated fire safety")):
        lines += ["[[signed]]", f'name = "{name}"', f'role = "{role}"', "on = 2026-01-01"]
    return "\n".join(lines) + "\n"

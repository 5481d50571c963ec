"""The gate's section of a lane's configuration: which device releases the doors, and how it is wired.

One class per kind; an unknown key of the chosen kind is an error. Not here: what a production profile refuses (config),
and building the drivers (devices).
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator

from appliance.section import Section

STANDARD: Literal["waveshare_dry_contact"] = "waveshare_dry_contact"
Baudrate = Literal[4800, 9600, 19200, 38400, 57600, 115200]
Contact = int | tuple[int, int]
Unit = Annotated[int, Field(ge=1, le=247)]


class WiringConfig(Section):
    """Relays and inputs of the gate, numbered from 0 on the board; "none" in the file means not wired.

    Two numbers are the normally-closed and the normally-open contact of one device, or the two outputs of a curtain.
    """

    entry_release: int | None = 0
    exit_release: int = 1
    entry_closed: Contact | None = 0
    exit_closed: Contact = 1
    occupied: Contact = 2
    passage: int = 3
    out_of_service: Contact | None = 4
    emergency: Contact | None = 5
    entry_mirror: int | None = 6
    exit_mirror: int | None = 7
    curtain: tuple[int, int] | None = None
    on_battery: Contact | None = None
    battery_low: Contact | None = None
    active_low: frozenset[int] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _not_wired(cls, given: Any) -> Any:
        return None if given == "none" else given


class InputBoardConfig(Section):
    """A Waveshare board on a line of its own whose inputs are counted after those of the relay board."""

    port: str
    baudrate: Baudrate = 9600
    unit: Unit = 1


class _Gate(Section):
    """What every gate has. `shortest_release_s` is what it can time."""

    family: ClassVar[str]
    """Its name among bench devices and objections ("gate.waveshare")."""
    shortest_release_s: ClassVar[float] = 0.1

    port: str
    """Serial port, by /dev/serial/by-path; of a UHPPOTE board its address."""
    poll_hz: Annotated[float, Field(ge=5, le=50)] = 20.0


class _DryContact(_Gate):
    """What every gate behind dry contacts has besides."""

    wiring: WiringConfig = WiringConfig()
    inputs: InputBoardConfig | None = None


class WaveshareConfig(_DryContact):
    """Waveshare Modbus RTU Relay (D): pulses timed by the board."""

    family = "gate.waveshare"
    kind: Literal["waveshare_dry_contact"] = STANDARD
    baudrate: Baudrate = 9600
    unit: Unit = 1


class IcpDasConfig(_DryContact):
    """ICP DAS M-7060: pulses ended by the host, bounded by the module's watchdog."""

    family = "gate.icpdas"
    kind: Literal["icpdas_dry_contact"]
    baudrate: Baudrate = 9600
    unit: Unit = 1
    watchdog_s: Annotated[float, Field(ge=0.8, le=5.0)] = 1.0
    prove_watchdog: bool = True


class MoxaConfig(_DryContact):
    """Moxa ioLogik R1214: pulses ended by the host, bounded by the module's watchdog."""

    family = "gate.moxa"
    kind: Literal["moxa_dry_contact"]
    baudrate: Baudrate = 9600
    unit: Unit = 1
    watchdog_s: Annotated[int, Field(ge=1, le=5)] = 1
    prove_watchdog: bool = True


class R421A08Config(_DryContact):
    """R421A08: whole seconds timed by the board, inputs elsewhere."""

    family = "gate.r421a08"
    shortest_release_s = 1.0
    kind: Literal["r421a08_dry_contact"]
    unit: Unit = 1
    inputs: InputBoardConfig


class LcusConfig(_DryContact):
    """LCUS USB relay board: bench only, inputs elsewhere."""

    family = "gate.lcus"
    kind: Literal["lcus_dry_contact"]
    relays: Annotated[int, Field(ge=2, le=8)] = 2
    inputs: InputBoardConfig


class NumatoConfig(_DryContact):
    """Numato USB relay module: bench only."""

    family = "gate.numato"
    kind: Literal["numato_dry_contact"]
    relays: Annotated[int, Field(ge=2, le=32)] = 8
    pins: Annotated[int, Field(ge=0, le=32)] = 8
    module_id: str | None = None


class OsdpConfig(_DryContact):
    """Outputs and inputs of an OSDP device, over its secure channel: for wires that leave the enclosure."""

    family = "gate.osdp"
    kind: Literal["osdp_dry_contact"]
    baudrate: Baudrate = 9600
    address: Annotated[int, Field(ge=0, le=126)] = 1
    outputs: Annotated[int, Field(ge=2, le=8)] = 2
    pins: Annotated[int, Field(ge=0, le=16)] = 8
    keys: Path
    """Folder with the key of the device, `gate.scbk`."""


class GateIoConfig(_Gate):
    """A unit that keeps the Gate I/O profile v1 (docs/gate-io-profile-v1.md): leases, contact proof, boot counter."""

    family = "gate.gate_io"
    kind: Literal["gate_io"]
    baudrate: Baudrate = 115200
    parity: Literal["N", "E", "O"] = "E"
    unit: Unit = 1
    key: Path | None = None
    """File with the key of the unit, hexadecimal; without it leases are not authenticated."""
    watchdog_s: Annotated[float, Field(ge=0.1, le=2.0)] = 0.5


class LotConfig(_Gate):
    """A LOT turnstile: whole seconds, timed by it."""

    family = "gate.lot"
    shortest_release_s = 1.0
    kind: Literal["lot"]
    unit: Unit = 1
    way: Literal["entry", "exit"] = "exit"


class UhppoteConfig(_Gate):
    """A UHPPOTE UT0311 on a network of its own; it has no authentication."""

    family = "gate.uhppote"
    shortest_release_s = 1.0
    kind: Literal["uhppote"]
    serial: Annotated[int, Field(ge=1, le=0xFFFFFFFF)]
    entry: Annotated[int, Field(ge=1, le=4)] = 1
    exit: Annotated[int, Field(ge=1, le=4)] = 2
    occupied: Annotated[int, Field(ge=1, le=4)] | None = None
    passage: Annotated[int, Field(ge=1, le=4)] | None = None


class AuthorisationConfig(_Gate):
    """No doors: a release is a signed authorisation, posted to `port` (https://, http:// to this machine, unix:/path).

    `key` is the lane's Ed25519 key (PEM, mode 0600), `audience` the one who may act on it, `life_s` how long.
    """

    family = "gate.authorisation"
    kind: Literal["authorisation"]
    audience: Annotated[str, Field(min_length=1, max_length=100)]
    key: Path
    life_s: Annotated[float, Field(ge=1, le=30)] = 10.0


def _kind(given: Any) -> Any:
    """A section that names no kind is of the standard one."""
    return {"kind": STANDARD, **given} if isinstance(given, dict) else given


DryContactConfig = WaveshareConfig | IcpDasConfig | MoxaConfig | R421A08Config | LcusConfig | NumatoConfig | OsdpConfig
_Kinds = DryContactConfig | GateIoConfig | LotConfig | UhppoteConfig | AuthorisationConfig
GATE_KINDS: tuple[str, ...] = tuple(
    kind for one in get_args(_Kinds) for kind in get_args(one.model_fields["kind"].annotation)
)
GateConfig = Annotated[Annotated[_Kinds, Field(discriminator="kind")], BeforeValidator(_kind)]

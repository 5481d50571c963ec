"""What a test bench has: its tier and its devices, read from a YAML file that `pytest --bench` and the rig name.

Tiers: T0 in one process in virtual time, T1 real processes over pseudo-terminals, T2 one real board on a desk,
T3 a full lane with instruments. A device or capability a bench lacks is a visible skip, never a silent pass.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

import yaml

SIMULATED = Path(__file__).parent / "benches" / "sim.yaml"


class Tier(IntEnum):
    """How much of the bench is real."""

    T0 = 0
    T1 = 1
    T2 = 2
    T3 = 3


class BenchError(ValueError):
    """The file describes no bench; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class Bench:
    """`devices` maps a kind ("gate.waveshare") to what opens a real one (port, baudrate and so on)."""

    name: str
    tier: Tier
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()

    def device(self, kind: str) -> dict[str, Any] | None:
        """What opens the real device of this kind; None when the bench has none."""
        return self.devices.get(kind)

    def has(self, capability: str) -> bool:
        """Whether the bench can show it ("relay.contact_readback", "analyser")."""
        return capability in self.capabilities


def load(path: Path) -> Bench:
    """Read a bench file. Raises BenchError, with all that is wrong in it."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BenchError(f"{path}: {error}") from error
    if not isinstance(given, dict):
        raise BenchError(f"{path}: a bench file is a mapping with name, tier, devices and capabilities")
    wrong = [f"unknown key {key!r}" for key in given if key not in ("name", "tier", "devices", "capabilities")]
    if not isinstance(given.get("name"), str):
        wrong.append("name must be a text")
    if given.get("tier") not in Tier.__members__:
        wrong.append(f"tier must be one of {', '.join(Tier.__members__)}")
    devices = given.get("devices") or {}
    if not isinstance(devices, dict) or not all(
        isinstance(kind, str) and isinstance(options, dict) for kind, options in devices.items()
    ):
        wrong.append("devices must map each kind to its options, e.g. gate.waveshare: {port: /dev/serial/by-path/...}")
    capabilities = given.get("capabilities") or []
    if not isinstance(capabilities, list) or not all(isinstance(name, str) for name in capabilities):
        wrong.append("capabilities must be a list of texts")
    if wrong:
        raise BenchError(f"{path}: " + "; ".join(wrong))
    return Bench(given["name"], Tier[given["tier"]], devices, frozenset(capabilities))

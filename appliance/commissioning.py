"""What two people signed when the lane was built in: what each door does without power and in a fire.

Those are circuits, not settings: power loss keeps a border closed, fire lets people out, software only observes both.
Nothing here is ever commanded, and a lane that must have the file does not start without it. Not responsible for
proving that the wiring is as signed: that is what `tested_on` is for.
"""

import hashlib
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.config import ConfigError, LaneConfig
from appliance.core.types import Door, Topology

TEMPLATE = """\
# Commissioning of a lane. Fill in, have it signed by two people, keep it beside the configuration.
format = "sallyport-commissioning-1"
lane_id = "E-07"
simulated = false

# power_loss: what the door does when the control power fails: "stays locked" or "unlocks"
# fire: what it does on the fire alarm, by wire, with the computer off: "unlocks by wire" or "stays locked"
# tested_on: the day both were tried at this very door
[doors.entry]
power_loss = "stays locked"
fire = "unlocks by wire"
tested_on = 2026-11-20

[doors.exit]
power_loss = "stays locked"
fire = "unlocks by wire"
tested_on = 2026-11-20

[[signed]]
name = "A. Example"
role = "operator"
on = 2026-11-21

[[signed]]
name = "B. Example"
role = "fire safety"
on = 2026-11-21
"""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DoorBehaviour(_Section):
    """One door, by its wiring alone."""

    power_loss: Literal["stays locked", "unlocks"]
    fire: Literal["unlocks by wire", "stays locked"]
    tested_on: date


class Signature(_Section):
    """Who answers for it."""

    name: Annotated[str, Field(min_length=1)]
    role: Annotated[str, Field(min_length=1)]
    on: date


class Commissioning(_Section):
    """The whole file."""

    format: Literal["sallyport-commissioning-1"]
    lane_id: str
    simulated: bool
    doors: dict[Door, DoorBehaviour]
    signed: tuple[Signature, ...]

    def problems(self, lane: LaneConfig, today: date) -> list[str]:
        """Everything that keeps this file from standing for the lane, in words."""
        return [*self._of_lane(lane), *self._of_doors(), *self._of_signatures(today)]

    def _of_lane(self, lane: LaneConfig) -> Iterable[str]:
        if self.lane_id != lane.lane_id:
            yield f"it is of lane {self.lane_id}, not {lane.lane_id}"
        if self.simulated != lane.simulated:
            yield "it is of a simulated lane" if self.simulated else "it is of a real lane, and this one is simulated"
        wanted = {Door.EXIT} if lane.topology is Topology.TURNSTILE else set(Door)
        for door in sorted(wanted - set(self.doors)):
            yield f"doors.{door} is missing: what does it do without power, and in a fire?"
        for door in sorted(set(self.doors) - wanted):
            yield f"doors.{door}: a {lane.topology} has no such door"

    def _of_doors(self) -> Iterable[str]:
        if self.doors and all(one.fire == "stays locked" for one in self.doors.values()):
            yield "no door unlocks in a fire: whoever is inside could not get out"

    def _of_signatures(self, today: date) -> Iterable[str]:
        people = {one.name.strip().casefold() for one in self.signed}
        roles = {one.role.strip().casefold() for one in self.signed}
        if min(len(people), len(roles)) < 2:
            yield "it takes two people of two roles to sign it"
        for one in self.signed:
            if one.on > today:
                yield f"{one.name} signed on {one.on.isoformat()}, which is yet to come"
        first = min((one.on for one in self.signed), default=today)
        for door, behaviour in self.doors.items():
            if behaviour.tested_on > first:
                yield f"doors.{door} was tested on {behaviour.tested_on.isoformat()}, after it had been signed"


def load(path: Path) -> Commissioning:
    """Read a file. Raises ConfigError."""
    try:
        return Commissioning.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        words = f"{path} cannot be read: {error.strerror}. Print one to fill in: appliance commissioning"
        raise ConfigError(f"commissioning: {words}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"commissioning: {path} is not TOML: {error}") from error
    except ValidationError as error:
        found = [f"  {'.'.join(map(str, one['loc'])) or 'the whole file'}: {one['msg']}" for one in error.errors()]
        raise ConfigError(f"commissioning: {path} has problems:\n" + "\n".join(found)) from error


def check(lane: LaneConfig, today: date) -> Commissioning | None:
    """The lane's commissioning; None where it has none and needs none. Raises ConfigError with every problem."""
    if lane.commissioning is None:
        return None
    found = load(lane.commissioning)
    if problems := found.problems(lane, today):
        raise ConfigError(
            f"commissioning: {lane.commissioning} does not stand for this lane:\n  " + "\n  ".join(problems)
        )
    return found


def digest(lane: LaneConfig) -> str | None:
    """SHA-256 of the file, for the journal: which one the lane ran under."""
    return hashlib.sha256(lane.commissioning.read_bytes()).hexdigest() if lane.commissioning is not None else None

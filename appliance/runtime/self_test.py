"""A lane that is out of service tests its own devices while it goes on owning them: what `appliance selftest` proves,
but without releasing a door and without opening a device that is open.

Not responsible for who may ask and when (`setup`), nor for what holds (`proofs`).
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from appliance import devices, proofs
from appliance.config import LaneConfig
from appliance.control.setup import Proof
from appliance.core.faults import CATALOGUE
from appliance.core.types import Result
from appliance.runtime.eye import EyeOwner
from appliance.runtime.faults import FaultRegister
from appliance.runtime.gate import GateOwner
from appliance.runtime.presence import PresenceOwner
from appliance.runtime.reader import ReaderOwner

LOST = (1002, 1004, 3001, 3002)
"""Faults with which the owner of the eye is busy getting its devices back: asking them would be in its way."""
_NO_RELEASE = "Only appliance selftest releases doors, with the lane stopped."
_RESULTS = {True: Result.SUCCESSFUL, False: Result.FAILED, None: Result.UNDETERMINED}
Part = Callable[[], AsyncGenerator[Proof, None]]


@dataclass(frozen=True, slots=True)
class Owners:
    """Who has the devices of the lane; `presence` None where there is no such sensor."""

    gate: GateOwner
    eye: EyeOwner
    reader: ReaderOwner
    presence: PresenceOwner | None


class SelfTest:
    """The parts of a lane's test, by name and in order; each raises DriverError, VisionLost or VisionRefused."""

    def __init__(self, config: LaneConfig, owners: Owners, faults: FaultRegister) -> None:
        self._config, self._owners, self._faults = config, owners, faults
        self.parts: dict[str, Part] = {
            "gate": self._gate,
            "LEDs": self._leds,
            "cameras": self._cameras,
            "document reader": self._reader,
            "presence": self._presence,
        }

    async def _gate(self) -> AsyncGenerator[Proof, None]:
        inputs = await self._owners.gate.prove()
        yield _holds("gate", "every output off", "every contact reads back as open")
        doors = devices.doors(self._config)
        for proof in proofs.at_rest(doors, inputs):
            yield _told(proof)
        for door in doors:
            yield Proof(part="gate", what=f"{door} release", result=Result.NOT_PERFORMED, seen=_NO_RELEASE)

    async def _leds(self) -> AsyncGenerator[Proof, None]:
        if (lost := self._lost("LEDs")) is not None:
            yield lost
            return
        eye = self._owners.eye
        await eye.self_test()  # what is found becomes faults, as after every test of the lane's own
        readings = [(await eye.ask("reading", logs=await eye.capture(face=False))).header for _ in range(proofs.LOOKS)]
        for camera, light in self._config.illumination.items():
            levels = {led: [one["levels"][led] for one in readings if led in one["levels"]] for led in light.pulses}
            found = [finding for one in readings for finding in one["findings"] if finding["camera"] == camera]
            words = list(dict.fromkeys(finding["words"] for finding in found))
            for proof in proofs.of_leds(camera, list(light.pulses), levels, words):
                yield _told(proof)

    async def _cameras(self) -> AsyncGenerator[Proof, None]:
        if (lost := self._lost("cameras")) is not None:
            yield lost
            return
        for camera, found in (await self._owners.eye.ask("frames")).header.items():
            if camera in self._config.cameras.all:
                yield _told(proofs.Proof(f"camera, {camera}", "frames", found["holds"], found["seen"]))

    def _lost(self, part: str) -> Proof | None:
        """Why these cannot be asked now."""
        for fault in self._faults.active:
            if fault.code in LOST:
                seen = f"{fault.device}: {CATALOGUE[fault.code].title}. {fault.detail}".strip()
                return Proof(part=part, what="answers", result=Result.FAILED, seen=seen)
        return None

    async def _reader(self) -> AsyncGenerator[Proof, None]:
        if devices.reader_kind(self._config) is None:
            seen = "Nobody shows anything at this lane."
            yield Proof(part="document reader", what="identity", result=Result.NOT_PERFORMED, seen=seen)
            return
        identity = await self._owners.reader.prove()
        yield _holds("document reader", "identity, opened anew", f"{identity.model}, {identity.firmware}")

    async def _presence(self) -> AsyncGenerator[Proof, None]:
        sensor = self._owners.presence
        if sensor is None:
            seen = "No presence sensor is configured."
            yield Proof(part="presence", what="lane empty", result=Result.NOT_PERFORMED, seen=seen)
        elif (said := await sensor.fresh()) is None:
            yield Proof(part="presence", what="lane empty", result=Result.FAILED, seen="No reading came.")
        else:
            yield _told(proofs.of_presence(said))


def _holds(part: str, what: str, seen: str) -> Proof:
    return Proof(part=part, what=what, result=Result.SUCCESSFUL, seen=seen)


def _told(proof: proofs.Proof) -> Proof:
    return Proof(part=proof.part, what=proof.what, result=_RESULTS[proof.holds], seen=proof.seen)

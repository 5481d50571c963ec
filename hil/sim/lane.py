"""The whole lane as one model: gate, document plate and at most one traveller, moved together by `tick(dt)`.

Deterministic: equal seed, equal calls, equal course. Not here: threads, wires and pictures (rig).
"""

import random
from pathlib import Path

from appliance.core.types import Topology
from drivers.gate.wiring import DryContactWiring
from hil.sim.gate import TURNSTILE, Gate, Terminals
from hil.sim.reader import DocumentPlate
from hil.sim.traveller import Behaviour, Place, Traveller


class Lane:
    """`speed` hurries people and leaves; the gate's electronics keep their own time."""

    def __init__(self, terminals: Terminals, topology: Topology, *, seed: int = 0, speed: float = 1.0) -> None:
        self.topology = topology
        self.gate = Gate(terminals, DryContactWiring() if topology is Topology.MANTRAP else TURNSTILE)
        self.plate = DocumentPlate()
        self.traveller: Traveller | None = None
        self._rng = random.Random(seed)
        self._speed = speed

    @property
    def free(self) -> bool:
        """Nobody is in the lane or before it."""
        return self.traveller is None or self.traveller.gone

    def present(self, document: Path | None, behaviour: Behaviour) -> Traveller:
        """A traveller arrives. Raises RuntimeError while another is there."""
        if not self.free:
            raise RuntimeError("another traveller is still in the lane")
        rng = random.Random(self._rng.random())
        self.traveller = Traveller(self.gate, self.plate, document, behaviour, rng)
        return self.traveller

    def tick(self, dt: float) -> None:
        """Let `dt` seconds pass."""
        if self.traveller is not None:
            self.traveller.tick(dt * self._speed)
            self.gate.occupied = self.traveller.place in (Place.INSIDE, Place.AT_CAMERA)
        self.plate.tick(dt * self._speed)
        self.gate.tick(dt, speed=self._speed)

    @property
    def before_camera(self) -> bool:
        """The traveller stands where the cameras look."""
        return self.traveller is not None and self.traveller.place is Place.AT_CAMERA

"""What exists in the rig, and its time. Everything here belongs to the rig's event loop.

Not here: the socket (server), the thread and the wires (rig).
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from appliance.core.types import Topology
from drivers.sensing import Floor
from hil.emulator.exposure_sync import DELAY_US, EXPOSURE_US, NIR_UNIT, SWIR_UNIT, ExposureSyncController, Flash
from hil.emulator.osdp_pd import OsdpDevice
from hil.emulator.waveshare import WaveshareBoard
from hil.rig.office import tap
from hil.scene import Light, Presentation, Sensor, empty_scene
from hil.sim.depth import OPTICS, Person, Room, Solid
from hil.sim.lane import Lane
from hil.sim.observer import Observer
from hil.sim.traveller import Place

TICK_S = 0.02
FRAME_RATE = 30.0
CAMERAS = ("rgb", "nir", "swir")
DEPTH_RATE = 8.0
SLOWEST_S = 0.1
"""A picture that took longer to compute is stamped as if it had not."""
SHORTEST = 0.02
"""Share of the longest exposure that is the shortest of the rig's switched cameras."""
_LONGEST_CATCH_UP_S = 1.0
# Nobody is there and nothing moves: pulses are counted by the board, so a slow look loses none.
_IDLE_TICK_S = 0.1

Image = NDArray[np.uint8]


class Stream:
    """One camera from opening to closing: exposures at its rate, numbered from 0, only when asked for."""

    def __init__(self, camera: "CameraHead") -> None:
        self._camera = camera
        self._opened = time.monotonic()
        self._slot = 0
        self._sequence = 0

    def expose_for(self, gain: float) -> float:
        """Expose for this share of the longest exposure from now on; the share in force."""
        return self._camera.expose_for(gain)

    async def frame(self) -> tuple[int, float, Image]:
        """The next exposure: (number, monotonic start, picture)."""
        since = time.monotonic() - self._opened
        self._slot = max(self._slot + 1, math.ceil(since * self._camera.rate))
        await asyncio.sleep(self._slot / self._camera.rate - since)
        began = time.monotonic()
        number, self._sequence = self._sequence, self._sequence + 1
        image = await self._camera.expose()
        # A sensor need not compute its picture: a machine that is busy must not make it look old.
        return number, max(began, time.monotonic() - SLOWEST_S), image


class CameraHead:
    """A camera's optics and sensor. `unplugged` and `stuck` are its faults, `sync` what lights its exposures."""

    rate = FRAME_RATE

    def __init__(self, name: str, world: "World", seed: int, sync: ExposureSyncController | None) -> None:
        self.name = name
        self.unplugged = False
        self.stuck = False
        self.exposures = 0
        self._world = world
        self._sync = sync
        self._sensor = Sensor(np.random.default_rng(seed))
        self._gain = 1.0
        self._last: Image | None = None

    def defocus(self, pixels: float) -> None:
        """The lens spreads a point so far from the next exposure on."""
        self._sensor.defocus_px = pixels

    def expose_for(self, gain: float) -> float:
        """Expose for this share of the longest exposure from now on; the visible camera's is fixed."""
        if self._sync is not None:
            self._gain = min(1.0, max(SHORTEST, gain))
        return self._gain

    async def expose(self) -> Image:
        """One exposure of what stands before the camera now."""
        world = self._world
        self.exposures += 1
        flash = self._sync.exposure_started(EXPOSURE_US * self._gain) if self._sync is not None else None
        scene, light, gain = world.scene(), world.light, self._gain
        if self.stuck and self._last is not None:
            return self._last
        loop = asyncio.get_running_loop()
        self._last = await loop.run_in_executor(world.pool, lambda: self._render(scene, light, flash, gain))
        return self._last

    def _render(self, scene: Presentation, light: Light, flash: Flash | None, gain: float) -> Image:
        if self.name == "rgb":
            return self._sensor.rgb(scene, light)
        take = self._sensor.nir if self.name == "nir" else self._sensor.swir
        if flash is None:
            return take(scene, light, None, gain=gain)
        return take(scene, light, flash.led, gain=gain, share=flash.share)


class DepthHead(CameraHead):
    """The depth sensor above the lane: pictures of 16-bit millimetres, two bytes for each of its pixels."""

    rate = DEPTH_RATE

    def __init__(self, world: "World", seed: int) -> None:
        super().__init__("depth", world, seed, None)
        self._room = Room(seed=seed)

    async def expose(self) -> Image:
        """One picture of who and what stands in the lane now."""
        self.exposures += 1
        if not self.stuck or self._last is None:
            pool, standing = self._world.pool, self._world.standing()
            self._last = await asyncio.get_running_loop().run_in_executor(pool, self._depths, standing)
        return self._last

    def _depths(self, standing: list[Solid]) -> Image:
        metres = self._room.picture(standing)
        return np.clip(metres * 1000, 0, 65535).astype("<u2").view(np.uint8)

    def floor(self) -> Floor:
        """The floor of the empty lane, as this sensor sees it."""
        return Floor.fit(OPTICS, [self._room.picture([]) for _ in range(8)])


class World:
    """Relay board, illuminator, lane, cameras and light; `live` moves it."""

    def __init__(self, topology: Topology, *, seed: int, speed: float, pool: Executor) -> None:
        self.pool = pool
        self.board = WaveshareBoard(baudrate=115200)
        self.observer = Observer(self.board, time.monotonic)
        self.sync = {"nir": ExposureSyncController(NIR_UNIT), "swir": ExposureSyncController(SWIR_UNIT)}
        self.lane = Lane(self.observer, topology, seed=seed, speed=speed)
        self.light = Light()
        self.presentation: Presentation | None = None
        self.cards: OsdpDevice | None = None
        """The card reader, where people hold cards to one instead of laying documents down."""
        self._taps = 0
        self.cameras = {
            name: CameraHead(name, self, seed + place, self.sync.get(name)) for place, name in enumerate(CAMERAS, 1)
        }
        self.depth = DepthHead(self, seed)
        self.cameras["depth"] = self.depth
        self.beside: list[Solid] = []
        """Who comes in beside the traveller, and stands there as long as he does."""
        self.left: list[Solid] = []
        """What lies in the lane whoever is there."""
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def scene(self) -> Presentation:
        """What the cameras see now."""
        there = self.presentation is not None and self.lane.before_camera
        return self.presentation if there and self.presentation is not None else empty_scene()

    def standing(self) -> list[Solid]:
        """What stands in the lane now."""
        traveller = self.lane.traveller
        if traveller is None or traveller.place not in (Place.INSIDE, Place.AT_CAMERA):
            return self.left
        return [*Person(0.0, 0.0).solids(), *self.beside, *self.left]

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the world is so; looked at after every tick."""
        if holds():
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((holds, future))
        await future

    async def live(self) -> None:
        """Let time pass, in steps of `TICK_S`, for ever."""
        lived = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S if self._busy() else _IDLE_TICK_S)
            now = time.monotonic()
            lived = max(lived, now - _LONGEST_CATCH_UP_S)
            while lived + TICK_S <= now:
                self.lane.tick(TICK_S)
                self._tap()
                self.observer.watch(self.lane.gate)
                lived += TICK_S
            self._wake()

    def _tap(self) -> None:
        """What is laid down is a card held to the reader, which beeps at once."""
        plate = self.lane.plate
        if self.cards is not None and plate.placements != self._taps and plate.document is not None:
            self._taps = plate.placements
            tap(self.cards, plate.document)
            plate.readings += 1

    def _busy(self) -> bool:
        gate = self.lane.gate
        return not self.lane.free or any(gate.unlocked(door) or not gate.leaf(door).closed for door in gate.doors)

    def _wake(self) -> None:
        still = []
        for holds, future in self._waiting:
            if future.done():
                continue
            if holds():
                future.set_result(None)
            else:
                still.append((holds, future))
        self._waiting = still


def develop(presentation: Presentation, light: Light, leds: Mapping[str, Sequence[str]]) -> None:
    """Compute a presentation's mean images beforehand: the first frame of each must not come late."""
    sensor = Sensor(np.random.default_rng(0))
    sensor.rgb(presentation, light)
    share = 1.0 - DELAY_US / EXPOSURE_US
    for camera, names in leds.items():
        take = sensor.nir if camera == "nir" else sensor.swir
        take(presentation, light, None)
        for led in names:
            take(presentation, light, led, share=share)

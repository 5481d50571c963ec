"""Counts what the overhead driver says of simulated cells: `python -m hil.sim.depth --sets 400 [--sheet sheet.png]`.

Every number is "simulated": our shapes, our noise. Seeds below `QUOTED` were used to choose the driver's constants;
numbers are quoted from `QUOTED` upwards only. Not here: the pictures (depth), the judgement (drivers.sensing).
"""

import argparse
import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from drivers.ports import DepthFrame, DeviceIdentity, Presence
from drivers.sensing import Area, Floor, OverheadDepth, look
from hil.sim.depth import OPTICS, Person, Room, Sensor, Solid, crouching, suitcase, trolley, wheelchair

QUOTED = 1_000_000
AREA = Area()
_ROOMS = 8

Random = np.random.Generator


class Pictures:
    """A depth source that gives the pictures put in, `step_s` apart, on its own clock."""

    def __init__(self, step_s: float = 0.1) -> None:
        self.now = 0.0
        self.step_s = step_s
        self.pending: list[NDArray[np.float32]] = []
        self._sequence = 0

    async def open(self) -> DeviceIdentity:
        """Tell that this is a simulation."""
        return DeviceIdentity("simulated overhead depth", "1", "sim", verified_on_hardware=False)

    async def frame(self) -> DepthFrame:
        """The next picture put in."""
        self.now += self.step_s
        self._sequence += 1
        return DepthFrame(self._sequence, self.now, self.pending.pop(0))

    async def close(self) -> None:
        """Nothing to stop."""


def _person(rng: Random, x: float, y: float, low: float = 1.5, high: float = 1.95) -> Person:
    return Person(
        x,
        y,
        height=float(rng.uniform(low, high)),
        yaw=float(rng.uniform(-math.pi, math.pi)),
        build=float(rng.uniform(0.85, 1.3)),
        lean=float(rng.uniform(-0.02, 0.08)),
        dark_hair=float(rng.choice([0.0, 0.5, 0.85])),
        hat=bool(rng.random() < 0.1),
    )


def _spot(rng: Random, margin: float = 0.22) -> tuple[float, float]:
    return (
        float(rng.uniform(AREA.x_min + margin, AREA.x_max - margin)),
        float(rng.uniform(AREA.y_min + margin, AREA.y_max - margin)),
    )


def _two_spots(rng: Random, apart: float) -> tuple[float, float, float, float]:
    """Two places `apart` metres from each other, both inside."""
    while True:
        x, y = _spot(rng)
        angle = float(rng.uniform(-math.pi, math.pi))
        u, v = x + apart * math.cos(angle), y + apart * math.sin(angle)
        if AREA.x_min + 0.22 <= u <= AREA.x_max - 0.22 and AREA.y_min + 0.22 <= v <= AREA.y_max - 0.22:
            return x, y, u, v


def _empty(_: Random) -> list[Solid]:
    return []


def _one(rng: Random) -> list[Solid]:
    return _person(rng, *_spot(rng)).solids()


def _backpack(rng: Random) -> list[Solid]:
    one = _person(rng, *_spot(rng))
    return Person(one.x, one.y, one.height, one.yaw, one.build, backpack=True).solids()


def _arm(rng: Random) -> list[Solid]:
    one = _person(rng, *_spot(rng))
    return Person(one.x, one.y, one.height, one.yaw, one.build, arm_up=True).solids()


def _two(apart: float, low: float = 1.5, high: float = 1.95) -> Callable[[Random], list[Solid]]:
    def make(rng: Random) -> list[Solid]:
        x, y, u, v = _two_spots(rng, apart)
        return _person(rng, x, y).solids() + _person(rng, u, v, low, high).solids()

    return make


def _carried(behind: bool) -> Callable[[Random], list[Solid]]:
    def make(rng: Random) -> list[Solid]:
        return _person(rng, *_spot(rng)).carrying(float(rng.uniform(0.75, 1.05)), behind)

    return make


def _crouching(rng: Random) -> list[Solid]:
    x, y, u, v = _two_spots(rng, 0.55)
    turn = float(rng.uniform(-math.pi, math.pi))
    return _person(rng, x, y).solids() + crouching(u, v, turn, float(rng.uniform(0.7, 0.88)))


def _case(rng: Random) -> list[Solid]:
    x, y, u, v = _two_spots(rng, 0.5)
    size = (float(rng.uniform(0.2, 0.35)), float(rng.uniform(0.35, 0.5)), float(rng.uniform(0.5, 0.78)))
    return _person(rng, x, y).solids() + suitcase(u, v, float(rng.uniform(-math.pi, math.pi)), size)


def _trolley(rng: Random) -> list[Solid]:
    yaw, y = float(rng.normal(0.0, 0.1)), float(rng.normal(0.0, 0.06))
    return _person(rng, -0.5, y).solids() + trolley(0.22, y, yaw, float(rng.uniform(0.2, 0.6)))


def _wheelchair(rng: Random) -> list[Solid]:
    x, y = _spot(rng, 0.35)
    return wheelchair(x, y, float(rng.choice([0.0, math.pi]) + rng.normal(0.0, 0.2)), float(rng.uniform(1.15, 1.35)))


def _child(rng: Random) -> list[Solid]:
    return _person(rng, *_spot(rng), 0.97, 1.35).solids()


def _bag(size: tuple[float, float, float]) -> Callable[[Random], list[Solid]]:
    def make(rng: Random) -> list[Solid]:
        real = [side * float(rng.uniform(0.85, 1.15)) for side in size]
        return suitcase(*_spot(rng, 0.2), float(rng.uniform(-math.pi, math.pi)), (real[0], real[1], real[2]))

    return make


@dataclass(frozen=True, slots=True)
class Kind:
    """One set: how to make a cell, how many persons are in it, whether something was left behind."""

    name: str
    make: Callable[[Random], list[Solid]]
    persons: int
    left: bool = False


SETS = (
    Kind("empty", _empty, 0),
    Kind("one person", _one, 1),
    Kind("one, backpack", _backpack, 1),
    Kind("one, arm raised", _arm, 1),
    Kind("two, 0.30 m apart", _two(0.30), 2),
    Kind("two, 0.45 m apart", _two(0.45), 2),
    Kind("two, 0.60 m apart", _two(0.60), 2),
    Kind("two, 0.90 m apart", _two(0.90), 2),
    Kind("adult + child, 0.40 m", _two(0.40, 0.97, 1.35), 2),
    Kind("child on the arm", _carried(behind=False), 2),
    Kind("child on the back", _carried(behind=True), 2),
    Kind("adult + crouching adult", _crouching, 2),
    Kind("person + suitcase", _case, 1),
    Kind("person + trolley", _trolley, 1),
    Kind("wheelchair", _wheelchair, 1),
    Kind("child alone", _child, 1),
    Kind("left suitcase", _bag((0.3, 0.45, 0.65)), 0, left=True),
    Kind("left bag", _bag((0.3, 0.2, 0.18)), 0, left=True),
    Kind("left laptop case", _bag((0.35, 0.25, 0.07)), 0, left=True),
)


def rooms(seed: int, noise: float = 1.0) -> list[tuple[Room, Floor]]:
    """A few cells, each hung a little differently and calibrated empty."""
    made = []
    for number in range(_ROOMS):
        rng = np.random.default_rng([seed, number])
        tilt = (float(rng.normal(0, 0.03)), float(rng.normal(0, 0.03)))
        room = Room(Sensor(mount_m=float(rng.uniform(2.6, 3.0)), tilt=tilt, noise=noise), seed=seed + number)
        made.append((room, Floor.fit(OPTICS, [room.picture([]) for _ in range(8)], AREA)))
    return made


async def judge(kind: Kind, solids: list[Solid], room: Room, floor: Floor) -> Presence:
    """What the driver says after a few frames; of a left thing, after 1.2 s with nobody there."""
    source = Pictures(0.6 if kind.persons == 0 else 0.1)
    sensor = OverheadDepth("presence", source, floor, lambda: source.now)
    source.pending = [room.picture(solids) for _ in range(4)]
    await sensor.open()
    for _ in range(3):
        said = await sensor.read()
    await sensor.close()
    return said


def count(kind: Kind, number: int, places: list[tuple[Room, Floor]], seed: int) -> Counter[str]:
    """Judge `number` cells of a kind: how often each answer came."""
    answers: Counter[str] = Counter()

    async def run() -> None:
        for index in range(number):
            room, floor = places[index % len(places)]
            said = await judge(kind, kind.make(np.random.default_rng([seed, index])), room, floor)
            persons = "undetermined" if said.persons is None else "2+" if said.persons > 1 else str(said.persons)
            answers[persons] += 1
            answers[f"left {said.left_object}"] += 1

    asyncio.run(run())
    return answers


def interval(hits: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper-Pearson bounds of a share."""
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(stats.beta.ppf(tail, hits, of - hits + 1))
    high = 1.0 if hits == of else float(stats.beta.ppf(1 - tail, hits + 1, of - hits))
    return low, high


def table(number: int, seed: int, noise: float) -> None:
    """Print one row a set."""
    print(f"SIMULATED overhead depth, {number} cells a set, seed {seed}, noise x{noise:g}; 95 % Clopper-Pearson")
    print(f"{'set':24s} persons |    0    1   2+ none | question                share    interval")
    places = rooms(seed, noise)
    for place, kind in enumerate(SETS):
        answers = count(kind, number, places, seed + 1 + place)
        asked = {0: ("left object seen", "left True"), 1: ("said exactly one", "1")}.get(
            kind.persons, ("WRONGLY said one", "1")
        )
        if kind.persons == 0 and not kind.left:
            asked = ("left object invented", "left True")
        hits = answers[asked[1]]
        low, high = interval(hits, number)
        said = " ".join(f"{answers[key]:4d}" for key in ("0", "1", "2+", "undetermined"))
        print(
            f"{kind.name:24s} {kind.persons:7d} | {said} | {asked[0]:22s} {hits / number:6.2%}  {low:.2%} to {high:.2%}"
        )


def sheet(path: str, seed: int) -> None:
    """One picture of every set: what the sensor sees (left) and the height map with the heads found (right)."""
    tiles = []
    room, floor = rooms(seed)[0]
    for place, kind in enumerate(SETS):
        picture = room.picture(kind.make(np.random.default_rng([seed + 1 + place, 0])))
        metres = floor.heights(picture).metres
        scene = look(metres)
        left = cv2.applyColorMap((np.clip(picture / 3.2, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
        left[picture == 0] = 0
        right = cv2.applyColorMap((np.clip(metres / 2.0, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
        right = cv2.resize(right, (360, 240), interpolation=cv2.INTER_NEAREST)
        for x, y, _ in scene.heads:
            cv2.circle(right, (int(x / 1.5 * 360), int(y * 240)), 14, (255, 255, 255), 2)
        tile = np.hstack([left, right])
        said = "?" if scene.persons is None else str(scene.persons)
        cv2.putText(
            tile, f"{kind.name}: {said} {scene.reason}"[:78], (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255,) * 3, 1
        )
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 3)
    rows = [np.hstack(tiles[i : i + 3]) for i in range(0, len(tiles), 3)]
    if not cv2.imwrite(path, np.vstack(rows)):
        raise SystemExit(f"cannot write {path}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m hil.sim.depth", description=__doc__)
    parser.add_argument("--sets", type=int, default=100, help="cells of each kind")
    parser.add_argument("--seed", type=int, default=QUOTED, help=f"numbers are quoted from {QUOTED} upwards")
    parser.add_argument("--noise", type=float, default=1.0, help="scales every fault of the sensor")
    parser.add_argument("--sheet", help="write a PNG with one cell of each kind to this path")
    given = parser.parse_args()
    if given.sheet:
        sheet(given.sheet, given.seed)
    if given.sets:
        table(given.sets, given.seed, given.noise)

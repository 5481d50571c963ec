"""Presence by overhead depth: the contract suite, the floor, single judgements, and what must never count as one."""

import time
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from drivers.errors import Disconnected, IdentityMismatch, RemoteProtocolError
from drivers.ports import DepthFrame, DeviceIdentity, Presence, PresenceSensor
from drivers.sensing import Area, Floor, OverheadDepth, Scene, look
from hil.contracts.presence import PresenceContract, Stage
from hil.sim.depth import OPTICS, Person, Room, Sensor, Solid, crouching, suitcase, trolley, wheelchair

pytestmark = pytest.mark.anyio

ONE = Person(-0.2, 0.1, 1.76, 0.4).solids()
TWO = ONE + Person(0.35, -0.05, 1.65, 2.0).solids()
BAG = suitcase(0.4, -0.2, 0.3, (0.3, 0.4, 0.5))
SCENES: dict[str, list[Solid]] = {"empty": [], "one": ONE, "two": TWO, "bag": BAG, "one and bag": ONE + BAG}


@cache
def calibrated() -> Floor:
    room = Room(seed=7)
    return Floor.fit(OPTICS, [room.picture([]) for _ in range(8)])


def seen(solids: list[Solid], seed: int = 11, noise: float = 1.0) -> Scene:
    return look(calibrated().heights(Room(Sensor(noise=noise), seed=seed).picture(solids)).metres)


class Cell:
    """A simulated sensor at ten pictures a second, and its stage. Its clock goes on only when a frame is taken."""

    def __init__(self) -> None:
        self.now = 100.0
        self.room = Room(seed=13)
        self.solids: list[Solid] = []
        self.serial = "D1"
        self.shift = 0.0
        self.late = 0.0
        self.step = 1
        self.plugged = True
        self.closed = 0
        self._sequence = 0
        self._frozen: NDArray[np.float32] | None = None
        self._last: NDArray[np.float32] | None = None
        self._blind = False

    async def open(self) -> DeviceIdentity:
        self._check()
        return DeviceIdentity("simulated depth", "1", self.serial, verified_on_hardware=False)

    async def frame(self) -> DepthFrame:
        self._check()
        self.now += 0.1
        self._sequence += self.step
        picture = self.room.picture(self.solids) if self._frozen is None else self._frozen
        self._last = picture
        if self._blind:
            picture = np.where(np.arange(picture.size).reshape(picture.shape) % 3, 0, picture).astype(np.float32)
        picture = np.where(picture > 0, picture + np.float32(self.shift), 0).astype(np.float32)
        return DepthFrame(self._sequence, self.now - self.late, picture)

    async def close(self) -> None:
        self.closed += 1

    def _check(self) -> None:
        if not self.plugged:
            raise Disconnected("depth", "unplugged")

    def show(self, what: str) -> None:
        self.solids = SCENES[what]

    def freeze(self) -> None:
        self._frozen = self._last

    def blind(self) -> None:
        self._blind = True

    def unplug(self) -> None:
        self.plugged = False

    def plug(self) -> None:
        self.plugged = True

    def sensor(self, **options: Any) -> OverheadDepth:
        return OverheadDepth("presence", self, calibrated(), lambda: self.now, **options)


class TestOverheadDepth(PresenceContract):
    device = "presence.depth"

    def make(self) -> tuple[PresenceSensor, Stage]:
        cell = Cell()
        return cell.sensor(), cell


async def reads(sensor: PresenceSensor, number: int) -> Presence:
    for _ in range(number):
        said = await sensor.read()
    return said


async def test_another_sensor_than_the_calibrated_one_is_refused_and_closed() -> None:
    cell = Cell()
    with pytest.raises(IdentityMismatch, match="sensor D1 answers, the floor was measured with D2"):
        await cell.sensor(serial_number="D2").open()
    assert cell.closed == 1
    await cell.sensor(serial_number="D1").open()


async def test_a_sensor_of_another_form_is_refused() -> None:
    cell = Cell()
    cell.room = Room(Sensor(optics=type(OPTICS)(160, 120, 85.0, 85.0, 79.5, 59.5)))
    with pytest.raises(IdentityMismatch, match=r"frames of shape \(120, 160\)"):
        await cell.sensor().open()


async def test_a_frame_that_changes_its_form_is_an_error() -> None:
    cell = Cell()
    sensor = cell.sensor()
    await sensor.open()
    cell.room = Room(Sensor(optics=type(OPTICS)(160, 120, 85.0, 85.0, 79.5, 59.5)))
    with pytest.raises(RemoteProtocolError, match="not float32 metres as calibrated"):
        await sensor.read()


async def test_a_sensor_that_hangs_elsewhere_is_refused_at_open_and_noticed_later() -> None:
    cell = Cell()
    cell.shift = 0.25
    with pytest.raises(IdentityMismatch, match="measure it again"):
        await cell.sensor().open()
    cell.shift = 0.0
    sensor = cell.sensor()
    await sensor.open()
    cell.shift = 0.25
    said = await reads(sensor, 5)
    assert said.persons is None
    assert "moved" in said.reason


@pytest.mark.parametrize(("late", "step"), [(0.5, 1), (-0.5, 1), (0.0, 0), (0.0, -1)])
async def test_old_future_repeated_and_backward_frames_prove_nothing(late: float, step: int) -> None:
    cell = Cell()
    cell.show("one")
    sensor = cell.sensor()
    await sensor.open()
    assert (await reads(sensor, 3)).alone
    cell.late, cell.step = late, step
    said = await sensor.read()
    assert (said.persons, said.left_object) == (None, None)
    cell.late, cell.step = 0.0, 5
    assert (await sensor.read()).persons is None, "after a doubt the count starts anew"
    assert (await reads(sensor, 2)).alone


async def test_one_frame_of_a_second_person_ends_being_alone_for_three() -> None:
    cell = Cell()
    cell.show("one")
    sensor = cell.sensor()
    await sensor.open()
    assert (await reads(sensor, 3)).alone
    cell.show("two")
    assert not (await sensor.read()).alone
    cell.show("one")
    assert [(await sensor.read()).alone for _ in range(3)] == [False, False, True]


async def test_luggage_beside_its_owner_is_left_only_when_it_stays_and_he_is_away() -> None:
    cell = Cell()
    cell.solids = Person(0.0, 0.1, 1.76).solids() + BAG
    sensor = cell.sensor()
    await sensor.open()
    assert (await reads(sensor, 40)).left_object is None, "within reach of its owner"
    cell.solids = Person(-0.5, 0.1, 1.76).solids() + BAG
    said = await reads(sensor, 40)
    assert (said.persons, said.left_object) == (1, True)


async def test_luggage_that_is_pulled_along_is_not_left() -> None:
    cell = Cell()
    sensor = cell.sensor()
    await sensor.open()
    for step in range(40):
        cell.solids = Person(-0.5, 0.1, 1.76).solids() + suitcase(0.5 - 0.012 * step, -0.25, 0.0, (0.3, 0.3, 0.5))
        assert (await sensor.read()).left_object is not True


async def test_a_left_thing_must_be_there_a_second() -> None:
    cell = Cell()
    cell.show("bag")
    sensor = cell.sensor(left_after_s=1.0)
    await sensor.open()
    said = [(await sensor.read()).left_object for _ in range(12)]
    assert said[:10] == [None] * 10
    assert said[11] is True


@pytest.mark.parametrize(
    "options", [{"agree": 0}, {"left_after_s": 0.0}, {"left_after_s": float("nan")}, {"max_age_s": 2.0}]
)
def test_options_out_of_bounds(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Cell().sensor(**options)


# --- single judgements; simulated shapes, so these pin the behaviour and prove nothing about people -----------


@pytest.mark.parametrize("turn", range(6))
@pytest.mark.parametrize("height", [1.0, 1.2, 1.5, 1.75, 1.95])
def test_one_person_of_any_height_and_turn(height: float, turn: int) -> None:
    scene = seen(Person(0.1, -0.05, height, turn * 1.05).solids(), seed=turn)
    assert scene.persons == 1
    assert scene.heads[0][2] == pytest.approx(height, abs=0.05)


def test_the_head_is_found_where_it_is() -> None:
    scene = seen(Person(0.3, -0.2, 1.7).solids())
    x, y, _ = scene.heads[0]
    assert (x + Area().x_min, y + Area().y_min) == (pytest.approx(0.33, abs=0.05), pytest.approx(-0.2, abs=0.05))


@pytest.mark.parametrize("apart", [0.45, 0.6, 0.9])
@pytest.mark.parametrize("turn", range(4))
def test_two_persons_are_never_one(apart: float, turn: int) -> None:
    scene = seen(
        Person(-apart / 2, 0.05, 1.78, turn).solids() + Person(apart / 2, 0.0, 1.66, 2 * turn).solids(), seed=turn
    )
    assert scene.persons != 1
    assert len(scene.heads) == 2


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("behind", [False, True])
def test_a_carried_child_is_never_one(turn: int, behind: bool) -> None:
    assert seen(Person(0.0, 0.0, 1.7, turn * 1.5).carrying(behind=behind), seed=turn).persons != 1


@pytest.mark.parametrize("turn", range(4))
def test_a_person_who_crouches_beside_another_is_never_one(turn: int) -> None:
    scene = seen(Person(-0.4, 0.0, 1.75).solids() + crouching(0.25, 0.05, turn), seed=turn)
    assert scene.persons is None
    assert "crouching" in scene.reason


def test_what_belongs_to_one_person() -> None:
    assert seen(Person(0.1, 0.0, 1.8, backpack=True).solids()).persons == 1
    assert seen(wheelchair(0.0, 0.0)).persons == 1
    assert seen(Person(-0.3, 0.0, 1.75).solids() + suitcase(0.2, 0.0)).persons == 1
    assert seen(Person(-0.5, 0.05, 1.75).solids() + trolley(0.22, 0.0)).persons in (1, None)


def test_dark_hair_is_no_hole() -> None:
    for seed in range(5):
        assert seen(Person(0.1, 0.0, 1.75, dark_hair=0.85).solids(), seed=seed).persons == 1


def test_a_head_without_any_echo_is_undetermined() -> None:
    """Shoulders alone must be neither nobody nor somebody."""
    heights = calibrated().heights(Room(seed=3).picture(Person(0.1, 0.0, 1.75, dark_hair=1.0).solids()))
    assert heights.hole
    assert not calibrated().heights(Room(seed=3).picture(ONE)).hole


async def test_a_person_without_a_head_is_said_to_be_undetermined() -> None:
    cell = Cell()
    cell.solids = Person(0.1, 0.0, 1.75, dark_hair=1.0).solids()
    sensor = cell.sensor()
    await sensor.open()
    said = await reads(sensor, 5)
    assert said.persons is None
    assert said.reason == "no echo from a place as large as a head"


def test_a_pole_is_neither_nobody_nor_somebody() -> None:
    scene = seen([Solid((0.1, 0.0, 0.7), (0.03, 0.03, 0.7), box=True)])
    assert scene.persons is None
    assert scene.reason == "something tall without a head"


def test_what_is_seen_beneath_an_edge_does_not_lower_it() -> None:
    """The near wall of a box is in the same cells as its edge; the trunk under a head is too."""
    room = Room(Sensor(tilt=(0.0, 0.0)), seed=7)
    floor = Floor.fit(OPTICS, [room.picture([]) for _ in range(8)])
    metres = floor.heights(room.picture(suitcase(0.5, 0.0, 0.0, (0.4, 0.4, 1.0)))).metres
    edge = metres[20, round((0.3 - Area().x_min) / 0.025)]
    assert edge == pytest.approx(1.0, abs=0.03)


def test_an_empty_cell_has_no_things_even_with_three_times_the_noise() -> None:
    for seed in range(10):
        assert seen([], seed=seed) == Scene(0, (), ())
    assert seen([], noise=3.0).persons == 0


def test_a_thin_bag_on_the_floor_is_seen_and_measured() -> None:
    scene = seen(suitcase(0.2, 0.1, 0.0, (0.35, 0.25, 0.07)))
    assert scene.persons == 0
    (thing,) = scene.things
    assert thing.height_m == pytest.approx(0.07, abs=0.03)
    assert thing.area_m2 == pytest.approx(0.0875, rel=0.35)


def test_a_tall_box_and_something_above_all_heads_are_undetermined() -> None:
    assert seen(suitcase(0.1, 0.0, 0.0, (0.5, 0.5, 1.3))).persons is None
    assert seen([Solid((0.0, 0.0, 1.2), (0.16, 0.16, 0.05), box=True)]).persons is None
    assert "reaches above" in seen([Solid((0.0, 0.0, 2.3), (0.2, 0.2, 0.1))]).reason


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -1.0, 0.05, 65.535, 1e30])
def test_hostile_pictures_are_never_an_empty_cell(value: float) -> None:
    heights = calibrated().heights(np.full((240, 320), value, np.float32))
    assert heights.measured == 0 or heights.sunk > 0.05


def test_a_covered_sensor_is_undetermined() -> None:
    heights = calibrated().heights(np.full((240, 320), 0.4, np.float32))
    assert heights.measured < 0.75 or look(heights.metres).persons is None


# --- the floor -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tilt", [(0.0, 0.0), (0.12, -0.08), (-0.1, 0.1)])
def test_the_floor_is_found_under_a_tilted_sensor(tilt: tuple[float, float]) -> None:
    room = Room(Sensor(mount_m=2.72, tilt=tilt), seed=5)
    floor = Floor.fit(OPTICS, [room.picture([]) for _ in range(8)], Area(-0.5, 0.5, -0.4, 0.4))
    assert floor.mount_m == pytest.approx(2.72, abs=0.01)
    scene = look(floor.heights(room.picture(Person(0.1, 0.0, 1.75).solids())).metres)
    assert scene.persons == 1
    assert scene.heads[0][2] == pytest.approx(1.75, abs=0.05)


def test_a_floor_with_someone_on_it_cannot_be_calibrated() -> None:
    room = Room(seed=5)
    with pytest.raises(ValueError, match="clear the cell"):
        Floor.fit(OPTICS, [room.picture(TWO) for _ in range(4)])


def test_a_floor_without_echo_or_of_another_size_cannot_be_calibrated() -> None:
    with pytest.raises(ValueError, match="hardly any echo"):
        Floor.fit(OPTICS, [np.zeros((240, 320), np.float32)])
    with pytest.raises(ValueError, match="expected 320x240"):
        Floor.fit(OPTICS, [np.full((120, 160), 2.8, np.float32)])


@pytest.mark.parametrize("area", [(0.0, 0.1, 0.0, 1.0), (1.0, 0.0, 0.0, 1.0), (-9.0, 9.0, 0.0, 1.0)])
def test_areas_out_of_bounds(area: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="wide in both directions"):
        Area(*area)


def test_a_judgement_takes_a_fraction_of_a_frame() -> None:
    """15 ms are allowed; the best of several, for the machine may be busy."""
    picture, floor = Room(seed=1).picture(TWO), calibrated()
    spent = []
    for _ in range(15):
        start = time.perf_counter()
        look(floor.heights(picture).metres)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.015

"""Travellers in the whole lane model, time turned by hand: where they go, and where they never get."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.core.types import Topology
from drivers.ports import Door
from hil.emulator.waveshare import WaveshareBoard
from hil.sim.lane import Lane
from hil.sim.observer import Observer
from hil.sim.traveller import Behaviour, Place

TICK = 0.02
DOCUMENT = Path("document")
OFF = 0xFFFF


class Bench:
    """A lane, its relay board on the same hand-turned time, and the second observer."""

    def __init__(self, topology: Topology = Topology.MANTRAP, *, seed: int = 3, speed: float = 1.0) -> None:
        self.now = 0.0
        self.board = WaveshareBoard(monotonic=lambda: self.now)
        self.observer = Observer(self.board, lambda: self.now)
        self.lane = Lane(self.observer, topology, seed=seed, speed=speed)
        self.places: list[Place] = []

    def tick(self) -> None:
        self.now += TICK
        self.lane.tick(TICK)
        self.observer.watch(self.lane.gate)
        if self.lane.traveller and (not self.places or self.places[-1] is not self.lane.traveller.place):
            self.places.append(self.lane.traveller.place)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            self.tick()

    def until(self, holds: Callable[[], bool], at_most: float = 30.0) -> None:
        end = self.now + at_most
        while not holds():
            assert self.now < end, f"still waiting; been {self.places}"
            self.tick()

    def release(self, door: Door) -> None:
        self.board._flash(0 if door is Door.ENTRY else 1, 5)

    def read_document(self) -> None:
        self.until(lambda: self.lane.plate.document is not None)
        self.lane.plate.begin()
        self.until(lambda: self.lane.plate.zone_read)
        self.lane.plate.finish()

    @property
    def place(self) -> Place:
        assert self.lane.traveller is not None
        return self.lane.traveller.place


def test_the_whole_way_through_a_mantrap() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour())
    bench.read_document()
    bench.run(2)
    assert bench.lane.plate.document is None, "he takes his document along"
    assert bench.place is Place.OUTSIDE
    bench.release(Door.ENTRY)
    bench.until(lambda: bench.place is Place.AT_CAMERA)
    bench.run(1.5)
    assert bench.lane.gate.leaf(Door.ENTRY).closed
    assert bench.lane.gate.occupied
    bench.run(5)
    assert bench.place is Place.AT_CAMERA, "no door gives way, he stays"
    bench.release(Door.EXIT)
    bench.until(lambda: bench.lane.free)
    bench.run(2)
    assert bench.places == [Place.OUTSIDE, Place.INSIDE, Place.AT_CAMERA, Place.THROUGH]
    assert bench.lane.gate.leaf(Door.EXIT).closed
    assert not bench.lane.gate.occupied
    assert bench.observer.doors_opened == {Door.ENTRY: 1, Door.EXIT: 1}
    assert bench.observer.both_unlocked == 0
    assert [(moved.relay, moved.closed) for moved in bench.observer.log()] == [
        (0, True),
        (0, False),
        (1, True),
        (1, False),
    ]


def test_released_back_he_leaves_as_he_came() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour())
    bench.read_document()
    bench.release(Door.ENTRY)
    bench.until(lambda: bench.place is Place.AT_CAMERA)
    bench.run(2)
    bench.release(Door.ENTRY)
    bench.until(lambda: bench.lane.free)
    assert bench.place is Place.AWAY
    assert bench.observer.doors_opened[Door.EXIT] == 0


def test_nobody_gets_in_without_a_release() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour(patience_s=20))
    bench.read_document()
    bench.run(30)
    assert bench.places == [Place.OUTSIDE, Place.AWAY]
    assert bench.observer.doors_opened == {Door.ENTRY: 0, Door.EXIT: 0}


def test_one_who_does_not_enter_walks_away_when_the_door_gives_way() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour(enters=False))
    bench.read_document()
    bench.release(Door.ENTRY)
    bench.until(lambda: bench.lane.free)
    assert bench.observer.doors_opened[Door.ENTRY] == 0


def test_too_late_at_the_door_he_tries_again() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour(reacts_s=12.0))
    bench.read_document()
    bench.release(Door.ENTRY)
    bench.run(20)
    assert bench.place is Place.OUTSIDE
    assert bench.observer.doors_opened[Door.ENTRY] == 0
    bench.release(Door.ENTRY)
    bench.run(6)
    bench.release(Door.ENTRY)
    bench.until(lambda: bench.place is Place.AT_CAMERA)


def test_a_document_pulled_off_breaks_its_reading() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour(pulls_document=True, takes_document_s=0.3))
    bench.until(lambda: bench.lane.plate.document is not None)
    bench.lane.plate.begin()
    bench.until(lambda: not bench.lane.plate.reading)
    assert bench.lane.plate.broken_off == 1
    assert bench.lane.plate.readings == 0


def test_a_document_nobody_reads_is_lifted_and_laid_down_again() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour())
    bench.until(lambda: bench.lane.plate.placements == 3)
    bench.read_document()
    bench.run(2)
    assert bench.lane.plate.document is None
    assert bench.lane.plate.placements == 3


def test_a_second_reading_is_waited_for() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour(takes_document_s=0.3))
    bench.read_document()
    bench.lane.plate.begin()
    bench.until(lambda: bench.lane.plate.zone_read)
    assert bench.lane.plate.document is not None, "the chip takes as long as it takes"
    bench.lane.plate.finish()
    assert bench.lane.plate.readings == 2


def test_in_an_emergency_he_goes_back_as_he_came() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour())
    bench.read_document()
    bench.release(Door.ENTRY)
    bench.until(lambda: bench.place is Place.AT_CAMERA)
    bench.run(2)
    bench.lane.gate.emergency = True
    bench.until(lambda: bench.lane.free)
    assert bench.place is Place.AWAY
    assert bench.observer.both_unlocked == 0, "unlocked by wire is no breach of the interlock"


def test_the_observer_sees_both_doors_unlocked() -> None:
    bench = Bench()
    bench.release(Door.ENTRY)
    bench.release(Door.EXIT)
    bench.run(0.2)
    assert bench.observer.both_unlocked > 0


def test_the_way_through_a_turnstile() -> None:
    bench = Bench(Topology.TURNSTILE)
    bench.lane.present(DOCUMENT, Behaviour())
    bench.read_document()
    assert bench.place is Place.AT_CAMERA
    assert bench.lane.gate.occupied
    bench.release(Door.EXIT)
    bench.until(lambda: bench.lane.free)
    assert bench.place is Place.THROUGH


def test_sent_away_from_a_turnstile_he_goes() -> None:
    bench = Bench(Topology.TURNSTILE)
    traveller = bench.lane.present(DOCUMENT, Behaviour())
    bench.read_document()
    traveller.send_away()
    bench.until(lambda: bench.lane.free)
    assert bench.place is Place.AWAY
    assert not bench.lane.gate.occupied


def test_two_at_once_are_refused() -> None:
    bench = Bench()
    bench.lane.present(DOCUMENT, Behaviour())
    with pytest.raises(RuntimeError, match="another traveller"):
        bench.lane.present(DOCUMENT, Behaviour())


def course(seed: int, speed: float = 1.0) -> list[tuple[float, Place]]:
    bench = Bench(seed=seed, speed=speed)
    bench.lane.present(DOCUMENT, Behaviour())
    bench.read_document()
    bench.release(Door.ENTRY)
    bench.until(lambda: bench.place is Place.AT_CAMERA)
    return [(bench.now, place) for place in bench.places]


def test_equal_seeds_give_equal_courses_and_speed_shortens_them() -> None:
    assert course(1) == course(1)
    assert course(1) != course(2)
    assert course(1, speed=4.0)[-1][0] < course(1)[-1][0] / 2

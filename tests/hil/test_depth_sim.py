"""The simulated overhead sensor: geometry by hand, faults by their share, and the counting command."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import stats

from drivers.sensing import Area
from hil.sim import depth_sets
from hil.sim.depth import OPTICS, Person, Room, Sensor, Solid, suitcase
from hil.sim.depth_sets import SETS, count, interval, main, rooms

LEVEL = Sensor(tilt=(0.0, 0.0), noise=0.0)


def at(room: Room, x: float, y: float, height: float) -> tuple[int, int]:
    """Row and column where a level sensor sees a point of the room, worked out by hand."""
    away = room.sensor.mount_m - height
    return round(OPTICS.cy - y / away * OPTICS.fy), round(OPTICS.cx + x / away * OPTICS.fx)


def test_the_floor_of_a_level_sensor_is_one_distance() -> None:
    depth, shown = Room(LEVEL).clean([])
    assert np.allclose(depth, 2.8)
    assert (shown == -1).all()


def test_a_tilted_sensor_sees_the_floor_farther_on_one_side() -> None:
    depth, _ = Room(Sensor(tilt=(0.1, 0.0), noise=0.0)).clean([])
    rows = depth[:, 160]
    assert (np.diff(rows) < 0).all() or (np.diff(rows) > 0).all()
    assert depth[120, 160] == pytest.approx(2.8 / math.cos(0.1), rel=2e-3)


def test_a_box_has_its_top_where_it_stands() -> None:
    room = Room(LEVEL)
    depth, shown = room.clean(suitcase(0.4, -0.3, 0.0, (0.4, 0.2, 0.5)))
    assert depth[at(room, 0.4, -0.3, 0.5)] == pytest.approx(2.3)
    assert shown[at(room, 0.4, -0.3, 0.5)] == 0
    assert depth[at(room, -0.4, -0.3, 0.5)] == pytest.approx(2.8)
    top = np.isclose(depth, 2.3).sum()
    assert top == pytest.approx(0.4 * 0.2 * (170 / 2.3) ** 2, rel=0.1)


def test_an_ellipsoid_has_its_summit_and_turns_with_yaw() -> None:
    room = Room(LEVEL)
    solid = Solid((0.0, 0.0, 1.0), (0.3, 0.1, 0.2), yaw=math.pi / 2)
    depth, shown = room.clean([solid])
    assert depth.min() == pytest.approx(1.6, abs=1e-3)
    rows, columns = np.nonzero(shown == 0)
    assert np.ptp(rows) == pytest.approx(3 * np.ptp(columns), rel=0.1)


def test_the_nearer_solid_hides_the_farther_whatever_their_order() -> None:
    low, high = Solid((0, 0, 0.5), (0.2, 0.2, 0.2)), Solid((0, 0, 1.5), (0.2, 0.2, 0.2))
    for order in ([low, high], [high, low]):
        assert Room(LEVEL).clean(order)[0].min() == pytest.approx(1.1, abs=1e-3)


@pytest.mark.parametrize("height", [1.0, 1.5, 1.9])
def test_a_person_is_as_high_as_said(height: float) -> None:
    depth, _ = Room(LEVEL).clean(Person(0.0, 0.0, height).solids())
    assert 2.8 - depth.min() == pytest.approx(height, abs=0.01)


def test_one_seed_one_picture_and_two_pictures_differ() -> None:
    first, again, other = Room(seed=4), Room(seed=4), Room(seed=5)
    picture = first.picture([])
    assert picture.dtype == np.float32
    assert picture.shape == (240, 320)
    assert np.array_equal(picture, again.picture([]))
    assert not np.array_equal(picture, other.picture([]))
    assert not np.array_equal(picture, first.picture([])), "a living sensor never gives one picture twice"


def test_noise_grows_with_distance_and_with_its_scale() -> None:
    def spread(mount: float, noise: float) -> float:
        room = Room(Sensor(mount_m=mount, tilt=(0.0, 0.0), noise=noise), seed=1)
        pair = [room.picture([]) for _ in range(2)]
        both = (pair[0] > 0) & (pair[1] > 0)
        difference = (pair[0] - pair[1])[both]
        return float(np.percentile(np.abs(difference - np.median(difference)), 68) / math.sqrt(2))

    assert spread(3.0, 1.0) > 1.3 * spread(2.0, 1.0)
    assert spread(2.8, 3.0) > 2.0 * spread(2.8, 1.0)


def test_dark_hair_drops_its_share_and_only_there() -> None:
    person = Person(0.0, 0.0, 1.75, dark_hair=0.6)
    room = Room(Sensor(tilt=(0.0, 0.0)), seed=2)
    _, shown = room.clean(person.solids())
    lost = room.picture(person.solids()) == 0
    assert lost[shown == 0].mean() == pytest.approx(0.6, abs=0.08)
    assert lost[shown == -1].mean() < 0.05


def test_flying_pixels_lie_between_an_edge_and_the_floor_behind() -> None:
    room = Room(Sensor(tilt=(0.0, 0.0)), seed=3)
    box = suitcase(0.0, 0.0, 0.0, (0.5, 0.5, 1.0))
    picture = room.picture(box)
    assert ((picture > 1.95) & (picture < 2.6)).sum() > 50
    calm = Room(LEVEL).picture(box)
    assert ((calm > 1.95) & (calm < 2.6)).sum() == 0


def test_the_interval_is_clopper_and_pearsons() -> None:
    assert interval(0, 100) == (0.0, pytest.approx(1 - 0.025 ** (1 / 100)))
    assert interval(100, 100) == (pytest.approx(0.025 ** (1 / 100)), 1.0)
    low, high = interval(7, 50)
    exact = stats.binomtest(7, 50).proportion_ci(method="exact")
    assert (low, high) == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_every_answer_is_counted_once_and_the_easy_sets_are_right() -> None:
    places = rooms(77)[:2]
    by_name = {kind.name: kind for kind in SETS}
    for name, right in (("empty", "0"), ("one, backpack", "1"), ("two, 0.45 m apart", "2+")):
        answers = count(by_name[name], 6, places, 500)
        assert sum(answers[key] for key in ("0", "1", "2+", "undetermined")) == 6
        assert answers["1" if right != "1" else "0"] == 0
        assert answers[right] >= 4
    assert count(by_name["left bag"], 3, places, 500)["left True"] == 3


def test_the_made_cells_keep_everybody_inside() -> None:
    area = Area()
    for kind in SETS:
        for index in range(10):
            solids = kind.make(np.random.default_rng(index))
            assert bool(solids) == (kind.name != "empty")
            assert all(area.x_min - 0.3 < s.centre[0] < area.x_max + 0.3 for s in solids)


def test_the_command_says_simulated_and_its_seed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "sheet.png"
    monkeypatch.setattr(depth_sets, "SETS", SETS[:2])
    monkeypatch.setattr("sys.argv", ["depth", "--sets", "2", "--seed", "31", "--sheet", str(path)])
    main()
    said = capsys.readouterr().out
    assert said.startswith("SIMULATED overhead depth, 2 cells a set, seed 31")
    assert "one person" in said
    sheet = cv2.imread(str(path))
    assert sheet is not None
    assert sheet.shape == (240, 3 * 680, 3)

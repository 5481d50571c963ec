"""The tracer against physics one can do by hand, and against Mitsuba's own integrator."""

import sys

import numpy as np
import pytest

from hil.examiner import tracer as t
from hil.examiner.compiled import Compiled
from hil.examiner.piece import join, piece, sheet
from hil.examiner.plain import Plain
from hil.examiner.tracer import Lamps, View

VIEW = View(24, 20, 30.0)
compiled = pytest.mark.skipif(t.llvm_library() is None, reason="the compiled tracer needs LLVM 17 or newer")


def square(size: float, depth: float, colour, at=(0.0, 0.0), **surface):
    xs, ys = np.meshgrid(np.linspace(-size, size, 5), np.linspace(size, -size, 5))
    vertices = np.stack([xs.ravel() + at[0], ys.ravel() + at[1], np.full(xs.size, -depth)], axis=1)
    return piece(vertices, sheet(5, 5), np.asarray(colour, float), **({"rough": 1.0} | surface))


COLOUR = np.linspace(0.1, 0.9, 11)
WALL = square(700.0, 600.0, COLOUR)
# A corner: a card stands out before the wall and shades it, and both light each other.
SCENE = join([WALL, square(60.0, 480.0, np.full(11, 0.5), (70.0, 0.0), rough=0.5, gloss=0.3)])
LAMPS = Lamps({"L": (-200.0, 0.0, -20.0), "C": (0.0, 8.0, -5.0)}, 0.02, 0.3, 0.4, 0.2, 6.0, (0.4, 0.5, 0.8))


def images(scene=SCENE, lamps=LAMPS, samples=64, seed=3, kind=Compiled, glow=None):
    return kind(scene, VIEW, seed, np.zeros((len(scene.vertices), 3)) if glow is None else glow).images(lamps, samples)


@compiled
def test_a_matt_wall_square_to_an_led_returns_its_reflectance():
    seen = images(WALL, Lamps({"C": (0.0, 0.0, -1.0)})).leds["C"][9:11, 11:13].mean(axis=(0, 1))
    assert seen == pytest.approx(COLOUR[3:9], rel=0.12)
    assert np.corrcoef(seen, COLOUR[3:9])[0, 1] > 0.999


@compiled
def test_a_wall_in_the_sky_alone_returns_its_reflectance_of_it():
    seen = images(WALL, Lamps(sky_wide=0.5, sky_visible=2.0))
    assert seen.ambient[9:11, 11:13].mean(axis=(0, 1)) == pytest.approx(0.5 * COLOUR[9:], rel=0.12)
    assert seen.visible[9:11, 11:13].mean(axis=(0, 1)) == pytest.approx(2.0 * COLOUR[:3], abs=0.15)


@compiled
def test_what_glows_shows_in_the_visible_alone():
    glow = np.full((len(WALL.vertices), 3), 0.25)
    seen = images(WALL, Lamps({"L": (0.0, 0.0, -1.0)}), glow=glow)
    dark = images(WALL, Lamps({"L": (0.0, 0.0, -1.0)}))
    assert seen.visible == pytest.approx(0.25, abs=1e-6)
    assert np.array_equal(seen.leds["L"], dark.leds["L"])


@compiled
def test_the_same_seed_is_the_same_image():
    first, again, other = images(samples=4), images(samples=4), images(samples=4, seed=4)
    assert np.array_equal(first.leds["L"], again.leds["L"])
    assert np.array_equal(first.visible, again.visible)
    assert not np.array_equal(first.leds["L"], other.leds["L"])


@compiled
def test_planes_tell_what_is_where():
    planes = Compiled(
        square(60.0, 600.0, np.full(11, 0.5), temperature=34.0, soft=1.5, retro=1.0), VIEW, 1, np.zeros((25, 3))
    ).planes()
    assert planes.depth[10, 12] == pytest.approx(600.0, rel=1e-3)
    assert np.isinf(planes.depth[0, 0])
    assert planes.normal[10, 12] == pytest.approx([0.0, 0.0, 1.0], abs=1e-4)
    assert (planes.temperature[10, 12], planes.soft[10, 12], planes.retro[10, 12]) == pytest.approx((34.0, 1.5, 1.0))


def agreement(ours, theirs):
    """Largest difference of the averages over quarters of the image, relative to the brightest."""
    quarters = [np.s_[a : a + 10, b : b + 12] for a in (0, 10) for b in (0, 12)]
    return max(
        np.abs(ours[where].mean(axis=(0, 1)) - theirs[where].mean(axis=(0, 1))).max() / theirs.mean(axis=(0, 1)).max()
        for where in quarters
    )


@compiled
def test_both_tracers_see_the_same():
    ours, theirs = images(samples=128), images(samples=256, kind=Plain)
    for where in LAMPS.leds:
        assert agreement(ours.leds[where], theirs.leds[where]) < 0.03
    assert agreement(ours.ambient, theirs.ambient) < 0.04
    assert agreement(ours.visible, theirs.visible) < 0.05


@compiled
def test_the_plain_tracer_has_the_same_planes():
    scene = SCENE
    glow = np.zeros((len(scene.vertices), 3))
    ours, theirs = (kind(scene, VIEW, 1, glow).planes() for kind in (Compiled, Plain))
    assert np.median(np.abs(ours.depth - theirs.depth)) < 4.0
    assert np.median(np.abs(ours.temperature - theirs.temperature)) < 0.1


@pytest.fixture
def without_llvm(monkeypatch):
    monkeypatch.setattr(t, "llvm_library", lambda: None)
    t.mitsuba.cache_clear()
    yield
    t.mitsuba.cache_clear()


def test_without_llvm_the_plain_tracer_does_it(without_llvm):
    seen = t.tracer(WALL, VIEW, 1)
    assert isinstance(seen, Plain)
    assert t.mitsuba().variant() == "scalar_rgb"
    image = seen.images(Lamps({"C": (0.0, 0.0, -1.0)}), 8)
    assert image.leds["C"][9:11, 11:13].mean(axis=(0, 1)) == pytest.approx(COLOUR[3:9], rel=0.12)
    assert not image.ambient.any()


def test_without_mitsuba_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    t.mitsuba.cache_clear()
    with pytest.raises(t.TracerError, match="examiner"):
        t.mitsuba()
    monkeypatch.undo()
    t.mitsuba.cache_clear()
    assert t.mitsuba()

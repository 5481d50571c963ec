"""Paint, ink and pigmented rubber matched to a wanted colour: the visible obeys the forger, the rest obeys physics.

A colour is matched by finding the amounts of the pigments whose mixture looks so (damped Gauss-Newton on the logarithms
of the amounts). This is done once for a grid of colours; textures then look up between the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from hil.scene.optics import pigments
from hil.scene.optics.grid import F32, WAVELENGTHS, f32
from hil.scene.optics.layers import film, infinite, ratio_of
from hil.scene.optics.materials import TYPICAL, Batch, draw_batch, spectrum
from hil.scene.optics.response import Site, observe


@dataclass(frozen=True, slots=True)
class Variation:
    """One forger's materials.

    `ground`: batch of the substrate. `carbon`: share of carbon in the dark pigment, the rest clear in the NIR.
    `hiding`: thickness of the paint (optical, of its white at 550 nm). `replacement`: share of the grey component that
    a printer makes with its black. `shift_nm`, `rust`: grade of the pigments.
    """

    ground: Batch = field(default=TYPICAL)
    carbon: float = 0.25
    hiding: float = 5.0
    replacement: float = 0.85
    shift_nm: float = 0.0
    rust: float = 1.0


PLAIN = Variation()


def draw_variation(rng: np.random.Generator) -> Variation:
    """Another forger."""
    return Variation(
        ground=draw_batch(rng),
        carbon=float(rng.uniform(0.05, 0.5)),
        hiding=float(np.exp(rng.normal(np.log(5.0), 0.3))),
        replacement=float(rng.uniform(0.6, 1.0)),
        shift_nm=float(rng.normal(0.0, 6.0)),
        rust=float(np.exp(rng.normal(0.0, 0.25))),
    )


KINDS: tuple[str, ...] = ("paint", "dye", "toner", "solvent", "bulk")
"""Opaque paint; dye ink; toner with carbon; solvent ink, its black mostly dyes; pigment in the body of a rubber."""

SUBSTANCE: Mapping[str, tuple[str, str]] = MappingProxyType({
    "print_dye": ("dye", "paper"),
    "print_toner": ("toner", "paper"),
    "print_vinyl": ("solvent", "vinyl"),
    "paper_mask": ("dye", "card"),
    "fabric_mask": ("dye", "polyester"),
    "resin_mask": ("paint", "resin"),
    "pla_mask": ("paint", "pla"),
    "gypsum_mask": ("paint", "gypsum"),
    "latex_mask": ("paint", "latex"),
    "silicone_mask": ("bulk", "silicone"),
    "silicone_tuned_mask": ("bulk", "silicone_tuned"),
    "silicone_nose": ("bulk", "silicone"),
    "silicone_lower_face": ("bulk", "silicone"),
    "latex_half": ("paint", "latex"),
})  # fmt: skip
"""Kind and substrate of each species of instrument; screens are light, not paint (`lcd_glass`, `oled_glass`)."""

_Mix = Callable[[F32], F32]  # log amounts [N, P] -> spectra [N, 261]


def paint_bands(
    rgb: ArrayLike, kind: str, substrate: str, variation: Variation = PLAIN, response: Site | None = None
) -> F32:
    """What the site sees of a colouring matched to `rgb`, float32[..., channels].

    `rgb` is linear reflectance in the order R, G, B of the site. Colours the pigments cannot reach come as near as they
    can. Raises ValueError for an unknown kind, KeyError for an unknown substrate.
    """
    wanted = np.clip(f32(rgb), _DARKEST, _BRIGHTEST)
    if wanted.shape[-1] != 3 or not np.isfinite(wanted).all():
        raise ValueError("rgb is finite and its last axis has three entries")
    table = _table(kind, substrate, variation, response or Site())
    flat = wanted.reshape(-1, 3)
    out = np.empty((len(flat), table.shape[-1]), dtype=np.float32)
    for start in range(0, len(flat), _CHUNK):
        part = flat[start : start + _CHUNK]
        out[start : start + _CHUNK] = _look_up(table, part)
    return out.reshape(*wanted.shape[:-1], -1)


def paint_spectra(
    rgb: ArrayLike, kind: str, substrate: str, variation: Variation = PLAIN, response: Site | None = None
) -> F32:
    """The spectra themselves, without a table: for few colours, float32[..., 261]."""
    wanted = np.clip(f32(rgb), _DARKEST, _BRIGHTEST)
    return _match(wanted.reshape(-1, 3), kind, substrate, variation, response or Site()).reshape(*wanted.shape[:-1], -1)


_NODES, _DARKEST, _BRIGHTEST, _CHUNK = 12, 0.015, 0.92, 65536
_SPAN = float(np.log(_BRIGHTEST / _DARKEST))


@lru_cache(maxsize=48)
def _table(kind: str, substrate: str, variation: Variation, site: Site) -> F32:
    """Bands at every node; the visible as its ratio to the wanted colour, so that what can be matched is exact."""
    axis = np.exp(np.linspace(np.log(_DARKEST), np.log(_BRIGHTEST), _NODES)).astype(np.float32)
    nodes = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    seen = np.log(observe(_match(nodes, kind, substrate, variation, site), site))
    seen[:, :3] -= np.log(nodes)
    return f32(seen)


def _look_up(table: F32, rgb: F32) -> F32:
    place = np.clip(np.log(rgb / _DARKEST) * ((_NODES - 1) / _SPAN), 0.0, _NODES - 1.0001)
    low = place.astype(np.int32)
    share = (place - low).astype(np.float32)
    index = (low[:, 0] * _NODES + low[:, 1]) * _NODES + low[:, 2]
    total = np.zeros((len(rgb), table.shape[-1]), dtype=np.float32)
    for corner in range(8):
        step = (corner >> 2 & 1, corner >> 1 & 1, corner & 1)
        weight = np.ones(len(rgb), dtype=np.float32)
        for axis in range(3):
            weight *= share[:, axis] if step[axis] else 1.0 - share[:, axis]
        total += weight[:, None] * table[index + (step[0] * _NODES + step[1]) * _NODES + step[2]]
    total[:, :3] += np.log(rgb)
    return f32(np.exp(total))


def _match(rgb: F32, kind: str, substrate: str, variation: Variation, site: Site) -> F32:
    """Spectra of the colouring that looks as `rgb`, float32[N, 261]."""
    ground = spectrum(substrate, variation.ground)
    if kind in ("paint", "bulk"):
        mix, start = _pigmented(kind, ground, variation), np.array([-1.5, -1.5, -2.0, -4.0])
    elif kind in ("dye", "toner", "solvent"):
        mix, start = _printed(kind, rgb, ground, variation, site), np.full(3, -1.5)
    else:
        raise ValueError(f"{kind!r} is no kind of colouring; there are {', '.join(KINDS)}")
    return mix(solve(rgb, mix, f32(start), site))


def _pigmented(kind: str, ground: F32, variation: Variation) -> _Mix:
    """A layer of paint over the ground, or pigment throughout it."""
    colours = pigments.paints(variation.carbon, variation.shift_nm, variation.rust)

    def mix(amounts: F32) -> F32:
        share = np.exp(amounts)
        k, s = share @ colours.k, share @ colours.s
        if kind == "paint":
            return film(f32(colours.base_k + k), f32(colours.base_s + s), variation.hiding, ground)
        # The rubber scatters by its own filler; its k follows from what it reflects unpigmented.
        own = (WAVELENGTHS / 550.0) ** np.float32(-0.6)
        return infinite(f32(own * ratio_of(ground) + k), f32(own + s))

    return mix


def _printed(kind: str, rgb: F32, ground: F32, variation: Variation, site: Site) -> _Mix:
    """Ink that only absorbs: light crosses it twice. A printer first makes the grey component with its black."""
    density = pigments.inks(variation.shift_nm)
    share = {"dye": 0.0, "toner": variation.replacement, "solvent": 0.3 * variation.replacement}[kind]
    paper = observe(ground, site)[:3]
    grey = np.maximum(np.log(paper / rgb).min(axis=-1), 0.0) * share / 2.3
    black = f32(np.minimum(grey, 1.5)[:, None] * pigments.carbon_black())

    def mix(amounts: F32) -> F32:
        # A printed solid never gets blacker than the surface it shines from.
        return f32(0.008 + (ground - 0.008) * np.exp(-(np.exp(amounts) @ density + black)))

    return mix


_STEPS, _DAMPING, _PRIOR = 18, 0.004, 0.0001


def solve(rgb: F32, mix: _Mix, start: F32, site: Site) -> F32:
    """Log amounts whose mixture is seen as `rgb`, float32[N, P]; `start` is also what is kept where colour is free."""
    goal = np.log(rgb)

    def seen(amounts: F32) -> F32:
        return f32(np.log(observe(mix(amounts), site)[:, :3]))

    amounts = np.tile(start, (len(rgb), 1))
    count = len(start)
    for _ in range(_STEPS):
        here = seen(amounts)
        slope = np.stack([(seen(f32(amounts + 0.02 * np.eye(count)[p])) - here) / 0.02 for p in range(count)], axis=-1)
        turn = np.swapaxes(slope, -1, -2)
        normal = turn @ slope + (_DAMPING + _PRIOR) * np.eye(count)
        pull = (turn @ (goal - here)[..., None])[..., 0] - _PRIOR * (amounts - start)
        step = np.linalg.solve(normal, pull[..., None])[..., 0]
        amounts = f32(np.clip(amounts + np.clip(step, -1.0, 1.0), -9.0, 3.0))
    return amounts

"""Paint, ink and pigmented rubber matched to a wanted colour: the visible obeys the forger, the rest obeys physics.

A colour is matched by finding the amounts of the pigments whose mixture looks so (Levenberg-Marquardt on the logarithms
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
from hil.scene.optics.response import Site, observe, weights


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
    replacement: float = 0.92
    shift_nm: float = 0.0
    rust: float = 1.0


PLAIN = Variation()


def draw_variation(rng: np.random.Generator) -> Variation:
    """Another forger."""
    return Variation(
        ground=draw_batch(rng),
        carbon=float(rng.uniform(0.05, 0.5)),
        hiding=float(np.exp(rng.normal(np.log(5.0), 0.3))),
        replacement=float(rng.uniform(0.75, 1.0)),
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

_Mix = Callable[[F32, slice], F32]  # log amounts [N, P], which wavelengths -> spectra [N, wavelengths]
_WHOLE = slice(None)


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


_FILLED = 0.45  # how much pigment goes into a rubber, relative to a paint
_DARKEST, _BRIGHTEST, _CHUNK = 0.015, 0.92, 65536
# Axes of the table: ln R, ln R/G, ln G/B, each from, to, nodes. Colours beyond are drawn to its faces.
_AXES = ((float(np.log(_DARKEST)), float(np.log(_BRIGHTEST)), 14), (-1.2, 2.0, 14), (-1.2, 1.6, 12))


@lru_cache(maxsize=48)
def _table(kind: str, substrate: str, variation: Variation, site: Site) -> F32:
    """Bands at every node; the visible as its ratio to the wanted colour, so that what can be matched is exact."""
    red, warm, yellow = np.meshgrid(*(np.linspace(*axis) for axis in _AXES), indexing="ij")
    nodes = np.clip(np.exp(f32(np.stack([red, red - warm, red - warm - yellow], axis=-1))), 0.003, 0.95).reshape(-1, 3)
    seen = np.log(observe(_match(nodes, kind, substrate, variation, site), site))
    seen[:, :3] -= np.log(nodes)
    return f32(seen).reshape(*red.shape, -1)


def _look_up(table: F32, rgb: F32) -> F32:
    log = np.log(rgb)
    axes = (log[:, 0], log[:, 0] - log[:, 1], log[:, 1] - log[:, 2])
    lows, shares = [], []
    for value, (low, high, count) in zip(axes, _AXES, strict=True):
        place = np.clip((value - low) * ((count - 1) / (high - low)), 0.0, count - 1.0001)
        lows.append(place.astype(np.int64))
        shares.append(f32(place - lows[-1]))
    total = np.zeros((len(rgb), table.shape[-1]), dtype=np.float32)
    for corner in np.ndindex(2, 2, 2):
        weight = np.ones(len(rgb), dtype=np.float32)
        for share, up in zip(shares, corner, strict=True):
            weight *= share if up else 1.0 - share
        total += weight[:, None] * table[tuple(low + up for low, up in zip(lows, corner, strict=True))]
    total[:, :3] += log
    return f32(np.exp(total))


def _match(rgb: F32, kind: str, substrate: str, variation: Variation, site: Site) -> F32:
    """Spectra of the colouring that looks as `rgb`, float32[N, 261]."""
    ground = spectrum(substrate, variation.ground)
    if kind in ("paint", "bulk"):
        mix, start = _pigmented(kind, ground, variation), pigments.PAINTS_USUAL
    elif kind in ("dye", "toner", "solvent"):
        mix, start = _printed(kind, rgb, ground, variation, site), f32([-1.5] * 3)
    else:
        raise ValueError(f"{kind!r} is no kind of colouring; there are {', '.join(KINDS)}")
    return mix(solve(rgb, mix, start, site), _WHOLE)


def _pigmented(kind: str, ground: F32, variation: Variation) -> _Mix:
    """A layer of paint over the ground, or pigment throughout it."""
    colours = pigments.paints(variation.carbon, variation.shift_nm, variation.rust)

    # A rubber scatters by its own filler; its k follows from what it reflects unpigmented.
    own_s = (WAVELENGTHS / 550.0) ** np.float32(-0.6) * np.float32(0.8)
    own_k = own_s * ratio_of(ground)

    def mix(amounts: F32, at: slice) -> F32:
        if kind == "paint":
            # A paint holds as much pigment as it can; what differs is the shares, and how thick it is laid on.
            shares = amounts - np.log(np.exp(amounts).sum(axis=-1, keepdims=True))
            k, s = colours.mixed(f32(shares), at)
            return film(k, s, variation.hiding, ground[at])
        k, s = colours.mixed(amounts, at)
        return infinite(f32(own_k[at] + _FILLED * k), f32(own_s[at] + _FILLED * s))

    return mix


def _printed(kind: str, rgb: F32, ground: F32, variation: Variation, site: Site) -> _Mix:
    """Ink that only absorbs: light crosses it twice. A printer first makes the grey component with its black."""
    density = pigments.inks(variation.shift_nm, {"dye": 0.004, "toner": 0.04, "solvent": 0.02}[kind])
    share = {"dye": 0.0, "toner": variation.replacement, "solvent": 0.3 * variation.replacement}[kind]
    paper = observe(ground, site)[:3]
    grey = np.maximum(np.log(paper / rgb).min(axis=-1), 0.0) * share / 2.3
    black = f32(np.minimum(grey, 1.5)[:, None] * pigments.carbon_black())

    def mix(amounts: F32, at: slice) -> F32:
        # A printed solid never gets blacker than the surface it shines from.
        ink = np.exp(amounts) @ density[:, at] + black[:, at]
        return f32(0.008 + (ground[at] - 0.008) * np.exp(-ink))

    return mix


_STEPS, _PRIOR = 14, 0.0002
_SEEN = slice(0, 121, 3)  # the visible and what leaks through its filters; every third wavelength does for colour


def solve(rgb: F32, mix: _Mix, start: F32, site: Site) -> F32:
    """Log amounts whose mixture is seen as `rgb`, float32[N, P]; `start` is also what is kept where colour is free."""
    goal, count = np.log(rgb), len(start)
    see = weights(site)[_SEEN, :3] / weights(site)[_SEEN, :3].sum(axis=0)

    def miss(amounts: F32) -> F32:
        colour = goal - np.log(mix(amounts, _SEEN) @ see)
        return f32(np.concatenate([colour, np.sqrt(_PRIOR) * (start - amounts)], axis=-1))

    amounts = np.tile(start, (len(rgb), 1))
    here, damping = miss(amounts), np.full((len(rgb), 1, 1), 0.01)
    for _ in range(_STEPS):
        slope = np.stack([(here - miss(f32(amounts + 0.01 * np.eye(count)[p]))) / 0.01 for p in range(count)], axis=-1)
        turn = np.swapaxes(slope, -1, -2)
        step = np.linalg.solve(turn @ slope + damping * np.eye(count), turn @ here[..., None])[..., 0]
        trial = f32(np.clip(amounts + np.clip(step, -1.5, 1.5), -9.0, 4.0))
        there = miss(trial)
        better = ((there**2).sum(axis=-1) < (here**2).sum(axis=-1))[:, None]
        amounts, here = np.where(better, trial, amounts), np.where(better, there, here)
        damping = np.where(better[..., None], damping * 0.2, damping * 6.0)
    return f32(amounts)

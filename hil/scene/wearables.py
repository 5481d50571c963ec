"""What an honest traveller wears on the head: glasses, a medical mask, a headscarf, make-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter

from hil.scene.arrays import F32, f32
from hil.scene.cast import Traveller
from hil.scene.hair import curtain, ears, neck, scalp, shirt
from hil.scene.head import angles, curve, mouth_line, normals, ramp
from hil.scene.optics.makeup import make_up_bands
from hil.scene.optics.response import Site
from hil.scene.paint import noise, refine
from hil.scene.palette import material, seed_of
from hil.scene.person import bare_head, palette_of, parts_of, stride_of
from hil.scene.shot import Shot
from hil.scene.surface import ALPHA, AO, GLOSS, HEAT, Part, blank, copied
from hil.scene.traits import Traits

MakeUp = Literal["none", "light", "full"]
AMOUNTS: Mapping[str, float] = MappingProxyType({"none": 0.0, "light": 0.3, "full": 1.0})

# Transmission of a pair of surfaces and the body between, in the order of `bands.CHANNELS`.
LENSES: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "clear": (0.93, 0.93, 0.92, 0.93, 0.93, 0.93, 0.93, 0.91, 0.88),
        "swir": (0.93, 0.93, 0.92, 0.92, 0.91, 0.90, 0.86, 0.68, 0.50),
        "heat": (0.90, 0.92, 0.90, 0.72, 0.66, 0.64, 0.60, 0.60, 0.58),
    }
)
"""Clear plastic; thick plastic that absorbs beyond 1200 nm; a lens that reflects near infrared."""


@dataclass(frozen=True, slots=True)
class Wearables:
    """What is worn. `glasses` names a frame ("frame_black", "frame_metal", "frame_tortoise"), `lens` one of `LENSES`,
    `medical_mask` and `headscarf` a material ("mask_white", "headscarf_blue")."""

    glasses: str | None = None
    lens: str = "clear"
    medical_mask: str | None = None
    headscarf: str | None = None
    make_up: MakeUp = "none"


PLAIN = Wearables()


def dress(shot: Shot, who: Traveller, wears: Wearables) -> None:
    """Draw a person with everything that is worn."""
    shot.draw(*_person(who, wears, shot.site, shot.detail))
    if wears.medical_mask is not None:
        shot.draw(medical_mask(who, wears.medical_mask, shot.site, shot.detail), bias_mm=-5.0)
    put_on_glasses(shot, who, wears)


def _person(who: Traveller, wears: Wearables, site: Site, detail: int) -> list[Part]:
    if wears.headscarf is None and wears.make_up == "none":
        return list(parts_of(who, site, detail))
    t, palette = who.traits, palette_of(who, site)
    head = bare_head(who, site, detail)
    face = made_up(head, who, AMOUNTS[wears.make_up], site) if wears.make_up != "none" else head
    parts = [shirt(t, palette), neck(t, palette)]
    if wears.headscarf is not None:
        parts += [face, *headscarf(who, head.mesh, wears.headscarf, site, detail)]
        return parts
    hair = replace(scalp(t, head.mesh, palette, detail), stride=stride_of(detail))
    return [part for part in (*parts, curtain(t, palette), face, *ears(t, palette), hair) if part is not None]


def made_up(head: Part, who: Traveller, amount: float, site: Site) -> Part:
    """The head under foundation, powder on top; eyes and lips are left out."""
    t, texture = who.traits, copied(head.texture)
    cols = np.cos(np.interp(np.linspace(0, 279, texture.shape[1]), np.arange(head.mesh.shape[1]), angles()))
    near = np.flatnonzero(cols > 0.1)
    box = (slice(None), slice(near[0], near[-1] + 1))
    place = refine(np.ascontiguousarray(head.mesh[..., :2]), texture.shape[0] // head.mesh.shape[0])[box]
    x, y = place[..., 0], place[..., 1]
    eye = np.hypot((np.abs(x) - t.eye_x) / (t.eye_half_width + 1.0), y / (t.eye_open * 0.6))
    lips = np.hypot(x / (t.mouth_half_width + 1.0), (y - mouth_line(t) + 1.0) / (t.lip_upper + t.lip_lower) * 1.7)
    brow = np.hypot((np.abs(x) - 30.0) / 22.0, (y - t.brow_y - t.brow_arch * 0.6) / (t.brow_thick + 1.5))
    rng = np.random.default_rng(seed_of("make-up", who.key))
    spread = np.clip(1.0 + 0.15 * noise(rng, x.shape, (12.0, 12.0)), 0.4, 1.3)
    where = ramp(0.9, 1.2, eye) * ramp(0.9, 1.15, lips) * (1 - 0.8 * ramp(1.1, 0.8, brow))
    where = where * ramp(0.12, 0.4, f32(cols[near]))[None, :] * ramp(-t.chin_y - 2.0, -t.chin_y + 6.0, y)
    where = where * ramp(t.hairline + 6.0, t.hairline - 2.0, y)
    shade = round(float(np.clip(t.tone + rng.normal(0.0, 0.15), 1.0, 6.0)), 1)
    shown = texture[..., :AO][box]
    texture[..., :AO][box] = make_up_bands(f32(shown), f32(where * spread * amount), shade, site)
    texture[..., GLOSS][box] *= 1.0 - 0.5 * amount * where
    return replace(head, texture=texture)


def medical_mask(who: Traveller, cloth: str, site: Site, detail: int) -> Part:
    """A pleated non-woven mask over nose, mouth and chin."""
    t = who.traits
    mesh = bare_head(who, site, detail).mesh
    smooth = gaussian_filter(mesh, (11.0, 9.0, 0.0), mode="nearest")
    out = normals(f32(smooth))
    lift = gaussian_filter(np.maximum(((mesh - smooth) * out).sum(axis=2), 0.0), (6.0, 6.0)) * 1.5 + 3.0
    shell = f32(smooth + out * lift[..., None])
    place = refine(np.ascontiguousarray(mesh[..., :2]), detail)
    x, y = place[..., 0], place[..., 1]
    texture = blank(*x.shape)
    rng = np.random.default_rng(seed_of("mask", who.key))
    weave = 1.0 + 0.03 * noise(rng, x.shape, (1.0, 1.0))
    texture[..., :AO] = material(cloth, site) * weave[..., None]
    top = curve([(0.0, -16.0), (14.0, -20.0), (40.0, -30.0), (75.0, -34.0)], np.abs(x))
    side = 0.90 * t.face_width
    out_x = np.abs(x) - side
    inside = ramp(0.8, -0.8, y - top) * ramp(-t.chin_y + 1.0, -t.chin_y + 3.0, y) * ramp(0.8, -0.8, out_x)
    loops = np.minimum(np.abs(y + 26.0 - 0.25 * out_x), np.abs(y + t.chin_y * 0.72 - 1.5 * out_x))
    loops = ramp(1.6, 0.6, loops) * (out_x > -1.0)
    texture[..., ALPHA] = np.maximum(inside, loops) * refine((mesh[..., 2] > -85.0).astype(np.float32), detail)
    for pleat in (0.36, 0.52, 0.68):
        at = top + (-t.chin_y - top) * pleat
        texture[..., AO] *= 1.0 - 0.28 * np.exp(-0.5 * ((y - at) / 1.3) ** 2)
    texture[..., HEAT] = 30.5 + 1.5 * np.exp(-0.5 * ((x / 18.0) ** 2 + ((y + t.nose_y + 14) / 16.0) ** 2))
    return Part(shell, normals(shell), texture, rough=0.7, soft=0.12, stride=stride_of(detail))


def headscarf(who: Traveller, mesh: F32, cloth: str, site: Site, detail: int) -> list[Part]:
    """A scarf over hair, ears and neck that leaves the face free."""
    t = who.traits
    rng = np.random.default_rng(seed_of("scarf", who.key))
    folds = noise(rng, mesh.shape[:2], (14.0, 4.0)) * 1.6
    smooth = gaussian_filter(mesh, (5.0, 5.0, 0.0), mode="nearest")
    low, high = -t.chin_y + 2.0, min(t.hairline, 62.0) - 4.0

    def oval_at(x: F32, y: F32) -> F32:
        return f32(np.hypot(x / (t.face_width * 0.86), (y - (low + high) / 2) / ((high - low) / 2)))

    # Its seam lies on the face, the cloth stands off the hair.
    lift = 2.0 + (7.0 + folds) * ramp(1.0, 1.4, oval_at(mesh[..., 0], mesh[..., 1]))
    shell = f32(smooth + normals(f32(smooth)) * lift[..., None])
    place = refine(np.ascontiguousarray(mesh[..., :2]), detail)
    x, y = place[..., 0], place[..., 1]
    texture = _cloth(x.shape, cloth, site, rng)
    oval = oval_at(x, y)
    phi = np.interp(np.linspace(0, mesh.shape[1] - 1, x.shape[1]), np.arange(mesh.shape[1]), angles())
    front = ramp(-0.15, 0.05, f32(np.cos(phi)))[None, :]
    # The grid closes under the chin: there the scarf goes on as the drape over the neck.
    texture[..., ALPHA] = (1.0 - front * ramp(1.03, 0.97, oval)) * ramp(-t.chin_y - 2.0, -t.chin_y + 1.0, y)
    texture[..., AO] *= 1.0 - 0.3 * ramp(1.15, 1.02, oval) * front
    over = Part(shell, normals(shell), texture, rough=0.8, soft=0.12, stride=stride_of(detail))
    throat = neck(t, palette_of(who, site))
    wide = f32(throat.mesh + throat.normal * np.float32(9.0))
    # Pulled tight from under the chin to the collar.
    wide[..., 2] += 12.0 + 14.0 * ramp(-160.0, -110.0, wide[..., 1])
    drape = _cloth(throat.texture.shape[:2], cloth, site, rng)
    down = np.linspace(-70.0, -230.0, drape.shape[0], dtype=np.float32)[:, None]
    aside = 45.0 * (1.0 - np.cos(np.linspace(-np.pi, np.pi, drape.shape[1], dtype=np.float32)))[None, :]
    drape[..., ALPHA] = ramp(-t.chin_y + 4.0, -t.chin_y - 1.0, down - aside)
    drape[..., AO] *= 0.6 + 0.4 * throat.texture[..., AO]
    return [Part(wide, normals(wide), drape, turns=0.0, rough=0.8, soft=0.12), over]


def _cloth(shape: tuple[int, ...], cloth: str, site: Site, rng: np.random.Generator) -> F32:
    texture = blank(shape[0], shape[1])
    size = (shape[0], shape[1])
    weave = 1.0 + 0.05 * noise(rng, size, (1.0, 1.0)) + 0.10 * noise(rng, size, (30.0, 8.0))
    texture[..., :AO] = material(cloth, site) * np.clip(weave, 0.5, 1.5)[..., None]
    texture[..., AO] = 1.0 - 0.12 * np.abs(noise(rng, size, (26.0, 7.0)))
    texture[..., HEAT] = 29.0
    return texture


# --- glasses ------------------------------------------------------------------------------------------------


def put_on_glasses(shot: Shot, who: Traveller, wears: Wearables) -> None:
    """Draw the glasses, if any, over what is there; lenses dim it and mirror the lamps."""
    if wears.glasses is None:
        return
    frame, lens = glasses(who.traits, wears.glasses, seed_of("glasses", who.key), shot.site)
    layers, seen = shot.layers, shot.look(lens, bias_mm=-6.0)
    if seen is not None:
        through = np.square(np.array(LENSES[wears.lens], np.float32))
        for plane, share in zip(layers.planes, through, strict=False):
            plane[seen.box] *= 1.0 - seen.alpha * (1.0 - share)
        layers.pupil[seen.box] *= 1.0 - 0.15 * seen.alpha
        # Glass is opaque to a thermal camera and as warm as the air before the face.
        layers.heat[seen.box] += seen.alpha * (np.float32(27.5) - layers.heat[seen.box])
        layers.coat[seen.box] = np.maximum(layers.coat[seen.box], seen.alpha * seen.values[GLOSS])
        for plane, value in zip(layers.coat_normal, seen.normal, strict=True):
            plane[seen.box] += seen.alpha * (value - plane[seen.box])
    shot.draw(*frame, bias_mm=-6.0)


def glasses(t: Traits, frame: str, seed: int, site: Site) -> tuple[list[Part], Part]:
    """Frame and lenses before the eyes."""
    rng = np.random.default_rng(seed)
    half = (float(rng.uniform(22.0, 26.5)), float(rng.uniform(15.0, 21.0)))
    corner, thick = float(rng.uniform(2.2, 4.5)), float(rng.uniform(1.2, 3.6))
    middle, drop = t.eye_x + 0.5, -3.0
    reach = middle + half[0] + thick + 2.0
    u, v = np.meshgrid(np.linspace(-reach, reach, 121), np.linspace(26.0, -30.0, 61))
    clear = t.nose_bridge_out + 11.0
    z = clear - u * u / 260.0 + 0.13 * (v - 10.0)
    mesh = f32(np.stack([u, v, z], axis=2))
    # Lenses are steeper than the frame they sit in.
    bulge = (np.square(np.abs(u) - middle) + np.square(v - drop)) / (2 * float(rng.uniform(90.0, 220.0)))
    curved = f32(np.stack([u, v, z - bulge], axis=2))
    shape = (61 * 4, 121 * 4)
    across = np.abs(np.linspace(-reach, reach, shape[1], dtype=np.float32))[None, :]
    down = np.linspace(26.0, -30.0, shape[0], dtype=np.float32)[:, None] - drop
    away = (np.abs((across - middle) / half[0]) ** corner + np.abs(down / half[1]) ** corner) ** (1 / corner)
    inside = f32((away - 1.0) * min(half))
    bridge = ramp(thick * 0.8, thick * 0.5, np.abs(down - half[1] * 0.45)) * (across < middle - half[0] + 2)
    rim = ramp(-0.4, 0.2, inside) * ramp(thick + 0.3, thick - 0.3, inside)
    body = blank(*shape)
    body[..., :AO] = material(frame, site)
    body[..., GLOSS], body[..., HEAT] = 0.8, 28.5
    body[..., ALPHA] = np.maximum(rim, bridge)
    lens = blank(*shape)
    lens[..., GLOSS] = float(rng.choice([0.25, 0.5, 1.6]))
    lens[..., ALPHA] = ramp(0.3, -0.3, inside)
    arms = [_arm(t, side * (reach - 2.0), clear, frame, site) for side in (-1.0, 1.0)]
    parts = [Part(mesh, normals(mesh), body, rough=0.25, soft=0.0), *arms]
    return parts, Part(curved, normals(curved), lens, rough=0.03, soft=0.0)


def _arm(t: Traits, x: float, z: float, frame: str, site: Site) -> Part:
    """A temple from the hinge to the ear."""
    side = 1.0 if x > 0 else -1.0
    start = z - x * x / 260.0
    back, height = np.meshgrid(np.linspace(0, 1, 30), np.linspace(2.0, -2.0, 5))
    order = slice(None, None, 1 if x > 0 else -1)
    px = x + side * back * max(t.face_width + 4.0 - abs(x), 1.0)
    mesh = f32(np.stack([px, 7.0 + height, start + back * (-88.0 - start)], axis=2))[:, order]
    texture = blank(20, 60)
    texture[..., :AO] = material(frame, site)
    texture[..., GLOSS], texture[..., HEAT] = 0.6, 29.0
    return Part(f32(mesh), normals(f32(mesh)), texture, rough=0.25, soft=0.0)

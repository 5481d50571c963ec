"""Flat instruments: prints and screens, held before the face, a little bent and tilted."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from hil.scene.arrays import F32, f32
from hil.scene.cast import Traveller
from hil.scene.head import normals, ramp
from hil.scene.optics.paint import SUBSTANCE, draw_variation, paint_bands
from hil.scene.optics.response import Site
from hil.scene.palette import material
from hil.scene.person import palette_of, parts_of
from hil.scene.portrait import picture_of
from hil.scene.shot import Shot
from hil.scene.surface import ALPHA, AO, GLOSS, HEAT, ROOM_C, Part, blank
from hil.scene.view import Pose, lay

FLAT = ("print_dye", "print_toner", "print_vinyl", "screen_lcd", "screen_oled")

_SHEEN = {"print_dye": (0.15, 0.5), "print_toner": (0.55, 0.3), "print_vinyl": (1.0, 0.055)}
"""Gloss and roughness of a sheet."""
_BORDER_MM = 7.0
_EYES_DOWN = 262.0 / 600.0
"""Where a portrait has its eyes, as a share of its height."""


def present(shot: Shot, species: str, of: Traveller, wearer: Traveller, rng: np.random.Generator) -> F32 | None:
    """Draw whoever holds it, the instrument and the hands; what a screen sends out, float32[h, w, 3] R, G, B."""
    screen = species.startswith("screen")
    holes = not screen and rng.random() < 0.3
    # With holes the sheet is pressed to the face, else it is held up; the pose says where the sheet is.
    gap_mm = 40.0 if holes else float(rng.uniform(70.0, 150.0))
    pose = shot.pose
    behind = shot.posed(replace(pose, distance_m=pose.distance_m + gap_mm / 1000.0, yaw_deg=0.0, pitch_deg=0.0))
    behind.draw(*parts_of(wearer, shot.site, shot.detail))
    picture, px_per_mm = picture_of(of, shot.site, shot.detail)
    size = wearer.traits.eye_x / of.traits.eye_x if holes else float(rng.uniform(0.82, 1.0))
    half = (picture.shape[1] / px_per_mm / 2 * size, picture.shape[0] / px_per_mm / 2 * size)
    border = 12.0 if screen else _BORDER_MM
    sheet = _bent((half[0] + border, half[1] + border), 0.0 if screen else float(rng.uniform(0.4, 2.2)))
    turned = _turned(sheet, pose, rng) + np.array([rng.normal(0, 4.0), -half[1] * 0.127, gap_mm], np.float32)
    bordered = _bordered(picture, border * px_per_mm / size)
    if screen:
        texture, glow = _screen(bordered, species, border / (half[0] + border), shot.site, rng)
    else:
        texture, glow = _print(bordered, species, shot.site, rng), None
    if holes:
        _cut_eyes(texture, of, border, px_per_mm / size)
    gloss, rough = _SHEEN.get(species, (1.1, 0.01))
    texture[..., GLOSS] = gloss
    card = Part(turned, normals(turned), texture, turns=0.0, rough=rough, soft=0.0)
    emission = _glow(behind, card, glow, float(rng.uniform(0.75, 1.15))) if glow is not None else None
    behind.draw(card)
    for hand in _thumbs(wearer, turned, shot.site):
        seen = behind.look(hand, bias_mm=-6.0)
        if seen is not None:
            lay(shot.layers, hand, seen)
            if emission is not None:
                emission[seen.box] *= 1.0 - seen.alpha[..., None]
    return emission


def _bent(half_mm: tuple[float, float], bend_per_m: float) -> F32:
    """A sheet curved about its upright, float32[rows, cols, 3]."""
    u, v = np.meshgrid(np.linspace(-1, 1, 25), np.linspace(1, -1, 25))
    x, y = u * half_mm[0], v * half_mm[1]
    return f32(np.stack([x, y, -0.5 * bend_per_m / 1000.0 * x * x], axis=2))


def _turned(sheet: F32, pose: Pose, rng: np.random.Generator) -> F32:
    yaw, pitch, roll = np.radians(np.array([pose.yaw_deg, -pose.pitch_deg, 0.0]) + rng.normal(0, 3.0, 3))
    a = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    b = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    c = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return f32(sheet @ (c @ b @ a).T)


def _bordered(picture: F32, border_px: float) -> F32:
    b = max(1, round(border_px))
    return f32(cv2.copyMakeBorder(picture, b, b, b, b, cv2.BORDER_CONSTANT, value=(0.9, 0.9, 0.9)))


def _print(picture: F32, species: str, site: Site, rng: np.random.Generator) -> F32:
    texture = blank(*picture.shape[:2])
    kind, ground = SUBSTANCE[species]
    texture[..., :AO] = paint_bands(picture, kind, ground, draw_variation(rng), site)
    texture[..., HEAT] = ROOM_C + 1.5
    return texture


def _screen(picture: F32, species: str, border: float, site: Site, rng: np.random.Generator) -> tuple[F32, F32]:
    texture = blank(*picture.shape[:2])
    rows, cols = picture.shape[:2]
    edge = round(border * cols / 2)
    texture[..., :AO] = material("bezel", site)
    inner = (slice(edge, rows - edge), slice(edge, cols - edge))
    glass = material("lcd_glass" if species == "screen_lcd" else "oled_glass", site)
    texture[..., :AO][inner] = glass
    warm = float(rng.uniform(4.0, 9.0)) if species == "screen_lcd" else float(rng.uniform(2.0, 6.0))
    texture[..., HEAT] = ROOM_C + warm
    glow = np.zeros((rows, cols, 3), np.float32)
    glow[inner] = picture[inner]
    return texture, glow


def _glow(shot: Shot, card: Part, glow: F32, level: float) -> F32:
    """Light of the screen per pixel: the picture, looked at where the glass will be."""
    texture = blank(*glow.shape[:2])
    texture[..., :3] = glow * np.float32(level)
    emission = np.zeros((*shot.layers.depth.shape, 3), np.float32)
    seen = shot.look(replace(card, texture=texture))
    if seen is not None:
        emission[seen.box] = np.moveaxis(seen.values[:3] * seen.alpha, 0, -1)
    return emission


def _cut_eyes(texture: F32, of: Traveller, border_mm: float, px_per_mm: float) -> None:
    rows, cols = texture.shape[:2]
    v, u = np.mgrid[0:rows, 0:cols].astype(np.float32)
    x = (u - cols / 2) / px_per_mm
    y = (v - border_mm * px_per_mm) / px_per_mm - _EYES_DOWN * (rows / px_per_mm - 2 * border_mm)
    t = of.traits
    hole = np.hypot((np.abs(x) - t.eye_x) / (t.eye_half_width + 2.0), y / (t.eye_open * 0.6 + 2.5))
    texture[..., ALPHA] *= ramp(0.97, 1.03, hole)


def _thumbs(wearer: Traveller, sheet: F32, site: Site) -> list[Part]:
    """Thumbs of whoever holds it, at the lower corners."""
    palette, t = palette_of(wearer, site), wearer.traits
    v, u = np.meshgrid(np.linspace(0, 1, 24), np.linspace(-1.75, 1.75, 18), indexing="ij")
    hands = []
    for corner, side in ((sheet[-1, 0], 1.0), (sheet[-1, -1], -1.0)):
        radius = 10.0 * np.sqrt(np.clip(1.0 - np.clip(v * 3.2 - 2.2, 0, 1) ** 2, 0.0, 1.0))
        along = -45.0 + v * 75.0
        x = corner[0] + side * (2.0 + along * 0.45) + np.sin(u) * radius * 0.9
        y = corner[1] + along * 0.9 - side * np.sin(u) * radius * 0.4
        z = corner[2] + 2.0 + np.cos(u) * radius
        mesh = f32(np.stack([x, y, z], axis=2))[::-1]
        texture = blank(24, 18)
        texture[..., :AO] = palette.skin(np.full((24, 18), t.tone, np.float32), np.full((24, 18), 0.15, np.float32))
        texture[..., GLOSS], texture[..., HEAT] = 0.2, 32.0
        hands.append(Part(mesh, normals(mesh), texture, turns=0.0))
    return hands

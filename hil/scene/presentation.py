"""What stands before the camera: bona fide travellers, attack presentations, nobody.

A presentation is a still: per-pixel reflectance in every band, shape and light, computed once (below a second and a
half) and kept. The sensor then makes any number of frames from it. Ground truth (`species`) is for the rig's reports
only; nothing of the appliance may read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hil.scene import bands
from hil.scene.arrays import F32, f32
from hil.scene.cast import Traveller
from hil.scene.hair import ALPHA, Part, curtain, ears, neck, scalp, shirt
from hil.scene.head import angles, bell, ramp
from hil.scene.light import LEDS, Irradiance, irradiance
from hil.scene.paint import AO, refine
from hil.scene.person import bare_head, parts_of
from hil.scene.portrait import portrait_linear
from hil.scene.view import Camera, Layers, Pose, draw, empty_layers

Species = Literal["bona_fide", "print", "screen", "mask3d", "none"]

WIDTH, HEIGHT = 640, 480
FOCAL_PX = 900.0
EYE_POINT = (320.0, 222.0)
REFERENCE_PATCH = (24, 416, 40, 40)
"""x, y, width, height in pixels of the grey reference; nothing ever covers it."""
REFERENCE_REFLECTANCE = 0.50
REFERENCE_DISTANCE_M = 0.6
WALL_DISTANCE_M = 1.5
HELD_M = 0.55
"""Where a photo or a tablet is held: near enough that the gate does not ask the smallest face to come closer."""

CAMERA = Camera(WIDTH, HEIGHT, FOCAL_PX, EYE_POINT)


@dataclass(frozen=True, slots=True, eq=False)
class Presentation:
    """A still scene. Arrays are float32[480, 640, ...]; treat them as read-only.

    `reflectance` has the bands of `bands.CHANNELS` in its last axis (relative, 0..1), `emission` is visible light sent
    out (R, G, B; 1 is a white surface under the full panel), `depth_m` metres, `normal` unit vectors towards the camera
    side, `light` the irradiance of every lamp.
    """

    species: Species
    of: str | None
    worn_by: str | None
    reflectance: F32
    emission: F32 | None
    normal: F32
    depth_m: F32
    light: Irradiance
    developed: dict[object, tuple[F32, F32]] = field(default_factory=dict)
    """Scratch space of the sensor: mean image and noise per state of the light."""


@lru_cache(maxsize=1)
def _backdrop() -> Layers:
    layers = empty_layers(CAMERA, len(bands.CHANNELS))
    layers.depth[:] = WALL_DISTANCE_M * 1000.0
    rows = np.linspace(1.08, 0.90, HEIGHT, dtype=np.float32)[:, None]
    grain = np.random.default_rng(4).standard_normal((HEIGHT, WIDTH), dtype=np.float32)
    plaster = rows * (1.0 + 0.03 * cv2.GaussianBlur(grain, (0, 0), 4.0) * 8.0)
    # Panel joints: a blank wall would give a matcher nothing, and a real gate is not blank.
    plaster[:, 96:98] *= 0.80
    plaster[:, 544:546] *= 0.80
    layers.reflectance[:] = bands.material("wall") * plaster[..., None]
    return layers


def _fresh() -> Layers:
    base = _backdrop()
    return Layers(*(getattr(base, name).copy() for name in ("reflectance", "normal", "depth", "ao", "gloss", "solid")))


def _finish(
    layers: Layers,
    species: Species,
    *,
    of: str | None = None,
    worn_by: str | None = None,
    emission: F32 | None = None,
    mirror: F32 | None = None,
) -> Presentation:
    x, y, w, h = REFERENCE_PATCH
    box = (slice(y, y + h), slice(x, x + w))
    frame = (slice(y - 3, y + h + 3), slice(x - 3, x + w + 3))
    for where, value in ((frame, 0.03), (box, REFERENCE_REFLECTANCE)):
        layers.reflectance[where] = value
        layers.depth[where] = REFERENCE_DISTANCE_M * 1000.0
        layers.normal[where] = (0.0, 0.0, 1.0)
        layers.ao[where] = 1.0
        layers.gloss[where] = 0.0
        if emission is not None:
            emission[where] = 0.0
    light = irradiance(layers, CAMERA)
    if mirror is not None:
        np.add(light.led_shine, mirror, out=light.led_shine)
        np.add(light.panel_shine, mirror, out=light.panel_shine)
    # The patch is tilted towards the lamps and trimmed so that it gets what a face gets on the axis at 0.6 m.
    light.left[box] = light.right[box] = light.dome[box] = light.led[box] = 1.0
    return Presentation(
        species=species,
        of=of,
        worn_by=worn_by,
        reflectance=layers.reflectance,
        emission=emission,
        normal=layers.normal,
        depth_m=layers.depth / np.float32(1000.0),
        light=light,
    )


@lru_cache(maxsize=8)
def bona_fide(who: Traveller, pose: Pose = Pose()) -> Presentation:
    """A traveller's own face."""
    layers = _fresh()
    for part in parts_of(who):
        draw(layers, part, pose, CAMERA)
    return _finish(layers, "bona_fide", of=who.key)


@lru_cache(maxsize=1)
def empty_scene() -> Presentation:
    """Nobody there."""
    return _finish(_fresh(), "none")


def _card(half_mm: tuple[float, float], distance_m: float, tilt_deg: float) -> NDArray[np.float64]:
    """Corners on screen, float64[4, 2] px, of a card held up with its middle a little below the eyes."""
    a = np.radians(tilt_deg)
    corners = np.array([(-1, 1), (1, 1), (1, -1), (-1, -1)], dtype=np.float64) * half_mm
    turned = corners @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    scale = FOCAL_PX / (distance_m * 1000.0)
    return np.stack([EYE_POINT[0] + turned[:, 0] * scale, EYE_POINT[1] + 14.0 - turned[:, 1] * scale], axis=1)


def _paste(picture: F32, corners: NDArray[np.float64]) -> tuple[F32, F32]:
    """A flat picture seen at `corners`: (image float32[480, 640, 3], coverage float32[480, 640])."""
    h, w = picture.shape[:2]
    source = np.array([(0, 0), (w - 1, 0), (w - 1, h - 1), (0, h - 1)], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    image = cv2.warpPerspective(picture, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.ones((h, w), np.float32), matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    return image.astype(np.float32), cover.astype(np.float32)


def _put_flat(layers: Layers, cover: F32, reflectance: F32, distance_m: float, gloss: float) -> None:
    a = cover[..., None]
    layers.reflectance[:] = layers.reflectance * (1 - a) + reflectance * a
    on = cover > 0.5
    layers.normal[on] = (0.0, 0.0, 1.0)
    layers.depth[on] = distance_m * 1000.0
    layers.ao[on] = 1.0
    layers.gloss[on] = gloss


def _fingers(layers: Layers, corners: NDArray[np.float64], distance_m: float) -> None:
    """Thumbs of whoever holds the card, at its lower corners."""
    for (x, y), lean in ((corners[3], 22.0), (corners[2], -22.0)):
        cover = np.zeros((HEIGHT, WIDTH), np.uint8)
        middle = (int(x + np.sign(lean) * 10), int(y - 26))
        cv2.ellipse(cover, middle, (14, 40), lean, 0, 360, 255, -1, cv2.LINE_AA)
        soft = f32(cv2.GaussianBlur(cover.astype(np.float32) / 255.0, (0, 0), 1.0))
        tone = np.full((HEIGHT, WIDTH), 2.6, np.float32)
        _put_flat(layers, soft, bands.skin(tone, tone * 0 + 0.1), distance_m - 0.01, 0.2)


@lru_cache(maxsize=4)
def printed_photo(of: Traveller) -> Presentation:
    """A dye print of the holder's portrait on matt paper, life size, held up flat.

    The dyes are clear in the NIR, so the sheet shows hardly any face there.
    """
    layers = _fresh()
    distance = HELD_M
    photo = portrait_linear(of)
    sheet = f32(cv2.copyMakeBorder(photo, 14, 14, 14, 14, cv2.BORDER_CONSTANT, value=(1.0, 1.0, 1.0)))
    corners = _card((sheet.shape[1] / photo.shape[1] * 96.0, sheet.shape[0] / photo.shape[1] * 96.0), distance, 2.0)
    image, cover = _paste(sheet, corners)
    ink = 1.0 - np.clip(image.mean(axis=2, keepdims=True), 0, 1)
    colour = np.empty((HEIGHT, WIDTH, len(bands.CHANNELS)), np.float32)
    paper, dyed = bands.material("paper_white"), bands.material("paper_dyed")
    colour[..., :3] = paper[:3] * np.clip(image, 0.02, 1.0)
    colour[..., 3:] = paper[3:] + (dyed[3:] - paper[3:]) * ink
    _put_flat(layers, cover, colour, distance, 0.08)
    _fingers(layers, corners, distance)
    return _finish(layers, "print", of=of.key)


@lru_cache(maxsize=4)
def screen_replay(of: Traveller) -> Presentation:
    """A tablet that shows the holder's portrait: bright in the visible, nearly black in the NIR, one mirror spot."""
    layers = _fresh()
    distance = HELD_M
    photo = portrait_linear(of)
    bezel = 22
    device = f32(cv2.copyMakeBorder(photo, bezel, bezel, bezel, bezel, cv2.BORDER_CONSTANT, value=(0.0, 0.0, 0.0)))
    half = device.shape[1] / photo.shape[1] * 94.0
    corners = _card((half, half * device.shape[0] / device.shape[1]), distance, -2.5)
    image, cover = _paste(device, corners)
    face = np.zeros(device.shape[:2], np.float32)
    face[bezel:-bezel, bezel:-bezel] = 1.0
    lit, _ = _paste(np.repeat(face[..., None], 3, axis=2), corners)
    glass, frame = bands.material("screen"), bands.material("bezel")
    _put_flat(layers, cover, frame + (glass - frame) * lit[..., :1], distance, 0.15)
    _fingers(layers, corners, distance)
    # Thumbs in front of the glass do not glow.
    free = (layers.depth >= distance * 1000.0 - 5.0)[..., None]
    emission = f32(image * lit * cover[..., None] * free * 1.05)
    return _finish(layers, "screen", of=of.key, emission=emission, mirror=_mirror_spots(lit[..., 0], distance))


def _mirror_spots(glass: F32, distance_m: float) -> F32:
    """Images of the lamps in a flat glass: half-way between lamp and camera, moved by the tilt of the hand."""
    spots = np.zeros((HEIGHT, WIDTH), np.float32)
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    for lamp_x, lamp_y in LEDS:
        x = EYE_POINT[0] + FOCAL_PX * (lamp_x / 2 + 0.012) / distance_m
        y = EYE_POINT[1] - FOCAL_PX * (lamp_y / 2 + 0.045) / distance_m
        spots += 28.0 * bell(u, v, (x, y), (6.0, 5.0))
    return spots * glass


def _cut_mask(part: Part, holder: Traveller, *, holes: bool) -> Part:
    """The front of a part as a painted resin shell, a few millimetres proud of it."""
    t = holder.traits
    texture = part.texture.copy()
    light = texture[..., :3].mean(axis=2)
    resin = bands.material("resin_painted")
    # Dark paint dims the NIR a little too: pigments are thin there but not absent.
    body = np.clip(0.94 + 0.30 * (light - 0.30), 0.88, 1.06)[..., None]
    texture[..., 3:AO] = resin[3:] * body
    place = refine(np.ascontiguousarray(part.mesh[..., :2]))
    phi = np.interp(np.linspace(0, part.mesh.shape[1] - 1, texture.shape[1]), np.arange(part.mesh.shape[1]), angles())
    front = ramp(0.16, 0.24, np.cos(phi).astype(np.float32))[None, :]
    texture[..., ALPHA] *= front * ramp(-t.chin_y - 3.0, -t.chin_y - 1.0, place[..., 1])
    if holes:
        eye = np.hypot(
            (np.abs(place[..., 0]) - t.eye_x) / (t.eye_half_width + 0.5),
            (place[..., 1] - 0.3) / (t.eye_open * 0.62 + 0.8),
        )
        texture[..., ALPHA] *= ramp(0.96, 1.06, eye)
        texture[..., AO] *= 1.0 - 0.5 * ramp(1.22, 1.02, eye)
    mesh = part.mesh.copy()
    mesh[..., 2] += 5.0
    return Part(mesh, part.normal, texture, part.turns)


@lru_cache(maxsize=4)
def printed_mask(of: Traveller, worn_by: Traveller, pose: Pose = Pose()) -> Presentation:
    """A painted resin mask of the holder's face on another traveller.

    In the visible it has the holder's colours; in the NIR paint and resin know no water, so 940/850 is that of plastic.
    Eye holes, ears, neck and what shows past the edge are the wearer's.
    """
    if of.key == worn_by.key:
        raise ValueError("a mask is worn by somebody else than its holder")
    wearer = worn_by.traits
    layers = _fresh()
    face = bare_head(worn_by)
    shrunk = Part((face.mesh * np.float32(0.97)).astype(np.float32), face.normal, face.texture, 1.0)
    behind = [shirt(wearer), neck(wearer, wearer.tone, wearer.flush), curtain(wearer), shrunk]
    around = [*ears(wearer, wearer.tone, wearer.flush), scalp(wearer, face.mesh)]
    for part in (*behind, *around):
        if part is not None:
            draw(layers, part, pose, CAMERA)
    holder = bare_head(of)
    shell = scalp(of.traits, holder.mesh)
    draw(layers, _cut_mask(holder, of, holes=True), pose, CAMERA, bias_mm=-14.0)
    draw(layers, _cut_mask(shell, of, holes=False), pose, CAMERA, bias_mm=-14.0)
    return _finish(layers, "mask3d", of=of.key, worn_by=worn_by.key)

"""The picture in the document: a frontal, evenly lit studio portrait, and its encoding."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from hil.scene.arrays import F32, f32
from hil.scene.cast import Traveller
from hil.scene.light import irradiance
from hil.scene.optics.response import Site
from hil.scene.paint import DETAIL
from hil.scene.palette import DEFAULT_SITE
from hil.scene.person import parts_of
from hil.scene.surface import AO
from hil.scene.view import Camera, Pose, draw, empty_layers

PORTRAIT_WIDTH, PORTRAIT_HEIGHT = 480, 600
# 1.4 m away as in a studio; 100 to 130 pixels between the eyes (ISO/IEC 39794-5 asks for 90 at least).
STUDIO = Camera(PORTRAIT_WIDTH, PORTRAIT_HEIGHT, 2500.0, (240.0, 262.0))
STUDIO_POSE = Pose(distance_m=1.4)


def to_srgb(linear: F32) -> F32:
    """Linear 0..1 to sRGB 0..1 (IEC 61966-2-1), float32 of the same shape."""
    clipped = np.clip(linear, 0.0, 1.0)
    return np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * np.power(clipped, 1 / 2.4) - 0.055).astype(
        np.float32
    )


@lru_cache(maxsize=4)
def portrait_linear(who: Traveller, site: Site = DEFAULT_SITE, detail: int = DETAIL, size: float = 1.0) -> F32:
    """The portrait in linear light, float32[600, 480, 3] times `size`, R, G, B; treat as read-only."""
    (x, y) = STUDIO.centre
    camera = Camera(
        round(PORTRAIT_WIDTH * size), round(PORTRAIT_HEIGHT * size), STUDIO.focal * size, (x * size, y * size)
    )
    layers = empty_layers(camera)
    layers.depth[:] = 2600.0
    layers.planes[:AO] = 0.70
    for part in parts_of(who, site, detail):
        draw(layers, part, STUDIO_POSE, camera)
    light = irradiance(layers, camera)
    # A studio lamp does not fall off over the depth of a head, and lights the backdrop as well.
    reach = np.square(layers.depth / np.float32(600.0))
    share = np.where(layers.depth > 2500.0, np.float32(0.20), np.float32(0.25))
    lamp = share * (light.left + light.right) * reach + np.float32(0.35) * light.dome
    picture = layers.reflectance[..., :3] * lamp[..., None] + (np.float32(0.012) * light.panel_shine * reach)[..., None]
    return f32(np.clip(cv2.GaussianBlur(picture * np.float32(1.05), (0, 0), 0.55), 0.0, 1.0))


def picture_of(who: Traveller, site: Site, detail: int) -> tuple[F32, float]:
    """The portrait as fine as an instrument of this detail needs it, and its pixels per millimetre of the face."""
    size = 1.0 if detail >= DETAIL else 0.7
    return portrait_linear(who, site, detail, size), STUDIO.focal * size / (STUDIO_POSE.distance_m * 1000.0)


def render_portrait(who: Traveller) -> bytes:
    """The portrait as JPEG, 480 x 600 pixels."""
    rgb = np.round(to_srgb(portrait_linear(who)) * 255.0).astype(np.uint8)
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not done:
        raise RuntimeError(f"the portrait of {who.key} could not be encoded as JPEG")
    return bytes(data)

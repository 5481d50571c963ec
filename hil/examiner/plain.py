"""The slow tracer: Mitsuba's own path integrator, one render a light and group of three bands; runs without LLVM.

It asks nothing of a compiler and checks the fast one (`compiled`).
"""

from typing import Any

import numpy as np

from hil.examiner.piece import Piece
from hil.examiner.spectra import NIR, SWIR, VISIBLE, WIDE
from hil.examiner.tables import F64
from hil.examiner.tracer import (
    NOMINAL_MM,
    PANEL_HALF_MM,
    PANELS,
    Images,
    Lamps,
    Planes,
    Point,
    View,
    mesh,
    mitsuba,
    put,
)

_DEPTH = 3
"""Path length: the light, the surface, one bounce between surfaces."""


class Plain:
    """See `tracer.Tracer`."""

    def __init__(self, scene: Piece, view: View, seed: int, glow: F64) -> None:
        self._mi = mi = mitsuba()
        self._piece, self._glow, self._view, self._seed = scene, glow, view, seed
        self._camera = _camera(mi, view)
        self._body = mesh(mi, scene, glow)
        self._turn = 0

    def images(self, lamps: Lamps, samples: int) -> Images:
        """As `tracer.Tracer`."""
        colour = self._piece.colour
        leds = {}
        for where, at in lamps.leds.items():
            lit = [_led(at)]
            leds[where] = np.concatenate([self._render(colour[:, bands], lit, samples) for bands in (NIR, SWIR)], -1)
        wide = np.column_stack([colour[:, WIDE], colour[:, WIDE.start]])
        ambient = self._render(wide, _daylight(lamps.sky_wide, lamps.sun_wide, lamps.sun_from), samples)
        lit = _daylight(lamps.sky_visible, lamps.sun_visible, lamps.sun_from)
        lit += [_panel(self._mi, at, lamps.panel) for at in PANELS if lamps.panel]
        visible = self._render(colour[:, VISIBLE], lit, samples) + self._look(self._glow)
        return Images(leds, ambient[..., :2], visible)

    def planes(self) -> Planes:
        """As `tracer.Tracer`."""
        mi, piece = self._mi, self._piece
        scene = self._scene(np.column_stack([piece.temperature / 100.0, piece.soft / 10.0, piece.retro]), [])
        aov = mi.load_dict({"type": "aov", "aovs": "depth:depth,normal:sh_normal,tags:albedo"})
        values = np.array(mi.render(scene, integrator=aov, spp=1, seed=self._seed), np.float64)
        values = values[..., values.shape[2] - 7 :]
        depth = np.where(values[..., 0] > 0.0, values[..., 0], np.inf)
        return Planes(depth, values[..., 1:4], values[..., 4] * 100.0, values[..., 5] * 10.0, values[..., 6])

    def _look(self, colour: F64) -> F64:
        """A colour of the surface as seen without light."""
        if not colour.any():
            return np.zeros((self._view.height, self._view.width, 3))
        aov = self._mi.load_dict({"type": "aov", "aovs": "tags:albedo"})
        image = self._mi.render(self._scene(colour, []), integrator=aov, spp=4, seed=self._seed)
        return np.array(image, np.float64)[..., -3:]

    def _scene(self, colour: F64, lit: list[dict[str, Any]]) -> Any:
        params = self._mi.traverse(self._body)
        put(params, "vertex_colour", colour)
        params.update()
        parts = {f"lamp{k}": lamp for k, lamp in enumerate(lit)}
        return self._mi.load_dict({"type": "scene", "body": self._body, "camera": self._camera, **parts})

    def _render(self, colour: F64, lit: list[dict[str, Any]], samples: int) -> F64:
        if not lit:
            return np.zeros((self._view.height, self._view.width, 3))
        path = self._mi.load_dict({"type": "path", "max_depth": _DEPTH, "rr_depth": 99})
        self._turn += 1
        seed = (self._seed + self._turn) % 2**31
        image = self._mi.render(self._scene(colour, lit), integrator=path, spp=samples, seed=seed)
        image = np.array(image, np.float64)[..., :3]
        sky = next((lamp["radiance"]["value"][0] for lamp in lit if lamp["type"] == "constant"), 0.0)
        # Where there is nothing there is nothing: the sky lights, it is not seen.
        return np.where(np.isfinite(self.planes().depth)[..., None] | (sky == 0.0), image, 0.0)


def _grey(value: float) -> dict[str, Any]:
    return {"type": "rgb", "value": [float(value)] * 3}


def _facing(mi: Any, at: Point, target: Point, half: tuple[float, float]) -> Any:
    stand = mi.ScalarTransform4f().look_at(origin=list(at), target=list(target), up=[0.0, 1.0, 0.0])
    return stand @ mi.ScalarTransform4f().scale([half[0], half[1], 1.0])


def _led(at: Point) -> dict[str, Any]:
    # A point: an array of some mm makes the same light but for the rim of shadows.
    return {"type": "point", "position": list(at), "intensity": _grey(np.pi * NOMINAL_MM**2)}


def _panel(mi: Any, at: Point, radiance: float) -> dict[str, Any]:
    return {
        "type": "rectangle",
        "to_world": _facing(mi, at, (0.0, 0.0, -NOMINAL_MM), PANEL_HALF_MM),
        "emitter": {"type": "area", "radiance": _grey(radiance)},
    }


def _daylight(sky: float, sun: float, sun_from: Point) -> list[dict[str, Any]]:
    lit: list[dict[str, Any]] = []
    if sky:
        lit.append({"type": "constant", "radiance": _grey(sky)})
    if sun:
        way = [-float(v) for v in sun_from]
        lit.append({"type": "directional", "direction": way, "irradiance": _grey(np.pi * sun)})
    return lit


def _camera(mi: Any, view: View) -> Any:
    look = mi.ScalarTransform4f().look_at(origin=[0.0, 0.0, 0.0], target=[0.0, 0.0, -1.0], up=[0.0, 1.0, 0.0])
    film = {
        "type": "hdrfilm",
        "width": view.width,
        "height": view.height,
        "rfilter": {"type": "box"},
        "pixel_format": "rgb",
    }
    return mi.load_dict(
        {
            "type": "perspective",
            "fov": float(np.degrees(2.0 * np.arctan(view.width / 2.0 / view.focal_px))),
            "fov_axis": "x",
            "near_clip": 0.1,
            "far_clip": 10_000.0,
            "to_world": look,
            "film": film,
            "sampler": {"type": "independent"},
        }
    )

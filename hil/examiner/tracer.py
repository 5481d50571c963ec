"""The path tracer: one scene in Mitsuba 3, rendered once for every light and group of three bands.

Needs the optional extra `examiner`. The compiled variant needs LLVM 17 or newer (older ones abort on an instruction
of Dr.Jit's); without it the scalar variant does the same, slower. Mitsuba is loaded on first use, never at import.
"""

import ctypes
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hil.examiner.piece import Piece
from hil.examiner.tables import F64

F32 = NDArray[np.float32]
_LLVM = tuple(f"libLLVM{tail}" for v in range(22, 16, -1) for tail in (f".so.{v}.1", f"-{v}.so.1", f"-{v}.so"))
_DEPTH = 3
"""Path length: the light, the surface, one bounce between surfaces."""


class TracerError(Exception):
    """Mitsuba is not there; the message says what to install."""


def llvm_library() -> str | None:
    """The newest usable LLVM, by what the loader finds; None without one."""
    for name in _LLVM:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    return None


@lru_cache(maxsize=1)
def mitsuba(threads: int = 1) -> Any:
    """Mitsuba with its variant set. Raises TracerError when the extra is not installed."""
    library = os.environ.get("DRJIT_LIBLLVM_PATH") or llvm_library()
    if library:
        os.environ["DRJIT_LIBLLVM_PATH"] = library
    try:
        import drjit
        import mitsuba as mi
    except ImportError as error:
        raise TracerError("the examiner needs its extra: pip install 'sallyport[examiner]'") from error
    mi.set_variant("llvm_ad_rgb" if library else "scalar_rgb")
    drjit.set_thread_count(threads)
    return mi


@dataclass(frozen=True, slots=True)
class View:
    """The camera at the origin, looking along -z; `focal_px` for an image `width` x `height`."""

    width: int
    height: int
    focal_px: float


@dataclass(frozen=True, slots=True)
class Light:
    """What shines: one kind a render, or all of them for the visible image. Any may be dark (0).

    `led_at` mm and `led` its power so that 1 is irradiance pi at 600 mm; `sky` and `panel` uniform radiance,
    `sun` irradiance from `sun_from`; three numbers each, one a band. Radiance 1 comes back from a white surface
    square to an LED at 600 mm.
    """

    led_at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    led: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sky: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sun: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sun_from: tuple[float, float, float] = (0.0, 1.0, 0.0)
    panel: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Per pixel, float64[H, W]: `depth` mm (inf: nothing), `normal` [H, W, 3], `temperature`, `soft`, `retro`."""

    depth: F64
    normal: F64
    temperature: F64
    soft: F64
    retro: F64


_PANELS = ((-420.0, 0.0), (420.0, 0.0))


class Tracer:
    """One scene; its pieces stay, the light and the bands change from render to render."""

    def __init__(self, scene: Piece, view: View, seed: int) -> None:
        self._mi = mi = mitsuba()
        self._piece, self._view, self._seed = scene, view, seed
        mesh = _mesh(mi, scene)
        to_world = mi.ScalarTransform4f
        parts: dict[str, Any] = {"type": "scene", "body": mesh, "camera": _camera(mi, view)}
        parts["led"] = {"type": "point", "position": [0.0, 0.0, 0.0], "intensity": _rgb((1.0, 1.0, 1.0))}
        parts["sky"] = {"type": "constant", "radiance": _rgb((1.0, 1.0, 1.0))}
        parts["sun"] = {"type": "directional", "direction": [0.0, -1.0, 0.0], "irradiance": _rgb((1.0, 1.0, 1.0))}
        for k, (x, y) in enumerate(_PANELS):
            stand = to_world().look_at(origin=[x, y, 60.0], target=[0.0, 0.0, -600.0], up=[0.0, 1.0, 0.0])
            parts[f"panel{k}"] = {
                "type": "rectangle",
                "to_world": stand @ to_world().scale([60.0, 260.0, 1.0]),
                "emitter": {"type": "area", "radiance": _rgb((1.0, 1.0, 1.0))},
            }
        self._scene = mi.load_dict(parts)
        self._path = mi.load_dict({"type": "path", "max_depth": _DEPTH, "rr_depth": 99})
        self._turn = 0

    def render(self, bands: slice, light: Light, samples: int) -> F64:
        """Radiance float64[H, W, 3] in three bands; relative to a white surface square to an LED at 600 mm."""
        mi = self._mi
        params = mi.traverse(self._scene)
        _set(params, "body.vertex_colour", self._piece.colour[:, bands].ravel())
        watts = {"led.intensity": light.led, "sky.radiance": light.sky, "sun.irradiance": light.sun}
        watts |= {f"panel{k}.emitter.radiance": light.panel for k in range(len(_PANELS))}
        for name, value in watts.items():
            scale = np.pi * 600.0**2 if name.startswith("led") else 1.0
            params[f"{name}.value"] = mi.Color3f(*(float(v) * scale for v in value))
            weight = f"{name.rpartition('.')[0]}.sampling_weight"
            params[weight] = 1.0 if any(value) else 0.0
        params["led.position"] = mi.Point3f(*light.led_at)
        params["sun.to_world"] = mi.Transform4f().look_at(
            origin=[0.0, 0.0, 0.0], target=[-float(v) for v in light.sun_from], up=[0.0, 0.3, 1.0]
        )
        params.update()
        self._turn += 1
        image = mi.render(self._scene, integrator=self._path, spp=samples, seed=(self._seed + self._turn) % 2**31)
        return np.array(image, np.float64)[..., :3]

    def planes(self) -> Planes:
        """Geometry and materials seen through the middle of each pixel."""
        mi = self._mi
        piece = self._piece
        params = mi.traverse(self._scene)
        tags = np.stack([piece.temperature / 100.0, piece.soft / 10.0, piece.retro], axis=1)
        _set(params, "body.vertex_colour", tags.ravel())
        params.update()
        aov = mi.load_dict({"type": "aov", "aovs": "depth:depth,normal:sh_normal,tags:albedo"})
        values = np.array(mi.render(self._scene, integrator=aov, spp=1, seed=self._seed), np.float64)
        values = values[..., values.shape[2] - 7 :]
        depth = np.where(values[..., 0] > 0.0, values[..., 0], np.inf)
        return Planes(depth, values[..., 1:4], values[..., 4] * 100.0, values[..., 5] * 10.0, values[..., 6])

    def look(self, colour: F64) -> F64:
        """Another colour of the surface, float64[n, 3], as seen without light: float64[H, W, 3]."""
        mi = self._mi
        params = mi.traverse(self._scene)
        _set(params, "body.vertex_colour", colour.ravel())
        params.update()
        aov = mi.load_dict({"type": "aov", "aovs": "tags:albedo"})
        return np.array(mi.render(self._scene, integrator=aov, spp=4, seed=self._seed), np.float64)[..., -3:]


def _rgb(value: tuple[float, float, float]) -> dict[str, Any]:
    return {"type": "rgb", "value": list(value)}


def _set(params: Any, name: str, values: F64) -> None:
    params[name] = type(params[name])(values.astype(np.float32))


def _camera(mi: Any, view: View) -> dict[str, Any]:
    look = mi.ScalarTransform4f().look_at(origin=[0.0, 0.0, 0.0], target=[0.0, 0.0, -1.0], up=[0.0, 1.0, 0.0])
    return {
        "type": "perspective",
        "fov": float(np.degrees(2.0 * np.arctan(view.width / 2.0 / view.focal_px))),
        "fov_axis": "x",
        "near_clip": 10.0,
        "far_clip": 10_000.0,
        "to_world": look,
        "film": {
            "type": "hdrfilm",
            "width": view.width,
            "height": view.height,
            "rfilter": {"type": "box"},
            "pixel_format": "rgb",
        },
        "sampler": {"type": "independent"},
    }


def _mesh(mi: Any, scene: Piece) -> Any:
    """The piece as a mesh of one material that reads everything from the vertices."""

    def by_vertex(name: str) -> dict[str, Any]:
        return {"type": "mesh_attribute", "name": f"vertex_{name}"}

    material = {
        "type": "principled",
        "base_color": by_vertex("colour"),
        "roughness": by_vertex("rough"),
        "specular": 0.4,
        "clearcoat": by_vertex("gloss"),
        "clearcoat_gloss": 0.95,
    }
    properties = mi.Properties()
    properties["material"] = mi.load_dict({"type": "twosided", "inner": material})
    mesh = mi.Mesh("body", len(scene.vertices), len(scene.triangles), has_vertex_normals=True, props=properties)
    mesh.add_attribute("vertex_colour", 3, scene.colour[:, :3].astype(np.float32).ravel())
    mesh.add_attribute("vertex_rough", 1, scene.rough.astype(np.float32))
    mesh.add_attribute("vertex_gloss", 1, scene.gloss.astype(np.float32))
    params = mi.traverse(mesh)
    _set(params, "vertex_positions", scene.vertices.ravel())
    _set(params, "vertex_normals", scene.normals.ravel())
    params["faces"] = type(params["faces"])(scene.triangles.astype(np.uint32).ravel())
    params.update()
    return mesh

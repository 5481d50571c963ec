"""What is asked of a path tracer and what it answers, and Mitsuba 3 behind it.

Two tracers do the same (`compiled`, `plain`); here is what they share. Needs the optional extra `examiner`. The
compiled one needs LLVM 17 or newer: with older ones Dr.Jit aborts. Mitsuba is loaded on first use, never at import.
"""

import ctypes
import os
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from hil.examiner.piece import Piece
from hil.examiner.spectra import NIR, SWIR, VISIBLE, WIDE
from hil.examiner.tables import F64

_LLVM = tuple(f"libLLVM{tail}" for v in range(22, 16, -1) for tail in (f".so.{v}.1", f"-{v}.so.1", f"-{v}.so"))
LED_MM, NOMINAL_MM = 12.0, 600.0
"""Half the width of an LED's array, and where its power is stated."""
PANELS = ((-420.0, 0.0, 60.0), (420.0, 0.0, 60.0))
PANEL_HALF_MM = (60.0, 260.0)
"""The white panels beside the camera: middle, and half width and height; they face (0, 0, -600)."""
CLEAR_COAT, SPECULAR = 0.95, 0.4
"""Principled "clearcoat_gloss" and "specular" of everything; how much coat there is, and roughness, is by vertex."""

Point = tuple[float, float, float]


class TracerError(Exception):
    """Mitsuba is not there; the message says what to install."""


@dataclass(frozen=True, slots=True)
class View:
    """The camera at the origin, looking along -z; `focal_px` for an image `width` x `height`."""

    width: int
    height: int
    focal_px: float

    def rays(self) -> F64:
        """Where the middle of each pixel looks, float64[H, W, 3], z = -1."""
        ys, xs = np.mgrid[0 : self.height, 0 : self.width] + 0.5
        x, y = (xs - self.width / 2) / self.focal_px, (self.height / 2 - ys) / self.focal_px
        return np.stack([x, y, -np.ones(xs.shape)], axis=-1)


@dataclass(frozen=True, slots=True)
class Lamps:
    """What shines. An LED gives a white surface square to it at 600 mm the radiance 1.

    `leds` places by side in mm; `sky` and `panel` are radiance, `sun` irradiance over pi from the direction
    `sun_from`, for the switched cameras ("wide": all daylight they get) and for the visible one.
    """

    leds: dict[str, Point] = field(default_factory=dict)
    sky_wide: float = 0.0
    sun_wide: float = 0.0
    sky_visible: float = 0.0
    sun_visible: float = 0.0
    panel: float = 0.0
    sun_from: Point = (0.0, 1.0, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Radiance: `leds` by side float64[H, W, 6] (850 to 1550), `ambient` [H, W, 2], `visible` [H, W, 3] BGR."""

    leds: dict[str, F64]
    ambient: F64
    visible: F64


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Per pixel, float64[H, W]: `depth` mm (inf: nothing), `normal` [H, W, 3], `temperature`, `soft`, `retro`."""

    depth: F64
    normal: F64
    temperature: F64
    soft: F64
    retro: F64


class Tracer(Protocol):
    """One scene that stays; `glow` float64[n, 3] is what its vertices emit in the visible."""

    def images(self, lamps: Lamps, samples: int) -> Images:
        """Everything that is lit, `samples` paths a pixel."""

    def planes(self) -> Planes:
        """Geometry and materials seen through the middle of each pixel."""


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
def mitsuba() -> Any:
    """Mitsuba with its variant set, on one thread. Raises TracerError when the extra is not installed."""
    library = llvm_library()
    if library:
        os.environ["DRJIT_LIBLLVM_PATH"] = library
    try:
        import drjit
        import mitsuba as mi
    except ImportError as error:
        raise TracerError("the examiner needs its extra: pip install 'sallyport[examiner]'") from error
    mi.set_variant("llvm_ad_rgb" if library else "scalar_rgb")
    drjit.set_thread_count(1)
    return mi


def tracer(scene: Piece, view: View, seed: int, glow: F64 | None = None) -> Tracer:
    """The fastest tracer there is here. Raises TracerError without Mitsuba."""
    from hil.examiner.compiled import Compiled
    from hil.examiner.plain import Plain

    chosen = Compiled if mitsuba().variant().startswith("llvm") else Plain
    return chosen(scene, view, seed, np.zeros((len(scene.vertices), 3)) if glow is None else glow)


def mesh(mi: Any, scene: Piece, glow: F64, base: F64 | None = None) -> Any:
    """The piece as a mesh of one material that reads everything from the vertices.

    `base` float64[3] is a colour for all of them instead of "vertex_colour", which can be set later.
    """

    def by_vertex(name: str) -> dict[str, Any]:
        return {"type": "mesh_attribute", "name": f"vertex_{name}"}

    material = {
        "type": "principled",
        "base_color": by_vertex("colour") if base is None else {"type": "rgb", "value": base.tolist()},
        "roughness": by_vertex("rough"),
        "specular": SPECULAR,
        "clearcoat": by_vertex("gloss"),
        "clearcoat_gloss": CLEAR_COAT,
    }
    properties = mi.Properties()
    properties["material"] = mi.load_dict({"type": "twosided", "inner": material})
    made = mi.Mesh("body", len(scene.vertices), len(scene.triangles), has_vertex_normals=True, props=properties)
    wide = np.column_stack([scene.colour[:, WIDE], np.zeros(len(scene.vertices))])
    tags = np.column_stack([scene.temperature, scene.soft, scene.retro])
    colours = {"colour": scene.colour[:, VISIBLE], "vis": scene.colour[:, VISIBLE], "nir": scene.colour[:, NIR]}
    for name, values in (colours | {"swir": scene.colour[:, SWIR], "wide": wide, "glow": glow, "tags": tags}).items():
        made.add_attribute(f"vertex_{name}", 3, values.astype(np.float32).ravel())
    for name, value in (("rough", scene.rough), ("gloss", scene.gloss)):
        made.add_attribute(f"vertex_{name}", 1, value.astype(np.float32))
    params = mi.traverse(made)
    put(params, "vertex_positions", scene.vertices)
    put(params, "vertex_normals", scene.normals)
    params["faces"] = type(params["faces"])(scene.triangles.astype(np.uint32).ravel())
    params.update()
    return made


def put(params: Any, name: str, values: F64) -> None:
    """Set a buffer of numbers of a traversed scene."""
    params[name] = type(params[name])(values.astype(np.float32).ravel())

"""The fast tracer: every light and every band on the same paths, compiled for all pixels at once by Dr.Jit.

The principled material is linear in its base colour, so that one evaluation with the colour (1, 0, 0) tells what is
diffuse and what is not, and each band multiplies the diffuse part by its own reflectance. Lights are sampled one by
one, each with its own shadow ray; one diffuse bounce carries light between surfaces, and mirror rays show sky and
panels in what is glossy. `plain` does the same by Mitsuba's own integrator.
"""

from typing import Any

import cv2
import numpy as np

from hil.examiner.piece import Piece
from hil.examiner.tables import F64
from hil.examiner.tracer import (
    LED_MM,
    NOMINAL_MM,
    PANEL_HALF_MM,
    PANELS,
    SPECULAR,
    Images,
    Lamps,
    Planes,
    View,
    mesh,
    mitsuba,
)

_F0 = 0.08 * SPECULAR
_BRIGHTEST = 12.0
"""A single path may not bring more than this, else a few of them would sparkle."""


class Compiled:
    """See `tracer.Tracer`."""

    def __init__(self, scene: Piece, view: View, seed: int, glow: F64) -> None:
        self._mi = mi = mitsuba()
        self._view, self._seed = view, seed
        body = mesh(mi, scene, glow, np.array([1.0, 0.0, 0.0]))
        self._scene = mi.load_dict({"type": "scene", "body": body})

    def images(self, lamps: Lamps, samples: int) -> Images:
        """As `tracer.Tracer`."""
        import drjit as dr

        mi, view = self._mi, self._view
        count = view.width * view.height
        paths = _Paths(mi, self._scene, lamps)
        for k in range(samples):
            sampler = mi.load_dict({"type": "independent"})
            sampler.seed((self._seed + 7919 * k) % 2**31, count)
            paths.run(self._rays(dr.arange(mi.UInt32, count), sampler.next_2d()), sampler, k, samples)
            dr.eval(paths.straight, paths.around, paths.own)
        found = {name: self._image(values) / samples for name, values in paths.straight.items()}
        own = {name: self._image(values) / samples for name, values in paths.own.items()}
        around = {name: self._image(values) / samples for name, values in paths.around.items()}
        depth = self.planes().depth
        for name, image in around.items():
            key = name if name in own else "led"
            found[name] += own[key] * smoothed(image, depth)
        return Images({where: found[where] for where in lamps.leds}, found["wide"], found["vis"])

    def _image(self, values: list[Any]) -> F64:
        shape = (self._view.height, self._view.width)
        return np.stack([np.array(v, np.float64).reshape(shape) for v in values], axis=-1)

    def planes(self) -> Planes:
        """As `tracer.Tracer`."""
        import drjit as dr

        mi, view = self._mi, self._view
        ray = self._rays(dr.arange(mi.UInt32, view.width * view.height), mi.Point2f(0.493, 0.514))
        hit = self._scene.ray_intersect(ray)
        found = hit.is_valid()
        tags = hit.shape.eval_attribute_3("vertex_tags", hit, found)
        shape = (view.height, view.width)
        depth = np.array(dr.select(found, hit.t, dr.inf), np.float64).reshape(shape)
        normal, values = (np.array(v, np.float64).T.reshape(*shape, 3) for v in (hit.sh_frame.n, tags))
        return Planes(depth, normal, values[..., 0], values[..., 1], values[..., 2])

    def _rays(self, pixel: Any, within: Any) -> Any:
        import drjit as dr

        mi, view = self._mi, self._view
        x, y = mi.Float(pixel % view.width) + within.x, mi.Float(pixel // view.width) + within.y
        aim = mi.Vector3f((x - view.width / 2) / view.focal_px, (view.height / 2 - y) / view.focal_px, -1.0)
        return mi.Ray3f(dr.zeros(mi.Point3f, dr.width(aim)), dr.normalize(aim))


class _Paths:
    """The paths of one image, and what they bring, by image and band.

    `straight` came from lamps to the surface seen, `around` is light that met another surface or the sky first, before
    the surface seen reflects it, and `own` is what that surface reflects.
    """

    def __init__(self, mi: Any, scene: Any, lamps: Lamps) -> None:
        import drjit as dr

        self._mi, self._scene, self._lamps = mi, scene, lamps
        self._sampler: Any = None
        self._turn = self._turns = mi.Float(0.0)
        self._context = mi.BSDFContext()
        bands = {**dict.fromkeys(lamps.leds, 6), "wide": 2, "vis": 3}
        self.straight = {name: [mi.Float(0.0)] * n for name, n in bands.items()}
        self.around = {name: [mi.Float(0.0)] * n for name, n in bands.items()}
        self.own = {name: [mi.Float(0.0)] * n for name, n in {"led": 6, "wide": 2, "vis": 3}.items()}
        self._led_at = {where: dr.opaque(mi.Point3f, list(at)) for where, at in lamps.leds.items()}
        towards = np.asarray(lamps.sun_from) / max(float(np.linalg.norm(lamps.sun_from)), 1e-9)
        self._sun = dr.opaque(mi.Vector3f, [float(v) for v in towards])
        names = ("sky_wide", "sun_wide", "sky_visible", "sun_visible", "panel")
        self._power = {name: dr.opaque(mi.Float, getattr(lamps, name)) for name in names}

    def run(self, ray: Any, sampler: Any, turn: int, turns: int) -> None:
        """Follow the rays of the camera for the `turn`th of `turns` times, and add what they bring."""
        import drjit as dr

        mi = self._mi
        self._sampler = sampler
        self._turn, self._turns = dr.opaque(mi.Float, turn / turns), dr.opaque(mi.Float, 1.0 / turns)
        hit = self._scene.ray_intersect(ray)
        active = hit.is_valid()
        bsdf = hit.bsdf(ray)
        own = self._reflectance(hit, active)
        for name, values in own.items():
            _add(self.own, name, values)
        _add(self.straight, "vis", list(hit.shape.eval_attribute_3("vertex_glow", hit, active)))
        gloss = hit.shape.eval_attribute_1("vertex_gloss", hit, active)
        rough = hit.shape.eval_attribute_1("vertex_rough", hit, active)
        facets = mi.MicrofacetDistribution(mi.MicrofacetType.GGX, dr.maximum(rough * rough, 0.01))
        for lamp in self._lights(hit, active, seen=True):
            way = hit.to_local(lamp.way)
            value = bsdf.eval(self._context, hit, way, active)
            other = value[1] if lamp.small else self._shine(facets, hit, way)
            _bring(self.straight, lamp, own, value[0] - value[1], other)
        self._mirrored(hit, active, facets, gloss)
        # Between surfaces: one direction for all bands, by the cosine, as if both were matt.
        ray = hit.spawn_ray(self._away(hit))
        second = self._scene.ray_intersect(ray, active)
        there = active & second.is_valid()
        self._sky(None, active & ~second.is_valid())
        theirs = self._reflectance(second, there)
        for lamp in self._lights(second, there, seen=False):
            cosine = dr.maximum(second.to_local(lamp.way).z * dr.copysign(mi.Float(1.0), second.wi.z), 0.0)
            _bring(self.around, lamp, theirs, cosine / dr.pi, mi.Float(0.0))
        ray = second.spawn_ray(self._away(second))
        self._sky(theirs, there & ~self._scene.ray_test(ray, there))

    def _away(self, hit: Any) -> Any:
        """A direction off the surface's lit side, more often along the normal."""
        import drjit as dr

        local = self._mi.warp.square_to_cosine_hemisphere(self._sampler.next_2d())
        local.z = dr.copysign(local.z, hit.wi.z)
        return hit.to_world(local)

    def _reflectance(self, hit: Any, active: Any) -> dict[str, list[Any]]:
        """Of the surface, by image."""
        read = {
            name: list(hit.shape.eval_attribute_3(f"vertex_{name}", hit, active))
            for name in ("vis", "nir", "swir", "wide")
        }
        return {"led": read["nir"] + read["swir"], "wide": read["wide"][:2], "vis": read["vis"]}

    def _lights(self, hit: Any, active: Any, *, seen: bool) -> "list[_Lamp]":
        """Every lamp that shines, as the surface sees it: way to it, power, free of shadow."""
        import drjit as dr

        mi, lamps, found = self._mi, self._lamps, []
        for where, at in self._led_at.items():
            spot = 2.0 * self._sampler.next_2d() - 1.0
            to = at + mi.Vector3f(spot.x * LED_MM, spot.y * LED_MM, 0.0) - hit.p
            power = dr.pi * (NOMINAL_MM**2) / dr.squared_norm(to)
            found.append(self._lamp(hit, active, to, {where: power}))
        if lamps.sun_wide or lamps.sun_visible:
            power = {"wide": dr.pi * self._power["sun_wide"], "vis": dr.pi * self._power["sun_visible"]}
            found.append(self._lamp(hit, active, self._sun * 1e5, power))
        # Each panel for the surface seen, in turn from top to bottom; either of them for what is averaged anyway.
        for side in (
            ([mi.Bool(True), mi.Bool(False)] if seen else [self._sampler.next_1d() < 0.5]) if lamps.panel else []
        ):
            found.append(self._panel(hit, active, side, 1.0 if seen else 2.0))
        return found

    def _panel(self, hit: Any, active: Any, first: Any, share: float) -> "_Lamp":
        """A spot of one of the panels."""
        import drjit as dr

        mi = self._mi
        spot = self._sampler.next_2d()
        across, facing = self._panel_axes(first)
        high = 2.0 * (self._turn + spot.y * self._turns) - 1.0
        middle = dr.select(first, mi.Point3f(*PANELS[0]), mi.Point3f(*PANELS[1]))
        at = (
            middle + across * ((2.0 * spot.x - 1.0) * PANEL_HALF_MM[0]) + mi.Vector3f(0.0, high * PANEL_HALF_MM[1], 0.0)
        )
        to = at - hit.p
        area = share * 4.0 * PANEL_HALF_MM[0] * PANEL_HALF_MM[1]
        turned = dr.maximum(-dr.dot(dr.normalize(to), facing), 0.0)
        power = self._power["panel"] * area * turned / dr.squared_norm(to)
        return self._lamp(hit, active, to, {"vis": power}, small=False)

    def _panel_axes(self, first: Any) -> tuple[Any, Any]:
        """To the right along a panel, and where it faces."""
        import drjit as dr

        mi = self._mi
        facing = [np.array([-x, -y, -NOMINAL_MM - z]) for x, y, z in PANELS]
        facing = [v / np.linalg.norm(v) for v in facing]
        across = [np.cross(v, [0.0, 1.0, 0.0]) for v in facing]
        across = [v / np.linalg.norm(v) for v in across]

        def pick(pair: list[F64]) -> Any:
            return dr.select(first, mi.Vector3f(*pair[0].tolist()), mi.Vector3f(*pair[1].tolist()))

        return pick(across), pick(facing)

    def _lamp(self, hit: Any, active: Any, to: Any, power: dict[str, Any], *, small: bool = True) -> "_Lamp":
        import drjit as dr

        distance = dr.norm(to)
        ray = hit.spawn_ray_to(hit.p + to)
        free = active & ~self._scene.ray_test(ray, active)
        return _Lamp(to / distance, {name: dr.select(free, value, 0.0) for name, value in power.items()}, small)

    def _sky(self, carried: dict[str, list[Any]] | None, free: Any) -> None:
        """Sky where the way is free, by what the surface it was met from reflects (None: seen from the first)."""
        import drjit as dr

        for name, power in (("wide", self._power["sky_wide"]), ("vis", self._power["sky_visible"])):
            shares = [1.0] * len(self.around[name]) if carried is None else carried[name]
            _add(self.around, name, [dr.select(free, v * power, 0.0) for v in shares])

    def _shine(self, facets: Any, hit: Any, way: Any) -> Any:
        """What the rough surface itself, without its coat, mirrors of a large lamp."""
        import drjit as dr

        flip = dr.copysign(self._mi.Float(1.0), hit.wi.z)
        wi, wo = (self._mi.Vector3f(v.x, v.y, v.z * flip) for v in (hit.wi, way))
        middle = dr.normalize(wi + wo)
        value = _fresnel(dr.dot(wi, middle), _F0) * facets.eval(middle) * facets.G(wi, wo, middle) / (4.0 * wi.z)
        return dr.select((wo.z > 0.0) & (wi.z > 1e-3), value, 0.0)

    def _mirrored(self, hit: Any, active: Any, facets: Any, gloss: Any) -> None:
        """Sky in the rough surface, sky and panels in its clear coat."""
        import drjit as dr

        mi = self._mi
        flip = dr.copysign(mi.Float(1.0), hit.wi.z)
        wi = mi.Vector3f(hit.wi.x, hit.wi.y, dr.abs(hit.wi.z))
        facet, _ = facets.sample(wi, self._sampler.next_2d())
        for normal, f0, strength in ((facet, _F0, None), (mi.Normal3f(0.0, 0.0, 1.0), 0.04, 0.25 * gloss)):
            out = mi.reflect(wi, normal)
            ray = hit.spawn_ray(hit.to_world(mi.Vector3f(out.x, out.y, out.z * flip)))
            free = active & (out.z > 0.0) & ~self._scene.ray_test(ray, active)
            share = _fresnel(dr.dot(wi, normal), f0) * dr.minimum(2.0 * out.z, 1.0)
            share = dr.select(free, share if strength is None else share * strength, 0.0)
            panel = 0.0 if strength is None else self._power["panel"] * self._on_panel(ray)
            _add(self.straight, "wide", [share * self._power["sky_wide"]] * 2)
            _add(self.straight, "vis", [share * (self._power["sky_visible"] + panel)] * 3)

    def _on_panel(self, ray: Any) -> Any:
        """Whether a ray ends on a panel: 0 or 1."""
        import drjit as dr

        mi, total = self._mi, self._mi.Float(0.0)
        for k, middle in enumerate(PANELS):
            across, facing = self._panel_axes(mi.Bool(k == 0))
            t = dr.dot(mi.Point3f(*middle) - ray.o, facing) / dr.dot(ray.d, facing)
            spot = ray.o + t * ray.d - mi.Point3f(*middle)
            inside = (t > 0.0) & (dr.abs(dr.dot(spot, across)) < PANEL_HALF_MM[0]) & (dr.abs(spot.y) < PANEL_HALF_MM[1])
            total = total + dr.select(inside, 1.0, 0.0)
        return total


class _Lamp:
    """A lamp as one surface sees it: unit way to it, its power by image (0 in shadow); large ones mirror apart."""

    __slots__ = ("power", "small", "way")

    def __init__(self, way: Any, power: dict[str, Any], small: bool) -> None:
        self.way, self.power, self.small = way, power, small


def _fresnel(cosine: Any, f0: float) -> Any:
    import drjit as dr

    return f0 + (1.0 - f0) * (1.0 - dr.clip(cosine, 0.0, 1.0)) ** 5


def _bring(to: dict[str, list[Any]], lamp: _Lamp, own: dict[str, list[Any]], diffuse: Any, other: Any) -> None:
    import drjit as dr

    for name, power in lamp.power.items():
        shares = own[name if name in own else "led"]
        _add(to, name, [dr.minimum(power * (v * diffuse + other), _BRIGHTEST) for v in shares])


def _add(to: dict[str, list[Any]], name: str, values: list[Any]) -> None:
    to[name] = [a + b for a, b in zip(to[name], values, strict=True)]


def smoothed(image: F64, depth: F64, size_px: float = 3.0) -> F64:
    """Light from around changes slowly: averaged over some pixels, though not from the background to the person."""
    near = (depth < np.percentile(depth, 2.0) + 350.0).astype(np.float64)
    result = np.zeros_like(image)
    for layer in (near, 1.0 - near):
        weight = cv2.GaussianBlur(layer, (0, 0), size_px)
        blurred = cv2.GaussianBlur(image * layer[..., None], (0, 0), size_px).reshape(image.shape)
        result += layer[..., None] * blurred / np.maximum(weight, 1e-6)[..., None]
    return result

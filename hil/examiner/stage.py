"""The stage: puts a plan's people and things before the cameras, lights them one by one, and keeps what is seen.

Results are electrons of a full exposure (switched cameras), relative radiance (visible), and planes. Not responsible
for frames (`camera`) or order (`job`).
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from appliance.evaluate.species import BONA_FIDE, SPECIES
from hil.examiner import instruments, places, wear
from hil.examiner.camera import softened
from hil.examiner.head import Mould, mould
from hil.examiner.instruments import Case, Instrument, Picture
from hil.examiner.person import Person, draw_person
from hil.examiner.piece import Piece, cut, join
from hil.examiner.plan import Plan
from hil.examiner.rig import GREY, NIR_LEDS, PATCH_MM, PATCH_PX, SWIR_LEDS, VIEW, Led, Rig, card_gain, side
from hil.examiner.spectra import BANDS, NIR, WIDE
from hil.examiner.tables import F64
from hil.examiner.tracer import PANELS, Images, Lamps, Planes, View, tracer
from hil.examiner.wear import Lens

_SOFT_REACH_MM = {"visible": 1.0, "nir": 1.6, "swir": 0.6}
"""Standard deviation of where light comes out again of skin or silicone: an approximation, in image space."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one presentation gives: `leds` electrons float64[H, W] by LED, `ambient` by camera, `rgb` relative
    radiance float64[H, W, 3] BGR, `planes` of the geometry, `near` float64[H, W] the person's share of each pixel.
    """

    leds: dict[str, F64]
    ambient: dict[str, F64]
    rgb: F64
    planes: Planes
    near: F64


@dataclass(slots=True)
class _Set:
    """What stands before the cameras, in camera space."""

    scene: Piece
    lenses: list[Lens] = field(default_factory=list)
    glow: F64 | None = None
    pupil: float = 0.8


def _rotation(angles: tuple[float, float, float]) -> F64:
    yaw, pitch, roll = np.radians(angles)
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y)


def _dressed(rng: np.random.Generator, person: Person, model: Mould, rig: Rig, *, bare: bool) -> list[Piece]:
    """A person with clothes, hair and scarf, in head space."""
    parts = [person.head(model), person.eyes, wear.torso(rng, rig.optics, model, person.bare)]
    if person.traits.hair == "long" and bare:
        parts.append(wear.long_hair(rng, person))
    return parts


def _portrait(plan: Plan, victim: Person, model: Mould, rig: Rig) -> Picture:
    """The photograph an attacker has of the victim: frontal, in soft light, as good as one off a social network."""
    rng = plan.rng("portrait")
    parts = _dressed(rng, victim, model, rig, bare=True)
    middle = victim.bare.middle
    person = join(parts).moved(np.eye(3), -middle - np.array([0.0, 0.0, 900.0]))
    scene = join([person, wear.wall(rng, rig.optics, 2200.0)])
    view = View(256, 320, 800.0)
    light = Lamps(sky_visible=0.55, panel=9.0)
    look = tracer(scene, view, int(rng.integers(1 << 30))).images(light, 6).visible
    soft = cv2.GaussianBlur(look, (0, 0), 0.8)
    face = soft[150:200, 100:156].reshape(-1, 3)
    skin = victim.colour[places.face_oval(model.canonical, 0.7) > 0.5, :3]
    gain = float(np.median(skin) / max(np.median(face), 1e-4)) * rng.uniform(0.95, 1.1)
    return Picture(np.clip(soft * gain, 0.0, 0.9), view.focal_px, 900.0)


def _set_up(plan: Plan, rig: Rig, model: Mould) -> _Set:
    """People, things and surroundings of a plan, in camera space."""
    rng = plan.rng("things")
    person = draw_person(plan.subject, plan.rng("wearer"), plan.wearer, model, rig.optics)
    attack = Instrument()
    if plan.victim is not None:
        victim = draw_person(str(plan.instrument_of), plan.rng("victim"), plan.victim, model, rig.optics)
        case = Case(
            plan.species,
            plan.rng("instrument"),
            model,
            person,
            victim,
            rig.optics,
            lambda: _portrait(plan, victim, model, rig),
        )
        attack = instruments.build(case)
    parts = _dressed(rng, person, model, rig, bare=not plan.headscarf)
    lenses: list[Lens] = []
    if plan.headscarf:
        parts[0] = cut(parts[0], places.hair_height(model.canonical, 0.0) < 4.0)
        parts.append(wear.scarf(rng, model, person, rig.optics))
    if plan.medical_mask:
        parts.append(wear.medical_mask(rng, model, person.bare, rig.optics))
    if plan.glasses:
        frame, lenses = wear.glasses(rng, person.bare, rig.optics)
        parts.append(frame)
    parts += attack.worn
    middle = person.bare.middle
    turn = _rotation(plan.angles)
    place = np.array([*plan.offset_mm, -plan.distance_mm])
    # A print or a screen is where the face should be; who holds it stays behind.
    behind = np.array([0.0, 0.0, -rng.uniform(55.0, 90.0)]) if attack.held is not None else np.zeros(3)
    shift = place + behind - turn @ middle
    pieces = [join(parts).moved(turn, shift)]
    made = _Set(pieces[0], [lens.moved(turn, shift) for lens in lenses], pupil=float(rng.uniform(0.5, 1.6)))
    if attack.held is not None:
        pieces.insert(0, attack.held.moved(turn, place))
    pieces += _surroundings(plan, rng, rig)
    made.scene = join(pieces)
    if attack.glow is not None:
        made.glow = np.zeros((len(made.scene.vertices), 3))
        made.glow[: len(attack.glow)] = attack.glow
    return made


def _surroundings(plan: Plan, rng: np.random.Generator, rig: Rig) -> list[Piece]:
    x, y, width, height = PATCH_PX
    mm = PATCH_MM / VIEW.focal_px
    corner = ((x - VIEW.width / 2.0) * mm, (VIEW.height / 2.0 - y) * mm)
    card = wear.card(corner, (width * mm, height * mm), PATCH_MM, GREY)
    return [card, wear.wall(rng, rig.optics, plan.distance_mm + rng.uniform(700.0, 1800.0))]


def _lamps(plan: Plan) -> Lamps:
    """The LEDs' places by the drawing, and daylight: a window's, or the sun's."""
    return Lamps(
        leds={where: side(f"?{where}") for where in "LRC"},
        sky_wide=plan.indoor + 0.06 * plan.sun,
        sun_wide=plan.sun,
        sky_visible=0.25 + 6.0 * plan.sun + 15.0 * plan.indoor,
        sun_visible=60.0 * plan.sun,
        panel=9.0,
        sun_from=plan.sun_from,
    )


def perform(plan: Plan, rig: Rig, *, swir: bool = True, samples: int = 6) -> Seen:
    """Render everything one presentation needs. Raises TableError or TracerError without tables or Mitsuba."""
    if plan.species != BONA_FIDE and plan.species not in SPECIES:
        raise KeyError(plan.species)
    stage = _set_up(plan, rig, mould())
    shown = tracer(stage.scene, VIEW, int(plan.rng("paths").integers(1 << 30)), stage.glow)
    planes = shown.planes()
    scene = _Scene(plan, rig, stage, planes, shown.images(_lamps(plan), samples))
    leds = scene.lit("nir", NIR_LEDS)
    if swir:
        leds |= scene.lit("swir", SWIR_LEDS)
    near = cv2.GaussianBlur((planes.depth < plan.distance_mm + 420.0).astype(np.float64), (0, 0), 0.6)
    x, y, width, height = PATCH_PX
    near[: y + height + 3, : x + width + 3] = 0.0
    return Seen(leds, scene.ambient(), scene.visible(), planes, np.asarray(near, np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    plan: Plan
    rig: Rig
    stage: _Set
    planes: Planes
    images: Images

    @property
    def _points(self) -> F64:
        ray = VIEW.rays()
        ray /= np.linalg.norm(ray, axis=-1, keepdims=True)
        return np.asarray(ray * np.minimum(self.planes.depth, 9000.0)[..., None])

    def _softened(self, image: F64, where: str) -> F64:
        scale = np.full(1, VIEW.focal_px / self.plan.distance_mm)
        return softened(image, self.planes.soft, scale, _SOFT_REACH_MM[where])

    def lit(self, camera: str, names: tuple[str, ...]) -> dict[str, F64]:
        """Electrons under each LED: the side's image, corrected for the LED's own place, beam and power."""
        points, normals, found = self._points, self.planes.normal, {}
        drift = self.plan.rng(f"drift {camera}")
        corner = PATCH_PX[0] + PATCH_PX[2] + 1, PATCH_PX[1] + PATCH_PX[3] + 1
        soft = {where: self._softened(image, camera) for where, image in self.images.leds.items()}
        for name in names:
            where, led, band = name[-1], self.rig.leds[name], BANDS.index(name[:-1])
            plain = Led(side(name), (0.0, 0.0, -1.0), 1e6, 1.0).irradiance(points, normals)
            own = np.clip(led.irradiance(points, normals) / plain, 0.0, 2.0)
            power = 1.0 + drift.uniform(-1.0, 1.0) * self.plan.led_drift + drift.normal(0.0, 0.004)
            seen = soft[where][..., band - NIR.start] * cv2.GaussianBlur(own, (0, 0), 2.0)
            if where == "C":
                seen = seen + self.planes.retro * self.stage.pupil * (600.0 / self.plan.distance_mm) ** 2
            seen = self._through_glasses(seen, [(led.at, float(led.power))])
            # The card is to get what a face gets: its corner is brought to that, but for what a flat field leaves.
            seen[: corner[1], : corner[0]] *= card_gain(led) * drift.normal(1.0, 0.006)
            found[name] = seen * power * self.rig.optics.electrons[band]
        return found

    def ambient(self) -> dict[str, F64]:
        """Electrons of what no LED of ours made, by camera: daylight through windows, and the sun."""
        image = self._through_glasses(self._softened(self.images.ambient, "nir"), [])
        electrons = self.rig.optics.electrons[WIDE]
        return {"nir": image[..., 0] * electrons[0], "swir": image[..., 1] * electrons[1]}

    def visible(self) -> F64:
        """Relative radiance of the visible image: white panel, room, sun; and what a screen shows of itself."""
        panels = [(at, 0.5) for at in PANELS]
        return self._through_glasses(self._softened(self.images.visible, "visible"), panels)

    def _through_glasses(self, image: F64, lamps: list[tuple[tuple[float, float, float], float]]) -> F64:
        """What lenses take away and reflect: drawn over the image, for shadow rays would stop at them."""
        for lens in self.stage.lenses:
            inside, points, normals = _lens_pixels(lens)
            inside = inside * (np.linalg.norm(points, axis=-1) < self.planes.depth + 8.0)
            shape = inside if image.ndim == 2 else inside[..., None]
            image = image * (1.0 - shape * (1.0 - lens.clear**2))
            for at, power in lamps:
                glint = power * _glint(points, normals, np.asarray(at)) * (1.0 - lens.clear) * inside
                image = image + (glint if image.ndim == 2 else glint[..., None])
        return image


def _lens_pixels(lens: Lens) -> tuple[F64, F64, F64]:
    """Per pixel whether the lens is there (0 to 1), where its front is, and its normal."""
    ray = VIEW.rays()
    forward = np.cross(lens.right, lens.up)
    t = float(lens.middle @ forward) / np.minimum(ray @ forward, -1e-3)
    points = ray * t[..., None]
    u, v = (points - lens.middle) @ lens.right, (points - lens.middle) @ lens.up
    ring = (np.abs(u / lens.half[0]) ** 2.6 + np.abs(v / lens.half[1]) ** 2.6) ** (1 / 2.6)
    inside = np.clip((1.0 - ring) * 12.0, 0.0, 1.0)
    normals = forward + (u[..., None] * lens.right + v[..., None] * lens.up) / lens.radius
    return inside, points, normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def _glint(points: F64, normals: F64, lamp: F64) -> F64:
    """A lamp's mirror image in a smooth surface, as radiance, with a lobe as wide as a lamp of some cm."""
    to_lamp, to_eye = lamp - points, -points
    half = to_lamp / np.linalg.norm(to_lamp, axis=-1, keepdims=True)
    half = half + to_eye / np.linalg.norm(to_eye, axis=-1, keepdims=True)
    half /= np.linalg.norm(half, axis=-1, keepdims=True)
    off = np.arccos(np.clip((half * normals).sum(axis=-1), -1.0, 1.0))
    return np.asarray(60.0 * np.exp(-((off / 0.02) ** 2)))

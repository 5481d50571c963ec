"""What the bands can tell apart at best: ratios of skin and of every instrument, before any noise, shape or light.

An overlap here is out of reach for these bands whatever the detector; a gap here is not yet a detector.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hil.scene.optics.grid import F32, f32
from hil.scene.optics.materials import draw_batch, spectrum
from hil.scene.optics.paint import SUBSTANCE, draw_variation, paint_spectra
from hil.scene.optics.response import CHANNELS, draw_site, observe
from hil.scene.optics.skin import of_tone, reflectance, vary

RATIOS: tuple[tuple[str, str], ...] = (("850", "R"), ("940", "850"), ("970", "850"), ("1300", "1050"), ("1550", "1050"))
TONES: tuple[str, ...] = ("I", "II", "III", "IV", "V", "VI")
SKIN = "skin"
_PARTS = ("silicone_nose", "silicone_lower_face", "latex_half")  # of the same stuff as the whole masks


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of surface at one tone (None: any): what was seen of every draw, float32[draws, channels]."""

    name: str
    tone: str | None
    seen: F32

    def log_ratio(self, over: str, under: str) -> tuple[float, float]:
        """Mean and standard deviation of ln(over / under)."""
        ratio = np.log(self.seen[:, CHANNELS.index(over)] / self.seen[:, CHANNELS.index(under)])
        return float(ratio.mean()), float(ratio.std())


def survey(draws: int, seed: int) -> list[Row]:
    """People of every tone, and every species coloured as each tone; each draw has another site, person and forger."""
    rng = np.random.default_rng(seed)
    seen: dict[str, list[F32]] = {SKIN: []}
    for _ in range(draws):
        site = draw_site(rng)
        # Within its class a person's tone is anywhere; type VI ends the scale.
        tones = np.arange(1, 7) + rng.uniform(-0.45, 0.45, 6)
        people = observe(np.stack([reflectance(vary(of_tone(tone), rng)) for tone in tones]), site)
        seen[SKIN].append(people)
        for name, (kind, substrate) in SUBSTANCE.items():
            if name not in _PARTS:
                painted = paint_spectra(people[:, :3], kind, substrate, draw_variation(rng), site)
                seen.setdefault(name, []).append(observe(painted, site))
        for name, glass in (("screen_lcd", "lcd_glass"), ("screen_oled", "oled_glass"), ("medical_mask", "mask_white")):
            seen.setdefault(name, []).append(np.tile(observe(spectrum(glass, draw_batch(rng)), site), (6, 1)))
    stacked = {name: f32(np.stack(values)) for name, values in seen.items()}
    return [Row(name, tone, values[:, i]) for name, values in stacked.items() for i, tone in _tones(name)]


def _tones(name: str) -> Iterator[tuple[int, str | None]]:
    if name == SKIN or name in SUBSTANCE:
        yield from enumerate(TONES)
    else:
        yield 0, None


def _gap(row: Row, skin: list[Row], pair: tuple[str, str]) -> float:
    """Distance to people of that tone (the nearest, where it has none), in standard deviations of both together."""
    mean, sd = row.log_ratio(*pair)
    others = [person.log_ratio(*pair) for person in skin if row.tone in (None, person.tone)]
    return min(abs(mean - m) / float(np.hypot(sd, s)) for m, s in others)


def lines(rows: list[Row]) -> Iterator[str]:
    """Two tables in Markdown: median reflectance by band, ln ratios by tone with the distance from skin."""
    switched = CHANNELS[3:]
    yield "| surface | " + " | ".join(switched) + " |"
    yield "|---" * (len(switched) + 1) + "|"
    for name in dict.fromkeys(row.name for row in rows):
        whole = np.concatenate([row.seen for row in rows if row.name == name])
        yield f"| {name} | " + " | ".join(f"{value:.2f}" for value in np.median(whole, axis=0)[3:]) + " |"
    yield ""
    yield "| surface | tone | " + " | ".join(f"ln {a}/{b}" for a, b in RATIOS) + " |"
    yield "|---" * (len(RATIOS) + 2) + "|"
    skin = [row for row in rows if row.name == SKIN]
    for row in rows:
        cells = []
        for pair in RATIOS:
            if row.name.startswith("screen") and "R" in pair:
                cells.append("emits")  # what one sees of a screen is its light, not what its glass reflects
                continue
            mean, sd = row.log_ratio(*pair)
            far = "" if row.name == SKIN else f" ({_gap(row, skin, pair):.1f})"
            cells.append(f"{mean:+.3f} ± {sd:.3f}{far}")
        yield f"| {row.name} | {row.tone or 'any'} | " + " | ".join(cells) + " |"

"""Spectra: their grid, the bands they are seen in, and how films, dots and scatterers mix.

A spectrum is float64[261], 400 to 1700 nm. What a camera sees of it is float64[11], one number a band (`BANDS`):
the three visible ones under the white panel, the six switched ones under their LEDs, and the whole view of the NIR
and of the SWIR camera under the sun ("nir", "swir"), which is all the light a camera gets that no LED of ours made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from hil.examiner.tables import F64, FOLDER, columns

NM: F64 = np.arange(400.0, 1701.0, 5.0)
BANDS = ("B", "G", "R", "850", "940", "970", "1050", "1300", "1550", "nir", "swir")
VISIBLE, NIR, SWIR, WIDE = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 11)

_FWHM_NM = {"850": 35.0, "940": 40.0, "970": 40.0, "1050": 50.0, "1300": 80.0, "1550": 100.0}
_DYES_NM = {"B": (455.0, 75.0), "G": (538.0, 85.0), "R": (618.0, 90.0)}
"""Colour filters of the visible camera: centre and full width at half maximum."""
_SI, _INGAAS = "LUCID_TRI071S_M_IMX428", "LUCID_TRT033S_WC_IMX992"


def resample(nm: F64, values: F64) -> F64:
    """A tabulated spectrum on the grid; gaps (NaN) are bridged, ends held."""
    known = np.isfinite(values)
    if not known.any():
        raise ValueError("a spectrum without a single value")
    return np.interp(NM, nm[known], values[known])


def bell(centre: float, fwhm: float) -> F64:
    """A Gaussian line of height 1 on the grid."""
    return np.asarray(np.exp(-4.0 * np.log(2.0) * ((NM - centre) / fwhm) ** 2))


def yule_nielsen(shares: F64, primaries: F64, n: float) -> F64:
    """Reflectance of a mosaic of primaries (Yule-Nielsen-modified Neugebauer).

    `shares` float64[..., k] sum to 1, `primaries` float64[k, m] are reflectances, `n` >= 1 how far light spreads
    sideways under the dots (1: none, Murray-Davies; 2: wholly). Returns float64[..., m].
    """
    if n < 1.0:
        raise ValueError("the Yule-Nielsen factor is at least 1")
    return (shares @ np.clip(primaries, 1e-4, None) ** (1.0 / n)) ** n


def scattering_layer(absorption: F64, scattering: F64) -> F64:
    """Diffuse reflectance of a thick turbid polymer: exp(-7 / sqrt(3 (1 + mus'/mua))).

    Both in 1/cm; form and constant after Jacques' fits of Monte Carlo runs (omlc.org, diffuse reflectance).
    """
    return np.exp(-7.0 / np.sqrt(3.0 * (1.0 + scattering / np.maximum(absorption, 1e-6))))


@dataclass(frozen=True, slots=True)
class Optics:
    """One site's rig. `weights` float64[11, 261] turn a spectrum into bands.

    `electrons` float64[11]: what one pixel collects in a full exposure from a white surface square to the light; in
    the switched bands at the LEDs' nominal irradiance, for "nir" and "swir" in full sun; the visible ones are 0.
    """

    weights: F64
    electrons: F64

    def bands(self, spectra: F64) -> F64:
        """Bands of spectra: float64[..., 261] to float64[..., 11]."""
        return spectra @ self.weights.T


def white_led() -> F64:
    """The white panel: a blue LED and its phosphor, relative power."""
    return 0.9 * bell(452.0, 24.0) + bell(560.0, 130.0) + 0.25 * bell(625.0, 110.0)


LED_W_M2 = 30.0
"""Irradiance of one LED in its band at the nominal distance."""
EXPOSURE_S = 1.5e-3
_TRIPLE_NM = ((1050.0, 45.0), (1300.0, 65.0), (1550.0, 75.0))
"""What the filter before the SWIR camera lets through: centre and half width."""
_PIXEL_M = {"nir": 4.5e-6, "swir": 3.45e-6}
_F_NUMBER, _LENS, _HC = 2.8, 0.9, 6.626e-34 * 2.998e8


@lru_cache(maxsize=4)
def _sensors(folder: Path) -> tuple[F64, F64, F64]:
    table, sky = columns("sensor_qe.csv", folder), columns("astm_g173_400_1700.csv", folder)
    silicon, ingaas = resample(table["nm"], table[_SI]), resample(table["nm"], table[_INGAAS])
    return silicon, ingaas, resample(sky["wavelength"], sky["global"])


def _electrons(light: F64, quantum_efficiency: F64, pixel_m: float) -> float:
    """Electrons of one pixel that looks at a white surface; `light` is its irradiance, W m-2 nm-1 on the grid."""
    throughput = pixel_m**2 * _LENS / (4.0 * _F_NUMBER**2) * EXPOSURE_S
    return float((light * quantum_efficiency * NM * 1e-9).sum() * (NM[1] - NM[0]) * throughput / _HC)


def optics(rng: np.random.Generator, heating: float = 0.0, folder: Path = FOLDER) -> Optics:
    """Draw a rig: LEDs stray by some nm from lot to lot; `heating` (share of power lost) shifts them further."""
    silicon, ingaas, sun = _sensors(folder)
    seen: list[F64] = []
    electrons = [0.0, 0.0, 0.0]
    for centre, width in _DYES_NM.values():
        seen.append(bell(centre + rng.normal(0.0, 2.0), width) * silicon * white_led())
    for name, width in _FWHM_NM.items():
        # A warm LED loses power and moves to the red, roughly 0.3 nm for a per cent in the near infrared.
        line = bell(float(name) + rng.normal(0.0, 2.5) + 30.0 * heating, width * rng.uniform(0.9, 1.1))
        sensor, pixel = (silicon, _PIXEL_M["nir"]) if float(name) < 1000 else (ingaas, _PIXEL_M["swir"])
        seen.append(line * sensor)
        electrons.append(_electrons(LED_W_M2 * line / line.sum() / (NM[1] - NM[0]), sensor, pixel))
    for sensor, pixel, passed in (
        (silicon, _PIXEL_M["nir"], (NM >= 810) & (NM <= 1000)),
        (ingaas, _PIXEL_M["swir"], sum(abs(NM - nm) <= half for nm, half in _TRIPLE_NM) > 0),
    ):
        seen.append(sun * sensor * passed)
        electrons.append(_electrons(sun * passed, sensor, pixel))
    weights = np.array(seen)
    return Optics(weights / weights.sum(1, keepdims=True), np.array(electrons))


def table_spectra(name: str, wanted: Sequence[str], folder: Path = FOLDER) -> dict[str, F64]:
    """Spectra of a table whose columns begin with the wanted words. Raises KeyError for a word without a column."""
    table = columns(name, folder)
    found = {}
    for word in wanted:
        title = next((title for title in table if title.startswith(word)), None)
        if title is None:
            raise KeyError(f"{name} has no column {word}...")
        found[word] = resample(table["nm"], table[title])
    return found

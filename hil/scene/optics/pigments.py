"""The twin's own pigments, inks and toners: absorption k and scattering s per unit of amount, float32[261].

Shapes are analytic and modelled: edges and crystal-field bands of ferric oxides where the literature puts them, carbon
flat, organic dyes clear beyond 750 nm. One unit of white scatters 1 per unit of thickness at 550 nm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hil.scene.optics.grid import COUNT, F32, WAVELENGTHS, bands, edge, f32

_X = WAVELENGTHS / 550.0
_ONE = np.ones(COUNT, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Set:
    """What one painter has: the colourants' k and s, float32[P, 261], and those of the base they are mixed into."""

    base_k: F32
    base_s: F32
    k: F32
    s: F32

    def mixed(self, amounts: F32, at: slice = slice(None)) -> tuple[F32, F32]:
        """The colour's k and s at some wavelengths; `amounts` are the colourants' logarithms, float32[..., P]."""
        share = np.exp(amounts)
        return f32(self.base_k[at] + share @ self.k[:, at]), f32(self.base_s[at] + share @ self.s[:, at])


def paints(carbon: float, shift_nm: float, rust: float) -> Set:
    """White, ochre, red oxide, a dark and a blue pigment in a nearly clear binder.

    `carbon` is the share of carbon in the dark one, the rest being an organic dark brown that is clear in the NIR.
    `shift_nm` moves the edges (another grade), `rust` scales the ferric bands at 650 and 860 to 910 nm.
    """
    white = 0.6 * (1 - edge(405, 25)) + 0.010
    ochre = 1.6 * (1 - edge(530 + shift_nm, 90)) + rust * bands([(650, 140, 0.06), (910, 190, 0.06)]) + 0.012
    red = 4.0 * (1 - edge(588 + shift_nm, 55)) + rust * bands([(660, 110, 0.22), (860, 130, 0.26)]) + 0.04
    brown = 5.0 * (1 - edge(720 + shift_nm, 110)) * np.exp(-(WAVELENGTHS - 550.0) / 220.0) + 0.08
    dark = carbon * 5.0 * _ONE + (1 - carbon) * brown
    blue = bands([(610 + shift_nm, 140, 3.0), (700, 120, 1.5)]) + 0.04
    return Set(
        base_k=f32(0.004 * _ONE),
        base_s=f32(0.06 * _X**-0.5),
        k=f32(np.stack([white, ochre, red, dark, blue])),
        s=f32(np.stack([_X**-1.7, 0.35 * _X**-1.0, 0.55 * _X**-0.8, 0.05 * _X**-1.0, 0.10 * _X**-1.0])),
    )


PAINTS_USUAL: F32 = f32([-0.1, -1.8, -1.8, -2.3, -4.5])
"""Logarithms of usual amounts of the five: where the search for a colour begins and what it stays near."""


def inks(shift_nm: float, haze: float) -> F32:
    """Optical density of full cyan, magenta and yellow, float32[3, 261]; in the NIR only `haze` is left of them."""
    cyan = bands([(635 + shift_nm, 150, 2.4), (570 + shift_nm, 80, 0.6)])
    magenta = bands([(550 + shift_nm, 90, 2.3), (510 + shift_nm, 60, 0.9)])
    yellow = bands([(435 + shift_nm, 110, 2.4)])
    return f32(np.stack([cyan, magenta, yellow]) + haze)


def carbon_black() -> F32:
    """Optical density of full black toner or ink, float32[261]: nearly the same at every wavelength."""
    return f32(2.3 * (WAVELENGTHS / 550.0) ** -0.18)

"""Foundation: iron oxides and titanium dioxide in a thin layer on the skin. Its colour is matched to a tone of skin.

White scatters less at longer waves, so that water shows through where the colour no longer does. Every shade is sold
to cover as well as the others, whatever its share of dark pigment.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from hil.scene.optics import pigments
from hil.scene.optics.grid import F32, WAVELENGTHS, f32
from hil.scene.optics.layers import film, infinite
from hil.scene.optics.paint import solve
from hil.scene.optics.response import Site, default_site, observe
from hil.scene.optics.skin import of_tone, reflectance

FULL_COVER = 1.6
"""Of a heavy application (amount 1): exponent of attenuation at 550 nm. Light passes twice, so that exp(-3.2), 4 % of
the contrast below, is left."""


def make_up(skin_spectrum: F32, amount: ArrayLike, shade: float) -> F32:
    """Spectra of skin under foundation, float32[..., 261]; `amount` 0 (none) to 1 (heavy), `shade` a tone, 1 to 6."""
    k, s = _layer(float(shade))
    return film(k, s, _thickness(amount), f32(skin_spectrum))


def make_up_bands(seen: F32, amount: ArrayLike, shade: float, site: Site) -> F32:
    """The same for maps in the site's channels, float32[..., channels]: layer and skin are taken flat within a band."""
    k, s = _layer(float(shade))
    return film(observe(k, site), observe(s, site), _thickness(amount), f32(seen))


def _thickness(amount: ArrayLike) -> F32:
    return f32(np.maximum(FULL_COVER * np.clip(f32(amount), 0.0, 1.0), 1e-4))[..., None]


@lru_cache(maxsize=64)
def _layer(shade: float) -> tuple[F32, F32]:
    """k and s of a foundation that looks like the shade where it hides the skin; its black is iron oxide.

    In layers that attenuate by exp(-1) at 550 nm: a shade's amounts are found up to a common factor only.
    """
    colours = pigments.paints(carbon=1.0, shift_nm=0.0, rust=1.0)

    site = default_site()
    wanted = observe(reflectance(of_tone(shade)), site)[None, :3]
    found = solve(wanted, lambda amounts, at: infinite(*colours.mixed(amounts, at)), pigments.PAINTS_USUAL, site)
    k, s = colours.mixed(found[0])
    at = int(np.argmin(np.abs(WAVELENGTHS - 550.0)))
    attenuation = float(np.sqrt(k[at] * (k[at] + 2.0 * s[at])))
    return f32(k / attenuation), f32(s / attenuation)

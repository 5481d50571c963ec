"""Kubelka-Munk: light going down and up through layers that absorb and scatter. All vectorised.

`k` and `s` are the absorption and scattering of diffuse flux per unit of length. For tissue, where transport theory
gives mu_a and mu_s' instead, `k = 2 mu_a` and `s = 3/4 mu_s' - 1/4 mu_a` (Star, Marijnissen, van Gemert 1988).
"""

from __future__ import annotations

import numpy as np

from hil.scene.optics.grid import F32, f32

_TINY = np.float32(1e-6)


def infinite(k: F32, s: F32) -> F32:
    """Reflectance of a layer so thick that nothing shows through it."""
    ratio = k / np.maximum(s, _TINY)
    return f32(1.0 + ratio - np.sqrt(ratio * (ratio + 2.0)))


def film(k: F32, s: F32, thickness: F32 | float, ground: F32) -> F32:
    """Reflectance of a layer over a ground of reflectance `ground` (Kubelka 1948, hyperbolic form)."""
    s = np.maximum(s, _TINY)
    a = 1.0 + k / s
    b = np.sqrt(np.maximum(a * a - 1.0, _TINY))
    # Beyond 12 optical depths the ground no longer shows; tanh would be 1 anyway and larger numbers only overflow.
    coth = 1.0 / np.tanh(np.clip(b * s * thickness, 1e-5, 12.0))
    return f32((1.0 - ground * (a - b * coth)) / (a - ground + b * coth))


def through_surface(inner: F32, outside: float = 0.028, inside: float = 0.53) -> F32:
    """What is seen from outside of a body whose bulk reflects `inner` (Saunderson 1942).

    `outside` is the share mirrored by the surface, `inside` the share of the diffuse light thrown back within; the
    defaults are the Fresnel figures of an index of 1.4.
    """
    return f32(outside + (1.0 - outside) * (1.0 - inside) * inner / (1.0 - inside * inner))


def ratio_of(reflectance: F32) -> F32:
    """k / s of an opaque layer of this reflectance."""
    r = np.clip(reflectance, 1e-4, 0.9999)
    return f32((1.0 - r) ** 2 / (2.0 * r))

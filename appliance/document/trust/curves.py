"""The named curves a signature can be verified on, and which of them explicit parameters are (ICAO 9303-12 4.4).

Not responsible for arithmetic: `cryptography` does it. It has no brainpoolP192r1, P224r1, P320r1, so they are not
here: a signature on them cannot be verified and is said so.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ObjectIdentifier

from appliance.document import domain_parameters
from appliance.document.reasons import DocumentFault, Reason


@dataclass(frozen=True, slots=True)
class Parameters:
    """A prime field p, y^2 = x^3 + ax + b over it, the base point (x, y) of order n, the cofactor h."""

    p: int
    a: int
    b: int
    x: int
    y: int
    n: int
    h: int = 1


def _verifiable() -> Iterator[tuple[str, Parameters, ec.EllipticCurve]]:
    for known in domain_parameters.CURVES.values():
        numbers = (int(number, 16) for number in (known.p, known.a, known.b, known.x, known.y, known.n))
        with suppress(LookupError):  # a curve that `cryptography` does not have
            yield known.oid, Parameters(*numbers), ec.get_curve_for_oid(ObjectIdentifier(known.oid))()


_VERIFIABLE = tuple(_verifiable())
CURVES: dict[Parameters, ec.EllipticCurve] = {parameters: curve for _, parameters, curve in _VERIFIABLE}
BY_OID: dict[str, ec.EllipticCurve] = {oid: curve for oid, _, curve in _VERIFIABLE}


def named(parameters: Parameters) -> ec.EllipticCurve:
    """The curve these parameters are, all of them. Raises DocumentFault.

    Somebody who may choose the base point makes a private key to any public one (CVE-2020-0601): on the field of a
    named curve everything must be its own, or it is CURVE_FORGED. Another field is ALGORITHM_UNSUPPORTED.
    """
    if (curve := CURVES.get(parameters)) is not None:
        return curve
    if any(parameters.p == known.p for known in CURVES):
        raise DocumentFault(Reason.CURVE_FORGED, "explicit parameters on the field of a named curve are not its own")
    raise DocumentFault(Reason.ALGORITHM_UNSUPPORTED, f"an unknown curve of {parameters.p.bit_length()} bits")

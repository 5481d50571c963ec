"""Keys that sign: of issuers, of their signers, of active authentication. Made from a label, so everybody has them.

That is the point: a passport made today verifies under a trust list made elsewhere last year, and no key is a secret.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from asn1crypto import algos
from Cryptodome.Hash import SHA1, SHA224, SHA256, SHA384, SHA512
from Cryptodome.PublicKey import RSA
from Cryptodome.Signature import pkcs1_15, pss
from ecdsa import curves

from hil.passport.authentication import ecdsa_sign
from hil.passport.groups import CURVES, Element

DIGESTS: dict[str, Any] = {"sha1": SHA1, "sha224": SHA224, "sha256": SHA256, "sha384": SHA384, "sha512": SHA512}
"""By name, in the order in which BSI TR-03111 numbers them."""
LEAST_RSA_BITS = 1024
_FORMS = {"ecdsa": ("named", "der"), "rsa": (), "pss": ()}


class SchemeError(ValueError):
    """No such way of signing; says what there is."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """A way of signing, e.g. ecdsa-bp256-sha256, rsa-2048-sha256, pss-3072-sha512.

    Curves are spelt out in full, as nearly all states do; `-named` behind it gives their name instead. `-der` is for
    active authentication alone: signatures in DER instead of r and s in a row.
    """

    kind: str
    size: str
    digest: str
    form: str = ""

    @classmethod
    def of(cls, name: str) -> Scheme:
        """By its name. Raises SchemeError."""
        parts = name.split("-")
        kind, size, digest, form = (*parts, "", "", "", "")[:4]
        known = size in CURVES if kind == "ecdsa" else size.isdecimal() and int(size) >= LEAST_RSA_BITS
        fitting = len(parts) == 3 or (len(parts) == 4 and form in _FORMS.get(kind, ()))
        if kind not in _FORMS or not known or digest not in DIGESTS or not fitting:
            raise SchemeError(
                f"no way of signing is called {name!r}; give ecdsa-CURVE-HASH, rsa-BITS-HASH or pss-BITS-HASH, "
                f"with a curve of {', '.join(CURVES)} and a hash of {', '.join(DIGESTS)}; "
                "behind ecdsa, -named or -der is possible"
            )
        return cls(kind, size, digest, form)

    @property
    def name(self) -> str:
        """What `of` takes."""
        return "-".join(filter(None, (self.kind, self.size, self.digest, self.form)))

    @property
    def algorithm(self) -> algos.SignedDigestAlgorithm:
        """AlgorithmIdentifier of its signatures."""
        if self.kind != "pss":
            return algos.SignedDigestAlgorithm({"algorithm": f"{self.digest}_{self.kind}"})
        digest = {"algorithm": self.digest}
        parameters = {
            "hash_algorithm": digest,
            "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": digest},
            "salt_length": DIGESTS[self.digest].digest_size,
        }
        return algos.SignedDigestAlgorithm({"algorithm": "rsassa_pss", "parameters": parameters})


def number_of(label: str, below: int) -> int:
    """A number from 1 to below, from a label."""
    octets = hashlib.shake_256(f"hil.passport {label}".encode()).digest(below.bit_length() // 8 + 9)
    return 1 + int.from_bytes(octets, "big") % (below - 1)


@lru_cache(maxsize=64)
def rsa_key(label: str, bits: int) -> Any:
    """An RSA key from a label: always the same one. Takes up to some seconds the first time."""
    calls = iter(range(1 << 32))

    def octets(count: int) -> bytes:
        return hashlib.shake_256(f"hil.passport {label} {next(calls)}".encode()).digest(count)

    return RSA.generate(bits, octets)


@dataclass(frozen=True)
class Signer:
    """A private key and how it signs. `victim` makes it a forger's (CVE-2020-0601): it has the victim's public key,
    with a base chosen so that the forger knows a private one to it."""

    label: str
    scheme: Scheme
    victim: Signer | None = None

    @cached_property
    def private(self) -> int:
        """The private number on a curve."""
        return number_of(f"{self.label} {self.scheme.size}", CURVES[self.scheme.size].order)

    @cached_property
    def public(self) -> Element:
        """The public point on a curve."""
        if self.victim:
            return self.victim.public
        curve = CURVES[self.scheme.size]
        return curve.power(curve.base, self.private)

    @cached_property
    def _base(self) -> Element:
        curve = CURVES[self.scheme.size]
        if not self.victim:
            return curve.base
        return curve.power(self.victim.public, pow(self.private, -1, curve.order))

    @property
    def rsa(self) -> Any:
        """The RSA key."""
        return rsa_key(self.label, int(self.scheme.size))

    @cached_property
    def key_info(self) -> bytes:
        """SubjectPublicKeyInfo."""
        if self.scheme.kind != "ecdsa":
            return bytes(self.rsa.public_key().export_key(format="DER"))
        named = self.scheme.form == "named"
        return CURVES[self.scheme.size].key_info(self.public, named=named, other_base=self._base)

    def sign(self, data: bytes) -> bytes:
        """The signature over some data."""
        scheme = self.scheme
        if scheme.kind == "ecdsa":
            curve = CURVES[scheme.size].curve
            if self.victim:
                curve = curves.Curve("forged", curve.curve, self._base, curve.oid)
            return ecdsa_sign(curve=curve, private=self.private, digest=scheme.digest, data=data, der=True)
        digest = DIGESTS[scheme.digest].new(data)
        if scheme.kind == "rsa":
            return pkcs1_15.new(self.rsa).sign(digest)
        return pss.new(self.rsa, salt_bytes=digest.digest_size).sign(digest)

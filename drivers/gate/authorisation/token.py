"""The authorisation: a JWT (RFC 7519) signed with Ed25519 (RFC 8037), both ends. Single use, short, for one audience.

Claims: `iss` the lane, `aud` who may act on it, `iat` and `exp` (wall clock, seconds), `jti` the one release it is for,
`sub` the pseudonym of who was verified, where there is one. Not here: how it is carried (driver).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "EdDSA"
TYPE = "sallyport-authorisation+jwt"
"""`typ` of the header (RFC 8725, 3.11): a token made for something else is none of these."""
CLOCK_SLACK_S = 1.0
_REQUIRED = ["iss", "aud", "iat", "exp", "jti"]


class KeyRefused(ValueError):
    """The key file cannot be used; the message says why and what to do."""


class NotAuthorised(ValueError):
    """The token permits nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Authorisation:
    """What was permitted: release `release_id` of lane `lane_id`, for `subject` when that is known, until `expires`."""

    lane_id: str
    audience: str
    release_id: str
    expires: float
    subject: str | None = None


def load_key(path: Path) -> Ed25519PrivateKey:
    """The lane's signing key, PEM, unencrypted, readable by its owner alone. Raises KeyRefused."""
    try:
        if path.stat().st_mode & 0o077:
            raise KeyRefused(f"{path} can be read by others; chmod 600")
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        if isinstance(error, KeyRefused):
            raise
        raise KeyRefused(f"{path}: {error}; make one: openssl genpkey -algorithm ed25519") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyRefused(f"{path} is no Ed25519 key; make one: openssl genpkey -algorithm ed25519")
    return key


def sign(given: Authorisation, key: Ed25519PrivateKey, issued: float) -> str:
    """The token, as compact serialisation."""
    claims: dict[str, Any] = {
        "iss": given.lane_id,
        "aud": given.audience,
        "iat": issued,
        "exp": given.expires,
        "jti": given.release_id,
    }
    if given.subject is not None:
        claims["sub"] = given.subject
    return jwt.encode(claims, key, algorithm=ALGORITHM, headers={"typ": TYPE})


class Receiver:
    """What acts on authorisations: takes each once, from one lane, for itself, in time. `now` is the wall clock (s).

    Releases that were taken are remembered until they expire: a token cannot be replayed after that anyway.
    """

    def __init__(self, key: Ed25519PublicKey, *, lane_id: str, audience: str, now: Callable[[], float]) -> None:
        self._key, self._lane_id, self._audience, self._now = key, lane_id, audience, now
        self._taken: dict[str, float] = {}

    def take(self, token: str) -> Authorisation:
        """The authorisation, once. Raises NotAuthorised."""
        try:
            if jwt.get_unverified_header(token).get("typ") != TYPE:
                raise NotAuthorised("it was not made as an authorisation")
            # PyJWT's own clock cannot be given, so both times are judged here.
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._lane_id,
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            issued, expires = float(claims["iat"]), float(claims["exp"])
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise NotAuthorised(str(error)) from error
        now, release_id = self._now(), str(claims["jti"])
        if not issued - CLOCK_SLACK_S <= now < expires:
            raise NotAuthorised("it has expired" if now >= expires else "it was issued in the future: check the clocks")
        self._taken = {name: until for name, until in self._taken.items() if until > now}
        if release_id in self._taken:
            raise NotAuthorised("it was used before")
        self._taken[release_id] = expires
        subject = claims.get("sub")
        return Authorisation(
            self._lane_id, self._audience, release_id, expires, None if subject is None else str(subject)
        )

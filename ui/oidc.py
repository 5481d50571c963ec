"""Signing in through a site's identity provider (OpenID Connect Core 1.0, authorization code with PKCE). Synchronous.

Optional, and the only part of the console that asks another machine for anything. What the provider says is proved
before it counts: its ID token by signature, issuer, audience, time and nonce, the browser by a secret of its own
(RFC 6749 section 10.12). Not responsible for accounts and sessions (`ui.accounts`) nor for cookies (`ui.federated`).
"""

import hashlib
import ipaddress
import json
import secrets
import tomllib
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from appliance.clock import Clock
from ui.roles import Role

VALID_S = 300.0
ANSWER_S = 10.0
LEEWAY_S = 30
MOST_TRIES = 1024
MOST_ANSWER = 1 << 20
# What providers sign with. Symmetric ones and "none" are left out: whoever holds the client's secret could sign.
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")
Why = Literal["expired", "provider", "role", "name", "disabled", "wait"]


class OidcUnusable(ValueError):
    """The file that describes the provider cannot be used; the message says why."""


class OidcRefused(Exception):
    """This sign-in counts for nothing. `why` is for the page, the message for the log."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why: Why = why


class Provider(BaseModel):
    """The provider as a site's file names it. `roles` maps values of `role_claim` to roles of the console."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    client_id: str = Field(min_length=1)
    client_secret_file: Path | None = None
    label: str = Field(min_length=1, max_length=64)
    name_claim: str = "preferred_username"
    role_claim: str = "roles"
    roles: dict[str, Role] = Field(min_length=1)

    @field_validator("issuer")
    @classmethod
    def _safe(cls, issuer: str) -> str:
        return _address(issuer)


@dataclass(frozen=True, slots=True)
class Somebody:
    """Whom the provider vouches for. `subject` never changes and belongs to nobody else (Core 1.0, section 5.7)."""

    subject: str
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class _Try:
    browser: bytes
    nonce: str
    verifier: str
    back: str
    ends: float


def read_provider(path: Path) -> Provider:
    """The provider of a TOML file, and a check that what it takes is installed. Raises OidcUnusable."""
    try:
        provider = Provider.model_validate(tomllib.loads(path.read_text()))
        _secret(provider)
        import authlib.integrations.requests_client  # noqa: F401
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise OidcUnusable(f"{path}: {wrong}") from error
    except (OSError, ValueError) as error:
        raise OidcUnusable(f"{path}: {error}") from error
    except ImportError as error:
        raise OidcUnusable("an identity provider needs authlib: pip install 'sallyport[oidc]'") from error
    return provider


class Oidc:
    """Sign-ins under way. Each is good once, within VALID_S, for the browser that began it."""

    def __init__(self, provider: Provider, clock: Clock) -> None:
        self.provider = provider
        self._clock = clock
        self._tries: dict[str, _Try] = {}
        self._lock = Lock()

    def begin(self, back: str) -> tuple[str, str]:
        """Where to send the browser, and the secret to leave in it. `back` is our own address for the answer.

        Raises OidcRefused when the provider does not answer.
        """
        verifier, nonce, browser = (secrets.token_urlsafe(48) for _ in range(3))
        endpoint = _address(self._metadata()["authorization_endpoint"])
        with self._client(back) as client:
            url, state = client.create_authorization_url(endpoint, nonce=nonce, code_verifier=verifier)
        self._keep(state, _Try(_hash(browser), nonce, verifier, back, self._clock.monotonic() + VALID_S))
        return str(url), browser

    def finish(self, state: str, code: str, browser: str) -> Somebody:
        """Whom the provider's answer speaks for. Raises OidcRefused."""
        with self._lock:
            known = self._tries.pop(state, None)
        if known is None or known.ends <= self._clock.monotonic() or known.browser != _hash(browser):
            raise OidcRefused("expired", "no sign-in of this browser is under way")
        if not code:
            raise OidcRefused("provider", "the provider sent the browser back without a code")
        from authlib.integrations.base_client import OAuthError
        from joserfc.errors import JoseError
        from requests import RequestException

        metadata = self._metadata()
        try:
            with self._client(known.back) as client:
                token = client.fetch_token(
                    _address(metadata["token_endpoint"]), code=code, code_verifier=known.verifier, timeout=ANSWER_S
                )
            claims = self._claims(str(token["id_token"]), known.nonce, metadata)
        except (OAuthError, JoseError, RequestException, KeyError, TypeError, ValueError) as error:
            raise OidcRefused("provider", f"{type(error).__name__}: {error}"[:300]) from error
        return self._somebody(claims)

    def _keep(self, state: str, made: _Try) -> None:
        with self._lock:
            now = self._clock.monotonic()
            self._tries = {name: one for name, one in self._tries.items() if one.ends > now}
            while len(self._tries) >= MOST_TRIES:
                self._tries.pop(next(iter(self._tries)))
            self._tries[state] = made

    def _client(self, back: str) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        secret = _secret(self.provider)
        return OAuth2Session(
            self.provider.client_id,
            secret,
            scope="openid profile",
            redirect_uri=back,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
        )

    def _metadata(self) -> dict[str, Any]:
        found = _fetched(self.provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self.provider.issuer:
            raise OidcRefused("provider", f"the provider calls itself {found.get('issuer')!r}")
        if missing := {"authorization_endpoint", "token_endpoint", "jwks_uri"} - found.keys():
            raise OidcRefused("provider", f"the provider does not tell its {', '.join(sorted(missing))}")
        return found

    def _claims(self, id_token: str, nonce: str, metadata: dict[str, Any]) -> dict[str, Any]:
        """The claims of an ID token that holds in every point of Core 1.0, section 3.1.3.7. Raises JoseError."""
        from joserfc import jwt
        from joserfc.jwk import KeySet

        keys: Any = _fetched(_address(metadata["jwks_uri"]))
        token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))
        rules = jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.provider.issuer},
            aud={"essential": True, "value": self.provider.client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        rules.validate(token.claims)
        if token.claims["aud"] not in (self.provider.client_id, [self.provider.client_id]):
            raise ValueError("the ID token is meant for others as well")
        return dict(token.claims)

    def _somebody(self, claims: dict[str, Any]) -> Somebody:
        name, held = claims.get(self.provider.name_claim), claims.get(self.provider.role_claim)
        if not isinstance(name, str) or not (name := name.strip()) or len(name) > 64 or not name.isprintable():
            raise OidcRefused("name", f"no usable name in the claim {self.provider.name_claim!r}")
        values = held if isinstance(held, list) else [held]
        roles = {self.provider.roles[one] for one in values if isinstance(one, str) and one in self.provider.roles}
        if len(roles) != 1:
            raise OidcRefused("role", f"{len(roles)} roles here for {name!r} by the claim {self.provider.role_claim!r}")
        return Somebody(f"{self.provider.issuer} {claims['sub']}", name, roles.pop())


def _fetched(url: str) -> dict[str, Any]:
    """The JSON object at an address, of bounded size. Raises OidcRefused."""
    import requests

    try:
        with requests.get(url, timeout=ANSWER_S, stream=True, allow_redirects=False) as answer:
            answer.raise_for_status()
            body = answer.raw.read(MOST_ANSWER + 1, decode_content=True)
        found = json.loads(body) if len(body) <= MOST_ANSWER else None
    except (requests.RequestException, ValueError, OSError) as error:
        raise OidcRefused("provider", f"the identity provider does not answer: {error}"[:300]) from error
    if not isinstance(found, dict):
        raise OidcRefused("provider", f"no JSON object at {url}")
    return found


def _address(url: str) -> str:
    """An address that nobody on the way can read or change: https, or this machine. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    if parts.scheme == "http" and _is_here(parts.hostname or ""):
        return url
    raise ValueError(f"{url!r} must begin with https://")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _secret(provider: Provider) -> str:
    return provider.client_secret_file.read_text().strip() if provider.client_secret_file else ""


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()

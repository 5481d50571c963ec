"""A gate without doors: a release is an authorisation, signed and posted to whoever acts on it (till, lock, gate).

`https://`, `http://` to this machine only, or `unix:/path` for a local program. It answers 200 with
`{"release": ID, "taken": true}`, and nothing else counts. An authorisation is sent once; one whose answer is lost is
not repeated, its receiver may have acted. Nobody stands behind an exit here: the traveller is at the point as long as a
passage lasts, and has passed when the authorisation was taken.
"""

import asyncio
import http.client
import json
import secrets
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.errors import DeviceRefused, Disconnected, NoResponse, RemoteProtocolError
from drivers.gate.authorisation.token import Authorisation, sign
from drivers.ports import DeviceIdentity, Door, DoorPosition, GateInputs

LONGEST_LIFE_S = 30.0
_ANSWER_S = 2.0
_MEET_EVERY_S = 5.0
_LONGEST_ANSWER = 4096
_HERE = ("localhost", "127.0.0.1", "::1")
_UNKNOWN = "an authorisation was not answered; whether it was acted on is not known, it is not repeated"


@dataclass(frozen=True, slots=True)
class Address:
    """Where authorisations go. `parse` is how to make one."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Raises ValueError for an address that would send authorisations in the clear, or nowhere."""
        parts = urlsplit(url)
        if parts.scheme == "unix" and parts.path.startswith("/"):
            return cls("unix", parts.path, None, "/")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r}: https://..., http:// to this machine, or unix:/path is needed")
        if parts.scheme == "http" and parts.hostname not in _HERE:
            raise ValueError(f"{url!r}: authorisations leave this machine by https only")
        if parts.username or parts.password:
            raise ValueError("an address holds no password: authorisations are signed")
        return cls(parts.scheme, parts.hostname, parts.port, parts.path or "/")

    def connect(self) -> http.client.HTTPConnection:
        """A connection, not yet open."""
        match self.scheme:
            case "unix":
                return _UnixConnection(self.host)
            case "https":
                context = ssl.create_default_context()
                return http.client.HTTPSConnection(self.host, self.port, timeout=_ANSWER_S, context=context)
            case _:
                return http.client.HTTPConnection(self.host, self.port, timeout=_ANSWER_S)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_ANSWER_S)
        self.sock.connect(self._path)


class AuthorisationGate:
    """`ports.Gate` on a receiver. `subject` gives the pseudonym of who is being verified, or None."""

    def __init__(
        self,
        device: str,
        url: str,
        *,
        lane_id: str,
        audience: str,
        key: Ed25519PrivateKey,
        life_s: float = 10.0,
        subject: Callable[[], str | None] = lambda: None,
        wall: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 1.0 <= life_s <= LONGEST_LIFE_S:
            raise ValueError(f"an authorisation lives 1 to {LONGEST_LIFE_S:.0f} s, not {life_s}")
        self._device = device
        self._address = Address.parse(url)
        self._lane_id, self._audience, self._key, self._life_s = lane_id, audience, key, life_s
        self._subject, self._wall, self._monotonic = subject, wall, monotonic
        self._open = False
        self._met_at = 0.0
        self._taken = 0

    async def open(self) -> DeviceIdentity:
        """See that somebody is there who acts on our authorisations: a question that permits nothing."""
        await self._meet()
        self._open, self._taken = True, 0
        return DeviceIdentity(f"receiver {self._audience}", "unknown", None, verified_on_hardware=False)

    async def _meet(self) -> None:
        told = await self._ask({"audience": self._audience, "lane": self._lane_id})
        if told.get("audience") != self._audience:
            raise DeviceRefused(self._device, f"it acts for {told.get('audience')!r}, not for {self._audience!r}")
        self._met_at = self._monotonic()

    async def release(self, door: Door, duration_s: float) -> None:  # noqa: ARG002 - a door's time
        """Sign one authorisation and have it taken; it lives `life_s`, not `duration_s`."""
        self._opened()
        if door is not Door.EXIT:
            raise DeviceRefused(self._device, "there is no entry at a point without doors")
        now, release_id = self._wall(), secrets.token_hex(16)
        given = Authorisation(self._lane_id, self._audience, release_id, now + self._life_s, self._subject())
        told = await self._ask({"authorisation": sign(given, self._key, now)})
        if told.get("release") != release_id:
            raise RemoteProtocolError(self._device, f"the answer is not about this authorisation; {_UNKNOWN}")
        if told.get("taken") is not True:
            raise DeviceRefused(
                self._device, f"it was not acted on: {str(told.get('reason', 'no reason given'))[:200]}"
            )
        self._taken += 1

    async def secure(self) -> None:
        """Nothing is held open: what was authorised has been used or expires by itself."""
        self._opened()

    async def read(self) -> GateInputs:
        """What there is to know without contacts: the one at the point is there, those authorised have passed.

        Now and then the receiver is asked whether it is still there: nobody should be verified for nothing.
        """
        self._opened()
        if self._monotonic() - self._met_at > _MEET_EVERY_S:
            await self._meet()
        return GateInputs(
            entry=DoorPosition.UNKNOWN,
            exit=DoorPosition.CLOSED,
            occupied=True,
            passages=self._taken,
            out_of_service=False,
            emergency=False,
            released=frozenset(),
            at=self._monotonic(),
        )

    async def close(self) -> None:
        """Nothing to give up."""
        self._open = False

    def _opened(self) -> None:
        if not self._open:
            raise Disconnected(self._device, "the receiver was not asked yet who it is")

    async def _ask(self, question: dict[str, str]) -> dict[str, object]:
        return await asyncio.to_thread(self._post, json.dumps(question).encode())

    def _post(self, body: bytes) -> dict[str, object]:
        connection = self._address.connect()
        try:
            connection.request("POST", self._address.path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read(_LONGEST_ANSWER + 1)
        except TimeoutError as error:
            raise NoResponse(self._device, f"silent for {_ANSWER_S} s; {_UNKNOWN}") from error
        except ConnectionRefusedError as error:
            raise Disconnected(self._device, "nobody listens there; is the receiver running?") from error
        except ssl.SSLError as error:
            raise RemoteProtocolError(self._device, f"its certificate is not to be trusted: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Disconnected(
                self._device, f"the connection broke ({error or type(error).__name__}); {_UNKNOWN}"
            ) from error
        finally:
            connection.close()
        if answer.status != 200:
            # A redirect is not followed: the authorisation is for one audience.
            raise DeviceRefused(self._device, f"it answered {answer.status} {answer.reason}")
        return self._parsed(content)

    def _parsed(self, content: bytes) -> dict[str, object]:
        try:
            told = json.loads(content) if len(content) <= _LONGEST_ANSWER else None
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise RemoteProtocolError(self._device, f"its answer is not what was agreed; {_UNKNOWN}")
        return told

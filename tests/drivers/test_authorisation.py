"""Authorisations: both ends of the token, and the gate without doors against a receiver on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.errors import DeviceRefused, Disconnected, DriverError, NoResponse, RemoteProtocolError
from drivers.gate.authorisation import driver as module
from drivers.gate.authorisation.driver import Address, AuthorisationGate
from drivers.gate.authorisation.token import (
    TYPE,
    Authorisation,
    KeyRefused,
    NotAuthorised,
    Receiver,
    load_key,
    sign,
)
from drivers.ports import Door, DoorPosition
from hil.emulator.authorisation_receiver import ReceiverServer

pytestmark = pytest.mark.anyio

KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
NOW = 1_800_000_000.0


class Wall:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def given(**changes: Any) -> Authorisation:
    usual: dict[str, Any] = {"lane_id": "P-1", "audience": "till-3", "release_id": "r1", "expires": NOW + 10}
    return Authorisation(**usual | changes)


def receiver(wall: Wall) -> Receiver:
    return Receiver(KEY.public_key(), lane_id="P-1", audience="till-3", now=wall)


# --- the token ----------------------------------------------------------------------------------------------


def test_it_is_taken_once_and_says_for_whom() -> None:
    wall = Wall()
    taking = receiver(wall)
    token = sign(given(subject="s-81"), KEY, NOW)
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": TYPE}
    assert taking.take(token) == given(subject="s-81")
    with pytest.raises(NotAuthorised, match="used before"):
        taking.take(token)
    assert taking.take(sign(given(release_id="r2"), KEY, NOW)).subject is None


def tampered(token: str) -> str:
    head, body, signature = token.split(".")
    return ".".join((head, body[:-2] + ("AA" if body[-2:] != "AA" else "BB"), signature))


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (sign(given(), OTHER_KEY, NOW), "Signature verification failed"),
        (sign(given(audience="till-4"), KEY, NOW), "Audience"),
        (sign(given(lane_id="P-2"), KEY, NOW), "issuer"),
        (sign(given(expires=NOW), KEY, NOW - 10), "expired"),
        (sign(given(expires=NOW + 70), KEY, NOW + 60), "in the future"),
        (tampered(sign(given(), KEY, NOW)), "Signature|padding|Invalid"),
        (jwt.encode({"iss": "P-1", "aud": "till-3"}, KEY, "EdDSA", {"typ": TYPE}), "missing"),
        (
            jwt.encode({"iss": "P-1", "aud": "till-3", "jti": "r", "iat": NOW, "exp": NOW + 9}, KEY, "EdDSA"),
            "not made as",
        ),
        (jwt.encode({"aud": "till-3"}, "x" * 32, "HS256", {"typ": TYPE}), "alg"),
        (jwt.encode({"aud": "till-3"}, None, "none", {"typ": TYPE}), "alg"),
        ("", "segments"),
        ("a.b.c", "header|padding"),
        ("x" * 100_000, "segments"),
    ],
)
def test_what_permits_nothing(token: str, why: str) -> None:
    with pytest.raises(NotAuthorised, match=why):
        receiver(Wall()).take(token)


def test_an_expired_release_is_forgotten_and_still_refused() -> None:
    wall = Wall()
    taking, token = receiver(wall), sign(given(), KEY, NOW)
    taking.take(token)
    wall.now += 11
    with pytest.raises(NotAuthorised, match="expired"):
        taking.take(token)
    taking.take(sign(given(release_id="r2", expires=wall.now + 5), KEY, wall.now))
    assert list(taking._taken) == ["r2"]


def pem(key: Any) -> bytes:
    return bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_a_key_is_ours_alone_and_of_the_right_kind(tmp_path: Path) -> None:
    path = tmp_path / "lane.pem"
    with pytest.raises(KeyRefused, match="make one: openssl genpkey -algorithm ed25519"):
        load_key(path)
    path.write_bytes(pem(KEY))
    path.chmod(0o644)
    with pytest.raises(KeyRefused, match="chmod 600"):
        load_key(path)
    path.chmod(0o600)
    assert load_key(path).public_key() == KEY.public_key()
    path.write_bytes(pem(generate_private_key(SECP256R1())))
    with pytest.raises(KeyRefused, match="no Ed25519 key"):
        load_key(path)
    path.write_bytes(b"hello")
    with pytest.raises(KeyRefused, match=r"lane\.pem"):
        load_key(path)


@pytest.mark.parametrize(
    "url", ["http://till.example/a", "ftp://till/a", "unix:till.sock", "https://", "https://me:secret@till/a", ""]
)
def test_addresses_that_would_send_in_the_clear_or_nowhere(url: str) -> None:
    with pytest.raises(ValueError, match=r"https|password"):
        Address.parse(url)


def test_addresses() -> None:
    assert Address.parse("https://till.example:8443/a") == Address("https", "till.example", 8443, "/a")
    assert Address.parse("http://127.0.0.1:80") == Address("http", "127.0.0.1", 80, "/")
    assert Address.parse("unix:/run/till.sock") == Address("unix", "/run/till.sock", None, "/")


# --- the gate -----------------------------------------------------------------------------------------------


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture(params=["port", "socket"])
def server(request: pytest.FixtureRequest, wall: Wall, tmp_path: Path) -> Iterator[ReceiverServer]:
    socket = tmp_path / "till.sock" if request.param == "socket" else None
    with ReceiverServer(receiver(wall), audience="till-3", socket=socket) as server:
        yield server


def gate_to(server: ReceiverServer, wall: Wall, **options: Any) -> AuthorisationGate:
    settings: dict[str, Any] = {"lane_id": "P-1", "audience": "till-3", "key": KEY, "wall": wall}
    return AuthorisationGate("gate", server.url, **settings | options)


async def test_a_release_is_taken_once_for_the_one_who_was_verified(server: ReceiverServer, wall: Wall) -> None:
    who = "s-81"
    gate = gate_to(server, wall, subject=lambda: who)
    assert (await gate.open()).model == "receiver till-3"
    assert server.taken == []
    first = await gate.read()
    assert (first.exit, first.occupied, first.passages) == (DoorPosition.CLOSED, True, 0)
    await gate.release(Door.EXIT, 0.5)
    who = "s-82"
    await gate.release(Door.EXIT, 0.5)
    assert [one.subject for one in server.taken] == ["s-81", "s-82"]
    assert len({one.release_id for one in server.taken}) == 2
    assert all(one.expires == NOW + 10 for one in server.taken)
    assert (await gate.read()).passages == 2
    await gate.secure()
    await gate.close()
    with pytest.raises(Disconnected):
        await gate.release(Door.EXIT, 0.5)
    assert len(server.taken) == 2


async def test_there_is_no_entry(server: ReceiverServer, wall: Wall) -> None:
    gate = gate_to(server, wall)
    await gate.open()
    with pytest.raises(DeviceRefused, match="no entry"):
        await gate.release(Door.ENTRY, 0.5)
    assert server.taken == []


async def test_an_answer_that_is_lost_is_not_asked_for_again(server: ReceiverServer, wall: Wall) -> None:
    gate = gate_to(server, wall)
    await gate.open()
    server.loses_answers = True
    with pytest.raises(Disconnected, match="not known, it is not repeated"):
        await gate.release(Door.EXIT, 0.5)
    assert len(server.taken) == 1
    server.loses_answers = False
    assert (await gate.read()).passages == 0


async def test_silence_is_no_response(server: ReceiverServer, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = gate_to(server, wall)
    await gate.open()
    monkeypatch.setattr(module, "_ANSWER_S", 0.2)
    server.silent = True
    with pytest.raises(NoResponse, match="not repeated"):
        await gate.release(Door.EXIT, 0.5)
    assert server.taken == []


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((500, b"{}"), DeviceRefused, "500"),
        ((302, b"{}"), DeviceRefused, "302"),
        ((200, b"no json"), RemoteProtocolError, "not what was agreed"),
        ((200, b"[true]"), RemoteProtocolError, "not what was agreed"),
        ((200, b'{"taken": true}'), RemoteProtocolError, "not about this authorisation"),
        ((200, b'{"taken": true, "release": "another"}'), RemoteProtocolError, "not about this"),
        ((200, b"[" * 4000), RemoteProtocolError, "not what was agreed"),
        ((200, b" " * 5000), RemoteProtocolError, "not what was agreed"),
    ],
)
async def test_nothing_but_the_right_answer_counts(
    server: ReceiverServer, wall: Wall, answer: tuple[int, bytes], error: type[DriverError], words: str
) -> None:
    gate = gate_to(server, wall)
    await gate.open()
    server.answer = answer
    with pytest.raises(error, match=words):
        await gate.release(Door.EXIT, 0.5)
    server.answer = None
    assert (await gate.read()).passages == 0


async def test_a_receiver_with_another_clock_or_key_takes_nothing(server: ReceiverServer, wall: Wall) -> None:
    late = gate_to(server, wall, key=OTHER_KEY)
    await late.open()
    with pytest.raises(RemoteProtocolError, match="not about this"):
        await late.release(Door.EXIT, 0.5)
    assert server.refused == ["Signature verification failed"]
    assert server.taken == []


async def test_a_receiver_of_another_audience_is_refused_at_once(server: ReceiverServer, wall: Wall) -> None:
    server.audience = "till-4"
    with pytest.raises(DeviceRefused, match="acts for 'till-4'"):
        await gate_to(server, wall).open()


async def test_a_receiver_that_has_gone_is_noticed_before_somebody_is_verified(wall: Wall) -> None:
    ticks = [0.0]
    with ReceiverServer(receiver(wall), audience="till-3") as server:
        gate = gate_to(server, wall, monotonic=lambda: ticks[0])
        await gate.open()
    await gate.read()
    ticks[0] = 6.0
    with pytest.raises(Disconnected, match="is the receiver running"):
        await gate.read()
    with pytest.raises(Disconnected, match="is the receiver running"):
        await gate.open()


def test_a_life_out_of_bounds() -> None:
    for life_s in (0.5, 60.0):
        with pytest.raises(ValueError, match="lives 1 to 30 s"):
            AuthorisationGate("gate", "unix:/a", lane_id="P-1", audience="t", key=KEY, life_s=life_s, wall=lambda: NOW)

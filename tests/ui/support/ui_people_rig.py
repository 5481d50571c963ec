"""A console in process with people at it, and an authenticator in software. Test only."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cbor2
import httpx2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from ui_fake_lane import FakeLane, held
from ui_hands import eventually

from appliance.clock import ManualClock
from ui.app import create_app
from ui.console import Console
from ui.roles import Role
from ui.settings import Settings

ORIGIN = "http://localhost:8080"
WORDS = "a calm and long passphrase"
QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))


def pages(folder: Path) -> Path:
    (folder / "assets").mkdir(parents=True)
    for name in ("guard.html", "traveller.html", "assets/code.js"):
        (folder / name).write_text(name)
    return folder


@dataclass
class Rig:
    app: FastAPI
    console: Console
    lane: FakeLane
    clock: ManualClock
    stack: AsyncExitStack
    seats: dict[str, httpx2.AsyncClient] = field(default_factory=dict)

    async def client(self, origin: str = ORIGIN) -> httpx2.AsyncClient:
        """A browser that nobody has signed in at."""
        made = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url=ORIGIN, headers={"origin": origin})
        return await self.stack.enter_async_context(made)

    def hire(self, name: str, role: Role = Role.OFFICER) -> None:
        """An account with a password of its own."""
        one_time = self.console.staff.create("somebody", name, role)
        token = self.console.accounts.sign_in(name, one_time)
        assert token is not None
        assert self.console.accounts.change_password(token, one_time, WORDS)

    async def seat(self, name: str, role: Role = Role.OFFICER) -> httpx2.AsyncClient:
        """Hire somebody and sign them in."""
        self.hire(name, role)
        return await self.sign_in(name)

    async def sign_in(self, name: str) -> httpx2.AsyncClient:
        http = await self.client()
        answer = await http.post("/api/session", json={"name": name, "password": WORDS})
        assert answer.status_code == 200, answer.text
        return http


@asynccontextmanager
async def people(tmp_path: Path, *, snapshot: Any = None, lanes: int = 1, **settings: Any) -> AsyncIterator[Rig]:
    """A console in front of `lanes` lanes; the clock is turned by hand."""
    served = [FakeLane(tmp_path / f"lane-{n}.sock", snapshot or held()) for n in range(1, lanes + 1)]
    for lane in served:
        await lane.start()
    clock = ManualClock()
    made = Settings(
        sockets=tuple(lane.path for lane in served),
        state_dir=tmp_path / "state",
        origins=frozenset({ORIGIN, "http://127.0.0.1:8080", "https://gate.example"}),
        static=pages(tmp_path / "static"),
        **settings,
    )
    app = create_app(made, clock=clock)
    console = app.state.console
    console.accounts._hasher = QUICK
    try:
        async with app.router.lifespan_context(app), AsyncExitStack() as stack:
            await eventually(lambda: all(client.state.reachable for client in console.lanes.values()))
            yield Rig(app, console, served[0], clock, stack)
    finally:
        for lane in served:
            await lane.stop()


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


class SoftKey:
    """An authenticator in software: ES256, attestation "none". Every field can be made wrong."""

    def __init__(self, seed: bytes = b"key-1") -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.key_id = hashlib.sha256(seed).digest()[:16]
        self.count = 0

    def create(self, options: dict[str, Any], origin: str = ORIGIN, **wrong: Any) -> str:
        numbers = self.private.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = b"\0" * 16 + len(self.key_id).to_bytes(2, "big") + self.key_id + cbor2.dumps(cose)
        data = self._data(wrong.get("rp", options["rp"]["id"]), wrong.get("flags", 0x45)) + attested
        response = {
            "clientDataJSON": self._client("webauthn.create", options, origin, wrong),
            "attestationObject": _b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._credential(response)

    def get(self, options: dict[str, Any], origin: str = ORIGIN, **wrong: Any) -> str:
        self.count = wrong.get("count", self.count + 1)
        data = self._data(wrong.get("rp", options["rpId"]), wrong.get("flags", 0x05))
        client = self._client(wrong.get("kind", "webauthn.get"), options, origin, wrong)
        raw = urlsafe_b64decode(client + "=" * (-len(client) % 4))
        signature = self.private.sign(data + hashlib.sha256(raw).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": client,
            "authenticatorData": _b64(data),
            "signature": _b64(wrong.get("signature", signature)),
        }
        return self._credential(response)

    def _data(self, rp: str, flags: int) -> bytes:
        return hashlib.sha256(rp.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client(self, kind: str, options: dict[str, Any], origin: str, wrong: dict[str, Any]) -> str:
        challenge = wrong.get("challenge", options["challenge"])
        said = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
        return _b64(json.dumps(said).encode())

    def _credential(self, response: dict[str, str]) -> str:
        made = {"id": _b64(self.key_id), "rawId": _b64(self.key_id), "type": "public-key", "response": response}
        return json.dumps(made)

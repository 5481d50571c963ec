"""Signing in through an identity provider: a real one on the loopback, and one that lies in every point that counts."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from ui_people_rig import ORIGIN, WORDS, Rig, people

from appliance.clock import ManualClock, SystemClock
from ui.oidc import MOST_TRIES, VALID_S, Oidc, OidcRefused, OidcUnusable, Provider, read_provider
from ui.roles import Role

jwt = pytest.importorskip("joserfc.jwt")
jwk = pytest.importorskip("joserfc.jwk")
pytestmark = [
    pytest.mark.anyio,
    # Of the provider of these tests, not ours.
    pytest.mark.filterwarnings("ignore:get_jwt_config"),
]
CLIENT = "sallyport"
START, BACK = "/api/oidc/start", "/api/oidc/back"


def provider(issuer: str, **other: Any) -> Provider:
    roles = {"gate-officers": Role.OFFICER, "gate-chiefs": Role.SUPERVISOR}
    return Provider(issuer=issuer, client_id=CLIENT, label="Agency", roles=roles, **other)


@dataclass
class Liar:
    """A provider in software, each of whose answers a test can make wrong."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: jwk.RSAKey.generate_key(2048, parameters={"kid": "1"}))
    shown: Any = None
    token: Callable[[str], str] = field(default=lambda token: token)
    seen: list[dict[str, list[str]]] = field(default_factory=list)
    nonce: str = ""
    now: int = 0

    def answer(self, path: str, body: str) -> Any:
        if path.startswith("/.well-known"):
            ends = {name: f"{self.url}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
            return {"issuer": self.url, **ends} | self.metadata
        if path == "/jwks_uri":
            return {"keys": [(self.shown or self.key).as_dict(private=False)]}
        self.seen.append(parse_qs(body))
        good = {"iss": self.url, "aud": CLIENT, "sub": "u1", "exp": self.now + 60, "iat": self.now, "nonce": self.nonce}
        said = good | {"preferred_username": "Ana", "roles": ["gate-officers"]} | self.claims
        said = {name: value for name, value in said.items() if value is not None}
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, said, self.key)
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.token(signed)}


@contextmanager
def serving(liar: Liar) -> Iterator[Liar]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            said = liar.answer(self.path, body)
            made = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(made)))
            self.end_headers()
            self.wfile.write(made)

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        liar.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield liar
        finally:
            server.shutdown()
            thread.join()


async def begin(http: httpx2.AsyncClient, liar: Liar | None = None) -> dict[str, str]:
    """Go to the provider; returns what the console asked it for."""
    answer = await http.get(START)
    assert answer.status_code == 303, answer.text
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    if liar is not None and "nonce" in asked:
        liar.nonce = asked["nonce"]
    return asked


async def sign_in(it: Rig, liar: Liar, http: httpx2.AsyncClient | None = None) -> tuple[str, httpx2.AsyncClient]:
    """The whole way round; returns where the browser ends and the browser."""
    http = http or await it.client()
    liar.now = int(it.clock.now().timestamp())
    asked = await begin(http, liar)
    answer = await http.get(BACK, params={"state": asked["state"], "code": "c"})
    assert answer.status_code == 303
    return answer.headers["location"], http


async def who(http: httpx2.AsyncClient) -> tuple[str | None, str]:
    session = (await http.get("/api/session")).json()
    return session["officer"], session["role"]


async def test_a_real_provider_signs_an_officer_in_with_the_role_it_gives(tmp_path: Path) -> None:
    from oidc_provider_mock import User, run_server_in_thread

    ana = User(sub="u1", claims={"preferred_username": "Ana", "roles": ["gate-officers", "football"]})
    (secret := tmp_path / "secret").write_text("s3cret")
    with run_server_in_thread(user_claims=[ana]) as server:
        issuer = f"http://localhost:{server.server_port}"
        async with people(tmp_path, oidc=provider(issuer, client_secret_file=secret)) as it:
            it.clock._wall = SystemClock().now()  # its ID tokens carry the time of day
            http = await it.client()
            assert (await http.get("/api/session")).json()["provider"] == "Agency"
            at_provider = (await http.get(START)).headers["location"]
            assert at_provider.startswith(f"{issuer}/oauth2/authorize?")
            async with httpx2.AsyncClient() as browser:
                sent_back = await browser.post(at_provider, data={"sub": "u1"})
            assert sent_back.headers["location"].startswith(f"{ORIGIN}{BACK}?")
            answer = await http.get(sent_back.headers["location"])
            assert answer.headers["location"] == "/"
            assert await who(http) == ("Ana", "officer")
            refuse = {"passage_id": "p-1", "action": "refuse", "reason": "Wears a mask"}
            assert (await http.post("/api/lanes/lane-1/decision", json=refuse)).status_code == 200


async def test_what_the_console_asks_for_and_what_it_leaves_in_the_browser(tmp_path: Path) -> None:
    with serving(Liar()) as liar:
        async with people(tmp_path, oidc=provider(liar.url)) as it:
            http = await it.client()
            answer = await http.get(START)
            cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=lax" in cookie
            asked = {name: one[0] for name, one in parse_qs(urlsplit(answer.headers["location"]).query).items()}
            assert asked["code_challenge_method"] == "S256"
            assert asked["redirect_uri"] == f"{ORIGIN}{BACK}"
            assert {"nonce", "state", "code_challenge"} <= asked.keys()
            liar.nonce, liar.now = asked["nonce"], int(it.clock.now().timestamp())
            done = await http.get(BACK, params={"state": asked["state"], "code": "the-code"})
            assert "samesite=strict" in done.headers["set-cookie"].lower()
            assert liar.seen[0]["code"] == ["the-code"]
            assert len(liar.seen[0]["code_verifier"][0]) >= 43


LIES: dict[str, Callable[[Liar], None]] = {
    "another issuer": lambda liar: liar.claims.update(iss="http://127.0.0.1:1"),
    "another audience": lambda liar: liar.claims.update(aud="else"),
    "an audience of two": lambda liar: liar.claims.update(aud=[CLIENT, "else"]),
    "expired": lambda liar: liar.claims.update(exp=liar.now - 3600),
    "no end": lambda liar: liar.claims.update(exp=None),
    "from the future": lambda liar: liar.claims.update(iat=liar.now + 10**9),
    "another nonce": lambda liar: liar.claims.update(nonce="replayed"),
    "no nonce": lambda liar: liar.claims.update(nonce=None),
    "no subject": lambda liar: liar.claims.update(sub=None),
    "a foreign key": lambda liar: setattr(liar, "shown", jwk.RSAKey.generate_key(2048, parameters={"kid": "1"})),
    "a changed token": lambda liar: setattr(liar, "token", lambda token: token[:-8] + "AAAAAAAA"),
    "no signature": lambda liar: setattr(liar, "token", lambda token: token.rsplit(".", 1)[0] + "."),
    "alg none": lambda liar: setattr(liar, "token", lambda t: "eyJhbGciOiJub25lIn0." + t.split(".")[1] + "."),
    "no token": lambda liar: setattr(liar, "token", lambda _: ""),
    "another name of its own": lambda liar: liar.metadata.update(issuer="https://elsewhere.example"),
    "an address in clear": lambda liar: liar.metadata.update(token_endpoint="http://elsewhere.example/token"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_provider_that_lies_signs_nobody_in(tmp_path: Path, lie: str) -> None:
    with serving(Liar()) as liar:
        async with people(tmp_path, oidc=provider(liar.url)) as it:
            http = await it.client()
            liar.now = int(it.clock.now().timestamp())
            asked = await begin(http, liar)
            LIES[lie](liar)
            answer = await http.get(BACK, params={"state": asked["state"], "code": "c"})
            assert answer.headers["location"] == "/#sign-in=provider"
            assert await who(http) == (None, "")
            assert it.console.staff.members() == []
            assert [one.action for one in it.console.staff.events()] == ["refused"]


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"roles": ["football"]}, "role"),
        ({"roles": None}, "role"),
        ({"roles": [["gate-officers"]]}, "role"),
        ({"roles": ["gate-officers", "gate-chiefs"]}, "role"),
        ({"preferred_username": None}, "name"),
        ({"preferred_username": "  "}, "name"),
        ({"preferred_username": "a" * 65}, "name"),
        ({"preferred_username": "A\u202ena"}, "name"),
        ({"preferred_username": "BOSS"}, "name"),
    ],
)
async def test_without_one_role_and_a_name_of_ones_own_nobody_is_signed_in(
    tmp_path: Path, claims: dict[str, Any], why: str
) -> None:
    with serving(Liar()) as liar:
        async with people(tmp_path, oidc=provider(liar.url)) as it:
            it.hire("boss", Role.SUPERVISOR)
            liar.claims = claims
            where, http = await sign_in(it, liar)
            assert where == f"/#sign-in={why}"
            assert await who(http) == (None, "")
            assert [one.name for one in it.console.staff.members()] == ["boss"]


async def test_an_answer_counts_once_in_time_and_for_the_browser_that_asked(tmp_path: Path) -> None:
    with serving(Liar()) as liar:
        async with people(tmp_path, oidc=provider(liar.url)) as it:
            http, thief = await it.client(), await it.client()
            asked = await begin(http)
            params = {"state": asked["state"], "code": "c"}
            assert (await thief.get(BACK, params=params)).headers["location"] == "/#sign-in=expired"
            assert (await http.get(BACK, params=params)).headers["location"] == "/#sign-in=expired", "taken by the try"
            late = await begin(http)
            it.clock.advance(VALID_S)
            params = {"state": late["state"], "code": "c"}
            assert (await http.get(BACK, params=params)).headers["location"] == "/#sign-in=expired"
            assert (await http.get(BACK)).headers["location"] == "/#sign-in=expired"
            assert liar.seen == []
            denied = await begin(http)
            params = {"state": denied["state"], "error": "access_denied"}
            assert (await http.get(BACK, params=params)).headers["location"] == "/#sign-in=provider"


async def test_the_provider_keeps_role_and_account_and_a_supervisor_may_only_shut_it(tmp_path: Path) -> None:
    with serving(Liar()) as liar:
        async with people(tmp_path, oidc=provider(liar.url)) as it:
            boss = await it.seat("boss", Role.SUPERVISOR)
            where, ana = await sign_in(it, liar)
            assert where == "/"
            assert await who(ana) == ("Ana", "officer")
            for change, body in (("reset", None), ("role", {"role": "supervisor"})):
                assert (await boss.post(f"/api/accounts/Ana/{change}", json=body)).status_code == 409
            guess = {"name": "Ana", "password": WORDS}
            assert (await ana.post("/api/session", json=guess)).status_code == 401, "there is no password"
            liar.claims = {"roles": "gate-chiefs", "preferred_username": "Ana Renamed"}
            _, elsewhere = await sign_in(it, liar)
            assert await who(elsewhere) == ("Ana", "supervisor"), "names stay: journals hold them"
            assert await who(ana) == (None, ""), "a new role begins with a new session"
            assert (await boss.post("/api/accounts/Ana/disable")).status_code == 200
            assert await who(elsewhere) == (None, "")
            where, _ = await sign_in(it, liar)
            assert where == "/#sign-in=disabled"


async def test_a_provider_that_is_silent_or_floods_is_a_clear_answer(tmp_path: Path) -> None:
    def folder(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    with serving(Liar()) as liar:
        gone = liar.url
    async with people(folder("1"), oidc=provider(gone)) as it:
        http = await it.client()
        answers = [(await http.get(START)).headers["location"] for _ in range(6)]
        assert answers == ["/#sign-in=provider"] * 5 + ["/#sign-in=wait"]
    with serving(Liar()) as liar:
        liar.answer = lambda *_: b"[" * (2 << 20)  # type: ignore[method-assign]
        async with people(folder("2"), oidc=provider(liar.url)) as it:
            assert (await (await it.client()).get(START)).headers["location"] == "/#sign-in=provider"


async def test_without_a_provider_there_is_no_such_address(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        http = await it.client()
        assert (await http.get(START)).status_code == (await http.get(BACK)).status_code == 404
        assert (await http.get("/api/session")).json()["provider"] == ""


def test_sign_ins_under_way_are_bounded(tmp_path: Path) -> None:
    with serving(Liar()) as liar:
        oidc = Oidc(provider(liar.url), ManualClock())
        url, browser = oidc.begin(f"{ORIGIN}{BACK}")
        state = parse_qs(urlsplit(url).query)["state"][0]
        one = next(iter(oidc._tries.values()))
        for number in range(MOST_TRIES):
            oidc._keep(str(number), one)
        assert len(oidc._tries) == MOST_TRIES
        with pytest.raises(OidcRefused, match="under way"):
            oidc.finish(state, "c", browser)


GOOD = 'issuer = "https://login.example"\nclient_id = "c"\nlabel = "Agency"\n[roles]\nguards = "officer"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("https", "http"), "https"),
        (GOOD.replace('"officer"', '"king"'), "roles.guards"),
        (GOOD.replace("label", "lable"), "lable"),
        (GOOD.split("[roles]")[0], "roles"),
        ('client_secret_file = "/nowhere/secret"\n' + GOOD, "/nowhere/secret"),
        ("issuer = ", "Invalid value"),
    ],
)
def test_a_file_that_names_no_usable_provider_is_refused_with_the_reason(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "oidc.toml"
    file.write_text(text)
    with pytest.raises(OidcUnusable, match=says):
        read_provider(file)


def test_a_good_file_is_read_with_its_secret(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    file = tmp_path / "oidc.toml"
    file.write_text(f'client_secret_file = "{tmp_path}/secret"\n' + GOOD)
    assert read_provider(file).roles == {"guards": Role.OFFICER}

"""Passkeys against an authenticator in software, honest and otherwise; the browser's own is in the browser tests."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ui_people_rig import ORIGIN, QUICK, WORDS, Rig, SoftKey, people
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from appliance.clock import ManualClock
from ui.accounts import Accounts
from ui.passkeys import MOST_CHALLENGES, PasskeyRefused, Passkeys, party
from ui.roles import Role
from ui.staff import Staff

pytestmark = pytest.mark.anyio

ADMIT = {"passage_id": "p-1", "action": "admit", "reason": "Bare face", "visual_check": True}


async def options(http: httpx2.AsyncClient, path: str) -> dict[str, Any]:
    answer = await http.post(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["options"]


async def enrol(http: httpx2.AsyncClient, key: SoftKey, **wrong: Any) -> httpx2.Response:
    made = key.create(await options(http, "/api/passkeys/options"), **wrong)
    return await http.post("/api/passkeys", json={"label": "desk key", "credential": made})


async def knock(it: Rig, key: SoftKey, **wrong: Any) -> httpx2.Response:
    http = await it.client()
    said = key.get(await options(http, "/api/session/challenge"), **wrong)
    return await http.post("/api/session/passkey", json={"credential": said})


async def test_a_passkey_signs_in_its_owner_and_counts_as_a_proof(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        seat, key = await it.seat("jo"), SoftKey()
        (kept,) = (await enrol(seat, key)).json()
        assert (kept["label"], kept["used_at"]) == ("desk key", None)
        answer = await knock(it, key)
        assert (answer.json()["officer"], answer.json()["role"]) == ("jo", "officer")
        assert "httponly" in answer.headers["set-cookie"].lower()
        said = key.get(await options(seat, "/api/passkeys/challenge"))
        body = ADMIT | {"proof": {"credential": said}}
        assert (await seat.post("/api/lanes/lane-1/decision", json=body)).json()["accepted"]
        assert (await seat.post("/api/lanes/lane-1/decision", json=body)).status_code == 401, "a signature counts once"
        assert len(it.lane.heard("decide")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:8080"},
        {"rp": "evil.example"},
        {"flags": 0x01},
        {"flags": 0x04},
        {"count": 0},
        {"signature": b"0" * 70},
        {"kind": "webauthn.create"},
        {"challenge": "AAAA"},
    ],
    ids=str,
)
async def test_a_signature_that_is_wrong_in_one_thing_opens_nothing(tmp_path: Path, wrong: dict[str, Any]) -> None:
    async with people(tmp_path) as it:
        seat, key = await it.seat("jo"), SoftKey()
        assert (await enrol(seat, key)).status_code == 200
        assert (await knock(it, key)).status_code == 200
        answer = await knock(it, key, **wrong)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers


async def test_a_copied_key_that_counts_behind_is_refused(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        seat, key = await it.seat("jo"), SoftKey()
        await enrol(seat, key)
        assert (await knock(it, key, count=9)).status_code == 200
        assert (await knock(it, key, count=9)).status_code == 401
        assert (await knock(it, key, count=10)).status_code == 200


async def test_a_challenge_lapses_counts_once_and_belongs_to_who_asked(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        seat, other, key = await it.seat("jo"), await it.seat("mo"), SoftKey()
        await enrol(seat, key)
        stranger = await it.client()
        asked = await options(stranger, "/api/session/challenge")
        it.clock.advance(120)
        late = await stranger.post("/api/session/passkey", json={"credential": key.get(asked)})
        assert (late.status_code, "lapsed" in late.text) == (401, True)
        elsewhere = key.get(await options(other, "/api/passkeys/challenge"))
        assert (await seat.post("/api/confirm", json={"credential": elsewhere})).status_code == 401
        for_session = key.get(await options(seat, "/api/passkeys/challenge"))
        assert (await stranger.post("/api/session/passkey", json={"credential": for_session})).status_code == 401


async def test_somebody_elses_passkey_proves_nothing_of_me_but_serves_as_second_and_successor(tmp_path: Path) -> None:
    async with people(tmp_path, second_officer="override") as it:
        seat, other, key = await it.seat("jo"), await it.seat("mo"), SoftKey()
        await enrol(other, key)

        async def sign() -> dict[str, str]:
            return {"credential": key.get(await options(seat, "/api/passkeys/challenge"))}

        assert (await seat.post("/api/confirm", json=await sign())).status_code == 401
        body = ADMIT | {"proof": {"password": WORDS}, "second": await sign()}
        assert (await seat.post("/api/lanes/lane-1/decision", json=body)).json()["accepted"]
        assert it.lane.heard("decide")[-1]["second_officer"] == "mo"
        handed = await seat.post("/api/handover", json={"successor": await sign()})
        assert handed.json()["session"]["officer"] == "mo"


async def test_a_key_is_added_only_as_it_was_made_and_removed_only_by_its_owner(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        seat, other, key = await it.seat("jo"), await it.seat("mo"), SoftKey()
        for wrong in ({"origin": "http://evil.example"}, {"rp": "evil.example"}, {"flags": 0x41}, {"challenge": "AA"}):
            assert (await enrol(seat, key, **wrong)).status_code == 400, wrong
        theirs = key.create(await options(other, "/api/passkeys/options"))
        assert (await seat.post("/api/passkeys", json={"label": "x", "credential": theirs})).status_code == 400
        (kept,) = (await enrol(seat, key)).json()
        twice = await enrol(other, key)
        assert (twice.status_code, "known already" in twice.text) == (400, True)
        await other.delete(f"/api/passkeys/{kept['passkey_id']}")
        assert len((await seat.get("/api/passkeys")).json()) == 1
        assert (await seat.delete(f"/api/passkeys/{kept['passkey_id']}")).json() == []
        assert (await knock(it, key)).status_code == 401


async def test_a_disabled_or_reset_account_has_no_key_to_come_back_with(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        seat, key = await it.seat("jo"), SoftKey()
        await enrol(seat, key)
        it.console.staff.disable("boss", "jo")
        assert (await knock(it, key)).status_code == 401
        it.console.staff.reset("boss", "jo")
        assert (await knock(it, key)).status_code == 401
        assert it.console.passkeys.of("jo") == []


def test_a_key_that_does_not_count_still_signs_each_challenge_once(keys: Passkeys) -> None:
    key = SoftKey(b"synced")
    keys.add("jo", "synced", key.create(json.loads(keys.creation("jo", ORIGIN))), ORIGIN)
    for _ in range(2):
        said = key.get(json.loads(keys.request("sign in", ORIGIN)), count=0)
        assert keys.proves("sign in", said, ORIGIN) == "jo"
        with pytest.raises(PasskeyRefused, match="lapsed"):
            keys.proves("sign in", said, ORIGIN)


async def test_the_key_of_a_disabled_account_proves_nothing_at_all(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        seat, key = await it.seat("jo"), SoftKey()
        await enrol(seat, key)
        it.console.staff.disable("boss", "jo")
        said = key.get(json.loads(it.console.passkeys.request("sign in", ORIGIN)))
        with pytest.raises(PasskeyRefused, match="not known"):
            it.console.passkeys.proves("sign in", said, ORIGIN)


async def test_at_a_bare_address_the_console_says_why_there_are_no_passkeys(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        it.hire("jo")
        http = await it.client("http://127.0.0.1:8080")
        answer = await http.post("/api/session/challenge")
        assert (answer.status_code, "host name" in answer.text) == (400, True)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:1", "https://[::1]", "null", "", "http://"])
def test_only_names_are_parties(origin: str) -> None:
    with pytest.raises(PasskeyRefused, match="host name"):
        party(origin)
    assert party("https://console.gate.example:8443") == "console.gate.example"


KNOWN = SoftKey(b"known")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Passkeys:
    folder = tmp_path_factory.mktemp("keys")
    accounts = Accounts(
        folder / "c.db", clock=ManualClock(), idle_s=1e6, shift_s=1e6, first_login=folder / "f", hasher=QUICK
    )
    one_time = Staff(accounts).create("boss", "jo", Role.OFFICER)
    assert accounts.change_password(accounts.sign_in("jo", one_time), one_time, WORDS)
    made = Passkeys(accounts)
    made.add("jo", "known", KNOWN.create(json.loads(made.creation("jo", ORIGIN))), ORIGIN)
    return made


def test_challenges_of_strangers_do_not_fill_the_memory(keys: Passkeys) -> None:
    for _ in range(MOST_CHALLENGES + 50):
        keys.request("sign in", ORIGIN)
    assert len(keys._challenges) == MOST_CHALLENGES


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "rawId", "type", "response", "clientDataJSON", "signature"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(JUNK)
def test_junk_in_place_of_a_credential_is_refused_and_nothing_else(keys: Passkeys, junk: Any) -> None:
    for work in (lambda said: keys.proves("sign in", said, ORIGIN), lambda said: keys.add("jo", "x", said, ORIGIN)):
        with pytest.raises(PasskeyRefused):
            work(json.dumps(junk))


@pytest.mark.parametrize("junk", ["", "{", "[" * 7000, '{"response":{"clientDataJSON":"' + "A" * 7000 + '"}}', "\0"])
def test_text_that_is_no_credential_at_all_is_refused(keys: Passkeys, junk: str) -> None:
    with pytest.raises(PasskeyRefused):
        keys.proves("sign in", junk, ORIGIN)


@settings(max_examples=60, deadline=None)
@given(
    field=st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]),
    place=st.integers(0, 10_000),
    bit=st.integers(0, 7),
)
def test_a_signature_with_one_bit_turned_signs_nobody_in(keys: Passkeys, field: str, place: int, bit: int) -> None:
    assert keys.proves("sign in", KNOWN.get(json.loads(keys.request("sign in", ORIGIN))), ORIGIN) == "jo"
    said = json.loads(KNOWN.get(json.loads(keys.request("sign in", ORIGIN))))
    raw = bytearray(base64url_to_bytes(said["response"][field]))
    raw[place % len(raw)] ^= 1 << bit
    said["response"][field] = bytes_to_base64url(bytes(raw))
    with pytest.raises(PasskeyRefused):
        keys.proves("sign in", json.dumps(said), ORIGIN)

"""Who may do what at the console, enforced on the server; accounts, proofs and hand-over. In process, over ASGI."""

from pathlib import Path

import pytest
from ui_fake_lane import held, idle
from ui_hands import eventually
from ui_people_rig import WORDS, Rig, people

from ui.roles import PERMITS, May, Role

pytestmark = pytest.mark.anyio

DECISION = {"passage_id": "p-1", "action": "refuse", "reason": "Wears a mask"}
ADMIT = {"passage_id": "p-1", "action": "admit", "reason": "Bare face", "visual_check": True}
PROOF = {"password": WORDS}
SERVICE = {"in_service": False, "reason": "cleaning"}
PICTURE = "/api/lanes/lane-1/images/p-1/portrait"
EVERYBODY = "viewer officer supervisor maintainer auditor"
# Written by hand and not taken from `ui.roles`: method, path, body, and the roles that are let in.
OPEN = {
    ("get", "/api/session"),
    ("post", "/api/session"),
    ("delete", "/api/session"),
    ("post", "/api/session/challenge"),
    ("post", "/api/session/passkey"),
    ("get", "/api/oidc/start"),
    ("get", "/api/oidc/back"),
    ("post", "/api/password"),
    ("post", "/api/touch"),
    ("get", "/api/traveller"),
    ("get", "/api/traveller/{lane}/events"),
}
GUARDED = {
    ("get", "/api/lanes"): (None, EVERYBODY),
    ("get", "/api/events"): (None, EVERYBODY),
    ("post", "/api/lanes/{lane}/decision"): (DECISION, "officer supervisor"),
    ("post", "/api/lanes/{lane}/service"): (SERVICE, "officer supervisor maintainer"),
    ("post", "/api/lanes/{lane}/block"): ({"blocked": True, "reason": "spill"}, "officer supervisor"),
    ("post", "/api/lanes/{lane}/alerts/{alert}/acknowledge"): (None, "officer supervisor"),
    ("get", "/api/lanes/{lane}/images/{passage}/{channel}"): (None, "officer supervisor"),
    ("post", "/api/confirm"): (PROOF, EVERYBODY),
    ("post", "/api/passkeys/challenge"): (None, EVERYBODY),
    ("get", "/api/passkeys"): (None, EVERYBODY),
    ("post", "/api/passkeys/options"): (None, EVERYBODY),
    ("post", "/api/passkeys"): ({"label": "x", "credential": "{}"}, EVERYBODY),
    ("delete", "/api/passkeys/{passkey_id}"): (None, EVERYBODY),
    ("get", "/api/accounts"): (None, "supervisor auditor"),
    ("get", "/api/accounts/log"): (None, "supervisor auditor"),
    ("post", "/api/accounts"): ({"name": "new one", "role": "viewer"}, "supervisor"),
    ("post", "/api/accounts/{name}/reset"): (None, "supervisor"),
    ("post", "/api/accounts/{name}/disable"): (None, "supervisor"),
    ("post", "/api/accounts/{name}/role"): ({"role": "viewer"}, "supervisor"),
    ("post", "/api/handover"): ({"successor": {"name": "mo", "password": WORDS}}, "officer supervisor"),
}
for _what in ("passages", "passages.csv", "passages.json", "statistics", "{lane}/journal", "{lane}/verify"):
    GUARDED["get", f"/api/history/{_what}"] = (None, "supervisor auditor")
GUARDED["post", "/api/history/{lane}/verify"] = ({}, "supervisor auditor")
for _what in ("devices", "versions", "claims"):
    GUARDED["get", f"/api/history/{{lane}}/{_what}"] = (None, "officer supervisor maintainer auditor")
LOOK = {"look_id": "page-0001", "channel": "850"}
GUARDED |= {
    ("get", "/api/setup/{lane}"): (None, "maintainer"),
    ("get", "/api/setup/{lane}/self-test"): (None, "maintainer"),
    ("post", "/api/setup/{lane}/self-test"): (None, "maintainer"),
    ("post", "/api/setup/{lane}/look"): (LOOK, "maintainer"),
    ("post", "/api/setup/{lane}/stop"): ({}, "maintainer"),
}
STREAMS = {"/api/events", "/api/traveller/{lane}/events"}
WHERE = {"lane": "lane-1", "alert": "a-1", "passage": "p-1", "channel": "portrait", "passkey_id": 1, "name": "mo"}


def described(it: Rig) -> set[tuple[str, str]]:
    return {(method, path) for path, methods in it.app.openapi()["paths"].items() for method in methods}


async def test_every_route_is_in_the_table(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        assert described(it) == OPEN | set(GUARDED), "say in this table who may use the new route"


@pytest.mark.parametrize("role", Role)
async def test_every_route_lets_in_the_roles_of_the_table_and_no_other(tmp_path: Path, role: Role) -> None:
    async with people(tmp_path) as it:
        it.hire("mo")
        seat = await it.seat("jo", role)
        # Out of reach it refuses at once what it would have to be asked.
        await it.lane.stop()
        await eventually(lambda: not it.console.lanes["lane-1"].state.reachable)
        for number, ((method, path), (body, roles)) in enumerate(GUARDED.items()):
            if path in STREAMS and role in roles.split():
                continue  # does not end; the browser tests read it
            seat = seat if (await seat.get("/api/session")).json()["officer"] else await it.sign_in("jo")
            answer = await seat.request(method, path.format(**WHERE), json=body)
            refused = answer.status_code == 403 and "your role" in answer.text
            assert refused is (role not in roles.split()), (number, method, path, answer.text)


async def test_nothing_guarded_answers_without_a_session_or_before_the_one_time_password_is_changed(
    tmp_path: Path,
) -> None:
    async with people(tmp_path) as it:
        one_time = it.console.staff.create("somebody", "jo", Role.SUPERVISOR)
        stranger, fresh = await it.client(), await it.client()
        await fresh.post("/api/session", json={"name": "jo", "password": one_time})
        for (method, path), (body, _) in GUARDED.items():
            assert (await stranger.request(method, path.format(**WHERE), json=body)).status_code == 401, path
            assert (await fresh.request(method, path.format(**WHERE), json=body)).status_code == 403, path
        assert (await fresh.get("/api/session")).json()["may"] == []


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:8080.evil.example", ""])
async def test_no_route_that_changes_something_listens_to_another_site(tmp_path: Path, origin: str) -> None:
    async with people(tmp_path) as it:
        seat = await it.seat("jo", Role.SUPERVISOR)
        changing = [(method, path) for method, path in described(it) if method != "get"]
        assert len(changing) > 10
        for method, path in changing:
            body = GUARDED.get((method, path), ({},))[0]
            answer = await seat.request(method, path.format(**WHERE), json=body, headers={"origin": origin})
            assert answer.status_code == 403, path
            assert "other origins" in answer.text, path
        assert [each["kind"] for each in it.lane.requests if each["kind"] in ("decide", "service", "hand_over")] == []


async def test_who_may_not_see_travellers_gets_the_lane_without_them(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        for role in (Role.VIEWER, Role.MAINTAINER, Role.AUDITOR):
            seat = await it.seat(role.value, role)
            answer = await seat.get("/api/lanes")
            (status,) = answer.json()
            assert "ERIKSSON" not in answer.text
            assert "L898902C3" not in answer.text
            assert status["snapshot"]["passage"]["images"] == []
            assert status["snapshot"]["passage"]["checks"], "why the traveller is held is nobody's data"
            assert (await seat.get(PICTURE)).status_code == 403
        seat = await it.seat("jo")
        assert "ERIKSSON" in (await seat.get("/api/lanes")).text


async def test_the_cookie_of_a_page_behind_tls_never_travels_without(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        it.hire("jo")
        for origin in ("http://localhost:8080", "https://gate.example"):
            http = await it.client(origin)
            host = origin.split("://")[1]
            answer = await http.post(
                "/api/session", json={"name": "jo", "password": WORDS}, headers={"origin": origin, "host": host}
            )
            assert ("secure" in answer.headers["set-cookie"].lower()) is origin.startswith("https")


def test_every_role_has_a_line_and_nobody_alone_may_everything() -> None:
    assert set(PERMITS) == set(Role)
    assert all(permitted < set(May) for permitted in PERMITS.values())
    assert frozenset().union(*PERMITS.values()) == set(May)


def test_the_table_in_the_documentation_is_the_one_in_force() -> None:
    page = (Path(__file__).parents[2] / "docs/console.md").read_text()
    head = "| may | what | " + " | ".join(Role) + " |"
    rows = page.split(head)[1].split("\n\n")[0].strip().splitlines()[1:]
    told = {}
    for row in rows:
        may, _, *ticks = [cell.strip() for cell in row.strip("|").split("|")]
        told[may.strip("`")] = {role for role, tick in zip(Role, ticks, strict=True) if tick == "✓"}
    assert told == {may.value: {role for role in Role if may in PERMITS[role]} for may in May}


# --- releases ----------------------------------------------------------------------------------------------------


def plain(referral: dict | None = None):
    return held(referral={"suspected_attack": False, "needs_visual_check": False} | (referral or {}))


async def test_a_release_takes_a_recent_proof_and_other_decisions_take_none(tmp_path: Path) -> None:
    async with people(tmp_path, snapshot=plain()) as it:
        seat = await it.seat("jo")
        assert (await seat.post("/api/lanes/lane-1/decision", json=ADMIT)).json()["accepted"]
        it.clock.advance(300)
        answer = await seat.post("/api/lanes/lane-1/decision", json=ADMIT)
        assert (answer.status_code, answer.json()["detail"]) == (428, "confirm that it is you")
        assert (await seat.post("/api/lanes/lane-1/decision", json=DECISION)).json()["accepted"]
        wrong = await seat.post("/api/lanes/lane-1/decision", json=ADMIT | {"proof": {"password": "wrong"}})
        assert wrong.status_code == 401
        assert [said["action"] for said in it.lane.heard("decide")] == ["admit", "refuse"]
        assert (await seat.post("/api/lanes/lane-1/decision", json=ADMIT | {"proof": PROOF})).json()["accepted"]
        assert (await seat.post("/api/lanes/lane-1/decision", json=ADMIT)).json()["accepted"], "proved just now"


async def test_a_suspected_attack_takes_a_proof_of_its_own_each_time(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        seat = await it.seat("jo")
        for _ in range(2):
            assert (await seat.post("/api/lanes/lane-1/decision", json=ADMIT)).status_code == 428
            assert (await seat.post("/api/lanes/lane-1/decision", json=ADMIT | {"proof": PROOF})).json()["accepted"]
        assert len(it.lane.heard("decide")) == 2
        assert it.lane.heard("decide")[0]["second_officer"] == ""


async def test_what_is_not_known_to_be_harmless_counts_as_suspected(tmp_path: Path) -> None:
    async with people(tmp_path, snapshot=plain()) as it:
        seat = await it.seat("jo")
        other = ADMIT | {"passage_id": "p-2"}
        assert (await seat.post("/api/lanes/lane-1/decision", json=other)).status_code == 428
        it.lane.show(idle(revision=9))
        client = it.console.lanes["lane-1"]
        await eventually(lambda: client.state.snapshot.revision == 9)
        assert (await seat.post("/api/lanes/lane-1/decision", json=ADMIT)).status_code == 428
        assert it.lane.heard("decide") == []


async def test_the_second_officer_is_another_one_who_may_decide(tmp_path: Path) -> None:
    async with people(tmp_path, second_officer="override") as it:
        seat = await it.seat("jo")
        for name, role in (("mo", Role.OFFICER), ("vi", Role.VIEWER), ("gone", Role.OFFICER)):
            it.hire(name, role)
        it.console.staff.disable("somebody", "gone")
        fresh = it.console.staff.create("somebody", "fresh", Role.OFFICER)

        async def admit(**more):
            return await seat.post("/api/lanes/lane-1/decision", json=ADMIT | more)

        alone = await admit(proof=PROOF)
        assert (alone.status_code, alone.json()["detail"]) == (428, "a second officer has to confirm this")
        for name, password, code in (
            ("jo", WORDS, 403),
            ("vi", WORDS, 403),
            ("gone", WORDS, 401),
            ("fresh", fresh, 403),
            ("mo", "wrong", 401),
            ("nobody", WORDS, 401),
            ("", WORDS, 400),
        ):
            answer = await admit(proof=PROOF, second={"name": name, "password": password})
            assert answer.status_code == code, (name, answer.text)
        assert (await admit(second={"name": "mo", "password": WORDS})).status_code == 428, "one's own proof is missing"
        assert it.lane.heard("decide") == []
        assert (await admit(proof=PROOF, second={"name": "mo", "password": WORDS})).json()["accepted"]
        (said,) = it.lane.heard("decide")
        assert (said["officer"], said["second_officer"]) == ("jo", "mo")


async def test_by_policy_every_release_takes_two(tmp_path: Path) -> None:
    async with people(tmp_path, snapshot=plain(), second_officer="release") as it:
        seat = await it.seat("jo")
        it.hire("mo")
        assert (await seat.post("/api/lanes/lane-1/decision", json=ADMIT | {"proof": PROOF})).status_code == 428
        both = ADMIT | {"proof": PROOF, "second": {"name": "mo", "password": WORDS}}
        assert (await seat.post("/api/lanes/lane-1/decision", json=both)).json()["accepted"]


@pytest.mark.parametrize("where", ["confirm", "second", "successor", "password"])
async def test_guessing_is_slowed_down_wherever_a_password_is_shown(tmp_path: Path, where: str) -> None:
    async with people(tmp_path, second_officer="override") as it:
        seat = await it.seat("jo")
        it.hire("mo")
        guess = {"name": "mo", "password": "guess"}
        path, body, right = {
            "confirm": ("/api/confirm", {"password": "guess"}, PROOF),
            "second": (
                "/api/lanes/lane-1/decision",
                ADMIT | {"proof": PROOF, "second": guess},
                ADMIT | {"proof": PROOF, "second": guess | PROOF},
            ),
            "successor": ("/api/handover", {"successor": guess}, {"successor": guess | PROOF}),
            "password": (
                "/api/password",
                {"current": "guess", "new": "x" * 12},
                {"current": WORDS, "new": "y" * 12},
            ),
        }[where]
        codes = [(await seat.post(path, json=body)).status_code for _ in range(6)]
        assert codes == [401] * 5 + [429]
        blocked = await seat.post(path, json=right)
        assert blocked.status_code == 429
        assert int(blocked.headers["retry-after"]) == 300
        it.clock.advance(300)
        assert (await seat.post(path, json=right)).status_code == 200


# --- hand-over ---------------------------------------------------------------------------------------------------


async def test_the_station_changes_hands_with_whoever_is_held_and_every_lane_writes_it_down(tmp_path: Path) -> None:
    async with people(tmp_path, lanes=2) as it:
        seat = await it.seat("jo")
        it.hire("mo")
        old = seat.cookies.get("sallyport_session")
        body = {"successor": {"name": "mo", "password": WORDS}, "note": " lane 2 sticks "}
        answer = (await seat.post("/api/handover", json=body)).json()
        assert (answer["session"]["officer"], answer["unrecorded"]) == ("mo", [])
        (said,) = it.lane.heard("hand_over")
        assert (said["officer"], said["successor"], said["note"], said["held"]) == ("jo", "mo", "lane 2 sticks", "p-1")
        assert (await seat.get("/api/session")).json()["officer"] == "mo"
        assert it.console.accounts.session(old) is None
        (line,) = [one for one in it.console.staff.events() if one.action == "handed_over"]
        assert (line.actor, line.subject) == ("jo", "mo")
        assert "lane-1 p-1, lane-2 p-1" in line.detail


async def test_a_lane_that_does_not_answer_or_cannot_write_is_named_and_does_not_keep_the_officer(
    tmp_path: Path,
) -> None:
    async with people(tmp_path) as it:
        seat = await it.seat("jo")
        it.hire("mo")
        it.lane.answer = lambda _said: (False, "the journal cannot be written")
        body = {"successor": {"name": "mo", "password": WORDS}}
        answer = (await seat.post("/api/handover", json=body)).json()
        assert (answer["session"]["officer"], answer["unrecorded"]) == ("mo", ["lane-1"])
        await it.lane.stop()
        await eventually(lambda: not it.console.lanes["lane-1"].state.reachable)
        body = {"successor": {"name": "jo", "password": WORDS}}
        answer = (await seat.post("/api/handover", json=body)).json()
        assert (answer["session"]["officer"], answer["unrecorded"]) == ("jo", ["lane-1"])
        assert "not journaled: lane-1" in it.console.staff.events()[0].detail


async def test_the_station_goes_to_nobody_who_may_not_have_it(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        seat = await it.seat("jo")
        it.hire("vi", Role.VIEWER)
        fresh = it.console.staff.create("somebody", "fresh", Role.OFFICER)
        for name, password, code in (("jo", WORDS, 409), ("vi", WORDS, 403), ("fresh", fresh, 403), ("vi", "x", 401)):
            answer = await seat.post("/api/handover", json={"successor": {"name": name, "password": password}})
            assert answer.status_code == code, name
        assert (await seat.get("/api/session")).json()["officer"] == "jo"
        assert it.lane.heard("hand_over") == []


async def test_the_page_learns_since_when_somebody_watches(tmp_path: Path) -> None:
    async with people(tmp_path, watch_s=1800.0) as it:
        it.clock.advance(10)
        seat = await it.seat("jo")
        said = (await seat.get("/api/session")).json()
        assert said["watch_s"] == 1800.0
        it.clock.advance(1200)
        assert (await seat.post("/api/touch")).json()["since"] == said["since"], "use of the page is no relief"
        it.hire("mo")
        handed = (await seat.post("/api/handover", json={"successor": {"name": "mo", "password": WORDS}})).json()
        assert handed["session"]["since"] > said["since"]


@pytest.mark.parametrize("word", ["\\ud800", "\\u0000", "\\u202e"])
async def test_text_that_is_no_text_is_refused_or_kept_as_it_is_without_an_error(tmp_path: Path, word: str) -> None:
    async with people(tmp_path) as it:
        seat = await it.seat("jo")
        json_head = {"content-type": "application/json"}
        for path, body in (
            ("/api/session", f'{{"name": "{word}", "password": "{word}"}}'),
            ("/api/confirm", f'{{"password": "{word}"}}'),
            ("/api/handover", f'{{"successor": {{"name": "{word}", "password": "{word}"}}, "note": "{word}"}}'),
            ("/api/passkeys", f'{{"label": "{word}", "credential": "{word}{word}"}}'),
            ("/api/session/passkey", f'{{"credential": "{word}{word}"}}'),
        ):
            answer = await seat.post(path, content=body.encode(), headers=json_head)
            assert answer.status_code in (400, 401, 422), (path, answer.text)

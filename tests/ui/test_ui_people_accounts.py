"""Accounts: who keeps them, what is kept of them, and how the first supervisor comes to be. Time turned by hand."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from ui_people_rig import QUICK, WORDS, people

from appliance.clock import ManualClock
from migrations import runner
from migrations.engine import durable_engine
from ui.accounts import Accounts, PasswordRefused
from ui.roles import PERMITS, May, Role
from ui.staff import Staff, StaffRefused

pytestmark = pytest.mark.anyio

DECISION = {"passage_id": "p-1", "action": "refuse", "reason": "Wears a mask"}
PROOF = {"password": WORDS}


def open_accounts(tmp_path: Path, clock: ManualClock | None = None) -> Accounts:
    return Accounts(
        tmp_path / "console.db",
        clock=clock or ManualClock(),
        idle_s=600,
        shift_s=3600,
        first_login=tmp_path / "first-login.txt",
        hasher=QUICK,
    )


async def test_a_supervisor_creates_resets_moves_and_disables_and_it_counts_at_once(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        boss = await it.seat("boss", Role.SUPERVISOR)
        made = (await boss.post("/api/accounts", json={"name": " Ana ", "role": "officer"})).json()
        assert made["name"] == "Ana"
        twice = await boss.post("/api/accounts", json={"name": "ANA", "role": "viewer"})
        assert twice.status_code == 409, "names in journals must not be mistaken for each other"
        ana = await it.client()
        sign_in = {"name": "Ana", "password": made["password"]}
        assert (await ana.post("/api/session", json=sign_in)).json()["must_change"] is True
        change = {"current": made["password"], "new": WORDS}
        assert "decide" in (await ana.post("/api/password", json=change)).json()["may"]
        members = (await boss.post("/api/accounts/Ana/role", json={"role": "auditor"})).json()
        assert {one["name"]: one["role"] for one in members} == {"Ana": "auditor", "boss": "supervisor"}
        assert (await ana.get("/api/lanes")).status_code == 401, "a new role begins with a new session"
        await ana.post("/api/session", json={"name": "Ana", "password": WORDS})
        assert (await ana.post("/api/lanes/lane-1/decision", json=DECISION)).status_code == 403
        await boss.post("/api/accounts/Ana/disable")
        assert (await ana.get("/api/lanes")).status_code == 401
        assert (await ana.post("/api/session", json={"name": "Ana", "password": WORDS})).status_code == 401
        again = (await boss.post("/api/accounts/Ana/reset")).json()
        assert (await ana.post("/api/session", json={"name": "Ana", "password": WORDS})).status_code == 401
        assert (await ana.post("/api/session", json={"name": "Ana", "password": again["password"]})).is_success
        log = (await boss.get("/api/accounts/log")).json()
        mine = [one["action"] for one in reversed(log) if one["actor"] == "boss" and one["subject"] == "Ana"]
        assert mine == ["created", "role", "disabled", "reset"]
        assert made["password"] not in json.dumps(log)


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "role": "officer"},
        {"name": "   ", "role": "officer"},
        {"name": "x" * 65, "role": "officer"},
        {"name": "<img src=x>", "role": "officer"},
        {"name": "a/../b", "role": "officer"},
        {"name": "jo\u202eej", "role": "officer"},
        {"name": "jo\n", "role": "root"},
        {"name": "jo", "role": "officer", "must_change": False},
    ],
)
async def test_an_account_that_makes_no_sense_is_not_created(tmp_path: Path, body: dict) -> None:
    async with people(tmp_path) as it:
        boss = await it.seat("boss", Role.SUPERVISOR)
        assert (await boss.post("/api/accounts", json=body)).status_code == 422
        assert [one.name for one in it.console.staff.members()] == ["boss"]


async def test_accounts_are_changed_only_by_who_has_lately_shown_who_they_are(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        boss = await it.seat("boss", Role.SUPERVISOR)
        it.clock.advance(300)
        body = {"name": "ana", "role": "officer"}
        assert (await boss.post("/api/accounts", json=body)).status_code == 428
        assert (await boss.post("/api/passkeys/options")).status_code == 428
        assert (await boss.get("/api/accounts")).status_code == 200, "looking takes none"
        assert (await boss.post("/api/confirm", json=PROOF)).status_code == 200
        assert (await boss.post("/api/accounts", json=body)).status_code == 200


async def test_nobody_changes_their_own_account_so_one_supervisor_remains(tmp_path: Path) -> None:
    async with people(tmp_path) as it:
        boss = await it.seat("boss", Role.SUPERVISOR)
        for verb, body in (("disable", None), ("reset", None), ("role", {"role": "viewer"})):
            assert (await boss.post(f"/api/accounts/boss/{verb}", json=body)).status_code == 409
        assert (await boss.post("/api/accounts/nobody/disable")).status_code == 409
        assert it.console.accounts.may("boss") == PERMITS[Role.SUPERVISOR]


def test_the_log_of_accounts_cannot_be_rewritten(tmp_path: Path) -> None:
    accounts = open_accounts(tmp_path)
    accounts.first_start()
    assert accounts.sign_in("officer", "wrong") is None
    assert [one.action for one in Staff(accounts).events()] == ["wrong_password", "reset"]
    for statement in ("UPDATE account_event SET actor = 'x'", "DELETE FROM account_event"):
        with pytest.raises((IntegrityError, OperationalError), match="append-only"), accounts.engine.begin() as db:
            db.execute(text(statement))
    assert len(Staff(accounts).events()) == 2


def test_the_first_supervisor_is_set_up_once_and_takes_their_own_name(tmp_path: Path) -> None:
    accounts = open_accounts(tmp_path)
    one_time = accounts.first_start()
    token = accounts.change_password(accounts.sign_in("officer", one_time), one_time, WORDS, "Ana Sipka")
    signed = accounts.session(token)
    assert (signed.officer, signed.role, May.MANAGE_ACCOUNTS in signed.may) == ("Ana Sipka", "supervisor", True)
    assert accounts.first_start() is None
    assert accounts.sign_in("officer", one_time) is None
    assert not (tmp_path / "first-login.txt").exists()
    with pytest.raises(PasswordRefused, match="names stay"):
        accounts.change_password(token, WORDS, "another calm passphrase", "Somebody Else")
    again = accounts.reset_officer()
    with pytest.raises(PasswordRefused, match="already"):
        accounts.change_password(accounts.sign_in("officer", again), again, WORDS, "ANA SIPKA")


def test_nobody_else_takes_another_name_at_the_first_sign_in(tmp_path: Path) -> None:
    accounts = open_accounts(tmp_path)
    one_time = Staff(accounts).create("somebody", "jo", Role.OFFICER)
    with pytest.raises(PasswordRefused, match="names stay"):
        accounts.change_password(accounts.sign_in("jo", one_time), one_time, WORDS, "boss")
    with pytest.raises(StaffRefused, match="never used twice"):
        Staff(accounts).create("somebody", "JO", Role.OFFICER)


def test_a_console_from_before_roles_keeps_its_account_as_a_supervisor(tmp_path: Path) -> None:
    path = tmp_path / "console.db"
    engine = durable_engine(path, foreign_keys=False)
    with engine.begin() as connection:
        runner._apply(connection, "console", "c0001")
    engine.dispose()
    with closing(sqlite3.connect(path)) as old, old:
        old.execute(
            "INSERT INTO account VALUES (1, 'officer', 'officer', ?, 0, '2026-01-01 00:00:00', NULL)",
            (QUICK.hash(WORDS),),
        )
        old.execute("INSERT INTO sign_in VALUES (x'00', 1, '2026-01-01 00:00:00', '2026-01-01 00:00:00')")
    accounts = open_accounts(tmp_path)
    assert accounts.first_start() is None
    signed = accounts.session(accounts.sign_in("officer", WORDS))
    assert (signed.role, signed.must_change) == ("supervisor", False)
    with closing(sqlite3.connect(path)) as new:
        assert new.execute("SELECT count(*) FROM sign_in WHERE token_hash = x'00'").fetchone() == (0,)


def test_a_station_goes_over_only_to_who_may_have_it_even_if_nobody_asked_before(tmp_path: Path) -> None:
    accounts = open_accounts(tmp_path)
    staff = Staff(accounts)
    staff.create("boss", "fresh", Role.OFFICER)
    for name, role in (("jo", Role.OFFICER), ("vi", Role.VIEWER), ("gone", Role.OFFICER), ("mo", Role.OFFICER)):
        one_time = staff.create("boss", name, role)
        assert accounts.change_password(accounts.sign_in(name, one_time), one_time, WORDS)
    staff.disable("boss", "gone")
    token = accounts.sign_in("jo", WORDS)
    for name in ("fresh", "vi", "gone", "nobody"):
        assert accounts.hand_over(token, name, "") is None
        assert accounts.session(token).officer == "jo"
    fresh = accounts.hand_over(token, "mo", "")
    assert accounts.session(fresh).officer == "mo"
    assert accounts.session(token) is None


def test_a_word_that_is_no_role_permits_nothing(tmp_path: Path) -> None:
    accounts = open_accounts(tmp_path)
    one_time = Staff(accounts).create("somebody", "jo", Role.SUPERVISOR)
    token = accounts.change_password(accounts.sign_in("jo", one_time), one_time, WORDS)
    with accounts.engine.begin() as connection:
        connection.execute(text("UPDATE account SET role = 'root'"))
    assert accounts.session(token).may == frozenset()
    assert accounts.may("jo") == frozenset()


HOSTILE = ["%00", "%ED%A0%80", "%F0%9F%98%80", "..", "a%2Fb", "%27%20OR%201=1%20--", "x" * 64, "%E2%80%AE"]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_that_is_none_in_an_address_changes_nothing_and_breaks_nothing(tmp_path: Path, name: str) -> None:
    async with people(tmp_path) as it:
        boss = await it.seat("boss", Role.SUPERVISOR)
        before = it.console.staff.members()
        for verb, body in (("disable", None), ("reset", None), ("role", {"role": "viewer"})):
            assert (await boss.post(f"/api/accounts/{name}/{verb}", json=body)).status_code in (404, 405, 409, 422)
        assert it.console.staff.members() == before

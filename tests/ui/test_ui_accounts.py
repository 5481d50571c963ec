"""Accounts, sessions and the brake on guessing; no test waits for real time."""

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from ui_people_rig import QUICK

from appliance.clock import ManualClock
from migrations.engine import DatabaseRefused
from ui.accounts import Accounts, PasswordRefused
from ui.limits import LoginLimiter
from ui.tables import Base

OWN = "a calm and long passphrase"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def accounts(tmp_path: Path, clock: ManualClock) -> Accounts:
    return Accounts(
        tmp_path / "console.db",
        clock=clock,
        idle_s=600,
        shift_s=3600,
        first_login=tmp_path / "first-login.txt",
        hasher=QUICK,
    )


def test_the_first_start_makes_one_password_writes_it_privately_and_never_again(
    accounts: Accounts, tmp_path: Path
) -> None:
    password = accounts.first_start()
    file = tmp_path / "first-login.txt"
    assert password is not None
    assert password in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert accounts.first_start() is None
    assert password not in (tmp_path / "console.db").read_bytes().decode("latin-1")


def test_the_one_time_password_must_be_changed_and_is_gone_afterwards(accounts: Accounts, tmp_path: Path) -> None:
    one_time = accounts.first_start()
    token = accounts.sign_in("officer", one_time)
    assert accounts.session(token).must_change
    fresh = accounts.change_password(token, one_time, OWN)
    assert not accounts.session(fresh).must_change
    assert accounts.session(token) is None, "a session from before the change survives it"
    assert not (tmp_path / "first-login.txt").exists()
    assert accounts.sign_in("officer", one_time) is None
    assert accounts.sign_in("officer", OWN) is not None


@pytest.mark.parametrize("new", ["short", "elevenchars", "my Officer password", ""])
def test_poor_new_passwords_are_refused_and_change_nothing(accounts: Accounts, new: str) -> None:
    one_time = accounts.first_start()
    token = accounts.sign_in("officer", one_time)
    with pytest.raises(PasswordRefused):
        accounts.change_password(token, one_time, new)
    assert accounts.session(token).must_change


def test_the_same_password_again_or_a_wrong_present_one_does_not_count_as_a_change(accounts: Accounts) -> None:
    one_time = accounts.first_start()
    token = accounts.sign_in("officer", one_time)
    with pytest.raises(PasswordRefused):
        accounts.change_password(token, one_time, one_time)
    assert accounts.change_password(token, "wrong", OWN) is None
    assert accounts.change_password("no such token", one_time, OWN) is None


@pytest.mark.parametrize(
    ("name", "password"), [("officer", "wrong"), ("nobody", "wrong"), ("officer' OR 1=1 --", "x"), ("OFFICER\x00", "x")]
)
def test_wrong_names_and_passwords_get_nothing(accounts: Accounts, name: str, password: str) -> None:
    accounts.first_start()
    assert accounts.sign_in(name, password) is None


def test_a_session_ends_when_unused_and_use_prolongs_it(accounts: Accounts, clock: ManualClock) -> None:
    token = accounts.sign_in("officer", accounts.first_start())
    clock.advance(599)
    assert accounts.session(token, touch=True) is not None
    clock.advance(599)
    assert accounts.session(token) is not None
    clock.advance(1)
    assert accounts.session(token) is None, "looking at a page is no use of it"


def test_a_session_ends_with_the_shift_however_much_it_is_used(accounts: Accounts, clock: ManualClock) -> None:
    token = accounts.sign_in("officer", accounts.first_start())
    for _ in range(7):
        clock.advance(500)
        assert accounts.session(token, touch=True) is not None
    clock.advance(100)
    assert accounts.session(token, touch=True) is None


def test_signing_out_and_a_reset_end_sessions_at_once(accounts: Accounts) -> None:
    one_time = accounts.first_start()
    first, second = accounts.sign_in("officer", one_time), accounts.sign_in("officer", one_time)
    accounts.sign_out(first)
    assert accounts.session(first) is None
    again = accounts.reset_officer()
    assert accounts.session(second) is None
    assert accounts.sign_in("officer", one_time) is None
    assert accounts.sign_in("officer", again) is not None


def test_sessions_survive_a_restart_but_their_tokens_are_not_in_the_file(
    accounts: Accounts, tmp_path: Path, clock: ManualClock
) -> None:
    token = accounts.sign_in("officer", accounts.first_start())
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("console.db*"))
    assert token.encode() not in kept
    second = Accounts(tmp_path / "console.db", clock=clock, idle_s=600, shift_s=3600, first_login=tmp_path / "f")
    assert second.session(token) is not None


def test_real_hashes_are_argon2id_of_at_least_64_mb(tmp_path: Path, clock: ManualClock) -> None:
    real = Accounts(tmp_path / "real.db", clock=clock, idle_s=1, shift_s=1, first_login=tmp_path / "f")
    real.first_start()
    connection = sqlite3.connect(tmp_path / "real.db")
    ((stored,),) = connection.execute("SELECT password_hash FROM account").fetchall()
    connection.close()
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,")


def test_the_migration_makes_what_the_tables_say(accounts: Accounts, tmp_path: Path) -> None:
    path = tmp_path / "console.db"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    engine = create_engine(f"sqlite:///{path}")
    found = inspect(engine)
    for table in Base.metadata.sorted_tables:
        columns = {column["name"]: column for column in found.get_columns(table.name)}
        assert set(columns) == {column.name for column in table.columns}
        for column in table.columns:
            assert columns[column.name]["nullable"] == column.nullable, column
        assert {index["name"] for index in found.get_indexes(table.name)} == {index.name for index in table.indexes}
    engine.dispose()


def test_a_damaged_or_foreign_database_is_refused_and_left_alone(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "console.db"
    path.write_bytes(b"not a database at all, but long enough to look at" * 40)
    before = path.read_bytes()
    with pytest.raises(DatabaseRefused):
        Accounts(path, clock=clock, idle_s=1, shift_s=1, first_login=tmp_path / "f")
    assert path.read_bytes() == before
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(DatabaseRefused, match="not a database of this project"):
        Accounts(path, clock=clock, idle_s=1, shift_s=1, first_login=tmp_path / "f")


class TestLimiter:
    def test_stops_after_five_tries_and_says_how_long(self, clock: ManualClock) -> None:
        limiter = LoginLimiter(clock)
        assert [limiter.take("a") for _ in range(5)] == [0.0] * 5
        clock.advance(100)
        assert limiter.take("a") == pytest.approx(200)
        assert limiter.take("b") == 0.0
        clock.advance(200)
        assert limiter.take("a") == 0.0

    def test_a_success_clears_and_refused_tries_do_not_prolong(self, clock: ManualClock) -> None:
        limiter = LoginLimiter(clock)
        for _ in range(50):
            limiter.take("a")
        clock.advance(300)
        assert limiter.take("a") == 0.0
        for _ in range(4):
            limiter.take("a")
        limiter.clear("a")
        assert [limiter.take("a") for _ in range(5)] == [0.0] * 5

    def test_invented_names_do_not_fill_the_memory(self, clock: ManualClock) -> None:
        limiter = LoginLimiter(clock)
        for number in range(1500):
            limiter.take(str(number))
        assert len(limiter._tries) <= 1024

"""Signing in: passwords, sessions, and proofs of who is there. Synchronous: callers use a worker thread.

Sessions are opaque tokens kept on the server, so that a dismissed guard is out at once; each carries an idle and an
absolute end. Not responsible for how often somebody may try (`ui.limits`), for cookies (`ui.auth`), for who has an
account (`ui.staff`) nor for passkeys (`ui.passkeys`).
"""

import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from pwdlib import PasswordHash
from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.orm import Session

from appliance.clock import Clock
from migrations.engine import durable_engine
from migrations.runner import upgrade
from ui.oidc import OidcRefused, Somebody
from ui.roles import May, Role, permits
from ui.tables import Account, AccountEvent, Passkey, SignIn

MIN_PASSWORD = 12
FIRST_ACCOUNT = "officer"
# No 0/O, 1/l/i: it is read from a terminal and typed by hand. 16 characters of 31 hold 79 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_TOUCH_EVERY = timedelta(seconds=20)


class PasswordRefused(Exception):
    """The new password or name may not be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A valid session: who, and when it ends unless used (`idle_ends`) and in any case (`shift_ends`).

    `since` is when this officer came to the station, `proved_at` when they last showed that it is them.
    """

    officer: str
    role: str
    must_change: bool
    since: datetime
    proved_at: datetime
    idle_ends: datetime
    shift_ends: datetime

    @property
    def may(self) -> frozenset[May]:
        """What the role permits; nothing before the one-time password is changed."""
        return frozenset() if self.must_change else permits(self.role)


class Accounts:
    """The accounts database; opening it creates or migrates it. Raises `migrations.engine.DatabaseRefused`."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        idle_s: float,
        shift_s: float,
        first_login: Path,
        hasher: PasswordHash | None = None,
    ) -> None:
        upgrade(path, "console")
        self.engine: Engine = durable_engine(path)
        self.clock = clock
        self._idle = timedelta(seconds=idle_s)
        self._shift = timedelta(seconds=shift_s)
        self._first_login = first_login
        self._hasher = hasher or PasswordHash.recommended()
        self._decoy = ""
        # One hash takes 64 MB; one at a time bounds what a burst of sign-ins can cost the machine.
        self._hashing = Lock()

    def first_start(self) -> str | None:
        """Create the first supervisor when there is no account; returns its one-time password, once."""
        with Session(self.engine) as session:
            if session.scalar(select(func.count()).select_from(Account)):
                return None
        return self.reset_officer()

    def reset_officer(self) -> str:
        """Make `officer` a supervisor with a new one-time password and end all its sessions: the way back in.

        Also written to the first-login file.
        """
        password, hashed = self.one_time()
        with Session(self.engine) as session, session.begin():
            account = session.scalar(select(Account).where(Account.name == FIRST_ACCOUNT))
            if account is None:
                account = Account(name=FIRST_ACCOUNT, created_at=self.clock.now())
                session.add(account)
            account.role, account.password_hash = Role.SUPERVISOR.value, hashed
            account.must_change, account.disabled_at, account.federated = True, None, None
            session.flush()
            self.end_all(session, account.account_id)
            session.execute(delete(Passkey).where(Passkey.account_id == account.account_id))
            self.note(session, "(command line)", "reset", FIRST_ACCOUNT, Role.SUPERVISOR)
        self._first_login.unlink(missing_ok=True)
        descriptor = os.open(self._first_login, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"account: {FIRST_ACCOUNT}\none-time password: {password}\n")
        return password

    def one_time(self) -> tuple[str, str]:
        """A new one-time password and its hash."""
        password = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
        with self._hashing:
            return password, self._hasher.hash(password)

    def proves(self, name: str, password: str) -> bool:
        """Whether this is the password of an enabled account. As slow for an unknown name as for a wrong password."""
        with Session(self.engine) as session:
            account = session.scalar(select(Account).where(Account.name == name, Account.disabled_at.is_(None)))
            known = (account.account_id, account.password_hash) if account is not None else None
        with self._hashing:
            self._decoy = self._decoy or self._hasher.hash(secrets.token_hex())
            good, better = self._hasher.verify_and_update(password, known[1] if known else self._decoy)
        if known is None:
            return False
        with Session(self.engine) as session, session.begin():
            if not good:
                self.note(session, name, "wrong_password", name)
            elif better is not None:
                session.execute(update(Account).where(Account.account_id == known[0]).values(password_hash=better))
        return good

    def sign_in(self, name: str, password: str) -> str | None:
        """A new session's token, or None."""
        return self.begin(name, "password") if self.proves(name, password) else None

    def begin(self, name: str, how: str) -> str | None:
        """A session for somebody who has just shown who they are; None when the account is gone by now."""
        with Session(self.engine) as session, session.begin():
            account = session.scalar(select(Account).where(Account.name == name, Account.disabled_at.is_(None)))
            if account is None:
                return None
            self.note(session, name, "signed_in", name, how)
            return self._begin(session, account.account_id)

    def begin_federated(self, known: Somebody) -> str:
        """A session for whom the identity provider vouches, with the role it gives; an account at the first time.

        A name that has an account here stays that account's: it is never taken over. Raises OidcRefused.
        """
        _, nobodys = self.one_time()
        with Session(self.engine) as session, session.begin():
            account = session.scalar(select(Account).where(Account.federated == known.subject))
            if account is None:
                if taken(session, known.name):
                    raise OidcRefused("name", f"{known.name!r} is the name of another account here")
                account = Account(name=known.name, federated=known.subject, password_hash=nobodys, must_change=False)
                account.role, account.created_at = known.role.value, self.clock.now()
                session.add(account)
                session.flush()
                self.note(session, "(identity provider)", "created", known.name, known.role)
            elif account.disabled_at is not None:
                raise OidcRefused("disabled", f"the account of {account.name!r} is disabled")
            elif account.role != known.role:
                self.note(session, "(identity provider)", "role", account.name, f"{account.role} -> {known.role}")
                account.role = known.role.value
                self.end_all(session, account.account_id)
            self.note(session, account.name, "signed_in", account.name, "identity provider")
            return self._begin(session, account.account_id)

    def refused(self, what: str) -> None:
        """A sign-in through the identity provider that came to nothing, for the log."""
        with Session(self.engine) as session, session.begin():
            self.note(session, "(identity provider)", "refused", "", what)

    def session(self, token: str, *, touch: bool = False) -> Signed | None:
        """The session of a token while it is valid; `touch` counts as the officer's hand on the console."""
        now, key = self.clock.now(), hashed(token)
        with Session(self.engine) as session, session.begin():
            row = session.execute(
                select(SignIn, Account)
                .join(Account, Account.account_id == SignIn.account_id)
                .where(SignIn.token_hash == key, Account.disabled_at.is_(None))
            ).first()
            if row is None:
                return None
            entry, account = row[0], row[1]
            ends = min(entry.used_at + self._idle, entry.created_at + self._shift)
            if not entry.created_at <= now < ends:
                session.delete(entry)
                return None
            if touch and now - entry.used_at >= _TOUCH_EVERY:
                entry.used_at = now
            return Signed(
                account.name,
                account.role,
                account.must_change,
                since=entry.created_at,
                proved_at=entry.proved_at,
                idle_ends=entry.used_at + self._idle,
                shift_ends=entry.created_at + self._shift,
            )

    def proved(self, token: str) -> None:
        """The officer of this session has just shown again that it is them."""
        with Session(self.engine) as session, session.begin():
            session.execute(update(SignIn).where(SignIn.token_hash == hashed(token)).values(proved_at=self.clock.now()))

    def change_password(self, token: str, current: str, new: str, name: str | None = None) -> str | None:
        """Set a new password and return a fresh token; every older session of the account ends.

        The first account takes its owner's `name` on the way. None when the session or the current password is wrong.
        Raises PasswordRefused.
        """
        signed = self.session(token)
        if signed is None:
            return None
        known_as = name or signed.officer
        self._acceptable(signed, current, new, known_as)
        with Session(self.engine) as session:
            stored = session.execute(
                select(Account.account_id, Account.password_hash).where(Account.name == signed.officer)
            ).one()
        with self._hashing:
            if not self._hasher.verify(current, stored.password_hash):
                return None
            fresh_hash = self._hasher.hash(new)
        with Session(self.engine) as session, session.begin():
            if known_as != signed.officer and taken(session, known_as, besides=stored.account_id):
                raise PasswordRefused("there is an account of that name already")
            session.execute(
                update(Account)
                .where(Account.account_id == stored.account_id)
                .values(password_hash=fresh_hash, must_change=False, name=known_as)
            )
            self.end_all(session, stored.account_id)
            self.note(session, signed.officer, "password_changed", known_as)
            fresh = self._begin(session, stored.account_id)
        if signed.officer == FIRST_ACCOUNT:
            self._first_login.unlink(missing_ok=True)
        return fresh

    def sign_out(self, token: str) -> None:
        """End a session; unknown tokens are no error."""
        with Session(self.engine) as session, session.begin():
            session.execute(delete(SignIn).where(SignIn.token_hash == hashed(token)))

    def hand_over(self, token: str, successor: str, detail: str) -> str | None:
        """End this session and begin the successor's in one step: the station is never without an officer.

        None when either is gone by now, or the successor may not take a station.
        """
        signed = self.session(token)
        if signed is None:
            return None
        with Session(self.engine) as session, session.begin():
            account = session.scalar(select(Account).where(Account.name == successor, Account.disabled_at.is_(None)))
            if account is None or account.must_change or May.DECIDE not in permits(account.role):
                return None
            session.execute(delete(SignIn).where(SignIn.token_hash == hashed(token)))
            self.note(session, signed.officer, "handed_over", successor, detail)
            return self._begin(session, account.account_id)

    def may(self, name: str) -> frozenset[May]:
        """What an account may do now: nothing when it is disabled or has not changed its one-time password."""
        with Session(self.engine) as session:
            account = session.scalar(select(Account).where(Account.name == name, Account.disabled_at.is_(None)))
            return frozenset() if account is None or account.must_change else permits(account.role)

    def note(self, session: Session, actor: str, action: str, subject: str, detail: str = "") -> None:
        """Add a line to the log of accounts, in the caller's transaction."""
        session.add(AccountEvent(at=self.clock.now(), actor=actor, action=action, subject=subject, detail=detail[:600]))

    def end_all(self, session: Session, account_id: int) -> None:
        """End every session of an account, in the caller's transaction."""
        session.execute(delete(SignIn).where(SignIn.account_id == account_id))

    def _acceptable(self, signed: Signed, current: str, new: str, known_as: str) -> None:
        if known_as != signed.officer and not (signed.officer == FIRST_ACCOUNT and signed.must_change):
            raise PasswordRefused("names stay as they are: the journal holds them")
        if len(new) < MIN_PASSWORD:
            raise PasswordRefused(f"use at least {MIN_PASSWORD} characters")
        if new == current or any(each.casefold() in new.casefold() for each in (signed.officer, known_as)):
            raise PasswordRefused("choose one that differs from the present password and does not contain your name")

    def _begin(self, session: Session, account_id: int) -> str:
        token, now = secrets.token_urlsafe(32), self.clock.now()
        session.execute(delete(SignIn).where(SignIn.created_at <= now - self._shift))
        session.add(SignIn(token_hash=hashed(token), account_id=account_id, created_at=now, used_at=now, proved_at=now))
        return token


def taken(session: Session, name: str, *, besides: int = 0) -> bool:
    """Whether an account has this name, or one that differs in capitals only."""
    names = session.scalars(select(Account.name).where(Account.account_id != besides))
    return name.casefold() in {each.casefold() for each in names}


def hashed(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()

"""Accounts and sessions of the console, in its own database. Synchronous: callers use a worker thread.

Sessions are opaque tokens kept on the server, so that a dismissed guard is out at once; each carries an idle and an
absolute end. Not responsible for how often somebody may try (`ui.limits`) nor for cookies (`ui.auth`).
"""

import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from pwdlib import PasswordHash
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from appliance.clock import Clock
from migrations.engine import durable_engine
from migrations.runner import upgrade
from ui.tables import Account, SignIn

MIN_PASSWORD = 12
FIRST_ACCOUNT = "officer"
# No 0/O, 1/l/i: it is read from a terminal and typed by hand. 16 characters of 31 hold 79 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_TOUCH_EVERY = timedelta(seconds=20)


class PasswordRefused(Exception):
    """The new password may not be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A valid session: who, and when it ends unless used (`idle_ends`) and in any case (`shift_ends`)."""

    officer: str
    role: str
    must_change: bool
    idle_ends: datetime
    shift_ends: datetime


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
        self._engine = durable_engine(path)
        self._clock = clock
        self._idle = timedelta(seconds=idle_s)
        self._shift = timedelta(seconds=shift_s)
        self._first_login = first_login
        self._hasher = hasher or PasswordHash.recommended()
        self._decoy = ""
        # One hash takes 64 MB; one at a time bounds what a burst of sign-ins can cost the machine.
        self._hashing = Lock()

    def first_start(self) -> str | None:
        """Create the first account when there is none; returns its one-time password, once."""
        with Session(self._engine) as session:
            if session.scalar(select(func.count()).select_from(Account)):
                return None
        return self.reset_officer()

    def reset_officer(self) -> str:
        """Give `officer` a new one-time password and end all its sessions. Also written to the first-login file."""
        password = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
        hashed = self._hasher.hash(password)
        with Session(self._engine) as session, session.begin():
            account = session.scalar(select(Account).where(Account.name == FIRST_ACCOUNT))
            if account is None:
                account = Account(name=FIRST_ACCOUNT, role="officer", created_at=self._clock.now())
                session.add(account)
            account.password_hash, account.must_change, account.disabled_at = hashed, True, None
            session.flush()
            session.execute(delete(SignIn).where(SignIn.account_id == account.account_id))
        self._first_login.unlink(missing_ok=True)
        descriptor = os.open(self._first_login, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"account: {FIRST_ACCOUNT}\none-time password: {password}\n")
        return password

    def sign_in(self, name: str, password: str) -> str | None:
        """A new session's token, or None. Takes as long for an unknown account as for a wrong password."""
        with Session(self._engine) as session:
            account = session.scalar(select(Account).where(Account.name == name, Account.disabled_at.is_(None)))
            known = (account.account_id, account.password_hash) if account is not None else None
        with self._hashing:
            self._decoy = self._decoy or self._hasher.hash(secrets.token_hex())
            good, better = self._hasher.verify_and_update(password, known[1] if known else self._decoy)
        if not good or known is None:
            return None
        with Session(self._engine) as session, session.begin():
            if better is not None:
                session.execute(update(Account).where(Account.account_id == known[0]).values(password_hash=better))
            return self._begin(session, known[0])

    def session(self, token: str, *, touch: bool = False) -> Signed | None:
        """The session of a token while it is valid; `touch` counts as the officer's hand on the console."""
        now, key = self._clock.now(), _hash(token)
        with Session(self._engine) as session, session.begin():
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
                idle_ends=entry.used_at + self._idle,
                shift_ends=entry.created_at + self._shift,
            )

    def change_password(self, token: str, current: str, new: str) -> str | None:
        """Set a new password and return a fresh token; every older session of the account ends.

        None when the session or the current password is wrong. Raises PasswordRefused.
        """
        signed = self.session(token)
        if signed is None:
            return None
        if len(new) < MIN_PASSWORD:
            raise PasswordRefused(f"use at least {MIN_PASSWORD} characters")
        if new == current or signed.officer.casefold() in new.casefold():
            raise PasswordRefused("choose one that differs from the present password and does not contain your name")
        with Session(self._engine) as session:
            stored = session.execute(
                select(Account.account_id, Account.password_hash).where(Account.name == signed.officer)
            ).one()
        with self._hashing:
            if not self._hasher.verify(current, stored.password_hash):
                return None
            hashed = self._hasher.hash(new)
        with Session(self._engine) as session, session.begin():
            session.execute(
                update(Account)
                .where(Account.account_id == stored.account_id)
                .values(password_hash=hashed, must_change=False)
            )
            session.execute(delete(SignIn).where(SignIn.account_id == stored.account_id))
            fresh = self._begin(session, stored.account_id)
        if signed.officer == FIRST_ACCOUNT:
            self._first_login.unlink(missing_ok=True)
        return fresh

    def sign_out(self, token: str) -> None:
        """End a session; unknown tokens are no error."""
        with Session(self._engine) as session, session.begin():
            session.execute(delete(SignIn).where(SignIn.token_hash == _hash(token)))

    def _begin(self, session: Session, account_id: int) -> str:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        session.execute(delete(SignIn).where(SignIn.created_at <= now - self._shift))
        session.add(SignIn(token_hash=_hash(token), account_id=account_id, created_at=now, used_at=now))
        return token


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

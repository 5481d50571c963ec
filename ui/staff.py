"""Who has an account, and the log of it. Synchronous, like `ui.accounts`, whose database it shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ui.accounts import Accounts, taken
from ui.roles import Role
from ui.tables import Account, AccountEvent, Passkey

MOST_EVENTS = 500


class StaffRefused(Exception):
    """An account cannot be changed like that; the message says why."""


@dataclass(frozen=True, slots=True)
class Member:
    """One account, without its secrets."""

    name: str
    role: str
    must_change: bool
    created_at: datetime
    disabled_at: datetime | None
    passkeys: int
    federated: bool


@dataclass(frozen=True, slots=True)
class Noted:
    """One line of the log."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: str


class Staff:
    """The accounts as a supervisor sees them. Every change is logged with the supervisor's name."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def members(self) -> list[Member]:
        """All accounts, the disabled ones too: the journal names them."""
        keys = select(func.count()).where(Passkey.account_id == Account.account_id).scalar_subquery()
        with Session(self._accounts.engine) as session:
            rows = session.execute(select(Account, keys).order_by(func.lower(Account.name)))
            return [
                Member(
                    one.name,
                    one.role,
                    one.must_change,
                    one.created_at,
                    one.disabled_at,
                    count,
                    one.federated is not None,
                )
                for one, count in rows
            ]

    def events(self, most: int = MOST_EVENTS) -> Sequence[Noted]:
        """The newest lines of the log, newest first."""
        with Session(self._accounts.engine) as session:
            rows = session.scalars(select(AccountEvent).order_by(AccountEvent.event_id.desc()).limit(most))
            return [Noted(one.at, one.actor, one.action, one.subject, one.detail) for one in rows]

    def create(self, actor: str, name: str, role: Role) -> str:
        """A new account; returns its one-time password. Raises StaffRefused."""
        password, secret = self._accounts.one_time()
        with Session(self._accounts.engine) as session, session.begin():
            if taken(session, name):
                raise StaffRefused("there is an account of that name already; names are never used twice")
            session.add(
                Account(
                    name=name,
                    role=role.value,
                    password_hash=secret,
                    must_change=True,
                    created_at=self._accounts.clock.now(),
                )
            )
            self._accounts.note(session, actor, "created", name, role)
        return password

    def reset(self, actor: str, name: str) -> str:
        """A new one-time password; enables the account again and removes its passkeys. Raises StaffRefused."""
        password, secret = self._accounts.one_time()
        with Session(self._accounts.engine) as session, session.begin():
            account = self._other(session, actor, name)
            account.password_hash, account.must_change, account.disabled_at = secret, True, None
            session.execute(delete(Passkey).where(Passkey.account_id == account.account_id))
            self._accounts.end_all(session, account.account_id)
            self._accounts.note(session, actor, "reset", name)
        return password

    def disable(self, actor: str, name: str) -> None:
        """Shut an account and end its sessions at once. Raises StaffRefused."""
        with Session(self._accounts.engine) as session, session.begin():
            account = self._other(session, actor, name, shuts=True)
            account.disabled_at = account.disabled_at or self._accounts.clock.now()
            self._accounts.end_all(session, account.account_id)
            self._accounts.note(session, actor, "disabled", name)

    def assign(self, actor: str, name: str, role: Role) -> None:
        """Give another role; the account signs in anew. Raises StaffRefused."""
        with Session(self._accounts.engine) as session, session.begin():
            account = self._other(session, actor, name)
            was, account.role = account.role, role.value
            self._accounts.end_all(session, account.account_id)
            self._accounts.note(session, actor, "role", name, f"{was} -> {role}")

    def _other(self, session: Session, actor: str, name: str, *, shuts: bool = False) -> Account:
        """The account of another: nobody changes their own, so one supervisor always remains."""
        if name == actor:
            raise StaffRefused("nobody changes their own account here: ask another supervisor")
        account = session.scalar(select(Account).where(Account.name == name))
        if account is None:
            raise StaffRefused("there is no such account")
        if account.federated is not None and not shuts:
            raise StaffRefused("the identity provider keeps this account: change it there")
        return account

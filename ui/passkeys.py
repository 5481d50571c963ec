"""Passkeys (WebAuthn level 3) as a second way to show who is there. Synchronous, like `ui.accounts`.

A passkey always verifies its user (PIN, finger), so it stands in for the password whole. No attestation is asked for:
which make of key it is decides nothing here. Challenges live in memory, once each, for two minutes.
"""

import ipaddress
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from webauthn.helpers import base64url_to_bytes, options_to_json, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ui.accounts import Accounts
from ui.tables import Account, Passkey

VALID_S = 120.0
MOST_CHALLENGES = 1024
MOST_KEYS = 10
T = TypeVar("T")


class PasskeyRefused(Exception):
    """The passkey proves nothing, or cannot be added; the message says why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A passkey of an account as its owner sees it."""

    passkey_id: int
    label: str
    created_at: datetime
    used_at: datetime | None


def party(origin: str) -> str:
    """The relying party a page of this origin speaks for. Raises PasskeyRefused for a bare address."""
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host:
            return host
    raise PasskeyRefused("passkeys need a host name: open this console by its name (here: localhost), not by address")


class Passkeys:
    """Challenges and credentials. `holder` ties a challenge to whoever asked for it: a session, or a purpose."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._challenges: dict[bytes, tuple[str, float]] = {}
        self._lock = Lock()

    def of(self, name: str) -> list[Kept]:
        """The passkeys of an account."""
        with Session(self._accounts.engine) as session:
            rows = session.scalars(select(Passkey).join(Account).where(Account.name == name).order_by("passkey_id"))
            return [Kept(one.passkey_id, one.label, one.created_at, one.used_at) for one in rows]

    def creation(self, name: str, origin: str) -> str:
        """Options (JSON) for `navigator.credentials.create`. Raises PasskeyRefused."""
        with Session(self._accounts.engine) as session:
            account = session.scalar(select(Account).where(Account.name == name))
            if account is None:
                raise PasskeyRefused("there is no such account")
            known = list(session.scalars(select(Passkey.credential_id).where(Passkey.account_id == account.account_id)))
            number = account.account_id
        if len(known) >= MOST_KEYS:
            raise PasskeyRefused(f"{MOST_KEYS} passkeys are enough; remove one first")
        options = webauthn.generate_registration_options(
            rp_id=party(origin),
            rp_name="Sallyport guard console",
            user_name=name,
            user_id=number.to_bytes(8, "big"),
            challenge=self._challenge(f"create {name}"),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        )
        return options_to_json(options)

    def add(self, name: str, label: str, credential: str, origin: str) -> None:
        """Keep the credential a page made from `creation`. Raises PasskeyRefused."""
        challenge = self._take(credential, f"create {name}")
        made = _checked(
            lambda: webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=challenge,
                expected_rp_id=party(origin),
                expected_origin=origin,
                require_user_verification=True,
            )
        )
        try:
            with Session(self._accounts.engine) as session, session.begin():
                account = session.scalars(select(Account).where(Account.name == name)).one()
                session.add(
                    Passkey(
                        account_id=account.account_id,
                        credential_id=made.credential_id,
                        public_key=made.credential_public_key,
                        sign_count=made.sign_count,
                        label=label,
                        created_at=self._accounts.clock.now(),
                    )
                )
                self._accounts.note(session, name, "passkey_added", name, label)
        except IntegrityError as error:
            raise PasskeyRefused("this passkey is known already") from error

    def remove(self, name: str, passkey_id: int) -> None:
        """Forget one of one's own passkeys; one that is not there is no error."""
        with Session(self._accounts.engine) as session, session.begin():
            mine = select(Account.account_id).where(Account.name == name).scalar_subquery()
            gone = session.execute(
                delete(Passkey)
                .where(Passkey.passkey_id == passkey_id, Passkey.account_id == mine)
                .returning(Passkey.label)
            ).scalar_one_or_none()
            if gone is not None:
                self._accounts.note(session, name, "passkey_removed", name, gone)

    def request(self, holder: str, origin: str) -> str:
        """Options (JSON) for `navigator.credentials.get`; the key itself says whose it is. Raises PasskeyRefused."""
        return options_to_json(
            webauthn.generate_authentication_options(
                rp_id=party(origin),
                challenge=self._challenge(holder),
                user_verification=UserVerificationRequirement.REQUIRED,
            )
        )

    def proves(self, holder: str, credential: str, origin: str) -> str:
        """The name of the account whose passkey signed a challenge of this holder. Raises PasskeyRefused."""
        challenge = self._take(credential, holder)
        key_id = _checked(lambda: base64url_to_bytes(json.loads(credential)["rawId"]))
        with Session(self._accounts.engine) as session, session.begin():
            row = session.execute(
                select(Passkey, Account)
                .join(Account, Account.account_id == Passkey.account_id)
                .where(Passkey.credential_id == key_id, Account.disabled_at.is_(None), Account.must_change.is_(False))
            ).first()
            if row is None:
                raise PasskeyRefused("this passkey is not known here")
            key, account = row[0], row[1]
            done = _checked(
                lambda: webauthn.verify_authentication_response(
                    credential=credential,
                    expected_challenge=challenge,
                    expected_rp_id=party(origin),
                    expected_origin=origin,
                    credential_public_key=key.public_key,
                    credential_current_sign_count=key.sign_count,
                    require_user_verification=True,
                )
            )
            key.sign_count, key.used_at = done.new_sign_count, self._accounts.clock.now()
            return str(account.name)

    def _challenge(self, holder: str) -> bytes:
        now, challenge = self._accounts.clock.monotonic(), secrets.token_bytes(32)
        with self._lock:
            for old in [each for each, (_, ends) in self._challenges.items() if ends <= now]:
                del self._challenges[old]
            while len(self._challenges) >= MOST_CHALLENGES:
                del self._challenges[next(iter(self._challenges))]
            self._challenges[challenge] = (holder, now + VALID_S)
        return challenge

    def _take(self, credential: str, holder: str) -> bytes:
        """The challenge a credential answers, spent by this. Raises PasskeyRefused unless it was this holder's."""
        said = _checked(lambda: json.loads(credential)["response"]["clientDataJSON"])
        challenge: bytes = _checked(lambda: parse_client_data_json(base64url_to_bytes(said)).challenge)
        with self._lock:
            asked_by, ends = self._challenges.pop(challenge, ("", 0.0))
        if asked_by != holder or ends <= self._accounts.clock.monotonic():
            raise PasskeyRefused("the request has lapsed: try again")
        return challenge


def _checked(work: Callable[[], T]) -> T:
    """What `work` makes of bytes from a page. They may be anything, and the decoder answers with any exception."""
    try:
        return work()
    except Exception as error:
        raise PasskeyRefused("the passkey was not accepted") from error


def as_json(options: str) -> dict[str, Any]:
    """Options as the page takes them."""
    made: dict[str, Any] = json.loads(options)
    return made

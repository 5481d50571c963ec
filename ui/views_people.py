"""What the pages send and receive about accounts, passkeys, proofs and hand-over."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints

from ui.roles import Role
from ui.views import Credential, Name, Proof, SessionView, View

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]


class NewAccount(View):
    """An account to create."""

    name: Name
    role: Role


class NewRole(View):
    """Another role for an account."""

    role: Role


class OneTime(View):
    """A one-time password, shown this once."""

    name: str
    password: str


class MemberView(View):
    """One account."""

    name: str
    role: str
    must_change: bool
    created_at: datetime
    disabled_at: datetime | None
    passkeys: int
    federated: bool


class NotedView(View):
    """One line of the log of accounts."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: str


class PasskeyView(View):
    """One of one's own passkeys."""

    passkey_id: int
    label: str
    created_at: datetime
    used_at: datetime | None


class PasskeyOptions(View):
    """Options for `PublicKeyCredential.parse...OptionsFromJSON`."""

    options: dict[str, Any]


class PasskeyAnswer(View):
    """What the page's authenticator said."""

    credential: Credential


class NewPasskey(PasskeyAnswer):
    """A passkey to keep, and what its owner calls it."""

    label: Label


class HandOver(View):
    """The station goes to another officer, who shows who they are."""

    successor: Proof
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=400)] = ""


class HandedOver(View):
    """The successor's session, and the lanes whose journal does not know of it."""

    session: SessionView
    unrecorded: list[str]

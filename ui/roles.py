"""Who may do what at the console: the one table of it. Routes name a permission, never a role."""

from enum import StrEnum


class Role(StrEnum):
    """What a person is at this console; one each."""

    VIEWER = "viewer"
    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    MAINTAINER = "maintainer"
    AUDITOR = "auditor"


class May(StrEnum):
    """What a route asks for."""

    SEE_LANES = "see_lanes"
    """Phases, doors, faults, results of checks; nobody's name or face."""
    SEE_TRAVELLERS = "see_travellers"
    """Document data and pictures of whoever is in the lane."""
    DECIDE = "decide"
    """Everything about a referred traveller. Only who may decide counts as a guard who watches."""
    ACKNOWLEDGE = "acknowledge"
    HAND_OVER = "hand_over"
    SERVICE = "service"
    """Take a lane out of service and back."""
    BLOCK = "block"
    """Let no new passage start in a lane, and let them start again."""
    HISTORY = "history"
    """Passages, journal, statistics and their export."""
    DEVICES = "devices"
    """Devices, versions, self-tests, measured claims."""
    SETUP = "setup"
    """How a lane is set up, its self-test, and what its bands see while it is empty and out of service."""
    MANAGE_ACCOUNTS = "manage_accounts"
    SEE_ACCOUNTS = "see_accounts"


_GUARD = frozenset(
    {
        *(May.SEE_LANES, May.SEE_TRAVELLERS, May.DECIDE, May.ACKNOWLEDGE),
        *(May.HAND_OVER, May.SERVICE, May.BLOCK, May.DEVICES),
    }
)
PERMITS: dict[Role, frozenset[May]] = {
    Role.VIEWER: frozenset({May.SEE_LANES}),
    Role.OFFICER: _GUARD,
    Role.SUPERVISOR: _GUARD | {May.HISTORY, May.MANAGE_ACCOUNTS, May.SEE_ACCOUNTS},
    Role.MAINTAINER: frozenset({May.SEE_LANES, May.SERVICE, May.DEVICES, May.SETUP}),
    Role.AUDITOR: frozenset({May.SEE_LANES, May.HISTORY, May.DEVICES, May.SEE_ACCOUNTS}),
}


def permits(role: str) -> frozenset[May]:
    """What a stored role may do; nothing when it is not one of ours."""
    return PERMITS[Role(role)] if role in PERMITS else frozenset()

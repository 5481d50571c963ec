"""A genuine document judged by passive authentication, with whatever a test exchanges."""

from datetime import date

from trust_pki import (
    TODAY,
    Issuer,
    files,
    sod_of,
)

from appliance.document.reasons import Reason
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.passive import PassiveResult, authenticate
from appliance.document.trust.signatures import Policy


def judged(
    issuer: Issuer,
    sod: bytes | None = None,
    read: dict[int, bytes] | None = None,
    *,
    state: str = "NLD",
    on: date = TODAY,
    anchors: Anchors | None = None,
    policy: Policy | None = None,
) -> PassiveResult:
    return authenticate(
        sod if sod is not None else sod_of(files(), issuer.dsc),
        read if read is not None else files(),
        issuer=state,
        on=on,
        anchors=anchors if anchors is not None else issuer.anchors,
        policy=policy or Policy(),
    )


def reasons(result: PassiveResult) -> set[Reason]:
    assert not result.passed, "it passed"
    return {reason for reason, _ in result.findings}

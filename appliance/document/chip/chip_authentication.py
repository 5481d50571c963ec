"""Chip authentication (9303-11 section 6.2) and the chip's half of active authentication (section 6.1).

Chip authentication agrees new session keys with the static key of DG14; it has succeeded once the chip answers under
them. It proves something only if DG14 is genuine. Not here: that (`document.trust`), and verifying an active
authentication's signature.
"""

from dataclasses import dataclass
from secrets import token_bytes

from appliance.document.chip.apdu import SHORT, Command, Exchange, Response
from appliance.document.chip.crypto import Keys, Suite
from appliance.document.chip.files import File, select_file
from appliance.document.chip.group import Random
from appliance.document.chip.parameters import StaticKey
from appliance.document.chip.protocols import CHIP_AUTHENTICATION, Agreement, oid_bytes, unsigned
from appliance.document.chip.security_infos import SecurityInfos
from appliance.document.chip.sm import Session
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import TlvError, build, only

_VERSION = 1
_CHALLENGE = 8
_NOT_OURS = (Reason.MAC_WRONG, Reason.UNPROTECTED_RESPONSE, Reason.CHIP_MALFORMED)


@dataclass(frozen=True, slots=True)
class Choice:
    """A suite of chip authentication with the static key it is for."""

    oid: str
    suite: Suite
    key: StaticKey
    key_id: int | None


def choose(infos: SecurityInfos) -> Choice | None:
    """The strongest suite DG14 offers with a key for it; None when it offers no chip authentication at all.

    A key without a suite is for 3DES, as older chips mean it. Raises DocumentFault as `parse_static_key` does when
    there are keys and none can be used.
    """
    choices: list[Choice] = []
    fault: DocumentFault | None = None
    for one in infos.chip_keys:
        try:
            key = one.key()
        except DocumentFault as unusable:
            fault = fault or unusable
            continue
        suites = [
            (info.oid, info.protocol.suite)
            for info in infos.chip_authentication
            if info.key_id == one.key_id and info.protocol.agreement is one.agreement and info.version == _VERSION
        ]
        for oid, suite in suites or [_default(one.agreement)]:
            choices.append(Choice(oid, suite, key, one.key_id))
    if not choices and fault:
        raise fault
    return max(choices, key=lambda choice: (choice.suite.strength, choice.key.group.strength), default=None)


def _default(agreement: Agreement) -> tuple[str, Suite]:
    return next(
        (oid, protocol.suite)
        for oid, protocol in CHIP_AUTHENTICATION.items()
        if protocol.agreement is agreement and protocol.suite is Suite.TDES
    )


def authenticate_chip(session: Session, choice: Choice, *, random: Random = token_bytes) -> Exchange[None]:
    """Agree new keys, go on under them, and have one answer to prove that the chip has them too.

    The session continues under the new keys, with EF.DG14 selected. Raises DocumentFault:
    CHIP_AUTHENTICATION_FAILED, and for what went wrong before the new keys what the session raises.
    """
    group = choice.key.group
    static = group.decode(choice.key.encoded)
    private, ours = group.key_pair(random, group.generator)
    if choice.suite is Suite.TDES:
        yield from _set_key(session, choice, group.encode(ours))
    else:
        yield from _set_template(session, choice)
        yield from _agree(session, group.encode(ours))
    session.switch(Keys.derive(choice.suite, group.agree(private, static)))
    try:
        yield from select_file(session, File.DG14.identifier)
    except DocumentFault as fault:
        if fault.reason not in _NOT_OURS:
            raise
        raise DocumentFault(Reason.CHIP_AUTHENTICATION_FAILED, f"under the new keys: {fault.reason}") from fault


def internal_authenticate(session: Session, challenge: bytes) -> Exchange[bytes]:
    """The chip's signature over our eight fresh bytes, unverified. Raises DocumentFault.

    ACTIVE_AUTHENTICATION_FAILED when it signs nothing. RSA keys of 2048 bits answer in extended length only.
    """
    if len(challenge) != _CHALLENGE:
        raise ValueError("a challenge of active authentication has eight bytes")
    command = Command(0x00, 0x88, 0, 0, challenge, max(session.most_data, SHORT))
    response = yield from session.transmit(command)
    if not response.ok or not response.data:
        raise DocumentFault(Reason.ACTIVE_AUTHENTICATION_FAILED, f"INTERNAL AUTHENTICATE: {response.sw:04X}")
    return response.data


def _set_key(session: Session, choice: Choice, ours: bytes) -> Exchange[None]:
    """MSE:Set KAT (9303-11 section 6.2.4.1), for 3DES."""
    data = build(0x91, ours) + _key_reference(choice)
    _accepted((yield from session.transmit(Command(0x00, 0x22, 0x41, 0xA6, data))), "MSE:Set KAT")


def _set_template(session: Session, choice: Choice) -> Exchange[None]:
    """MSE:Set AT (9303-11 section 6.2.4.2)."""
    data = build(0x80, oid_bytes(choice.oid)) + _key_reference(choice)
    _accepted((yield from session.transmit(Command(0x00, 0x22, 0x41, 0xA4, data))), "MSE:Set AT")


def _agree(session: Session, ours: bytes) -> Exchange[None]:
    """GENERAL AUTHENTICATE with our key; the chip answers an empty DO 7C."""
    data = build(0x7C, build(0x80, ours))
    response = yield from session.transmit(Command(0x00, 0x86, 0, 0, data, SHORT))
    _accepted(response, "GENERAL AUTHENTICATE")
    try:
        only(response.data, 0x7C)
    except TlvError as broken:
        raise DocumentFault(Reason.CHIP_MALFORMED, f"GENERAL AUTHENTICATE: {broken}") from broken


def _key_reference(choice: Choice) -> bytes:
    if choice.key_id is None:
        return b""
    return build(0x84, unsigned(choice.key_id))


def _accepted(response: Response, what: str) -> None:
    if not response.ok:
        raise DocumentFault(Reason.CHIP_AUTHENTICATION_FAILED, f"{what}: {response.sw:04X}")

"""PACE (9303-11 section 4.4): generic, integrated and chip authentication mapping over curves and integers.

Not here: which suite to choose and what follows a failure (`access`), whether the static key that a CAM is verified
with is genuine (the signature of EF.CardSecurity).
"""

from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

from appliance.document.chip.apdu import LONGEST, SHORT, Channel, Command, Exchange, denied, refused
from appliance.document.chip.crypto import Keys, decrypt, encrypt_block, equal, mac, unpad
from appliance.document.chip.group import Random, invalid_key
from appliance.document.chip.mapping import generic, integrated, integrated_nonce_bytes
from appliance.document.chip.parameters import AnyGroup, StaticKey
from appliance.document.chip.passwords import Password
from appliance.document.chip.protocols import Agreement, Mapping, oid_bytes, unsigned
from appliance.document.chip.security_infos import PaceInfo
from appliance.document.chip.sm import Session
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import Tlv, TlvError, build, find, only

_CHAINED, _LAST = 0x10, 0x00
_DYNAMIC_DATA, _PUBLIC_KEY = 0x7C, 0x7F49
_NONCE, _CAM = 0x80, 0x8A
_MAPPING, _KEY, _TOKEN = (0x81, 0x82), (0x83, 0x84), (0x85, 0x86)
_NONCE_BYTES = (16, 32)


@dataclass(frozen=True, slots=True)
class PaceSuite:
    """A suite of PACE with its group, and the parameter id it is chosen by (DO 84)."""

    info: PaceInfo
    group: AnyGroup
    parameter_id: int | None

    @property
    def rank(self) -> tuple[int, ...]:
        """The strength of the weaker of cipher and group decides; then a proof of the chip's key on the way."""
        protocol, group = self.info.protocol, self.group.strength
        ties = protocol.mapping is Mapping.GM, protocol.agreement is Agreement.ECDH, self.parameter_id or 0
        cipher = protocol.suite.strength
        return min(cipher, group), protocol.mapping is Mapping.CAM, group, cipher, *ties


@dataclass(frozen=True, slots=True)
class ChipAuthenticationData:
    """What a chip sent to prove its static key in PACE-CAM: still to be verified, with `verify_cam`."""

    group: AnyGroup
    mapping_key: bytes
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pace:
    """A session opened with PACE, and with CAM what is to be verified once EF.CardSecurity is trusted."""

    session: Session
    cam: ChipAuthenticationData | None


def pace(
    channel: Channel,
    suite: PaceSuite,
    password: Password,
    *,
    random: Random = token_bytes,
) -> Exchange[Pace]:
    """Carry out one suite with a chip that was just reset.

    Raises DocumentFault: ACCESS_DENIED (wrong password), CHIP_KEY_INVALID, CHIP_MALFORMED, CHIP_REFUSES, PACE_FAILED
    (the chip does not know the password itself).
    """
    cipher, group = suite.info.protocol.suite, suite.group
    yield from _set_authentication(channel, suite, password)
    sealed = _one(_NONCE, (yield from _authenticate(channel, b"")))
    if len(sealed) not in _NONCE_BYTES:
        raise DocumentFault(Reason.CHIP_MALFORMED, f"a nonce of {len(sealed)} bytes")
    nonce = decrypt(cipher, password.pace_key(cipher), sealed)
    mapping_key = b""
    if suite.info.protocol.mapping is Mapping.IM:
        base = yield from _integrated_mapping(channel, suite, nonce, random)
    else:
        private, ours = group.key_pair(random, group.generator)
        mapping_key = yield from _exchange_keys(channel, _MAPPING, group.encode(ours))
        base = generic(group, nonce, group.multiply(private, group.decode(mapping_key)))
    private, ours = group.key_pair(random, base)
    chip_key = yield from _exchange_keys(channel, _KEY, group.encode(ours))
    keys = Keys.derive(cipher, group.agree(private, group.decode(chip_key)))
    tokens = _tokens(suite, keys, chip_key, group.encode(ours))
    objects = yield from _exchange_tokens(channel, tokens)
    cam = None
    if suite.info.protocol.mapping is Mapping.CAM:
        cam = ChipAuthenticationData(group, mapping_key, _opened(keys, _one(_CAM, objects)))
    return Pace(Session(keys), cam)


def verify_cam(evidence: ChipAuthenticationData, key: StaticKey) -> None:
    """Whether the chip holds the private key of `key`, which must come from a trusted EF.CardSecurity.

    PKmap = CA * PK (9303-11 section 4.4.3.5). Raises DocumentFault (CAM_FAILED).
    """
    group = evidence.group
    if key.group is not group:
        raise DocumentFault(Reason.CAM_FAILED, "the static key is in another group than the mapping")
    try:
        expected = group.multiply(int.from_bytes(evidence.data, "big"), group.decode(key.encoded))
    except DocumentFault as wrong:
        raise DocumentFault(Reason.CAM_FAILED, wrong.detail) from wrong
    if group.encode(expected) != evidence.mapping_key:
        raise DocumentFault(Reason.CAM_FAILED, "the mapping key is not that of the static key")


def _set_authentication(channel: Channel, suite: PaceSuite, password: Password) -> Exchange[None]:
    """MSE:Set AT (9303-11 section 4.4.4.1). DO 84 is always sent: chips with several parameter sets fail without."""
    data = build(0x80, oid_bytes(suite.info.oid)) + build(0x83, bytes((password.kind,)))
    if suite.parameter_id is not None:
        data += build(0x84, unsigned(suite.parameter_id))
    response = yield from channel.transmit(Command(0x00, 0x22, 0xC1, 0xA4, data))
    if not response.ok and not denied(response.sw):  # 63Cx: so many tries are left, and this one may begin
        raise refused(response, "MSE:Set AT")


def _authenticate(channel: Channel, data: bytes, cla: int = _CHAINED) -> Exchange[tuple[Tlv, ...]]:
    """One GENERAL AUTHENTICATE: the objects in the chip's dynamic authentication data."""
    body = build(_DYNAMIC_DATA, data)
    # An answer is as long as what it answers: integers of 2048 bits go in extended length both ways.
    command = Command(cla, 0x86, 0, 0, body, SHORT if len(body) < SHORT else LONGEST)
    response = yield from channel.transmit(command)
    if denied(response.sw):
        raise DocumentFault(Reason.ACCESS_DENIED, f"{response.sw:04X}")
    if not response.ok:
        raise refused(response, "GENERAL AUTHENTICATE")
    try:
        return only(response.data, _DYNAMIC_DATA).children() if response.data else ()
    except TlvError as broken:
        raise DocumentFault(Reason.CHIP_MALFORMED, f"GENERAL AUTHENTICATE: {broken}") from broken


def _one(tag: int, objects: tuple[Tlv, ...]) -> bytes:
    try:
        found = find(objects, tag)
    except TlvError as broken:
        raise DocumentFault(Reason.CHIP_MALFORMED, str(broken)) from broken
    if found is None:
        raise DocumentFault(Reason.CHIP_MALFORMED, f"GENERAL AUTHENTICATE: object {tag:02X} is missing")
    return found.value


def _integrated_mapping(channel: Channel, suite: PaceSuite, nonce: bytes, random: Random) -> Exchange[Any]:
    cipher = suite.info.protocol.suite
    if len(nonce) != integrated_nonce_bytes(cipher):
        raise DocumentFault(Reason.CHIP_MALFORMED, f"a nonce of {len(nonce)} bytes for integrated mapping")
    ours = random(cipher.key_bytes)
    yield from _authenticate(channel, build(_MAPPING[0], ours))
    return integrated(suite.group, cipher, nonce, ours)


def _exchange_keys(channel: Channel, tags: tuple[int, int], ours: bytes) -> Exchange[bytes]:
    """The chip's public key as it wrote it; our own sent back is refused (9303-11 section 4.4.1)."""
    chip_key = _one(tags[1], (yield from _authenticate(channel, build(tags[0], ours))))
    if chip_key.lstrip(b"\0") == ours.lstrip(b"\0"):
        raise invalid_key("the chip sent back our own key")
    return chip_key


def _tokens(suite: PaceSuite, keys: Keys, chip_key: bytes, ours: bytes) -> tuple[bytes, bytes]:
    """T_IFD over the chip's key and T_IC over ours (9303-11 section 4.4.3.4)."""
    head = build(0x06, oid_bytes(suite.info.oid))
    objects = (build(_PUBLIC_KEY, head + build(suite.group.key_tag, key)) for key in (chip_key, ours))
    first, second = (mac(keys.suite, keys.mac, one) for one in objects)
    return first, second


def _exchange_tokens(channel: Channel, tokens: tuple[bytes, bytes]) -> Exchange[tuple[Tlv, ...]]:
    objects = yield from _authenticate(channel, build(_TOKEN[0], tokens[0]), _LAST)
    if not equal(_one(_TOKEN[1], objects), tokens[1]):
        raise DocumentFault(Reason.PACE_FAILED, "the chip's authentication token is wrong")
    return objects


def _opened(keys: Keys, sealed: bytes) -> bytes:
    """Chip authentication data decrypted; the initial vector is the block -1, encrypted (9303-11 section 4.4.3.5)."""
    vector = encrypt_block(keys.suite, keys.enc, b"\xff" * keys.suite.block)
    return unpad(decrypt(keys.suite, keys.enc, sealed, vector))

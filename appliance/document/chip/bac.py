"""Basic access control (9303-11 section 4.3): the older protocol, for chips that offer no PACE."""

from secrets import token_bytes

from appliance.document.chip.apdu import Channel, Command, Exchange, Response, denied, refused
from appliance.document.chip.crypto import Keys, Suite, decrypt, encrypt, equal, mac
from appliance.document.chip.group import Random
from appliance.document.chip.passwords import Password, PasswordKind
from appliance.document.chip.sm import Session
from appliance.document.reasons import DocumentFault, Reason

_NONCE, _KEY = 8, 16
_SEALED = 2 * _NONCE + _KEY
_SECURITY_STATUS = 0x6982
_WRONG_SM_OBJECTS = 0x6988


def basic_access(channel: Channel, password: Password, *, random: Random = token_bytes) -> Exchange[Session]:
    """Open the selected application with the MRZ.

    Raises DocumentFault: NO_COMMON_PROTOCOL (a CAN, or a chip without BAC), ACCESS_DENIED, MAC_WRONG, CHIP_MALFORMED,
    CHIP_REFUSES.
    """
    if password.kind is not PasswordKind.MRZ:
        raise DocumentFault(Reason.NO_COMMON_PROTOCOL, "BAC opens with the MRZ only")
    keys = Keys.derive(Suite.TDES, password.secret[:_KEY])
    challenge = yield from channel.transmit(Command(0x00, 0x84, 0, 0, le=_NONCE))
    if not challenge.ok:
        raise DocumentFault(Reason.NO_COMMON_PROTOCOL, f"the chip gives no challenge: {challenge.sw:04X}")
    if len(challenge.data) != _NONCE:
        raise DocumentFault(Reason.CHIP_MALFORMED, "a challenge is not of eight bytes")
    ours, our_key = random(_NONCE), random(_KEY)
    sealed = encrypt(Suite.TDES, keys.enc, ours + challenge.data + our_key)
    token = sealed + mac(Suite.TDES, keys.mac, sealed)
    answer = yield from channel.transmit(Command(0x00, 0x82, 0, 0, token, _SEALED + 8))
    chip_key = _chip_key(keys, answer, ours, challenge.data)
    seed = bytes(one ^ other for one, other in zip(our_key, chip_key, strict=True))
    counter = int.from_bytes(challenge.data[4:] + ours[4:], "big")
    return Session(Keys.derive(Suite.TDES, seed), counter)


def _chip_key(keys: Keys, answer: Response, ours: bytes, theirs: bytes) -> bytes:
    """The chip's half of the seed from its answer to EXTERNAL AUTHENTICATE, which proves that it knows the MRZ."""
    if denied(answer.sw) or answer.sw in (_SECURITY_STATUS, _WRONG_SM_OBJECTS):
        raise DocumentFault(Reason.ACCESS_DENIED, f"{answer.sw:04X}")
    if not answer.ok:
        raise refused(answer, "EXTERNAL AUTHENTICATE")
    sealed, checksum = answer.data[:_SEALED], answer.data[_SEALED:]
    if not equal(checksum, mac(Suite.TDES, keys.mac, sealed)):
        raise DocumentFault(Reason.MAC_WRONG, "the chip's answer to BAC")
    opened = decrypt(Suite.TDES, keys.enc, sealed)
    if opened[: 2 * _NONCE] != theirs + ours:
        raise DocumentFault(Reason.CHIP_MALFORMED, "the chip answered another challenge")
    return opened[2 * _NONCE :]

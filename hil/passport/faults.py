"""Everything that can be wrong with a virtual passport, by name, and what a reader must make of it.

What is expected is a `Reason` of `appliance.document.reasons`, written down here as a word of its own: the passport
does not know its reader. Carried out by `misbehaviour` (on the air), `tamper` (files) and `personalise` (the rest).
"""

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """Names of the faults."""

    MRZ_CHECK_DIGIT = "mrz-check-digit"
    MRZ_DIFFERS = "mrz-differs"
    EXPIRED = "expired"
    WRONG_MRZ = "wrong-mrz"
    CAN_ONLY = "can-only"
    PACE_ONLY = "pace-only"
    BAC_ONLY = "bac-only"
    SELECT_MF_REFUSED = "select-mf-refused"
    NO_EXPECTED_LENGTH = "no-expected-length"
    NAKED_6700 = "naked-6700"
    MOST_EXPECTED = "most-expected"
    SHORT_READS = "short-reads"
    FLIPPED_MAC = "flipped-mac"
    STATUS_NOT_BOUND = "status-not-bound"
    UNPROTECTED_RESPONSE = "unprotected-response"
    CARD_PULLED = "card-pulled"
    SILENCE = "silence"
    REFLECTED_KEY = "reflected-key"
    POINT_OFF_CURVE = "point-off-curve"
    POINT_AT_INFINITY = "point-at-infinity"
    ENDLESS_FILE = "endless-file"
    TLV_LIES = "tlv-lies"
    GARBAGE_DG2 = "garbage-dg2"
    IMAGE_BOMB = "image-bomb"
    NO_FACE = "no-face"
    TWO_FACES = "two-faces"
    DG1_ALTERED = "dg1-altered"
    DG2_ALTERED = "dg2-altered"
    DG2_NOT_SIGNED = "dg2-not-signed"
    SIGNATURE_ALTERED = "signature-altered"
    ROGUE_CSCA = "rogue-csca"
    UNKNOWN_CSCA = "unknown-csca"
    REVOKED_SIGNER = "revoked-signer"
    EXPIRED_SIGNER = "expired-signer"
    SHA1 = "sha1"
    FORGED_CURVE = "forged-curve"
    COUNTRY_MISMATCH = "country-mismatch"
    HIDDEN_DG14 = "hidden-dg14"
    HIDDEN_DG15 = "hidden-dg15"
    DOWNGRADE = "downgrade"
    NO_CLONE_DETECTION = "no-clone-detection"
    CLONE_ACTIVE = "clone-active"
    REPLAYED_ACTIVE = "replayed-active"
    CLONE_CHIP = "clone-chip"
    CLONE_CAM = "clone-cam"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the fault is, and the reason a reader must find; "" when the passport is good and merely awkward."""

    words: str
    reason: str = ""


FAULTS: dict[Fault, Expected] = {
    Fault.MRZ_CHECK_DIGIT: Expected("a check digit is printed wrong", "mrz_check_digit"),
    Fault.MRZ_DIFFERS: Expected("another name is printed than the chip holds", "mrz_mismatch"),
    Fault.EXPIRED: Expected("it expired in 2019", "expired"),
    Fault.WRONG_MRZ: Expected("another document number is printed than opens the chip", "access_denied"),
    Fault.CAN_ONLY: Expected("only the card access number opens the chip, over PACE", "access_denied"),
    Fault.PACE_ONLY: Expected("no BAC: GET CHALLENGE is refused with 6A88"),
    Fault.BAC_ONLY: Expected("no PACE, as passports before 2014"),
    Fault.SELECT_MF_REFUSED: Expected("SELECT of the master file is refused with 6985"),
    Fault.NO_EXPECTED_LENGTH: Expected("SELECT and MSE with an Le are refused with 6700"),
    Fault.NAKED_6700: Expected("READ BINARY of more than 64 bytes: 6700 without protection", "unprotected_response"),
    Fault.MOST_EXPECTED: Expected("READ BINARY of more than 128 bytes: 6700, protected"),
    Fault.SHORT_READS: Expected("READ BINARY gives 100 bytes at most, with 9000"),
    Fault.FLIPPED_MAC: Expected("a bit of every checksum is flipped on its way", "mac_wrong"),
    Fault.STATUS_NOT_BOUND: Expected("the status word differs from the one under the checksum", "mac_wrong"),
    Fault.UNPROTECTED_RESPONSE: Expected("made-up data without protection, in the session", "unprotected_response"),
    Fault.CARD_PULLED: Expected("the card is taken away at the 15th command, each time", "chip_lost"),
    Fault.SILENCE: Expected("the chip falls silent at the 15th command, each time", "chip_silent"),
    Fault.REFLECTED_KEY: Expected("in PACE the chip sends the reader's own public key", "chip_key_invalid"),
    Fault.POINT_OFF_CURVE: Expected("in PACE the chip sends a point off the curve", "chip_key_invalid"),
    Fault.POINT_AT_INFINITY: Expected("in PACE the chip sends the point at infinity", "chip_key_invalid"),
    Fault.ENDLESS_FILE: Expected("every file of the application claims 16 MB, and delivers", "file_too_large"),
    Fault.TLV_LIES: Expected("lengths inside DG2 lie, and the issuer signed for it", "file_malformed"),
    Fault.GARBAGE_DG2: Expected("DG2 holds noise, and the issuer signed for it", "file_malformed"),
    Fault.IMAGE_BOMB: Expected("a JPEG 2000 portrait of 60,000 x 60,000 pixels, signed for", "portrait_broken"),
    Fault.NO_FACE: Expected("DG2 holds no portrait, and the issuer signed for it", "portrait_missing"),
    Fault.TWO_FACES: Expected("DG2 holds two portraits, and the issuer signed for it", "portrait_ambiguous"),
    Fault.DG1_ALTERED: Expected("the name in DG1, and in print, was changed after signing", "hash_mismatch"),
    Fault.DG2_ALTERED: Expected("a byte of the portrait was changed after signing", "hash_mismatch"),
    Fault.DG2_NOT_SIGNED: Expected("DG2 is not among what the issuer signed", "file_not_signed"),
    Fault.SIGNATURE_ALTERED: Expected("a bit of the signature of EF.SOD is flipped", "signature_wrong"),
    Fault.ROGUE_CSCA: Expected("signed under a forger's CSCA: the real one's name and key identifier", "chain_wrong"),
    Fault.UNKNOWN_CSCA: Expected("signed under a CSCA that no list has", "unknown_csca"),
    Fault.REVOKED_SIGNER: Expected("signed by a document signer that was revoked", "certificate_revoked"),
    Fault.EXPIRED_SIGNER: Expected("signed by a document signer whose time was over in 2022", "certificate_expired"),
    Fault.SHA1: Expected("signed over SHA-1", "algorithm_weak"),
    Fault.FORGED_CURVE: Expected("the signer's curve has a base made to fit (CVE-2020-0601)", "curve_forged"),
    Fault.COUNTRY_MISMATCH: Expected("signed by Ruritania for a citizen of Utopia", "country_mismatch"),
    Fault.HIDDEN_DG14: Expected("DG14 is signed for and not on the chip", "signed_file_unreadable"),
    Fault.HIDDEN_DG15: Expected("DG15 is signed for and not on the chip", "signed_file_unreadable"),
    Fault.DOWNGRADE: Expected("EF.CardAccess offers what the signed DG14 does not know of", "access_downgraded"),
    Fault.NO_CLONE_DETECTION: Expected("no chip authentication, no active authentication", "no_clone_detection"),
    Fault.CLONE_ACTIVE: Expected("a copy: the key of DG15 is not in the chip", "active_authentication_failed"),
    Fault.REPLAYED_ACTIVE: Expected("an answer to another challenge is replayed", "active_authentication_failed"),
    Fault.CLONE_CHIP: Expected("a copy: the key of DG14 is not in the chip", "chip_authentication_failed"),
    Fault.CLONE_CAM: Expected("a copy: the key of EF.CardSecurity is not in the chip", "cam_failed"),
}
"""Every fault, in the order of an inspection."""


class UnknownFault(ValueError):
    """No fault has this name."""


def fault(name: str) -> Fault:
    """By its name. Raises UnknownFault, which names them all."""
    try:
        return Fault(name)
    except ValueError:
        raise UnknownFault(f"no fault is called {name!r}; there are: {', '.join(Fault)}") from None

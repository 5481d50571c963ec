"""Chip authentication over every group and cipher, clones that fail it, and the transcripts of real chips."""

import json
from pathlib import Path

import pytest

from appliance.document.chip.chip_authentication import authenticate_chip, choose, internal_authenticate
from appliance.document.chip.crypto import Keys, Suite
from appliance.document.chip.files import File, read_file
from appliance.document.chip.parameters import STANDARD
from appliance.document.chip.protocols import CHIP_AUTHENTICATION, STANDARDISED_PARAMETERS, Agreement, oid_bytes
from appliance.document.chip.security_infos import SecurityInfos
from appliance.document.chip.sm import Session
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build

_BSI = "0.4.0.127.0.7.2.2"
_COM = bytes.fromhex("60145F0104303130365F36063034303030305C026175")
_STATIC = 0xC0FFEE


def _oid(dotted: str) -> bytes:
    return build(0x06, oid_bytes(dotted))


def _integer(value: int) -> bytes:
    return build(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _key_info(parameter: int, key_id: int | None = None, private: int = _STATIC) -> bytes:
    """A ChipAuthenticationPublicKeyInfo with standardised parameters."""
    group = STANDARD[parameter]
    public = group.encode(group.multiply(private, group.generator))
    dh = parameter <= 2
    key = _integer(int.from_bytes(public, "big")) if dh else public
    algorithm = build(0x30, _oid(STANDARDISED_PARAMETERS) + _integer(parameter))
    spki = build(0x30, algorithm + build(0x03, b"\0" + key))
    end = b"" if key_id is None else _integer(key_id)
    return build(0x30, _oid(f"{_BSI}.1.{1 if dh else 2}") + spki + end)


def _suite_info(oid: str, key_id: int | None = None, version: int = 1) -> bytes:
    return build(0x30, _oid(oid) + _integer(version) + (b"" if key_id is None else _integer(key_id)))


def _infos(*infos: bytes) -> SecurityInfos:
    return SecurityInfos.parse_dg14(build(0x6E, build(0x31, b"".join(infos))))


def _pair(chips, parameter: int, *, static: int = _STATIC, largest: int = 256):
    """A session opened with PACE, and a chip that holds a static key."""
    keys = Keys.derive(Suite.AES_128, b"from PACE")
    chip = chips.SmallChip()
    chip.keys, chip.open, chip.directory = keys, True, "app"
    chip.files["app"] = {0x011E: _COM, 0x010E: b"\x6e\0"}
    chip.static, chip.static_group = static, STANDARD[parameter]
    return Session(keys, largest=largest), chip


def _fault(action) -> Reason:
    with pytest.raises(DocumentFault) as fault:
        action()
    return fault.value.reason


_CASES = [
    (oid, parameter)
    for oid, protocol in CHIP_AUTHENTICATION.items()
    for parameter in STANDARD
    if (parameter <= 2) is (protocol.agreement is Agreement.DH)
    and (protocol.suite is Suite.AES_256 or parameter in (2, 8, 13))
]


@pytest.mark.parametrize(("oid", "parameter"), _CASES)
def test_every_suite_goes_on_under_new_keys(chips, oid: str, parameter: int) -> None:
    session, chip = _pair(chips, parameter)
    choice = choose(_infos(_suite_info(oid), _key_info(parameter)))
    assert choice.oid == oid
    chips.drive(authenticate_chip(session, choice), chip.process)
    assert session.suite is CHIP_AUTHENTICATION[oid].suite
    assert session._keys == chip.keys != Keys.derive(Suite.AES_128, b"from PACE")
    assert chips.drive(read_file(session, File.COM), chip.process) == _COM


@pytest.mark.parametrize("suite", [1, 2])
def test_a_clone_without_the_key_fails(chips, suite: int) -> None:
    session, chip = _pair(chips, 13, static=_STATIC + 1)
    choice = choose(_infos(_suite_info(f"{_BSI}.3.2.{suite}"), _key_info(13)))

    def process(raw: bytes) -> bytes:
        try:
            return chip.process(raw)
        except AssertionError:  # a MAC under keys it does not have
            return b"\x69\x88"

    assert _fault(lambda: chips.drive(authenticate_chip(session, choice), process)) is Reason.CHIP_AUTHENTICATION_FAILED
    assert _fault(lambda: chips.drive(read_file(session, File.COM), chip.process)) is Reason.UNPROTECTED_RESPONSE


@pytest.mark.parametrize(
    "answer", [b"\x90\x00", b"\x69\x88", b"\x99\x02\x90\x00\x8e\x08" + bytes(8) + b"\x90\x00", b"\x7c"]
)
def test_success_counts_only_after_an_answer_under_the_new_keys(chips, answer: bytes) -> None:
    session, chip = _pair(chips, 13)
    chip.alter = lambda raw: answer if chip.commands == 3 else raw
    choice = choose(_infos(_suite_info(f"{_BSI}.3.2.2"), _key_info(13)))
    fault = _fault(lambda: chips.drive(authenticate_chip(session, choice), chip.process))
    assert fault is Reason.CHIP_AUTHENTICATION_FAILED


def test_a_chip_that_stays_under_the_old_keys(chips) -> None:
    session, chip = _pair(chips, 13)
    chip.agree = lambda raw, suite: None
    choice = choose(_infos(_suite_info(f"{_BSI}.3.2.2"), _key_info(13)))
    process = lambda raw: chip.process(raw) if chip.commands < 2 else b"\x69\x88"  # noqa: E731
    assert _fault(lambda: chips.drive(authenticate_chip(session, choice), process)) is Reason.CHIP_AUTHENTICATION_FAILED


@pytest.mark.parametrize("refusing", [0x22, 0x86])
def test_a_chip_that_refuses(chips, refusing: int) -> None:
    session, chip = _pair(chips, 13)
    chip.plain = lambda command: b"\x6a\x80" if command.ins == refusing else None
    choice = choose(_infos(_suite_info(f"{_BSI}.3.2.2"), _key_info(13)))
    fault = _fault(lambda: chips.drive(authenticate_chip(session, choice), chip.process))
    assert fault is Reason.CHIP_AUTHENTICATION_FAILED


def test_before_the_new_keys_a_wrong_mac_is_a_wrong_mac(chips) -> None:
    """It may be a disturbance: only under the new keys does silence speak of a clone."""
    session, chip = _pair(chips, 13)
    chip.alter = lambda raw: raw[:-3] + bytes((raw[-3] ^ 1,)) + raw[-2:]
    choice = choose(_infos(_suite_info(f"{_BSI}.3.2.2"), _key_info(13)))
    assert _fault(lambda: chips.drive(authenticate_chip(session, choice), chip.process)) is Reason.MAC_WRONG


# --- the choice -----------------------------------------------------------------------------------------------------


def test_the_strongest_pair_of_suite_and_key() -> None:
    choice = choose(
        _infos(
            _suite_info(f"{_BSI}.3.2.2", 1),
            _suite_info(f"{_BSI}.3.2.4", 2),
            _suite_info(f"{_BSI}.3.2.1", 2),
            _key_info(13, 1),
            _key_info(12, 2),
        )
    )
    assert (choice.suite, choice.key.group.name, choice.key_id) == (Suite.AES_256, "secp256r1", 2)


def test_a_key_without_a_suite_is_for_3des() -> None:
    for parameter, oid in ((13, f"{_BSI}.3.2.1"), (2, f"{_BSI}.3.1.1")):
        choice = choose(_infos(_key_info(parameter)))
        assert (choice.oid, choice.suite) == (oid, Suite.TDES)


def test_a_suite_for_another_key_is_not_taken() -> None:
    assert choose(_infos(_suite_info(f"{_BSI}.3.2.4", 9), _key_info(13, 1))).suite is Suite.TDES
    assert choose(_infos(_suite_info(f"{_BSI}.3.1.4", 1), _key_info(13, 1))).suite is Suite.TDES
    assert choose(_infos(_suite_info(f"{_BSI}.3.2.4", 1, version=9), _key_info(13, 1))).suite is Suite.TDES


def test_nothing_offered_is_none() -> None:
    assert choose(_infos()) is None
    assert choose(_infos(_suite_info(f"{_BSI}.3.2.2"))) is None


def test_one_unusable_key_does_not_hide_another() -> None:
    broken = _key_info(13)[:-1] + bytes((_key_info(13)[-1] ^ 1,))
    assert choose(_infos(broken, _key_info(12))).key.group.name == "secp256r1"
    assert _fault(lambda: choose(_infos(broken))) is Reason.CHIP_KEY_INVALID


# --- active authentication ------------------------------------------------------------------------------------------


def test_the_chip_signs_our_challenge(chips) -> None:
    session, chip = _pair(chips, 13)
    assert chips.drive(internal_authenticate(session, b"12345678"), chip.process) == b"signed12345678"


def test_a_long_signature_in_extended_length(chips) -> None:
    session, chip = _pair(chips, 13, largest=1000)
    chip.plain = lambda command: bytes(range(256)) + b"\x90\x00" if command.ins == 0x88 else None
    assert chips.drive(internal_authenticate(session, bytes(8)), chip.process) == bytes(range(256))


@pytest.mark.parametrize("answer", [b"\x6d\x00", b"\x90\x00", b"\x69\x82"])
def test_a_chip_that_does_not_sign(chips, answer: bytes) -> None:
    session, chip = _pair(chips, 13)
    chip.plain = lambda command: answer
    fault = _fault(lambda: chips.drive(internal_authenticate(session, bytes(8)), chip.process))
    assert fault is Reason.ACTIVE_AUTHENTICATION_FAILED


def test_a_challenge_of_ours_has_eight_bytes(chips) -> None:
    session, _ = _pair(chips, 13)
    with pytest.raises(ValueError, match="eight"):
        next(internal_authenticate(session, bytes(7)))


# --- real chips -----------------------------------------------------------------------------------------------------


@pytest.fixture
def transcripts(shared: Path) -> dict:
    return json.loads((shared / "data/emrtd/vectors/emrtd_vectors.json").read_text())


_SUITES = {"AES": Suite.AES_128, "TDES": Suite.TDES}


def _session(entry: dict) -> Session:
    cipher, enc, mac = entry["sm_pre"]
    return Session(Keys(_SUITES[cipher], bytes.fromhex(enc), bytes.fromhex(mac)), int(entry["ssc_pre"], 16))


def _pairs(entry: dict) -> list[tuple[str, str]]:
    return [(one["c"], one["r"]) for one in entry["apdus"]]


@pytest.mark.measured
@pytest.mark.parametrize(("name", "key_id"), [("ca_AT", None), ("ca_DE", 0xC3)])
def test_the_transcript_of_a_real_chip(chips, transcripts: dict, name: str, key_id: int | None) -> None:
    entry = transcripts[name]
    choice = choose(SecurityInfos.parse_dg14(bytes.fromhex(entry["dg14"])))
    assert (choice.suite, choice.key.group.name, choice.key_id) == (Suite.AES_128, "brainpoolP256r1", key_id)
    session = _session(entry)
    chips.replay(authenticate_chip(session, choice, random=chips.scripted(entry["term_priv"])), *_pairs(entry))
    assert [session._keys.enc.hex().upper(), session._keys.mac.hex().upper()] == entry["sm_post"][1:]
    assert session._ssc == int(entry["ssc_post"], 16)


@pytest.mark.measured
def test_the_transcript_of_a_real_active_authentication(chips, transcripts: dict) -> None:
    entry = transcripts["aa_rsa_1792"]
    challenge = bytes.fromhex(entry["rnd_ifd"])
    signature = chips.replay(internal_authenticate(_session(entry), challenge), *_pairs(entry))
    assert signature.hex().upper() == entry["signature"].upper()


@pytest.mark.measured
def test_the_transcript_of_reading_under_aes_256(chips, transcripts: dict) -> None:
    entry = transcripts["sm_aes256"]
    keys = Keys(Suite.AES_256, bytes.fromhex(entry["ks_enc"]), bytes.fromhex(entry["ks_mac"]))
    session = Session(keys, int(entry["ssc"], 16))
    assert chips.replay(read_file(session, File.COM), *_pairs(entry)).hex().upper() == entry["ef_com"]

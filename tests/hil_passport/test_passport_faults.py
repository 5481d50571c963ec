"""Each fault does what its sentence says, seen from outside: at the wire, in the files, under the signatures."""

import hashlib
import io
from datetime import UTC, datetime

import pytest
from asn1crypto import cms, crl, x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from PIL import Image

from appliance.document.reasons import Reason
from hil.passport.card import CARD_ACCESS, CARD_SECURITY, COM, DG1, DG2, DG14, DG15, SOD
from hil.passport.connection import FakeConnection
from hil.passport.faults import FAULTS, Fault, UnknownFault, fault
from hil.passport.holder import access_key
from hil.passport.misbehaviour import CardRemoved, CardSilent
from hil.passport.passport import load, misbehaviour
from hil.passport.personalise import GM, Options, OptionsError, make_passport
from hil.passport.pki import csca
from hil.passport.suites import AUTHENTICATIONS, SUITES
from hil.passport.tamper import image_bomb
from hil.passport.tlv import TlvError, objects, span, walk
from hil.passport.trust import revocation_lists
from hil.scene.document import check_digit
from tests.hil_passport.checks import check_certificate, hashes_of, opened, verify
from tests.hil_passport.conftest import HOLDER
from tests.hil_passport.terminal import Failed, Terminal, hashed

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_every_fault_is_in_the_table_and_its_reason_is_one_of_the_readers():
    assert set(FAULTS) == set(Fault)
    assert {one.reason for one in FAULTS.values()} - {""} <= {str(reason) for reason in Reason}
    assert all(one.words for one in FAULTS.values())
    with pytest.raises(UnknownFault, match="there are: mrz-check-digit"):
        fault("nonsense")
    with pytest.raises(KeyError):
        misbehaviour(Fault.DG1_ALTERED)


@pytest.fixture
def opening(make, draw):
    """A terminal in a session with a passport that has these faults, and the passport."""

    def opened_with(*faults, options=Options()):
        passport = make(*faults, options=options)
        terminal = Terminal(passport.chip(draw), draw)
        if passport.card.bac:
            terminal.bac(passport.card.mrz_key)
        else:
            terminal.pace(passport.card.suites[0], hashed(passport.card.mrz_key))
            terminal.select_application()
        return terminal, passport

    return opened_with


def certificate_of(passport):
    return cms.ContentInfo.load(objects(passport.card.application[SOD])[0x77])["content"]["certificates"][0].chosen


def signed_hashes(passport):
    return hashes_of(opened(objects(passport.card.application[SOD])[0x77])[0])[1]


# What is printed


def test_a_good_passport_prints_what_its_chip_holds(make):
    passport = make()
    assert passport.card.application[DG1].endswith("".join(passport.printed).encode())
    assert access_key(passport.printed) == passport.card.mrz_key
    assert passport.faults == frozenset()


def test_mrz_check_digit(make):
    line = make(Fault.MRZ_CHECK_DIGIT).printed[1]
    assert line[9] != check_digit(line[:9])
    assert line[19] == check_digit(line[13:19])
    first = make(Fault.MRZ_CHECK_DIGIT, options=Options(td1=True)).printed[0]
    assert first[14] != check_digit(first[5:14])


def test_mrz_differs_in_the_name_alone(make):
    passport = make(Fault.MRZ_DIFFERS)
    assert passport.printed[0].startswith("P<UTOIMPOSTOR<<")
    assert access_key(passport.printed) == passport.card.mrz_key
    assert b"IMPOSTOR" not in passport.card.application[DG1]


def test_wrong_mrz_is_valid_and_does_not_open(make, draw):
    passport = make(Fault.WRONG_MRZ)
    key = access_key(passport.printed)
    assert key[9] == check_digit(key[:9])
    with pytest.raises(Failed, match="6300"):
        Terminal(passport.chip(draw), draw).bac(key)
    with pytest.raises(Failed, match="6300"):
        Terminal(passport.chip(draw), draw).pace(SUITES[GM], hashed(key))
    Terminal(passport.chip(draw), draw).bac(passport.card.mrz_key)


def test_expired(make):
    assert make(Fault.EXPIRED).printed[1][21:27] == "190630"


# How it opens


def test_can_only(make, draw):
    passport = make(Fault.CAN_ONLY)
    key = access_key(passport.printed)
    with pytest.raises(Failed, match="6A88"):
        Terminal(passport.chip(draw), draw).bac(key)
    with pytest.raises(Failed, match="6300"):
        Terminal(passport.chip(draw), draw).pace(SUITES[GM], hashed(key))
    Terminal(passport.chip(draw), draw).pace(SUITES[GM], passport.card.can.encode(), 2)


def test_pace_only_and_bac_only(make, draw):
    with pytest.raises(Failed, match="6A88"):
        Terminal(make(Fault.PACE_ONLY).chip(draw), draw).bac("L898902C<369080619406236")
    passport = make(Fault.BAC_ONLY)
    terminal = Terminal(passport.chip(draw), draw)
    assert terminal.send("00A4020C", CARD_ACCESS.to_bytes(2, "big"))[1] == 0x6A82
    terminal.bac(passport.card.mrz_key)
    assert terminal.read(COM) == passport.card.application[COM]
    with pytest.raises(OptionsError, match="nothing would open"):
        make(Fault.PACE_ONLY, Fault.BAC_ONLY)


# What happens on the air


def test_select_of_the_master_file_refused(make, draw):
    terminal = Terminal(make(Fault.SELECT_MF_REFUSED).chip(draw), draw)
    assert terminal.send("00A4000C")[1] == terminal.send("00A4000C", b"\x3f\x00")[1] == 0x6985
    assert terminal.read(CARD_ACCESS)
    assert Terminal(make().chip(draw), draw).send("00A4000C", b"\x3f\x00")[1] == 0x9000


def test_no_expected_length(make, draw):
    terminal = Terminal(make(Fault.NO_EXPECTED_LENGTH).chip(draw), draw)
    assert terminal.send("00A4020C", b"\x01\x1c", 256)[1] == 0x6700
    assert terminal.send("00A4020C", b"\x01\x1c")[1] == 0x9000


def test_naked_6700_ends_the_session(opening):
    terminal, _ = opening(Fault.NAKED_6700)
    assert len(terminal.read(COM, 64)) == 24
    assert terminal.send("00B08200", expected=65) == (b"", 0x6700)
    assert terminal.channel is None
    assert terminal.send("00B08200", expected=10)[1] == 0x6982


def test_most_expected_keeps_the_session(opening):
    terminal, passport = opening(Fault.MOST_EXPECTED)
    assert terminal.send("00B08200", expected=129) == (b"", 0x6700)
    assert terminal.read(DG1, 128) == passport.card.application[DG1]


def test_short_reads(opening):
    terminal, passport = opening(Fault.SHORT_READS)
    assert terminal.send("00B08200", expected=200) == (passport.card.application[DG2][:100], 0x9000)
    assert terminal.read(DG2, 200) == passport.card.application[DG2]


def third_response(make, *faults):
    """The third protected response on the air, of a chip and a terminal that draw the same every time."""
    passport = make(*faults)
    terminal = Terminal(passport.chip(lambda size: b"\x17" * size), lambda size: bytes(size))
    terminal.bac(passport.card.mrz_key)
    for _ in range(2):
        assert terminal.ask("00B08100", expected=4) == passport.card.application[DG1][:4]
    response = terminal.process(terminal.channel.wrap(bytes.fromhex("00B08100"), b"", 4, long=False))
    return response, terminal.channel


def test_altered_on_the_way(make):
    good, channel = third_response(make)
    assert channel.unwrap(good) == (b"\x61\x5b\x5f\x1f", 0x9000)
    altered = {}
    for one in (Fault.FLIPPED_MAC, Fault.STATUS_NOT_BOUND, Fault.UNPROTECTED_RESPONSE):
        altered[one], channel = third_response(make, one)
        with pytest.raises(Failed, match="not protected by its checksum"):
            channel.unwrap(altered[one])
    mac, status = altered[Fault.FLIPPED_MAC], altered[Fault.STATUS_NOT_BOUND]
    assert [at for at in range(len(good)) if good[at] != mac[at]] == [len(good) - 3]
    assert (status[:-2], status[-2:], good[-2:]) == (good[:-2], b"\x62\x82", b"\x90\x00")
    assert altered[Fault.UNPROTECTED_RESPONSE] == b"\x00\x00\x00\x00\x90\x00"


@pytest.mark.parametrize(("one", "error"), [(Fault.CARD_PULLED, CardRemoved), (Fault.SILENCE, CardSilent)])
def test_the_card_leaves(make, one, error):
    connection = FakeConnection(make(one).chip())
    for _ in range(14):
        assert connection.transmit([0, 0x84, 0, 0, 8]) == ([], 0x69, 0x85)
    for _ in range(2):
        with pytest.raises(error):
            connection.transmit([0, 0x84, 0, 0, 8])


def test_a_card_that_left_can_be_laid_down_again(make):
    chip = make(Fault.CARD_PULLED).chip()
    for _ in range(2):
        connection = FakeConnection(chip)
        assert bytes(connection.getATR()) == chip.reset()
        for _ in range(14):
            connection.transmit([0, 0x84, 0, 0, 8])
        with pytest.raises(CardRemoved):
            connection.transmit([0, 0x84, 0, 0, 8])


def pace_keys(passport, draw):
    """The last public keys of both sides, as they were sent."""
    terminal = Terminal(passport.chip(draw), draw)
    general, sent = terminal.general, {}

    def listen(asked, **kind):
        answer = general(asked, **kind)
        if 0x83 in asked:
            sent.update(terminal=asked[0x83], chip=answer[0x84])
        return answer

    terminal.general = listen
    try:
        terminal.pace(SUITES[GM], hashed(passport.card.mrz_key))
    except ValueError as error:
        sent["refused"] = str(error)
    except Failed:
        sent["refused"] = "token"
    return sent


def test_bad_keys_in_pace(make, draw):
    good = pace_keys(make(), draw)
    assert good["terminal"] != good["chip"]
    assert "refused" not in good
    reflected = pace_keys(make(Fault.REFLECTED_KEY), draw)
    assert reflected["terminal"] == reflected["chip"]
    beside = pace_keys(make(Fault.POINT_OFF_CURVE), draw)
    assert (len(beside["chip"]), beside["refused"]) == (65, "not on the curve")
    nowhere = pace_keys(make(Fault.POINT_AT_INFINITY), draw)
    assert (nowhere["chip"], nowhere["refused"]) == (b"\x00", "not an uncompressed point of this curve")


def test_endless_file(opening):
    terminal, passport = opening(Fault.ENDLESS_FILE)
    terminal.ask("00A4020C", DG2.to_bytes(2, "big"))
    assert terminal.ask("00B00000", expected=4) == b"\x75\x83\xff\xff"
    assert terminal.ask("00B00003", expected=4) == b"\xff\xff\x00\x00"
    assert terminal.ask("00B07FFF", expected=200) == bytes(200)
    assert len(passport.card.application[DG2]) < 0x7FFF + 200


# Files


def test_lying_lengths_and_garbage(make):
    lies = make(Fault.TLV_LIES)
    inner = objects(lies.card.application[DG2])[0x75]
    assert span(inner)[2] == len(inner) + 500
    garbage = make(Fault.GARBAGE_DG2)
    with pytest.raises(TlvError):
        list(walk(objects(garbage.card.application[DG2])[0x75]))
    for passport in (lies, garbage):
        assert_signed(passport)


def assert_signed(passport):
    assert signed_hashes(passport)[2] == hashlib.sha256(passport.card.application[DG2]).digest()


def test_a_bomb_no_face_two_faces(make, portrait):
    bomb = image_bomb()
    assert len(bomb) < 1000
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(bomb))
    assert bomb in make(Fault.IMAGE_BOMB).card.application[DG2]
    for faults, count in (((), 1), ((Fault.NO_FACE,), 0), ((Fault.TWO_FACES,), 2)):
        for face in ("19794-5", "39794-5"):
            passport = make(*faults, options=Options(face=face))
            group = next(walk(objects(passport.card.application[DG2])[0x75]))[1]
            assert group[:3] == bytes((2, 1, count))
            assert [tag for tag, _ in walk(group)] == [2] + [0x7F60] * count
            assert group.count(portrait) == count
            assert_signed(passport)


def test_altered_after_signing(make):
    good, name, image = make(), make(Fault.DG1_ALTERED), make(Fault.DG2_ALTERED)
    for number, passport in ((1, name), (2, image)):
        signed = signed_hashes(passport)
        for other in (1, 2, 14, 15):
            same = signed[other] == hashlib.sha256(passport.card.application[0x0100 + other]).digest()
            assert same is (other != number)
    assert b"IMPOSTOR" in name.card.application[DG1]
    assert name.card.application[DG1].endswith("".join(name.printed).encode())
    pairs = zip(good.card.application[DG2], image.card.application[DG2], strict=True)
    assert sum(a != b for a, b in pairs) == 1
    assert 2 not in signed_hashes(make(Fault.DG2_NOT_SIGNED))


def test_hidden_files_are_signed_for(make, opening):
    for one, number in ((Fault.HIDDEN_DG14, 14), (Fault.HIDDEN_DG15, 15)):
        terminal, passport = opening(one)
        assert number in signed_hashes(passport)
        assert terminal.send("00A4020C", (0x0100 + number).to_bytes(2, "big"))[1] == 0x6A82
        assert (0x6E if number == 14 else 0x6F) in objects(passport.card.application[COM])[0x60]


def test_downgrade(make):
    info = SUITES[GM].info
    assert info in make().card.application[DG14]
    passport = make(Fault.DOWNGRADE)
    assert info in passport.card.master[CARD_ACCESS]
    assert info not in passport.card.application[DG14]


def test_no_clone_detection(opening):
    terminal, passport = opening(Fault.NO_CLONE_DETECTION)
    assert set(signed_hashes(passport)) == {1, 2, 14}
    assert objects(objects(passport.card.application[DG14])[0x6E])[0x31] == SUITES[GM].info
    assert terminal.send("00880000", bytes(8), 256)[1] == 0x6D00
    assert CARD_SECURITY not in passport.card.master


# Issuers


def test_signature_altered(make):
    with pytest.raises(InvalidSignature):
        opened(objects(make(Fault.SIGNATURE_ALTERED).card.application[SOD])[0x77])


def test_rogue_and_unknown_issuers(make):
    for one in (Fault.ROGUE_CSCA, Fault.UNKNOWN_CSCA):
        passport = make(one)
        opened(objects(passport.card.application[SOD])[0x77])
        certificate = certificate_of(passport)
        genuine = csca().certificate
        named = certificate.issuer == genuine.subject
        assert named is (one is Fault.ROGUE_CSCA)
        assert (certificate.authority_key_identifier == genuine.key_identifier) is named
        with pytest.raises(InvalidSignature):
            verify(
                genuine.public_key,
                certificate["signature_algorithm"],
                certificate["signature_value"].native,
                certificate["tbs_certificate"].dump(),
            )


def test_revoked_expired_and_foreign_signers(make):
    revoked = crl.CertificateList.load(revocation_lists(NOW)["UT-ecdsa-1"])["tbs_cert_list"]["revoked_certificates"]
    serials = [one["user_certificate"].native for one in revoked]
    assert certificate_of(make(Fault.REVOKED_SIGNER)).serial_number in serials
    assert certificate_of(make()).serial_number not in serials
    for one in (Fault.REVOKED_SIGNER, Fault.EXPIRED_SIGNER):
        check_certificate(certificate_of(make(one)), csca().certificate)
    assert certificate_of(make(Fault.EXPIRED_SIGNER)).not_valid_after < NOW < certificate_of(make()).not_valid_after
    foreign = make(Fault.COUNTRY_MISMATCH)
    assert certificate_of(foreign).subject.native["country_name"] == "QR"
    assert foreign.printed[0].startswith("P<UTO")


def test_sha1_is_signed_over(make):
    passport = make(Fault.SHA1)
    signer = cms.ContentInfo.load(objects(passport.card.application[SOD])[0x77])["content"]["signer_infos"][0]
    assert signer["signature_algorithm"]["algorithm"].native == "sha1_ecdsa"
    assert len(signed_hashes(passport)[1]) == 20


def test_forged_curve(make):
    passport = make(Fault.FORGED_CURVE)
    certificate = certificate_of(passport)
    check_certificate(certificate, csca().certificate)
    parameters = certificate.public_key["algorithm"]["parameters"].chosen
    genuine = certificate_of(make()).public_key
    assert certificate.public_key["public_key"].native == genuine["public_key"].native
    assert parameters["base"].native != genuine["algorithm"]["parameters"].chosen["base"].native
    for same in ("field_id", "curve", "order", "cofactor"):
        assert parameters[same].dump() == genuine["algorithm"]["parameters"].chosen[same].dump()


# Copies


def point_of(data):
    """The last uncompressed point of brainpoolP256r1 in a file."""
    at = data.rindex(b"\x03\x42\x00\x04") + 3
    return data[at : at + 65]


def test_a_copy_without_the_key_of_chip_authentication(opening):
    for faults, works in (((), True), ((Fault.CLONE_CHIP,), False)):
        terminal, passport = opening(*faults, options=Options(active_authentication=""))
        terminal.chip_authentication(AUTHENTICATIONS["aes128-bp256"], point_of(passport.card.application[DG14]))
        answer, status = terminal.send("00B08100", expected=4)
        assert (status == 0x9000 and answer[0] == 0x61) is works
        assert status in (0x9000, 0x6988)


def test_a_copy_without_the_key_of_cam(make, draw):
    group = SUITES[GM].group
    for faults, works in (((Fault.CLONE_CAM,), False), ((), True)):
        passport = make(*faults, options=Options(pace=("cam-aes128-bp256",)))
        terminal = Terminal(passport.chip(draw), draw)
        mapping, data = terminal.pace(passport.card.suites[0], hashed(passport.card.mrz_key))
        content = opened(terminal.read(CARD_SECURITY))[0]
        proven = group.encode(group.power(group.decode(point_of(content)), int.from_bytes(data, "big")))
        assert (proven == mapping) is works


def signs(passport, signature, challenge):
    key = x509.PublicKeyInfo.load(objects(passport.card.application[DG15])[0x6F])
    numbers = [int.from_bytes(signature[at : at + 32], "big") for at in (0, 32)]
    algorithm = x509.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"})
    try:
        verify(key, algorithm, encode_dss_signature(*numbers), challenge)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(
    ("faults", "fresh", "old"),
    [((), True, False), ((Fault.CLONE_ACTIVE,), False, False), ((Fault.REPLAYED_ACTIVE,), False, True)],
)
def test_copies_without_the_key_of_active_authentication(opening, faults, fresh, old):
    terminal, passport = opening(*faults)
    signature = terminal.ask("00880000", b"12345678", 256)
    assert signs(passport, signature, b"12345678") is fresh
    assert signs(passport, signature, bytes(8)) is old


# Everything together


@pytest.mark.parametrize("one", Fault)
def test_every_fault_survives_its_folder(make, tmp_path, one):
    passport = make(one)
    passport.save(tmp_path)
    assert load(tmp_path) == passport
    assert load(tmp_path).faults == {one}


def test_a_portrait_that_is_no_picture():
    for bad in (b"", b"\xff\xd8\xff", b"GIF89a"):
        with pytest.raises(OptionsError, match="neither a JPEG"):
            make_passport(HOLDER, bad)

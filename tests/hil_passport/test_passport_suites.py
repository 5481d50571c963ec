"""Every group, cipher and mapping, end to end: access, secure messaging, files, proofs of the chip.

The terminal's ciphers are another library's (see terminal.py); its groups are the chip's, which the comparison with
`cryptography` below and the worked examples of ICAO (test_passport_vectors.py) hold to the standard.
"""

import hashlib
import operator

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.passport.card import ATR_INFO, CARD_ACCESS, CARD_SECURITY, COM, DG1, DG2, DG14, DG15, SOD, Card
from hil.passport.chip import Chip
from hil.passport.groups import CURVES, GROUPS, MODULAR, GroupError
from hil.passport.misbehaviour import AlterProtected, EndlessFile, OtherKey, flip_mac, reflect
from hil.passport.personalise import CAM, GM, Options
from hil.passport.suites import AUTHENTICATIONS, SUITES, Mapping
from hil.passport.symmetric import Cipher
from hil.passport.tlv import tlv
from tests.hil_passport.terminal import Channel, Failed, Terminal, hashed

# Each group with one cipher, each cipher on one group, in every mapping that has them.
CHOSEN = [
    suite
    for suite in SUITES.values()
    if suite.group.name in ("bp256", "dh1024-160") or suite.cipher is list(Cipher)[1 + suite.group.number % 3]
]
VARIANTS = [one for one in AUTHENTICATIONS.values() if one.group.name in ("bp256", "p521", "dh1024-160", "dh2048-256")]
KNOWN = {
    "p224": ec.SECP224R1(),
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
    "p521": ec.SECP521R1(),
    "bp256": ec.BrainpoolP256R1(),
    "bp384": ec.BrainpoolP384R1(),
    "bp512": ec.BrainpoolP512R1(),
}


def test_what_there_is():
    assert len(SUITES) == 14 * 4 + 13 * 4 + 11 * 3
    assert {suite.group.name for suite in CHOSEN} == set(GROUPS)
    assert {(suite.mapping, suite.cipher) for suite in CHOSEN} >= {
        (Mapping.IM, Cipher.TDES),
        (Mapping.CAM, Cipher.AES256),
    }
    assert [group.number for group in GROUPS.values()] == [0, 1, 2, *range(8, 19)]


@pytest.mark.parametrize("name", KNOWN)
def test_curves_agree_with_another_library(name, draw):
    group, theirs = CURVES[name], ec.generate_private_key(KNOWN[name])
    ours = group.private(draw)
    point = theirs.public_key().public_numbers()
    public = b"\x04" + point.x.to_bytes(group.size, "big") + point.y.to_bytes(group.size, "big")
    numbers = ec.derive_private_key(ours, KNOWN[name]).public_key()
    assert group.secret(group.agree(ours, public)) == theirs.exchange(ec.ECDH(), numbers)


@pytest.mark.parametrize("group", MODULAR.values(), ids=MODULAR)
def test_the_groups_of_rfc_5114_are_subgroups_of_their_order(group):
    assert (group.prime - 1) % group.order == 0
    assert pow(group.base, group.order, group.prime) == 1
    assert group.base != 1
    for bad in (0, 1, group.prime - 1, group.prime, 2):
        with pytest.raises(GroupError):
            group.decode(bad.to_bytes(group.size, "big"))


@pytest.mark.parametrize("group", CURVES.values(), ids=CURVES)
def test_keys_off_the_curve_are_refused(group, draw):
    good = group.public(group.private(draw))
    assert group.encode(group.decode(good)) == good
    too_large = b"\x04" + group.prime.to_bytes(group.size, "big") + good[1 + group.size :]
    for bad in (
        good[:-1] + bytes((good[-1] ^ 1,)),
        b"\x00",
        b"",
        good[:-1],
        good + b"\x00",
        b"\x02" + good[1:],
        too_large,
    ):
        with pytest.raises(GroupError):
            group.decode(bad)


def test_no_integrated_mapping_where_the_prime_does_not_allow_it():
    with pytest.raises(GroupError):
        CURVES["p224"].map_number(5)
    for name in set(CURVES) - {"p224"}:
        group = CURVES[name]
        for number in (3, 4, 5, 6):
            group.decode(group.encode(group.map_number(number)))


@pytest.mark.parametrize("suite", CHOSEN, ids=lambda suite: suite.name)
def test_pace(make, draw, suite):
    passport = make(options=Options(pace=(suite.name,), chip_authentication=()))
    terminal = Terminal(passport.chip(draw), draw, long=suite.group.bits > 1024)
    mapping, data = terminal.pace(suite, hashed(passport.card.mrz_key))
    terminal.select_application()
    assert terminal.read(COM) == passport.card.application[COM]
    if suite.mapping is Mapping.CAM:
        group = suite.group
        static = group.power(group.base, passport.card.cam_key)
        assert group.encode(group.power(static, int.from_bytes(data, "big"))) == mapping
    else:
        assert data == b""


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)
def test_chip_authentication(make, draw, variant):
    passport = make(options=Options(chip_authentication=(variant.name,)))
    terminal = Terminal(passport.chip(draw), draw, long=passport.card.extended)
    terminal.bac(passport.card.mrz_key)
    public = variant.group.public(passport.card.chip_keys[0].private)
    assert public in passport.card.application[DG14]
    terminal.chip_authentication(variant, public)
    assert terminal.read(DG1) == passport.card.application[DG1]


def test_chip_authentication_with_one_of_several_keys(make, draw):
    names = ("3des-p256", "aes256-bp384")
    passport = make(options=Options(chip_authentication=names))
    terminal = Terminal(passport.chip(draw), draw)
    terminal.pace(SUITES[GM], hashed(passport.card.mrz_key))
    terminal.select_application()
    for number, name in ((2, names[1]), (1, names[0])):
        variant = AUTHENTICATIONS[name]
        key = passport.card.chip_keys[number - 1]
        assert key.number == number
        terminal.chip_authentication(variant, variant.group.public(key.private), number=number)
        assert terminal.read(COM) == passport.card.application[COM]


@pytest.mark.parametrize("form", ["", "-der"])
def test_active_authentication_on_a_curve(make, draw, form):
    passport = make(options=Options(active_authentication=f"ecdsa-p256-sha256{form}"))
    terminal = Terminal(passport.chip(draw), draw)
    terminal.bac(passport.card.mrz_key)
    signature = terminal.ask("00880000", b"12345678", 256)
    if not form:
        assert len(signature) == 64
        signature = utils.encode_dss_signature(*(int.from_bytes(signature[at : at + 32], "big") for at in (0, 32)))
    key = ec.derive_private_key(passport.card.active.private, ec.SECP256R1()).public_key()
    key.verify(signature, b"12345678", ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(signature, b"12345679", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(("digest", "trailer"), [("sha1", b"\xbc"), ("sha256", b"\x34\xcc")])
@pytest.mark.parametrize("long", [True, False])
def test_active_authentication_with_rsa(make, draw, digest, trailer, long):
    passport = make(options=Options(active_authentication=f"rsa-2048-{digest}"))
    assert passport.card.extended
    terminal = Terminal(passport.chip(draw), draw, long=long)
    terminal.bac(passport.card.mrz_key)
    signature = terminal.ask("00880000", b"12345678", 65536 if long else 256)
    key = rsa.RSAPublicNumbers(65537, passport.card.active.modulus).public_key()
    assert key.public_numbers().n.to_bytes(256, "big") in passport.card.application[DG15]
    block = pow(int.from_bytes(signature, "big"), 65537, passport.card.active.modulus).to_bytes(256, "big")
    size = hashlib.new(digest).digest_size
    known, found = block[1 : -size - len(trailer)], block[-size - len(trailer) : -len(trailer)]
    assert (block[:1], block[-len(trailer) :]) == (b"\x6a", trailer)
    assert found == hashlib.new(digest, known + b"12345678").digest()
    assert terminal.send("00880000", b"1234567", 256)[1] == 0x6A80


def test_every_file_by_bac_and_by_pace(make, draw):
    passport = make(options=Options(date_of_issue="2024-07-01", extended_length=True, pace=(GM, CAM)))
    card = passport.card
    for way in ("bac", "pace"):
        terminal = Terminal(passport.chip(draw), draw, long=way == "pace")
        assert terminal.read(CARD_ACCESS) == card.master[CARD_ACCESS]
        terminal.ask("00A4020C", ATR_INFO.to_bytes(2, "big"))
        assert terminal.ask("00B00000", expected=len(card.master[ATR_INFO])) == card.master[ATR_INFO]
        if way == "pace":
            terminal.pace(SUITES[GM], hashed(card.mrz_key))
            assert terminal.read(CARD_SECURITY) == card.master[CARD_SECURITY]
            terminal.select_application()
        else:
            terminal.bac(card.mrz_key)
        for identifier, data in card.application.items():
            assert terminal.read(identifier, 8000 if way == "pace" else 223) == data
        if way == "pace":
            assert terminal.count < 60
        assert set(card.application) == {COM, SOD, DG1, DG2, 0x010C, DG14, DG15}


def test_the_other_ways_to_read(make, draw):
    passport = make()
    terminal = Terminal(passport.chip(draw), draw)
    terminal.bac(passport.card.mrz_key)
    image = passport.card.application[DG2]
    assert terminal.ask("00B08205", expected=10) == image[5:15]
    # Offsets beyond 15 bits, and a file by its identifier, need the odd instruction with its data object.
    assert terminal.ask("00B10102", b"\x54\x02\x13\x88", 104) == b"\x53\x64" + image[5000:5100]
    assert terminal.ask("00B10000", b"\x54\x01\x00", 14) == b"\x53\x0a" + image[:10]
    assert terminal.send("00B07000", expected=10)[1] == 0x6B00
    left = len(image) - 5
    answer, status = terminal.send(f"00B0{left:04X}", expected=20)
    assert (answer, status) == (image[-5:], 0x6282)
    assert terminal.send("00B00000", expected=256)[1] == 0x6700
    assert len(terminal.ask("00B00000", expected=231)) == 231
    assert terminal.send("00A4020C", b"\x01\x03")[1] == 0x6A82


def test_what_is_closed_before_access(make, draw):
    passport = make(options=Options(pace=(CAM,)))
    for prepare in (lambda one: None, lambda one: one.select_application()):
        terminal = Terminal(passport.chip(draw), draw)
        prepare(terminal)
        for identifier in (DG1, DG2, SOD, COM):
            status = terminal.send("00A4020C", identifier.to_bytes(2, "big"))[1]
            assert status in (0x6982, 0x6A82)
        assert terminal.send("00880000", bytes(8), 256)[1] == 0x6982
        assert terminal.send("002241A4", b"\x80\x01\x00")[1] == 0x6982
    terminal = Terminal(passport.chip(draw), draw)
    assert terminal.send("00A4020C", CARD_SECURITY.to_bytes(2, "big"))[1] == 0x6982
    assert terminal.process(bytes.fromhex("0CB000000D9701048E08ED6705417E96BA5500")) == b"\x68\x82"


def test_wrong_passwords_and_a_session_that_ends(make, draw):
    passport = make(options=Options(can="500540"))
    with pytest.raises(Failed, match="6300"):
        Terminal(passport.chip(draw), draw).bac("L898902C<369080619406236")
    for password, reference in ((hashed("L898902C<369080619406236"), 1), (b"500541", 2)):
        with pytest.raises(Failed, match="6300"):
            Terminal(passport.chip(draw), draw).pace(SUITES[GM], password, reference)
    terminal = Terminal(passport.chip(draw), draw)
    terminal.pace(SUITES[GM], b"500540", 2)
    terminal.select_application()
    key, terminal.channel.mac = terminal.channel.mac, bytes(16)
    assert terminal.send("00B08100", expected=10)[1] == 0x6988
    assert key
    assert terminal.send("00B08100", expected=10)[1] == 0x6982


def test_only_a_parameter_number_tells_two_suites_apart(make, draw):
    passport = make(options=Options(pace=(GM, "gm-aes128-p256"), can="1"))
    with pytest.raises(Failed, match="6A80"):
        Terminal(passport.chip(draw), draw).pace(SUITES[GM], b"1", 2)
    for name in passport.card.suites:
        Terminal(passport.chip(draw), draw).pace(name, b"1", 2, parameter=name.group.number)
    with pytest.raises(Failed, match="6A88"):
        Terminal(passport.chip(draw), draw).pace(SUITES[GM], b"1", 2, parameter=18)


@pytest.mark.parametrize("size", [1, 30, 200])
def test_authentication_in_pieces(make, draw, size):
    passport = make(options=Options(chip_authentication=("aes128-dh2048-256",)))
    variant, key = AUTHENTICATIONS["aes128-dh2048-256"], passport.card.chip_keys[0].private
    terminal = Terminal(passport.chip(draw), draw)
    terminal.bac(passport.card.mrz_key)
    private = variant.group.private(draw)
    terminal.ask("002241A4", tlv(0x80, variant.oid))
    whole = tlv(0x7C, tlv(0x80, variant.group.public(private)))
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    for piece in pieces[:-1]:
        assert terminal.ask("10860000", piece) == b""
    assert terminal.ask("00860000", pieces[-1], 256) == b"\x7c\x00"
    secret = variant.group.secret(variant.group.agree(private, variant.group.public(key)))
    terminal.channel = Channel("aes128", secret)
    assert terminal.read(DG1) == passport.card.application[DG1]


_HEADERS = st.sampled_from(
    [bytes.fromhex(header) for header in ("00A4040C", "00B00000", "00B10000", "0022C1A4", "10860000", "0CB00000")]
)


_BYTES = st.binary(max_size=40)


@given(st.lists(st.one_of(_BYTES, st.builds(operator.add, _HEADERS, _BYTES)), max_size=6))
@settings(max_examples=200, deadline=None)
def test_whatever_is_sent_is_answered(commands):
    for misbehaviours in ((), (OtherKey(reflect), EndlessFile(), AlterProtected(flip_mac))):
        card = Card({}, {CARD_ACCESS: b"1"}, mrz_key="x", suites=(SUITES[GM],))
        chip = Chip(card, misbehaviours=misbehaviours)
        for command in commands:
            assert len(chip.process(command)) >= 2


@pytest.mark.parametrize("raw", ["", "00", "00B000", "00A4020C05011E", "00A4020C00000002011E", "00A4020C02011E0000"])
def test_malformed_commands(make, raw):
    assert make().chip().process(bytes.fromhex(raw)) == b"\x67\x00"


def test_commands_no_passport_has(make):
    chip = make().chip()
    for raw, status in (
        ("00DA0000", "6D00"),
        ("00A4080C023F00", "6A86"),
        ("00860000027C00", "6985"),
        ("0022C1B6", "6A86"),
    ):
        assert chip.process(bytes.fromhex(raw)).hex().upper() == status
    assert chip.process(bytes.fromhex("00B10000030000FF00")).hex() == "6a80"

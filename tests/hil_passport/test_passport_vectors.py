"""The chip reproduces the worked examples of ICAO 9303-11 from its own side, byte for byte.

The numbers are those of the standard (appendices D, G, H and I); what the chip draws at random is put in its hand.
"""

import json

import pytest

from hil.passport.apdu import Command
from hil.passport.authentication import chip_authentication
from hil.passport.card import COM, Card, ChipKey
from hil.passport.chip import Chip
from hil.passport.groups import CURVES, MODULAR
from hil.passport.messaging import Session
from hil.passport.pace import Pace, encrypted_chip_data, pseudo_random, token
from hil.passport.suites import AUTHENTICATIONS, SUITES
from hil.passport.symmetric import Cipher

H = bytes.fromhex
MRZ_KEY = "T22000129364081251010318"
CHIP_KEY = "107CF58696EF6155053340FD633392BA81909DF7B9706F226F32086C7AFF974A"


def drawing(*values):
    """Randomness that was drawn before; the chip must ask for these lengths in this order."""
    left = [H(value) for value in values]

    def draw(count):
        value = left.pop(0)
        assert len(value) == count
        return value

    return draw


def converse(chip, *exchanges):
    for number, (command, response) in enumerate(exchanges):
        assert chip.process(H(command)).hex().upper() == response.upper(), f"command {number}"


def test_bac_and_secure_messaging_of_appendix_d():
    random = drawing("4608F91988702212", "0B4F80323EB3191CB04970CB4052790B")
    com = H("60145F0104303130365F36063034303030305C026175")
    chip = Chip(Card({COM: com}, mrz_key="L898902C<369080619406236"), random=random)
    converse(
        chip,
        ("00A4040C07A0000002471001", "9000"),
        ("0084000008", "4608F919887022129000"),
        (
            "008200002872C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F25F1448EEA8AD90A728",
            "46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D74499000",
        ),
        (
            "0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800",
            "990290008E08FA855A5D4C50A8ED9000",
        ),
        ("0CB000000D9701048E08ED6705417E96BA5500", "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000"),
        (
            "0CB000040D9701128E082EA28A70F3C7B53500",
            "871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
        ),
    )


def test_pace_with_generic_mapping_on_a_curve_of_appendix_g1():
    random = drawing(
        "3F00C4D39D153F2B2A214A078D899B22",
        "498FF49756F2DC1587840041839A85982BE7761D14715FB091EFA7BCE9058560",
        CHIP_KEY,
    )
    chip = Chip(Card({}, mrz_key=MRZ_KEY, suites=(SUITES["gm-aes128-bp256"],)), random=random)
    converse(
        chip,
        ("0022C1A412800A04007F0007020204020283010184010D", "9000"),
        ("10860000027C0000", "7C12801095A3A016522EE98D01E76CB6B98B42C39000"),
        (
            "10860000457C438141047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E544552DCB6725218799115B55C"
            "9BAA6D9F6BC3A9618E70C25AF71777A9C4922D00",
            "7C43824104824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F5730D8C879AAA9C9F73991E61B58F4D52EB87A"
            "0A0C709A49DC63719363CCD13C549000",
        ),
        (
            "10860000457C438341042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C3556F3B3B186DF10B857B58F6A"
            "7EB80F20BA5DC7BE1D43D9BF850149FBB3646200",
            "7C438441049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB7764B22277A2EDDC3C265A9F018F9CB852E1"
            "11B768B326904B59A0193776F0949000",
        ),
        ("008600000C7C0A8508C2B0BD78D94BA86600", "7C0A86083ABB9674BCE93C089000"),
    )


def test_pace_with_generic_mapping_on_numbers_of_appendix_g2():
    group = MODULAR["dh1024-160"]
    random = drawing(
        "FA5B7E3E49753A0DB9178B7B9BD898C8",
        "66DDAFEAC1609CB5B963BB0CB3FF8B3E047F336C",
        "A5B780126B7C980E9FCEA1D4539DA1D27C342DFA",
    )
    suite = SUITES["gm-aes128-dh1024-160"]
    terminal = 0x5265030F751F4AD18B08AC565FC7AC952E41618D, 0x89CCD99B0E8D3B1F11E1296DCA68EC53411CF2CA
    base = int(
        "7C9CBFE98F9FBDDA8D143506FA7D9306F4CB17E3C71707AFF5E1C1A12370249684D64EE37AF44B8DBD9D45BF6023919CBAA027AB97ACC771"
        "666C8E98FF483301BFA4872DEDE9034EDFACB70814166B7F360676829B826BEA57291B5AD69FBC84EF1E779032A305803F74341793E86974"
        "2D401325B37EE8565FFCDEE618342DC5",
        16,
    )
    chip = Chip(Card({}, mrz_key=MRZ_KEY, suites=(suite,)), random=random)
    converse(
        chip,
        ("0022C1A40F800A04007F00070202040102830101", "9000"),
        ("10860000027C0000", "7C128010854D8DF5827FA6852D1A4FA701CDDDCA9000"),
        (
            "10860000867C8183818180" + group.public(terminal[0]).hex() + "00",
            "7C8183828180"
            "78879F57225AA8080D52ED0FC890A4B25336F699AA89A2D3A189654AF70729E623EA5738B26381E4DA19E004706FACE7B235C2DBF2F387"
            "48312F3C98C2DD4882A41947B324AA1259AC22579DB93F7085655AF30889DBB845D9E6783FE42C9F2449400306254C8AE8EE9DD812A804"
            "C0B66E8CAFC14F84D8258950A91B44126EE69000",
        ),
        (
            "10860000867C8183838180" + group.public(terminal[1], base).hex() + "00",
            "7C8183848180"
            "075693D9AE941877573E634B6E644F8E60AF17A0076B8B123D9201074D36152BD8B3A213F53820C42ADC79AB5D0AEEC3AEFB91394DA476"
            "BD97B9B14D0A65C1FC71A0E019CB08AF55E1F729005FBA7E3FA5DC41899238A250767A6D46DB974064386CD456743585F8E5D90CC8B400"
            "4B1F6D866C79CE0584E49687FF61BC29AEA19000",
        ),
        ("008600000C7C0A8508B46DD9BD4D98381F00", "7C0A8608917F37B5C0E6D8D19000"),
    )


def test_pace_with_integrated_mapping_of_appendix_h1():
    nonce = "2923BE84E16CD6AE529049F1F1BBE9EB"
    suite = SUITES["im-aes128-bp256"]
    # The password of this example is the card access number 123456: K_pi is then 591468CD...
    chip = Chip(Card({}, can="123456", suites=(suite,)), random=drawing(nonce, CHIP_KEY))
    converse(
        chip,
        ("0022C1A40F800A04007F00070202040402830102", "9000"),
        ("10860000027C0000", "7C128010143DC40C08C8E891FBED7DEDB92B64AD9000"),
        ("10860000147C1281105DD4CBFC96F5453B130D890A1CDBAE3200", "7C0282009000"),
        (
            "10860000457C4383410489CBA23FFE96AA18D824627C3E934E54A9FD0B87A95D1471DC1C0ABFDCD640D46755DE9B7B778280B6BEBD5743"
            "9ADFEB0E21FD4ED6DF42578C13418A59B34C3700",
            "7C4384410467F78E5F7F7686082B293E8D087E056916D0F74BC01A5F8957D0DE45691E51E8932B69A962B52A0985AD2C0A271EE6A13A8A"
            "DDDCD1A3A994B9DED257F4D227539000",
        ),
        ("008600000C7C0A8508450F02B86F6A090900", "7C0A860875D4D96E8D5B03089000"),
    )
    made = pseudo_random(suite, H(nonce), H("5DD4CBFC96F5453B130D890A1CDBAE32"))
    assert made == 0xE4447E2DFB3586BAC05DDB00156B57FBB2179A3949294C97254189800C517BAA8DA0FF397ED8C445D3E421E4FEB57322
    assert CURVES["bp256"].encode(CURVES["bp256"].map_number(made % CURVES["bp256"].prime)) == H(
        "048E82D31559ED0FDE92A4D0498ADD3C23BABA94FB77691E31E90AEA77FB17D4274C1AE14BD0C3DBAC0C871B7F3608169364437CA30AC243"
        "A089D3F266C1E60FAD"
    )


def test_pace_with_chip_authentication_mapping_of_appendix_i1():
    # The example does not print the chip's second private key, so its last two steps are checked one by one.
    group, suite = CURVES["bp256"], SUITES["cam-aes128-bp256"]
    mapping_key = "9E56A6B59C95D06ECE5CD10F983BB2F4F1943528E577F23881D89D8C3BBEE0AA"
    nonce = "658B860BC94DF6F044FCE6D5C82CF8E5"
    chip = Chip(
        Card({}, mrz_key="C11T002JM496081222310314", suites=(suite,), cam_key=1), random=drawing(nonce, mapping_key)
    )
    converse(
        chip,
        ("0022C1A40F800A04007F00070202040602830101", "9000"),
        ("10860000027C0000", "7C128010CB60E8E0D85B76A9BD304747C2AD42E29000"),
        (
            "10860000457C438141047F1D410ADB7DDB3B84BF1030800981A9105D7457B4A3ADE002384F3086C67EDE1AB889104A27DB6D842B019020"
            "FBF3CEACB0DC627F7BDCAC29969E19D0E553C100",
            "7C43824104A234236AA9B9621E8EFB73B5245C0E09D2576E5277183C1208BDD55280CAE8B304F365713A356E65A451E165ECC9AC0AC46E"
            "3771342C8FE5AEDD092685338E239000",
        ),
    )
    session = Session.of(suite.cipher, H("67950559D0C06B4D4B86972D14460837461087F8419FDBC36AAF6CEAAC462832"))
    assert session.ks_enc == H("0A9DA4DB03BDDE39FC5202BC44B2E89E")
    assert session.ks_mac == H("4B1C06491ED5140CA2B537D344C6C0B1")
    chip_key = H(
        "0402AD566F3C6EC7F9324509AD50A51FA52030782A4968FCFEDF737DAEA993333111C3B9B4C2287789BD137E7F8AA882E2A3C633CCD6ECC2"
        "C63C57AD401A09C2E1"
    )
    terminal_key = H(
        "04446C934084D9DAB863944F219520076C29EE3F7AE6722B11FF319EC1C7728F955483400BFF60BF0C5929270009277DC2A515E12575010A"
        "D9BA916CF1BF86FEFC"
    )
    assert token(suite, session, chip_key) == H("E86BD06018A1CD3B")
    assert token(suite, session, terminal_key) == H("8596CF055C67C1A3")
    data = H("85DC3FA93D0952BFA82F5FD189EE75BD82F11D1F0B8ED4BF5319AC9B53C426B3")
    assert encrypted_chip_data(session, data) == H(
        "1EEA964DAAE372AC990E3EFDE6333353BFC89A6704D93DA8798CF77F5B7A54BD10CBA372B42BE0B9B5F28AA8DE2F4F92"
    )
    static = int(mapping_key, 16) * pow(int.from_bytes(data, "big"), -1, group.order) % group.order
    assert group.public(static) == H(
        "041872709494399E7470A6431BE25E83EEE24FEA568C2ED28DB48E05DB3A610DC884D256A40E35EFCB59BF6753D3A489D28C7A4D973C2DA1"
        "38A6E7A4A08F68E16F"
    )


def test_a_run_that_is_over_answers_nothing_more():
    suite = SUITES["gm-aes128-bp256"]
    chip = Chip(Card({}, mrz_key=MRZ_KEY, suites=(suite,)), random=drawing("3F00C4D39D153F2B2A214A078D899B22"))
    converse(
        chip,
        ("0022C1A40F800A04007F00070202040202830101", "9000"),
        ("10860000027C0000", "7C12801095A3A016522EE98D01E76CB6B98B42C39000"),
        ("10860000047C028200", "6A80"),
        ("10860000027C0000", "6985"),
    )


def transcripts(shared):
    return json.loads((shared / "data/emrtd/vectors/emrtd_vectors.json").read_text("utf-8"))


def session_of(entry, at):
    kind, enc, mac = entry[f"sm_{at}"]
    assert (kind, len(enc)) == ("AES", 32)
    return Session(Cipher.AES128, H(enc), H(mac), ssc=int(entry[f"ssc_{at}"], 16))


@pytest.mark.measured
@pytest.mark.parametrize("name", ["ca_AT", "ca_DE"])
def test_chip_authentication_of_real_chips(shared, name):
    # Their private keys are their own; but agreement is symmetric, so the terminal's key stands in for the chip's.
    entry = transcripts(shared)[name]
    before = session_of(entry, "pre")
    unwrapped = []
    for exchange in entry["apdus"][:2]:
        raw = H(exchange["c"])
        command = before.unwrap(Command(*raw[:4], data=raw[5 : 5 + raw[4]], expected=256))
        unwrapped.append(command)
        response = H(exchange["r"])
        data = b"\x7c\x00" if command.ins == 0x86 else b""
        assert before.wrap(command, data, 0x9000) == response
    variant = AUTHENTICATIONS["aes128-bp256"]
    point = H(entry["dg14"])
    at = point.rindex(b"\x03\x42\x00\x04") + 3
    session = chip_authentication(ChipKey(variant, int(entry["term_priv"], 16)), point[at : at + 65])
    after = session_of(entry, "post")
    assert (session.ks_enc, session.ks_mac) == (after.ks_enc, after.ks_mac)
    assert variant.group.public(int(entry["term_priv"], 16)) in unwrapped[1].data


@pytest.mark.measured
def test_secure_messaging_with_aes_256(shared):
    entry = transcripts(shared)["sm_aes256"]
    session = Session(Cipher.AES256, H(entry["ks_enc"]), H(entry["ks_mac"]), ssc=int(entry["ssc"], 16))
    com = H(entry["ef_com"])
    answers = [b"", com[:4], com[4:]]
    for exchange, data in zip(entry["apdus"], answers, strict=True):
        raw = H(exchange["c"])
        inner = session.unwrap(Command(*raw[:4], data=raw[5 : 5 + raw[4]], expected=256))
        assert session.wrap(inner, data, 0x9000) == H(exchange["r"])


def test_the_terminals_own_key_is_refused():
    group = CURVES["bp256"]
    suite = SUITES["im-aes128-bp256"]
    run = Pace(suite, b"123456", drawing("2923BE84E16CD6AE529049F1F1BBE9EB", CHIP_KEY))
    run.answer({})
    run.answer({0x81: H("5DD4CBFC96F5453B130D890A1CDBAE32")})
    made = pseudo_random(suite, H("2923BE84E16CD6AE529049F1F1BBE9EB"), H("5DD4CBFC96F5453B130D890A1CDBAE32"))
    ours = group.public(int(CHIP_KEY, 16), group.map_number(made % group.prime))
    with pytest.raises(Exception, match="6A80"):
        run.answer({0x83: ours})

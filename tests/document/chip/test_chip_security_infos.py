"""SecurityInfos as chips write them: every kind, explicit parameters, forged curves, and bytes that are none."""

from pathlib import Path

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from appliance.document.chip.access import strongest
from appliance.document.chip.chip_authentication import choose
from appliance.document.chip.crypto import Suite
from appliance.document.chip.dh import STANDARD_GROUPS, DhGroup
from appliance.document.chip.ec import STANDARD_CURVES, Curve
from appliance.document.chip.parameters import STANDARD, StaticKey, parse_static_key
from appliance.document.chip.protocols import oid_bytes
from appliance.document.chip.security_infos import SecurityInfos
from appliance.document.reasons import DocumentFault, Reason
from appliance.document.tlv import build

_BSI = "0.4.0.127.0.7.2.2"
_EC, _PRIME = "1.2.840.10045.2.1", "1.2.840.10045.1.1"


def _oid(dotted: str) -> bytes:
    return build(0x06, oid_bytes(dotted))


def _integer(value: int) -> bytes:
    return core.Integer(value).dump()


def _sequence(*parts: bytes) -> bytes:
    return build(0x30, b"".join(parts))


def _explicit(curve: Curve, **changed: int | bytes | None) -> bytes:
    """ECParameters of a curve, with changes: p, a, b, base, order, cofactor."""
    size, value = curve.size, {"p": curve.modulus, "a": curve.a, "b": curve.b, "order": curve.order, "cofactor": 1}
    value = {"base": curve.encode(curve.generator), **value, **changed}
    coefficients = _sequence(*(build(0x04, value[name].to_bytes(size, "big")) for name in "ab"))
    cofactor = b"" if value["cofactor"] is None else _integer(value["cofactor"])
    field = _sequence(_oid(_PRIME), _integer(value["p"]))
    return _sequence(_integer(1), field, coefficients, build(0x04, value["base"]), _integer(value["order"]), cofactor)


def _spki(algorithm: str, parameters: bytes, key: bytes) -> bytes:
    return _sequence(_sequence(_oid(algorithm), parameters), build(0x03, b"\0" + key))


def _reason(action) -> Reason:
    with pytest.raises(DocumentFault) as fault:
        action()
    return fault.value.reason


def _public(curve: Curve) -> bytes:
    return curve.encode(curve.multiply(99, curve.generator))


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", STANDARD_CURVES.values(), ids=lambda curve: curve.name)
def test_a_curve_by_name_by_number_and_written_out_is_the_same(curve: Curve) -> None:
    number = next(number for number, one in STANDARD.items() if one is curve)
    key = _public(curve)
    x, y = curve.generator
    compressed = bytes((2 + y % 2,)) + x.to_bytes(curve.size, "big")
    written = [_explicit(curve), _explicit(curve, cofactor=None), _explicit(curve, base=compressed)]
    for parameters in (_oid(curve.oid), *written):
        assert parse_static_key(_spki(_EC, parameters, key)) == StaticKey(curve, key)
    assert parse_static_key(_spki("0.4.0.127.0.7.1.2", _integer(number), key)) == StaticKey(curve, key)


@pytest.mark.parametrize("curve", STANDARD_CURVES.values(), ids=lambda curve: curve.name)
def test_parameters_made_up_to_look_like_a_curve(curve: Curve) -> None:
    """CVE-2020-0601: all is the curve's but the generator, whose private key the forger knows."""
    base = _public(curve)
    for changed in ({"base": base}, {"order": curve.order + 2}, {"cofactor": 2}, {"base": b""}):
        parameters = _explicit(curve, **changed)
        assert (
            _reason(lambda parameters=parameters: parse_static_key(_spki(_EC, parameters, base))) is Reason.CURVE_FORGED
        )


def test_an_unknown_curve_is_not_supported() -> None:
    curve = STANDARD_CURVES[13]
    for parameters in (
        _explicit(curve, p=curve.modulus + 2),
        _explicit(curve, a=curve.a + 1),
        _explicit(curve, b=curve.b - 1),
        _oid("1.3.132.0.10"),
    ):
        fault = _reason(lambda parameters=parameters: parse_static_key(_spki(_EC, parameters, _public(curve))))
        assert fault is Reason.ALGORITHM_UNSUPPORTED
    assert _reason(lambda: parse_static_key(_spki("1.2.3", _integer(1), b"key"))) is Reason.ALGORITHM_UNSUPPORTED
    fault = _reason(lambda: parse_static_key(_spki("0.4.0.127.0.7.1.2", _integer(7), b"key")))
    assert fault is Reason.ALGORITHM_UNSUPPORTED


def test_a_key_off_its_curve() -> None:
    curve = STANDARD_CURVES[13]
    key = _public(curve)[:-1] + bytes((_public(curve)[-1] ^ 1,))
    assert _reason(lambda: parse_static_key(_spki(_EC, _oid(curve.oid), key))) is Reason.CHIP_KEY_INVALID


@pytest.mark.parametrize("group", STANDARD_GROUPS.values(), ids=lambda group: group.name)
def test_integers_in_both_notations(group: DhGroup) -> None:
    public = pow(group.generator, 99, group.modulus)
    p, g, q = (_integer(value) for value in (group.modulus, group.generator, group.order))
    for algorithm, parameters in (("1.2.840.113549.1.3.1", _sequence(p, g)), ("1.2.840.10046.2.1", _sequence(p, g, q))):
        key = parse_static_key(_spki(algorithm, parameters, _integer(public)))
        assert key.group is group
        assert key.encoded == group.encode(public)
    for value in (0, 1, -5, group.modulus - 1, group.modulus + 5):
        spki = _spki("1.2.840.113549.1.3.1", _sequence(p, g), _integer(value))
        assert _reason(lambda spki=spki: group.decode(parse_static_key(spki).encoded)) in (
            Reason.CHIP_KEY_INVALID,
            Reason.FILE_MALFORMED,
        )


def test_integers_of_a_group_nobody_would_use() -> None:
    for p, g in ((15, 2), (2**1024, 2), (2**1023 + 1, 1), (-(2**1024), 2), (2**20000 + 1, 2)):
        spki = _spki("1.2.840.113549.1.3.1", _sequence(_integer(p), _integer(g)), _integer(9))
        assert _reason(lambda spki=spki: parse_static_key(spki)) in (Reason.CHIP_KEY_INVALID, Reason.FILE_MALFORMED)


# --- files ----------------------------------------------------------------------------------------------------------


def test_the_card_access_of_the_worked_example() -> None:
    infos = SecurityInfos.parse(bytes.fromhex("31143012060A04007F0007020204020202010202010D"))
    (info,) = infos.pace
    assert (info.oid, info.version, info.parameter_id) == (f"{_BSI}.4.2.2", 2, 13)
    assert info.raw.hex().upper() == "3012060A04007F0007020204020202010202010D"
    assert infos.infos == (info.raw,)


def test_domain_parameters_written_out_serve_when_they_are_standard() -> None:
    curve = STANDARD_CURVES[13]
    info = _sequence(_oid(f"{_BSI}.4.2.2"), _integer(2))
    domain = _sequence(_oid(f"{_BSI}.4.2"), _sequence(_oid(_EC), _explicit(curve)))
    suite = strongest(SecurityInfos.parse(build(0x31, info + domain)))
    assert (suite.group, suite.parameter_id) == (curve, None)
    referred = _sequence(_oid(f"{_BSI}.4.2.2"), _integer(2), _integer(64))
    domain = _sequence(_oid(f"{_BSI}.4.2"), _sequence(_oid(_EC), _explicit(curve)), _integer(64))
    suite = strongest(SecurityInfos.parse(build(0x31, referred + domain)))
    assert (suite.group, suite.parameter_id) == (curve, 64)


def test_domain_parameters_of_ones_own_are_never_used_for_pace() -> None:
    """They come unsigned from the chip: whoever is in between could have chosen them."""
    info = _sequence(_oid(f"{_BSI}.4.1.2"), _integer(2))
    group = _sequence(_oid("1.2.840.113549.1.3.1"), _sequence(_integer(2**1024 - 105), _integer(2)))
    infos = SecurityInfos.parse(build(0x31, info + _sequence(_oid(f"{_BSI}.4.1"), group)))
    assert _reason(lambda: strongest(infos)) is Reason.NO_COMMON_PROTOCOL


def test_a_group_of_the_other_kind_is_not_taken() -> None:
    infos = SecurityInfos.parse(build(0x31, _sequence(_oid(f"{_BSI}.4.1.2"), _integer(2), _integer(13))))
    assert _reason(lambda: strongest(infos)) is Reason.NO_COMMON_PROTOCOL


def test_active_authentication_info() -> None:
    info = _sequence(_oid("2.23.136.1.1.5"), _integer(1), _oid("0.4.0.127.0.7.1.1.4.1.3"))
    (one,) = SecurityInfos.parse(build(0x31, info)).active_authentication
    assert (one.raw, one.version, one.signature_algorithm) == (info, 1, "0.4.0.127.0.7.1.1.4.1.3")


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "30",
        "3100FF",
        "3080",
        "310430020500",
        "31053003060100",
        "3114" + "3012060A04007F0007020204020204010202010D",
        "3114" + "3012060A04007F000702020402020201FF02010D",
        "3111" + "300F060A04007F00070202040202" + "3000" + "00",
        "310F" + "300D0609678108010105" + "0200",
    ],
)
def test_what_are_no_security_infos(broken: str) -> None:
    assert _reason(lambda: SecurityInfos.parse(bytes.fromhex(broken))) is Reason.FILE_MALFORMED


def test_a_dg14_of_another_tag() -> None:
    assert _reason(lambda: SecurityInfos.parse_dg14(bytes.fromhex("6F023100"))) is Reason.FILE_MALFORMED
    assert SecurityInfos.parse_dg14(bytes.fromhex("6E023100")).infos == ()


@given(raw=st.binary(max_size=80))
def test_only_document_faults_for_random_bytes(raw: bytes) -> None:
    for content in (raw, build(0x31, raw), build(0x31, build(0x30, raw))):
        try:
            SecurityInfos.parse(content)
        except DocumentFault:
            continue


_GOOD = build(
    0x31,
    _sequence(_oid(f"{_BSI}.4.2.2"), _integer(2), _integer(13))
    + _sequence(_oid(f"{_BSI}.4.2"), _sequence(_oid(_EC), _explicit(STANDARD_CURVES[13])))
    + _sequence(_oid(f"{_BSI}.3.2.2"), _integer(1), _integer(5))
    + _sequence(
        _oid(f"{_BSI}.1.2"), _spki(_EC, _explicit(STANDARD_CURVES[13]), _public(STANDARD_CURVES[13])), _integer(5)
    )
    + _sequence(
        _oid(f"{_BSI}.1.1"),
        _spki("1.2.840.113549.1.3.1", _sequence(_integer(STANDARD_GROUPS[0].modulus), _integer(2)), _integer(77)),
    ),
)


@given(at=st.integers(0, len(_GOOD) - 1), value=st.integers(0, 255), cut=st.booleans())
def test_only_document_faults_for_altered_infos(at: int, value: int, cut: bool) -> None:
    raw = _GOOD[:at] if cut else _GOOD[:at] + bytes((value,)) + _GOOD[at + 1 :]
    try:
        infos = SecurityInfos.parse(raw)
        choose(infos)
        strongest(infos)
    except DocumentFault:
        pass
    assert choose(SecurityInfos.parse(_GOOD)).suite is Suite.AES_128


# --- real and sample files ------------------------------------------------------------------------------------------


@pytest.mark.measured
def test_the_dg14_of_the_test_passport_and_of_icao(shared: Path) -> None:
    bsi = SecurityInfos.parse_dg14((shared / "data/emrtd/dg/bsi2008/Datagroup14.bin").read_bytes())
    choice = choose(bsi)
    assert (choice.suite, choice.key.group.name) == (Suite.TDES, "brainpoolP224r1")
    icao = choose(SecurityInfos.parse_dg14((shared / "data/emrtd/dg/doc9303_dg14.bin").read_bytes()))
    assert icao.suite is Suite.TDES
    assert icao.key.group.modulus.bit_length() == 1024

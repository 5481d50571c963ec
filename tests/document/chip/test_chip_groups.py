"""Curves against `ecdsa` and OpenSSL, groups of integers by their own laws, and every kind of key that is none."""

import secrets

import ecdsa
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from ecdsa.ellipticcurve import Point as OraclePoint
from hypothesis import given
from hypothesis import strategies as st

from appliance.document.chip import dh
from appliance.document.chip.ec import STANDARD_CURVES
from appliance.document.domain_parameters import CURVES, GROUPS
from appliance.document.reasons import DocumentFault, Reason

_ORACLE = {
    8: ecdsa.NIST192p,
    9: ecdsa.BRAINPOOLP192r1,
    10: ecdsa.NIST224p,
    11: ecdsa.BRAINPOOLP224r1,
    12: ecdsa.NIST256p,
    13: ecdsa.BRAINPOOLP256r1,
    14: ecdsa.BRAINPOOLP320r1,
    15: ecdsa.NIST384p,
    16: ecdsa.BRAINPOOLP384r1,
    17: ecdsa.BRAINPOOLP512r1,
    18: ecdsa.NIST521p,
}
_OPENSSL = [number for number, curve in STANDARD_CURVES.items() if curve._openssl is not None]


def _reason(action) -> Reason:
    with pytest.raises(DocumentFault) as fault:
        action()
    return fault.value.reason


def test_every_standard_curve_is_here() -> None:
    assert set(STANDARD_CURVES) == set(range(8, 19))
    assert set(dh.STANDARD_GROUPS) == {0, 1, 2}


@pytest.mark.parametrize("number", _ORACLE)
def test_the_constants_are_those_of_another_library(number: int) -> None:
    curve, oracle = STANDARD_CURVES[number], _ORACLE[number]
    assert (curve.modulus, curve.a, curve.b % curve.modulus) == (
        oracle.curve.p(),
        oracle.curve.a() % oracle.curve.p(),
        oracle.curve.b() % oracle.curve.p(),
    )
    assert curve.generator == (oracle.generator.x(), oracle.generator.y())
    assert curve.order == oracle.order
    assert curve.oid == ".".join(map(str, oracle.oid))


@pytest.mark.parametrize("number", _ORACLE)
def test_multiplication_and_addition_against_another_library(number: int) -> None:
    curve, oracle = STANDARD_CURVES[number], _ORACLE[number]
    for factor in (1, 2, 3, 15, 16, 31, 32, curve.order - 1, curve.order - 2, secrets.randbelow(curve.order - 1) + 1):
        start = curve.multiply(0xC0FFEE, curve.generator)
        theirs = OraclePoint(oracle.curve, *start, oracle.order)
        product = theirs * factor
        assert curve.multiply(factor, start) == (product.x(), product.y())
        if factor != curve.order - 1:
            total = product + theirs
            assert curve.add(curve.multiply(factor, start), start) == (total.x(), total.y())


@pytest.mark.parametrize("number", _OPENSSL)
def test_our_arithmetic_against_openssl(number: int) -> None:
    curve = STANDARD_CURVES[number]
    one, other = (secrets.randbelow(curve.order - 1) + 1 for _ in range(2))
    assert curve._affine(curve._multiply(one, curve.generator)) == curve.multiply(one, curve.generator)
    peer = curve.multiply(other, curve.generator)
    assert curve.agree(one, peer) == curve.multiply(one, peer)[0].to_bytes(curve.size, "big")


def test_openssl_knows_the_eight_curves_it_is_asked_for() -> None:
    assert len(_OPENSSL) == 8
    for number in _OPENSSL:
        curve = STANDARD_CURVES[number]
        numbers = ec.derive_private_key(1, curve._openssl).public_key().public_numbers()
        assert (numbers.x, numbers.y) == curve.generator


@pytest.mark.parametrize("number", _ORACLE)
def test_a_key_that_is_none_is_refused(number: int) -> None:
    curve = STANDARD_CURVES[number]
    good = curve.encode(curve.generator)
    x, y = curve.generator
    assert curve.decode(good) == curve.generator
    beyond = (x + curve.modulus).to_bytes(curve.size + 1, "big")
    bad = {
        "infinity": b"\x00",
        "nothing": b"",
        "compressed": bytes((2 + y % 2,)) + good[1 : 1 + curve.size],
        "hybrid": bytes((6 + y % 2,)) + good[1:],
        "off the curve": good[:-1] + bytes((good[-1] ^ 1,)),
        "zero": b"\x04" + bytes(2 * curve.size),
        "cut off": good[:-1],
        "too long": good + b"\0",
        "x beyond p": b"\x04" + beyond[-curve.size :] + good[1 + curve.size :],
        "all ones": b"\x04" + b"\xff" * (2 * curve.size),
    }
    for name, raw in bad.items():
        assert _reason(lambda raw=raw: curve.decode(raw)) is Reason.CHIP_KEY_INVALID, name


@pytest.mark.parametrize("number", _ORACLE)
def test_infinity_is_never_a_result(number: int) -> None:
    curve = STANDARD_CURVES[number]
    x, y = curve.generator
    invalid = Reason.CHIP_KEY_INVALID
    assert _reason(lambda: curve.multiply(0, curve.generator)) is invalid
    assert _reason(lambda: curve.multiply(curve.order, curve.generator)) is invalid
    assert _reason(lambda: curve.add(curve.generator, (x, curve.modulus - y))) is invalid
    assert curve.add(curve.generator, curve.generator) == curve.multiply(2, curve.generator)


@pytest.mark.parametrize("number", _ORACLE)
def test_integrated_mapping_lands_on_the_curve(number: int) -> None:
    curve = STANDARD_CURVES[number]
    if number == 10:  # secp224r1: p = 1 mod 4
        assert _reason(lambda: curve.embed(5)) is Reason.CHIP_KEY_INVALID
        return
    for value in (2, 3, 12345, curve.modulus - 2):
        assert curve.contains(curve.embed(value))
    for value in (0, 1, curve.modulus - 1):  # alpha is 0 or -1: no point
        assert _reason(lambda value=value: curve.embed(value)) is Reason.CHIP_KEY_INVALID


@given(raw=st.binary(max_size=70))
def test_no_bytes_make_a_curve_raise_anything_else(raw: bytes) -> None:
    curve = STANDARD_CURVES[13]
    assert _reason(lambda: curve.decode(raw)) is Reason.CHIP_KEY_INVALID


def test_constants_are_written_in_full() -> None:
    for one in CURVES.values():
        assert len({len(number) for number in (one.p, one.a, one.b, one.x, one.y)}) == 1
    for group in GROUPS.values():
        assert len(group.p) == len(group.g)


@pytest.mark.parametrize("number", dh.STANDARD_GROUPS)
def test_a_group_of_integers_is_of_prime_order(number: int) -> None:
    group = dh.STANDARD_GROUPS[number]
    assert pow(group.generator, group.order, group.modulus) == 1
    for probe in (2, 3, 5, 7):  # Fermat
        assert pow(probe, group.modulus - 1, group.modulus) == 1
        assert pow(probe, group.order - 1, group.order) == 1
    sizes = group.modulus.bit_length(), group.order.bit_length()
    assert sizes == ((1024, 160), (2048, 224), (2048, 256))[number]


@pytest.mark.parametrize("number", dh.STANDARD_GROUPS)
def test_an_integer_that_is_no_key_is_refused(number: int) -> None:
    group = dh.STANDARD_GROUPS[number]
    size = group.size
    outside = next(value for value in range(2, 50) if pow(value, group.order, group.modulus) != 1)
    for name, value in {
        "zero": 0,
        "one": 1,
        "minus one": group.modulus - 1,
        "p": group.modulus,
        "coset": outside,
    }.items():
        raw = value.to_bytes(size, "big")
        assert _reason(lambda raw=raw: group.decode(raw)) is Reason.CHIP_KEY_INVALID, name
    assert _reason(lambda: group.decode(b"")) is Reason.CHIP_KEY_INVALID
    assert _reason(lambda: group.decode(bytes(size) + b"\x02")) is Reason.CHIP_KEY_INVALID
    assert _reason(lambda: group.multiply(group.order, group.generator)) is Reason.CHIP_KEY_INVALID
    assert _reason(lambda: group.embed(0)) is Reason.CHIP_KEY_INVALID


def test_leading_zeros_of_a_chips_integer_are_no_matter() -> None:
    group = dh.STANDARD_GROUPS[0]
    key = next(
        value for value in (pow(group.generator, n, group.modulus) for n in range(2, 4000)) if value >> 1016 == 0
    )
    assert group.decode(group.encode(key)) == group.decode(b"\0" + group.encode(key)) == key


def test_our_own_integers_have_none() -> None:
    """The key whose first byte is zero is passed over: both ends write the one taken the same way."""
    group = dh.STANDARD_GROUPS[0]
    short = next(n for n in range(2, 4000) if pow(group.generator, n, group.modulus) >> 1016 == 0)
    draws = iter((short, 5))
    private, public = group.key_pair(lambda count: next(draws).to_bytes(count, "big"), group.generator)
    assert private == 5
    assert len(group.encode(public)) == group.key_bytes


@pytest.mark.parametrize(("p", "g", "q"), [(2**512 + 1, 2, None), (2**1024, 2, None), (2**5000 + 1, 2, None)])
def test_parameters_that_are_no_group_are_refused(p: int, g: int, q: int | None) -> None:
    assert _reason(lambda: dh.DhGroup("made up", p, g, q)) is Reason.CHIP_KEY_INVALID


def test_a_wrong_order_is_refused() -> None:
    group = dh.STANDARD_GROUPS[0]
    assert _reason(lambda: dh.DhGroup("x", group.modulus, group.generator, group.order + 2)) is Reason.CHIP_KEY_INVALID
    assert _reason(lambda: dh.DhGroup("x", group.modulus, 2, group.order)) is Reason.CHIP_KEY_INVALID
    assert _reason(lambda: dh.DhGroup("x", group.modulus, 1, None)) is Reason.CHIP_KEY_INVALID


def test_private_keys_are_in_range_and_drawn_again_otherwise() -> None:
    curve = STANDARD_CURVES[18]
    draws = iter((bytes(66), b"\xff" * 66, bytes(65) + b"\x07"))
    private, public = curve.key_pair(lambda count: next(draws), curve.generator)
    assert private == 7
    assert public == curve.multiply(7, curve.generator)

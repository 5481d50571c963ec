"""Every exchange fed with random bytes, and a working chip whose answers are altered: only DocumentFault comes out."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.document.chip.access import open_chip
from appliance.document.chip.apdu import Command, Plain
from appliance.document.chip.bac import basic_access
from appliance.document.chip.chip_authentication import Choice, authenticate_chip, internal_authenticate
from appliance.document.chip.crypto import Keys, Suite
from appliance.document.chip.files import File, read_file, read_largest, select_application, select_master_file
from appliance.document.chip.pace import PaceSuite, pace
from appliance.document.chip.parameters import STANDARD, StaticKey
from appliance.document.chip.passwords import mrz_password
from appliance.document.chip.protocols import PACE, Agreement, oid_bytes
from appliance.document.chip.security_infos import PaceInfo
from appliance.document.chip.sm import Session
from appliance.document.reasons import DocumentFault
from appliance.document.tlv import build

_MRZ = mrz_password("L898902C", "690806", "940623")
_STATIC = 0xC0FFEE


def _choice(parameter: int, suite: Suite, oid: str) -> Choice:
    group = STANDARD[parameter]
    return Choice(oid, suite, StaticKey(group, group.encode(group.multiply(_STATIC, group.generator))), None)


def _pace(oid: str) -> Generator[bytes, bytes, Any]:
    protocol = PACE[oid]
    parameter = 0 if protocol.agreement is Agreement.DH else 9
    return pace(Plain(), PaceSuite(PaceInfo(b"", oid, protocol, 2, parameter), STANDARD[parameter], parameter), _MRZ)


def _session() -> Session:
    return Session(Keys.derive(Suite.AES_128, b"x"))


_EXCHANGES: dict[str, Callable[[], Generator[bytes, bytes, Any]]] = {
    "open_chip": lambda: open_chip(_MRZ, extended=True),
    "bac": lambda: basic_access(Plain(), _MRZ),
    "plain": lambda: Plain().transmit(Command(0, 0xB0, 0, 0, le=4)),
    "session": lambda: _session().transmit(Command(0, 0xB0, 0, 0, le=4)),
    "file": lambda: read_file(Plain(), File.DG2),
    "file in a session": lambda: read_file(_session(), File.DG2),
    "master file": lambda: select_master_file(Plain()),
    "application": lambda: select_application(Plain()),
    "largest": lambda: read_largest(Plain()),
    "chip authentication": lambda: authenticate_chip(_session(), _choice(9, Suite.AES_128, "0.4.0.127.0.7.2.2.3.2.2")),
    "internal authenticate": lambda: internal_authenticate(_session(), bytes(8)),
    **{f"pace {oid}": (lambda oid=oid: _pace(oid)) for oid in PACE},
}

_SW = st.sampled_from((b"\x90\x00", b"\x62\x82", b"\x61\x04", b"\x6c\x04", b"\x63\x00", b"\x69\x82"))
_BODY = st.one_of(
    st.binary(max_size=40),
    st.binary(min_size=8, max_size=8),
    st.builds(build, st.sampled_from((0x7C, 0x31, 0x75, 0x77, 0x87, 0x99)), st.binary(max_size=40)),
    st.builds(
        lambda tag, value: build(0x7C, build(tag, value)), st.integers(0x80, 0x8A), st.sampled_from((b"", bytes(16)))
    ),
    st.builds(lambda tag, value: build(0x7C, build(tag, value)), st.integers(0x80, 0x8A), st.binary(max_size=130)),
    st.just(bytes.fromhex("31143012060A04007F0007020204020202010202010D")[:4]),
    st.just(bytes.fromhex("31143012060A04007F0007020204020202010202010D")[4:]),
)
_ANSWERS = st.lists(st.one_of(st.binary(max_size=6), st.builds(bytes.__add__, _BODY, _SW)), max_size=12)


def _run(exchange: Generator[bytes, bytes, Any], process: Callable[[bytes], bytes]) -> None:
    """To its end or its DocumentFault; anything else fails the test, and so does an exchange without end."""
    try:
        command = next(exchange)
        for _ in range(20_000):
            assert 4 <= len(command) <= 70_000
            command = exchange.send(process(command))
    except (StopIteration, DocumentFault):
        return
    pytest.fail("the exchange does not end")


@pytest.mark.parametrize("name", _EXCHANGES)
@settings(max_examples=60, deadline=None)
@given(answers=_ANSWERS, last=st.builds(bytes.__add__, _BODY, _SW))
def test_random_answers(name: str, answers: list[bytes], last: bytes) -> None:
    """The given answers, then the last one for ever."""
    left = iter(answers)
    _run(_EXCHANGES[name](), lambda command: next(left, last))


def _whole(chips, oid: str | None) -> tuple[Generator[bytes, bytes, None], Callable[[bytes], bytes]]:
    """Opening, reading, and authenticating a good chip; and the chip."""
    chip = chips.SmallChip(_MRZ)
    chip.group, chip.static_group, chip.static = STANDARD[9], STANDARD[9], _STATIC
    chip.files["app"] = {0x011E: build(0x60, bytes(300)), 0x010E: build(0x6E, bytes(20))}
    chip.files["mf"] = {0x011D: build(0x30, bytes(9)), 0x2F01: bytes.fromhex("7F66080202040002022000")}
    if oid:
        info = build(0x30, build(0x06, oid_bytes(oid)) + b"\x02\x01\x02\x02\x01\x09")
        chip.files["mf"][0x011C] = build(0x31, info)

    def process(command: bytes) -> bytes:
        try:
            return chip.process(command)
        except Exception:  # the chip refuses what an altered answer led to; it is not what is tested
            return b"\x6f\x00"

    def everything() -> Generator[bytes, bytes, None]:
        session = (yield from open_chip(_MRZ, extended=True)).session
        yield from read_file(session, File.COM)
        yield from authenticate_chip(session, _choice(9, Suite.AES_128, "0.4.0.127.0.7.2.2.3.2.2"))
        yield from read_file(session, File.COM)
        yield from internal_authenticate(session, bytes(8))

    return everything(), process


_WAYS = [None, "0.4.0.127.0.7.2.2.4.2.2", "0.4.0.127.0.7.2.2.4.4.4", "0.4.0.127.0.7.2.2.4.6.3"]


@pytest.mark.parametrize("oid", _WAYS)
def test_the_good_chip_comes_through(chips, oid: str | None) -> None:
    exchange, process = _whole(chips, oid)
    assert chips.drive(exchange, process) is None


@pytest.mark.parametrize("oid", _WAYS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_one_altered_answer(chips, oid: str | None, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, 24), "command")
    kind = data.draw(st.sampled_from(("flip", "cut", "grow", "replace", "status")), "alteration")
    exchange, process = _whole(chips, oid)
    count = iter(range(100_000))

    def altering(command: bytes) -> bytes:
        answer = process(command)
        if next(count) != at:
            return answer
        where = data.draw(st.integers(0, len(answer) - 1), "where")
        if kind == "flip":
            flipped = answer[where] ^ 1 << data.draw(st.integers(0, 7), "bit")
            return answer[:where] + bytes((flipped,)) + answer[where + 1 :]
        if kind == "cut":
            return answer[:where]
        if kind == "grow":
            return answer[:where] + data.draw(st.binary(min_size=1, max_size=300), "more") + answer[where:]
        if kind == "status":
            return answer[:-2] + data.draw(_SW, "status")
        return data.draw(st.binary(max_size=300), "answer")

    _run(exchange, altering)

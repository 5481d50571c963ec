"""The corruption study: its counting, its device ends, and the claims made from it."""

import math

import pytest

from drivers.gate.bench import BENCH_ONLY, REFUSED, Objection, objection
from drivers.modbus.frames import seal
from hil.bench import corruption
from hil.bench.corruption import NOTHING, OPENED, TAKEN, Figure, Subject

SUBJECTS = {subject.name: subject for subject in corruption.subjects()}
BY_FRAME = {subject.frame: subject for subject in corruption.subjects()}


@pytest.mark.parametrize(("count", "n", "bound"), [(0, 300, 0.01), (0, 2, 1.0), (7, 7, 1.0)])
def test_the_bound_at_its_ends(count: int, n: int, bound: float) -> None:
    assert corruption.upper_bound(count, n) == pytest.approx(bound)


@pytest.mark.parametrize(("count", "n"), [(1, 10), (5, 100), (24, 496)])
def test_at_the_bound_so_few_are_seen_one_time_in_twenty(count: int, n: int) -> None:
    p = corruption.upper_bound(count, n)
    seen = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(count + 1))
    assert seen == pytest.approx(0.05)


@pytest.mark.parametrize(("count", "n"), [(0, 0), (2, 1), (-1, 5)])
def test_no_bound_for_what_is_no_count(count: int, n: int) -> None:
    with pytest.raises(ValueError, match="no count"):
        corruption.upper_bound(count, n)


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_patterns_are_all_different_and_complete(bits: int) -> None:
    frame = b"\xff\x01\x00"
    found = list(corruption.patterns(frame, bits))
    assert len(set(found)) == len(found) == math.comb(24, bits)
    wrong = [int.from_bytes(one, "big") ^ int.from_bytes(frame, "big") for one in found]
    assert {one.bit_count() for one in wrong} == {bits}
    assert all(len(one) == 3 for one in found)


def test_random_frames_are_as_many_as_asked_and_the_same_again() -> None:
    found = list(corruption.random_frames(8, 100_001, 7))
    assert len(found) == 100_001
    assert {len(one) for one in found} == {8}
    assert len(set(found)) == len(found)
    assert found == list(corruption.random_frames(8, 100_001, 7))
    assert found[:100] != list(corruption.random_frames(8, 100, 8))


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=list(SUBJECTS))
def test_the_frame_as_it_is_is_taken_and_opens_nothing(subject: Subject) -> None:
    assert subject.judge(subject.frame) == TAKEN
    assert subject.judge(b"") == NOTHING
    assert subject.judge(subject.frame) == TAKEN, "a judge remembers nothing of the frame before"


# One opening frame of each protocol: a judge that never says "opened" would pass every other test.
OPENING = [
    ("KMtronic, off", bytes.fromhex("FF 01 01")),
    ("Devantech, all off", b"\x65"),
    ("Devantech, all off", b"\x5c\x01"),
    ("Devantech, all off", b"\x5e\x01\x00\x05"),
    ("LCUS, off", bytes.fromhex("A0 01 01 A2")),
    ("Numato, relay off 0", b"relay on 0\r"),
    ("Numato, writeall 00", b"relay writeall 01\r"),
    ("7E/7F, forbid", bytes.fromhex("7E 00 01 80 01 00 00 FF")),
    ("OSDP plain, OUT off", corruption.osdp_out_frame(5)),
    ("Modbus RTU, coil off", bytes.fromhex("01 05 00 00 FF 00 8C 3A")),
    ("Modbus RTU, coil off", bytes.fromhex("01 05 02 00 00 07 8D B0")),
    ("Modbus RTU, coil off", seal(bytes.fromhex("07 05 00 FF FF 00"))),
    ("Modbus RTU, coil off", seal(bytes.fromhex("00 05 00 00 55 00"))),
    ("Modbus RTU, all off", seal(bytes.fromhex("01 0F 00 00 00 08 01 80"))),
]


@pytest.mark.parametrize(("name", "frame"), OPENING)
def test_an_opening_frame_opens_and_the_next_starts_afresh(name: str, frame: bytes) -> None:
    subject = SUBJECTS[name]
    assert subject.judge(frame) == OPENED
    assert subject.judge(subject.frame) == TAKEN


def test_frames_of_the_codecs_kept_here() -> None:
    # From public code with the board: status, open left for one.
    assert corruption.turnstile_frame(0x10) == bytes.fromhex("7E 00 01 10 00 00 00 70")
    assert corruption.judge_turnstile(bytes.fromhex("7E 00 01 80 01 00 00 FE")) == NOTHING
    # "123456789" gives E5CC with this polynomial and start, the published check value of CRC-16/SPI-FUJITSU.
    assert corruption.osdp_crc(b"123456789") == 0xE5CC
    plain = bytearray(corruption.osdp_out_frame(2))
    for wrong in ({0: 0x52}, {1: 0x80}, {4: 0x0D}, {2: 11}, {6: 1}):
        spoilt = bytes(wrong.get(position, byte) for position, byte in enumerate(plain))
        assert corruption.judge_osdp(spoilt) == NOTHING
    body = bytes((0x53, 0, 11, 0, 1, 0x68, 0, 2, 0, 0))
    assert corruption.judge_osdp(body + bytes((-sum(body) & 0xFF,))) == OPENED


@pytest.mark.parametrize("name", [subject.name for subject in SUBJECTS.values() if subject.production])
def test_no_frame_of_an_allowed_protocol_opens_by_one_to_three_wrong_bits(name: str) -> None:
    subject = SUBJECTS[name]
    bits = 8 * len(subject.frame)
    figures = corruption.study(subject, 3, random=0, seed=0)
    assert figures == [Figure(count, 0, 0, math.comb(bits, count)) for count in (1, 2, 3)]


def test_the_allowed_protocols_are_those_without_an_objection() -> None:
    allowed = {subject.name.split(",")[0] for subject in SUBJECTS.values() if subject.production}
    assert allowed == {"Modbus RTU"}
    assert all(objection(kind) is None for kind in ("gate.waveshare", "gate.icpdas"))


@pytest.mark.parametrize("found", [*BENCH_ONLY.values(), *REFUSED.values()], ids=[*BENCH_ONLY, *REFUSED])
def test_the_figures_in_the_list_are_those_of_the_study(found: Objection) -> None:
    subject, figure = BY_FRAME[found.figure.frame], found.figure
    measured = corruption.count(
        corruption.patterns(subject.frame, figure.bits), subject.judge, figure.bits, lambda _: None
    )
    assert (measured.opened, measured.n) == (figure.opened, figure.of)
    assert figure.opened > 0
    assert f"{figure.opened:,} of {figure.of:,}" in str(found)
    assert not subject.production


def test_long_frames_are_spared_four_bits() -> None:
    assert corruption.size(SUBJECTS["Devantech, all off"], 4, 10) == 8 + 28 + 56 + 70 + 10
    long = SUBJECTS["Numato, writeall 00"]
    assert corruption.size(long, 4, 0) == corruption.size(long, 3, 0)


def test_the_command_prints_every_subject_and_the_claim(capsys: pytest.CaptureFixture[str]) -> None:
    corruption.main(["--bits", "1", "--random", "500"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in SUBJECTS)
    assert "no frame with 1 to 3 wrong bits opens" in printed


def test_a_claim_that_does_not_hold_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = Subject("Modbus RTU, weak", b"\xff\x01\x00", corruption.judge_kmtronic, production=True)
    monkeypatch.setattr(corruption, "subjects", lambda: (weak,))
    corruption.main(["--bits", "1", "--random", "0"])
    assert "WRONG BITS OPENS" in capsys.readouterr().out

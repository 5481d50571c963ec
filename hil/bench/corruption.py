"""What a corrupted frame does to a relay: every pattern of 1 to 4 wrong bits, and random frames, at the device end.

`python -m hil.bench.corruption`. A frame that should leave everything off is spoilt and given to the device end of
its protocol, the same code as behind the emulators; that code says whether it takes the frame and whether a relay is
then on. Protocols without a device end of ours (7E/7F, OSDP) have a codec here, for this study alone. Not here: how
often a line spoils a bit, and what a driver's own read-back would notice afterwards.
"""

import argparse
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table
from scipy.stats import beta

from drivers.gate.devantech.protocol import DevantechDevice
from drivers.gate.devantech.protocol import Pulse as DevantechPulse
from drivers.gate.devantech.protocol import SetMask as DevantechMask
from drivers.gate.devantech.protocol import Switch as DevantechSwitch
from drivers.gate.kmtronic.protocol import KmtronicDevice
from drivers.gate.kmtronic.protocol import Switch as KmtronicSwitch
from drivers.gate.lcus.protocol import LcusDevice
from drivers.gate.lcus.protocol import Switch as LcusSwitch
from drivers.gate.numato.protocol import NumatoServer
from drivers.gate.waveshare import protocol as waveshare
from drivers.modbus.frames import encode_request
from drivers.modbus.server import ModbusServer
from hil.emulator.waveshare import WaveshareBoard

CONFIDENCE = 0.95
RANDOM_FRAMES = 2_000_000
MOST_BITS = 4
LONGEST_FOR_4_BITS = 12
"""Bytes: a longer frame has too many patterns of four wrong bits for two minutes."""
_SEED = 20260
_CHUNK = 100_000
_REPORT_EVERY = 20_000
_SILENCE_S = 1.0
_WIDTH = 120


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the device end made of a frame: took it as a command of any kind, and energised a relay by it."""

    accepted: bool
    opened: bool


NOTHING = Verdict(False, False)
TAKEN = Verdict(True, False)
OPENED = Verdict(True, True)
Judge = Callable[[bytes], Verdict]


@dataclass(frozen=True, slots=True)
class Subject:
    """One protocol with the frame that is spoilt. `published` are the study's earlier figures, by number of bits or 0
    for random frames, from another implementation."""

    name: str
    frame: bytes
    judge: Judge
    production: bool = False
    published: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """`bits` wrong bits (0: a random frame): of `n` frames so many were accepted, so many of these opened."""

    bits: int
    accepted: int
    opened: int
    n: int

    @property
    def upper_bound(self) -> float:
        """One-sided 95 % upper bound of the share that opens."""
        return upper_bound(self.opened, self.n)


def upper_bound(count: int, n: int) -> float:
    """3/n for none (the rule of three), else Clopper and Pearson's one-sided bound."""
    if not 0 <= count <= n or n == 0:
        raise ValueError(f"{count} of {n} is no count")
    if count == 0:
        return min(1.0, 3 / n)
    return 1.0 if count == n else float(beta.ppf(CONFIDENCE, count + 1, n - count))


# --- device ends --------------------------------------------------------------------------------------------


def judge_kmtronic(frame: bytes) -> Verdict:
    """A board of eight relays."""
    commands = KmtronicDevice().receive(frame)
    if not commands:
        return NOTHING
    return OPENED if any(isinstance(command, KmtronicSwitch) and command.on for command in commands) else TAKEN


def judge_lcus(frame: bytes) -> Verdict:
    """A board of eight channels."""
    commands = LcusDevice().receive(frame)
    if not commands:
        return NOTHING
    return OPENED if any(isinstance(command, LcusSwitch) and command.on for command in commands) else TAKEN


def judge_devantech(frame: bytes) -> Verdict:
    """A board of eight relays that knows 5E."""
    commands = DevantechDevice().receive(frame)
    if not commands:
        return NOTHING
    for command in commands:
        match command:
            case DevantechMask(mask=mask) if mask:
                return OPENED
            case DevantechSwitch(on=True) | DevantechPulse():
                return OPENED
            case _:
                pass
    return TAKEN


class _Watched:
    """What lies behind a Numato module, noting what was done."""

    relays = 8
    pins = 8
    version = "00000008"
    module_id = "00000000"

    def __init__(self) -> None:
        self.switched = self.opened = False

    def switch(self, relay: int, on: bool) -> None:  # noqa: ARG002 - any relay is the wrong one
        self.switched = True
        self.opened = self.opened or on

    def relay(self, number: int) -> bool:  # noqa: ARG002 - all are off
        return False

    def pin(self, number: int) -> bool:  # noqa: ARG002 - all are low
        return False


def judge_numato(frame: bytes) -> Verdict:
    """A module of eight relays that knows the commands for all of them."""
    model = _Watched()
    sent = NumatoServer(model).receive(frame)
    if model.switched:
        return OPENED if model.opened else TAKEN
    # The echo and a prompt for each line; anything more is an answer.
    return TAKEN if len(sent) > len(frame) + 2 * frame.count(b"\r") else NOTHING


def modbus_judge() -> Judge:
    """The Waveshare board, with one at every address: a spoilt unit number always finds somebody."""
    board = WaveshareBoard(monotonic=lambda: 0.0)

    def judge(frame: bytes) -> Verdict:
        nonlocal board
        if not frame:
            return NOTHING
        reply = ModbusServer(frame[0], board, _SILENCE_S).receive(frame, _SILENCE_S)
        if not reply:
            return NOTHING
        if any(board.coil(relay) for relay in range(waveshare.RELAYS)):
            board = WaveshareBoard(monotonic=lambda: 0.0)
            return OPENED
        return TAKEN

    return judge


_TURNSTILE_OPENS = frozenset({0x80, 0x81, 0x82, 0x83})
_TURNSTILE_FORBID = 0x89


def turnstile_frame(command: int, unit: int = 1) -> bytes:
    """A command of the 7E/7F swing gate board: 7E 00, unit, command, three bytes of data, sum inverted."""
    body = bytes((0x7E, 0x00, unit, command, 0, 0, 0))
    return body + bytes((~sum(body) & 0xFF,))


def judge_turnstile(frame: bytes) -> Verdict:
    """The 7E/7F board, with one at every address. Any command with a fitting sum counts as taken.

    Opens: open and always open, left and right. What "lift" (8F) does is not known; it does not count.
    """
    if len(frame) < 4 or frame[0] != 0x7E or ~sum(frame[:-1]) & 0xFF != frame[-1]:
        return NOTHING
    return OPENED if frame[3] in _TURNSTILE_OPENS else TAKEN


def _osdp_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
        table.append(crc)
    return tuple(table)


_OSDP_CRC = _osdp_table()
_OSDP_START, _OSDP_OUT, _OSDP_CRC_FLAG, _OSDP_SECURE_FLAG = 0x53, 0x68, 0x04, 0x08
_OSDP_ON_CODES = frozenset({2, 4, 5})


def osdp_crc(data: bytes) -> int:
    """CRC-16 of OSDP: polynomial 1021, start 1D0F."""
    crc = 0x1D0F
    for byte in data:
        crc = (crc << 8 & 0xFF00) ^ _OSDP_CRC[crc >> 8 ^ byte]
    return crc


def osdp_out_frame(code: int) -> bytes:
    """OUT for output 0 at address 0 without a secure channel, as a panel sends it that does not enforce one."""
    data = bytes((_OSDP_OUT, 0, code, 0, 0))
    head = bytes((_OSDP_START, 0)) + (5 + len(data) + 2).to_bytes(2, "little") + bytes((_OSDP_CRC_FLAG | 1,))
    return head + data + osdp_crc(head + data).to_bytes(2, "little")


def judge_osdp(frame: bytes) -> Verdict:
    """A device at every address that takes both kinds of check, as the standard lets it, and knows only OUT."""
    if len(frame) < 8 or frame[0] != _OSDP_START or int.from_bytes(frame[2:4], "little") != len(frame):
        return NOTHING
    if frame[1] & 0x80 or frame[4] & _OSDP_SECURE_FLAG:
        return NOTHING
    if frame[4] & _OSDP_CRC_FLAG:
        sound = osdp_crc(frame[:-2]) == int.from_bytes(frame[-2:], "little")
        data = frame[5:-2]
    else:
        sound = sum(frame) & 0xFF == 0
        data = frame[5:-1]
    if not sound:
        return NOTHING
    if data[0] == _OSDP_OUT and len(data) == 5 and data[2] in _OSDP_ON_CODES:
        return OPENED
    return TAKEN


def subjects() -> tuple[Subject, ...]:
    """All protocols, the refused before the allowed."""
    modbus = modbus_judge()
    off = bytes.fromhex("01 05 00 00 00 00 CD CA")
    return (
        Subject("KMtronic, off", bytes((0xFF, 1, 0)), judge_kmtronic, published=_PUBLISHED["KMtronic"]),
        Subject("Devantech, all off", b"\x6e", judge_devantech, published={0: "9/256 open"}),
        Subject("LCUS, off", bytes((0xA0, 1, 0, 0xA1)), judge_lcus, published=_PUBLISHED["LCUS"]),
        Subject("Numato, relay off 0", b"relay off 0\r", judge_numato),
        Subject("Numato, writeall 00", b"relay writeall 00\r", judge_numato),
        Subject("7E/7F, forbid", turnstile_frame(_TURNSTILE_FORBID), judge_turnstile, published=_PUBLISHED["7E"]),
        Subject("OSDP plain, OUT off", osdp_out_frame(1), judge_osdp),
        Subject("Modbus RTU, coil off", off, modbus, True, _PUBLISHED["Modbus"]),
        Subject("Modbus RTU, all off", encode_request(waveshare.all_off(1)), modbus, True),
        Subject("Modbus RTU, read inputs", encode_request(waveshare.read_inputs(1)), modbus, True),
    )


_PUBLISHED: dict[str, dict[int, str]] = {
    "KMtronic": {1: "3 (1 open)", 2: "6", 3: "5", 4: "1", 0: "3"},
    "LCUS": {1: "0", 2: "2", 3: "1 (1 open)", 4: "8", 0: "0"},
    "7E": {1: "0", 2: "69 (6 open)", 3: "204 (15 open)", 4: "3,092 (354 open)", 0: "25"},
    "Modbus": {1: "0", 2: "0", 3: "0", 4: "364 (0 open)", 0: "33"},
}


# --- counting -----------------------------------------------------------------------------------------------


def patterns(frame: bytes, bits: int) -> Iterator[bytes]:
    """The frame with every choice of `bits` bits inverted."""
    length = len(frame)
    value = int.from_bytes(frame, "big")
    for chosen in itertools.combinations([1 << bit for bit in range(8 * length)], bits):
        yield (value ^ sum(chosen)).to_bytes(length, "big")


def random_frames(length: int, n: int, seed: int) -> Iterator[bytes]:
    """`n` frames of this length, every byte equally likely."""
    source = np.random.default_rng(seed)
    left = n
    while left > 0:
        count = min(left, _CHUNK)
        block = source.integers(0, 256, size=(count, length), dtype=np.uint8).tobytes()
        for start in range(0, count * length, length):
            yield block[start : start + length]
        left -= count


def count(frames: Iterator[bytes], judge: Judge, bits: int, advance: Callable[[int], None]) -> Figure:
    """Judge them all. `advance` is told how many more are done."""
    accepted = opened = n = 0
    for frame in frames:
        verdict = judge(frame)
        if verdict.accepted:
            accepted += 1
            opened += verdict.opened
        n += 1
        if n % _REPORT_EVERY == 0:
            advance(_REPORT_EVERY)
    advance(n % _REPORT_EVERY)
    return Figure(bits, accepted, opened, n)


def study(
    subject: Subject, most_bits: int, random: int, seed: int, advance: Callable[[int], None] = lambda _: None
) -> list[Figure]:
    """All patterns of 1 to `most_bits` wrong bits, then `random` random frames when any are asked for."""
    judge, frame = subject.judge, subject.frame
    found = [count(patterns(frame, bits), judge, bits, advance) for bits in _bits(subject, most_bits)]
    if random:
        found.append(count(random_frames(len(frame), random, seed), judge, 0, advance))
    return found


def _bits(subject: Subject, most_bits: int) -> range:
    feasible = most_bits if len(subject.frame) <= LONGEST_FOR_4_BITS else min(most_bits, 3)
    return range(1, feasible + 1)


def size(subject: Subject, most_bits: int, random: int) -> int:
    """How many frames `study` judges."""
    return sum(math.comb(8 * len(subject.frame), bits) for bits in _bits(subject, most_bits)) + random


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m hil.bench.corruption", description=__doc__.splitlines()[0])
    parser.add_argument("--bits", type=int, choices=range(1, 5), default=MOST_BITS, help="most wrong bits in a frame")
    parser.add_argument("--random", type=int, default=RANDOM_FRAMES, help="random frames per protocol")
    parser.add_argument("--seed", type=int, default=_SEED, help="of the random frames")
    given = parser.parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    table = Table(
        Column("frame spoilt", no_wrap=True), title="accepted by our device ends, and relays switched on by that"
    )
    for name in ("wrong bits", "accepted", "as OPEN", "n", "OPEN, at most (95 %)"):
        table.add_column(name, justify="right")
    table.add_column("published")
    safe = True
    every = subjects()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("frames", total=sum(size(one, given.bits, given.random) for one in every))
        for subject in every:
            progress.update(task, description=subject.name)
            found = study(subject, given.bits, given.random, given.seed, lambda done: progress.advance(task, done))
            for figure in found:
                _row(table, subject, figure)
                safe = safe and not (subject.production and 1 <= figure.bits <= 3 and figure.opened)
            table.add_section()
    console.print(table)
    console.print(_NOTES.format(claim=_claim(safe)), highlight=False, soft_wrap=True)


_NOTES = """Wrong bits: all patterns there are of this frame, so the share is exact; the bound reads them as a sample.
Random: frames of this length, a sample. Published: earlier figures of another implementation with slightly different
device ends (FF 09 00 of KMtronic and a lone FF of LCUS were no commands to it, and timed pulses of Modbus
boards not counted as opening; another reading of which 7E/7F commands open).
{claim}"""


def _claim(safe: bool) -> str:
    return "Modbus RTU, which a production profile allows: " + (
        "no frame with 1 to 3 wrong bits opens." if safe else "A FRAME WITH 1 TO 3 WRONG BITS OPENS."
    )


def _row(table: Table, subject: Subject, figure: Figure) -> None:
    table.add_row(
        subject.name,
        str(figure.bits) if figure.bits else "random",
        f"{figure.accepted:,}",
        f"{figure.opened:,}",
        f"{figure.n:,}",
        f"{figure.upper_bound:.1e}",
        subject.published.get(figure.bits, ""),
    )


if __name__ == "__main__":
    main()

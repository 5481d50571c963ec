"""Wire transcripts: what went over a line, recorded and replayed from either end.

A line of a file is `seconds > hex` from the host or `seconds < hex` from the device; lines with # are remarks.
A driver is replayed against the device's lines, an emulator against the host's: so an emulator that was compared with
a real device once cannot drift away from it. Not here: what the bytes mean.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import serial

from hil.emulator.pty_line import Emulator, PtyLine

HOST, DEVICE = ">", "<"
_READ_S = 0.05


class TranscriptError(ValueError):
    """A line of the file cannot be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Bytes of one end, `at` seconds after the beginning."""

    at: float
    who: str
    data: bytes


def read(path: Path) -> tuple[Spoken, ...]:
    """A whole transcript. Raises TranscriptError."""
    return tuple(_lines(path, path.read_text(encoding="ascii").splitlines()))


def _lines(path: Path, lines: Iterable[str]) -> Iterator[Spoken]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            at, who, text = line.split(maxsplit=2)
            if who not in (HOST, DEVICE):
                raise ValueError(f"{who!r} is neither {HOST} nor {DEVICE}")
            yield Spoken(float(at), who, bytes.fromhex(text))
        except ValueError as error:
            raise TranscriptError(f"{path}, line {number}: {error}") from error


class Recorder:
    """An emulator that writes down what it hears and says; `remarks` stand at the head of the file."""

    def __init__(
        self,
        emulator: Emulator,
        file: TextIO,
        *,
        remarks: Iterable[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._emulator = emulator
        self._writing = Writing(file, remarks, monotonic)

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        self._writing.put(HOST, data)
        reply = self._emulator.handle(data)
        self._writing.put(DEVICE, reply)
        return reply


class Writing:
    """The file being written, from any thread."""

    def __init__(self, file: TextIO, remarks: Iterable[str], monotonic: Callable[[], float]) -> None:
        self._file, self._monotonic, self._begun = file, monotonic, monotonic()
        self._lock = threading.Lock()
        for remark in remarks:
            file.write(f"# {remark}\n")

    def put(self, who: str, data: bytes) -> None:
        """One end has spoken."""
        if data:
            with self._lock:
                self._file.write(f"{self._monotonic() - self._begun:.6f} {who} {data.hex(' ')}\n")
                self._file.flush()


class Replay:
    """The device end of a transcript. `problem` says where the host first said something else; `whole` if all came."""

    def __init__(self, transcript: Iterable[Spoken]) -> None:
        self._left = list(transcript)
        self._heard = b""
        self.problem: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the host has said everything, and nothing else."""
        return not self._left and self.problem is None

    def handle(self, data: bytes) -> bytes:
        """Bytes from the host in; once they are the next line's, the device's lines after it out."""
        self._heard += data
        reply = b""
        while self.problem is None and self._heard:
            if not self._left:
                self.problem = f"the transcript is over, and the host says {self._heard.hex(' ')}"
                break
            expected = self._left[0].data
            if not expected.startswith(self._heard[: len(expected)]):
                self.problem = (
                    f"at {self._left[0].at:.3f} s: expected {expected.hex(' ')}, heard {self._heard.hex(' ')}"
                )
                break
            if len(self._heard) < len(expected):
                break
            self._heard = self._heard[len(expected) :]
            del self._left[0]
            while self._left and self._left[0].who == DEVICE:
                reply += self._left.pop(0).data
        return reply


def differences(emulate: Callable[[Callable[[], float]], Emulator], transcript: Iterable[Spoken]) -> list[str]:
    """What an emulator says otherwise than the transcript's device. `emulate` makes it on the transcript's clock."""
    now = [0.0]
    emulator = emulate(lambda: now[0])
    found: list[str] = []
    said = b""
    for spoken in transcript:
        now[0] = spoken.at
        if spoken.who == HOST:
            if said:
                found.append(f"before {spoken.at:.3f} s: it says {said.hex(' ')} besides")
            said = emulator.handle(spoken.data)
        elif said.startswith(spoken.data):
            said = said[len(spoken.data) :]
        else:
            found.append(f"at {spoken.at:.3f} s: {spoken.data.hex(' ')} was said, it says {said.hex(' ') or 'nothing'}")
            said = b""
    return [*found, f"at the end: it says {said.hex(' ')} besides"] if said else found


class Tap:
    """Between a controller and a real device: `with Tap(port, baudrate, link, file)` the controller opens `link`.

    It adds a few milliseconds each way, so figures of time are not to be taken through it.
    """

    def __init__(self, port: str, baudrate: int, link: Path, file: TextIO, *, parity: str = "N") -> None:
        self._serial = serial.Serial(baudrate=baudrate, parity=parity, timeout=_READ_S, exclusive=True)
        self._serial.dtr = self._serial.rts = False
        self._serial.port = port
        self._serial.open()
        remarks = (f"{baudrate} baud, parity {parity}", "a real line, through a tap")
        self._writing = Writing(file, remarks, time.monotonic)
        self._running = True
        self._line = PtyLine(self, link)
        self._thread = threading.Thread(target=self._listen, name="tap", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Tap":
        return self

    def __exit__(self, *_: object) -> None:
        self._running = False
        self._thread.join()
        self._line.close()
        self._serial.close()

    def handle(self, data: bytes) -> bytes:
        """From the controller to the device."""
        self._writing.put(HOST, data)
        self._serial.write(data)
        return b""

    def _listen(self) -> None:
        while self._running:
            data = self._serial.read(1) + self._serial.read(self._serial.in_waiting)
            if data:
                self._writing.put(DEVICE, data)
                self._line.send(data)

"""A pseudo-terminal with an emulated device on it, under a path that stays the same when it is unplugged.

One thread owns the terminal. The faults are those of a line: silence, delay, garbled bytes, unplugging. A
pseudo-terminal has no control lines, parity, baud rate or bus timing; only a rig with real adapters shows those.
"""

import contextlib
import heapq
import itertools
import os
import queue
import select
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

_CHUNK = 4096


class Emulator(Protocol):
    """The device end of a protocol."""

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        ...


class PtyLine:
    """`with PtyLine(board, "/run/rig/gate") as line:` the controller opens `link_path` as its serial port.

    Faults may be set at any time: `silent` swallows replies, `delay_s` holds them back, `garble` changes them and
    `garble_in` what arrives. `character_s` models the wire: the time one character takes, both ways.
    """

    def __init__(
        self, emulator: Emulator, link_path: str | Path, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.silent = False
        self.delay_s = 0.0
        self.character_s = 0.0
        self.garble: Callable[[bytes], bytes] | None = None
        self.garble_in: Callable[[bytes], bytes] | None = None
        self.emulator = emulator
        self._link = Path(link_path)
        self._monotonic = monotonic
        self._master = self._slave = -1
        self._later: list[tuple[float, int, bytes]] = []
        self._order = itertools.count()
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake_read, self._wake_write = os.pipe()
        self._running = True
        self._thread = threading.Thread(target=self._run, name=f"pty {self._link.name}", daemon=True)
        self._thread.start()
        try:
            self.replug()
        except OSError:
            self.close()
            raise

    def __enter__(self) -> "PtyLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> str:
        """The path to give to the controller."""
        return str(self._link)

    def unplug(self) -> None:
        """The port disappears; whoever has it open finds it dead. Returns when done."""
        self._order_and_wait(self._unplug)

    def replug(self) -> None:
        """The port is back under the same path, with nothing of the past in it. Returns when done."""
        self._order_and_wait(self._plug)

    def send(self, data: bytes) -> None:
        """Put bytes on the line that the device never sent. Returns when done."""
        self._order_and_wait(lambda: self._emit(data))

    def close(self) -> None:
        """Unplug for good and end the thread."""
        if self._running:
            self._order_and_wait(self._end)
            self._thread.join()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _order_and_wait(self, action: Callable[[], None]) -> None:
        done = threading.Event()
        failure: list[Exception] = []

        def carry_out() -> None:
            try:
                action()
            except Exception as error:
                failure.append(error)
            finally:
                done.set()

        if not self._running:
            raise RuntimeError(f"{self._link} is closed")
        self._orders.put(carry_out)
        os.write(self._wake_write, b"!")
        done.wait()
        if failure:
            raise failure[0]

    # --- everything below runs in the thread ----------------------------------------------------------------

    def _run(self) -> None:
        while self._running:
            watched = [self._wake_read] + ([self._master] if self._master >= 0 else [])
            timeout = max(0.0, self._later[0][0] - self._monotonic()) if self._later else None
            ready = select.select(watched, [], [], timeout)[0]
            if self._master in ready:
                self._serve()
            while self._later and self._later[0][0] <= self._monotonic():
                self._emit(heapq.heappop(self._later)[2])
            if self._wake_read in ready:
                os.read(self._wake_read, _CHUNK)
                while not self._orders.empty():
                    self._orders.get()()

    def _serve(self) -> None:
        try:
            data = os.read(self._master, _CHUNK)
        except OSError:
            return
        if self.character_s:
            time.sleep(len(data) * self.character_s)
        if self.garble_in is not None:
            data = self.garble_in(data)
        reply = self.emulator.handle(data)
        if not reply or self.silent:
            return
        if self.garble is not None:
            reply = self.garble(reply)
        held_s = self.delay_s + len(reply) * self.character_s
        if held_s > 0:
            heapq.heappush(self._later, (self._monotonic() + held_s, next(self._order), reply))
        else:
            self._emit(reply)

    def _emit(self, data: bytes) -> None:
        # A full terminal means nobody listens; a UART would lose the bytes too.
        if self._master >= 0:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)

    def _plug(self) -> None:
        self._unplug()
        # The slave stays open here as well, or every close by a controller would hang the master up.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._link.with_name(f".{self._link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(self._link)

    def _unplug(self) -> None:
        if self._master < 0:
            return
        self._link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
        self._later.clear()

    def _end(self) -> None:
        self._unplug()
        self._running = False

"""A chip reader over PC/SC (PC/SC part 5; pcsc-lite): powering a chip up and down, one command at a time.

PC/SC blocks, so a thread of its own carries every call, in order. Not here: what is said to the chip (ICAO 9303-11,
`appliance.document.chip`) nor the printed zone. The library is an extra (`pcsc`): it compiles, and pcscd must run.
"""

import asyncio
import contextlib
import importlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from drivers.errors import ChipAbsent, ChipLost, Disconnected, DriverError, NoResponse, PortBusy, RemoteProtocolError

T = TypeVar("T")

LONGEST_RESPONSE = 65_538
"""Data and status of an extended response (ISO/IEC 7816-4)."""
LAID_S = 4.0
"""How long a chip is waited for: it is laid down after its zone was read, and pcscd looks for it twice a second."""
SETTLE_S = 1.0
"""How long powering down may take. A chip that never answers its last command holds it for as long as it lies there."""
MISSING = "chip readers need the extra: apt-get install gcc libpcsclite-dev pcscd, then pip install 'sallyport[pcsc]'"
OF_CHIP = (
    "SCARD_E_NO_SMARTCARD",
    "SCARD_E_NOT_TRANSACTED",
    "SCARD_E_PROTO_MISMATCH",
    "SCARD_W_REMOVED_CARD",
    "SCARD_W_RESET_CARD",
    "SCARD_W_UNPOWERED_CARD",
    "SCARD_W_UNRESPONSIVE_CARD",
    "SCARD_W_UNSUPPORTED_CARD",
)
"""Results that are a chip's. Any other is the reader's or pcscd's: it must be opened anew."""


def scard() -> Any:
    """The PC/SC library's own calls. Raises DriverError naming the cure where it is not installed."""
    try:
        return importlib.import_module("smartcard.scard")
    except ImportError as error:
        raise DriverError("pcsc", MISSING) from error


def readers(library: Any) -> list[str]:
    """Names of the readers there are. Raises DriverError when pcscd does not run."""
    context = _context(library, "pcsc")
    try:
        result, names = library.SCardListReaders(context, [])
        return list(names) if result == library.SCARD_S_SUCCESS else []
    finally:
        library.SCardReleaseContext(context)


def _context(library: Any, device: str) -> Any:
    result, context = library.SCardEstablishContext(library.SCARD_SCOPE_SYSTEM)
    if result != library.SCARD_S_SUCCESS:
        raise Disconnected(device, f"pcscd does not answer ({_words(library, result)}): systemctl start pcscd.socket")
    return context


def _words(library: Any, result: int) -> str:
    return str(library.SCardGetErrorMessage(result)).strip().rstrip(".")


class PcscChip:
    """One reader, by the beginning of its name as `appliance document readers` lists it. Raises DriverErrors."""

    def __init__(self, device: str, name: str, library: Any) -> None:
        self._device, self._wanted, self._lib = device, name, library
        self._line: _Line | None = None

    async def open(self) -> str:
        """Find the reader; its whole name."""
        await self.close()
        self._line = line = _Line(self._device, self._lib)
        try:
            return await line.call(lambda: line.open(self._wanted))
        except BaseException:
            await self.close()
            raise

    async def connect(self) -> bytes:
        """Power the chip up anew, once it is laid down; its answer to reset. Raises ChipAbsent."""
        line = self._opened()
        return await line.call(line.connect)

    async def transmit(self, command: bytes) -> bytes:
        """One command APDU; the response with both status bytes. Raises ChipLost."""
        line = self._opened()
        return await line.call(lambda: line.transmit(command))

    def _opened(self) -> "_Line":
        if self._line is None:
            raise Disconnected(self._device, "the reader is not open")
        return self._line

    async def disconnect(self) -> None:
        """Power the chip down. Never raises.

        While it still owes an answer it cannot be: then its line is left to end with it, and a new one is opened.
        """
        line = self._line
        if line is None:
            return
        line.post(line.disconnect)
        if not await line.settled():
            with contextlib.suppress(DriverError):
                await self.open()

    async def close(self) -> None:
        """Let the reader go. Never raises."""
        line, self._line = self._line, None
        if line is None:
            return
        line.post(line.release)
        try:
            await line.settled()
        finally:
            line.end()


class _Line:
    """A connection to pcscd, and the thread that carries every call over it.

    The thread is a daemon: a call that never returns must not keep the program from ending.
    """

    def __init__(self, device: str, library: Any) -> None:
        self._device, self._lib = device, library
        self._context: Any = None
        self._name = ""
        self._card: Any = None
        self._protocol = 0
        self._calls: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        threading.Thread(target=self._carry, name=f"{device} pcsc", daemon=True).start()

    def _carry(self) -> None:
        while (work := self._calls.get()) is not None:
            work()

    def post(self, work: Callable[[], object]) -> None:
        """Have it done after all that was asked for before."""
        self._calls.put(work)

    async def call(self, work: Callable[[], T]) -> T:
        """Have it done, and wait for what comes of it. What has begun goes on when nobody waits for it any more."""
        future: Future[T] = Future()

        def carried() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except Exception as error:
                    future.set_exception(error)

        self.post(carried)
        return await asyncio.wrap_future(future)

    async def settled(self) -> bool:
        """Whether all that was asked for is done, now or in a moment."""
        try:
            async with asyncio.timeout(SETTLE_S):
                await self.call(lambda: None)
        except TimeoutError:
            return False
        return True

    def end(self) -> None:
        """End the thread after all that was asked for."""
        self._calls.put(None)

    # --- in the thread ----------------------------------------------------------------------------------------

    def open(self, wanted: str) -> str:
        """See PcscChip."""
        lib = self._lib
        self._context = _context(lib, self._device)
        result, names = lib.SCardListReaders(self._context, [])
        names = names if result == lib.SCARD_S_SUCCESS else []
        found = [name for name in names if name.startswith(wanted)]
        if len(found) != 1:
            there = ", ".join(names) or "none at all"
            said = "no reader" if not found else f"{len(found)} readers"
            raise Disconnected(self._device, f"{said} named {wanted!r}; there are: {there}")
        self._name = found[0]
        return self._name

    def connect(self) -> bytes:
        """See PcscChip."""
        lib = self._lib
        if self._context is None:
            raise Disconnected(self._device, "the reader is not open")
        self.disconnect()
        # Returns at once when there is a chip. What else comes of it, the next call says.
        lib.SCardGetStatusChange(self._context, int(LAID_S * 1000), [(self._name, lib.SCARD_STATE_EMPTY)])
        protocols = lib.SCARD_PROTOCOL_T0 | lib.SCARD_PROTOCOL_T1
        result, card, protocol = lib.SCardConnect(self._context, self._name, lib.SCARD_SHARE_EXCLUSIVE, protocols)
        if result != lib.SCARD_S_SUCCESS:
            raise self._failed(result, ChipAbsent)
        self._card, self._protocol = card, protocol
        result, _, _, _, atr = lib.SCardStatus(card)
        if result != lib.SCARD_S_SUCCESS:
            self.disconnect()
            raise self._failed(result, ChipAbsent)
        return bytes(atr)

    def _failed(self, result: int, of_chip: type[ChipAbsent] | type[ChipLost]) -> DriverError:
        lib, words = self._lib, _words(self._lib, result)
        if result in [getattr(lib, name) for name in OF_CHIP]:
            return of_chip(self._device, f"no chip answers ({words})")
        if result == lib.SCARD_E_SHARING_VIOLATION:
            return PortBusy(
                self._device, "something else still talks to the chip: another program, or an unanswered command"
            )
        if result == lib.SCARD_E_TIMEOUT:
            return NoResponse(self._device, "the reader did not answer")
        return Disconnected(self._device, f"the reader is gone ({words})")

    def transmit(self, command: bytes) -> bytes:
        """See PcscChip."""
        lib = self._lib
        if self._card is None:
            raise ChipLost(self._device, "no chip is powered up")
        header = lib.SCARD_PCI_T1 if self._protocol == lib.SCARD_PROTOCOL_T1 else lib.SCARD_PCI_T0
        result, response = lib.SCardTransmit(self._card, header, list(command))
        if result != lib.SCARD_S_SUCCESS:
            self.disconnect()
            raise self._failed(result, ChipLost)
        if not response:
            # So vpcd tells of a chip that is taken away while a command is with it.
            self.disconnect()
            raise ChipLost(self._device, "the chip answered nothing at all")
        if not 2 <= len(response) <= LONGEST_RESPONSE:
            raise RemoteProtocolError(self._device, f"a response of {len(response)} bytes is none")
        return bytes(response)

    def disconnect(self) -> None:
        """See PcscChip."""
        card, self._card = self._card, None
        if card is not None:
            # Powered down, not merely let go: the next connection must find a chip without a session.
            self._lib.SCardDisconnect(card, self._lib.SCARD_UNPOWER_CARD)

    def release(self) -> None:
        """Let chip and reader go."""
        self.disconnect()
        context, self._context = self._context, None
        if context is not None:
            self._lib.SCardReleaseContext(context)

"""A chip reader over PC/SC (PC/SC part 5; pcsc-lite): powering a chip up and down, one command at a time.

PC/SC blocks, so a thread of its own carries every call, in order. Not here: what is said to the chip (ICAO 9303-11,
`appliance.document.chip`) nor the printed zone. The library is an extra (`pcsc`): it compiles, and pcscd must run.
"""

import asyncio
import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from drivers.errors import ChipAbsent, ChipLost, Disconnected, DriverError, NoResponse, PortBusy, RemoteProtocolError

T = TypeVar("T")

LONGEST_RESPONSE = 65_538
"""Data and status of an extended response (ISO/IEC 7816-4)."""
MISSING = (
    "chip readers need the extra: apt-get install gcc swig libpcsclite-dev pcscd, then pip install 'sallyport[pcsc]'"
)


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
        self._thread: ThreadPoolExecutor | None = None
        self._context: Any = None
        self._name = ""
        self._card: Any = None
        self._protocol = 0

    async def open(self) -> str:
        """Find the reader; its whole name."""
        return await self._called(self._open)

    async def connect(self) -> bytes:
        """Power the chip up anew; its answer to reset. Raises ChipAbsent."""
        return await self._called(self._connect)

    async def transmit(self, command: bytes) -> bytes:
        """One command APDU; the response with both status bytes. Raises ChipLost."""
        return await self._called(lambda: self._transmit(command))

    async def disconnect(self) -> None:
        """Power the chip down. Never raises."""
        await self._called(self._disconnect)

    async def close(self) -> None:
        """Let the reader go. Never raises."""
        await self._called(self._close)
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False)

    async def _called(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{self._device} pcsc")
        # A call that has begun is waited for: PC/SC cannot be left in the middle of one.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, work))

    # --- in the thread ----------------------------------------------------------------------------------------

    def _open(self) -> str:
        self._close()
        self._context = _context(self._lib, self._device)
        result, names = self._lib.SCardListReaders(self._context, [])
        found = [name for name in (names if result == self._lib.SCARD_S_SUCCESS else []) if self._matches(name)]
        if len(found) != 1:
            self._close()
            there = ", ".join(names or ()) or "none at all"
            said = "no reader" if not found else f"{len(found)} readers"
            raise Disconnected(self._device, f"{said} named {self._wanted!r}; there are: {there}")
        self._name = found[0]
        return self._name

    def _matches(self, name: str) -> bool:
        return name.startswith(self._wanted)

    def _connect(self) -> bytes:
        lib = self._lib
        if self._context is None:
            raise Disconnected(self._device, "the reader is not open")
        self._disconnect()
        protocols = lib.SCARD_PROTOCOL_T0 | lib.SCARD_PROTOCOL_T1
        result, card, protocol = lib.SCardConnect(self._context, self._name, lib.SCARD_SHARE_EXCLUSIVE, protocols)
        if result != lib.SCARD_S_SUCCESS:
            raise self._refused(result)
        self._card, self._protocol = card, protocol
        result, _, _, _, atr = lib.SCardStatus(card)
        if result != lib.SCARD_S_SUCCESS:
            self._disconnect()
            raise ChipAbsent(self._device, f"the chip fell silent ({_words(lib, result)})")
        return bytes(atr)

    def _refused(self, result: int) -> DriverError:
        lib, words = self._lib, _words(self._lib, result)
        if result == lib.SCARD_E_SHARING_VIOLATION:
            return PortBusy(self._device, "another program talks to the chip")
        if result in (lib.SCARD_E_UNKNOWN_READER, lib.SCARD_E_READER_UNAVAILABLE, lib.SCARD_E_NO_SERVICE):
            return Disconnected(self._device, f"the reader is gone ({words})")
        return ChipAbsent(self._device, f"no chip answers ({words})")

    def _transmit(self, command: bytes) -> bytes:
        lib = self._lib
        if self._card is None:
            raise ChipLost(self._device, "no chip is powered up")
        header = lib.SCARD_PCI_T1 if self._protocol == lib.SCARD_PROTOCOL_T1 else lib.SCARD_PCI_T0
        result, response = lib.SCardTransmit(self._card, header, list(command))
        if result != lib.SCARD_S_SUCCESS:
            self._disconnect()
            if result in (lib.SCARD_E_UNKNOWN_READER, lib.SCARD_E_READER_UNAVAILABLE, lib.SCARD_E_NO_SERVICE):
                raise Disconnected(self._device, f"the reader is gone ({_words(lib, result)})")
            if result == lib.SCARD_E_TIMEOUT:
                raise NoResponse(self._device, "the reader did not answer")
            raise ChipLost(self._device, f"the chip is gone ({_words(lib, result)})")
        if not 2 <= len(response) <= LONGEST_RESPONSE:
            raise RemoteProtocolError(self._device, f"a response of {len(response)} bytes is none")
        return bytes(response)

    def _disconnect(self) -> None:
        card, self._card = self._card, None
        if card is not None:
            # Powered down, not merely let go: the next connection must find a chip without a session.
            self._lib.SCardDisconnect(card, self._lib.SCARD_UNPOWER_CARD)

    def _close(self) -> None:
        self._disconnect()
        context, self._context = self._context, None
        if context is not None:
            self._lib.SCardReleaseContext(context)

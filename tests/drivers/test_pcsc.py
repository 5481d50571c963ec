"""The PC/SC reader against a library that answers as pcscd does, well and badly. (The real one: docs/pcsc.md.)"""

import asyncio
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from drivers.document import pcsc
from drivers.document.pcsc import PcscChip
from drivers.errors import (
    ChipAbsent,
    ChipLost,
    Disconnected,
    DriverError,
    NoResponse,
    PortBusy,
    RemoteProtocolError,
)

OK, SHARED, LATE, NO_CARD, MISMATCH, FAILED = 0, 0x8010000B, 0x8010000A, 0x8010000C, 0x8010000F, 0x80100016
GONE, UNAVAILABLE, NO_SERVICE, INVALID_HANDLE = 0x80100009, 0x80100017, 0x8010001D, 0x80100003
UNSUPPORTED, MUTE, UNPOWERED, RESET, REMOVED = range(0x80100065, 0x8010006A)
RPC = 0x8010002F
"""As pcsc-lite 1.9.9 and pyscard 2.3.1 have them; RPC is what a call ends with when pcscd is killed under it."""
NAME = "ACME Contactless 00 01"


class Library:
    """The functions of `smartcard.scard` that are used, with what they are to answer."""

    SCARD_S_SUCCESS = OK
    SCARD_E_NO_SMARTCARD, SCARD_E_SHARING_VIOLATION, SCARD_E_TIMEOUT = NO_CARD, SHARED, LATE
    SCARD_E_NOT_TRANSACTED, SCARD_E_PROTO_MISMATCH = FAILED, MISMATCH
    SCARD_W_UNSUPPORTED_CARD, SCARD_W_UNRESPONSIVE_CARD, SCARD_W_UNPOWERED_CARD = UNSUPPORTED, MUTE, UNPOWERED
    SCARD_W_RESET_CARD, SCARD_W_REMOVED_CARD = RESET, REMOVED
    SCARD_SCOPE_SYSTEM, SCARD_SHARE_EXCLUSIVE, SCARD_UNPOWER_CARD, SCARD_STATE_EMPTY = 2, 1, 2, 16
    SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, SCARD_PCI_T0, SCARD_PCI_T1 = 1, 2, 1, 2

    def __init__(self) -> None:
        self.service, self.names, self.connects, self.status = OK, [NAME, "Other"], OK, OK
        self.answers: list[tuple[int, list[int]]] = []
        self.calls: list[tuple[Any, ...]] = []
        self.answering = threading.Event()
        self.answering.set()

    def SCardGetErrorMessage(self, result: int) -> str:
        return f"error {result}."

    def SCardEstablishContext(self, scope: int) -> tuple[int, str]:
        return self.service, "context"

    def SCardReleaseContext(self, context: str) -> int:
        self.calls.append(("release", context))
        return OK

    def SCardListReaders(self, context: str, groups: list[str]) -> tuple[int, list[str]]:
        return OK, self.names

    def SCardGetStatusChange(
        self, context: str, patience_ms: int, states: list[tuple[str, int]]
    ) -> tuple[int, list[Any]]:
        self.calls.append(("wait", patience_ms, states))
        return LATE if self.connects == NO_CARD else OK, []

    def SCardConnect(self, context: str, name: str, mode: int, protocols: int) -> tuple[int, str, int]:
        self.calls.append(("connect", name, mode, protocols))
        return self.connects, "card", 2

    def SCardStatus(self, card: str) -> tuple[int, str, int, int, list[int]]:
        return self.status, NAME, 0, 2, [0x3B, 0x80]

    def SCardTransmit(self, card: str, header: int, command: list[int]) -> tuple[int, list[int]]:
        self.calls.append(("transmit", header, bytes(command)))
        self.answering.wait(30)
        return self.answers.pop(0)

    def SCardDisconnect(self, card: str, disposition: int) -> int:
        self.calls.append(("disconnect", disposition))
        return OK


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
async def chip(library: Library) -> AsyncIterator[PcscChip]:
    chip = PcscChip("document_reader", "ACME", library)
    assert await chip.open() == NAME
    yield chip
    await chip.close()


pytestmark = pytest.mark.anyio


async def test_commands_and_answers_pass_as_they_are(chip: PcscChip, library: Library) -> None:
    assert await chip.connect() == bytes.fromhex("3B80")
    library.answers = [(OK, [0xDE, 0xAD, 0x90, 0x00])]
    assert await chip.transmit(bytes.fromhex("00A4020C02011E")) == bytes.fromhex("DEAD9000")
    assert library.calls[-1] == ("transmit", 2, bytes.fromhex("00A4020C02011E"))
    await chip.disconnect()
    assert library.calls[-1] == ("disconnect", library.SCARD_UNPOWER_CARD)


async def test_the_chip_is_powered_down_before_it_is_powered_up_again(chip: PcscChip, library: Library) -> None:
    await chip.connect()
    await chip.connect()
    assert [call[0] for call in library.calls] == ["wait", "connect", "disconnect", "wait", "connect"]


async def test_a_chip_is_waited_for(chip: PcscChip, library: Library) -> None:
    await chip.connect()
    assert library.calls[0] == ("wait", 4000, [(NAME, Library.SCARD_STATE_EMPTY)])


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (NO_CARD, ChipAbsent),
        (REMOVED, ChipAbsent),
        (MUTE, ChipAbsent),
        (UNSUPPORTED, ChipAbsent),
        (UNPOWERED, ChipAbsent),
        (MISMATCH, ChipAbsent),
        (SHARED, PortBusy),
        (GONE, Disconnected),
        (UNAVAILABLE, Disconnected),
        (NO_SERVICE, Disconnected),
        (INVALID_HANDLE, Disconnected),
    ],
)
async def test_no_connection(chip: PcscChip, library: Library, result: int, error: type[DriverError]) -> None:
    library.connects = result
    with pytest.raises(error):
        await chip.connect()
    with pytest.raises(ChipLost):
        await chip.transmit(b"\x00\xa4\x04\x0c")


async def test_a_chip_silent_after_power_up_is_absent(chip: PcscChip, library: Library) -> None:
    library.status = REMOVED
    with pytest.raises(ChipAbsent):
        await chip.connect()
    assert library.calls[-1][0] == "disconnect"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((REMOVED, []), ChipLost),
        ((RESET, []), ChipLost),
        ((FAILED, []), ChipLost),
        ((OK, []), ChipLost),
        ((GONE, []), Disconnected),
        ((UNAVAILABLE, []), Disconnected),
        ((NO_SERVICE, []), Disconnected),
        ((INVALID_HANDLE, []), Disconnected),
        ((RPC, []), Disconnected),
        ((LATE, []), NoResponse),
        ((OK, [0x90]), RemoteProtocolError),
        ((OK, [0] * 65_539), RemoteProtocolError),
    ],
)
async def test_a_command_that_fails(
    chip: PcscChip, library: Library, answer: tuple[int, list[int]], error: type[DriverError]
) -> None:
    await chip.connect()
    library.answers = [answer]
    with pytest.raises(error):
        await chip.transmit(b"\x00\x84\x00\x00\x08")


async def test_after_a_command_that_failed_the_chip_is_powered_down(chip: PcscChip, library: Library) -> None:
    await chip.connect()
    library.answers = [(FAILED, [])]
    with pytest.raises(ChipLost):
        await chip.transmit(b"\x00\x84\x00\x00\x08")
    assert library.calls[-1] == ("disconnect", library.SCARD_UNPOWER_CARD)
    with pytest.raises(ChipLost):
        await chip.transmit(b"\x00\x84\x00\x00\x08")


async def test_a_chip_that_never_answers_holds_neither_the_lane_nor_the_next_chip(
    chip: PcscChip, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pcsc, "SETTLE_S", 0.05)
    await chip.connect()
    library.answering.clear()
    library.answers = [(OK, [0x90, 0x00]), (OK, [0x63, 0x00])]
    asked = asyncio.create_task(chip.transmit(b"\x00\x84\x00\x00\x08"))
    async with asyncio.timeout(10):
        while library.calls[-1][0] != "transmit":  # noqa: ASYNC110 - the library is called in a thread
            await asyncio.sleep(0)
        asked.cancel()
        await chip.disconnect()
        assert library.calls[-1][0] == "transmit", "the library is still busy"
        await chip.connect()
        library.answering.set()
        while library.calls[-1] != ("release", "context"):  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert library.calls[-2] == ("disconnect", library.SCARD_UNPOWER_CARD), "what was left is powered down in the end"
    assert await chip.transmit(b"\x00\x84\x00\x00\x08") == b"\x63\x00", "no answer to somebody else's command"


async def test_a_reader_that_is_closed_says_so(chip: PcscChip, library: Library) -> None:
    await chip.close()
    assert library.calls == [("release", "context")]
    await chip.disconnect()
    await chip.close()
    for call in (chip.connect(), chip.transmit(b"\x00\x84\x00\x00\x08")):
        with pytest.raises(Disconnected, match="not open"):
            await call
    assert await chip.open() == NAME


@pytest.mark.parametrize(
    ("names", "said"), [([], "none at all"), (["Other"], "Other"), ([NAME, "ACME two"], "2 readers")]
)
async def test_the_reader_must_be_there_once(library: Library, names: list[str], said: str) -> None:
    library.names = names
    chip = PcscChip("document_reader", "ACME", library)
    with pytest.raises(Disconnected, match=said):
        await chip.open()
    assert library.calls == [("release", "context")]


async def test_without_its_service_it_says_how_to_start_it(library: Library) -> None:
    library.service = NO_SERVICE
    with pytest.raises(Disconnected, match="systemctl start pcscd"):
        await PcscChip("document_reader", "ACME", library).open()
    with pytest.raises(Disconnected, match="systemctl start pcscd"):
        pcsc.readers(library)


def test_without_the_library_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> SimpleNamespace:
        raise ImportError(name)

    monkeypatch.setattr(pcsc.importlib, "import_module", absent)
    with pytest.raises(DriverError, match="libpcsclite-dev"):
        pcsc.scard()

"""The PC/SC reader against a library that answers as pcscd does, well and badly. (The real one: docs/passport.md.)"""

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

OK, NO_CARD, GONE, BUSY, REMOVED, LATE, NO_SERVICE = range(7)
NAME = "ACME Contactless 00 01"


class Library:
    """The functions of `smartcard.scard` that are used, with what they are to answer."""

    SCARD_S_SUCCESS = OK
    SCARD_E_NO_SMARTCARD, SCARD_E_UNKNOWN_READER, SCARD_E_SHARING_VIOLATION = NO_CARD, GONE, BUSY
    SCARD_W_REMOVED_CARD, SCARD_E_TIMEOUT, SCARD_E_NO_SERVICE = REMOVED, LATE, NO_SERVICE
    SCARD_E_READER_UNAVAILABLE = 99
    SCARD_SCOPE_SYSTEM, SCARD_SHARE_EXCLUSIVE, SCARD_UNPOWER_CARD = 2, 1, 2
    SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, SCARD_PCI_T0, SCARD_PCI_T1 = 1, 2, "t0", "t1"

    def __init__(self) -> None:
        self.service, self.names, self.connects, self.status = OK, [NAME, "Other"], OK, OK
        self.answers: list[tuple[int, list[int]]] = []
        self.calls: list[tuple[Any, ...]] = []

    def SCardGetErrorMessage(self, result: int) -> str:
        return f"error {result}."

    def SCardEstablishContext(self, scope: int) -> tuple[int, str]:
        return self.service, "context"

    def SCardReleaseContext(self, context: str) -> int:
        self.calls.append(("release", context))
        return OK

    def SCardListReaders(self, context: str, groups: list[str]) -> tuple[int, list[str]]:
        return OK, self.names

    def SCardConnect(self, context: str, name: str, mode: int, protocols: int) -> tuple[int, str, int]:
        self.calls.append(("connect", name, mode, protocols))
        return self.connects, "card", 2

    def SCardStatus(self, card: str) -> tuple[int, str, int, int, list[int]]:
        return self.status, NAME, 0, 2, [0x3B, 0x80]

    def SCardTransmit(self, card: str, header: str, command: list[int]) -> tuple[int, list[int]]:
        self.calls.append(("transmit", header, bytes(command)))
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
    assert library.calls[-1] == ("transmit", "t1", bytes.fromhex("00A4020C02011E"))
    await chip.disconnect()
    assert library.calls[-1] == ("disconnect", library.SCARD_UNPOWER_CARD)


async def test_the_chip_is_powered_down_before_it_is_powered_up_again(chip: PcscChip, library: Library) -> None:
    await chip.connect()
    await chip.connect()
    assert [call[0] for call in library.calls] == ["connect", "disconnect", "connect"]


@pytest.mark.parametrize(
    ("result", "error"), [(NO_CARD, ChipAbsent), (REMOVED, ChipAbsent), (BUSY, PortBusy), (GONE, Disconnected)]
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
        ((GONE, []), Disconnected),
        ((LATE, []), NoResponse),
        ((OK, []), RemoteProtocolError),
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

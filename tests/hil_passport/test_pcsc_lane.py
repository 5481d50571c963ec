"""A lane configured for PC/SC reads a document: swipe on a pseudo-terminal, chip behind the library's calls.

The library is the virtual chip behind `smartcard.scard`'s signatures; the real one needs pcscd: `make pcsc`.
"""

import asyncio
import socket
import threading
from contextlib import ExitStack

import pytest

from appliance import devices
from appliance.clock import SystemClock, today
from appliance.config import ConfigError
from appliance.core.types import InspectionStep, Result
from appliance.document.reasons import Reason, worst
from appliance.runtime.documents import Documents, Trusted
from drivers.document.pcsc import OF_CHIP
from drivers.document.reader import ZoneAndChip
from drivers.errors import Disconnected, DriverError
from hil.emulator.mrz_swipe import TextReader
from hil.emulator.pty_line import PtyLine
from hil.passport import vpcd
from hil.passport.faults import Fault
from hil.passport.misbehaviour import CardRemoved
from hil.pcsc import packages, stack
from hil.pcsc.cases import CASES, GENUINE
from hil.pcsc.lane import configured
from hil.pcsc.stack import READER, NotApart
from hil.rig.trust import import_trust

pytestmark = pytest.mark.anyio


class Library:
    """`smartcard.scard` with a chip on its only reader."""

    SCARD_S_SUCCESS, SCARD_E_SHARING_VIOLATION, SCARD_E_TIMEOUT = 0, 0x8010000B, 0x8010000A
    SCARD_SCOPE_SYSTEM, SCARD_SHARE_EXCLUSIVE, SCARD_UNPOWER_CARD, SCARD_STATE_EMPTY = 2, 1, 2, 16
    SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, SCARD_PCI_T0, SCARD_PCI_T1 = 1, 2, 1, 2

    def __init__(self, chip):
        for number, name in enumerate(OF_CHIP, 1):
            setattr(self, name, number)
        self._chip, self.open, self.powered = chip, False, False

    def SCardGetErrorMessage(self, result):
        return f"result {result}"

    def SCardEstablishContext(self, scope):
        self.open = True
        return 0, "context"

    def SCardReleaseContext(self, context):
        self.open = False
        return 0

    def SCardListReaders(self, context, groups):
        return 0, [READER]

    def SCardGetStatusChange(self, context, patience_ms, states):
        return 0, []

    def SCardConnect(self, context, name, mode, protocols):
        self._atr = self._chip.reset()
        self.powered = True
        return 0, "card", 2

    def SCardStatus(self, card):
        return 0, READER, 0, 2, list(self._atr)

    def SCardTransmit(self, card, header, command):
        try:
            return 0, list(self._chip.process(bytes(command)))
        except CardRemoved:
            return self.SCARD_E_NOT_TRANSACTED, []

    def SCardDisconnect(self, card, disposition):
        self.powered = False
        return 0


@pytest.fixture
def inspected(tmp_path, make, monkeypatch):
    """Have a passport read by a lane as it is configured; the inspection, and the library afterwards."""

    async def read(*faults):
        passport = make(*faults)
        library = Library(passport.chip())
        monkeypatch.setattr(devices, "scard", lambda: library)
        import_trust(tmp_path / "trust", tmp_path / "utopia", SystemClock().now())
        with PtyLine(TextReader(), tmp_path / "swipe.tty") as line:
            config = configured(tmp_path, line.path)
            reader = devices.reader(config)
            assert isinstance(reader, ZoneAndChip)
            trusted = Trusted(config.trust.store, config.trust.roots, specimens=config.simulated)
            documents = Documents(reader, trusted, config.trust.rules())
            assert (await documents.open()).model == f"serial MRZ reader and {READER}"
            presented = asyncio.create_task(documents.presented())
            await asyncio.sleep(0)
            line.send(TextReader().swipe(passport.printed))
            async with asyncio.timeout(30):
                await presented
                judged = await documents.judged(today(SystemClock()))
            assert library.open
            assert not library.powered
            await documents.close()
        assert not library.open
        return judged

    return read


async def test_a_lane_with_a_pcsc_reader_reads_a_passport(inspected):
    judged = await inspected()
    assert {judged.inspection.result(step) for step in InspectionStep} == {Result.SUCCESSFUL}
    assert judged.document.chip_authentic is Result.SUCCESSFUL
    assert judged.portrait is not None


@pytest.mark.parametrize("fault", [Fault.CARD_PULLED, Fault.CLONE_CHIP, Fault.WRONG_MRZ])
async def test_a_lane_with_a_pcsc_reader_finds_out(inspected, fault):
    judged = await inspected(fault)
    reasons = {Fault.CARD_PULLED: Reason.CHIP_LOST, Fault.CLONE_CHIP: Reason.CHIP_AUTHENTICATION_FAILED}
    assert worst(judged.inspection.reasons()) is reasons.get(fault, Reason.ACCESS_DENIED)
    assert judged.document.chip_authentic is not Result.SUCCESSFUL


def test_without_the_library_the_lane_does_not_start(tmp_path, monkeypatch):
    def absent():
        raise DriverError("pcsc", "install it")

    monkeypatch.setattr(devices, "scard", absent)
    with pytest.raises(ConfigError, match="document_reader: install it"):
        devices.reader(configured(tmp_path, "/dev/ttyS0"))


# --- the job itself -----------------------------------------------------------------------------------------


def test_every_case_expects_what_a_lane_can_say():
    sayable = {GENUINE, Disconnected.__name__, *Reason}
    assert [case.words for case in CASES if case.expected not in sayable] == []
    assert len({case.words for case in CASES}) == len(CASES)


def test_it_refuses_to_let_vpcd_listen_in_a_network_with_neighbours(monkeypatch):
    monkeypatch.setattr(stack.socket, "if_nameindex", lambda: [(1, "lo"), (2, "eth0")])
    monkeypatch.setattr(stack.subprocess, "run", lambda *_, **__: pytest.fail("it must not touch /run"))
    with pytest.raises(NotApart, match="eth0"):
        stack.settle_in()


def test_it_says_which_packages_are_missing_and_what_they_bring(monkeypatch):
    monkeypatch.setattr(
        packages, "_NEEDS", {"here": lambda: True, "gcc": lambda: None, "vsmartcard-vpcd": lambda: False}
    )
    assert "apt-get install --no-install-recommends gcc vsmartcard-vpcd\n" in packages.missing()
    assert "rm /etc/reader.conf.d/vpcd" in packages.missing()
    monkeypatch.setattr(packages, "_NEEDS", {"here": lambda: True})
    assert packages.missing() == ""


# --- a card that comes and goes -----------------------------------------------------------------------------


def test_a_chip_is_laid_on_a_reader_that_waits_and_taken_off(make):
    with ExitStack() as opened:
        server = opened.enter_context(socket.create_server((vpcd.LOOPBACK, 0)))
        with vpcd.lay(make().chip(), server.getsockname()[1]):
            reader = opened.enter_context(server.accept()[0])
            reader.settimeout(5)
            reader.sendall(vpcd.frame(b"\x04"))
            assert reader.recv(100) == vpcd.frame(vpcd.ATR)
        assert reader.recv(100) == b"", "taken off: the connection has ended"
    with pytest.raises(ConnectionRefusedError), vpcd.lay(make().chip(), server_port_of_nobody()):
        pytest.fail("nobody waits there")


def server_port_of_nobody():
    with socket.create_server((vpcd.LOOPBACK, 0)) as server:
        return server.getsockname()[1]


def test_a_silent_chip_stays_on_the_reader(make):
    slot = vpcd.Slot(make(Fault.SILENCE).chip())
    select = bytes.fromhex("00A4040C07A0000002471001")
    assert [slot.answer(select) for _ in range(14)] == [b"\x90\x00"] * 14
    assert [slot.answer(select) for _ in range(3)] == [None] * 3
    assert slot.answer(b"\x04") == vpcd.ATR
    assert slot.answer(b"\x02") is None
    assert slot.answer(select) == b"\x90\x00", "after a reset it is fresh"
    ours, theirs = socket.socketpair()
    stopping = threading.Event()
    with ours, theirs:
        silent = vpcd.Slot(make(Fault.SILENCE).chip())
        thread = threading.Thread(target=silent.serve, args=(theirs, stopping))
        thread.start()
        ours.settimeout(5)
        ours.sendall(vpcd.frame(select) * 16 + vpcd.frame(b"\x04"))
        heard = b""
        while not heard.endswith(vpcd.frame(vpcd.ATR)):
            heard += ours.recv(1000)
        assert heard == vpcd.frame(b"\x90\x00") * 14 + vpcd.frame(vpcd.ATR), "silent, and still there"
        stopping.set()
        thread.join()

"""OSDP without a line: frames, ciphers, keys, and the rules kept against libosdp itself."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from drivers.errors import DriverError, NoResponse
from drivers.osdp.board import osdp_board
from drivers.osdp.keys import SCBK_D, KeyRefused, KeyStore, check_key
from drivers.osdp.link import Link
from drivers.osdp.protocol import Block, Command, Frame, FrameReader, Reply
from drivers.osdp.reader import KeysPressed, ReaderEvents
from drivers.osdp.values import LinkState, Order
from hil.emulator.osdp_channel import Aes128, DeviceChannel
from hil.emulator.osdp_pd import KEY, OsdpDevice

osdp_sys = pytest.importorskip("osdp_sys", reason="the extra `osdp` is not installed")
pytestmark = pytest.mark.anyio

# From libosdp's own tests (test-cp-phy.c), whole.
PUBLIC = {
    bytes.fromhex("FF 53 65 08 00 04 60 60 90"): Frame(0x65, 0, Command.POLL),
    bytes.fromhex("FF 53 65 09 00 04 61 00 D9 7A"): Frame(0x65, 0, Command.ID, b"\x00"),
    bytes.fromhex("FF 53 65 10 00 04 76 01 02 03 04 05 06 07 08 0D 20"): Frame(0x65, 0, 0x76, bytes(range(1, 9))),
}
# From the SIA specification, annex E, as quoted there and in libosdp (test-sc-sia-vectors.c): check included.
ANNEX_E = {
    bytes.fromhex("53 7F 0D 00 04 6E 00 80 25 00 00 6E 38"): Frame(
        0x7F, 0, 0x6E, bytes.fromhex("0080250000"), marked=False
    ),
    bytes.fromhex("53 00 09 00 04 61 00 C0 66"): Frame(0, 0, Command.ID, b"\x00", marked=False),
    bytes.fromhex("53 7F 0C 00 00 6E 00 80 25 00 00 0F"): Frame(
        0x7F, 0, 0x6E, bytes.fromhex("0080250000"), crc=False, marked=False
    ),
    bytes.fromhex("53 00 08 00 00 61 00 44"): Frame(0, 0, Command.ID, b"\x00", crc=False, marked=False),
}


# --- bytes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wire", "frame"), [*PUBLIC.items(), *ANNEX_E.items()])
def test_frames_whole_byte_by_byte_and_among_garbage(wire: bytes, frame: Frame) -> None:
    assert frame.encode() == wire
    assert FrameReader(replies=False).feed(wire) == [frame]
    reader = FrameReader(replies=False)
    pieces = [piece for byte in wire for piece in reader.feed(bytes((byte,)))]
    assert pieces == [frame]
    # A header that promises more than comes, and one with an impossible length.
    found = FrameReader(replies=False).feed(b"\x00\xffS\x00\x01\x00\x04" + wire + b"\x42" + wire)
    assert [piece for piece in found if isinstance(piece, Frame)] == [frame, frame]


def test_nothing_is_lost_between_frames() -> None:
    wire = next(iter(PUBLIC))
    garbage = b"\x01\xffS" + wire + b"\xff\xff" + wire + b"S\x65\x08"
    reader = FrameReader(replies=False)
    pieces = reader.feed(garbage)
    assert (
        b"".join(piece if isinstance(piece, bytes) else piece.encode() for piece in pieces) + reader.give_up()
        == garbage
    )
    assert not reader.pending


@pytest.mark.parametrize("at", range(1, 9))
def test_a_flipped_bit_is_no_frame(at: int) -> None:
    wire = bytearray(next(iter(PUBLIC)))
    wire[at] ^= 0x04
    reader = FrameReader(replies=False)
    assert [piece for piece in [*reader.feed(bytes(wire)), reader.give_up()] if isinstance(piece, Frame)] == []


def test_the_devices_channel_against_the_vectors_of_annex_e() -> None:
    panel_random, device_random = bytes(range(0xB0, 0xB8)), bytes(range(0xA0, 0xA8))
    channel = DeviceChannel(SCBK_D, panel_random, device_random)
    assert channel.mac_key_1.hex() == "5e86c676603bdee2d8beafe178637332"
    assert channel.mac_key_2.hex() == "6fda86e857777e811320357582391" + "72e"
    assert channel.cipher_key.hex() == "bf8dc2a8329acb8c67c6d0cd9a451682"
    assert channel.panel_cryptogram.hex() == "26d3356e07762d262801fc8e6665a891"
    assert channel.device_cryptogram.hex() == "fde5d2f428ec16312471ea3c02bd7796"
    assert channel.initial_mac.hex() == "b2a30057eb98ba2229ec1f875662b524"


def test_the_cipher_against_fips_197() -> None:
    cipher = Aes128(bytes(range(16)))
    sealed = cipher.encrypt(bytes.fromhex("00112233445566778899aabbccddeeff"))
    assert sealed.hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert cipher.decrypt(sealed).hex() == "00112233445566778899aabbccddeeff"


# --- keys ---------------------------------------------------------------------------------------------------


def test_keys_everybody_knows_are_refused() -> None:
    assert check_key("gate", KEY) == KEY
    with pytest.raises(KeyRefused, match=r"SCBK-D.*commission"):
        check_key("gate", SCBK_D)
    for weak in (bytes(16), b"\xff" * 16, bytes(range(16)), bytes(range(16, 0, -1)), KEY[:15], KEY + b"\x00"):
        with pytest.raises(KeyRefused):
            check_key("gate", weak)
    with pytest.raises(KeyRefused, match="SCBK-D"):
        osdp_board("gate", "/dev/null", key=SCBK_D)()


def test_a_key_store_makes_keeps_and_guards_its_keys(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keys")
    with pytest.raises(KeyRefused, match="commission the device first"):
        keys.key("gate")
    made = keys.create("gate")
    assert keys.key("gate") == made
    assert keys.create("reader") != made
    with pytest.raises(KeyRefused, match="exists"):
        keys.create("gate")
    keys.path("gate").chmod(0o640)
    with pytest.raises(KeyRefused, match="others can read"):
        keys.key("gate")
    keys.path("gate").chmod(0o600)
    for wrong, why in (("3031", "16 bytes"), ("what", "no key of 32"), (SCBK_D.hex(), "SCBK-D"), ("\xe4", "no key")):
        keys.path("gate").write_text(wrong, encoding="utf-8")
        with pytest.raises(KeyRefused, match=why):
            keys.key("gate")


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "osdp_sys", None)
    with pytest.raises(DriverError, match=r"pip install sallyport\[osdp\]"):
        osdp_board("gate", "/dev/null", key=KEY)()


# --- the rules ---------------------------------------------------------------------------------------------


class FakePanel:
    """Stands for the library: sends what the test puts into `frames`, one a refresh."""

    def __init__(self, infos: list[dict[str, Any]]) -> None:
        self.channel = infos[0]["channel"]
        self.flags = infos[0]["flags"]
        self.frames: list[Frame] = []

    def set_event_callback(self, _: Any) -> None: ...

    def set_command_completion_callback(self, _: Any) -> None: ...

    def status(self) -> int:
        return 1

    def sc_status(self) -> int:
        return 1

    def refresh(self) -> None:
        if self.frames:
            frame = self.frames.pop(0)
            assert self.channel.write(frame.encode()) == len(frame.encode())

    def submit_command(self, _pd: int, _command: dict[str, Any]) -> bool:
        return True

    def flush_commands(self, _pd: int) -> int:
        return 1

    def get_pd_id(self, _pd: int) -> dict[str, int]:
        return dict.fromkeys(("vendor_code", "model", "version", "serial_number", "firmware_version"), 1)

    def check_capability(self, _pd: int, _code: int) -> tuple[int, int]:
        return 0, 0


class FakeLibrary:
    FLAG_ENFORCE_SECURE, FLAG_ENABLE_NOTIFICATION = 1, 2
    EVENT_NOTIFICATION, EVENT_STATUS, COMPLETION_OK = 5, 4, 0

    def __init__(self) -> None:
        self.panels: list[FakePanel] = []

    def ControlPanel(self, infos: list[dict[str, Any]]) -> FakePanel:
        self.panels.append(FakePanel(infos))
        return self.panels[-1]


SEALED = bytes((2, Block.CIPHER_TO_DEVICE))
OUT = Frame(1, 1, Command.OUT, bytes(20), SEALED)


def link_on(library: FakeLibrary, commissioning: bool = False) -> tuple[Link, list[LinkState]]:
    states: list[LinkState] = []
    link = Link(
        "gate",
        library,
        address=1,
        key=KEY,
        commissioning=commissioning,
        deliver=lambda _: None,
        changed=states.append,
        now=0.0,
    )
    link.tick(0.0)
    assert link.state.secure
    return link, states


def test_the_library_is_told_to_enforce_the_channel() -> None:
    library = FakeLibrary()
    link_on(library)
    assert library.panels[0].flags & FakeLibrary.FLAG_ENFORCE_SECURE


@pytest.mark.parametrize(
    ("frames", "at", "sent", "why"),
    [
        ([OUT], 0.2, 1, None),
        ([OUT, OUT], 0.2, 1, "not repeated"),
        ([Frame(1, 1, Command.OUT, bytes(4))], 0.2, 0, "without cipher"),
        ([Frame(1, 1, Command.OUT, bytes(8), bytes((2, Block.MAC_TO_DEVICE)))], 0.2, 0, "without cipher"),
    ],
)
def test_a_release_leaves_once_in_time_and_encrypted(
    frames: list[Frame], at: float, sent: int, why: str | None
) -> None:
    library = FakeLibrary()
    link, _ = link_on(library)
    order = Order(Command.OUT, {"command": 1}, expires=0.25, once=True, urgent=True)
    link.order(order)
    link.tick(0.1)
    leaving = b""
    for frame in frames:
        library.panels[0].frames.append(frame)
        leaving += link.tick(at)
    assert leaving.count(b"S\x01") == sent
    if why is None:
        assert not order.result.done()
        assert link.state.secure
    else:
        with pytest.raises(NoResponse, match=why):
            order.result.result(0)
        # The library, which believes that it has sent, is replaced.
        assert len(library.panels) == 2


def test_a_release_the_library_sends_too_late_does_not_leave() -> None:
    library = FakeLibrary()
    link, _ = link_on(library)
    order = Order(Command.OUT, {}, expires=0.25, once=True)
    link.order(order)
    link.tick(0.25)
    library.panels[0].frames.append(OUT)
    assert link.tick(0.26) == b""
    with pytest.raises(NoResponse, match="dropped, nothing was sent"):
        order.result.result(0)


def test_an_order_that_comes_just_after_a_loss_fails_at_once() -> None:
    link, _ = link_on(FakeLibrary())
    link.tick(2.0)
    assert not link.state.secure
    order = Order(Command.ISTAT, {}, expires=9.0)
    link.order(order)
    link.tick(2.01)
    with pytest.raises(NoResponse, match="silent"):
        order.result.result(0)


def test_an_output_command_nobody_ordered_and_a_key_are_kept_back() -> None:
    library = FakeLibrary()
    link, states = link_on(library)
    library.panels[0].frames += [Frame(1, 2, Command.KEYSET, bytes(36), SEALED)]
    assert link.tick(0.1) == b""
    library.panels[0].frames += [OUT]
    assert link.tick(0.2) == b""
    assert any(state.error is not None and "nobody waits for" in state.error.message for state in states)


def test_an_order_that_waited_too_long_is_dropped_unsent() -> None:
    link, _ = link_on(FakeLibrary())
    first, second = (Order(Command.OUT, {}, expires=0.25, once=True) for _ in range(2))
    link.order(first)
    link.order(second)
    link.tick(0.1)
    link._current = None
    link.tick(0.3)
    with pytest.raises(NoResponse, match="dropped, nothing was sent"):
        second.result.result(0)


def test_the_library_alone_would_believe_a_forged_card() -> None:
    """Why `Link` looks at every answer. When this fails, the library has mended it."""
    device = OsdpDevice()

    card = b"\x00\x01\x1a\x00\xde\xad\xbe\xc0"
    handshake = bytes((2, Block.CRYPTOGRAM))

    def forged(frame: Frame) -> bytes:
        return Frame(1, frame.sequence, Reply.RAW, card, handshake, reply=True).encode()

    class Wire:
        id = 1
        answer = b""

        def read(self, count: int) -> bytes:
            data, self.answer = self.answer[:count], self.answer[count:]
            return data

        def write(self, data: bytes) -> int:
            self.answer += device.handle(bytes(data))
            return len(data)

        def flush(self) -> None: ...

    info = {"name": "x", "address": 1, "flags": osdp_sys.FLAG_ENFORCE_SECURE, "scbk": KEY, "channel": Wire()}
    osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)
    numbers = dict.fromkeys(("version", "model", "vendor_code", "serial_number", "firmware_version"), 0)
    panel = osdp_sys.ControlPanel([info | numbers])
    cards: list[dict[str, Any]] = []
    panel.set_event_callback(lambda _pd, event: cards.append(event) or 0)
    deadline = time.monotonic() + 2.0
    while not cards and time.monotonic() < deadline:
        panel.refresh()
        time.sleep(0.001)
        if panel.sc_status() & 1:
            device.edit = lambda frame: forged(frame) if frame.sealed else frame.encode()
    assert [bytes(card["data"]) for card in cards] == [card[4:]]


async def test_unread_events_are_bounded() -> None:
    events = ReaderEvents("reader")
    for number in range(300):
        events.put({"event": osdp_sys.EVENT_KEYPRESS, "reader_no": 0, "data": bytes((0x30 + number % 10,))})
    assert events.lost == 44
    assert await events.next() == KeysPressed(0, "4")

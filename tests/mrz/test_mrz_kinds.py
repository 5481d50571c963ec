"""The section of an MRZ reader: each kind builds its driver, which reads; wrong keys and the keyboard are refused."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from appliance.mrz_config import MrzReaderConfig, RteConfig
from drivers.document.mrz_swipe.rte_native import Check
from drivers.errors import Disconnected
from hil.contracts.mrz_reader import PASSPORT, waiting
from hil.emulator.mrz_swipe import IdboxSlot, RteSwipe, SwipeEmulator, TextReader
from hil.emulator.pty_line import PtyLine

pytestmark = pytest.mark.anyio
SECTION: TypeAdapter[Any] = TypeAdapter(MrzReaderConfig)
KINDS: list[tuple[dict[str, Any], SwipeEmulator]] = [
    ({"kind": "rte_native"}, RteSwipe()),
    ({"kind": "rte_native", "check": "xor_whole"}, RteSwipe(check=Check.XOR_WHOLE)),
    ({"kind": "idbox"}, IdboxSlot()),
    ({"kind": "serial_text"}, TextReader()),
    ({"kind": "serial_text", "framed": True, "baudrate": 115200}, TextReader(framed=True)),
    ({"kind": "serial_text", "trigger": True}, TextReader(trigger=True, last_end=False)),
]


@pytest.mark.parametrize(("section", "emulator"), KINDS)
async def test_every_kind_builds_a_reader_that_reads(
    section: dict[str, Any], emulator: SwipeEmulator, tmp_path: Path
) -> None:
    with PtyLine(emulator, tmp_path / "reader") as line:
        reader = SECTION.validate_python({**section, "port": line.path}).build("document_reader.mrz")
        await reader.open()
        task = await waiting(reader)
        async with asyncio.timeout(10):
            while not emulator.ready:  # noqa: ASYNC110 - the emulator lives in a thread
                await asyncio.sleep(0.001)
            line.send(emulator.swipe(PASSPORT))
            assert await task == PASSPORT
        await reader.close()


async def test_a_port_that_is_not_there_is_named() -> None:
    reader = RteConfig(kind="rte_native", port="/dev/serial/by-id/none").build("document_reader.mrz")
    with pytest.raises(Disconnected, match=r"document_reader\.mrz: /dev/serial/by-id/none does not exist"):
        await reader.open()


def test_a_keyboard_is_refused_with_the_cure() -> None:
    for extra in ({}, {"port": "/dev/input/event3"}):
        with pytest.raises(ValidationError, match=r"types like a keyboard is refused.*serial_text"):
            SECTION.validate_python({"kind": "keyboard_wedge", **extra})


@pytest.mark.parametrize(
    "section",
    [
        {"kind": "rte_native"},
        {"kind": "rte_native", "port": "p", "check": "crc"},
        {"kind": "idbox", "port": "p", "trigger": True},
        {"kind": "serial_text", "port": "p", "baudrate": 1200},
        {"kind": "hid", "port": "p"},
        {"port": "p"},
    ],
)
def test_what_is_no_such_section_is_refused(section: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SECTION.validate_python(section)

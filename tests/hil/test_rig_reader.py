"""The rig's document reader through the appliance's own seam: zone, chip, and documents that are pulled away."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.errors import ChipLost, Disconnected, DocumentUnreadable
from drivers.ports import DocumentReader
from hil.devices import document_reader
from hil.passport.faults import Fault
from hil.passport.folder import make_document
from hil.passport.passport import load
from hil.rig import Rig
from hil.rig.rig import RigError
from hil.scene import CAST, empty_scene
from hil.sim.traveller import Behaviour, Place

CHALLENGE = bytes.fromhex("0084000008")
APPLICATION = bytes.fromhex("00A4040C07A0000002471001")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_document(CAST[0], tmp_path / "document")


async def talk(reader: DocumentReader, commands: int) -> None:
    for _ in range(commands):
        await reader.transmit(APPLICATION)


@pytest.fixture
async def reader(rig: Rig) -> AsyncIterator[DocumentReader]:
    reader = document_reader("reader", {"socket": str(rig.paths.socket)})
    await reader.open()
    yield reader
    await reader.close()


def lay_down(rig: Rig, folder: Path, behaviour: Behaviour | None = None) -> None:
    rig.present(empty_scene(), folder, behaviour)


@pytest.mark.anyio
async def test_a_document_is_awaited_and_its_chip_answers(rig: Rig, reader: DocumentReader, folder: Path) -> None:
    waiting = asyncio.create_task(reader.presented())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    lay_down(rig, folder, Behaviour(takes_document_s=60.0))
    await asyncio.wait_for(waiting, 5)
    assert await reader.zone() == load(folder).printed
    assert (await reader.connect())[0] == 0x3B
    assert await reader.transmit(APPLICATION) == b"\x90\x00"
    assert len(await reader.transmit(CHALLENGE)) == 10
    await reader.disconnect()
    with pytest.raises(ChipLost, match="powered up"):
        await reader.transmit(CHALLENGE)
    assert (await reader.connect())[0] == 0x3B


@pytest.mark.anyio
async def test_a_document_is_told_once_until_it_is_laid_down_again(
    rig: Rig, reader: DocumentReader, folder: Path
) -> None:
    lay_down(rig, folder)
    await asyncio.wait_for(reader.presented(), 5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.presented(), 0.2)
    await asyncio.wait_for(reader.presented(), 5)
    await reader.open()
    await asyncio.wait_for(reader.presented(), 5)


@pytest.mark.anyio
async def test_waiting_may_be_given_up_and_begun_again(rig: Rig, reader: DocumentReader, folder: Path) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.presented(), 0.03)
    lay_down(rig, folder)
    await asyncio.wait_for(reader.presented(), 5)
    assert await reader.zone() == load(folder).printed


@pytest.mark.anyio
async def test_nothing_there_to_read(reader: DocumentReader) -> None:
    with pytest.raises(DocumentUnreadable, match="no document lies"):
        await reader.zone()


@pytest.mark.anyio
async def test_pulled_off_in_mid_reading(rig: Rig, reader: DocumentReader, folder: Path) -> None:
    lay_down(rig, folder, Behaviour(pulls_document=True, takes_document_s=0.2))
    await asyncio.wait_for(reader.presented(), 5)
    with pytest.raises(DocumentUnreadable, match="taken off too early"):
        await asyncio.wait_for(reader.zone(), 5)


@pytest.mark.anyio
async def test_pulled_off_while_the_chip_is_read(rig: Rig, reader: DocumentReader, folder: Path) -> None:
    lay_down(rig, folder, Behaviour(pulls_document=True, takes_document_s=1.5))
    await asyncio.wait_for(reader.presented(), 5)
    await reader.zone()
    await reader.connect()
    with pytest.raises(ChipLost, match="taken off too early"):
        await asyncio.wait_for(talk(reader, 100_000), 10)
    with pytest.raises(ChipLost):
        await reader.transmit(APPLICATION)
    with pytest.raises(DocumentUnreadable, match="no document lies"):
        await reader.connect()


@pytest.mark.anyio
@pytest.mark.parametrize("fault", [Fault.CARD_PULLED, Fault.SILENCE])
async def test_a_chip_that_is_gone_or_silent(rig: Rig, reader: DocumentReader, folder: Path, fault: Fault) -> None:
    lay_down(rig, make_document(CAST[0], folder, faults=[fault]), Behaviour(takes_document_s=60.0))
    await asyncio.wait_for(reader.presented(), 5)
    await reader.zone()
    await reader.connect()
    with pytest.raises(ChipLost if fault is Fault.CARD_PULLED else TimeoutError):
        await asyncio.wait_for(talk(reader, 20), 2)
    assert (await reader.connect())[0] == 0x3B, "the reader itself is well"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("record", "complaint"), [(None, "holds no"), ("{", "cannot be used"), ("[]", "cannot be used"), ("{}", "cannot")]
)
async def test_what_is_no_passport_is_said(
    rig: Rig, reader: DocumentReader, folder: Path, record: str | None, complaint: str
) -> None:
    path = folder / "passport.json"
    path.unlink() if record is None else path.write_text(record)
    lay_down(rig, folder)
    await asyncio.wait_for(reader.presented(), 5)
    with pytest.raises(DocumentUnreadable, match=complaint):
        await asyncio.wait_for(reader.zone(), 5)


@pytest.mark.anyio
async def test_a_lost_rig_is_noticed(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        reader = document_reader("reader", {"socket": str(rig.paths.socket)})
        await reader.open()
        waiting = asyncio.create_task(reader.presented())
        await asyncio.sleep(0.05)
    with pytest.raises(Disconnected, match="unplugged"):
        await waiting
    with pytest.raises(Disconnected, match="not open"):
        await reader.zone()
    with pytest.raises(Disconnected, match="is it running"):
        await reader.open()
    await reader.close()


def test_wrong_options_are_refused_by_the_reader() -> None:
    with pytest.raises(ValueError, match="unknown options camera"):
        document_reader("reader", {"socket": "x", "camera": "rgb"})


def test_a_second_traveller_is_refused(rig: Rig, folder: Path) -> None:
    lay_down(rig, folder)
    with pytest.raises(RigError, match="another traveller"):
        lay_down(rig, folder)
    rig.send_away()
    for _ in range(200):
        if rig.place is Place.AWAY:
            break
        threading.Event().wait(0.02)
    lay_down(rig, folder)
    assert rig.place is Place.OUTSIDE

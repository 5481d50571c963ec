"""The rig's document reader through the appliance's own seam, with hostile documents."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import Disconnected, DocumentUnreadable
from drivers.ports import DocumentReader
from hil.devices import document_reader, parse_document
from hil.rig import Rig
from hil.rig.rig import RigError
from hil.scene import empty_scene
from hil.sim.traveller import Behaviour, Place

MRZ = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"]
PICTURE = b"\xff\xd8 not a whole picture"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "document"
    folder.mkdir()
    (folder / "document.json").write_text(json.dumps({"mrz": MRZ}))
    (folder / "portrait.jpg").write_bytes(PICTURE)
    return folder


@pytest.fixture
async def reader(rig: Rig) -> AsyncIterator[DocumentReader]:
    reader = document_reader("reader", {"socket": str(rig.paths.socket)})
    await reader.open()
    yield reader
    await reader.close()


def lay_down(rig: Rig, folder: Path, behaviour: Behaviour | None = None) -> None:
    rig.present(empty_scene(), folder, behaviour)


@pytest.mark.anyio
async def test_a_document_is_awaited_and_read(rig: Rig, reader: DocumentReader, folder: Path) -> None:
    waiting = asyncio.create_task(reader.presented())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    lay_down(rig, folder)
    await asyncio.wait_for(waiting, 5)
    document = await reader.read()
    assert document.mrz == tuple(MRZ)
    assert document.portrait == PICTURE
    assert document.chip_checks == {}


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
    assert (await reader.read()).portrait == PICTURE


@pytest.mark.anyio
async def test_nothing_there_to_read(reader: DocumentReader) -> None:
    with pytest.raises(DocumentUnreadable, match="no document lies"):
        await reader.read()


@pytest.mark.anyio
async def test_pulled_off_in_mid_reading(rig: Rig, reader: DocumentReader, folder: Path) -> None:
    lay_down(rig, folder, Behaviour(pulls_document=True, takes_document_s=0.2))
    await asyncio.wait_for(reader.presented(), 5)
    with pytest.raises(DocumentUnreadable, match="taken off too early"):
        await asyncio.wait_for(reader.read(), 5)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[" * 60000, "is not JSON"),
        ("[]", "one object"),
        ("{}", "2 or 3 lines"),
        ('{"mrz": ["A"]}', "2 or 3 lines"),
        ('{"mrz": ["A", 7]}', "ASCII text"),
        (json.dumps({"mrz": ["A" * 45, "B"]}), "at most 44"),
        (json.dumps({"mrz": ["Å", "B"]}), "ASCII text"),
        (json.dumps({"mrz": MRZ, "chip_checks": {"trust_me": True}}), "may only hold"),
        (json.dumps({"mrz": MRZ, "chip_checks": {"active_authentication": 1}}), "true, false or null"),
        (json.dumps({"mrz": MRZ, "issued": "yesterday"}), '"issued"'),
        (json.dumps({"mrz": MRZ, "issued": [2024, 1, 31]}), '"issued"'),
    ],
)
async def test_malformed_documents_say_what_is_wrong(
    rig: Rig, reader: DocumentReader, folder: Path, text: str, complaint: str
) -> None:
    (folder / "document.json").write_text(text)
    lay_down(rig, folder)
    await asyncio.wait_for(reader.presented(), 5)
    with pytest.raises(DocumentUnreadable, match=complaint):
        await asyncio.wait_for(reader.read(), 5)


@pytest.mark.anyio
async def test_files_missing_or_far_too_large(rig: Rig, reader: DocumentReader, folder: Path) -> None:
    (folder / "portrait.jpg").unlink()
    lay_down(rig, folder, Behaviour(takes_document_s=60.0))
    await asyncio.wait_for(reader.presented(), 5)
    with pytest.raises(DocumentUnreadable, match="cannot be read"):
        await reader.read()
    with (folder / "portrait.jpg").open("wb") as file:
        file.truncate(64 << 20)
    with pytest.raises(DocumentUnreadable, match="larger than"):
        await reader.read()


def test_the_day_of_issue_is_passed_on_and_unknown_where_it_is_not_told() -> None:
    told = parse_document("r", json.dumps({"mrz": MRZ, "issued": "2024-01-31"}).encode(), b"p")
    assert told.issued == date(2024, 1, 31)
    assert parse_document("r", json.dumps({"mrz": MRZ}).encode(), b"p").issued is None


def test_chip_checks_are_passed_on() -> None:
    described = json.dumps({"mrz": MRZ, "chip_checks": {"passive_authentication": True, "chip_authentication": None}})
    data = parse_document("reader", described.encode(), PICTURE)
    assert data.chip_checks == {"passive_authentication": True, "chip_authentication": None}
    with pytest.raises(DocumentUnreadable, match="empty or far larger"):
        parse_document("reader", described.encode(), b"")
    with pytest.raises(DocumentUnreadable, match="empty or far larger"):
        parse_document("reader", b" " * 70_000, PICTURE)


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_hostile_bytes_are_only_ever_unreadable(described: bytes, portrait: bytes) -> None:
    try:
        data = parse_document("reader", described, portrait)
    except DocumentUnreadable:
        return
    assert data.portrait == portrait


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
        await reader.read()
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

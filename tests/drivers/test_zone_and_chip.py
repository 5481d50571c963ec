"""A reader of zones and a chip reader as one: who hears the swipes, and what a bad one is."""

import asyncio

import pytest

from drivers.document.reader import TypedZone, ZoneAndChip
from drivers.errors import DocumentUnreadable
from drivers.ports import DeviceIdentity

pytestmark = pytest.mark.anyio
ONE, OTHER = ("P<UTO",), ("P<QRR",)


class Slot:
    """A reader of zones whose swipes are put into a queue."""

    def __init__(self) -> None:
        self.swipes: asyncio.Queue[tuple[str, ...] | DocumentUnreadable] = asyncio.Queue()
        self.listening = 0

    async def open(self) -> DeviceIdentity:
        return DeviceIdentity("slot", "1", "7", True)

    async def zone(self) -> tuple[str, ...]:
        self.listening += 1
        assert self.listening == 1, "two would rob each other"
        try:
            swipe = await self.swipes.get()
        finally:
            self.listening -= 1
        if isinstance(swipe, DocumentUnreadable):
            raise swipe
        return swipe

    async def close(self) -> None:
        pass


class Chip:
    """A chip reader that is only there."""

    async def open(self) -> str:
        return "ACME 00 00"

    async def close(self) -> None:
        pass


@pytest.fixture
def slot() -> Slot:
    return Slot()


@pytest.fixture
def reader(slot: Slot) -> ZoneAndChip:
    return ZoneAndChip(slot, Chip())  # type: ignore[arg-type]


async def test_it_is_both_its_devices_and_never_verified(reader: ZoneAndChip) -> None:
    identity = await reader.open()
    assert (identity.model, identity.serial_number) == ("slot and ACME 00 00", "7")
    assert not identity.verified_on_hardware


async def test_a_second_reading_is_the_next_swipe(reader: ZoneAndChip, slot: Slot) -> None:
    slot.swipes.put_nowait(ONE)
    await reader.presented()
    assert await reader.zone() == ONE
    listening = asyncio.create_task(reader.presented())
    again = asyncio.create_task(reader.zone())
    await asyncio.sleep(0)
    assert not again.done()
    slot.swipes.put_nowait(OTHER)
    assert await asyncio.wait_for(again, 5) == OTHER
    await listening


async def test_a_bad_swipe_presents_a_document_and_is_told_where_its_zone_is_asked_for(
    reader: ZoneAndChip, slot: Slot
) -> None:
    slot.swipes.put_nowait(DocumentUnreadable("slot", "swipe again, slower"))
    await reader.presented()
    with pytest.raises(DocumentUnreadable, match="slower"):
        await reader.zone()


async def test_of_two_swipes_the_last_counts_and_none_outlives_a_new_opening(reader: ZoneAndChip, slot: Slot) -> None:
    for swipe in (ONE, OTHER):
        slot.swipes.put_nowait(swipe)
        await reader.presented()
    assert await reader.zone() == OTHER
    slot.swipes.put_nowait(ONE)
    await reader.presented()
    await reader.open()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.zone(), 0.01)


async def test_a_zone_that_was_typed_in() -> None:
    zone = TypedZone(ONE)
    assert (await zone.open()).model == "typed zone"
    assert await zone.zone() == ONE
    with pytest.raises(DocumentUnreadable, match="--mrz"):
        await TypedZone(()).zone()
    await zone.close()

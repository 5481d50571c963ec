"""A document reader made of two devices: one that reads the printed zone, and a chip reader over PC/SC."""

import asyncio

from drivers.document.pcsc import PcscChip
from drivers.errors import DocumentUnreadable
from drivers.ports import DeviceIdentity, MrzReader


class ZoneAndChip:
    """`ports.DocumentReader`. A document is presented when it was swiped; to read it again is to swipe it again.

    Only `presented` listens for swipes, and its caller waits there all the time: two listeners would rob each other.
    """

    def __init__(self, zones: MrzReader, chip: PcscChip) -> None:
        self._zones, self._chip = zones, chip
        self._swiped: tuple[str, ...] | DocumentUnreadable = ()
        self._untaken = asyncio.Event()

    async def open(self) -> DeviceIdentity:
        """Open both. Raises DriverError."""
        await self.close()
        zones = await self._zones.open()
        name = await self._chip.open()
        return DeviceIdentity(
            model=f"{zones.model} and {name}",
            firmware=zones.firmware,
            serial_number=zones.serial_number,
            verified_on_hardware=False,
        )

    async def presented(self) -> None:
        """Return once a document was swiped, well or badly."""
        try:
            self._swiped = await self._zones.zone()
        except DocumentUnreadable as badly:
            self._swiped = badly
        self._untaken.set()

    async def zone(self) -> tuple[str, ...]:
        """The zone of the last swipe; asked for again, of the next. Raises DocumentUnreadable for a bad swipe."""
        await self._untaken.wait()
        self._untaken.clear()
        swiped, self._swiped = self._swiped, ()
        if isinstance(swiped, DocumentUnreadable):
            raise swiped
        return swiped

    async def connect(self) -> bytes:
        """Power the chip up anew."""
        return await self._chip.connect()

    async def transmit(self, command: bytes) -> bytes:
        """A command to the chip."""
        return await self._chip.transmit(command)

    async def disconnect(self) -> None:
        """Power the chip down."""
        await self._chip.disconnect()

    async def close(self) -> None:
        """Let both go. Never raises."""
        self._untaken.clear()
        await asyncio.gather(self._zones.close(), self._chip.close(), return_exceptions=True)


class TypedZone:
    """A zone that somebody has typed in, as `MrzReader`; it is read once."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self._lines = lines

    async def open(self) -> DeviceIdentity:
        """There is nothing to open."""
        return DeviceIdentity(model="typed zone", firmware="", serial_number=None, verified_on_hardware=False)

    async def zone(self) -> tuple[str, ...]:
        """The lines. Raises DocumentUnreadable when there are none."""
        if not self._lines:
            raise DocumentUnreadable("zone", "give the printed zone: --mrz LINE for each line, or --can DIGITS")
        return self._lines

    async def close(self) -> None:
        """There is nothing to close."""

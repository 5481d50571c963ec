"""`MrzReader` over a serial line, for every framing of this package.

A zone that came before it was asked for is thrown away: it may be the last traveller's. It is never logged, and no
error quotes it. Not here: check digits (`appliance.document.mrz`; see the package), and the chip.
"""

import contextlib
from collections.abc import Callable

from drivers.document.mrz_swipe import idbox
from drivers.document.mrz_swipe.framing import MOST_BYTES, Event, Flaw, Framing
from drivers.document.mrz_swipe.idbox import Idbox, Message
from drivers.errors import Disconnected, DocumentUnreadable, DriverError, IdentityMismatch, RemoteProtocolError
from drivers.ports import DeviceIdentity
from drivers.transport import Transport
from drivers.transport.serial_port import SerialPort

IDLE_S = 0.2
"""Silence that ends a frame."""
_REPLY_S = 0.5
_FOREVER_S = 3600.0


class SwipeReader:
    """`connect` gives a fresh open line. The framing is the reader's; `idle_s` the silence that ends a frame."""

    def __init__(
        self, device: str, connect: Callable[[], Transport], framing: Framing, *, idle_s: float = IDLE_S
    ) -> None:
        self._device = device
        self._connect = connect
        self._framing = framing
        self._idle_s = idle_s
        self._transport: Transport | None = None

    async def open(self) -> DeviceIdentity:
        """Open the line; ask who is there where the reader can tell. Raises DriverError.

        Most readers take no question: then nothing proves the reader before its first zone.
        """
        await self.close()
        self._transport = transport = self._connect()
        try:
            if isinstance(self._framing, Idbox):
                return await self._ask_idbox(transport)
        except BaseException:
            await self.close()
            raise
        return DeviceIdentity(self._framing.name, "not told", None, verified_on_hardware=False)

    async def _ask_idbox(self, transport: Transport) -> DeviceIdentity:
        product, version, serial = [
            await self._told(transport, command) for command in (idbox.PRODUCT, idbox.VERSION, idbox.SERIAL)
        ]
        return DeviceIdentity(product or self._framing.name, version, serial or None, verified_on_hardware=False)

    async def _told(self, transport: Transport, command: bytes) -> str:
        """The box's answer to a question about itself. Raises IdentityMismatch when none fits."""
        transport.discard()
        messages = idbox.Messages()
        await transport.write(idbox.encode(Message(command)))
        while data := await transport.read(_REPLY_S):
            for message in messages.receive(data):
                if message.command == command:
                    return message.data.decode("ascii", "replace").strip()
            if messages.noise > MOST_BYTES:
                break
        raise IdentityMismatch(
            self._device, f"no {self._framing.name} answers; check power, port, baud rate and the kind configured"
        )

    async def zone(self) -> tuple[str, ...]:
        """The lines of the next zone that is read from now on. Waits without end for a document.

        Raises DocumentUnreadable when what was read is no whole zone (ask again), RemoteProtocolError when bytes come
        that are no reader's, and another DriverError when the reader is lost.
        """
        transport = self._transport
        if transport is None:
            raise Disconnected(self._device, "the reader is not open")
        self._framing.reset()
        transport.discard()
        try:
            await transport.write(self._framing.begin())
            return self._lines(await self._next(transport))
        finally:
            # Best effort: a line that is gone has ended the reading too.
            with contextlib.suppress(DriverError):
                await transport.write(self._framing.end())

    async def _next(self, transport: Transport) -> Event:
        heard = self._framing.noise
        while True:
            pending = self._framing.pending
            data = await transport.read(self._idle_s if pending else self._framing.ask_again_s or _FOREVER_S)
            if data:
                events = self._framing.receive(data)
            else:
                ended = self._framing.silence() if pending else None
                events = [ended] if ended is not None else []
                if not pending and self._framing.ask_again_s is not None:
                    await transport.write(self._framing.begin())
            if events:
                return events[-1]
            if self._framing.noise - heard > MOST_BYTES:
                raise RemoteProtocolError(
                    self._device, f"what comes is not from a {self._framing.name}; check the baud rate and the kind"
                )

    def _lines(self, event: Event) -> tuple[str, ...]:
        if isinstance(event, Flaw):
            raise DocumentUnreadable(self._device, f"the zone was not read: {event.problem}; swipe again, slower")
        return event.lines

    async def close(self) -> None:
        """Give the line up. Never raises."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()


def swipe_reader(
    device: str, port: str, framing: Framing, *, baudrate: int, dtr: bool = True, idle_s: float = IDLE_S
) -> SwipeReader:
    """A reader on a serial port of this machine; opens nothing yet. Many USB readers are silent while `dtr` is low."""

    def connect() -> Transport:
        serial = SerialPort(port, baudrate, device=device, dtr=dtr)
        serial.open()
        return serial

    return SwipeReader(device, connect, framing, idle_s=idle_s)

"""A control panel for one device on one line: the thread that owns libosdp and the port, and the way into it.

The thread is begun by `start` and ended by `close`, by nobody else. It runs an event loop of its own, so that the
transports of other drivers serve here too, and a busy main loop delays no poll. Not here: the rules (link).
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from drivers.errors import DeviceRefused, Disconnected, DriverError, IdentityMismatch, NoResponse
from drivers.osdp import library
from drivers.osdp.keys import check_key
from drivers.osdp.link import Link
from drivers.osdp.protocol import BROADCAST, LONGEST_TIMER, Command, OutputCode
from drivers.osdp.values import LinkState, Nameplate, Order, again
from drivers.transport import Transport
from drivers.transport.serial_port import SerialPort

SECURE_WITHIN_S = 4.0
"""Long enough for one spoilt frame in a handshake at 9600 baud."""
_TICK_S = 0.005
_JOIN_S = 2.0

Deliver = Callable[["dict[str, Any] | LinkState"], None]


class Panel:
    """`connect` opens the transport, inside the thread. `deliver` gets reader events and states, from the thread.

    `commissioning` lets the default key SCBK-D in, to set `key` in a new device on the bench; such a panel passes no
    command and no event. Raises KeyRefused for a key that must not be used, DriverError without libosdp.
    """

    def __init__(
        self,
        device: str,
        connect: Callable[[], Transport],
        *,
        key: bytes,
        address: int = 1,
        commissioning: bool = False,
        deliver: Deliver | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 <= address < BROADCAST:
            raise ValueError(f"address {address}: a device has 0 to {BROADCAST - 1}")
        self.device = device
        self.commissioning = commissioning
        self._connect = connect
        self._key = check_key(device, key)
        self._library = library.load(device)
        self._address = address
        self._deliver = deliver
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._fresh: list[Order] = []
        self._link: Link | None = None
        self._ended: DriverError | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._secured: Future[Nameplate] = Future()

    def start(self) -> None:
        """Open the line and begin the handshake."""
        if self._thread is not None:
            raise RuntimeError("a panel runs once; make a new one")
        self._thread = threading.Thread(target=self._run, name=f"osdp {self.device}", daemon=True)
        self._thread.start()

    @property
    def state(self) -> LinkState:
        """Whether the device has proved its key and answers, otherwise the DriverError that says why not."""
        link = self._link
        if link is not None:
            return link.state
        return LinkState(False, self._ended or Disconnected(self.device, "the line is not open"), self._monotonic())

    async def secured(self, timeout_s: float = SECURE_WITHIN_S) -> Nameplate:
        """Wait until the device has proved its key. Raises IdentityMismatch, PortBusy, Disconnected, NoResponse."""
        deadline = self._monotonic() + timeout_s
        while not self._secured.done():
            if self._monotonic() > deadline:
                raise again(self.state.error or NoResponse(self.device, f"no secure channel within {timeout_s} s"))
            # A look now and then; a future of this loop would outlive it in the other thread.
            await asyncio.sleep(_TICK_S)
        return self._secured.result()

    async def status(self, code: Command, *, urgent: bool = False, expires_s: float = 1.0) -> tuple[int, ...]:
        """Ask for ISTAT, OSTAT or LSTAT; the report, one value for each. Raises DriverError."""
        lib = self._library
        kinds = {
            Command.ISTAT: lib.STATUS_REPORT_INPUT,
            Command.OSTAT: lib.STATUS_REPORT_OUTPUT,
            Command.LSTAT: lib.STATUS_REPORT_LOCAL,
        }
        command = {"command": lib.CMD_STATUS, "type": kinds[code]}
        return await self._ask(Order(code, command, self._monotonic() + expires_s, urgent=urgent))

    async def output(self, number: int, code: OutputCode, tenths: int = 0, *, expires_s: float = 1.0) -> None:
        """Switch an output, urgent. ON_FOR is never sent twice, nor after `expires_s`. Raises DriverError."""
        once = code is not OutputCode.OFF
        if once and not 1 <= tenths <= LONGEST_TIMER:
            raise ValueError(f"{tenths} tenths: a pulse takes 1 to {LONGEST_TIMER}")
        command = {
            "command": self._library.CMD_OUTPUT,
            "output_no": number,
            "control_code": int(code),
            "timer_count": tenths,
        }
        await self._ask(Order(Command.OUT, command, self._monotonic() + expires_s, once=once, urgent=True))

    async def _ask(self, order: Order) -> tuple[int, ...]:
        if self.commissioning:
            raise DeviceRefused(self.device, "commissioning sets a key and does nothing else; open it again without")
        error = self.state.error
        if error is not None:
            raise again(error)
        with self._lock:
            if self._ended is not None:
                raise again(self._ended)
            self._fresh.append(order)
        try:
            return await asyncio.wrap_future(order.result)
        except asyncio.CancelledError:
            # Nobody waits for the release any more: one that has not left yet must not leave.
            order.expires = float("-inf")
            raise

    def close(self) -> None:
        """End the thread and give the port up. Never raises, changes no output."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)

    # --- everything below runs in the thread ----------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
            error: DriverError = Disconnected(self.device, "the line is closed")
        except DriverError as lost:
            error = lost
        except Exception as bug:
            error = DriverError(self.device, f"the OSDP line has failed: {bug!r}")
        with self._lock:
            self._ended = error
            left, self._fresh = self._fresh, []
        for order in left:
            order.fail(error)
        if self._link is not None:
            self._link.end(error)
        if not self._secured.done():
            self._secured.set_exception(error)

    async def _serve(self) -> None:
        transport = self._connect()
        try:
            link = self._link = Link(
                self.device,
                self._library,
                address=self._address,
                key=self._key,
                commissioning=self.commissioning,
                deliver=self._pass_on,
                changed=self._changed,
                now=self._monotonic(),
            )
            while not self._stop.is_set():
                with self._lock:
                    fresh, self._fresh = self._fresh, []
                for order in fresh:
                    link.order(order)
                leaving = link.tick(self._monotonic())
                if leaving:
                    await transport.write(leaving)
                data = await transport.read(_TICK_S)
                if data:
                    link.heard(data, self._monotonic())
        finally:
            transport.close()

    def _pass_on(self, item: "dict[str, Any] | LinkState") -> None:
        if self._deliver is not None:
            self._deliver(item)

    def _changed(self, state: LinkState) -> None:
        self._pass_on(state)
        if self._secured.done():
            return
        if state.secure and self._link is not None and self._link.nameplate is not None:
            self._secured.set_result(self._link.nameplate)
        elif isinstance(state.error, IdentityMismatch):
            self._secured.set_exception(state.error)


def serial_line(device: str, port: str, baudrate: int) -> Callable[[], Transport]:
    """What opens a serial port for a panel, inside its thread."""

    def connect() -> Transport:
        line = SerialPort(port, baudrate, device=device)
        line.open()
        return line

    return connect


async def commission(device: str, connect: Callable[[], Transport], *, key: bytes, address: int = 1) -> Nameplate:
    """Set `key` in a device that knows SCBK-D only, and see it proved. On the bench: who listens learns the key.

    Raises IdentityMismatch when the device takes neither key, DriverError otherwise.
    """
    panel = Panel(device, connect, key=key, address=address, commissioning=True)
    panel.start()
    try:
        return await panel.secured()
    finally:
        panel.close()

"""An LCUS USB relay board: for the bench only. No identity, a weak check, no timed pulse, no watchdog.

The host ends each pulse; when the host dies in one, the relay stays energised until its power is cut. A production
profile must refuse this kind (drivers/gate/bench.py). Not here: which relay is which door (dry_contact).
"""

import asyncio
from collections.abc import Callable

from drivers.errors import DeviceRefused, IdentityMismatch, NoResponse, RemoteProtocolError
from drivers.gate.lcus import protocol
from drivers.gate.lcus.protocol import Ask, LcusClient, Status, Switch
from drivers.gate.owed import OwedEnds, Sleep
from drivers.ports import DeviceIdentity
from drivers.session import Session, Timing
from drivers.transport import Transport
from drivers.transport.serial_port import SerialPort

BAUDRATE = 9600
PAUSE_S = 0.02
_REPLY_S = 0.2


class _Paced:
    """A transport that leaves `pause_s` after each command: a board busy with one loses what follows at once."""

    def __init__(self, transport: Transport, pause_s: float, sleep: Sleep) -> None:
        self._transport = transport
        self._pause_s = pause_s
        self._sleep = sleep
        self.read = transport.read
        self.discard = transport.discard
        self.close = transport.close

    async def write(self, data: bytes) -> None:
        """Hand the frames over one by one. Raises WriteTimeout, Disconnected."""
        *commands, query = protocol.split_frames(data)
        for command in commands:
            await self._transport.write(command)
            await self._sleep(self._pause_s)
        await self._transport.write(query)


class LcusBoard:
    """`relays` is the number on the board (1 to 8): it tells it nowhere, but its status answer must fit.

    `pause_s` is the time left to the board after each command.
    """

    self_releasing = False
    inputs = 0

    def __init__(
        self,
        device: str,
        transport: Transport,
        *,
        relays: int = 2,
        pause_s: float = PAUSE_S,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.relays = relays
        self._device = device
        self._session: Session[Ask, Status] = Session(
            device,
            _Paced(transport, pause_s, sleep),
            LcusClient(relays),
            timing=Timing(reply_s=_REPLY_S, quiet_s=pause_s),
        )
        self._ends = OwedEnds(device, self._switch_off, sleep)
        self._identified = False

    async def identify(self) -> DeviceIdentity:
        """Ask for the states twice. Raises IdentityMismatch unless exactly as many as configured come, in one form.

        That is all the proof there is: another LCUS board of the same size cannot be told from this one.
        """
        try:
            await self._session.request(Ask())
            noise = self._session.noise
            status = await self._session.request(Ask())
        except RemoteProtocolError as error:
            raise IdentityMismatch(self._device, f"no LCUS board of {self.relays} relays: {error.message}") from error
        except NoResponse as error:
            raise NoResponse(
                self._device, f"{error.message}; a board that never answers FF cannot be used, nothing else proves it"
            ) from error
        if self._session.noise != noise:
            raise IdentityMismatch(self._device, f"more came than the states of {self.relays} relays; correct `relays`")
        self._identified = True
        return DeviceIdentity(
            model=f"LCUS-{self.relays} (bench only)",
            firmware=f"not told; answers in {status.form}",
            serial_number=None,
            verified_on_hardware=False,
        )

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """Energise one relay, never repeated; the host ends it after `tenths` of 100 ms.

        Raises DeviceRefused before `identify`.
        """
        if not 0 <= relay < self.relays:
            raise ValueError(f"relay {relay}: the board has 0 to {self.relays - 1}")
        if tenths < 1:
            raise ValueError(f"{tenths} tenths: a pulse takes 1 or more")
        self._refuse_unknown()
        # The end is owed before the start is sent: a start whose answer is lost may have happened.
        self._ends.owe(relay, expires_s + tenths / 10)
        try:
            await self._session.request(Ask((Switch(relay + 1, True),)), urgent=True, expires_s=expires_s)
        finally:
            # Owed anew whatever came back: an all_off that went first has struck it off.
            self._ends.owe(relay, tenths / 10)

    async def _switch_off(self, relay: int) -> None:
        status = await self._session.request(Ask((Switch(relay + 1, False),)), urgent=True)
        if status.states[relay]:
            raise DeviceRefused(self._device, f"relay {relay} is still on after it was switched off")

    async def all_off(self) -> None:
        """Every channel off, one command each, and seen so. Raises DeviceRefused when one stays on."""
        self._refuse_unknown()
        switches = tuple(Switch(channel, False) for channel in range(1, self.relays + 1))
        status = await self._session.request(Ask(switches), urgent=True)
        if any(status.states):
            still = [relay for relay, on in enumerate(status.states) if on]
            raise DeviceRefused(
                self._device, f"relays {still} are still on after they were switched off; cut the power"
            )
        self._ends.strike_off()

    def _refuse_unknown(self) -> None:
        if not self._identified:
            raise DeviceRefused(self._device, "identify comes before any command")

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """What the board says of its relays."""
        await self._ends.settle()
        return (await self._session.request(Ask(), urgent=urgent)).states

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:  # noqa: ARG002 - of every board
        """None: the board has no inputs, so nothing is sent."""
        return ()

    def close(self) -> None:
        """End the session. A relay still energised stays so: call `all_off` first."""
        self._ends.close()
        self._session.close()


def lcus_board(
    device: str, port: str, *, relays: int = 2, baudrate: int = BAUDRATE, pause_s: float = PAUSE_S
) -> Callable[[], LcusBoard]:
    """What opens the port and gives a fresh board; nothing is sent by that. Raises PortBusy, Disconnected."""

    def connect() -> LcusBoard:
        serial = SerialPort(port, baudrate, device=device)
        serial.open()
        return LcusBoard(device, serial, relays=relays, pause_s=pause_s)

    return connect

"""A Numato USB relay module with gpio: for the bench only. No check on the line, no timed pulse, no watchdog.

The host ends each pulse; when the host dies in one, the relay stays energised until its power is cut. A production
profile must refuse this kind (drivers/gate/bench.py). Not here: which relay is which door (dry_contact).
"""

import asyncio
from collections.abc import Callable

from drivers.errors import DeviceRefused, IdentityMismatch, RemoteProtocolError
from drivers.gate.numato import protocol
from drivers.gate.numato.protocol import Command, NumatoClient
from drivers.gate.owed import OwedEnds, Sleep
from drivers.ports import DeviceIdentity
from drivers.session import Session, Timing
from drivers.transport import Transport
from drivers.transport.serial_port import SerialPort

BAUDRATE = 19200


class NumatoBoard:
    """`relays` and `inputs` (gpio pins) are those of the model; `module_id` pins the eight characters of `id get`.

    A module answers a command it spoilt with the same prompt as one it carried out, so every switching is read back.
    """

    self_releasing = False

    def __init__(
        self,
        device: str,
        transport: Transport,
        *,
        relays: int = 8,
        inputs: int = 8,
        module_id: str | None = None,
        timing: Timing | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        for what, count in (("relays", relays), ("inputs", inputs)):
            if not 0 <= count <= protocol.LARGEST:
                raise ValueError(f"{count} {what}: at most {protocol.LARGEST} can be numbered")
        self.relays = relays
        self.inputs = inputs
        self._device = device
        self._module_id = module_id
        self._session: Session[Command, str] = Session(device, transport, NumatoClient(), timing=timing or Timing())
        self._ends = OwedEnds(device, self._switch_off, sleep)
        self._identified = self._reads_all = self._securing = False

    # --- identity -------------------------------------------------------------------------------------------

    async def identify(self) -> DeviceIdentity:
        """Version, module id and number of relays. Raises IdentityMismatch when one is not as configured."""
        version = await self._prove(protocol.VERSION)
        module_id = await self._prove(protocol.MODULE_ID)
        if self._module_id is not None and module_id != self._module_id:
            raise IdentityMismatch(self._device, f"the module is {module_id!r}, {self._module_id!r} is configured")
        self._reads_all = await self._can_read_all()
        self._identified = True
        return DeviceIdentity(
            model=f"Numato {self.relays}-channel USB relay module (bench only)",
            firmware=version,
            serial_number=module_id,
            verified_on_hardware=False,
        )

    async def _prove(self, question: Command) -> str:
        """The answer. Asked once more after a wrong one: left-overs of a torn write spoil the first line."""
        try:
            return await self._session.request(question)
        except RemoteProtocolError:
            pass
        try:
            return await self._session.request(question)
        except RemoteProtocolError as error:
            raise IdentityMismatch(self._device, f"not a Numato module: {error.message}") from error

    async def _can_read_all(self) -> bool:
        """Whether it knows `relay readall`; small modules do not. Raises IdentityMismatch for another size."""
        try:
            answer = await self._session.request(protocol.READ_ALL)
        except RemoteProtocolError:
            await self._expect_relay(self.relays - 1)
            return False
        if protocol.mask(answer, self.relays) is None:
            raise IdentityMismatch(self._device, f"states {answer!r} are not those of {self.relays} relays")
        return True

    async def _expect_relay(self, relay: int) -> None:
        try:
            await self._read_relay(relay)
        except RemoteProtocolError as error:
            raise IdentityMismatch(self._device, f"the module has no relay {relay}: {error.message}") from error

    # --- outputs --------------------------------------------------------------------------------------------

    async def pulse(self, relay: int, tenths: int, *, expires_s: float) -> None:
        """Energise one relay, never repeated; the host ends it after `tenths` of 100 ms.

        Raises DeviceRefused before `identify` and while `all_off` is at work.
        """
        if not 0 <= relay < self.relays:
            raise ValueError(f"relay {relay}: the module has 0 to {self.relays - 1}")
        if tenths < 1:
            raise ValueError(f"{tenths} tenths: a pulse takes 1 or more")
        self._refuse_unknown()
        if self._securing:
            raise DeviceRefused(self._device, "the relays are being put off; no pulse meanwhile")
        # The end is owed before the start is sent: a start whose answer is lost may have happened.
        self._ends.owe(relay, expires_s + tenths / 10)
        try:
            await self._session.request(protocol.switch(relay, True), urgent=True, expires_s=expires_s)
        finally:
            # Owed anew whatever came back: an all_off that went first has struck it off.
            self._ends.owe(relay, tenths / 10)

    async def _switch_off(self, relay: int) -> None:
        await self._session.request(protocol.switch(relay, False), urgent=True)
        if await self._read_relay(relay, urgent=True):
            raise DeviceRefused(self._device, f"relay {relay} is still on after it was switched off")

    async def all_off(self) -> None:
        """Every relay off and read back. Raises DeviceRefused when one stays on.

        One line a relay: one wrong bit in `relay writeall 00` would energise one, in `relay off 0` none can.
        """
        self._refuse_unknown()
        self._securing = True
        try:
            for relay in range(self.relays):
                await self._session.request(protocol.switch(relay, False), urgent=True)
            states = await self._states(urgent=True)
        finally:
            self._securing = False
        if any(states):
            still = [relay for relay, on in enumerate(states) if on]
            raise DeviceRefused(
                self._device, f"relays {still} are still on after they were switched off; cut the power"
            )
        self._ends.strike_off()

    def _refuse_unknown(self) -> None:
        if not self._identified:
            raise DeviceRefused(self._device, "identify comes before any command")

    # --- readings -------------------------------------------------------------------------------------------

    async def read_relays(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """What the module says of its relays."""
        await self._ends.settle()
        return await self._states(urgent=urgent)

    async def _states(self, *, urgent: bool) -> tuple[bool, ...]:
        if not self._reads_all:
            return tuple([await self._read_relay(relay, urgent=urgent) for relay in range(self.relays)])
        answer = await self._session.request(protocol.READ_ALL, urgent=urgent)
        value = protocol.mask(answer, self.relays)
        if value is None:
            raise RemoteProtocolError(self._device, f"states {answer!r} are not those of {self.relays} relays")
        return tuple(bool(value >> relay & 1) for relay in range(self.relays))

    async def _read_relay(self, relay: int, *, urgent: bool = False) -> bool:
        return await self._read_state(protocol.read_relay(relay), urgent=urgent)

    async def read_inputs(self, *, urgent: bool = False) -> tuple[bool, ...]:
        """The gpio pins, one exchange each; True is a high level."""
        await self._ends.settle()
        pins = range(self.inputs)
        return tuple([await self._read_state(protocol.read_gpio(pin), urgent=urgent) for pin in pins])

    async def _read_state(self, question: Command, *, urgent: bool) -> bool:
        answer = await self._session.request(question, urgent=urgent)
        state = protocol.state(answer)
        if state is None:
            raise RemoteProtocolError(self._device, f"{question.text!r} was answered by {answer!r}, no state")
        return state

    def close(self) -> None:
        """End the session. A relay still energised stays so: call `all_off` first."""
        self._ends.close()
        self._session.close()


def numato_board(
    device: str,
    port: str,
    *,
    relays: int = 8,
    inputs: int = 8,
    module_id: str | None = None,
    baudrate: int = BAUDRATE,
) -> Callable[[], NumatoBoard]:
    """What opens the port and gives a fresh board; nothing is sent by that. Raises PortBusy, Disconnected."""

    def connect() -> NumatoBoard:
        serial = SerialPort(port, baudrate, device=device)
        serial.open()
        return NumatoBoard(device, serial, relays=relays, inputs=inputs, module_id=module_id)

    return connect

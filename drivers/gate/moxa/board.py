"""A Moxa ioLogik R1214 on a Modbus line, with its host watchdog armed and proved.

The host ends a pulse; when it dies, the module's watchdog does, which counts whole seconds. It has no flag for a
restart: its watchdog's settings are looked at twice a second, and a restart that kept them shows only as a release
that ended early. Not here: that order of things (host_timed), which relay is which door (dry_contact).
"""

import asyncio
import time
from collections.abc import Callable

from drivers.errors import DeviceRefused, IdentityMismatch, RemoteProtocolError
from drivers.gate import coils
from drivers.gate.host_timed import HostTimedBoard, Watchdog
from drivers.gate.moxa import protocol
from drivers.gate.owed import Sleep
from drivers.modbus_unit import ModbusUnit, Spacers, on_serial_port
from drivers.ports import DeviceIdentity

SHORTEST_WATCHDOG_S = 1
LONGEST_WATCHDOG_S = 5
# It may count a second that had begun, and half of one more is left for the line.
_TRIP_SLACK_S = 1.5
# Contacts are proved within 100 ms. The manual gives the step as 0.1 ms in one place and 0.2 ms in another.
_LONGEST_FILTER = 100
_NAME = "R1214"


class MoxaBoard(HostTimedBoard):
    """`watchdog_s` (1 to 5, whole): a relay outlives its host by this and up to a second. `name` is in its own name.

    With `prove_watchdog` the first `all_off` takes two and a half times `watchdog_s` and 1.5 s.
    """

    def __init__(
        self,
        unit: ModbusUnit,
        *,
        watchdog_s: int = 1,
        name: str = _NAME,
        prove_watchdog: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if not SHORTEST_WATCHDOG_S <= watchdog_s <= LONGEST_WATCHDOG_S or watchdog_s != int(watchdog_s):
            raise ValueError(
                f"watchdog_s is {SHORTEST_WATCHDOG_S} to {LONGEST_WATCHDOG_S} in whole seconds, not {watchdog_s}"
            )
        if not name:
            raise ValueError("an empty name fits every module")
        self._name = name
        self._seconds = int(watchdog_s)
        super().__init__(
            unit,
            protocol.LAYOUT,
            Watchdog(self._seconds, trips_within_s=self._seconds + _TRIP_SLACK_S),
            prove_watchdog=prove_watchdog,
            monotonic=monotonic,
            sleep=sleep,
        )

    # --- identity -------------------------------------------------------------------------------------------

    async def _identify(self) -> DeviceIdentity:
        """Product name and mode of the inputs. Raises IdentityMismatch when another module or protocol answers."""
        device, number = self._unit.device, self._unit.number
        try:
            names = protocol.texts(await self._system(protocol.NAME))
        except RemoteProtocolError as error:
            raise IdentityMismatch(device, f"no ioLogik R1200 at unit {number}: {error.message}") from error
        except DeviceRefused as error:
            raise IdentityMismatch(device, f"unit {number} has no product name (0x7555): {error.message}") from error
        model = (await self._system(protocol.MODEL))[0]
        if not any(self._name in name for name in names):
            raise IdentityMismatch(
                device, f"unit {number} calls itself {names[0]!r} (model {model:#06x}), not {self._name}"
            )
        high, low = await self._system(protocol.FIRMWARE)
        serial = await self._system(protocol.SERIAL)
        await self._check_input_modes()
        return DeviceIdentity(
            model=f"Moxa ioLogik {self._name}",
            firmware=f"{high:04X}{low:04X}",
            serial_number=_serial_text(serial, swapped=self._name not in names[0]),
            verified_on_hardware=False,
        )

    async def _system(self, registers: tuple[int, int]) -> tuple[int, ...]:
        return await self._unit.read(coils.read_input_registers(self._unit.number, *registers))

    async def _check_input_modes(self) -> None:
        read = coils.read_registers(self._unit.number, protocol.INPUT_MODE, self.inputs)
        counting = [n for n, mode in enumerate(await self._unit.read(read)) if mode != protocol.MODE_INPUT]
        if counting:
            raise IdentityMismatch(
                self._unit.device, f"inputs {counting} count events; set them to DI mode with ioSearch and restart"
            )

    # --- settings -------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        off = (protocol.SAFE_OFF,) * self.relays
        await self._ensure(protocol.SAFE_MODE, off, "safe values of the relays")
        for address, what in (
            (protocol.POWER_ON, "power-on values"),
            (protocol.PULSE, "pulse outputs"),
            (protocol.PULSE_POWER_ON, "pulse outputs at power-on"),
            (protocol.PULSE_SAFE, "pulse outputs at a lost host"),
        ):
            await self._ensure_off(address, what)
        read = coils.read_registers(self._unit.number, protocol.INPUT_FILTER, self.inputs)
        filters = await self._unit.read(read, urgent=True)
        # 0 keeps every signal out; as delivered it is 100 ms, too slow for the proof of a contact.
        wanted = tuple(each if 1 <= each <= _LONGEST_FILTER else _LONGEST_FILTER for each in filters)
        await self._ensure(protocol.INPUT_FILTER, wanted, "filters of the inputs")

    async def _ensure(self, address: int, values: tuple[int, ...], what: str) -> None:
        """Holding registers at these values, read back; written only when they differ. Raises DeviceRefused."""
        read = coils.read_registers(self._unit.number, address, len(values))
        if await self._unit.read(read, urgent=True) == values:
            return
        await self._unit.write(coils.write_registers(self._unit.number, address, values))
        if (kept := await self._unit.read(read, urgent=True)) != values:
            raise DeviceRefused(self._unit.device, f"the {what} read {kept}, {values} was written")

    async def _arm(self) -> None:
        enabled, seconds, _ = await self._watchdog_registers(urgent=True)
        if seconds != self._seconds:
            if enabled:
                await self._set(protocol.WATCHDOG_ENABLE, 0)
            await self._set(protocol.WATCHDOG_SECONDS, self._seconds)
        await self._set(protocol.WATCHDOG_ENABLE, protocol.ENABLED)
        enabled, seconds, _ = await self._watchdog_registers(urgent=True)
        if (enabled, seconds) != (protocol.ENABLED, self._seconds):
            raise DeviceRefused(
                self._unit.device,
                f"the watchdog reads enabled {enabled}, {seconds} s; 1, {self._seconds} s was written",
            )

    async def _set(self, address: int, value: int) -> None:
        read = coils.read_registers(self._unit.number, address)
        if await self._unit.read(read, urgent=True) != (value,):
            await self._unit.write(coils.write_register(self._unit.number, address, value))

    async def _watchdog_registers(self, *, urgent: bool) -> tuple[int, int, int]:
        read = coils.read_registers(self._unit.number, protocol.WATCHDOG_ENABLE, 3)
        enabled, seconds, status = await self._unit.read(read, urgent=urgent)
        return enabled, seconds, status

    async def _timed_out(self) -> bool:
        return (await self._watchdog_registers(urgent=True))[2] != protocol.NORMAL

    async def _clear_time_out(self) -> None:
        await self._unit.write(coils.write_register(self._unit.number, protocol.WATCHDOG_STATUS, protocol.NORMAL))
        if await self._timed_out():
            raise DeviceRefused(self._unit.device, "the watchdog's time-out cannot be cleared")

    async def _why_lost(self, *, urgent: bool) -> str | None:
        enabled, seconds, status = await self._watchdog_registers(urgent=urgent)
        if status != protocol.NORMAL:
            return "the host watchdog has tripped and put the relays off; open again"
        if (enabled, seconds) != (protocol.ENABLED, self._seconds):
            return (
                f"the host watchdog reads enabled {enabled}, {seconds} s: the module has restarted, "
                "or another program sets it; open again"
            )
        return None


def _serial_text(words: tuple[int, ...], *, swapped: bool) -> str | None:
    """As text where it is one, else in hexadecimal; None when it is blank."""
    if set(words) <= {0, 0xFFFF}:
        return None
    text = protocol.texts(words)[swapped]
    return text if len(text) >= len(words) else "".join(f"{word:04X}" for word in words)


def spacers(unit: int) -> Spacers:
    """Reads that may stand between two requests of one form."""
    return protocol.LAYOUT.spacers(unit)


def moxa_board(
    device: str,
    port: str,
    *,
    baudrate: int = 9600,
    unit: int = 1,
    watchdog_s: int = 1,
    name: str = _NAME,
    prove_watchdog: bool = True,
) -> Callable[[], MoxaBoard]:
    """What opens the port and gives a fresh board; nothing is sent by that. Raises PortBusy, Disconnected."""

    def make(at: ModbusUnit) -> MoxaBoard:
        return MoxaBoard(at, watchdog_s=watchdog_s, name=name, prove_watchdog=prove_watchdog)

    return on_serial_port(device, port, baudrate, make, unit=unit, spacers=spacers(unit))

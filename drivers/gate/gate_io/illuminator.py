"""`ports.Illuminator` on the LED block of a Gate I/O unit: an order of exposures, and the unit's own log as the proof.

Not here: which order is drawn (liveness). One pulse length serves all LEDs in version 1.
"""

import contextlib
from collections.abc import Callable

from drivers.errors import DeviceRefused, Disconnected, DriverError, IdentityMismatch, RemoteProtocolError
from drivers.gate.gate_io import led, protocol
from drivers.gate.gate_io.board import spacers
from drivers.gate.gate_io.led import Entry, Fitted, Table
from drivers.gate.gate_io.protocol import Feature, Identity
from drivers.modbus.frames import WriteSingle
from drivers.modbus_unit import ModbusUnit, on_serial_port
from drivers.ports import DeviceIdentity, LitExposure

_FRAMES = 1 << 16


class LedLog:
    """Reads the log of exposures of one unit that has started for the `boot`-th time."""

    def __init__(self, unit: ModbusUnit, boot: int) -> None:
        self._unit = unit
        self._boot = boot

    async def entries(self) -> tuple[Entry, ...]:
        """All entries since the last order, oldest first. Raises Disconnected after a restart, DriverError."""
        status = await self._status()
        found: list[Entry] = []
        while len(found) < status.log_total:
            page, start = divmod(len(found), led.ENTRIES_PER_PAGE)
            count = min(status.log_total - len(found), led.ENTRIES_PER_PAGE - start)
            await self._unit.write(led.choose_page(self._unit.number, page))
            words = await self._unit.read(led.read_page(self._unit.number, count))
            found += led.parse_entries(words)
        return tuple(found)

    async def _status(self) -> protocol.Status:
        words = await self._unit.read(protocol.read_status(self._unit.number))
        try:
            status = protocol.parse_status(words)
        except ValueError as error:
            raise RemoteProtocolError(self._unit.device, str(error)) from error
        if status.boot != self._boot:
            raise Disconnected(self._unit.device, "the unit has restarted, its order and log are gone; open again")
        if status.log_total > led.LONGEST_ORDER:
            raise RemoteProtocolError(self._unit.device, f"a log of {status.log_total} entries")
        return status


class GateIoIlluminator:
    """`pulse_us` of light, `delay_us` after the start of an exposure; `valid_s` is how long an order stays valid.

    `duty` in thousandths, None for the unit's own limit. `serial` (8 bytes) pins the unit. `shared`: `connect` gives
    the unit of a gate (`GateIoGate.lend`), whose line is not closed here.
    """

    def __init__(
        self,
        device: str,
        connect: Callable[[], ModbusUnit],
        *,
        pulse_us: int = 4000,
        delay_us: int = 100,
        duty: int | None = None,
        valid_s: float = 3.0,
        serial: bytes | None = None,
        shared: bool = False,
    ) -> None:
        self._device = device
        self._connect = connect
        self._pulse_us, self._delay_us, self._duty = pulse_us, delay_us, duty
        self._valid_ms = round(valid_s * 1000)
        self._serial = serial
        self._shared = shared
        self._unit: ModbusUnit | None = None
        self._fitted: Fitted | None = None
        self._log: LedLog | None = None

    async def open(self) -> DeviceIdentity:
        """Prove the unit and that it has LEDs, check the limits, LEDs off. Raises DriverError."""
        await self.close()
        unit = self._connect()
        try:
            identity = await self._identify(unit)
            self._fitted = await self._fits(unit)
            self._unit, self._log = unit, LedLog(unit, identity.boot)
            await self.dark()
        except BaseException:
            self._drop(unit)
            raise
        return DeviceIdentity(
            model="Gate I/O unit with LEDs",
            firmware=f"profile {identity.version >> 8}.{identity.version & 0xFF}",
            serial_number=identity.configuration.serial.hex().upper(),
            verified_on_hardware=False,
        )

    async def _identify(self, unit: ModbusUnit) -> Identity:
        try:
            identity = protocol.parse_identity(await unit.read(protocol.read_identity(unit.number)))
        except (RemoteProtocolError, DeviceRefused) as error:
            raise IdentityMismatch(self._device, f"no Gate I/O unit at unit {unit.number}: {error.message}") from error
        except ValueError as error:
            raise IdentityMismatch(self._device, f"no Gate I/O unit we know: {error}") from error
        if Feature.LEDS not in identity.configuration.features:
            raise IdentityMismatch(self._device, "this Gate I/O unit has no LED block")
        if self._serial is not None and identity.configuration.serial != self._serial:
            raise IdentityMismatch(self._device, f"the unit is {identity.configuration.serial.hex().upper()}")
        return identity

    async def _fits(self, unit: ModbusUnit) -> Fitted:
        try:
            fitted = led.parse_fitted(await unit.read(led.read_fitted(unit.number)))
        except ValueError as error:
            raise IdentityMismatch(self._device, f"its table of LEDs: {error}") from error
        for what, asked, limit in (
            ("pulse in us", self._pulse_us, fitted.longest_pulse_us),
            ("duty in thousandths", self._duty or fitted.highest_duty, fitted.highest_duty),
            ("validity in ms", self._valid_ms, fitted.longest_valid_ms),
        ):
            if not 1 <= asked <= limit:
                raise DeviceRefused(self._device, f"a {what} of {asked} is beyond its limit of {limit}")
        return fitted

    @property
    def leds(self) -> tuple[str, ...]:
        """LEDs this unit can light, by name; empty before `open`."""
        return self._fitted.leds if self._fitted is not None else ()

    def _opened(self) -> ModbusUnit:
        if self._unit is None:
            raise Disconnected(self._device, "the illuminator is not open")
        return self._unit

    async def zero(self) -> None:
        """The next exposure seen is number 0."""
        unit = self._opened()
        await unit.write(led.command(unit.number, led.ZERO))

    async def arm(self, order: tuple[str | None, ...]) -> None:
        """One block: the log is cleared, the order armed. Raises ValueError for an LED not fitted, DriverError."""
        unit, fitted = self._opened(), self._fitted
        if fitted is None:
            raise Disconnected(self._device, "the illuminator is not open")
        if unknown := sorted({name for name in order if name is not None} - set(fitted.leds)):
            raise ValueError(f"LEDs {', '.join(unknown)} are not fitted; this unit has {', '.join(fitted.leds)}")
        bands = tuple(0 if name is None else fitted.leds.index(name) + 1 for name in order)
        duty = self._duty or fitted.highest_duty
        await unit.write(
            led.write_table(unit.number, Table(bands, self._pulse_us, self._delay_us, duty, self._valid_ms))
        )

    async def log(self) -> tuple[LitExposure, ...]:
        """Exposures of the present order so far, oldest first; what was really lit."""
        self._opened()
        entries = await self._log.entries() if self._log is not None else ()
        lit: list[LitExposure] = []
        for entry in entries:
            if entry.band > len(self.leds):
                raise RemoteProtocolError(self._device, f"the log names band {entry.band}, {len(self.leds)} are fitted")
            name = self.leds[entry.band - 1] if entry.band else None
            last = lit[-1] if lit else LitExposure(entry.frame, None, entry.at_us)
            # Both counters are cut by the registers: they go on from the entry before.
            frame = last.exposure + (entry.frame - last.exposure) % _FRAMES
            lit.append(LitExposure(frame, name, last.at_us + (entry.at_us - last.at_us) % led.CLOCK_US))
        return tuple(lit)

    async def dark(self) -> None:
        """All LEDs off, order dropped; overtakes whatever waits for the line."""
        unit = self._opened()
        request: WriteSingle = led.command(unit.number, led.DARK)
        await unit.write(request)

    async def close(self) -> None:
        """LEDs off if the line still answers, port closed. Never raises."""
        if self._unit is None:
            return
        unit = self._unit
        try:
            with contextlib.suppress(DriverError):
                await self.dark()
        finally:
            self._drop(unit)

    def _drop(self, unit: ModbusUnit) -> None:
        if not self._shared:
            unit.close()
        self._unit = self._fitted = self._log = None


def gate_io_unit(
    device: str, port: str, *, baudrate: int = protocol.BAUDRATE, parity: str = protocol.PARITY, unit: int = 1
) -> Callable[[], ModbusUnit]:
    """What opens the port of a unit that serves LEDs only. Raises PortBusy, Disconnected."""
    return on_serial_port(device, port, baudrate, lambda at: at, unit=unit, spacers=spacers(unit), parity=parity)

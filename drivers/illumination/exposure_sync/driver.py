"""`ports.Illuminator` over an exposure-sync controller of profile XS1. Not here: which order is drawn (liveness)."""

import contextlib
from collections.abc import Callable, Mapping

from drivers.errors import DeviceRefused, Disconnected, DriverError, IdentityMismatch, RemoteProtocolError
from drivers.illumination.exposure_sync import protocol
from drivers.illumination.exposure_sync.protocol import Ask, Capability, ExposureSyncClient, Line
from drivers.ports import DeviceIdentity, LitExposure
from drivers.session import Session, Timing
from drivers.transport import Transport
from drivers.transport.serial_port import SerialPort

SyncSession = Session[Ask, Line]


class ExposureSyncIlluminator:
    """LEDs that follow the camera's exposure-active line.

    `pulse_us` after `delay_us` from the start of an exposure is the light of one exposure, `pulses` (us, by LED) that
    of single LEDs, all of which must be fitted; `lease_s` is how long an armed order stays valid in the device:
    exposures after it stay dark and are logged as dark.
    """

    def __init__(
        self,
        device: str,
        port: str,
        baudrate: int = 115200,
        *,
        pulse_us: int = 4000,
        delay_us: int = 100,
        pulses: Mapping[str, int] | None = None,
        lease_s: float = 3.0,
        connect: Callable[[], Transport] | None = None,
    ) -> None:
        self._device = device
        self._port = port
        self._baudrate = baudrate
        self._pulse = (str(pulse_us), str(delay_us))
        self._pulses = dict(pulses or {})
        self._lease_ms = round(lease_s * 1000)
        self._connect = connect or self._open_serial
        self._session: SyncSession | None = None
        self._capability: Capability | None = None

    def _open_serial(self) -> Transport:
        serial = SerialPort(self._port, self._baudrate, device=self._device)
        serial.open()
        return serial

    async def open(self) -> DeviceIdentity:
        """Open, prove profile, limits and LEDs, LEDs off, pulses set. Raises DriverError."""
        capability = await self._met()
        try:
            self._capability = capability
            await self.dark()
            await self._set_pulses()
        except BaseException:
            self._drop()
            raise
        return _identity(capability)

    async def probe(self) -> DeviceIdentity:
        """Who answers, and nothing else: no LED and no setting is touched. Raises DriverError."""
        try:
            return _identity(await self._met())
        finally:
            self._drop()

    async def _met(self) -> Capability:
        await self.close()
        self._session = Session(self._device, self._connect(), ExposureSyncClient(), timing=Timing())
        try:
            return await self._identify()
        except BaseException:
            self._drop()
            raise

    async def _identify(self) -> Capability:
        try:
            reply = await self._ask(protocol.CAPABILITY)
            capability = protocol.parse_capability(reply)
        except (RemoteProtocolError, DeviceRefused) as error:
            raise IdentityMismatch(self._device, f"not an exposure-sync controller: {error.message}") from error
        except ValueError as error:
            raise IdentityMismatch(self._device, f"not an exposure-sync controller we know: {error}") from error
        if self._lease_ms > capability.longest_lease_ms:
            limit = capability.longest_lease_ms / 1000
            raise DeviceRefused(self._device, f"a lease of {self._lease_ms / 1000} s is beyond its limit of {limit} s")
        if missing := sorted(set(self._pulses) - set(capability.leds)):
            fitted = ", ".join(capability.leds)
            raise DeviceRefused(self._device, f"LEDs {', '.join(missing)} are not fitted; this unit has {fitted}")
        return capability

    async def _set_pulses(self) -> None:
        await self._ask(protocol.PULSE, *self._pulse, echo=self._pulse)
        for led, width_us in self._pulses.items():
            pulse = (str(width_us), self._pulse[1], protocol.digit_of(led, self.leds))
            await self._ask(protocol.PULSE, *pulse, echo=pulse)

    @property
    def leds(self) -> tuple[str, ...]:
        """LEDs this unit can light, by name; empty before `open`."""
        return self._capability.leds if self._capability is not None else ()

    async def zero(self) -> None:
        """The next exposure seen is number 0."""
        await self._ask(protocol.ZERO, echo=())

    async def arm(self, order: tuple[str | None, ...]) -> None:
        """Load the order, clear the log, arm. Raises ValueError for an LED not fitted, DriverError."""
        digits = protocol.order_digits(order, self.leds)
        await self._ask(protocol.ORDER, digits, echo=(digits,))
        await self._ask(protocol.ARM, str(self._lease_ms))

    async def log(self) -> tuple[LitExposure, ...]:
        """Exposures of the present order so far, oldest first."""
        entries: list[LitExposure] = []
        while True:
            total, page = self._page(len(entries), await self._ask(protocol.LOG, str(len(entries))))
            entries += page
            if len(entries) >= total:
                return tuple(entries)
            if not page:
                raise RemoteProtocolError(self._device, f"log ends after {len(entries)} of {total} entries")

    def _page(self, start: int, arguments: tuple[str, ...]) -> tuple[int, list[LitExposure]]:
        try:
            total, begins = protocol.number(arguments[0]), protocol.number(arguments[1])
            if begins != start or total > protocol.LONGEST_ORDER:
                raise ValueError(f"page {begins} of {total}, asked for {start}")
            return total, [self._entry(text) for text in arguments[2:]]
        except (ValueError, IndexError) as error:
            raise RemoteProtocolError(self._device, f"malformed log: {error}") from error

    def _entry(self, text: str) -> LitExposure:
        exposure, digit, at_us = text.split(".")
        return LitExposure(protocol.number(exposure), protocol.led_of(digit, self.leds), protocol.number(at_us))

    async def dark(self) -> None:
        """All LEDs off, order dropped; overtakes whatever waits for the line."""
        await self._ask(protocol.STOP, urgent=True)

    async def _ask(
        self, command: str, *arguments: str, echo: tuple[str, ...] | None = None, urgent: bool = False
    ) -> tuple[str, ...]:
        if self._session is None:
            raise Disconnected(self._device, "the illuminator is not open")
        reply = await self._session.request(Ask(command, arguments), urgent=urgent)
        if reply.command == protocol.ERROR:
            code = reply.arguments[0] if reply.arguments else ""
            raise DeviceRefused(self._device, f"{command}: {protocol.ERRORS.get(code, f'error {code}')}")
        if echo is not None and reply.arguments != echo:
            raise RemoteProtocolError(self._device, f"{command} took {reply.arguments}, not {echo}")
        return reply.arguments

    async def close(self) -> None:
        """LEDs off if the line still answers, port closed. Never raises."""
        if self._session is None:
            return
        try:
            with contextlib.suppress(DriverError):
                await self.dark()
        finally:
            self._drop()

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None
        self._capability = None


def _identity(capability: Capability) -> DeviceIdentity:
    return DeviceIdentity(
        model=capability.model,
        firmware=f"{protocol.PROFILE} {capability.firmware}",
        serial_number=capability.serial_number,
        verified_on_hardware=False,
    )

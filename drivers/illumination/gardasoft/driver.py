"""A Gardasoft RT as the strobe behind an exposure-sync controller: rating, pulse and faults by RS-232, not the order.

It is no `ports.Illuminator` and must not be made one. It has no order of LEDs, no exposure counter and no log: an order
set anew per exposure over RS-232 could not be proved to have been carried out. Which LED lights in which exposure is
ordered and logged by the exposure-sync controller, whose lease also ends the triggers when the host dies. This driver
sets what one trigger gives, proves it by ST, and tells whose light has failed. Not here: bytes (protocol), orders.
"""

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers.errors import DeviceRefused, Disconnected, DriverError, IdentityMismatch, RemoteProtocolError
from drivers.illumination.gardasoft import protocol
from drivers.illumination.gardasoft.protocol import Ask, Channel, Event, Firmware, GardasoftClient, Reply
from drivers.ports import DeviceIdentity
from drivers.session import Session, Timing
from drivers.transport import Transport
from drivers.transport.serial_port import SerialPort

TIMING = Timing(reply_s=0.5, max_latency_s=0.7, gap_s=0.1)
"""Eight channels are 600 bytes, 55 ms at 115200 baud; the unit may pause within a reply."""
_EXPIRES_S = 2.0
_MOST_EVENTS = 32


@dataclass(frozen=True, slots=True)
class Lamp:
    """What the data sheet and the eye-safety assessment (IEC 62471) of one lamp allow; the driver never goes beyond.

    `highest_rating_ma` is its continuous current; a pulse may have `highest_pulse_ma` for `longest_pulse_us`, in
    `highest_duty` thousandths of the time.
    """

    highest_rating_ma: int
    highest_pulse_ma: int
    longest_pulse_us: int
    highest_duty: int


@dataclass(frozen=True, slots=True)
class Strobe:
    """What one trigger on `input` gives: `permille` of `rating_ma` for `pulse_us`, `delay_us` after the trigger.

    `led` names it for fault reports, as in the exposure-sync controller ("850L").
    """

    led: str
    channel: int
    input: int
    lamp: Lamp
    rating_ma: int
    pulse_us: int
    permille: int = 1000
    delay_us: int = protocol.SHORTEST_US

    @property
    def current_ma(self) -> float:
        """The current of the pulse."""
        return self.rating_ma * self.permille / 1000

    @property
    def retrigger_us(self) -> int:
        """The unit ignores triggers sooner than this: it keeps the duty without the host."""
        duty = min(self.lamp.highest_duty, protocol.highest_duty(self.permille))
        return math.ceil(self.pulse_us * 1000 / duty / 100) * 100


@dataclass(frozen=True, slots=True)
class LampEvent:
    """Something the unit told of a channel; `led` is None for the unit itself or a channel not in use."""

    led: str | None
    channel: int
    code: int
    text: str
    fault: bool


def objection(strobe: Strobe, unit: Firmware) -> str | None:
    """Why this unit or this lamp cannot do it, and what to change; None when it can."""
    lamp, current = strobe.lamp, strobe.current_ma
    if not 1 <= strobe.channel <= unit.channels or not 1 <= strobe.input <= unit.channels:
        return f"{unit.model} has channels and inputs 1 to {unit.channels}"
    if not 1 <= lamp.highest_duty <= 1000:
        return f"a lamp has a duty of 1 to 1000 thousandths, not {lamp.highest_duty}"
    if strobe.rating_ma > lamp.highest_rating_ma:
        return f"a rating of {strobe.rating_ma} mA is above the lamp's {lamp.highest_rating_ma} mA"
    if current > lamp.highest_pulse_ma:
        return f"a pulse of {current:.0f} mA is above the lamp's {lamp.highest_pulse_ma} mA; lower the brightness"
    if strobe.pulse_us > lamp.longest_pulse_us:
        return f"a pulse of {strobe.pulse_us} us is longer than the lamp's {lamp.longest_pulse_us} us"
    if strobe.pulse_us < protocol.FAULT_DETECTION_FROM_US:
        return (
            f"a pulse of {strobe.pulse_us} us is too short for the unit to see a failed light; "
            f"take {protocol.FAULT_DETECTION_FROM_US} us or more"
        )
    if current > unit.highest_ma:
        return f"a pulse of {current:.0f} mA is above the {unit.highest_ma} mA of {unit.model}"
    longest = protocol.longest_pulse_us(current, strobe.permille)
    if strobe.pulse_us > longest:
        percent = strobe.permille / 10
        return f"at {current:.0f} mA and {percent} % a pulse is at most {longest} us, not {strobe.pulse_us} us"
    try:
        _rating(strobe)
        _pulse(strobe)
    except ValueError as error:
        return str(error)
    return None


def _rating(strobe: Strobe) -> tuple[str, ...]:
    return protocol.put_out(strobe.channel), protocol.set_rating(strobe.channel, strobe.rating_ma)


def _pulse(strobe: Strobe) -> tuple[str, ...]:
    number = strobe.channel
    pulse = protocol.set_pulse(number, strobe.pulse_us, strobe.delay_us, strobe.permille, strobe.retrigger_us)
    return protocol.set_input(number, strobe.input), pulse


class GardasoftStrobe:
    """`open`, `configure`, then the controller's triggers light; `errors` after each burst."""

    def __init__(
        self, device: str, port: str, baudrate: int = 115200, *, connect: Callable[[], Transport] | None = None
    ) -> None:
        self._device = device
        self._port = port
        self._baudrate = baudrate
        self._connect = connect or self._open_serial
        self._session: Session[Ask, Reply] | None = None
        self._unit: Firmware | None = None
        self._strobes: dict[int, Strobe] = {}
        self._events: list[Event] = []
        self._darkened = 0

    def _open_serial(self) -> Transport:
        serial = SerialPort(self._port, self._baudrate, device=self._device)
        serial.open()
        return serial

    async def open(self) -> DeviceIdentity:
        """Open, prove the model, every channel out and the internal trigger off, read back. Raises DriverError.

        Errors of the time before are read and forgotten.
        """
        await self.close()
        self._session = Session(self._device, self._connect(), GardasoftClient(), timing=TIMING)
        try:
            self._unit = await self._identify()
            await self.dark()
            await self.errors()
        except BaseException:
            self._drop()
            raise
        unit = self._unit
        return DeviceIdentity(
            model=f"Gardasoft {unit.model}",
            firmware=f"{unit.hardware} {unit.version}",
            serial_number=None,
            verified_on_hardware=False,
        )

    async def _identify(self) -> Firmware:
        try:
            reply = await self._ask(protocol.FIRMWARE)
        except (RemoteProtocolError, DeviceRefused) as error:
            raise IdentityMismatch(self._device, f"not a Gardasoft RT controller: {error.message}") from error
        if reply.firmware is None:
            said = reply.other[0][:40] if reply.other else "nothing"
            raise IdentityMismatch(self._device, f"not a Gardasoft RT controller: it calls itself {said!r}")
        return reply.firmware

    async def configure(self, strobes: Sequence[Strobe]) -> None:
        """Set what a trigger gives, read back; every other channel stays out. Nothing is sent if any cannot be.

        Raises DeviceRefused for what lamp or unit cannot do, DriverError; after an error all channels are put out.
        """
        self._check(strobes)
        await self.dark()
        darkened = self._darkened
        try:
            for strobe in strobes:
                await self._set(strobe, darkened)
        except BaseException:
            with contextlib.suppress(DriverError):
                await self.dark()
            raise

    async def _set(self, strobe: Strobe, darkened: int) -> None:
        """Rating and flags are proved while the channel is out; only then may a trigger light it."""
        reply = await self._ask(protocol.SHOW, *_rating(strobe))
        self._prove(reply)
        shown = reply.channels[strobe.channel - 1]
        if shown.rating_ma != strobe.rating_ma:
            raise self._differs(shown, f"shows a rating of {shown.rating_ma} mA instead of {strobe.rating_ma} mA")
        if shown.flags != 0:
            remedy = f"clear them with RE{shown.number},0 at a terminal"
            raise self._differs(shown, f"has flags {shown.flags}, which may hide a failed light; {remedy}")
        self._still(darkened)
        reply = await self._ask(protocol.SHOW, *_pulse(strobe))
        self._still(darkened)
        self._strobes[strobe.channel] = strobe
        self._prove(reply)

    def _still(self, darkened: int) -> None:
        if self._darkened != darkened:
            raise DeviceRefused(self._device, "dark was ordered meanwhile; configure again")

    def _check(self, strobes: Sequence[Strobe]) -> None:
        if self._unit is None:
            raise Disconnected(self._device, "the strobe is not open")
        for strobe in strobes:
            if (reason := objection(strobe, self._unit)) is not None:
                raise DeviceRefused(self._device, f"{strobe.led} on channel {strobe.channel}: {reason}")
        if len({strobe.channel for strobe in strobes}) < len(strobes):
            raise DeviceRefused(self._device, "two strobes share a channel; give each its own")
        if len({strobe.led for strobe in strobes}) < len(strobes):
            raise DeviceRefused(self._device, "two strobes share a name; give each its own")

    async def errors(self) -> tuple[LampEvent, ...]:
        """What the unit has to tell since it was last asked; a failed light is a `fault` with the LED's name.

        The unit keeps only its last event: ask after every burst. Asking clears its display, and the unit then senses
        the light of a failed channel again, which lights it for a moment. Raises DeviceRefused when a channel no longer
        holds its settings (restart, front panel), DriverError.
        """
        for _ in range(_MOST_EVENTS):
            known = len(self._events)
            reply = await self._ask(protocol.SHOW, protocol.CLEAR_ERRORS)
            if len(self._events) == known:
                break
        else:
            raise RemoteProtocolError(self._device, f"more than {_MOST_EVENTS} events in a row; check its lights")
        self._prove(reply)
        events, self._events = self._events, []
        return tuple(self._named(event) for event in events)

    def _named(self, event: Event) -> LampEvent:
        strobe = self._strobes.get(event.channel)
        led = strobe.led if strobe is not None else None
        return LampEvent(led, event.channel, event.code, event.text, event.code not in protocol.HARMLESS)

    async def flash(self, led: str) -> None:
        """One pulse of a configured LED without its trigger, for tests; the unit ends it. Raises DriverError.

        The internal trigger is never used: it would go on when the host has died.
        """
        strobe = next((strobe for strobe in self._strobes.values() if strobe.led == led), None)
        if strobe is None:
            raise DeviceRefused(self._device, f"LED {led} is not configured")
        self._prove(await self._ask(protocol.SHOW, protocol.fire(strobe.channel)))

    async def dark(self) -> None:
        """Every channel out and the internal trigger off, read back; overtakes whatever waits for the line."""
        if self._unit is None:
            raise Disconnected(self._device, "the strobe is not open")
        self._darkened += 1
        self._strobes = {}
        out = [protocol.put_out(channel + 1) for channel in range(self._unit.channels)]
        self._prove(await self._ask(protocol.SHOW, *out, protocol.TRIGGER_OFF, urgent=True))
        reply = await self._ask(protocol.SHOW_TRIGGER, urgent=True)
        if reply.trigger is None or reply.trigger.running:
            raise DeviceRefused(self._device, "the internal trigger runs on; switch the unit off")

    def _prove(self, reply: Reply) -> None:
        """Every channel of the unit holds what was set, or is out. Raises DeviceRefused, RemoteProtocolError."""
        count = self._unit.channels if self._unit is not None else 0
        if [channel.number for channel in reply.channels] != list(range(1, count + 1)):
            shown = [channel.number for channel in reply.channels]
            raise RemoteProtocolError(self._device, f"ST shows channels {shown} of {count}")
        for channel in reply.channels:
            difference = _difference(channel, self._strobes.get(channel.number))
            if difference is not None:
                remedy = "if the unit has restarted or its panel was used, configure again"
                raise self._differs(channel, f"{difference}; {remedy}")

    def _differs(self, channel: Channel, difference: str) -> DeviceRefused:
        return DeviceRefused(self._device, f"channel {channel.number} {difference}")

    async def _ask(self, question: str, *commands: str, urgent: bool = False) -> Reply:
        if self._session is None:
            raise Disconnected(self._device, "the strobe is not open")
        reply = await self._session.request(Ask(question, commands), urgent=urgent, expires_s=_EXPIRES_S)
        self._events += reply.events
        if reply.errors:
            texts = ", ".join(protocol.ERRORS.get(code, f"error {code}") for code in reply.errors)
            raise DeviceRefused(self._device, f"{';'.join((*commands, question))}: {texts}")
        return reply

    async def close(self) -> None:
        """All channels out if the line still answers, port closed. Never raises."""
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
        self._unit = None
        self._strobes = {}
        self._events = []


def _difference(channel: Channel, strobe: Strobe | None) -> str | None:
    """What a channel shows that it should not."""
    if strobe is None:
        if (channel.mode, channel.permille) != (protocol.CONTINUOUS, 0):
            return f"is not out (mode {channel.mode}, {channel.permille / 10} %)"
        return None
    wanted = (protocol.PULSED, strobe.permille, strobe.input, strobe.rating_ma, 0)
    shown = (channel.mode, channel.permille, channel.input, channel.rating_ma, channel.flags)
    if shown != wanted:
        return f"shows mode, brightness, input, rating and flags {shown} instead of {wanted}"
    for name, set_us, shown_us in (
        ("pulse", strobe.pulse_us, channel.pulse_us),
        ("delay", strobe.delay_us, channel.delay_us),
        ("retrigger delay", strobe.retrigger_us, channel.retrigger_us),
    ):
        # ST rounds to a microsecond; nothing else may differ.
        if abs(set_us - shown_us) > 1:
            return f"shows a {name} of {shown_us:g} us instead of {set_us} us"
    return None

"""A Gardasoft RT controller at the wire: ratings, pulses, error memory, with its trigger inputs as method calls.

Written from the manual's text; no real unit has been compared with it. Safe to use from two threads (the line's and the
rig's). It powers up as after CL: every channel lit at 50 %. Not here: light and optics.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from drivers.illumination.gardasoft import protocol
from drivers.illumination.gardasoft.protocol import Channel, Command, CommandReader

_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6}


@dataclass(frozen=True, slots=True)
class Pulse:
    """One pulse of one channel, as the light gets it."""

    channel: int
    width_us: float
    current_ma: float


class _Fault(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(protocol.ERRORS[code])
        self.code = code


def _factory(number: int) -> Channel:
    return Channel(number, protocol.CONTINUOUS, 500, 1000.0, 1000.0, 0.0, number, 0, 0, 0)


class GardasoftUnit:
    """`broken` channels have a failed light: they stay dark, and a pulse long enough to be measured leaves an error.

    `flashes` are the pulses given so far. `echo` repeats what was received, as a terminal setting may. Time is
    `monotonic`, seconds.
    """

    def __init__(
        self,
        firmware: str = "RT420-20 (HW02) V031",
        *,
        channels: int = 4,
        echo: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.broken: set[int] = set()
        self.flashes: list[Pulse] = []
        self.received: list[Command] = []
        self._firmware = firmware
        self._count = channels
        self._echo = echo
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._commands: dict[str, Callable[[tuple[str, ...]], list[str]]] = {
            "VR": self._tell_firmware,
            "ST": self._tell_status,
            "VL": self._set_rating,
            "RS": self._set_continuous,
            "RP": self._set_input,
            "RT": self._set_pulse,
            "TT": self._set_trigger,
            "TR": self._fire,
            "GR": self._clear_errors,
        }
        self.reboot()

    def reboot(self) -> None:
        """Power was lost: settings are those stored last, here the factory's."""
        with self._lock:
            self._reader = CommandReader()
            self._channels = {number: _factory(number) for number in range(1, self._count + 1)}
            self._internal = protocol.Trigger(True, 20_000.0)
            self._triggered: dict[int, float] = {}
            self._event: protocol.Event | None = None

    # --- what the rig sees and does -------------------------------------------------------------------------

    def channel(self, number: int) -> Channel:
        """The settings of a channel."""
        with self._lock:
            return self._channels[number]

    def lit(self) -> frozenset[int]:
        """Channels that give steady light."""
        with self._lock:
            steady = (c for c in self._channels.values() if c.mode == protocol.CONTINUOUS and c.permille > 0)
            return frozenset(channel.number for channel in steady) - self.broken

    def use_panel(self, number: int, permille: int) -> None:
        """Somebody changes the brightness at the front panel."""
        with self._lock:
            self._channels[number] = replace(self._channels[number], permille=permille)

    def set_flags(self, number: int, flags: int) -> None:
        """As the RE command does."""
        with self._lock:
            self._channels[number] = replace(self._channels[number], flags=flags)

    def report(self, channel: int, code: int) -> None:
        """The unit notes an event; it remembers only the last."""
        with self._lock:
            self._event = protocol.Event(channel, code)

    def trigger(self, number: int) -> None:
        """A pulse on a trigger input."""
        with self._lock:
            for channel in self._channels.values():
                if channel.input == number:
                    self._strobe(channel)

    def _strobe(self, channel: Channel) -> None:
        now = self._monotonic() * 1e6
        early = now - self._triggered.get(channel.number, float("-inf")) < channel.retrigger_us
        if channel.mode != protocol.PULSED or channel.permille == 0 or early:
            return
        self._triggered[channel.number] = now
        if channel.number not in self.broken:
            current = (channel.rating_ma or 0) * channel.permille / 1000
            self.flashes.append(Pulse(channel.number, channel.pulse_us, current))
        elif channel.pulse_us >= protocol.FAULT_DETECTION_FROM_US:
            self._event = protocol.Event(channel.number, 21)

    # --- what the line asks ---------------------------------------------------------------------------------

    def handle(self, data: bytes) -> bytes:
        """Bytes from the line in, bytes for the line out."""
        with self._lock:
            replies = b"".join(self._answer(line) for line in self._reader.feed(data))
            return data + replies if self._echo else replies

    def _answer(self, line: list[Command]) -> bytes:
        lines: list[str] = []
        for command in line:
            self.received.append(command)
            try:
                action = self._commands.get(command.name)
                if action is None:
                    raise _Fault(2)
                lines += action(command.arguments)
            except _Fault as fault:
                lines.append(f"Err {fault.code}")
        return protocol.encode_reply(lines)

    def _tell_firmware(self, arguments: tuple[str, ...]) -> list[str]:
        _exactly(arguments, 0)
        return [self._firmware]

    def _tell_status(self, arguments: tuple[str, ...]) -> list[str]:
        if arguments == ("0",):
            return [f"TM {int(self._internal.running)}, TP {self._internal.period_us / 1000:.2f}ms"]
        chosen = [self._of(arguments[0])] if arguments else self._channels.values()
        return [protocol.channel_line(channel) for channel in chosen]

    def _set_rating(self, arguments: tuple[str, ...]) -> list[str]:
        number, _, amperes = _exactly(arguments, 3)
        rating = round(_number(amperes) * 1000)
        if not protocol.LOWEST_RATING_MA <= rating <= protocol.HIGHEST_RATING_MA:
            raise _Fault(1)
        self._channels[int(number)] = replace(self._of(number), rating_ma=rating)
        return []

    def _set_continuous(self, arguments: tuple[str, ...]) -> list[str]:
        number, percent = _exactly(arguments, 2)
        if not 0 <= _number(percent) <= 100:
            raise _Fault(1)
        permille = round(_number(percent) * 10)
        self._channels[int(number)] = replace(self._of(number), mode=protocol.CONTINUOUS, permille=permille)
        return []

    def _set_input(self, arguments: tuple[str, ...]) -> list[str]:
        number, source = _exactly(arguments, 2)
        self._channels[int(number)] = replace(self._of(number), input=self._of(source).number)
        return []

    def _set_pulse(self, arguments: tuple[str, ...]) -> list[str]:
        number, width, delay, percent, retrigger = _exactly((*arguments, "0")[:5], 5)
        channel = self._of(number)
        pulse_us, delay_us, permille = _time(width), _time(delay), round(_number(percent) * 10)
        if pulse_us > protocol.longest_pulse_us((channel.rating_ma or 0) * permille / 1000, permille):
            raise _Fault(1)
        self._channels[channel.number] = replace(
            channel,
            mode=protocol.PULSED,
            permille=permille,
            pulse_us=pulse_us,
            delay_us=max(delay_us, float(protocol.SHORTEST_US)),
            retrigger_us=_time(retrigger),
        )
        return ["Err 5"] if delay_us < protocol.SHORTEST_US else []

    def _set_trigger(self, arguments: tuple[str, ...]) -> list[str]:
        if not arguments or arguments[0] not in ("0", "1"):
            raise _Fault(1)
        period = _time(arguments[1]) if len(arguments) > 1 else self._internal.period_us
        self._internal = protocol.Trigger(arguments[0] == "1", period)
        return []

    def _fire(self, arguments: tuple[str, ...]) -> list[str]:
        (number,) = _exactly(arguments, 1)
        self._strobe(self._of(number))
        return []

    def _clear_errors(self, arguments: tuple[str, ...]) -> list[str]:
        _exactly(arguments, 0)
        event, self._event = self._event, None
        return [] if event is None else [f"Evt{event.channel},{event.code};"]

    def _of(self, number: str) -> Channel:
        channel = self._channels.get(int(_number(number)))
        if channel is None:
            raise _Fault(1)
        return channel


def _exactly(arguments: tuple[str, ...], count: int) -> tuple[str, ...]:
    if len(arguments) != count:
        raise _Fault(4)
    return arguments


def _number(text: str) -> float:
    if not text.replace(".", "", 1).isdigit():
        raise _Fault(3)
    return float(text)


def _time(text: str) -> float:
    for unit, factor in _MICROSECONDS.items():
        if text.lower().endswith(unit):
            return _number(text[: -len(unit)]) * factor
    return _number(text) * 1000

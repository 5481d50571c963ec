"""The ASCII commands of Gardasoft RT controllers, both ends: command lines and replies, to values and back.

Sources: Gardasoft, "RTxxx LED lighting controllers - User Manual" (page 26 operating limits, 56 to 61 commands, 65
error and event codes); KickdriveOliver/docklight, Gardasoft_RT_Example, after revision 10 of that manual (command list,
typical ST output, pulse limits). Not here: what a lamp may be given (driver), light (emulator), waiting (session).

A line ends with CR; commands joined by `;` are carried out in turn and answered together, the answer ending with `>`.
There is neither tag nor check, so every line sent ends with a question (VR, ST, ST0) whose answer proves what was set.
"""

import re
from dataclasses import dataclass

LONGEST_REPLY = 2048
PROMPT = b">"
FIRMWARE, SHOW, SHOW_TRIGGER = "VR", "ST", "ST0"
CLEAR_ERRORS, TRIGGER_OFF = "GR", "TT0"
CONTINUOUS, PULSED, SWITCHED, SELECTED = 0, 1, 2, 3

FAULT_DETECTION_FROM_US = 70
"""Below about this pulse width the unit cannot measure the light and detects no fault."""
SHORTEST_US, LONGEST_US = 20, 999_000
"""Range of pulse width and delay."""
LOWEST_RATING_MA, HIGHEST_RATING_MA = 10, 3000
HIGHEST_PERMILLE = 9990
_CURRENT_LIMITS = ((1_999, LONGEST_US), (5_000, 2_000), (10_000, 1_000), (12_000, 400), (20_000, 100))
"""Up to this current in mA, this pulse width in us. The vendor allows 5 A for 3 ms, but warns that from 2 A on the
current may sag after 2 ms."""
_BRIGHTNESS_LIMITS = ((1000, LONGEST_US, 1000), (2000, 30_000, 300), (3000, 10_000, 200), (5000, 2_000, 100))
"""Up to this brightness in thousandths of the rating: pulse width in us, duty in thousandths."""
_BRIGHTEST_LIMIT = (1_000, 50)

ERRORS = {
    1: "a parameter value is invalid",
    2: "command not recognised",
    3: "a number has the wrong format",
    4: "wrong number of parameters",
    5: "a value was out of range and has been adjusted",
    8: "the stored configuration was corrupt and has been cleared",
    9: "the settings could not be stored",
    12: "the stored configuration was corrupt and has been cleared",
    19: "a light is connected, but has no rating",
    20: "the settings could not be stored",
    21: "the light could not be sensed: broken, short-circuited or unplugged",
    22: "the light could not be sensed: broken, short-circuited or unplugged",
    23: "the light could not be sensed: broken, short-circuited or unplugged",
    40: "fatal hardware error",
    41: "fatal hardware error",
    44: "the controller is too hot",
    45: "more current than expected flows",
    46: "the channel dissipates more than 30 W",
    47: "the output driver was protected from too much heat",
}
EVENTS = {
    128: "a light has been connected and works",
    129: "a light has been connected, but has no rating",
    130: "over-temperature",
    131: "over-current",
    132: "the light could not be sensed: broken, short-circuited or unplugged",
    138: "power training has completed",
    139: "power training has failed",
    140: "the light was switched off because its duty was too high",
}
HARMLESS = frozenset({128, 138})


@dataclass(frozen=True, slots=True)
class Firmware:
    """The answer to VR: "RT420-20 (HW02) V031". `channels` and `highest_ma` follow from the model's name."""

    model: str
    hardware: str
    version: str

    @property
    def channels(self) -> int:
        """Outputs: the first digit of the model."""
        return int(self.model[2])

    @property
    def highest_ma(self) -> int:
        """The highest pulse current: the amperes after the dash, 20 A without."""
        amperes = self.model.partition("-")[2]
        return min(int(amperes or 20), 20) * 1000


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of ST: times in us, currents in mA, brightness in thousandths of the rating.

    `rating_ma` is None for a light rated in volts. `flags` other than 0 may switch the detection of faults off.
    """

    number: int
    mode: int
    permille: int
    delay_us: float
    pulse_us: float
    retrigger_us: float
    input: int
    flags: int
    sensed_ma: int | None
    rating_ma: int | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """The answer to ST0: whether the internal trigger runs, and its period in us."""

    running: bool
    period_us: float


@dataclass(frozen=True, slots=True)
class Event:
    """What GR tells: a channel, 0 for the unit, and a code of ERRORS or EVENTS."""

    channel: int
    code: int

    @property
    def text(self) -> str:
        """In words."""
        return ERRORS.get(self.code) or EVENTS.get(self.code) or f"event {self.code}, not in the manual"


@dataclass(frozen=True, slots=True)
class Reply:
    """All that came before one prompt, sorted; `other` are lines that are none of these."""

    firmware: Firmware | None = None
    channels: tuple[Channel, ...] = ()
    trigger: Trigger | None = None
    events: tuple[Event, ...] = ()
    errors: tuple[int, ...] = ()
    other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """Commands to carry out, then one question: FIRMWARE, SHOW or SHOW_TRIGGER."""

    question: str
    commands: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Without its ending."""
        return ";".join((*self.commands, self.question))

    def answered_by(self, reply: Reply) -> bool:
        """Whether a reply fits; a refusal (Err) fits every line."""
        if reply.errors:
            return True
        if self.question == FIRMWARE:
            named = reply.firmware is not None or bool(reply.other)
            return named and not reply.channels and reply.trigger is None
        return bool(reply.channels) if self.question == SHOW else reply.trigger is not None


# --- commands ---------------------------------------------------------------------------------------------------


def _ms(us: float) -> str:
    return f"{us / 1000:.3f}".rstrip("0").rstrip(".")


def put_out(channel: int) -> str:
    """Continuous mode at 0 %: no trigger can light the channel. CL would not do: it sets all channels to 50 %."""
    return f"RS{channel},0"


def set_rating(channel: int, rating_ma: int) -> str:
    """The rated current of the light, which 100 % stands for. Raises ValueError outside 10 mA to 3 A."""
    if not LOWEST_RATING_MA <= rating_ma <= HIGHEST_RATING_MA:
        raise ValueError(f"a rating is {LOWEST_RATING_MA} to {HIGHEST_RATING_MA} mA, not {rating_ma} mA")
    return f"VL{channel},0,{_ms(rating_ma)}"


def set_input(channel: int, number: int) -> str:
    """Which trigger input fires the channel."""
    return f"RP{channel},{number}"


def set_pulse(channel: int, pulse_us: int, delay_us: int, permille: int, retrigger_us: int) -> str:
    """Pulse mode. A trigger sooner than `retrigger_us` after the last is ignored by the unit. Raises ValueError."""
    for name, value in (("pulse", pulse_us), ("delay", delay_us)):
        if not SHORTEST_US <= value <= LONGEST_US:
            raise ValueError(f"a {name} is {SHORTEST_US} to {LONGEST_US} us, not {value} us")
    if not 1 <= permille <= HIGHEST_PERMILLE:
        raise ValueError(f"a brightness is 0.1 to {HIGHEST_PERMILLE / 10} %, not {permille / 10} %")
    if not 0 <= retrigger_us <= LONGEST_US or retrigger_us % 100:
        raise ValueError(f"a retrigger delay is 0 to {LONGEST_US} us in steps of 100 us, not {retrigger_us} us")
    percent = _ms(permille * 100)
    return f"RT{channel},{_ms(pulse_us)},{_ms(delay_us)},{percent},{_ms(retrigger_us)}"


def fire(channel: int) -> str:
    """As if its input had been triggered: one pulse, ended by the unit."""
    return f"TR{channel}"


def longest_pulse_us(current_ma: float, permille: int) -> int:
    """What the unit allows for this current and brightness; 0 when it allows none."""
    by_current = next((width for limit, width in _CURRENT_LIMITS if current_ma <= limit), 0)
    return min(by_current, _brightness_limit(permille)[0])


def highest_duty(permille: int) -> int:
    """The highest duty the unit allows at this brightness, in thousandths."""
    return _brightness_limit(permille)[1]


def _brightness_limit(permille: int) -> tuple[int, int]:
    return next(((width, duty) for limit, width, duty in _BRIGHTNESS_LIMITS if permille <= limit), _BRIGHTEST_LIMIT)


# --- replies ----------------------------------------------------------------------------------------------------

_NUMBER = r"(\d{1,7}(?:\.\d{1,4})?)"
_TIME = _NUMBER + r"(us|ms|s)"
_AMOUNT = _NUMBER + r"(m[Aa]|A|V)"
_CHANNEL = re.compile(
    rf"CH(\d),MD(\d),S{_NUMBER},{_NUMBER},DL{_TIME},PU{_TIME},RT{_TIME},IP(\d),FL(\d{{1,3}}),CS{_AMOUNT},RA{_AMOUNT}"
)
_TRIGGER = re.compile(rf"TM([01]),TP{_TIME}")
_EVENT = re.compile(r"Evt(\d),(\d{1,3})")
_ERROR = re.compile(r"Err(\d{1,3})")
_FIRMWARE = re.compile(r"(RT[248](?:00|20|60)F?(?:-\d{1,2})?)\((HW\d+)\)(V\w+)")
_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def parse_reply(data: bytes, sent: Ask) -> Reply:
    """Sort what came before a prompt; an echo of the line sent is dropped."""
    echoes = {_packed(sent.line), *map(_packed, sent.commands), _packed(sent.question)}
    firmware, trigger = None, None
    channels, events, errors, other = [], [], [], []
    for text in re.split(r"[\r\n;]+", data.decode("ascii", errors="replace")):
        packed = _packed(text)
        if not packed or packed in echoes:
            continue
        if match := _CHANNEL.fullmatch(packed):
            channels.append(_channel(match))
        elif match := _TRIGGER.fullmatch(packed):
            trigger = Trigger(match[1] == "1", float(match[2]) * _MICROSECONDS[match[3]])
        elif match := _EVENT.fullmatch(packed):
            events.append(Event(int(match[1]), int(match[2])))
        elif match := _ERROR.fullmatch(packed):
            errors.append(int(match[1]))
        elif match := _FIRMWARE.fullmatch(packed):
            firmware = Firmware(match[1], match[2], match[3])
        else:
            other.append(text.strip())
    return Reply(firmware, tuple(channels), trigger, tuple(events), tuple(errors), tuple(other))


def _packed(text: str) -> str:
    return "".join(text.split())


def _channel(match: re.Match[str]) -> Channel:
    return Channel(
        number=int(match[1]),
        mode=int(match[2]),
        permille=round(float(match[3]) * 10),
        delay_us=float(match[5]) * _MICROSECONDS[match[6]],
        pulse_us=float(match[7]) * _MICROSECONDS[match[8]],
        retrigger_us=float(match[9]) * _MICROSECONDS[match[10]],
        input=int(match[11]),
        flags=int(match[12]),
        sensed_ma=_milliamperes(match[13], match[14]),
        rating_ma=_milliamperes(match[15], match[16]),
    )


def _milliamperes(number: str, unit: str) -> int | None:
    return None if unit == "V" else round(float(number) * (1000 if unit == "A" else 1))


class GardasoftClient:
    """The host end: one line at a time; the text up to the prompt is its reply, if it answers the question asked."""

    def __init__(self) -> None:
        self._buffer = b""
        self._open: Ask | None = None
        self._last_question: str | None = None
        self._rejected: str | None = None

    def spacer(self, request: Ask) -> Ask | None:
        """Another question in between when the same one was asked last: a late reply to that must not fit this one."""
        if request.question != self._last_question:
            return None
        return Ask(SHOW if request.question == FIRMWARE else FIRMWARE)

    def send(self, request: Ask) -> bytes:
        """Begin a request and give its line."""
        self._open, self._last_question = request, request.question
        self._buffer, self._rejected = b"", None
        return request.line.encode("ascii") + b"\r\n"

    def receive(self, data: bytes) -> Reply | None:
        """Feed what came; the reply once its prompt is there."""
        self._buffer += data
        while self._open is not None and PROMPT in self._buffer:
            text, _, self._buffer = self._buffer.partition(PROMPT)
            reply = parse_reply(text, self._open)
            if self._open.answered_by(reply):
                self._open, self._buffer = None, b""
                return reply
            self._rejected = f"{self._open.line} was answered by {text[:60]!r}"
        if len(self._buffer) > LONGEST_REPLY:
            self._rejected = f"{len(self._buffer)} bytes without a prompt: {self._buffer[:24]!r}"
            self._buffer = b""
        return None

    def silence(self) -> None:
        """The line fell silent inside a reply."""
        if self._buffer:
            self._rejected = f"torn reply: {self._buffer[:60]!r}"
            self._buffer = b""

    @property
    def pending(self) -> bool:
        """True while part of a reply is in hand."""
        return bool(self._buffer)

    def abandon(self) -> str | None:
        """Give the open request up; says what came instead."""
        self.silence()
        self._open = None
        return self._rejected

    def unasked(self, data: bytes) -> bool:  # noqa: ARG002 - the session asks every protocol
        """Never: every answer is compared with what was set."""
        return False


# --- the device end ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """Two letters and what follows them, blanks removed."""

    name: str
    arguments: tuple[str, ...]


class CommandReader:
    """Cuts a stream into command lines: CR ends one, blanks are ignored, `;` separates commands."""

    def __init__(self) -> None:
        self._partial = b""

    def feed(self, data: bytes) -> list[list[Command]]:
        """The command lines that are whole."""
        *whole, self._partial = (self._partial + data).split(b"\r")
        return [[_command(text) for text in line.decode("ascii", "replace").split(";")] for line in whole]


def _command(text: str) -> Command:
    packed = _packed(text)
    return Command(packed[:2], tuple(packed[2:].split(",")) if len(packed) > 2 else ())


def encode_reply(lines: list[str]) -> bytes:
    """Lines and the prompt."""
    return "".join(f"{line}\n\r" for line in lines).encode("ascii") + PROMPT


def channel_line(channel: Channel) -> str:
    """As the unit writes a channel in the answer to ST."""
    return (
        f"CH{channel.number},MD{channel.mode},S{channel.permille / 10:5.1f}, 0.0,"
        f"DL{channel.delay_us / 1000:.3f}ms,PU{channel.pulse_us / 1000:.3f}ms,RT{channel.retrigger_us:4.1f}us,"
        f"IP{channel.input},FL{channel.flags},CS{(channel.sensed_ma or 0) / 1000:.3f}A,"
        f"RA{(channel.rating_ma or 0) / 1000:.3f}A"
    )

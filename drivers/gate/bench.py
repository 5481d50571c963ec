"""Gate kinds that must not guard a border, with the reason in words and the figure behind it.

A bench-only kind has a driver and is for a desk; a refused kind has none, at most an emulator that shows the flaw. The
figures are those of `python -m hil.bench.corruption`; its test compares them with this list. Not here: what a profile
is, and the refusing itself (whoever builds a lane asks `objection`).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spoilt:
    """Of all `of` ways to invert `bits` bits of `frame`, a command to keep shut, `opened` energise a relay."""

    frame: bytes
    bits: int
    opened: int
    of: int

    def __str__(self) -> str:
        return f"{self.opened:,} of {self.of:,} ways to invert {self.bits} bit(s) of its off command open"


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a kind is kept out of production. `has_driver`: whether it may be used on a bench."""

    family: str
    has_driver: bool
    reason: str
    figure: Spoilt

    def __str__(self) -> str:
        allowed = "for the bench only" if self.has_driver else "refused, there is no driver"
        return f"{self.family}: {allowed}. {self.reason} {self.figure}."


_LATCHES = "A relay stays energised when the host dies: no timed pulse, no watchdog."

BENCH_ONLY: dict[str, Objection] = {
    "gate.lcus": Objection(
        "LCUS USB relay board",
        has_driver=True,
        reason=_LATCHES + " It has no serial number and acknowledges nothing, and its check is a sum of three bytes:",
        figure=Spoilt(bytes((0xA0, 1, 0, 0xA1)), bits=3, opened=1, of=4960),
    ),
    "gate.numato": Objection(
        "Numato USB relay module",
        has_driver=True,
        reason=_LATCHES + " Its lines have no check. The driver keeps clear of the command for all relays, of which",
        figure=Spoilt(b"relay writeall 00\r", bits=1, opened=8, of=144),
    ),
}

REFUSED: dict[str, Objection] = {
    "gate.kmtronic": Objection(
        "KMtronic relay board",
        has_driver=False,
        reason=_LATCHES + " Its frames have no check at all:",
        figure=Spoilt(bytes((0xFF, 1, 0)), bits=1, opened=1, of=24),
    ),
    "gate.devantech": Objection(
        "Devantech USB-RLY08/16",
        has_driver=False,
        reason="One byte is a command, without frame or check, and 9 of the 256 bytes switch a relay on at once:",
        figure=Spoilt(b"\x6e", bits=1, opened=3, of=8),
    ),
    "gate.7e7f": Objection(
        "7E/7F turnstile board",
        has_driver=False,
        reason="Its check is an inverted sum, which two wrong bits in one column pass:",
        figure=Spoilt(bytes((0x7E, 0, 1, 0x89, 0, 0, 0, 0xF7)), bits=2, opened=6, of=2016),
    ),
}


def objection(kind: str) -> Objection | None:
    """Why a production profile must refuse this gate kind ("gate.lcus"); None when nothing here is said against it."""
    return REFUSED.get(kind) or BENCH_ONLY.get(kind)

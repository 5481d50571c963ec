"""What it costs to read a passport and prove it genuine: our own processor time, step by step, and the commands sent.

The chip is virtual and in this process; its time is not counted, and there is no air between, which is most of what a
traveller waits for. Not here: whether the verdicts are right (tests/inspection).
"""

import asyncio
import io
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from secrets import token_bytes

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from appliance.clock import SystemClock, today
from appliance.core.types import InspectionStep as Step
from appliance.core.types import Result
from appliance.document.inspection import RESET, Inspection, Reset, Talk
from appliance.document.inspector import _Inspector
from appliance.document.portrait import decode
from appliance.document.rules import Rules
from appliance.document.trust.anchors import Anchors
from appliance.document.trust.store import load
from appliance.evaluate.claims_text import between_markers
from hil.bench import verdicts
from hil.passport.faults import FAULTS
from hil.passport.passport import Passport
from hil.passport.personalise import Options, make_passport
from hil.rig.trust import import_trust
from hil.scene import CAST, render_portrait

MAX_MS = 150.0
PORTRAIT_BYTES = 20 * 1024
ASKED = "PACE-GM brainpoolP256r1"
WAYS: dict[str, Options] = {
    "BAC": Options(pace=()),
    ASKED: Options(),
    "PACE-GM brainpoolP384r1": Options(pace=("gm-aes256-bp384",)),
    "PACE-GM brainpoolP512r1": Options(pace=("gm-aes256-bp512",)),
    "PACE-IM brainpoolP256r1": Options(pace=("im-aes128-bp256",)),
    "PACE-CAM brainpoolP256r1": Options(pace=("cam-aes128-bp256",), chip_authentication=(), active_authentication=""),
}
"""How the chip opens. All but the last also prove themselves by chip and by active authentication."""
TABLES = ("cost", "faults", "reasons")
"""What a page has a place for."""
STEPS = (Step.ACCESS, Step.READING, Step.PASSIVE_AUTHENTICATION, Step.CLONE_DETECTION)
SHORT, EXTENDED = Rules(extended=False), Rules()


@dataclass(slots=True)
class Reading:
    """Our own processor time in seconds, the whole and by step, and the commands sent."""

    whole: float = 0.0
    steps: dict[Step, float] = field(default_factory=dict)
    commands: int = 0

    def lap(self, step: Step, own: float) -> None:
        """A step came to its end after `own` seconds of ours in all."""
        self.steps[step] = self.steps.get(step, 0.0) + own - sum(self.steps.values())


class _Watched(_Inspector):
    """Tells when a step has come to its end."""

    ended: Callable[[Step], None]

    def _finished(self, step: Step) -> None:
        super()._finished(step)
        self.ended(step)


def read(document: Passport, anchors: Anchors, on: date, rules: Rules) -> Reading:
    """Inspect it once. Raises RuntimeError when it is not found genuine: what is measured is a whole inspection."""
    reading, begun = Reading(), 0.0
    inspector = _Watched(on, anchors, rules, token_bytes)
    inspector.ended = lambda step: reading.lap(step, reading.whole + time.process_time() - begun)
    talk = inspector.whole(document.printed, None)
    chip, response = document.chip(), None
    while True:
        begun = time.process_time()
        command, done = _next(talk, response)
        reading.whole += time.process_time() - begun
        if done is not None:
            break
        if isinstance(command, bytes):
            reading.commands += 1
            response = chip.process(command)
        else:
            response = chip.reset()
    if {done.result(step) for step in Step} != {Result.SUCCESSFUL}:
        raise RuntimeError(f"the passport was not found genuine: {done.found}")
    return reading


def _next(talk: Talk, response: bytes | None) -> tuple[bytes | Reset, Inspection | None]:
    try:
        return (next(talk) if response is None else talk.send(response)), None
    except StopIteration as end:
        return RESET, end.value


@cache
def portrait(kind: str = "JPEG") -> bytes:
    """A portrait of the cast as JPEG or JPEG2000, of the best quality that 20 KB hold."""
    picture = Image.open(io.BytesIO(render_portrait(CAST[0])))
    for quality in range(95, 20, -1):
        out = io.BytesIO()
        how = {"quality": quality} if kind == "JPEG" else {"quality_mode": "dB", "quality_layers": [quality / 2]}
        picture.save(out, kind, **how)
        if len(out.getvalue()) <= PORTRAIT_BYTES:
            return out.getvalue()
    raise RuntimeError("no portrait is as small as that")


def trusting(folder: Path) -> Anchors:
    """Utopia's lists, imported today into a store in a folder."""
    import_trust(folder / "store", folder / "files", SystemClock().now())
    return load(folder / "store").anchors


@dataclass(frozen=True, slots=True)
class Way:
    """What one way to open a chip cost; `commands` without and with extended length."""

    name: str
    readings: list[Reading]
    commands: tuple[int, int]

    def whole_ms(self) -> tuple[float, float]:
        """Median and 95th percentile."""
        middle, late = np.percentile([one.whole * 1000 for one in self.readings], (50, 95))
        return float(middle), float(late)

    def shares(self) -> list[tuple[float, float]]:
        """Of each of STEPS and the rest: median in ms, and part of all time spent."""
        spent = np.array([[one.steps[step] for step in STEPS] for one in self.readings])
        whole = np.array([one.whole for one in self.readings])
        parts = np.column_stack([spent, whole - spent.sum(axis=1)])
        return list(zip(np.median(parts, axis=0) * 1000, parts.sum(axis=0) / whole.sum(), strict=True))


def ways(anchors: Anchors, rounds: int, names: tuple[str, ...] = tuple(WAYS)) -> list[Way]:
    """Read a passport of each of these ways `rounds` times, after one reading that is not counted."""
    on = today(SystemClock())
    found = []
    for name in names:
        options = WAYS[name]
        document = make_passport(CAST[0], portrait(), options=options)
        longer = make_passport(CAST[0], portrait(), options=replace(options, extended_length=True))
        commands = read(document, anchors, on, SHORT).commands, read(longer, anchors, on, EXTENDED).commands
        found.append(Way(name, [read(document, anchors, on, SHORT) for _ in range(rounds)], commands))
    return found


COST_COLUMNS = (
    "chip opens by", "own CPU, median / p95", "access", "reading", "passive authentication", "clone detection", "rest",
    "commands, short / extended",
)  # fmt: skip


def cells(way: Way) -> verdicts.Cells:
    """What it cost; COST_COLUMNS."""
    middle, late = way.whole_ms()
    shares = (f"{ms:.1f} ms, {100 * part:.0f} %" for ms, part in way.shares())
    return way.name, f"{middle:.0f} / {late:.0f} ms", *shares, " / ".join(map(str, way.commands))


async def decoding(kind: str, rounds: int) -> str:
    """Wall time of the portrait's decoder, a process of its own each time."""
    spent = []
    for _ in range(rounds):
        begun = time.monotonic()
        height, width, _ = (await decode(portrait(kind))).shape
        spent.append((time.monotonic() - begun) * 1000)
    middle, late = np.percentile(spent, (50, 95))
    return f"{kind}, {len(portrait(kind)):,} bytes, {width} x {height}: {middle:.0f} / {late:.0f} ms"


async def _faults(anchors: Anchors, tell: Callable[[str], None]) -> list[verdicts.Cells]:
    on, rows = today(SystemClock()), []
    for number, fault in enumerate(FAULTS, 1):
        tell(f"fault {number} of {len(FAULTS)}: {fault}")
        rows.append(verdicts.of_fault(fault, await verdicts.inspected(fault, anchors, on)))
    return rows


def run(rounds: int, page: Path | None = None) -> None:
    """Measure and print; with a page of Markdown (docs/passport.md), also put the tables between its markers.

    Raises ClaimsError, before anything is measured, when the page has no such place.
    """
    if page is not None:
        _filled(page, dict.fromkeys(TABLES, ""))
    out = Console(width=None if sys.stdout.isatty() else 160)
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder, out.status("issuers") as status:
        anchors = trusting(Path(folder))
        status.update("reading")
        costs = [cells(way) for way in ways(anchors, rounds)]
        notes = _notes(rounds)
        faults = asyncio.run(_faults(anchors, status.update))
    for columns, rows in ((COST_COLUMNS, costs), (verdicts.FAULT_COLUMNS, faults)):
        table = Table(*columns)
        for row in rows:
            table.add_row(*row)
        out.print(table)
    out.print(notes, highlight=False)
    if page is not None:
        cost = f"{verdicts.markdown(COST_COLUMNS, costs)}\n{notes}\n"
        table_of_faults = verdicts.markdown(verdicts.FAULT_COLUMNS, faults)
        table_of_reasons = verdicts.markdown(verdicts.REASON_COLUMNS, verdicts.of_reasons())
        filled = _filled(page, dict(zip(TABLES, (cost, table_of_faults, table_of_reasons), strict=True)))
        page.write_text(filled, encoding="utf-8")


def _filled(page: Path, tables: Mapping[str, str]) -> str:
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        text = between_markers(text, *verdicts.markers(name), table)
    return text


def _notes(rounds: int) -> str:
    """How it was measured; and the decoder, which is measured here."""
    decoded = "; ".join(asyncio.run(decoding(kind, rounds)) for kind in ("JPEG", "JPEG2000"))
    machine = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, Python {platform.python_version()}"
    return (
        f"n = {rounds} readings of each, portrait of {len(portrait()):,} bytes, short APDUs; {machine}.\n"
        f"Asked of {ASKED}: at most {MAX_MS:.0f} ms.\n"
        f"Portrait decoded in its sandbox, wall clock, median / p95, n = {rounds}: {decoded}."
    )

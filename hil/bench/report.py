"""All measurements in one table, each beside its target."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from hil.bench import console as guard_console
from hil.bench import cost, liveness, passport, release

MAX_RATIO = 1.10
MAX_VERIFICATION_MS = 1000.0
MAX_RELEASE_MS = 20.0
MAX_START_S = 10.0
MAX_IDLE_PERCENT = 5.0
MAX_LIVENESS_MS = 60.0
MAX_CARD_MS = 250.0
MAX_WHOLE_MS = 2000.0
MAX_FRAME_MS = 150.0
MAX_LOAD_KB = 300.0
MAX_USABLE_MS = 1000.0
MAX_CONSOLE_MB = 250.0
_ROUNDS, _READINGS = 5, 20
REFERRALS, LOADS, FILM_S = 50, 10, 20.0


def _spread(seconds: list[float]) -> str:
    ms = np.array(seconds) * 1000
    return f"{np.percentile(ms, 95):.0f} ms  (p50 {np.percentile(ms, 50):.0f}, max {ms.max():.0f})"


def console(table: Table, tell: Callable[[str], None]) -> None:
    """The guard console's rows."""
    seen = guard_console.run(REFERRALS, LOADS, FILM_S, tell)
    beside = f"{guard_console.LANES} lanes, {guard_console.STATIONS} stations"
    table.add_row(
        f"referral to painted card in Chromium, p95 (n={len(seen.card)}, {beside})",
        f"{_spread(seen.card)}; clocks +- {1000 * seen.clock_error:.1f} ms",
        f"<= {MAX_CARD_MS:.0f} ms",
    )
    table.add_row("the same, with all its pictures, p95", _spread(seen.whole), f"<= {MAX_WHOLE_MS:.0f} ms")
    table.add_row(
        f"live picture, made to painted, p95 (n={len(seen.frames)}, {len(seen.frames) / seen.filmed_s:.1f} per second)",
        _spread(seen.frames),
        f"<= {MAX_FRAME_MS:.0f} ms",
    )
    table.add_row(
        "first load, over the wire",
        f"{seen.wire_bytes / 1000:.0f} kB  (gzip would be {seen.gzip_bytes / 1000:.0f})",
        f"<= {MAX_LOAD_KB:.0f} kB",
    )
    table.add_row(
        f"first load to every lane shown, p95 (n={len(seen.usable)})",
        _spread(seen.usable),
        f"<= {MAX_USABLE_MS:.0f} ms",
    )
    table.add_row(
        "console, resident memory",
        f"{seen.rss_bytes / 1e6:.0f} MB  ({seen.cpu_percent:.0f} % of a core)",
        f"<= {MAX_CONSOLE_MB:.0f} MB",
    )


def run_console() -> None:
    """Measure the guard console alone, and print."""
    out = Console()
    table = Table("figure", "measured", "target", title="guard console")
    with out.status("starting") as status:
        console(table, status.update)
    table.caption = f"load {os.getloadavg()[0]:.1f} at the end, {os.cpu_count()} cores"
    out.print(table)


def _passports(table: Table) -> None:
    """Our own processor time for one document; all ways to open it: `bench passport`."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as folder:
        found = passport.ways(passport.trusting(Path(folder)), _READINGS, ("BAC", passport.ASKED))
    for way in found:
        middle, late = way.whole_ms()
        table.add_row(
            f"passport read and proven by {way.name}, own CPU, p95 (n={_READINGS})",
            f"{late:.0f} ms  (p50 {middle:.0f})",
            f"<= {passport.MAX_MS:.0f} ms" if way.name == passport.ASKED else "",
        )


def run(*, pack: str, models_dir: Path, bands: tuple[str, ...], passages: int, releases: int) -> None:
    """Measure and print. Nothing here passes or fails: a busy machine is no defect."""
    out = Console()
    with out.status("starting") as status:
        costs = cost.run(pack, models_dir, bands, passages, status.update)
        shares = liveness.run(models_dir, _ROUNDS, status.update)
        status.update(f"{releases} decisions beside a busy matcher")
        wire = np.array(release.run(releases, models_dir)) * 1000
    table = Table(
        "figure",
        "measured",
        "target",
        title=f"matcher {costs.pack}, bands {', '.join(bands)}, load {os.getloadavg()[0]:.1f} at the end",
    )
    spent = np.array(costs.decisions)
    if len(spent):
        total, inference, check = spent.sum(axis=0)
        middle, inferred, checked = np.median(spent, axis=0)
        table.add_row(
            f"1:1 verification, capture complete to decision (n={len(spent)})",
            f"{middle:.0f} ms, longest {spent[:, 0].max():.0f}  (medians: detector and recogniser {inferred:.0f}, "
            f"begun before its end; liveness {checked:.0f}, beside the recogniser)",
            f"< {MAX_VERIFICATION_MS:.0f} ms",
        )
        table.add_row(
            f"capture to decision / detector and recogniser (n={len(spent)})",
            f"{total / inference:.2f}  ({np.median(spent[:, 0]):.1f} ms / {np.median(spent[:, 1]):.1f} ms, medians)",
            f"<= {MAX_RATIO}",
        )
        table.add_row(
            "the same, the liveness check counted as inference",
            f"{total / (inference + check):.2f}  (liveness {np.median(spent[:, 2]):.1f} ms, median)",
            "",
        )
    for one in shares:
        table.add_row(
            f"liveness from aligned bands, {one.band_set} (n={one.n})",
            f"{one.figures + one.judgement:.1f} ms  (figures {one.figures:.1f}, classifier and limits "
            f"{one.judgement:.1f}; alignment before them {one.alignment:.1f})",
            f"<= {MAX_LIVENESS_MS:.0f} ms",
        )
    table.add_row(
        f"decision to the release's last byte at 115200 baud, p99 (n={len(wire)})",
        f"{np.percentile(wire, 99):.1f} ms  (p50 {np.percentile(wire, 50):.1f}, max {wire.max():.1f})",
        f"<= {MAX_RELEASE_MS:.0f} ms",
    )
    table.add_row("start to lane ready", f"{costs.start_s:.1f} s", f"<= {MAX_START_S:.0f} s")
    table.add_row(
        "idle, controller and vision", f"{costs.idle_percent:.1f} % of a core", f"<= {MAX_IDLE_PERCENT:.0f} %"
    )
    with out.status("passports"):
        _passports(table)
    with out.status("guard console") as status:
        console(table, status.update)
    out.print(table)

"""`python -m hil.bench.lateness`: how late the controller's loop is while every core is taken, with and without FIFO.

A process of its own runs the real loop, journal and gate driver on a pseudo-terminal and a timer every 5 ms beside
them; others spin. The gate is polled at 20 Hz and releases go on. Late is what the timer was late, in milliseconds.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.table import Table

from appliance import realtime
from hil.controller import Controller, Late

TICK_S = 0.005
TARGET_P999_MS, TARGET_MAX_MS = 5.0, 20.0
_PRIORITY = 10


async def _late(seconds: float) -> list[float]:
    found: list[float] = []

    async def tick() -> None:
        due = time.monotonic() + TICK_S
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            found.append((time.monotonic() - due) * 1000)
            due = max(due + TICK_S, time.monotonic())

    async with Controller.started() as controller:
        ticking = asyncio.create_task(tick())
        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            passage = f"p{number}"
            with contextlib.suppress(Late):
                await controller.comes_in(passage)
                await controller.is_accepted(passage)
                await controller.goes_out()
            number += 1
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
    return found


@contextlib.contextmanager
def spinning(count: int) -> Iterator[None]:
    """So many processes that do nothing but take a core."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def measured(mode: str, seconds: float, hogs: int) -> list[float] | str:
    """The lateness of one run in a process of its own; a text where the system does not grant the mode."""
    command = [sys.executable, "-m", "hil.bench.lateness", "--child", mode, "--seconds", str(seconds)]
    with spinning(hogs):
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no word"])[-1]
    return [float(value) for value in json.loads(done.stdout)]


def _child(mode: str, seconds: float) -> None:
    if mode == "fifo":
        try:
            realtime.claim(_PRIORITY)
        except realtime.NotAllowed as error:
            raise SystemExit(str(error)) from error
    print(json.dumps(asyncio.run(_late(seconds))))


def main() -> None:
    """Measure idle, loaded, and loaded with SCHED_FIFO; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each run")
    parser.add_argument("--child", choices=("plain", "fifo"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        _child(given.child, given.seconds)
        return
    hogs = 2 * (os.cpu_count() or 1)
    table = Table(
        "run", "n", "p50, ms", "p99.9, ms", "max, ms", "target", title=f"lateness of a {TICK_S * 1000:.0f} ms timer"
    )
    for title, mode, count in (
        ("idle machine", "plain", 0),
        (f"{hogs} spinning processes", "plain", hogs),
        (f"{hogs} spinning processes, SCHED_FIFO", "fifo", hogs),
    ):
        found = measured(mode, given.seconds, count)
        if isinstance(found, str):
            table.add_row(title, "0", "", "", "", found)
            continue
        p50, p999 = np.percentile(found, [50, 99.9])
        target = f"p99.9 <= {TARGET_P999_MS:.0f}, max <= {TARGET_MAX_MS:.0f}" if mode == "fifo" else ""
        table.add_row(title, str(len(found)), f"{p50:.2f}", f"{p999:.2f}", f"{max(found):.2f}", target)
    Console().print(table)


if __name__ == "__main__":
    main()

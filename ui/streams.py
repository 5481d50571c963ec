"""Server-sent events: every lane to a signed-in guard, one lane's step to its traveller display."""

import asyncio
from collections.abc import AsyncIterable
from contextlib import nullcontext
from typing import Any

from fastapi import APIRouter, Request
from fastapi.sse import EventSourceResponse

from appliance.control.client import LaneState
from appliance.control.messages import ImageView
from ui.auth import AConsole, Looker, session_of
from ui.lanes import ALane, Word, seen_by
from ui.roles import May
from ui.views import GuardEvent, LaneStatus, Problem, Pulse, SignedOut, TravellerView, traveller_view

PULSE_S = 2.0
_LIVE = ImageView(channel="live", version=0, label="")
router = APIRouter(prefix="/api")


async def pause(wake: asyncio.Event, seconds: float) -> None:
    """Until `wake` is set or the seconds are over."""
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        pass


@router.get("/events", response_class=EventSourceResponse, responses={401: {"model": Problem}, 403: {"model": Problem}})
async def events(request: Request, console: AConsole, officer: Looker) -> AsyncIterable[GuardEvent]:
    """Each lane when it changes, and a pulse; ends with the session. Only who may decide counts as a guard."""
    wake, shown, pulsed = asyncio.Event(), dict[str, LaneStatus](), float("-inf")
    looked_at = dict[str, LaneState]()
    guards = console.watched() if May.DECIDE in officer.may else nullcontext()
    with guards, console.changes(wake):
        while not console.closing.is_set():
            wake.clear()
            for name, client in console.lanes.items():
                if looked_at.get(name) is client.state:
                    continue
                looked_at[name] = client.state
                status = seen_by(officer, console, name)
                if shown.get(name) != (lasting := _lasting(status)):
                    shown[name] = lasting
                    yield status
            now = console.clock.monotonic()
            if now - pulsed >= PULSE_S:
                pulsed = now
                signed = await session_of(request)
                if signed is None or signed.must_change:
                    yield SignedOut()
                    return
                yield Pulse(at=console.clock.now(), session_ends=min(signed.idle_ends, signed.shift_ends))
            await pause(wake, PULSE_S)


def _lasting(status: LaneStatus) -> LaneStatus:
    """What of a lane is worth telling a page: it repeats itself for the console's sake, and live pictures go beside.

    The beginning of a phase is reckoned anew each time and differs by microseconds.
    """
    snapshot = status.snapshot
    if snapshot is None:
        return status
    since = snapshot.phase_since.replace(microsecond=0)
    same: dict[str, Any] = {"phase_since": since, "phase_ends": None, "at": since, "revision": 0, "journal_sequence": 0}
    if (passage := snapshot.passage) is not None and passage.images:
        images = tuple(_LIVE if image.channel == _LIVE.channel else image for image in passage.images)
        same["passage"] = passage.model_copy(update={"images": images})
    return status.model_copy(update={"snapshot": snapshot.model_copy(update=same)})


@router.get("/traveller")
async def traveller_lanes(console: AConsole) -> list[str]:
    """Names of the lanes a traveller display may show."""
    return list(console.lanes)


@router.get("/traveller/{lane}/events", response_class=EventSourceResponse, responses={404: {"model": Problem}})
async def traveller_events(lane: Word, client: ALane, console: AConsole) -> AsyncIterable[TravellerView]:
    """The step to show; repeated every two seconds, so that the display notices a console that hangs."""
    wake = asyncio.Event()
    with console.changes(wake):
        while not console.closing.is_set():
            wake.clear()
            yield traveller_view(lane, client.state)
            await pause(wake, PULSE_S)

"""The past as the pages see it: asked of the lanes, put together here, kept nowhere.

A lane that cannot be reached is named: a page that leaves it out without a word would pass for the whole. Not
responsible for what is kept (the lane's store) nor for drawing (the page).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import StreamingResponse

from appliance.control.client import LaneClient, LaneUnreachable
from appliance.control.history import (
    MAX_ROWS,
    Answer,
    ClaimsAnswer,
    ClaimsQuestion,
    Devices,
    DevicesQuestion,
    Journal,
    Passages,
    Question,
    Statistics,
    StatisticsQuestion,
    VerifyQuestion,
    VerifyState,
    Versions,
    VersionsQuestion,
)
from ui.auth import AConsole, allowed
from ui.console import Console
from ui.export import COLUMNS, FORMAT, STRUCTURE, csv_lines, csv_row, transaction
from ui.lanes import ALane
from ui.rates import rates
from ui.roles import May
from ui.views import Problem
from ui.views_history import (
    JournalQuery,
    LanePassage,
    LaneStatistics,
    MissingLane,
    PassageFilter,
    PassagePage,
    PassagePageQuery,
    Per,
    StatisticsQuery,
    StatisticsView,
    VerifyBody,
    Window,
)

LONG = timedelta(days=3)
"""Windows beyond this are told by the day."""
MAX_EXPORT = 100_000
"""Passages one file may hold; more is said to be missing."""
_PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (401, 403, 404, 422, 503)}
router = APIRouter(prefix="/api/history", responses=_PROBLEMS)
_HISTORY, _DEVICES = Depends(allowed(May.HISTORY)), Depends(allowed(May.DEVICES))
Cursor = tuple[datetime, str]
T = TypeVar("T", bound=Answer)


@router.get("/passages", dependencies=[_HISTORY])
async def passages(console: AConsole, asked: Annotated[PassagePageQuery, Query()]) -> PassagePage:
    """Passages, newest first."""
    return await _page(_chosen(console, asked.lane), asked, asked.before, asked.limit)


@router.get("/passages.csv", dependencies=[_HISTORY], response_class=StreamingResponse)
async def as_csv(console: AConsole, asked: Annotated[PassageFilter, Query()]) -> StreamingResponse:
    """The same as a table, all of them."""
    first = await _first_page(console, asked)

    async def lines() -> AsyncIterator[str]:
        yield csv_lines([COLUMNS])
        async for page in _pages(console, asked, first):
            yield csv_lines(csv_row(row.lane, row.passage) for row in page.rows)
            for words in _incomplete(page):
                yield csv_lines([["INCOMPLETE", words]])

    return _file(lines(), "text/csv; charset=utf-8", "passages.csv")


@router.get("/passages.json", dependencies=[_HISTORY], response_class=StreamingResponse)
async def as_json(console: AConsole, asked: Annotated[PassageFilter, Query()]) -> StreamingResponse:
    """The same as transactions after BSI TR-03135, all of them."""
    first = await _first_page(console, asked)

    async def text() -> AsyncIterator[str]:
        head = {"format": FORMAT, "structure": STRUCTURE, "made_at": console.clock.now().isoformat()}
        yield f'{json.dumps(head)[:-1]}, "transactions": ['
        comma, missing = "", list[str]()
        async for page in _pages(console, asked, first):
            for row in page.rows:
                yield f"{comma}\n{json.dumps(transaction(row.lane, row.passage))}"
                comma = ","
            missing += _incomplete(page)
        yield f'\n], "complete": {json.dumps(not missing)}, "incomplete_because": {json.dumps(missing)}}}\n'

    return _file(text(), "application/json", "passages.json")


@router.get("/statistics", dependencies=[_HISTORY])
async def statistics(console: AConsole, asked: Annotated[StatisticsQuery, Query()]) -> StatisticsView:
    """Counts and rates of a window."""
    chosen = _chosen(console, asked.lane)
    answers, missing = await _ask_all(chosen, StatisticsQuestion(since=asked.since, until=asked.until))
    found = {lane: one for lane, one in answers.items() if isinstance(one, Statistics)}
    per: Per = "day" if asked.until - asked.since > LONG else "hour"
    return StatisticsView(
        per=per,
        lanes=tuple(
            LaneStatistics(lane=lane, hours=one.hours, reasons=one.reasons, steps=one.steps)
            for lane, one in found.items()
        ),
        rates=tuple(rates({lane: one.hours for lane, one in found.items()}, per)),
        missing=tuple(missing),
    )


@router.get("/{lane}/journal", dependencies=[_HISTORY])
async def journal(client: ALane, asked: Annotated[JournalQuery, Query()]) -> Journal:
    """Records of a lane's journal, newest first."""
    return await _ask(client, asked.question(), Journal)


@router.get("/{lane}/verify", dependencies=[_HISTORY])
async def verification(client: ALane) -> VerifyState:
    """How the check of the chain stands."""
    return await _ask(client, VerifyQuestion(), VerifyState)


@router.post("/{lane}/verify", dependencies=[_HISTORY])
async def verify(client: ALane, body: VerifyBody) -> VerifyState:
    """Begin a check of the chain; one that runs goes on."""
    return await _ask(client, VerifyQuestion(start=True, expect=body.expect), VerifyState)


@router.get("/{lane}/devices", dependencies=[_DEVICES])
async def devices(client: ALane, asked: Annotated[Window, Query()]) -> Devices:
    """Faults and identities of a lane's devices."""
    return await _ask(client, DevicesQuestion(since=asked.since, until=asked.until), Devices)


@router.get("/{lane}/versions", dependencies=[_DEVICES])
async def versions(client: ALane) -> Versions:
    """What runs in a lane."""
    return await _ask(client, VersionsQuestion(), Versions)


@router.get("/{lane}/claims", dependencies=[_DEVICES])
async def claims(client: ALane) -> ClaimsAnswer:
    """What the installed bands and the matcher have been measured against."""
    return await _ask(client, ClaimsQuestion(), ClaimsAnswer)


def _chosen(console: Console, lane: str) -> dict[str, LaneClient]:
    if lane and lane not in console.lanes:
        raise HTTPException(404, "this console has no such lane")
    # A post that only watches has no passages.
    lanes = {name: client for name, client in console.lanes.items() if client.state.watch is None}
    return {lane: console.lanes[lane]} if lane else lanes


async def _answer(client: LaneClient, question: Question) -> Answer | str:
    try:
        reply = await client.history(question)
    except LaneUnreachable as error:
        return f"Lane unreachable: {error}"
    return reply.answer if reply.answer is not None else reply.problem


async def _ask(client: LaneClient, question: Question, kind: type[T]) -> T:
    answer = await _answer(client, question)
    if not isinstance(answer, kind):
        raise HTTPException(503, answer if isinstance(answer, str) else "the lane answered something else")
    return answer


async def _ask_all(lanes: dict[str, LaneClient], question: Question) -> tuple[dict[str, Answer], list[MissingLane]]:
    answers = await asyncio.gather(*(_answer(client, question) for client in lanes.values()))
    told = dict(zip(lanes, answers, strict=True))
    missing = [MissingLane(lane=lane, problem=one) for lane, one in told.items() if isinstance(one, str)]
    return {lane: one for lane, one in told.items() if not isinstance(one, str)}, missing


async def _page(lanes: dict[str, LaneClient], asked: PassageFilter, before: Cursor | None, limit: int) -> PassagePage:
    answers, missing = await _ask_all(lanes, asked.question(before, limit))
    found = {lane: one for lane, one in answers.items() if isinstance(one, Passages)}
    rows = [LanePassage(lane=lane, passage=row) for lane, one in found.items() for row in one.rows]
    rows.sort(key=_place, reverse=True)
    # Where a lane's page ends it may have more; what lies beyond that belongs to the next page.
    ends = [one.before for one in found.values() if one.before is not None]
    whole = [row for row in rows if not ends or _place(row) >= max(ends)]
    return PassagePage(rows=tuple(whole[:limit]), more=bool(ends) or len(whole) > limit, missing=tuple(missing))


def _place(row: LanePassage) -> Cursor:
    return row.passage.started, row.passage.passage_id


async def _first_page(console: Console, asked: PassageFilter) -> PassagePage:
    """Raises 503 when a lane does not answer: a file outlives the warning beside it."""
    page = await _page(_chosen(console, asked.lane), asked, None, MAX_ROWS)
    if page.missing:
        names = ", ".join(f"{one.lane} ({one.problem})" for one in page.missing)
        raise HTTPException(503, f"No file was made: no answer from {names}. Choose one lane, or try again.")
    return page


async def _pages(console: Console, asked: PassageFilter, first: PassagePage) -> AsyncIterator[PassagePage]:
    page, written = first, len(first.rows)
    yield page
    while page.more and not page.missing:
        if written >= MAX_EXPORT:
            too_many = MissingLane(lane="", problem=f"more than {MAX_EXPORT} passages: narrow the time")
            yield PassagePage(rows=(), more=False, missing=(too_many,))
            return
        page = await _page(_chosen(console, asked.lane), asked, _place(page.rows[-1]), MAX_ROWS)
        written += len(page.rows)
        yield page


def _incomplete(page: PassagePage) -> list[str]:
    return [f"{one.lane}: {one.problem}" if one.lane else one.problem for one in page.missing]


def _file(text: AsyncIterator[str], media_type: str, name: str) -> StreamingResponse:
    disposition = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(text, media_type=media_type, headers=disposition)

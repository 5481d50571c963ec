"""What a maintainer asks of a lane: how it is set up, that it tests itself, that it shows what a band sees.

Thin: the lane decides what it grants, and lets nothing of it near a door. Pictures travel with the others (`images`).
"""

from typing import Annotated, Any, TypeVar
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException

from appliance.control.client import LaneClient, LaneUnreachable
from appliance.control.setup import (
    Channel,
    LookId,
    LookOrder,
    SelfTestOrder,
    SelfTestQuestion,
    SelfTestState,
    SetupAnswer,
    SetupQuestion,
    SetupRequest,
    Share,
    StopOrder,
)
from ui.accounts import Signed
from ui.auth import allowed
from ui.lanes import ALane
from ui.roles import May
from ui.views import Answer, Problem, View

_PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (401, 403, 404, 422, 503)}
router = APIRouter(prefix="/api/setup", responses=_PROBLEMS)
Maintainer = Annotated[Signed, Depends(allowed(May.SETUP))]
T = TypeVar("T", SetupAnswer, SelfTestState)


class LookBody(View):
    """Show a channel, and measure the window whose middle lies `at` (shares across and down)."""

    look_id: LookId
    channel: Channel
    at: tuple[Share, Share] = (0.5, 0.5)


class StopBody(View):
    """End the look of this id; the self-test where there is none."""

    look_id: LookId | None = None


@router.get("/{lane}")
async def how(client: ALane, _officer: Maintainer) -> SetupAnswer:
    """How the lane is set up."""
    return await _asked(client, SetupQuestion(), SetupAnswer)


@router.get("/{lane}/self-test")
async def tested(client: ALane, _officer: Maintainer) -> SelfTestState:
    """How the last self-test went, or goes."""
    return await _asked(client, SelfTestQuestion(), SelfTestState)


@router.post("/{lane}/self-test")
async def test(client: ALane, officer: Maintainer) -> Answer:
    """Begin a self-test."""
    return await _ordered(client, officer, SelfTestOrder())


@router.post("/{lane}/look")
async def look(client: ALane, body: LookBody, officer: Maintainer) -> Answer:
    """Look at a band, or at another one."""
    return await _ordered(client, officer, LookOrder(look_id=body.look_id, channel=body.channel, at=body.at))


@router.post("/{lane}/stop")
async def stop(client: ALane, body: StopBody, officer: Maintainer) -> Answer:
    """End what was begun."""
    return await _ordered(client, officer, StopOrder(look_id=body.look_id))


async def _asked(client: LaneClient, question: SetupQuestion | SelfTestQuestion, kind: type[T]) -> T:
    try:
        reply = await client.history(question)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Lane unreachable: {error}") from error
    if not isinstance(reply.answer, kind):
        raise HTTPException(503, reply.problem or "The lane answered something else.")
    return reply.answer


async def _ordered(client: LaneClient, officer: Signed, order: LookOrder | SelfTestOrder | StopOrder) -> Answer:
    request = SetupRequest(request_id=uuid4().hex, officer=officer.officer, order=order)
    try:
        reply = await client.setup(request)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Lane unreachable: {error}") from error
    return Answer(accepted=reply.accepted, message=reply.message)


async def leave(client: LaneClient, officer: str, look_id: str) -> None:
    """The page that looked is gone. A lane that cannot be told ends the look by itself."""
    request = SetupRequest(request_id=uuid4().hex, officer=officer, order=StopOrder(look_id=look_id))
    try:
        await client.setup(request)
    except LaneUnreachable:
        return

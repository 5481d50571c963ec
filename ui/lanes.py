"""What an officer asks of a lane. Thin: the lane decides what it grants, the accounts decide who may ask."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException, Path, Response

from appliance.control.client import LaneClient, LaneUnreachable
from appliance.control.messages import AcknowledgeRequest, OfficerRequest, ServiceRequest
from ui.auth import AConsole, Officer
from ui.views import Answer, DecisionBody, LaneStatus, Problem, ServiceBody, lane_status

_PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (401, 403, 404, 422, 503)}
_MEDIA = frozenset({"image/jpeg", "image/png"})
router = APIRouter(prefix="/api/lanes", responses=_PROBLEMS)

Word = Annotated[str, Path(min_length=1, max_length=64)]


def a_lane(console: AConsole, lane: Word) -> LaneClient:
    """Dependency: the lane named in the address. Raises 404, for a stream before it begins."""
    client = console.lanes.get(lane)
    if client is None:
        raise HTTPException(404, "this console has no such lane")
    return client


ALane = Annotated[LaneClient, Depends(a_lane)]


@router.get("")
async def lanes(console: AConsole, _officer: Officer) -> list[LaneStatus]:
    """All lanes of this console, as they are now."""
    return [lane_status(name, client.state) for name, client in console.lanes.items()]


@router.post("/{lane}/decision")
async def decide(client: ALane, body: DecisionBody, officer: Officer) -> Answer:
    """Decide about the referred traveller."""
    request = OfficerRequest(
        request_id=uuid4().hex,
        passage_id=body.passage_id,
        action=body.action,
        officer=officer.officer,
        reason=body.reason,
        visual_check=body.visual_check,
    )
    try:
        reply = await client.decide(request)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Lane unreachable: {error}") from error
    return Answer(accepted=reply.accepted, message=reply.message)


@router.post("/{lane}/service")
async def service(client: ALane, body: ServiceBody, officer: Officer) -> Answer:
    """Take the lane out of service or bring it back."""
    request = ServiceRequest(
        request_id=uuid4().hex, in_service=body.in_service, officer=officer.officer, reason=body.reason
    )
    try:
        reply = await client.service(request)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Lane unreachable: {error}") from error
    return Answer(accepted=reply.accepted, message=reply.message)


@router.post("/{lane}/alerts/{alert}/acknowledge")
async def acknowledge(client: ALane, alert: Word, officer: Officer) -> Answer:
    """Say that an alert of a post that only watches was seen."""
    request = AcknowledgeRequest(request_id=uuid4().hex, alert_id=alert, officer=officer.officer)
    try:
        reply = await client.acknowledge(request)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Post unreachable: {error}") from error
    return Answer(accepted=reply.accepted, message=reply.message)


@router.get(
    "/{lane}/images/{passage}/{channel}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}, "image/png": {}}}},
)
async def image(client: ALane, passage: Word, channel: Word, _officer: Officer) -> Response:
    """One image of the passage under way."""
    try:
        data, media_type = await client.image(passage, channel)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Lane unreachable: {error}") from error
    # Whatever a lane sends, a browser gets a picture from here and never a document it would run.
    if not data or media_type not in _MEDIA:
        raise HTTPException(404, "there is no such image (any more)")
    return Response(data, media_type=media_type)

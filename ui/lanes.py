"""What an officer asks of a lane. Thin: the lane decides what it grants, the accounts decide who may ask."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response

from appliance.control.client import LaneClient, LaneUnreachable
from appliance.control.messages import AcknowledgeRequest, BlockRequest, OfficerAction, OfficerRequest, ServiceRequest
from ui.accounts import Signed
from ui.auth import AConsole, Decider, Looker, Witness, allowed
from ui.console import Console
from ui.proofs import cleared
from ui.roles import May
from ui.views import Answer, BlockBody, DecisionBody, LaneStatus, Problem, ServiceBody, lane_status

_PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in (401, 403, 404, 422, 428, 429, 503)}
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


def seen_by(officer: Signed, console: Console, name: str) -> LaneStatus:
    """A lane as this officer may see it: the traveller's data and pictures only where role and station need them."""
    client = console.lanes[name]
    status, takes = lane_status(name, client.state), console.takes(client)
    snapshot = status.snapshot
    if (takes and May.SEE_TRAVELLERS in officer.may) or snapshot is None or snapshot.passage is None:
        return status
    hidden: dict[str, object] = {"document": None, "irregularities": (), "enrolled_as": "", "images": ()}
    passage = snapshot.passage.model_copy(
        update=hidden if takes else hidden | {"referral": None, "checks": (), "earlier": ()}
    )
    return status.model_copy(update={"snapshot": snapshot.model_copy(update={"passage": passage})})


def _suspected(client: LaneClient, passage_id: str) -> bool:
    """Whether admitting overrides a suspected attack; what is not known to be none counts as one."""
    snapshot = client.state.snapshot
    passage = snapshot.passage if snapshot is not None else None
    if passage is None or passage.passage_id != passage_id or passage.referral is None:
        return True
    return passage.referral.suspected_attack


@router.get("")
async def lanes(console: AConsole, officer: Looker) -> list[LaneStatus]:
    """All lanes of this console, as they are now."""
    return [seen_by(officer, console, name) for name in console.lanes]


@router.post("/{lane}/decision")
async def decide(client: ALane, body: DecisionBody, officer: Decider, request: Request, console: AConsole) -> Answer:
    """Act on the referred traveller. Only ADMIT leads to the exit, and takes proof of who releases; the others none."""
    if not console.takes(client):
        raise HTTPException(403, "this station takes a referral only once it has escalated")
    second = ""
    if body.action is OfficerAction.ADMIT:
        suspected = _suspected(client, body.passage_id)
        second = await cleared(request, officer, suspected=suspected, proof=body.proof, second=body.second)
    order = OfficerRequest(
        request_id=uuid4().hex,
        passage_id=body.passage_id,
        action=body.action,
        officer=officer.officer,
        reason=body.reason,
        visual_check=body.visual_check,
        second_officer=second,
    )
    try:
        reply = await client.decide(order)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Lane unreachable: {error}") from error
    return Answer(accepted=reply.accepted, message=reply.message)


@router.post("/{lane}/service")
async def service(
    client: ALane, body: ServiceBody, officer: Annotated[Signed, Depends(allowed(May.SERVICE))]
) -> Answer:
    """Take the lane out of service or bring it back."""
    request = ServiceRequest(
        request_id=uuid4().hex, in_service=body.in_service, officer=officer.officer, reason=body.reason
    )
    try:
        reply = await client.service(request)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Lane unreachable: {error}") from error
    return Answer(accepted=reply.accepted, message=reply.message)


@router.post("/{lane}/block")
async def block(client: ALane, body: BlockBody, officer: Annotated[Signed, Depends(allowed(May.BLOCK))]) -> Answer:
    """Let no new passage start in the lane, or let them start again."""
    request = BlockRequest(request_id=uuid4().hex, blocked=body.blocked, officer=officer.officer, reason=body.reason)
    try:
        reply = await client.block(request)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Lane unreachable: {error}") from error
    return Answer(accepted=reply.accepted, message=reply.message)


@router.post("/{lane}/alerts/{alert}/acknowledge")
async def acknowledge(
    client: ALane, alert: Word, officer: Annotated[Signed, Depends(allowed(May.ACKNOWLEDGE))]
) -> Answer:
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
async def image(client: ALane, passage: Word, channel: Word, _officer: Witness, console: AConsole) -> Response:
    """One image of the passage under way."""
    if not console.takes(client):
        raise HTTPException(404, "there is no such image (any more)")
    try:
        data, media_type = await client.image(passage, channel)
    except LaneUnreachable as error:
        raise HTTPException(503, f"Lane unreachable: {error}") from error
    # Whatever a lane sends, a browser gets a picture from here and never a document it would run.
    if not data or media_type not in _MEDIA:
        raise HTTPException(404, "there is no such image (any more)")
    return Response(data, media_type=media_type)

"""Accounts for the supervisor, passkeys of one's own, and the change of officers at a station."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar
from uuid import uuid4

from fastapi import APIRouter, Depends, HTTPException, Path, Request, Response

from appliance.control.client import LaneClient, LaneUnreachable
from appliance.control.messages import HandOverRequest
from ui.accounts import Signed
from ui.auth import COOKIE, AConsole, Officer, allowed, open_session, origin_of, session_of, view_of
from ui.console import Console
from ui.passkeys import PasskeyRefused, as_json
from ui.proofs import CONFIRM, confirm, holder, is_recent, shown
from ui.roles import May
from ui.staff import StaffRefused
from ui.views import Problem, Proof, SessionView
from ui.views_people import (
    HandedOver,
    HandOver,
    MemberView,
    NewAccount,
    NewPasskey,
    NewRole,
    NotedView,
    OneTime,
    PasskeyOptions,
    PasskeyView,
)

T = TypeVar("T")
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (400, 401, 403, 404, 409, 422, 428, 429)
}
router = APIRouter(prefix="/api", responses=_PROBLEMS)
Account = Annotated[str, Path(min_length=1, max_length=64)]
Reader = Annotated[Signed, Depends(allowed(May.SEE_ACCOUNTS))]


async def _recent(request: Request, officer: Officer) -> Signed:
    """Dependency: an officer who has shown lately that it is them. Raises 428."""
    if not is_recent(request, officer):
        raise HTTPException(428, CONFIRM)
    return officer


async def _manager(request: Request, officer: Annotated[Signed, Depends(allowed(May.MANAGE_ACCOUNTS))]) -> Signed:
    return await _recent(request, officer)


Proved = Annotated[Signed, Depends(_recent)]
Manager = Annotated[Signed, Depends(_manager)]


@router.post("/confirm")
async def confirm_me(body: Proof, request: Request, officer: Officer, console: AConsole) -> SessionView:
    """Show once more that it is you; good for releases and accounts for a while."""
    await confirm(request, officer, body)
    return view_of(console, await session_of(request))


@router.post("/passkeys/challenge")
async def challenge(request: Request, _officer: Officer, console: AConsole) -> PasskeyOptions:
    """What a passkey has to sign to confirm something in this session: one's own, a second officer's, a successor's."""
    by, origin = holder(request), origin_of(request)
    return PasskeyOptions(options=as_json(_accepted(lambda: console.passkeys.request(by, origin))))


@router.get("/passkeys")
async def passkeys(officer: Officer, console: AConsole) -> list[PasskeyView]:
    """One's own passkeys."""
    kept = await console.in_thread(lambda: console.passkeys.of(officer.officer))
    return [PasskeyView(**asdict(one)) for one in kept]


@router.post("/passkeys/options")
async def passkey_options(request: Request, officer: Proved, console: AConsole) -> PasskeyOptions:
    """What a browser needs to make a passkey."""
    origin = origin_of(request)
    made = await console.in_thread(lambda: _accepted(lambda: console.passkeys.creation(officer.officer, origin)))
    return PasskeyOptions(options=as_json(made))


@router.post("/passkeys")
async def add_passkey(body: NewPasskey, request: Request, officer: Proved, console: AConsole) -> list[PasskeyView]:
    """Keep a passkey the browser has made."""
    origin, name = origin_of(request), officer.officer
    await console.in_thread(lambda: _accepted(lambda: console.passkeys.add(name, body.label, body.credential, origin)))
    return await passkeys(officer, console)


@router.delete("/passkeys/{passkey_id}")
async def remove_passkey(
    passkey_id: Annotated[int, Path(ge=1, lt=2**63)], officer: Proved, console: AConsole
) -> list[PasskeyView]:
    """Forget one of one's own passkeys."""
    await console.in_thread(lambda: console.passkeys.remove(officer.officer, passkey_id))
    return await passkeys(officer, console)


@router.get("/accounts")
async def accounts(_reader: Reader, console: AConsole) -> list[MemberView]:
    """Everybody who has, or had, an account."""
    return [MemberView(**asdict(one)) for one in await console.in_thread(console.staff.members)]


@router.get("/accounts/log")
async def account_log(_reader: Reader, console: AConsole) -> list[NotedView]:
    """What was done to accounts and by them, newest first."""
    return [NotedView(**asdict(one)) for one in await console.in_thread(console.staff.events)]


@router.post("/accounts")
async def create(body: NewAccount, manager: Manager, console: AConsole) -> OneTime:
    """A new account with a one-time password."""
    password = await _changed(console, lambda: console.staff.create(manager.officer, body.name, body.role))
    return OneTime(name=body.name, password=password)


@router.post("/accounts/{name}/reset")
async def reset(name: Account, manager: Manager, console: AConsole) -> OneTime:
    """A new one-time password; also enables the account again."""
    return OneTime(name=name, password=await _changed(console, lambda: console.staff.reset(manager.officer, name)))


@router.post("/accounts/{name}/disable")
async def disable(name: Account, manager: Manager, console: AConsole) -> list[MemberView]:
    """Shut an account; its sessions end at once."""
    await _changed(console, lambda: console.staff.disable(manager.officer, name))
    return await accounts(manager, console)


@router.post("/accounts/{name}/role")
async def assign(name: Account, body: NewRole, manager: Manager, console: AConsole) -> list[MemberView]:
    """Give an account another role."""
    await _changed(console, lambda: console.staff.assign(manager.officer, name, body.role))
    return await accounts(manager, console)


@router.post("/handover")
async def hand_over(
    body: HandOver,
    officer: Annotated[Signed, Depends(allowed(May.HAND_OVER))],
    request: Request,
    response: Response,
    console: AConsole,
) -> HandedOver:
    """Leave the station to another officer, whoever is held; journaled by every lane before it happens."""
    successor = await shown(request, body.successor, body.successor.name)
    if successor == officer.officer:
        raise HTTPException(409, "you have the station already")
    if May.DECIDE not in await console.in_thread(lambda: console.accounts.may(successor)):
        raise HTTPException(403, "this account may not take the station")
    told = [_tell(client, officer.officer, successor, body.note) for client in console.lanes.values()]
    written = dict(zip(console.lanes, await asyncio.gather(*told), strict=True))
    unrecorded = [lane for lane, (done, _) in written.items() if not done]
    held = [f"{lane} {passage}" for lane, (_, passage) in written.items() if passage]
    detail = f"held: {', '.join(held) or 'nobody'}; not journaled: {', '.join(unrecorded) or 'nowhere'}; {body.note}"
    token = request.cookies.get(COOKIE, "")
    console.bridge()
    fresh = await console.in_thread(lambda: console.accounts.hand_over(token, successor, detail))
    if fresh is None:
        raise HTTPException(409, "the station could not change hands: sign in again")
    return HandedOver(session=await open_session(request, response, fresh), unrecorded=unrecorded)


async def _tell(client: LaneClient, officer: str, successor: str, note: str) -> tuple[bool, str]:
    """Have a lane journal the change; whether it did, and the passage of whoever is held there ("" for nobody)."""
    snapshot = client.state.snapshot
    passage = snapshot.passage if snapshot is not None else None
    held = passage.passage_id if passage is not None and passage.referral and passage.outcome is None else ""
    order = HandOverRequest(request_id=uuid4().hex, officer=officer, successor=successor, note=note, held=held)
    try:
        return (await client.hand_over(order)).accepted, held
    except LaneUnreachable:
        return False, held


async def _changed(console: Console, work: Callable[[], T]) -> T:
    try:
        return await console.in_thread(work)
    except StaffRefused as error:
        raise HTTPException(409, str(error)) from error


def _accepted(work: Callable[[], T]) -> T:
    try:
        return work()
    except PasskeyRefused as error:
        raise HTTPException(400, str(error)) from error

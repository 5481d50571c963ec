"""Signing in and out, and the gatekeeper every other route depends on. Who may what is `ui.roles`."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.requests import HTTPConnection

from ui.accounts import FIRST_ACCOUNT, PasswordRefused, Signed
from ui.console import Console
from ui.passkeys import PasskeyRefused, as_json
from ui.roles import May
from ui.views import Login, PasswordChange, Problem, SessionView
from ui.views_people import PasskeyAnswer, PasskeyOptions

COOKIE = "sallyport_session"
_SIGN_IN = "sign in"
router = APIRouter(prefix="/api", responses={422: {"model": Problem}})


def the_console(connection: HTTPConnection) -> Console:
    """The console of the app a request came to."""
    console: Console = connection.app.state.console
    return console


AConsole = Annotated[Console, Depends(the_console)]


async def session_of(connection: HTTPConnection, *, touch: bool = False) -> Signed | None:
    """The valid session of a request's cookie."""
    token = connection.cookies.get(COOKIE)
    if not token:
        return None
    console = the_console(connection)
    return await console.in_thread(lambda: console.accounts.session(token, touch=touch))


async def an_officer(connection: HTTPConnection) -> Signed:
    """Dependency: a signed-in officer whose password is their own. Methods that change something count as use."""
    touch = connection.scope.get("method", "GET") not in ("GET", "HEAD")
    signed = await session_of(connection, touch=touch)
    if signed is None:
        raise HTTPException(401, "sign in first")
    if signed.must_change:
        raise HTTPException(403, "change the one-time password first")
    return signed


Officer = Annotated[Signed, Depends(an_officer)]


def allowed(permission: May) -> Callable[[Signed], Awaitable[Signed]]:
    """Dependency: a signed-in officer whose role permits this. Raises 401 or 403."""

    async def check(officer: Officer) -> Signed:
        if permission not in officer.may:
            raise HTTPException(403, f"your role ({officer.role}) does not allow this")
        return officer

    return check


Looker = Annotated[Signed, Depends(allowed(May.SEE_LANES))]
Witness = Annotated[Signed, Depends(allowed(May.SEE_TRAVELLERS))]
Decider = Annotated[Signed, Depends(allowed(May.DECIDE))]


def origin_of(request: Request) -> str:
    """The page's own address; `ui.security` has found it to be one of ours."""
    return request.headers.get("origin", "")


def view_of(console: Console, signed: Signed | None) -> SessionView:
    """A session as its page sees it."""
    provider = console.settings.oidc.label if console.settings.oidc else ""
    if signed is None:
        return SessionView(officer=None, provider=provider)
    return SessionView(
        officer=signed.officer,
        role=signed.role,
        must_change=signed.must_change,
        idle_ends=signed.idle_ends,
        shift_ends=signed.shift_ends,
        may=tuple(sorted(signed.may)),
        since=signed.since,
        watch_s=console.settings.watch_s,
        may_rename=signed.must_change and signed.officer == FIRST_ACCOUNT,
        second_officer=console.settings.second_officer,
        provider=provider,
        escalations_only=console.settings.escalations_only,
    )


def give(response: Response, token: str, *, origin: str) -> None:
    """Give the browser a session's cookie. TLS ends before this process; the page's origin tells of it."""
    secure = origin.startswith("https://")
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure, path="/")


async def open_session(request: Request, response: Response, token: str) -> SessionView:
    """Give the browser a session; what its page is told of it."""
    give(response, token, origin=origin_of(request))
    console = the_console(request)
    return view_of(console, await console.in_thread(lambda: console.accounts.session(token)))


def limit_key(request: Request, name: str) -> str:
    """Under which tries for a name are counted: for each address apart."""
    return f"{request.client.host if request.client else ''} {name.casefold()}"


def limited(console: Console, request: Request, name: str) -> str:
    """Count a try; returns the key to clear on success. Raises 429."""
    key = limit_key(request, name)
    wait = console.limiter.take(key)
    if wait > 0:
        raise HTTPException(429, f"too many tries; wait {wait:.0f} s", headers={"Retry-After": f"{wait:.0f}"})
    return key


@router.get("/session")
async def session(request: Request, console: AConsole) -> SessionView:
    """Who is signed in here."""
    return view_of(console, await session_of(request))


@router.post("/session", responses={401: {"model": Problem}, 429: {"model": Problem}})
async def sign_in(body: Login, request: Request, response: Response, console: AConsole) -> SessionView:
    """Sign in."""
    key = limited(console, request, body.name)
    token = await console.in_thread(lambda: console.accounts.sign_in(body.name, body.password))
    if token is None:
        raise HTTPException(401, "name or password is wrong")
    console.limiter.clear(key)
    return await open_session(request, response, token)


@router.post("/session/challenge", responses={400: {"model": Problem}})
async def passkey_challenge(request: Request, console: AConsole) -> PasskeyOptions:
    """What a passkey has to sign to sign in with it."""
    try:
        return PasskeyOptions(options=as_json(console.passkeys.request(_SIGN_IN, origin_of(request))))
    except PasskeyRefused as error:
        raise HTTPException(400, str(error)) from error


@router.post("/session/passkey", responses={401: {"model": Problem}})
async def sign_in_with_passkey(
    body: PasskeyAnswer, request: Request, response: Response, console: AConsole
) -> SessionView:
    """Sign in with a passkey, which says itself whose it is."""
    origin = origin_of(request)
    try:
        name = await console.in_thread(lambda: console.passkeys.proves(_SIGN_IN, body.credential, origin))
    except PasskeyRefused as error:
        raise HTTPException(401, str(error)) from error
    token = await console.in_thread(lambda: console.accounts.begin(name, "passkey"))
    if token is None:
        raise HTTPException(401, "this account is disabled")
    return await open_session(request, response, token)


@router.post("/password", responses={400: {"model": Problem}, 401: {"model": Problem}, 429: {"model": Problem}})
async def change_password(body: PasswordChange, request: Request, response: Response, console: AConsole) -> SessionView:
    """Set one's own password; all other sessions of the account end."""
    signed, token = await session_of(request, touch=True), request.cookies.get(COOKIE, "")
    if signed is None:
        raise HTTPException(401, "sign in first")
    key = limited(console, request, signed.officer)
    if May.DECIDE in signed.may:
        console.bridge()
    try:
        fresh = await console.in_thread(
            lambda: console.accounts.change_password(token, body.current, body.new, body.name)
        )
    except PasswordRefused as error:
        console.limiter.clear(key)
        raise HTTPException(400, str(error)) from error
    if fresh is None:
        raise HTTPException(401, "the present password is wrong")
    console.limiter.clear(key)
    return await open_session(request, response, fresh)


@router.post("/touch")
async def touch(request: Request, console: AConsole) -> SessionView:
    """The officer's hand is on the console."""
    return view_of(console, await session_of(request, touch=True))


@router.delete("/session")
async def sign_out(request: Request, response: Response, console: AConsole) -> SessionView:
    """Sign out."""
    token = request.cookies.get(COOKIE)
    if token:
        await console.in_thread(lambda: console.accounts.sign_out(token))
    response.delete_cookie(COOKIE, path="/")
    return view_of(console, None)

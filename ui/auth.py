"""Signing in and out, and the gatekeeper every other route depends on."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.requests import HTTPConnection

from ui.accounts import PasswordRefused, Signed
from ui.console import Console
from ui.views import Login, PasswordChange, Problem, SessionView

COOKIE = "sallyport_session"
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


def _view(signed: Signed | None) -> SessionView:
    if signed is None:
        return SessionView(officer=None)
    return SessionView(
        officer=signed.officer,
        role=signed.role,
        must_change=signed.must_change,
        idle_ends=signed.idle_ends,
        shift_ends=signed.shift_ends,
    )


async def _open(request: Request, response: Response, token: str) -> SessionView:
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https", path="/")
    console = the_console(request)
    return _view(await console.in_thread(lambda: console.accounts.session(token)))


def _limited(console: Console, request: Request, name: str) -> str:
    """Count a try; returns the key to clear on success. Raises 429."""
    key = f"{request.client.host if request.client else ''} {name.casefold()}"
    wait = console.limiter.take(key)
    if wait > 0:
        raise HTTPException(429, f"too many tries; wait {wait:.0f} s", headers={"Retry-After": f"{wait:.0f}"})
    return key


@router.get("/session")
async def session(request: Request) -> SessionView:
    """Who is signed in here."""
    return _view(await session_of(request))


@router.post("/session", responses={401: {"model": Problem}, 429: {"model": Problem}})
async def sign_in(body: Login, request: Request, response: Response, console: AConsole) -> SessionView:
    """Sign in."""
    key = _limited(console, request, body.name)
    token = await console.in_thread(lambda: console.accounts.sign_in(body.name, body.password))
    if token is None:
        raise HTTPException(401, "name or password is wrong")
    console.limiter.clear(key)
    return await _open(request, response, token)


@router.post("/password", responses={400: {"model": Problem}, 401: {"model": Problem}, 429: {"model": Problem}})
async def change_password(body: PasswordChange, request: Request, response: Response, console: AConsole) -> SessionView:
    """Set one's own password; all other sessions of the account end."""
    signed, token = await session_of(request, touch=True), request.cookies.get(COOKIE, "")
    if signed is None:
        raise HTTPException(401, "sign in first")
    key = _limited(console, request, signed.officer)
    try:
        fresh = await console.in_thread(lambda: console.accounts.change_password(token, body.current, body.new))
    except PasswordRefused as error:
        console.limiter.clear(key)
        raise HTTPException(400, str(error)) from error
    if fresh is None:
        raise HTTPException(401, "the present password is wrong")
    console.limiter.clear(key)
    return await _open(request, response, fresh)


@router.post("/touch")
async def touch(request: Request) -> SessionView:
    """The officer's hand is on the console."""
    return _view(await session_of(request, touch=True))


@router.delete("/session")
async def sign_out(request: Request, response: Response, console: AConsole) -> SessionView:
    """Sign out."""
    token = request.cookies.get(COOKIE)
    if token:
        await console.in_thread(lambda: console.accounts.sign_out(token))
    response.delete_cookie(COOKIE, path="/")
    return _view(None)

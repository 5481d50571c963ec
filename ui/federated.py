"""The two addresses of signing in through an identity provider: on the way there, and on the way back."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse

from ui.auth import AConsole, give, limit_key, limited, the_console
from ui.oidc import VALID_S, Oidc, OidcRefused, Why
from ui.views import Problem

BROWSER = "sallyport_oidc"
PATH = "/api/oidc"
router = APIRouter(prefix=PATH, responses={404: {"model": Problem}, 422: {"model": Problem}})
Given = Annotated[str, Query(max_length=4096)]


def _oidc(request: Request) -> Oidc:
    oidc = the_console(request).oidc
    if oidc is None:
        raise HTTPException(404, "no identity provider is set up for this console")
    return oidc


def _origin(request: Request) -> str:
    """This console's address as the browser knows it: the one in use, with TLS where it has both."""
    host = request.headers["host"]
    return max(one for one in the_console(request).settings.origins if one.split("://", 1)[1] == host)


@router.get("/start", status_code=303, response_class=RedirectResponse)
async def start(request: Request, console: AConsole) -> RedirectResponse:
    """Send the browser to the identity provider."""
    oidc, origin = _oidc(request), _origin(request)
    try:
        limited(console, request, PATH)
        url, browser = await console.in_thread(lambda: oidc.begin(f"{origin}{PATH}/back"))
    except HTTPException:
        return _to_sign_in("wait")
    except (OidcRefused, ValueError) as error:
        return await _refused(console, error)
    answer = RedirectResponse(url, 303)
    # Lax: the provider's redirect has to bring it back, which a strict cookie would not survive.
    secure = origin.startswith("https://")
    answer.set_cookie(BROWSER, browser, max_age=int(VALID_S), path=PATH, httponly=True, samesite="lax", secure=secure)
    return answer


@router.get("/back", status_code=303, response_class=RedirectResponse)
async def back(request: Request, console: AConsole, state: Given = "", code: Given = "") -> RedirectResponse:
    """Where the provider sends the browser: a session, or the sign-in page with the reason."""
    oidc, browser = _oidc(request), request.cookies.get(BROWSER, "")
    try:
        known = await console.in_thread(lambda: oidc.finish(state, code, browser))
        token = await console.in_thread(lambda: console.accounts.begin_federated(known))
    except (OidcRefused, ValueError) as error:
        return await _refused(console, error)
    console.limiter.clear(limit_key(request, PATH))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(BROWSER, path=PATH)
    give(answer, token, origin=_origin(request))
    return answer


async def _refused(console: AConsole, error: Exception) -> RedirectResponse:
    why = error.why if isinstance(error, OidcRefused) else "provider"
    if why != "expired":  # anybody can ask for that: it would fill the log
        await console.in_thread(lambda: console.accounts.refused(str(error)))
    return _to_sign_in(why)


def _to_sign_in(why: Why) -> RedirectResponse:
    answer = RedirectResponse(f"/#sign-in={why}", 303)
    answer.delete_cookie(BROWSER, path=PATH)
    return answer

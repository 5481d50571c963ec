"""Headers every answer carries, and which requests are heard at all. Pure ASGI: it also covers WebSocket and SSE.

Together with the SameSite=Strict session cookie the Origin check is the protection against cross-site requests, and
the Host check against DNS rebinding.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from anyio import BrokenResourceError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CSP = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "media-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types default svelte-trusted-html",
    ]
)
_HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# Built files carry a hash of their content in the name; everything else may be personal.
_IMMUTABLE = "/assets/"


class Guarded:
    """ASGI middleware: strict headers on each answer; foreign Host or Origin refused before any route sees it."""

    def __init__(self, app: ASGIApp, *, origins: Iterable[str], hosts: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, WebSocket or lifespan."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem is None:
            with _left():
                await self._app(scope, receive, _with_headers(scope, send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403, "reason": problem})
        else:
            await JSONResponse({"detail": problem}, 403)(scope, receive, _with_headers(scope, send))

    def _problem(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:
            return "this console does not answer to that host name; start it with --origin for every address in use"
        changes = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if changes and headers.get("origin") not in self._origins:
            return "requests from other origins are refused"
        return None


@contextmanager
def _left() -> Iterator[None]:
    """A page that leaves in the middle of an event is no error; FastAPI's event stream calls it one."""
    try:
        yield
    except* BrokenResourceError:
        pass


def _with_headers(scope: Scope, send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            built = scope["path"].startswith(_IMMUTABLE) and message["status"] == 200
            headers["cache-control"] = "public, max-age=31536000, immutable" if built else "no-store"
        await send(message)

    return wrapped

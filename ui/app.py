"""The console as an ASGI application. One process, several lanes; it touches no device and stores no traveller data."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from appliance.clock import Clock, SystemClock
from ui import auth, federated, history, images, lanes, people, setup, streams
from ui.auth import an_officer
from ui.console import Console
from ui.security import Guarded
from ui.settings import Settings
from ui.views import Problem

MAX_BODY = 16 * 1024


class PagesMissing(Exception):
    """The built pages are not there; the message says how to build them."""


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application, with its accounts database opened and migrated.

    Raises PagesMissing, ValueError (two lanes of one name) or `migrations.engine.DatabaseRefused`.
    """
    _require_pages(settings)
    console = Console(settings, clock or SystemClock())
    app = api(console)
    app.add_middleware(Guarded, origins=settings.origins, hosts=settings.hosts)
    for address, page in (("/", "guard.html"), ("/traveller", "traveller.html")):
        app.add_api_route(address, _page(settings, page), include_in_schema=False, response_class=FileResponse)
    app.mount("/assets", StaticFiles(directory=settings.static / "assets"))
    return app


def api(console: Console | None) -> FastAPI:
    """The routes alone; without a console only their description (OpenAPI) is of use."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        assert console is not None
        tasks = [asyncio.create_task(client.run(), name=name) for name, client in console.lanes.items()]
        try:
            yield
        finally:
            console.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    app = FastAPI(
        title="Sallyport guard console",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        responses={
            400: {"model": Problem, "description": "A body that is no text"},
            413: {"description": "A body that is too long", "content": {"text/plain": {"schema": {"type": "string"}}}},
        },
        max_body_size=MAX_BODY,
        # Request inputs here are personal data: nothing may export them.
        telemetry={"auto_configure": False, "logs": False, "tracing": False, "metrics": False},
    )
    app.state.console = console
    app.add_exception_handler(RequestValidationError, _unprocessable)
    app.add_api_route("/api/openapi.json", _described, dependencies=[Depends(an_officer)], include_in_schema=False)
    for part in (auth, federated, people, lanes, streams, images, history, setup):
        app.include_router(part.router)
    return app


async def _described(request: Request) -> dict[str, Any]:
    """The description of this API (OpenAPI 3.1), for whoever is signed in."""
    app: FastAPI = request.app
    return app.openapi()


async def _unprocessable(_request: Request, error: Exception) -> JSONResponse:
    # FastAPI's own answer repeats the input, which may be a password.
    assert isinstance(error, RequestValidationError)
    problems = [
        f"{'.'.join(str(part) for part in each['loc'][1:]) or 'body'}: {each['msg']}" for each in error.errors()
    ]
    return JSONResponse({"detail": "; ".join(problems)}, 422)


def _page(settings: Settings, name: str) -> Callable[[], Awaitable[FileResponse]]:
    async def page() -> FileResponse:
        return FileResponse(settings.static / name)

    return page


def _require_pages(settings: Settings) -> None:
    for name in ("guard.html", "traveller.html", "assets"):
        if not (settings.static / name).exists():
            raise PagesMissing(
                f"the pages are not built ({settings.static / name} is missing). "
                "Build them: npm --prefix ui/web ci && npm --prefix ui/web run build"
            )

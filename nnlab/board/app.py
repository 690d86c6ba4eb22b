"""The web application of the board."""

import hashlib
import json
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib.resources import files
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from nnlab import store
from nnlab.board.access import BoardAccess, Permission
from nnlab.board.access_check import AccessCheck, set_cookie
from nnlab.board.actions import action_routes
from nnlab.board.artifact_response import artifact_response
from nnlab.board.change_watcher import ChangeWatcher
from nnlab.board.context import BoardContext
from nnlab.board.endpoints import Endpoint, endpoints
from nnlab.board.finite_values import replace_non_finite
from nnlab.board.parameters import Parameters
from nnlab.errors import NnlabError, ReadTimeLimit, StoreError, UnknownName
from nnlab.web.assets import CONTENT_TYPES, asset_text, find_asset
from nnlab.web.inline import combine_modules

_COMBINED_SCRIPT = "combined/board/main.js"
READ_SECONDS = 10.0  # for a request
MAX_CONCURRENT_READS = 4  # more wait
# A reader that does not query the database cannot be interrupted; its thread is abandoned then.
_ABANDON_SECONDS = READ_SECONDS + 5.0


def create_app(
    context: BoardContext,
    access: BoardAccess | None = None,
    *,
    actions: store.Database | None = None,
    read_seconds: float = READ_SECONDS,
) -> Starlette:
    """The application, without a server; its `state.watcher` is the ChangeWatcher.

    Args:
        context: the database and the runs to show.
        access: the rules of access. None lets every request read: only for tests of views.
        actions: the database that actions change; None: there are no actions.
        read_seconds: the time limit of a request.
    """
    watcher = ChangeWatcher(context.db)
    context.answers.follow_changes(watcher.count_changes)
    reader = _Reader(context, read_seconds)
    routes = [
        Route("/", _page(watcher, has_actions=actions is not None)),
        Route("/assets/{path:path}", _asset),
        Route("/api/events", _events(watcher)),
        Route("/api/version", _version(watcher)),
        *(Route(f"/api/{name}", reader.answer(read)) for name, read in endpoints().items()),
        Route("/artifacts/{run:int}/{artifact:int}", reader.artifact),
        *(action_routes(context, actions) if actions is not None else ()),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        watcher.close()

    middleware = [
        Middleware(AccessCheck, access=access),
        # Starlette leaves out event streams. No answer contains a secret that compression leaks.
        Middleware(GZipMiddleware, minimum_size=1024, compresslevel=3),
    ]
    app = Starlette(routes=routes, middleware=middleware, lifespan=lifespan)
    app.state.watcher = watcher
    return app


def _page(watcher: ChangeWatcher, *, has_actions: bool) -> Any:
    async def page(request: Request) -> Response:
        actions = has_actions and request.state.permission is Permission.ACT
        text = _page_text().replace("{{version}}", await watcher.version())
        text = text.replace("{{actions}}", "yes" if actions else "")
        response = Response(text, media_type="text/html")
        if (cookie := getattr(request.state, "cookie", None)) is not None:
            set_cookie(response, *cookie)
        return response

    return page


@cache
def _page_text() -> str:
    return (files("nnlab.web") / "board" / "page.html").read_text(encoding="utf-8")


def _events(watcher: ChangeWatcher) -> Any:
    async def events(_: Request) -> Response:
        # nginx would collect events until its buffer is full.
        headers = {"X-Accel-Buffering": "no"}
        return StreamingResponse(watcher.events(), media_type="text/event-stream", headers=headers)

    return events


def _version(watcher: ChangeWatcher) -> Any:
    async def version(_: Request) -> Response:
        return json_response({"version": await watcher.version()})

    return version


@cache
def _combined_modules() -> str:
    """The modules of the page as one script: fifty requests would delay the first view."""
    return combine_modules("board/main.js")


async def _asset(request: Request) -> Response:
    path = request.path_params["path"]
    if path != _COMBINED_SCRIPT and find_asset(path) is None:
        return Response("not found", status_code=404, media_type="text/plain")
    text = _combined_modules() if path == _COMBINED_SCRIPT else asset_text(path)
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    headers["Content-Type"] = CONTENT_TYPES[path[path.rindex(".") :]]
    return Response(text, headers=headers)


class _Reader:
    """Reads data in threads, a few at a time, each with a time limit."""

    def __init__(self, context: BoardContext, seconds: float) -> None:
        self._context = context
        self._seconds = seconds
        self._limiter: anyio.CapacityLimiter | None = None

    def answer(self, read: Endpoint) -> Any:
        """The function that answers the requests of one name."""

        async def answer(request: Request) -> Response:
            parameters = Parameters(dict(request.query_params))
            return await self._respond(lambda: _json_text(read(self._context, parameters)))

        return answer

    async def artifact(self, request: Request) -> Response:
        """A file of a run."""
        run, artifact = request.path_params["run"], request.path_params["artifact"]
        return await self._respond(lambda: artifact_response(self._context, run, artifact))

    async def _respond(self, read: Any) -> Response:
        self._limiter = self._limiter or anyio.CapacityLimiter(MAX_CONCURRENT_READS)

        def limited() -> Any:
            with self._context.db.limit_read_time(self._seconds):
                return read()

        try:
            with anyio.fail_after(self._seconds + _ABANDON_SECONDS - READ_SECONDS):
                result = await anyio.to_thread.run_sync(
                    limited, limiter=self._limiter, abandon_on_cancel=True
                )
        except TimeoutError:
            return json_response({"error": "the server is busy; try again"}, status=503)
        except NnlabError as error:
            return json_response({"error": _message(error)}, status=_status(error))
        except Exception:  # noqa: BLE001  the page says so, and the other views go on
            traceback.print_exc()
            text = "the server could not read this; its terminal shows the error"
            return json_response({"error": text}, status=500)
        return result if isinstance(result, Response) else _text_response(result)


def _status(error: NnlabError) -> int:
    match error:
        case UnknownName():
            return 404
        case ReadTimeLimit() | StoreError():
            return 503
        case _:
            return 400


def _message(error: NnlabError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def json_response(values: Mapping[str, Any], status: int = 200) -> Response:
    """An answer in JSON."""
    return _text_response(_json_text(values), status)


def _text_response(text: str, status: int = 200) -> Response:
    return Response(text, status_code=status, media_type="application/json")


def _json_text(values: object) -> str:
    try:
        return json.dumps(values, separators=(",", ":"), allow_nan=False)
    except ValueError:  # NaN or infinity, which are rare: to look for them first takes longer
        finite = replace_non_finite(values)
        return json.dumps(finite, separators=(",", ":"), allow_nan=False)

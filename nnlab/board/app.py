"""The web application of the board."""

import json
import math
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nnlab.board.context import BoardContext
from nnlab.board.endpoints import Endpoint, endpoints
from nnlab.board.parameters import Parameters
from nnlab.errors import NnlabError
from nnlab.web.assets import CONTENT_TYPES, asset_text, find_asset


def create_app(context: BoardContext) -> Starlette:
    """The application, without a server."""
    routes = [
        Route("/", _page),
        Route("/assets/{path:path}", _asset),
        Route("/api/events", _events),
        *(Route(f"/api/{name}", _answer(context, read)) for name, read in endpoints().items()),
    ]
    return Starlette(routes=routes)


async def _page(_: Request) -> Response:
    return Response(_page_text(), media_type="text/html")


def _page_text() -> str:
    from importlib.resources import files

    return (files("nnlab.web") / "board" / "page.html").read_text(encoding="utf-8")


async def _events(_: Request) -> Response:
    return Response("retry: 60000\n\n", media_type="text/event-stream")


async def _asset(request: Request) -> Response:
    path = request.path_params["path"]
    if find_asset(path) is None:
        return Response("not found", status_code=404, media_type="text/plain")
    suffix = path[path.rindex(".") :]
    return Response(asset_text(path), headers={"Content-Type": CONTENT_TYPES[suffix]})


def _answer(context: BoardContext, read: Endpoint) -> Any:
    async def answer(request: Request) -> Response:
        parameters = Parameters(dict(request.query_params))
        try:
            values = await run_in_threadpool(read, context, parameters)
        except NnlabError as error:
            return _json({"error": str(error)}, status=400)
        return _json(values)

    return answer


def _json(values: object, status: int = 200) -> Response:
    text = json.dumps(_finite(values), separators=(",", ":"), allow_nan=False)
    return Response(text, status_code=status, media_type="application/json")


def _finite(value: Any) -> Any:
    """The value with null for numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return value

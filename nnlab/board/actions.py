"""The few requests that change something; they exist only with `--allow-actions`."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nnlab import store
from nnlab.board.access import Permission
from nnlab.board.context import BoardContext
from nnlab.board.selection import visible_runs
from nnlab.errors import NnlabError, UsageError

MAX_BODY_BYTES = 65_536
MAX_TAGS = 20
MAX_TAG_LENGTH = 100

# A function of a writable database, the ids of runs, and the body of the request.
_Action = Callable[[store.Database, tuple[int, ...], Mapping[str, Any]], Mapping[str, Any]]


def action_routes(context: BoardContext, writable: store.Database) -> list[Route]:
    """The routes of the actions, which change this database."""
    return [
        Route(f"/api/actions/{name}", _route(context, writable, action), methods=["POST"])
        for name, action in (("stop", _stop), ("tag", _tag))
    ]


def _stop(db: store.Database, ids: tuple[int, ...], _: Mapping[str, Any]) -> Mapping[str, Any]:
    result = store.request_stop(db, ids)
    return {
        "ending": result.ending,
        "waiting": result.waiting,
        "already_ended": result.already_ended,
    }


def _tag(db: store.Database, ids: tuple[int, ...], body: Mapping[str, Any]) -> Mapping[str, Any]:
    changed = store.change_tags(db, ids, add=_tags(body, "add"), remove=_tags(body, "remove"))
    return {"changed": changed}


def _tags(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    tags = body.get(name, [])
    if not isinstance(tags, list) or len(tags) > MAX_TAGS:
        raise UsageError(f"{name}: expected a list of at most {MAX_TAGS} tags")
    for tag in tags:
        if not isinstance(tag, str) or not 0 < len(tag.strip()) <= MAX_TAG_LENGTH:
            raise UsageError(f"{name}: a tag has 1 to {MAX_TAG_LENGTH} characters")
    return tuple(tag.strip() for tag in tags)


def _route(context: BoardContext, writable: store.Database, action: _Action) -> Any:
    async def answer(request: Request) -> Response:
        if request.state.permission is not Permission.ACT:
            return _problem("this token may only read", 403)
        # A form of another page cannot send this type without asking the server first.
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _problem("expected JSON", 415)
        try:
            body = await _read_body(request)
            ids = _run_ids(body)
            visible = await run_in_threadpool(visible_runs, context, ids)
            return JSONResponse(await run_in_threadpool(action, writable, visible, body))
        except NnlabError as error:
            return _problem(error.message, 400)

    return answer


async def _read_body(request: Request) -> Mapping[str, Any]:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            raise UsageError(f"the request has more than {MAX_BODY_BYTES:,} bytes")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        raise UsageError("expected JSON") from None
    if not isinstance(body, dict):
        raise UsageError("expected a JSON object")
    return body


def _run_ids(body: Mapping[str, Any]) -> tuple[int, ...]:
    ids = body.get("runs")
    if not isinstance(ids, list) or not ids or not all(type(run_id) is int for run_id in ids):
        raise UsageError("runs: expected a list of numbers of runs")
    return tuple(run_id for run_id in ids if 0 < run_id < 1 << 63)


def _problem(text: str, status: int) -> Response:
    return JSONResponse({"error": text}, status_code=status)

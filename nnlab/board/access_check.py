"""Checks each request before the board answers it, and adds the headers that browsers obey."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nnlab.board.access import BoardAccess, Permission

MAX_QUERY_BYTES = 16_384
COOKIE_SECONDS = 30 * 86_400

_HOW_TO_OPEN = """nnlab board: this address needs the token.

Open the address that `nnlab board` printed; it ends with ?token=...
"""
_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)
_FRAMES_OF_THIS_MACHINE = "'self' http://localhost:* http://127.0.0.1:*"


class AccessCheck:
    """ASGI middleware: refuses foreign hosts, origins and tokens, and sets the security headers.

    `access` is None only in tests of what the board shows: then every request may read.
    """

    def __init__(self, app: ASGIApp, access: BoardAccess | None) -> None:
        self._app = app
        self._access = access
        self._headers = security_headers(in_frames=access is not None and access.in_frames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or passes it on with `permission` in its state."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        scope.setdefault("state", {})["permission"] = Permission.READ
        refusal = None if self._access is None else check_request(scope, self._access)
        await (refusal or self._app)(scope, receive, send_with_headers)


def check_request(scope: Scope, access: BoardAccess) -> Response | None:
    """The answer to a request that is not passed on; sets its path and permission otherwise."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if len(headers.getlist("host")) != 1 or not access.is_allowed_host(host):
        return _refuse(421, "nnlab board: unknown host name; allow it with --allow-host NAME")
    if len(scope["query_string"]) > MAX_QUERY_BYTES:
        return _refuse(414, f"nnlab board: the query has more than {MAX_QUERY_BYTES:,} bytes")
    if not _strip_prefix(scope, access.prefix):
        return RedirectResponse(f"{access.prefix}/", status_code=303)
    origin = headers.get("origin")
    if origin is not None and not access.is_allowed_origin(origin, host):
        return _refuse(403, "nnlab board: the request comes from another page")
    is_page = scope["path"] == "/" and scope["method"] in ("GET", "HEAD")
    if not is_page and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return _refuse(403, "nnlab board: the request comes from another page")
    if is_page and b"token=" in scope["query_string"]:
        return _sign_in(scope, headers, access)
    permission = access.permission(_request_token(headers, access.cookie))
    scope["state"]["permission"] = permission
    return _refuse(401, _HOW_TO_OPEN) if permission is Permission.NONE else None


def security_headers(*, in_frames: bool) -> Mapping[str, str]:
    """The headers of each answer, unless it sets its own."""
    return {
        "Content-Security-Policy": _CONTENT_POLICY
        + (_FRAMES_OF_THIS_MACHINE if in_frames else "'none'"),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def _strip_prefix(scope: Scope, prefix: str) -> bool:
    """Removes the prefix, which a proxy may have removed already; False without a final slash."""
    path: str = scope["path"]
    if not prefix or not (path == prefix or path.startswith(f"{prefix}/")):
        return True
    own_path = path[len(prefix) :]
    scope["path"], scope["raw_path"] = own_path, own_path.encode()
    return own_path != ""


def _sign_in(scope: Scope, headers: Headers, access: BoardAccess) -> Response | None:
    """Turns the token of an address into a cookie.

    A browser sends a strict cookie after a redirect only if no other page has led to the address.
    Otherwise the page itself is the answer, and its script removes the token from the address.
    """
    query = parse_qs(scope["query_string"].decode("latin-1"))
    token = query.get("token", [""])[0]
    permission = access.permission(token)
    if permission is Permission.NONE:
        return _refuse(401, _HOW_TO_OPEN)
    scope["state"]["permission"] = permission
    if headers.get("sec-fetch-site", "none") != "none":
        scope["state"]["cookie"] = (access, token)
        return None
    response = RedirectResponse(f"{access.prefix}/", status_code=303)
    set_cookie(response, access, token)
    return response


def set_cookie(response: Response, access: BoardAccess, token: str) -> None:
    """Makes the browser send a token from now on, to this board and from its own page only."""
    response.set_cookie(
        access.cookie,
        token,
        max_age=COOKIE_SECONDS,
        path=f"{access.prefix}/",
        httponly=True,
        samesite="strict",
    )


def _request_token(headers: Headers, cookie: str) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[cookie].value if cookie in cookies else ""


def _refuse(status: int, text: str) -> Response:
    return PlainTextResponse(text, status_code=status)

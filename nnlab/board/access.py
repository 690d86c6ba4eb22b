"""Who may read the board: tokens, host names and origins."""

import hmac
import re
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

_HOST = re.compile(
    r"(?:\[(?P<address>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?)\.?)"
    r"(?::(?P<port>\d{1,5}))?"
)


class Permission(IntEnum):
    """What the sender of a request may do."""

    NONE = 0
    READ = 1
    ACT = 2


@dataclass(frozen=True, slots=True)
class BoardAccess:
    """The rules of access of a board.

    `token` opens the board and allows actions, `read_token` only opens it. `hosts` are the names
    under which it may be reached besides the loopback ones; `prefix` is the path before its own,
    such as `/nnlab`. `in_frames` allows pages of this machine to show the board in a frame.
    """

    token: str
    port: int
    read_token: str | None = None
    hosts: frozenset[str] = frozenset()
    prefix: str = ""
    in_frames: bool = False

    @property
    def cookie(self) -> str:
        """The name of the cookie; cookies are shared by all ports of a host."""
        return f"nnlab_board_{self.port}"

    def permission(self, token: str) -> Permission:
        """What a token allows, compared in constant time."""
        candidate = token.encode(errors="replace")
        may_act = hmac.compare_digest(candidate, self.token.encode())
        may_read = hmac.compare_digest(candidate, (self.read_token or self.token).encode())
        return Permission.ACT if may_act else Permission.READ if may_read else Permission.NONE

    def is_allowed_host(self, header: str) -> bool:
        """Whether a Host header names this board; a rebound name does not."""
        name = host_name(header)
        return name is not None and (name in LOOPBACK_NAMES or name in self.hosts)

    def is_allowed_origin(self, origin: str, host: str) -> bool:
        """Whether the page with this origin is the board itself, which the request names as host.

        A proxy may replace the Host header, so an origin that was allowed by name is accepted too.
        """
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or not parts.netloc:
            return False
        return parts.netloc.lower() == host.lower() or host_name(parts.netloc) in self.hosts


def host_name(header: str) -> str | None:
    """The name or address in a Host header, without port and brackets; None if it is malformed.

    >>> host_name("LocalHost.:8080"), host_name("[::1]:80"), host_name("evil@localhost")
    ('localhost', '::1', None)
    """
    match = _HOST.fullmatch(header.lower())
    if match is None:
        return None
    return match["address"] or match["name"]

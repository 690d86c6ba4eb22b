"""Opens a board: the token, the rules of access, the server, and the address to open."""

import os
import re
import secrets
import socket
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nnlab import store
from nnlab.board.access import LOOPBACK_NAMES, BoardAccess, host_name
from nnlab.board.app import create_app
from nnlab.board.context import BoardContext
from nnlab.board.server import BoardServer, listen
from nnlab.errors import UsageError

MIN_TOKEN_LENGTH = 16
_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104  compared, not listened on
_TOKEN = re.compile(rf"[A-Za-z0-9_.~-]{{{MIN_TOKEN_LENGTH},200}}")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_.~-]+)*")


@dataclass(frozen=True, slots=True)
class BoardOptions:
    """Where a board listens, and who may open it."""

    host: str = "127.0.0.1"
    port: int = 0
    prefix: str = ""
    allowed_hosts: tuple[str, ...] = ()
    read_token: str | None = None
    in_frames: bool = False

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in LOOPBACK_NAMES


@dataclass(frozen=True, slots=True)
class LaunchedBoard:
    """A server that listens, and its addresses with the tokens."""

    server: BoardServer
    port: int
    url: str
    read_url: str | None


def launch_board(
    context: BoardContext, options: BoardOptions, *, writable: store.Database | None = None
) -> LaunchedBoard:
    """A board that listens; the caller runs its server.

    Args:
        context: the database and the runs to show.
        options: where it listens, and who may open it.
        writable: the database that actions change; None: there are no actions.

    Raises:
        UsageError: an option is malformed, or the port is in use.
    """
    if not _PREFIX.fullmatch(options.prefix.rstrip("/")):
        raise UsageError(f"--prefix: expected a path such as /nnlab, got {options.prefix!r}")
    prefix = options.prefix.rstrip("/")
    hosts = _allowed_names(options)
    listener = listen(options.host, options.port)
    port: int = listener.getsockname()[1]
    access = BoardAccess(
        token=secrets.token_urlsafe(32),
        port=port,
        read_token=options.read_token,
        hosts=hosts,
        prefix=prefix,
        in_frames=options.in_frames,
    )
    host = "127.0.0.1" if options.host in _WILDCARDS else options.host
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}{prefix}/?token="
    return LaunchedBoard(
        server=BoardServer(create_app(context, access, actions=writable), listener),
        port=port,
        url=address + access.token,
        read_url=None if options.read_token is None else address + options.read_token,
    )


def read_token_of(text: str) -> str:
    """The token of `--read-token`: the text itself, or the content of the file after an @.

    Raises:
        UsageError: the file cannot be read, or the token is too short or has other characters.
    """
    token = text
    if text.startswith("@"):
        try:
            token = Path(text[1:]).read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not ASCII"
            raise UsageError(f"--read-token: cannot read {text[1:]}: {reason}") from None
    if not _TOKEN.fullmatch(token):
        # The message does not repeat the token.
        raise UsageError(
            f"--read-token: expected {MIN_TOKEN_LENGTH} to 200 letters, digits or -._~",
            hint='python3 -c "import secrets; print(secrets.token_urlsafe())" makes one',
        )
    return token


def is_readable_by_others(text: str) -> bool:
    """Whether other users may read the file of a `--read-token @FILE`."""
    if not text.startswith("@") or os.name == "nt":
        return False
    try:
        return bool(Path(text[1:]).stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False


def tunnel_command(port: int) -> str | None:
    """The command for the user's own machine if this one is reached through ssh."""
    connection = os.environ.get("SSH_CONNECTION", "").split()
    if len(connection) != 4:
        return None
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or "USER"
    return f"ssh -N -L {port}:127.0.0.1:{port} {user}@{socket.gethostname()}"


def _allowed_names(options: BoardOptions) -> frozenset[str]:
    return frozenset(_checked_names(options.allowed_hosts)) | frozenset(
        (socket.gethostname().lower(),) if options.host in _WILDCARDS else (options.host.lower(),)
    )


def _checked_names(names: Iterable[str]) -> Iterable[str]:
    for text in names:
        name = host_name(f"[{text}]" if text.count(":") > 1 and text[0] != "[" else text)
        if name is None:
            raise UsageError(f"--allow-host: expected a host name, got {text!r}")
        yield name

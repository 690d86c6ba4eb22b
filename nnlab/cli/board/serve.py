"""Serves a board until it is stopped, and opens it in the browser."""

import os
import shutil
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from html import escape
from pathlib import Path

from nnlab.analysis.scope import resolve_scope
from nnlab.board.context import BoardContext
from nnlab.board.launch import BoardOptions, LaunchedBoard, launch_board, tunnel_command
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import note, say
from nnlab.errors import Interrupted
from nnlab.study.database import open_results

_BROWSER_SECONDS = 30.0


def serve_board(
    names: list[str] | None,
    options: BoardOptions,
    *,
    db: str | None,
    opens: bool | None,
    allow_actions: bool,
) -> None:
    """Serves until Ctrl-C or SIGTERM.

    Args:
        names: studies or runs; None or empty: the whole database.
        options: where it listens, and who may open it.
        db: path or URL of the database.
        opens: whether it is opened in the browser; None: if this looks like a desktop.
        allow_actions: whether runs can be stopped and tagged.

    Raises:
        NnlabError: the database cannot be opened, a name is unknown, or the port is in use.
    """
    with ExitStack() as stack:
        database = stack.enter_context(open_db(db))
        writable = stack.enter_context(open_results(db, write=True)) if allow_actions else None
        context = BoardContext(database, resolve_scope(database, names))
        launched = launch_board(context, options, writable=writable)
        _print_addresses(launched, options)
        if _is_desktop() if opens is None else opens:
            stack.enter_context(_open_in_browser(launched.url))
        with suppress(KeyboardInterrupt, Interrupted):
            launched.server.run_in_foreground()


def _print_addresses(launched: LaunchedBoard, options: BoardOptions) -> None:
    say(launched.url)
    if launched.read_url is not None:
        say(f"for readers: {launched.read_url}")
    if not options.is_loopback:
        note(
            f"the board listens on {options.host}: whoever sees its traffic can read the token;"
            " ssh -L or a proxy with HTTPS is safer"
        )
    elif (command := tunnel_command(launched.port)) is not None:
        say(f"on your own machine first: {command}")
    say("Ctrl-C stops it", style="dim")
    sys.stdout.flush()


def _is_desktop() -> bool:
    if not sys.stdout.isatty() or "SSH_CONNECTION" in os.environ:
        return False
    displays = ("DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in displays)


@contextmanager
def _open_in_browser(url: str) -> Iterator[None]:
    """Opens an address through a file that only this user can read.

    Every user of a machine sees command lines, and the address of a browser's contains the token.
    """
    folder = Path(tempfile.mkdtemp(prefix="nnlab-board-"))
    file = folder / "open.html"
    file.touch(mode=0o600)
    file.write_text(
        f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(url)}">',
        encoding="utf-8",
    )
    timer = threading.Timer(_BROWSER_SECONDS, shutil.rmtree, (folder,), {"ignore_errors": True})
    timer.daemon = True
    timer.start()
    try:
        webbrowser.open(file.as_uri())
        yield
    finally:
        timer.cancel()
        shutil.rmtree(folder, ignore_errors=True)

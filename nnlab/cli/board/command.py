"""`nnlab board`: shows the live page of a database."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, ForceOption
from nnlab.cli.output.render import note, say
from nnlab.errors import MissingPackage

READ_TOKEN_VARIABLE = "NNLAB_BOARD_READ_TOKEN"  # noqa: S105  the name, not a token

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def board(
    study: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STUDY|RUN",
            show_default=False,
            help="studies, or runs by number or name \\[default: the whole database]",
            autocompletion=completion.studies_and_runs,
        ),
    ] = None,
    *,
    port: Annotated[
        int, typer.Option("--port", help="port; 0 chooses a free one", min=0, max=65535)
    ] = 0,
    host: Annotated[str, typer.Option("--host", help="address to listen on")] = "127.0.0.1",
    opens: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open",
            show_default=False,
            help="open the page in the browser \\[default: on a desktop]",
        ),
    ] = None,
    read_token: Annotated[
        str | None,
        typer.Option(
            "--read-token",
            metavar="TOKEN|@FILE",
            show_default=False,
            help="another token, which may only read; also read from"
            f" {READ_TOKEN_VARIABLE}, which other users of the machine cannot see",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            show_default=False,
            help="host name under which the page may be opened; repeatable",
        ),
    ] = None,
    prefix: Annotated[
        str,
        typer.Option(
            "--prefix",
            metavar="/PATH",
            show_default=False,
            help="path of the page behind a reverse proxy",
        ),
    ] = "",
    allow_actions: Annotated[
        bool,
        typer.Option(
            "--allow-actions", help="let the page stop and tag runs; otherwise it only reads"
        ),
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="FILE",
            show_default=False,
            help="write the page as one HTML file that needs no server, and exit",
        ),
    ] = None,
    force: ForceOption = False,
    db: DbOption = None,
) -> None:
    """Show a live page of runs, curves, rankings and findings.

    The printed address contains a token, without which the page shows nothing.

    [bold]Examples[/bold]

        nnlab board

        nnlab board depth --port 8080 --no-open

        nnlab board depth --export depth.html
    """
    if export is not None:
        _export_page(study, export, force=force, db=db)
        return
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        raise MissingPackage("the board needs a web server", hint="pip install 'nnlab[board]'")
    from nnlab.board.launch import BoardOptions, is_readable_by_others, read_token_of
    from nnlab.cli.board.serve import serve_board

    if read_token is not None and not read_token.startswith("@"):
        note(
            "other users of this machine can read the token on the command line: --read-token"
            f" @FILE or {READ_TOKEN_VARIABLE} hides it"
        )
    token_text = read_token or os.environ.get(READ_TOKEN_VARIABLE)
    if token_text is not None and is_readable_by_others(token_text):
        note(f"other users of this machine can read {token_text[1:]}: chmod 600 hides it")
    options = BoardOptions(
        host=host,
        port=port,
        prefix=prefix,
        allowed_hosts=tuple(allow_host or ()),
        read_token=None if token_text is None else read_token_of(token_text),
    )
    serve_board(study, options, db=db, opens=opens, allow_actions=allow_actions)


def _export_page(names: list[str] | None, path: Path, *, force: bool, db: str | None) -> None:
    from nnlab.analysis.scope import resolve_scope
    from nnlab.board.context import BoardContext
    from nnlab.board.export import MAX_BYTES, export_board

    with open_db(db) as database:
        size = export_board(
            BoardContext(database, resolve_scope(database, names)), path, force=force
        )
    say(f"{path}: {size / 1e6:.1f} MB")
    if size > MAX_BYTES:
        note("the page is large: name fewer runs")

"""`nnlab board`: shows the live page of a database."""

from typing import Annotated

import typer

from nnlab.analysis.scope import resolve_scope
from nnlab.cli import completion
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption
from nnlab.cli.output.render import say

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
        int, typer.Option("--port", help="the port; 0 chooses a free one", min=0, max=65535)
    ] = 0,
    host: Annotated[str, typer.Option("--host", help="the address to listen on")] = "127.0.0.1",
    db: DbOption = None,
) -> None:
    """Show a live page of runs, curves, rankings and findings.

    [bold]Examples[/bold]

        nnlab board

        nnlab board depth --port 8080
    """
    import uvicorn

    from nnlab.board.app import create_app
    from nnlab.board.context import BoardContext

    with open_db(db) as database:
        context = BoardContext(database, resolve_scope(database, study))
        say(f"http://{host}:{port}/")
        uvicorn.run(create_app(context), host=host, port=port, log_level="warning")

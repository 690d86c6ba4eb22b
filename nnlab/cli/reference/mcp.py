"""`nnlab mcp`: a server of the Model Context Protocol on standard input and output."""

import gc
from typing import Annotated

import typer

from nnlab.cli.options import DbOption
from nnlab.errors import MissingPackage

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command(name="mcp")
def mcp_command(
    *,
    allow_run: Annotated[
        bool,
        typer.Option("--allow-run", help="also offer the tools train, gate and stop"),
    ] = False,
    db: DbOption = None,
) -> None:
    """Serve the results to programs that use language models (Model Context Protocol).

    The tools are studies, runs, compare, curves, diagnose and explain, which only read. A client
    starts this command and talks to it over standard input and output.

    [bold]Examples[/bold]

        nnlab mcp

        nnlab mcp --db /data/runs.db --allow-run
    """
    try:
        from nnlab.mcp_server.server import create_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise MissingPackage(
            "nnlab mcp needs the package mcp, which is not installed",
            hint='pip install "nnlab[mcp]"',
        ) from error
    # The start of a command turns it off, but a server runs for days.
    gc.enable()
    create_server(db, allow_run=allow_run).run("stdio")

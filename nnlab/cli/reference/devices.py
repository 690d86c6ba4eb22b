"""`nnlab devices`: what this machine can train on."""

import typer

from nnlab.cli.options import Format, FormatOption
from nnlab.cli.output.render import TableColumn, render

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("device", "device"),
    TableColumn("description", "what it is", wrap=True),
    TableColumn("memory", "memory", lambda size: f"{size / 2**30:.1f} GiB", right=True),
    TableColumn("auto", "auto", lambda yes: "taken by --device auto" if yes else "", priority=1),
)


@app.command()
def devices(
    *,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
) -> None:
    """List the devices of this machine; `--device auto` takes the first.

    [bold]Example[/bold]

        nnlab devices --format json
    """
    from nnlab.engine.device import list_devices as found

    rows = [
        {
            "device": info.name,
            "description": info.description,
            "memory": info.memory,
            "auto": place == 0,
        }
        for place, info in enumerate(found())
    ]
    render(rows, COLUMNS, format)

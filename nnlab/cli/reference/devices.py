"""`nnlab devices`: lists the devices of this machine."""

import typer

from nnlab.cli.options import FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("device", "device"),
    TableColumn("description", "description", wrap=True),
    TableColumn("memory", "memory", lambda size: f"{size / 2**30:.1f} GiB", align_right=True),
    TableColumn("auto", "auto", lambda first: "used by --device auto" if first else "", priority=1),
)


@app.command()
def devices(
    *,
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
) -> None:
    """List the devices of this machine; `--device auto` uses the first.

    [bold]Example[/bold]

        nnlab devices --format json
    """
    # torch is imported only by this command.
    from nnlab.engine.device import list_devices

    rows = [
        {
            "device": info.name,
            "description": info.description,
            "memory": info.memory,
            "auto": index == 0,
        }
        for index, info in enumerate(list_devices())
    ]
    render(rows, COLUMNS, format)

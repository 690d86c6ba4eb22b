"""`nnlab launchers`: what can train here, and why something cannot."""

import typer

from nnlab.cli.options import Format, FormatOption
from nnlab.cli.output.render import TableColumn, render

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("launcher", "launcher"),
    TableColumn("there", "there", lambda there: "yes" if there else "no"),
    TableColumn("told", "details", wrap=True),
)


@app.command()
def launchers(
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
) -> None:
    """List what can train here, and why one cannot: processes of this machine, SLURM, Ray.

    [bold]Example[/bold]

        nnlab launchers
    """
    from nnlab.workers import ray, slurm

    found, of_ray = slurm.find_slurm(), ray.find_ray_cluster()
    rows = [
        {"launcher": "local", "there": True, "told": "processes of this machine: nnlab devices"},
        {
            "launcher": "slurm",
            "there": found.is_available,
            "told": found.unavailable_reason or found.version,
        },
        {
            "launcher": "ray",
            "there": of_ray.is_available,
            "told": of_ray.unavailable_reason or f"ray {of_ray.version}; {of_ray.running}",
        },
    ]
    render(rows, COLUMNS, format)

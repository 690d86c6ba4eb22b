"""`nnlab launchers`: lists the launchers that are available here, and why others are not."""

from collections.abc import Iterator
from typing import Any

import typer

from nnlab.cli.options import FormatOption
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, render
from nnlab.workers import ray, slurm
from nnlab.workers.plugin_launchers import LAUNCHER_PLUGINS, LauncherPlugin

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

COLUMNS = (
    TableColumn("launcher", "launcher"),
    TableColumn("there", "available", lambda available: "yes" if available else "no"),
    TableColumn("told", "details", wrap=True),
)


@app.command()
def launchers(
    format: FormatOption = Format.TABLE,  # noqa: A002  the option is called --format
) -> None:
    """List launchers (local processes, SLURM, Ray, plugins) and why one is not available.

    [bold]Example[/bold]

        nnlab launchers
    """
    slurm_cluster, ray_cluster = slurm.find_slurm(), ray.find_ray_cluster()
    rows = [
        {"launcher": "local", "there": True, "told": "processes on this machine: nnlab devices"},
        {
            "launcher": "slurm",
            "there": slurm_cluster.is_available,
            "told": slurm_cluster.unavailable_reason or slurm_cluster.version,
        },
        {
            "launcher": "ray",
            "there": ray_cluster.is_available,
            "told": ray_cluster.unavailable_reason
            or f"ray {ray_cluster.version}; {ray_cluster.running}",
        },
    ]
    render([*rows, *_plugin_rows()], COLUMNS, format)


def _plugin_rows() -> Iterator[dict[str, Any]]:
    for plugin in LAUNCHER_PLUGINS.all():
        launcher = plugin.target
        if isinstance(launcher, LauncherPlugin):
            reason = launcher.unavailable_reason()
            details = reason or f"{launcher.summary}; plugin of {plugin.version}"
            yield {"launcher": launcher.name, "there": not reason, "told": details}

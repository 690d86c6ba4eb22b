"""The options of commands that take a script instead of settings: `init-study` and `gate`."""

from pathlib import Path
from typing import Annotated

import typer

_SCRIPT_PANEL = "Your own script"

ScriptOption = Annotated[
    Path | None,
    typer.Option(
        "--script",
        metavar="SCRIPT",
        rich_help_panel=_SCRIPT_PANEL,
        help="a script instead of settings: the other options are its flags (docs/your-script.md)",
    ),
]
CommandOption = Annotated[
    str | None,
    typer.Option(
        "--cmd",
        metavar="COMMAND",
        rich_help_panel=_SCRIPT_PANEL,
        help="the same for any command, with placeholders as {lr}",
    ),
]
GridOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grid",
        metavar="NAME=VALUES",
        rich_help_panel=_SCRIPT_PANEL,
        help="values of a flag that takes several, or of a script with an unknown parser",
    ),
]
SeedFlagOption = Annotated[
    str | None,
    typer.Option(
        "--seed-flag",
        metavar="NAME|none",
        rich_help_panel=_SCRIPT_PANEL,
        help="the script's flag for the seed, by default --seed if it has one",
    ),
]
PythonOption = Annotated[
    str | None,
    typer.Option(
        "--python",
        metavar="PATH",
        rich_help_panel=_SCRIPT_PANEL,
        help="interpreter of the script, by default that of the active environment",
    ),
]
ProcessesOption = Annotated[
    int | None,
    typer.Option(
        "--nproc",
        metavar="N",
        min=1,
        rich_help_panel=_SCRIPT_PANEL,
        help="start each run of the script with torchrun as N processes",
    ),
]
TimeLimitOption = Annotated[
    str | None,
    typer.Option(
        "--time-limit",
        metavar="TIME",
        rich_help_panel=_SCRIPT_PANEL,
        help="longest duration of a run of the script, as 90min",
    ),
]
GraceOption = Annotated[
    str | None,
    typer.Option(
        "--grace",
        metavar="TIME",
        rich_help_panel=_SCRIPT_PANEL,
        help="how long the script may take to end after SIGTERM",
    ),
]

"""`nnlab explain train`: the training of a setting as a plain PyTorch script, with explanations."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli.argument_options import SettingsCommand
from nnlab.cli.options import given_settings, with_settings
from nnlab.cli.output.help import use_two_columns
from nnlab.cli.output.render import console, say
from nnlab.errors import UsageError
from nnlab.io.command_line import quote_command

if TYPE_CHECKING:
    from nnlab.settings import RunConfig

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@cache
def train_command() -> Any:
    """The command of this module, as `nnlab explain` calls it."""
    command = use_two_columns(typer.main.get_command(app))
    command.name = "train"
    return command


@app.command(cls=SettingsCommand)
@partial(with_settings, aliases=False)
def train(
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="write the script to a file"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="replace an existing file")] = False,
    **settings: Any,
) -> None:
    """Explain the training of a setting: print it as a plain PyTorch script with comments.

    The script imports no nnlab, and trains to the numbers that nnlab train stores, up to rounding.
    Options are those of train. A setting that a script cannot express exactly is an error.

    [bold]Examples[/bold]

        nnlab explain train

        nnlab explain train --opt sgd --decay step --loss cross_entropy --reduction sum

        nnlab explain train --model cnn --norm batch --dropout 0.2 -o train.py
    """
    # Imported only here: the study and torch take time to import, and completion needs neither.
    from nnlab.exchange.training_script import training_script
    from nnlab.io.atomic_stream import check_is_new
    from nnlab.io.files import write_atomic

    if output is not None:
        check_is_new(output, force=force)
    given = given_settings(settings)
    config = _only_config(given, settings["seed"])
    script = training_script(config, _command(given, settings["seed"], output))
    if output is None:
        _print_python(script)
    else:
        write_atomic(output, script.encode())
        say(f"{output}: {len(script.splitlines())} lines")


def _only_config(settings: Mapping[str, Any], seed: str | None) -> "RunConfig":
    """The resolved config of the setting of a command line.

    Raises:
        UsageError: the command line describes several runs.
    """
    from nnlab.study.request import TrainRequest
    from nnlab.study.spec import build_study_spec

    spec = build_study_spec(TrainRequest(settings=settings, seed=seed))
    if len(spec.trials) * len(spec.seeds) > 1:
        runs = len(spec.trials) * len(spec.seeds)
        raise UsageError(
            f"a script trains one run, and these options describe {runs}",
            hint="give one value per option",
        )
    return replace(spec.trials[0].config, seed=spec.seeds[0])


def _command(settings: Mapping[str, Any], seed: str | None, output: Path | None) -> str:
    """The command line that prints or writes the script."""
    from nnlab.study.command_lines import option_arguments

    words = ["nnlab", "explain", "train"]
    for name, value in settings.items():
        words += option_arguments(name, value)
    words += [] if seed is None else ["--seed", seed]
    return quote_command(*words, *([] if output is None else ["-o", output.name]))


def _print_python(script: str) -> None:
    """Prints a script, with colours on a terminal; lines are not wrapped, so it can be copied."""
    screen = console()
    if not screen.is_terminal:
        typer.echo(script, nl=False)
        return
    from rich.syntax import Syntax

    screen.print(
        Syntax(script, "python", theme="ansi_dark", background_color="default"), soft_wrap=True
    )

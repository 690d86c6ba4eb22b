"""Parses the command of a figure without drawing it: for panels, and for files with figures."""

import shlex
from collections.abc import Sequence
from functools import cache
from typing import Any

import typer

from nnlab.cli.figures.plot.figure_command import FigureCall, collect_calls
from nnlab.cli.figures.plot.options import app
from nnlab.errors import UsageError

_PREFIX = ["nnlab", "plot"]


@cache
def plot_group() -> Any:
    """The group of all commands of `nnlab plot`; building it takes a third of a second."""
    return typer.main.get_command(app)


def parse_figure_command(words: Sequence[str]) -> FigureCall:
    """The call of `nnlab plot` with these words, which begin with the kind of figure.

    Raises:
        UnknownName: no such kind of figure.
        UsageError: an unknown option or an invalid value.
    """
    arguments = list(words)
    if arguments[:2] == _PREFIX:
        arguments = arguments[2:]
    if not arguments or arguments[0].startswith("-"):
        raise UsageError(
            f"'{shlex.join(words)}' does not begin with a kind of figure",
            hint="nnlab plot --help lists the kinds",
        )
    with collect_calls() as calls:
        try:
            plot_group().main(args=arguments, prog_name="nnlab plot", standalone_mode=False)
        except typer.TyperException as error:
            reason = getattr(error, "format_message", error.__str__)()
            raise UsageError(
                f"plot {shlex.join(arguments)}: {reason}", hint=f"nnlab plot {arguments[0]} --help"
            ) from None
    if len(calls) != 1:
        raise UsageError(f"'{shlex.join(words)}' draws no figure")
    return calls[0]

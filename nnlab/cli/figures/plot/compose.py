"""`nnlab plot compose`: several figures as panels of one figure."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from nnlab.cli.figures.plot.figure_command import figure_command
from nnlab.cli.figures.plot.figure_words import parse_figure_command
from nnlab.cli.figures.plot.options import FigureOptions, app, drop_unset
from nnlab.errors import OutputError, UsageError
from nnlab.figures.check import untrusted_request_problem
from nnlab.figures.provenance import (
    COMPOSED_KIND,
    PAPER_OPTIONS,
    FigureRequest,
    request_from_provenance,
    stored_part,
)
from nnlab.io.file_origin import read_figure_provenance

# The formats of figures; nnlab.figures.draw.save has them too, but imports matplotlib.
_SUFFIXES = (".pdf", ".svg", ".png", ".eps", ".pgf", ".tikz")


@app.command("compose")
@figure_command("compose")
def compose(
    panels: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|COMMAND...",
            help='figures: files drawn by nnlab plot, or commands as "curves depth --metric loss"',
        ),
    ],
    *,
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout",
            metavar="ROWSxCOLUMNS",
            help="arrangement of the panels, row by row \\[default: as many columns as fit]",
        ),
    ] = None,
) -> FigureOptions:
    """Draw several figures as panels (a), (b), ... of one figure, with a shared legend and axes.

    Figures in files are drawn again from the database; user code that a file names is not executed.

    [bold]Examples[/bold]

        nnlab plot compose "curves depth --metric loss" "ranking depth" -o fig2.pdf --venue neurips

        nnlab plot compose curves.pdf ranking.pdf time.pdf --layout 1x3 -o fig2.pdf
    """
    parts = [part for panel in panels for part in _read_parts(panel)]
    return (), drop_unset(parts=parts, layout=layout)


def _read_parts(panel: str) -> list[Mapping[str, Any]]:
    """The panels that a file or a command stands for; a composed figure has several."""
    path = Path(panel)
    if path.suffix.lower() in _SUFFIXES and not any(letter.isspace() for letter in panel):
        request = _read_request(path)
        parts = request.parts or (request,)
        return [{**stored_part(part), "from_file": True} for part in parts]
    request = _parse_command(panel)
    return [stored_part(part) for part in request.parts or (request,)]


def _read_request(path: Path) -> FigureRequest:
    """What a figure file shows.

    Raises:
        OutputError: the file cannot be read.
        UsageError: nnlab did not draw it, or its provenance needs files or too much time.
    """
    try:
        stored = read_figure_provenance(path)
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}") from None
    request = None if stored is None else request_from_provenance(stored)
    if stored is None or request is None:
        raise UsageError(f"{path} was not drawn by nnlab plot")
    problem = untrusted_request_problem(request, stored)
    if problem is not None:
        raise UsageError(
            f"{path}: {problem}", hint=f"write the panel as a command: '{request.kind} ...'"
        )
    return request


def _parse_command(text: str) -> FigureRequest:
    """The figure of a command such as `curves depth --metric loss`.

    Raises:
        UsageError: it is no command of a figure, or has an option of the composed figure.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"panel {text!r}: {error}") from None
    call = parse_figure_command(words)
    misplaced = [f"--{name}" for name in PAPER_OPTIONS if name in call.request.page]
    misplaced += ["--output"] if call.output else []
    misplaced += ["--data"] if call.data else []
    misplaced += ["--caption"] if call.caption else []
    if misplaced:
        raise UsageError(
            f"panel {text!r}: {misplaced[0]} is an option of the composed figure",
            hint=f"nnlab plot {COMPOSED_KIND} ... {misplaced[0]} ...",
        )
    return call.request

"""The decorator of all `nnlab plot` commands: shared options, drawing, output."""

import inspect
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli.figures.page_options import FIGURE_FILES_HELP, PAGE_OPTIONS, chosen_page_options
from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, ForceOption
from nnlab.cli.output.figure_files import check_figure_paths
from nnlab.cli.output.formats import Format
from nnlab.cli.output.render import TableColumn, console, note, render, say
from nnlab.errors import UsageError
from nnlab.figures.kind_table import KINDS, can_be_animated, can_be_interactive
from nnlab.figures.output import (
    check_caption_file,
    check_data_file,
    collect_figure,
    is_current,
    save_figure_files,
)
from nnlab.figures.page import draw_on_page, use_page
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.figures.provenance import FigureRequest
from nnlab.io.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_ROWS = 40  # of numbers printed in the terminal
_MIN_WIDTH, _MAX_WIDTH = 40, 110  # letters in a line

_FigureFunction = Callable[..., tuple[Sequence[str], dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class FigureCall:
    """A call of `nnlab plot`.

    Attributes:
        request: the figure.
        output: files to write; the terminal if empty.
        data: also write the numbers, as CSV beside the first file.
        caption: also write a caption, as LaTeX beside the first file.
        force: replace files that nnlab did not create.
        show: open the figure in a window.
        only_changed: leave files that already show the same figure.
        db: the database.
    """

    request: FigureRequest
    output: tuple[Path, ...] = ()
    data: bool = False
    caption: bool = False
    force: bool = False
    show: bool = False
    only_changed: bool = False
    db: str | None = None


_collected: ContextVar[list[FigureCall] | None] = ContextVar("collected_calls", default=None)


@contextmanager
def collect_calls() -> Iterator[list[FigureCall]]:
    """A context in which commands of figures are appended to a list instead of being executed."""
    calls: list[FigureCall] = []
    token = _collected.set(calls)
    try:
        yield calls
    finally:
        _collected.reset(token)


def _shared_options(
    *,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=f"{FIGURE_FILES_HELP} \\[default: the terminal]",
        ),
    ] = None,
    data: Annotated[
        bool, typer.Option("--data", help="also write the numbers to a CSV file next to FILE")
    ] = False,
    caption: Annotated[
        bool,
        typer.Option("--caption", help="also write a caption as LaTeX to a file next to FILE"),
    ] = False,
    force: ForceOption = False,
    show: Annotated[bool, typer.Option("--show", help="open the figure in a window")] = False,
    db: DbOption = None,
) -> None:
    """The options of every figure."""


# The options of every figure, by name.
SHARED_OPTIONS = {**inspect.signature(_shared_options).parameters, **PAGE_OPTIONS}


def figure_command(kind: str) -> Callable[[_FigureFunction], Callable[..., None]]:
    """A decorator that turns a function of a kind's own options into a complete command.

    The function returns studies or runs, and the options of the kind. The command has the shared
    options too, except those that the function has itself: if its options are those of a setting,
    `--data` and `--width` are the data set and the width of the model.
    """

    def decorate(function: _FigureFunction) -> Callable[..., None]:
        own = inspect.signature(function).parameters.values()
        own_names = {parameter.name for parameter in own}
        shared = {name: p for name, p in SHARED_OPTIONS.items() if name not in own_names}

        def command(**values: Any) -> None:
            shared_values = {name: values.pop(name) for name in shared}
            words, options = function(**values)
            defaults = {parameter.name: parameter.default for parameter in own}
            options = {k: v for k, v in options.items() if v != defaults.get(k)}
            page = chosen_page_options(shared_values)
            call = FigureCall(
                FigureRequest(kind, tuple(words), options, page),
                output=tuple(shared_values["output"] or ()),
                data=shared_values.get("data", False),
                caption=shared_values["caption"],
                force=shared_values["force"],
                show=shared_values["show"],
                db=shared_values["db"],
            )
            collected = _collected.get()
            if collected is None:
                draw_figure(call)
            else:
                collected.append(call)

        parameters = [*own, *shared.values()]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        return command

    return decorate


def draw_figure(call: FigureCall) -> None:
    """Draws a figure into files, a window, or the terminal.

    Raises:
        OutputError: a file exists and nnlab did not create it, or it cannot be written.
        UnknownName: an unknown study, run, metric, field, venue, style or palette.
        UsageError: no data to draw, an unknown file format, or `--data` without a file.
    """
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.save import is_animation

    request, output = call.request, call.output
    check_figure_paths(
        output,
        force=call.force,
        animated=can_be_animated(request.kind),
        interactive=can_be_interactive(request.kind),
    )
    if any(map(is_animation, output)):
        implied = KINDS[request.kind].animation_options
        request = replace(request, options={**request.options, **implied})
    if call.data and not output:
        raise UsageError(
            "--data writes the numbers beside a file", hint=f"add -o {request.kind}.pdf"
        )
    if call.caption:
        if not output:
            raise UsageError(
                "--caption writes a file beside a figure", hint=f"add -o {request.kind}.pdf"
            )
        check_caption_file(output, force=call.force)
    with use_page(request.page):
        with open_db(call.db) if request.needs_database else nullcontext() as database:
            figure = collect_figure(database, request, caption=call.caption)
        if call.only_changed and is_current(figure, output, data=call.data):
            say(f"{output[0]}: unchanged", style="dim")
            return
        if call.data:
            check_data_file(figure, output, force=call.force)
        drawn = draw_on_page(request.kind, figure.prepared)
        if not output and not call.show:
            _print_figure(request.kind, figure.prepared, drawn)
            return
        for file in save_figure_files(drawn, figure, output, data=call.data):
            say(f"{file.path}: {file.description}")
        if call.show:
            _open_in_viewer(drawn)
    for line in figure.prepared.notes:
        note(line)


def _print_figure(kind: str, prepared: PreparedFigure, drawn: "Figure") -> None:
    """Prints curves as text; of a figure without curves its numbers."""
    if prepared.panels:
        for panel in prepared.panels:
            _print_panel(panel, panel.draw())
    else:
        _print_panel(prepared, drawn)
    say(prepared.summary, style="dim")
    for line in prepared.notes:
        note(line)
    say(f"next: add -o {kind}.pdf", style="dim")


def _print_panel(prepared: PreparedFigure, drawn: "Figure") -> None:
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.terminal_text import as_text

    width = min(max(shutil.get_terminal_size().columns, _MIN_WIDTH), _MAX_WIDTH)
    colored = console().is_terminal and not console().no_color
    text = as_text(drawn, width, colored=colored)
    if text:
        typer.echo(text)
        return
    names = prepared.table.columns
    columns = [TableColumn(name, name, _format_number) for name in names]
    rows = [dict(zip(names, row, strict=True)) for row in prepared.table.rows]
    render(rows[:_MAX_ROWS], columns, Format.TABLE)
    if len(rows) > _MAX_ROWS:
        note(f"{len(rows) - _MAX_ROWS:,} more rows; --data writes all of them")


def _format_number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _open_in_viewer(figure: "Figure") -> None:
    """Opens a PNG file of the figure with the viewer of the desktop.

    Raises:
        UsageError: there is no desktop, or it has no viewer for the file.
    """
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.save import render_figure

    folder = Path(tempfile.mkdtemp(prefix="nnlab-"))
    path = folder / "figure.png"
    write_atomic(path, render_figure(figure, "png", {}), durable=False)
    if typer.launch(str(path)) != 0:
        raise UsageError(
            f"cannot open a window; the figure is in {path}",
            hint="-o FILE writes it to a file of your choice",
        )

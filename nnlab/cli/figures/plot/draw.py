"""What every `nnlab plot` command does: gathers, draws on a paper, writes files or the screen."""

import inspect
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli.open_database import open_db
from nnlab.cli.options import DbOption, ForceOption
from nnlab.cli.output.render import TableColumn, console, note, render, say
from nnlab.errors import UsageError
from nnlab.io.file_origin import check_data_replaceable, read_figure_provenance
from nnlab.io.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.figures.prepared_figure import PreparedFigure
    from nnlab.figures.provenance import FigureRequest

_PAGE_PANEL = "Page"
_MAX_ROWS = 40  # of numbers, on the screen
_MIN_WIDTH, _MAX_WIDTH = 40, 110  # letters

_FigureFunction = Callable[..., tuple[Sequence[str], dict[str, Any]]]


def _shared_options(
    *,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help=".pdf, .svg, .png, .eps, .pgf or .tikz; repeat for more \\[default: the terminal]",
        ),
    ] = None,
    data: Annotated[
        bool, typer.Option("--data", help="also write the numbers drawn, as CSV beside FILE")
    ] = False,
    force: ForceOption = False,
    show: Annotated[bool, typer.Option("--show", help="open it in a window")] = False,
    venue: Annotated[
        str | None,
        typer.Option(
            "--venue",
            metavar="NAME",
            rich_help_panel=_PAGE_PANEL,
            help="width and type of neurips, icml, iclr, aaai, cvpr, acl, jmlr, tmlr, ieee,"
            " nature, beamer or poster",
        ),
    ] = None,
    columns: Annotated[
        int | None,
        typer.Option(
            "--columns",
            metavar="1|2",
            min=1,
            max=2,
            rich_help_panel=_PAGE_PANEL,
            help="of that page",
        ),
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(
            "--width",
            metavar="INCHES",
            rich_help_panel=_PAGE_PANEL,
            help="\\[default: the venue's, 5.5]",
        ),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style", metavar="NAME", rich_help_panel=_PAGE_PANEL, help="open, boxed, bare or dark"
        ),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option(
            "--palette",
            metavar="NAME",
            rich_help_panel=_PAGE_PANEL,
            help="okabe-ito, bright, muted or grey",
        ),
    ] = None,
    legend: Annotated[
        str | None,
        typer.Option(
            "--legend",
            metavar="WHERE",
            rich_help_panel=_PAGE_PANEL,
            help="outside, direct (at the lines' ends), best (in the panel) or none",
        ),
    ] = None,
    db: DbOption = None,
) -> None:
    """The options of every figure."""


_SHARED_OPTIONS = inspect.signature(_shared_options).parameters
_PAGE_OPTIONS = ("venue", "columns", "width", "style", "palette", "legend")


def figure_command(kind: str) -> Callable[[_FigureFunction], Callable[..., None]]:
    """Makes a command of what reads a kind's own options: studies or runs, and the options.

    Where a kind's options are those of a setting, `--data` and `--width` mean the data set and
    the model's width; the page then is a venue's.
    """

    def made(command: _FigureFunction) -> Callable[..., None]:
        own = inspect.signature(command).parameters.values()
        taken = {parameter.name for parameter in own}
        added = {name: one for name, one in _SHARED_OPTIONS.items() if name not in taken}

        def run(**given: Any) -> None:
            shared = {name: given.pop(name) for name in added}
            words, options = command(**given)
            defaults = {one.name: one.default for one in own}
            options = {k: v for k, v in options.items() if v != defaults.get(k)}
            page = {name: shared[name] for name in _PAGE_OPTIONS if shared.get(name) is not None}
            draw_figure(
                kind,
                words,
                options,
                page,
                output=shared["output"],
                data=shared.get("data", False),
                force=shared["force"],
                show=shared["show"],
                db=shared["db"],
            )

        parameters = [*own, *added.values()]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return made


def draw_figure(
    kind: str,
    words: Sequence[str],
    options: dict[str, Any],
    page: dict[str, Any],
    *,
    output: Sequence[Path] | None,
    data: bool,
    force: bool,
    show: bool,
    db: str | None,
) -> None:
    """Draws a figure to files, a window, or the terminal.

    Args:
        kind: of figure.
        words: studies or runs.
        options: of the kind.
        page: options of the page.
        output: files to write; the terminal where there are none.
        data: also write the numbers, as CSV beside the first file.
        force: replace files that nnlab did not make.
        show: open the figure in a window.
        db: where the database is.

    Raises:
        OutputError: a file exists and nnlab did not make it, or it cannot be written.
        UnknownName: no such study, run, metric, field, venue, style or palette.
        UsageError: nothing to draw, a file of no format, or `--data` without a file.
    """
    from nnlab.cli.output.figure_files import check_figure_paths
    from nnlab.figures import prepare_figure
    from nnlab.figures.draw.paper import use_paper
    from nnlab.figures.provenance import FigureRequest, build_provenance, paper_from_options

    paths = list(output or ())
    check_figure_paths(paths, force=force)
    if data and not paths:
        raise UsageError("--data writes the numbers beside a file", hint=f"add -o {kind}.pdf")
    paper = paper_from_options(page)
    asked = FigureRequest(kind, tuple(words), options, page)
    with open_db(db) if asked.needs_database else nullcontext() as database:
        picture = prepare_figure(database, kind, asked.words, options)  # type: ignore[arg-type]
        told = build_provenance(database, asked, picture)
    if data:
        check_data_replaceable(
            data_file_of(paths[0]),
            [picture.table.sha256, *_stored_data_hashes(paths)],
            force=force,
        )
    with use_paper(paper):
        if not paths and not show:
            _print_figure(asked, picture)
            return
        figure = picture.draw()
        _write_files(figure, picture, paths, told, data=data)
        if show:
            _open_in_viewer(figure)
    for line in picture.notes:
        note(line)


def data_file_of(figure: Path) -> Path:
    """Where `--data` writes the numbers of a figure."""
    return figure.with_suffix(".csv")


def _stored_data_hashes(paths: Sequence[Path]) -> list[object]:
    """The SHA-256 of the numbers in the figures that are to be replaced."""
    hashes = []
    for path in paths:
        with suppress(OSError):
            hashes.append((read_figure_provenance(path) or {}).get("data"))
    return hashes


def _write_files(
    figure: "Figure", picture: "PreparedFigure", paths: Sequence[Path], told: Any, *, data: bool
) -> None:
    from nnlab.figures.draw.save import save_figure

    for path in paths:
        save_figure(figure, path, told)
        say(f"{path}: {picture.summary}")
    if data:
        beside = data_file_of(paths[0])
        write_atomic(beside, picture.table.csv().encode())
        say(f"{beside}: {len(picture.table.rows):,} rows")


def _print_figure(asked: "FigureRequest", picture: "PreparedFigure") -> None:
    """The curves in letters; of a figure without curves its numbers."""
    from nnlab.cli.options import Format
    from nnlab.figures.draw.terminal_text import as_text

    width = min(max(shutil.get_terminal_size().columns, _MIN_WIDTH), _MAX_WIDTH)
    text = as_text(picture.draw(), width, colored=console().is_terminal and not console().no_color)
    if text:
        typer.echo(text)
    else:
        names = picture.table.columns
        columns = [TableColumn(name, name, _format_number) for name in names]
        rows = [dict(zip(names, row, strict=True)) for row in picture.table.rows]
        render(rows[:_MAX_ROWS], columns, Format.TABLE)
        if len(rows) > _MAX_ROWS:
            note(f"{len(rows) - _MAX_ROWS:,} more rows; --data writes all of them")
    say(picture.summary, style="dim")
    for line in picture.notes:
        note(line)
    say(f"next: add -o {asked.kind}.pdf", style="dim")


def _format_number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _open_in_viewer(figure: "Figure") -> None:
    """Opens a picture of it with the desktop's own program.

    Raises:
        UsageError: there is no desktop, or none of its programs opens it.
    """
    from nnlab.figures.draw.save import render_figure

    folder = Path(tempfile.mkdtemp(prefix="nnlab-"))
    path = folder / "figure.png"
    path.write_bytes(render_figure(figure, "png", {}))
    if typer.launch(str(path)) != 0:
        raise UsageError(
            f"no window can be opened here; the picture is {path}",
            hint="-o FILE writes it where you want it",
        )

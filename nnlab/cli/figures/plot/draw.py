"""What every `nnlab plot` command does: gathers, draws on a paper, writes files or the screen."""

import inspect
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnlab.cli.database_option import opened
from nnlab.cli.options import Db, Force
from nnlab.cli.output.render import Column, console, note, render, say
from nnlab.errors import UsageError
from nnlab.io.file_origin import check_data_replaceable, figure_provenance
from nnlab.io.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.figures.figure import Picture
    from nnlab.figures.provenance import Asked

_PAGE = "Page"
_MOST_ROWS = 40  # of numbers, on the screen
_NARROWEST, _WIDEST = 40, 110  # letters

_Shared = Callable[..., tuple[Sequence[str], dict[str, Any]]]


def _page(
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
    force: Force = False,
    show: Annotated[bool, typer.Option("--show", help="open it in a window")] = False,
    venue: Annotated[
        str | None,
        typer.Option(
            "--venue",
            metavar="NAME",
            rich_help_panel=_PAGE,
            help="width and type of neurips, icml, iclr, aaai, cvpr, acl, jmlr, tmlr, ieee,"
            " nature, beamer or poster",
        ),
    ] = None,
    columns: Annotated[
        int | None,
        typer.Option(
            "--columns", metavar="1|2", min=1, max=2, rich_help_panel=_PAGE, help="of that page"
        ),
    ] = None,
    width: Annotated[
        float | None,
        typer.Option(
            "--width", metavar="INCHES", rich_help_panel=_PAGE, help="\\[default: the venue's, 5.5]"
        ),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style", metavar="NAME", rich_help_panel=_PAGE, help="open, boxed, bare or dark"
        ),
    ] = None,
    palette: Annotated[
        str | None,
        typer.Option(
            "--palette",
            metavar="NAME",
            rich_help_panel=_PAGE,
            help="okabe-ito, bright, muted or grey",
        ),
    ] = None,
    legend: Annotated[
        str | None,
        typer.Option(
            "--legend",
            metavar="WHERE",
            rich_help_panel=_PAGE,
            help="outside, direct (at the lines' ends), best (in the panel) or none",
        ),
    ] = None,
    db: Db = None,
) -> None:
    """The options of every figure."""


_SHARED = inspect.signature(_page).parameters
_OF_PAGE = ("venue", "columns", "width", "style", "palette", "legend")


def draws(kind: str) -> Callable[[_Shared], Callable[..., None]]:
    """Makes a command of what reads a kind's own options: studies or runs, and the options.

    Where a kind's options are those of a setting, `--data` and `--width` mean the data set and
    the model's width; the page then is a venue's.
    """

    def made(command: _Shared) -> Callable[..., None]:
        own = inspect.signature(command).parameters.values()
        taken = {parameter.name for parameter in own}
        added = {name: one for name, one in _SHARED.items() if name not in taken}

        def run(**given: Any) -> None:
            shared = {name: given.pop(name) for name in added}
            words, options = command(**given)
            defaults = {one.name: one.default for one in own}
            options = {k: v for k, v in options.items() if v != defaults.get(k)}
            page = {name: shared[name] for name in _OF_PAGE if shared.get(name) is not None}
            draw(
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


def draw(
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
    from nnlab.cli.figures.figure_files import check_outputs
    from nnlab.figures import gathered
    from nnlab.figures.draw.paper import on
    from nnlab.figures.provenance import Asked, paper_for, provenance

    paths = list(output or ())
    check_outputs(paths, force=force)
    if data and not paths:
        raise UsageError("--data writes the numbers beside a file", hint=f"add -o {kind}.pdf")
    paper = paper_for(page)
    asked = Asked(kind, tuple(words), options, page)
    with opened(db) if asked.needs_database else nullcontext() as database:
        picture = gathered(database, kind, asked.words, options)  # type: ignore[arg-type]
        told = provenance(database, asked, picture)
    if data:
        check_data_replaceable(
            data_file(paths[0]), [picture.numbers.sha256, *_data_hashes(paths)], force=force
        )
    with on(paper):
        if not paths and not show:
            _to_terminal(asked, picture)
            return
        figure = picture.draw()
        _write(figure, picture, paths, told, data=data)
        if show:
            _open(figure)
    for line in picture.notes:
        note(line)


def data_file(figure: Path) -> Path:
    """Where `--data` writes the numbers of a figure."""
    return figure.with_suffix(".csv")


def _data_hashes(paths: Sequence[Path]) -> list[object]:
    """The SHA-256 of the numbers in the figures that are to be replaced."""
    hashes = []
    for path in paths:
        with suppress(OSError):
            hashes.append((figure_provenance(path) or {}).get("data"))
    return hashes


def _write(
    figure: "Figure", picture: "Picture", paths: Sequence[Path], told: Any, *, data: bool
) -> None:
    from nnlab.figures.draw.save import save

    for path in paths:
        save(figure, path, told)
        say(f"{path}: {picture.told}")
    if data:
        beside = data_file(paths[0])
        write_whole(beside, picture.numbers.csv().encode())
        say(f"{beside}: {len(picture.numbers.rows):,} rows")


def _to_terminal(asked: "Asked", picture: "Picture") -> None:
    """The curves in letters; of a figure without curves its numbers."""
    from nnlab.cli.options import Format
    from nnlab.figures.draw.text import as_text

    width = min(max(shutil.get_terminal_size().columns, _NARROWEST), _WIDEST)
    text = as_text(picture.draw(), width, colored=console().is_terminal and not console().no_color)
    if text:
        typer.echo(text)
    else:
        names = picture.numbers.columns
        columns = [Column(name, name, _short) for name in names]
        rows = [dict(zip(names, row, strict=True)) for row in picture.numbers.rows]
        render(rows[:_MOST_ROWS], columns, Format.TABLE)
        if len(rows) > _MOST_ROWS:
            note(f"{len(rows) - _MOST_ROWS:,} more rows; --data writes all of them")
    say(picture.told, style="dim")
    for line in picture.notes:
        note(line)
    say(f"next: add -o {asked.kind}.pdf", style="dim")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _open(figure: "Figure") -> None:
    """Opens a picture of it with the desktop's own program.

    Raises:
        UsageError: there is no desktop, or none of its programs opens it.
    """
    from nnlab.figures.draw.save import rendered

    folder = Path(tempfile.mkdtemp(prefix="nnlab-"))
    path = folder / "figure.png"
    path.write_bytes(rendered(figure, "png", {}))
    if typer.launch(str(path)) != 0:
        raise UsageError(
            f"no window can be opened here; the picture is {path}",
            hint="-o FILE writes it where you want it",
        )

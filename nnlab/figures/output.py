"""Drawing of requested figures into files, used by `nnlab plot` and `nnlab figures --refresh`."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.engine import user_code
from nnlab.figures import prepare_figure
from nnlab.figures.kind_table import can_be_animated
from nnlab.figures.page import draw_on_page, use_page
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.figures.provenance import FigureRequest, build_provenance
from nnlab.io.file_origin import (
    Provenance,
    check_data_replaceable,
    check_replaceable,
    has_known_hash,
    read_figure_provenance,
)
from nnlab.io.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class RequestedFigure:
    """A figure that was requested, its collected data, and the provenance for its files."""

    request: FigureRequest
    prepared: PreparedFigure
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written, and a description of its content."""

    path: Path
    description: str


def collect_figure(db: store.Database | None, request: FigureRequest) -> RequestedFigure:
    """Collects the data of a figure.

    Args:
        db: the database; None only if the request does not need it.
        request: kind, runs or studies, and options.

    Raises:
        UnknownName: an unknown study, run, metric or field.
        UsageError: no data to draw, or invalid options.
    """
    prepared = prepare_figure(db, request.kind, request.words, request.options)  # type: ignore[arg-type]
    return RequestedFigure(request, prepared, build_provenance(db, request, prepared))


def check_data_file(figure: RequestedFigure, paths: Sequence[Path], *, force: bool) -> None:
    """Refuses to replace a CSV file that nnlab did not write beside the figure.

    Args:
        figure: the figure whose numbers are to be written.
        paths: files of the figure; the CSV file lies beside the first.
        force: replace any file.

    Raises:
        OutputError: the CSV file exists and contains neither the new numbers nor those of the
            figures that are replaced.
    """
    hashes: list[object] = [figure.prepared.table.sha256]
    for path in paths:
        with suppress(OSError):
            hashes.append((read_figure_provenance(path) or {}).get("data"))
    check_data_replaceable(data_file_of(paths[0]), hashes, force=force)


def save_figure_files(
    drawn: "Figure", figure: RequestedFigure, paths: Sequence[Path], *, data: bool
) -> list[WrittenFile]:
    """Writes a drawn figure into files, and with `data` its numbers as CSV beside the first.

    Raises:
        OutputError: a file cannot be written.
    """
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.save import is_animation, save_animation, save_figure

    written = []
    for path in paths:
        if is_animation(path) and figure.prepared.frames is not None:
            save_animation(figure.prepared.frames(), path, figure.provenance)
        else:
            save_figure(drawn, path, figure.provenance)
        written.append(WrittenFile(path, figure.prepared.summary))
    if data:
        data_file = data_file_of(paths[0])
        write_atomic(data_file, figure.prepared.table.csv().encode())
        written.append(WrittenFile(data_file, f"{len(figure.prepared.table.rows):,} rows"))
    return written


def redraw_figure(
    db: store.Database, path: Path, request: FigureRequest
) -> tuple[RequestedFigure, list[WrittenFile]]:
    """Draws a figure again into its file, without executing code that the file names.

    The CSV file beside it is written again only if it contains the numbers of the old figure; any
    other file of that name belongs to the user.

    Raises:
        NnlabError: the figure cannot be drawn or written.
    """
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.save import check_format

    old_hash = (read_figure_provenance(path) or {}).get("data")
    has_data_file = has_known_hash(data_file_of(path), [old_hash])
    with (
        user_code.forbid_execution("it is not known whether the code may be trusted"),
        use_page(request.page),
    ):
        check_format(path, animated=can_be_animated(request.kind))
        check_replaceable([path], force=False)
        figure = collect_figure(db if request.needs_database else None, request)
        if has_data_file:
            check_data_file(figure, [path], force=False)
        drawn = draw_on_page(request.kind, figure.prepared)
        written = save_figure_files(drawn, figure, [path], data=has_data_file)
    return figure, written


def data_file_of(figure: Path) -> Path:
    """The path of the CSV file of a figure's numbers."""
    return figure.with_suffix(".csv")

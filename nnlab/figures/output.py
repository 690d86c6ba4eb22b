"""Drawing of requested figures into files, used by `nnlab plot` and `nnlab figures --refresh`."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.engine import user_code
from nnlab.figures import prepare_figure
from nnlab.figures.caption import CaptionFacts, caption_facts, caption_tex
from nnlab.figures.kind_table import can_be_animated, can_be_interactive
from nnlab.figures.page import draw_on_page, use_page
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.figures.provenance import FigureRequest, build_provenance
from nnlab.figures.significance_brackets import with_chosen_brackets
from nnlab.io.file_origin import (
    Provenance,
    check_data_replaceable,
    check_replaceable,
    has_known_hash,
    is_unedited_text,
    marked_text,
    not_replaceable_error,
    read_figure_provenance,
)
from nnlab.io.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class RequestedFigure:
    """A figure that was requested, its collected data, and the provenance for its files.

    `facts` are those for its caption; without them no caption is written.
    """

    request: FigureRequest
    prepared: PreparedFigure
    provenance: Provenance
    facts: tuple[CaptionFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written, and a description of its content."""

    path: Path
    description: str


def collect_figure(
    db: store.Database | None, request: FigureRequest, *, caption: bool = False
) -> RequestedFigure:
    """Collects the data of a figure.

    Args:
        db: the database; None only if the request does not need it.
        request: kind, runs or studies, and options.
        caption: also collect what its caption says.

    Raises:
        UnknownName: an unknown study, run, metric or field.
        UsageError: no data to draw, or invalid options.
    """
    prepared = prepare_figure(db, request.kind, request.words, request.options)  # type: ignore[arg-type]
    prepared = with_chosen_brackets(db, request, prepared)
    facts = caption_facts(db, request, prepared) if caption else ()
    return RequestedFigure(request, prepared, build_provenance(db, request, prepared), facts)


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
    hashes = [figure.prepared.table.sha256, *_stored(paths, "data")]
    check_data_replaceable(data_file_of(paths[0]), hashes, force=force)


def is_current(figure: RequestedFigure, paths: Sequence[Path], *, data: bool) -> bool:
    """Whether files exist that contain exactly this figure, and beside them its other files."""
    others = [data_file_of(paths[0])] if data else []
    others += [caption_file_of(paths[0])] if figure.facts else []
    if not all(path.exists() for path in (*paths, *others)):
        return False
    # As it is read from a file: JSON has no tuples.
    provenance = json.loads(json.dumps(dict(figure.provenance)))
    with suppress(OSError):
        return all(read_figure_provenance(path) == provenance for path in paths)
    return False


def check_caption_file(paths: Sequence[Path], *, force: bool) -> None:
    """Refuses to replace a caption file that an author has edited.

    Args:
        paths: files of the figure; the caption lies beside the first.
        force: replace any file.

    Raises:
        OutputError: the caption file exists, and is not the one that nnlab wrote.
    """
    path = caption_file_of(paths[0])
    if not force and (path.exists() or path.is_symlink()) and not is_unedited_text(path):
        raise not_replaceable_error(path)


def _stored(paths: Sequence[Path], key: str) -> list[object]:
    """The values of a key in the provenance of the existing files."""
    values: list[object] = []
    for path in paths:
        with suppress(OSError):
            values.append((read_figure_provenance(path) or {}).get(key))
    return values


def save_figure_files(
    drawn: "Figure", figure: RequestedFigure, paths: Sequence[Path], *, data: bool
) -> list[WrittenFile]:
    """Writes a drawn figure into files, and beside the first one its numbers and its caption.

    The numbers are written as CSV with `data`, the caption as LaTeX if its facts were collected.

    Raises:
        OutputError: a file cannot be written.
    """
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.save import is_animation, is_page, save_animation, save_figure

    written = []
    for path in paths:
        if is_animation(path) and figure.prepared.frames is not None:
            save_animation(figure.prepared.frames(), path, figure.provenance)
        elif is_page(path) and figure.prepared.page is not None:
            write_atomic(path, figure.prepared.page(figure.provenance).encode())
        else:
            save_figure(drawn, path, figure.provenance)
        written.append(WrittenFile(path, figure.prepared.summary))
    if data:
        data_file = data_file_of(paths[0])
        write_atomic(data_file, figure.prepared.table.csv().encode())
        written.append(WrittenFile(data_file, f"{len(figure.prepared.table.rows):,} rows"))
    if figure.facts:
        caption_file = caption_file_of(paths[0])
        write_atomic(caption_file, marked_text(caption_tex(figure.facts, drawn)).encode())
        written.append(WrittenFile(caption_file, "caption"))
    return written


def redraw_figure(
    db: store.Database, path: Path, request: FigureRequest
) -> tuple[RequestedFigure, list[WrittenFile]]:
    """Draws a figure again into its file, without executing code that the file names.

    The CSV file and the caption beside it are written again only if they are those of the old
    figure; any other file of that name belongs to the user.

    Raises:
        NnlabError: the figure cannot be drawn or written.
    """
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.save import check_format

    has_data_file = has_known_hash(data_file_of(path), _stored([path], "data"))
    has_caption = is_unedited_text(caption_file_of(path))
    with (
        user_code.forbid_execution("it is not known whether the code may be trusted"),
        use_page(request.page),
    ):
        check_format(
            path,
            animated=can_be_animated(request.kind),
            interactive=can_be_interactive(request.kind),
        )
        check_replaceable([path], force=False)
        figure = collect_figure(
            db if request.needs_database else None, request, caption=has_caption
        )
        if has_data_file:
            check_data_file(figure, [path], force=False)
        drawn = draw_on_page(request.kind, figure.prepared)
        written = save_figure_files(drawn, figure, [path], data=has_data_file)
    return figure, written


def data_file_of(figure: Path) -> Path:
    """The path of the CSV file of a figure's numbers."""
    return figure.with_suffix(".csv")


def caption_file_of(figure: Path) -> Path:
    """The path of the LaTeX file with the caption of a figure."""
    return figure.with_suffix(".caption.tex")

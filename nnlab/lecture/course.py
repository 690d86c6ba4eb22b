"""Writes the course into a folder: an index, a page for each line, and their figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlab import store
from nnlab.errors import DiskFull, NnlabError, OutputError
from nnlab.figures.provenance import FigureRequest
from nnlab.io.file_origin import check_replaceable
from nnlab.io.files import to_nnlab_error, write_atomic
from nnlab.lecture.figures import (
    FIGURES_FOLDER,
    CourseFigure,
    figure_paths,
    write_claim_figures,
    write_plot,
)
from nnlab.lecture.line import LectureLine
from nnlab.lecture.page import CoursePage, index_as_html, page_as_html
from nnlab.lecture.results import LineResult, line_result

INDEX_NAME = "index.html"


@dataclass(frozen=True, slots=True)
class WrittenCourse:
    """What was written: the index, the number of pages, and the size of all files in bytes."""

    index: Path
    pages: int
    size: int


def check_course_folder(lines: Sequence[LectureLine], folder: Path, *, force: bool) -> None:
    """Creates the folder of a course; checks that only files of nnlab would be replaced in it.

    Raises:
        OutputError: the folder cannot be created, or a file exists that nnlab did not create.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"'{folder}' is a file, not a folder", hint="choose another folder")
    try:
        (folder / FIGURES_FOLDER).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise to_nnlab_error(error, folder) from error
    pages = [folder / INDEX_NAME, *(folder / f"{line.stem}.html" for line in lines)]
    figures = [path for line in lines for path in figure_paths(line, folder)]
    check_replaceable([*pages, *figures], force=force)


def write_course(
    db: store.Database | None,
    lines: Sequence[LectureLine],
    folder: Path,
    plots: Mapping[str, FigureRequest],
    *,
    on_page: Callable[[LectureLine], object],
    on_note: Callable[[str], object],
) -> WrittenCourse:
    """Writes the pages of lines and their figures; `check_course_folder` goes first.

    Args:
        db: the database with the user's results; None to show reference results only.
        lines: the lines, in the order of the pages.
        folder: an existing folder.
        plots: the requests of the additional figures, by the slug of their line.
        on_page: called when a page is written.
        on_note: called with the reason why an additional figure is missing.

    Raises:
        NnlabError: a figure cannot be drawn, or a file cannot be written.
    """
    pages: list[CoursePage] = []
    for position, line in enumerate(lines):
        result = line_result(db, line)
        page = CoursePage(
            line,
            result,
            _figures(db, line, result, folder, plots.get(line.slug), on_note),
            previous=lines[position - 1] if position else None,
            next=lines[position + 1] if position + 1 < len(lines) else None,
        )
        write_atomic(folder / f"{line.stem}.html", page_as_html(page).encode())
        pages.append(page)
        on_page(line)
    index = folder / INDEX_NAME
    write_atomic(index, index_as_html(pages).encode())
    files = [index, *(folder / f"{line.stem}.html" for line in lines)]
    files += [folder / name for page in pages for figure in page.figures for name in figure.files]
    return WrittenCourse(index, len(pages), sum(path.stat().st_size for path in files))


def _figures(
    db: store.Database | None,
    line: LectureLine,
    result: LineResult | None,
    folder: Path,
    plot: FigureRequest | None,
    on_note: Callable[[str], object],
) -> tuple[CourseFigure, ...]:
    figures = () if result is None else write_claim_figures(db, line, result, folder)
    if plot is None:
        return figures
    try:
        return (*figures, write_plot(db, line, plot, folder))
    except (OutputError, DiskFull):
        raise
    except NnlabError as error:
        # A plot of a study that was not trained has nothing to show; the page is useful without it.
        on_note(f"line {line.number} has no additional figure: {error.message}")
        return figures

"""Writes the course, for `nnlab lecture --all`: trains what is missing, then writes the pages."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nnlab.cli.figures.plot.command  # noqa: F401  registers the commands of figures
from nnlab.cli.figures.plot.figure_words import parse_figure_command
from nnlab.cli.lecture.listing import open_if_exists
from nnlab.cli.lecture.training import train_studies
from nnlab.cli.output.render import format_bytes, note, say
from nnlab.figures.provenance import FigureRequest
from nnlab.io.text import format_count
from nnlab.lecture.course import check_course_folder, write_course
from nnlab.lecture.line import LectureLine
from nnlab.lecture.read_lines import check_formulas, split_commands
from nnlab.stats import format_duration


@dataclass(frozen=True, slots=True)
class CourseOptions:
    """How a course is built.

    Attributes:
        train: whether missing studies are trained.
        devices: the devices to train on; None for all cores.
        force: whether files that nnlab did not create are replaced.
        db: path or URL of the database; None for the default.
    """

    train: bool
    devices: str | None
    force: bool
    db: str | None


def build_course(lines: Sequence[LectureLine], folder: Path, options: CourseOptions) -> None:
    """Trains the studies of lines that are not trained yet, and writes their pages.

    Raises:
        Interrupted: the user stopped the training.
        NnlabError: a file cannot be written, or the database cannot be used.
    """
    check_formulas(lines)
    check_course_folder(lines, folder, force=options.force)
    plots = _plot_requests(lines)
    start = time.perf_counter()
    if options.train:
        studies = list(dict.fromkeys(line.study for line in lines if line.study))
        train_studies(studies, options.db, options.devices)
    trained = time.perf_counter()
    with open_if_exists(options.db) as database:
        written = write_course(
            database,
            lines,
            folder,
            plots,
            on_page=lambda line: say(f"{folder / line.stem}.html", style="dim"),
            on_note=note,
        )
    parts = [format_count(written.pages, "page"), format_bytes(written.size)]
    if options.train:
        parts.append(f"training {format_duration(trained - start)}")
    parts.append(f"writing {format_duration(time.perf_counter() - trained)}")
    say(f"{written.index}: {', '.join(parts)}")


def _plot_requests(lines: Sequence[LectureLine]) -> Mapping[str, FigureRequest]:
    """The requests of the additional figures, by the slug of their line.

    Raises:
        UsageError: the command of a figure is not valid.
    """
    return {
        line.slug: parse_figure_command(split_commands(line.plot)[0]).request
        for line in lines
        if line.plot is not None
    }

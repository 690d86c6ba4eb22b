"""The figures of the course: those of a claim, and the additional plot of a line, in two themes."""

from dataclasses import dataclass, replace
from pathlib import Path

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.kind_table import can_be_interactive
from nnlab.figures.output import collect_figure, save_figure_files
from nnlab.figures.page import draw_on_page, use_page
from nnlab.figures.provenance import FigureRequest, plot_command
from nnlab.lecture.line import LectureLine
from nnlab.lecture.results import LineResult, ResultRow
from nnlab.version import nnlab_version

FIGURES_FOLDER = "figures"
# Inches. Readable on a phone, where a wider figure would have letters of six pixels.
_WIDTH = 3.6
_STYLES = {"light": "open", "dark": "dark"}


@dataclass(frozen=True, slots=True)
class CourseFigure:
    """A figure of a page as two files, relative to the page, and its text alternative.

    `interactive` is an HTML page with the same figure and a slider; None if the kind has none.
    """

    light: str
    dark: str
    alt: str
    caption: str
    interactive: str | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """Its files, relative to the page."""
        return (self.light, self.dark, *((self.interactive,) if self.interactive else ()))


def figure_paths(line: LectureLine, folder: Path) -> tuple[Path, ...]:
    """Every file that the figures of a line may be written to."""
    parts = [*(("verdict", "curves") if line.study else ()), *(("plot",) if line.plot else ())]
    images = [f"{line.stem}-{theme}-{part}.svg" for part in parts for theme in _STYLES]
    names = [*images, *([f"{line.stem}-plot.html"] if line.plot else [])]
    return tuple(folder / FIGURES_FOLDER / name for name in names)


def write_claim_figures(
    db: store.Database | None, line: LectureLine, result: LineResult, folder: Path
) -> tuple[CourseFigure, ...]:
    """Writes the figures of a line's result: the intervals, and the curves of the user's own runs.

    Raises:
        OutputError: a file cannot be written.
    """
    for theme, style in _STYLES.items():
        stem = folder / FIGURES_FOLDER / f"{line.stem}-{theme}"
        with use_page({"width": _WIDTH, "style": style}):
            if db is not None and result.own is not None:
                _save_own_figures(db, result, stem)
            elif not _save_reference_figure(line, result, stem):
                return ()
    intervals = _figure(line, "verdict", _intervals_text(result), "The mean of each comparison, "
                        "with its 95 % interval, and the claimed region.")  # fmt: skip
    if result.own is None:
        return (intervals,)
    arms = ", ".join(result.own.verdict.arms)
    curves = _figure(
        line,
        "curves",
        f"Curves over the epochs of the arms {arms}. The table of numbers has their comparisons.",
        "The mean of each arm over its seeds.",
    )
    return (intervals, curves)


def _save_own_figures(db: store.Database, result: LineResult, stem: Path) -> None:
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.kinds.claim import save_claim_figures

    if result.own is not None:
        save_claim_figures(db, result.own.study, result.own.verdict, stem, "svg", anonymous=True)


def _save_reference_figure(line: LectureLine, result: LineResult, stem: Path) -> bool:
    """Whether the intervals of a reference result could be drawn: its comparisons still exist."""
    from nnlab.figures.draw.save import save_figure
    from nnlab.figures.kinds.claim import ClaimInterval, claim_files, draw_claim_intervals

    intervals = [
        ClaimInterval(
            row.title,
            row.claimed,
            row.mean,
            row.low,
            row.high,
            row.comparison.above,
            row.comparison.below,
            row.verdict,
            log=row.comparison.scale == "ratio",
        )
        for row in result.rows
        if row.comparison is not None
    ]
    if not intervals:
        return False
    provenance = {"nnlab": nnlab_version(), "study": line.study, "reference": True}
    save_figure(draw_claim_intervals(intervals), claim_files(stem, "svg")[0], provenance)
    return True


def _intervals_text(result: LineResult) -> str:
    return " ".join(f"{row.says}: {_row_text(row)}." for row in result.rows)


def _row_text(row: ResultRow) -> str:
    return f"{row.value_text}, {row.verdict}"


def write_plot(
    db: store.Database | None, line: LectureLine, request: FigureRequest, folder: Path
) -> CourseFigure:
    """Draws the additional plot of a line.

    Raises:
        NnlabError: the figure cannot be drawn or written.
    """
    if request.needs_database and db is None:
        raise UsageError(f"{plot_command(request)} needs a database with results")
    database = db if request.needs_database else None
    summary = ""
    for theme, style in _STYLES.items():
        page = {"width": _WIDTH, "style": style, **request.page}
        path = folder / FIGURES_FOLDER / f"{line.stem}-{theme}-plot.svg"
        summary = _save_plot(database, replace(request, page=page), path)
    interactive = None
    if can_be_interactive(request.kind):
        # The page follows the theme of the reader by itself.
        interactive = f"{FIGURES_FOLDER}/{line.stem}-plot.html"
        _save_plot(database, request, folder / interactive)
    return replace(_figure(line, "plot", summary, summary), interactive=interactive)


def _save_plot(db: store.Database | None, request: FigureRequest, path: Path) -> str:
    """Draws a figure into a file; returns what it shows in a few words."""
    with use_page(request.page):
        figure = collect_figure(db, request)
        drawn = draw_on_page(request.kind, figure.prepared)
        save_figure_files(drawn, figure, [path], data=False)
    return figure.prepared.summary


def _figure(line: LectureLine, part: str, alt: str, caption: str) -> CourseFigure:
    light, dark = (f"{FIGURES_FOLDER}/{line.stem}-{theme}-{part}.svg" for theme in _STYLES)
    return CourseFigure(light, dark, alt, caption)

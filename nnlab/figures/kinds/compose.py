"""`nnlab plot compose`: several figures as lettered panels of one figure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.engine import user_code
from nnlab.errors import NnlabError, UsageError
from nnlab.figures import prepare_figure
from nnlab.figures.draw.reader_options import current_reader_options, use_reader_options
from nnlab.figures.page import add_chosen_insets, reader_options
from nnlab.figures.prepared_figure import FigureTable, PreparedFigure, figure_table
from nnlab.figures.provenance import FigureRequest
from nnlab.figures.significance_brackets import with_chosen_brackets
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_PANELS = len(ascii_lowercase)
_MIN_PANEL_WIDTH = 0.9  # inches at the base font size
_LAYOUT = re.compile(r"([1-9]\d?)x([1-9]\d?)")


def prepare_composition(
    db: store.Database,
    words: Sequence[str],
    *,
    parts: Sequence[Mapping[str, Any]],
    layout: str | None = None,
) -> PreparedFigure:
    """The figure of several panels.

    Args:
        db: the database; None only if no panel needs it.
        words: none; the panels name their own studies and runs.
        parts: `kind`, `words`, `options` and `page` of each panel; with `from_file`, its
            preparation executes no user code.
        layout: rows and columns, such as `1x3`; by default as many columns as fit.

    Raises:
        UnknownName: a panel has an unknown kind, study or run.
        UsageError: no panel, too many, or an invalid layout; or a panel has nothing to draw.
        UserCodeRefused: a panel from a file needs user code.
    """
    if words or not 1 <= len(parts) <= MAX_PANELS:
        raise UsageError(
            f"a composed figure has 1 to {MAX_PANELS} panels, got {len(parts)}",
            hint="nnlab plot compose fig1.pdf 'curves depth' -o fig.pdf",
        )
    if current_reader_options().title is not None:
        raise UsageError(
            "--title is an option of a panel", hint="'curves depth --title \"Depth\"' as the panel"
        )
    columns = None if layout is None else parse_layout(layout, len(parts))
    panels = [_prepare_part(db, part) for part in parts]
    letters = [f"({letter})" for letter in ascii_lowercase[: len(parts)]]

    def draw() -> "Figure":
        return _draw_composition(panels, columns)

    kinds = ", ".join(str(part["kind"]) for part in parts)
    notes = tuple(
        f"{letter} {note}"
        for letter, panel in zip(letters, panels, strict=True)
        for note in panel.notes
    )
    runs = tuple(dict.fromkeys(run for panel in panels for run in panel.runs))
    table = _joined_table([panel.table for panel in panels], letters)
    summary = f"{format_count(len(panels), 'panel')}: {kinds}"
    return PreparedFigure(draw, table, runs, summary, notes, tuple(panels))


def parse_layout(text: str, count: int) -> int:
    """The number of columns in a text of rows and columns, such as `1x3`.

    Raises:
        UsageError: another text, or the layout does not have a place for `count` panels, or has an
            empty row or column.
    """
    match = _LAYOUT.fullmatch(text)
    if match is None:
        raise UsageError(f"--layout '{text}' is not ROWSxCOLUMNS", hint="for example --layout 1x3")
    rows, columns = int(match[1]), int(match[2])
    if -(-count // columns) != rows or columns > count:
        raise UsageError(
            f"--layout {text} does not fit {count} panel{'s' if count > 1 else ''}",
            hint=f"for example --layout {-(-count // min(count, 2))}x{min(count, 2)}",
        )
    return columns


def _prepare_part(db: store.Database, part: Mapping[str, Any]) -> PreparedFigure:
    """What a panel shows; a panel from a figure file executes no code that the file names."""
    refusal = user_code.forbid_execution(
        "it is not known whether the code may be trusted",
        hint="write the panel as a command instead of a file, and name its run",
    )
    page = part.get("page", {})
    with refusal if part.get("from_file") else nullcontext(), _own_options(page):
        request = FigureRequest(part["kind"], tuple(part["words"]), part["options"])
        try:
            prepared = prepare_figure(db, request.kind, request.words, request.options)
        except NnlabError:
            raise
        except Exception as error:
            if not part.get("from_file"):
                raise
            # A file that was edited, or is from another version, may contain any values.
            raise UsageError(
                f"the file of a panel has invalid options of plot {request.kind}:"
                f" {type(error).__name__}",
                hint=f"write the panel as a command: '{request.kind} ...'",
            ) from error
        prepared = with_chosen_brackets(db, request, prepared)

    def draw() -> "Figure":
        # matplotlib is imported only when a figure is drawn.
        from nnlab.figures.draw.layout import freeze_layout

        with _own_options(page):
            figure = prepared.draw()
            if page:  # those of the composed figure are added to all panels together
                freeze_layout(figure)
                add_chosen_insets(str(part["kind"]), figure)
            return figure

    return replace(prepared, draw=draw)


@contextmanager
def _own_options(page: Mapping[str, Any]) -> Iterator[None]:
    """The names, order and limits of a panel; without any, those of the composed figure."""
    if not page:
        yield
        return
    uncertainty = str(current_reader_options().uncertainty)
    with use_reader_options(reader_options({"uncertainty": uncertainty, **page})):
        yield


def _draw_composition(panels: Sequence[PreparedFigure], columns: int | None) -> "Figure":
    # matplotlib is imported only when a figure is drawn.
    from nnlab.figures.draw.composition import compose_figures, panel_width
    from nnlab.figures.draw.layout import CollapsedLayout, panel_grid, refuse_collapsed_layout
    from nnlab.figures.draw.paper import current_paper, inches

    chosen = panel_grid(len(panels))[1] if columns is None else columns
    width = panel_width(chosen)
    if width < inches(_MIN_PANEL_WIDTH):
        raise UsageError(
            f"{chosen} panels side by side are {width:.2g} inches wide each on a page of"
            f" {current_paper().width:.2g} inches",
            hint="use a --layout with fewer columns, --columns 2 or a larger --width",
        )
    draws = [panel.draw for panel in panels]
    if columns is not None or chosen == 1:
        return compose_figures(draws, chosen)
    try:
        with refuse_collapsed_layout():
            return compose_figures(draws, chosen)
    except CollapsedLayout:
        return _draw_composition(panels, chosen - 1)


def _joined_table(tables: Sequence[FigureTable], letters: Sequence[str]) -> FigureTable:
    """The rows of all tables, with the letter of the panel and a column for each name."""
    columns = list(dict.fromkeys(name for table in tables for name in table.columns))
    rows = []
    for letter, table in zip(letters, tables, strict=True):
        for row in table.rows:
            cells = dict(zip(table.columns, row, strict=True))
            rows.append((letter, *(cells.get(name) for name in columns)))
    return figure_table(("panel", *columns), rows)

"""`nnlab plot critical-difference`: average ranks of methods, and which of them do not differ."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.average_ranks import BlockKind, MethodRanks, rank_methods
from nnlab.analysis.scope import resolve_scope
from nnlab.figures.draw.display_names import trial_name
from nnlab.figures.draw.labels import (
    MAX_LABEL_LENGTH,
    letters_that_fit,
    short_labels,
    text_inches,
    wrap_to_width,
)
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import current_paper, inches, points
from nnlab.figures.draw.reader_options import current_reader_options
from nnlab.figures.draw.style import style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.io.text import format_count
from nnlab.records import Scalar
from nnlab.stats.average_ranks import FriedmanMethod, RankComparison
from nnlab.stats.claims import SIGNIFICANCE_LEVEL

# Lengths in inches at the base font size.
_ROW_HEIGHT, _BAR_STEP, _LINE_HEIGHT, _MARGIN, _GAP = 0.15, 0.08, 0.14, 0.06, 0.05
# Rendered text may be wider than it was measured.
_TEXT_SLACK = 1.04
# The largest share of the width for the labels on both sides; longer ones are shortened.
_LONGEST_LABELS = 0.7
_TICK, _MIN_TICK_SPACING = 0.04, 0.2


def prepare_critical_difference(
    db: store.Database,
    words: Sequence[str],
    *,
    across: str,
    by: str | None = None,
    blocks: BlockKind = "data",
) -> PreparedFigure:
    """The critical difference diagram of the values of the field `across` (the methods).

    Methods are ranked within each data set, or with `blocks="seeds"` within each seed.

    Raises:
        UnknownName: a word is neither a study nor a run; no such metric or field.
        UsageError: too few methods, or too few blocks that every method was trained on.
    """
    result = rank_methods(
        db, resolve_scope(db, words), across.replace("-", "_"), by=by, blocks=blocks
    )
    comparison = result.comparison
    noun = "data set" if blocks == "data" else "seed"

    def draw() -> Figure:
        names = [
            trial_name({result.field: result.methods[name]}, [result.field]) or name
            for name in comparison.names
        ]
        return draw_critical_difference(replace(comparison, names=tuple(names)), noun)

    columns = (result.field, "average rank", *result.blocks)
    rows: list[tuple[Scalar, ...]] = [
        (name, rank, *result.values[name])
        for name, rank in zip(comparison.names, comparison.ranks, strict=True)
    ]
    summary = (
        f"{format_count(len(comparison.names), 'method')} over"
        f" {format_count(comparison.blocks, noun)}"
    )
    return PreparedFigure(
        draw,
        figure_table(columns, rows),
        result.runs,
        summary,
        (*_test_notes(result), *result.notes),
    )


def _test_notes(result: MethodRanks) -> list[str]:
    comparison = result.comparison
    methods, blocks = len(comparison.names), comparison.blocks
    notes = [
        f"Friedman's test: chi squared {comparison.chi2:.3g}, Iman and Davenport's"
        f" F({methods - 1}, {(methods - 1) * (blocks - 1)}) {_format_f(comparison.f)},"
        f" {_p_text(comparison)}; Nemenyi's critical difference"
        f" {comparison.critical_difference:.3g} at {SIGNIFICANCE_LEVEL:g}"
    ]
    if not comparison.is_significant:
        notes.append("Friedman's test finds no difference, so no pairs are tested")
    return notes


def _format_f(f: float) -> str:
    return "infinite" if math.isinf(f) else f"{f:.3g}"


def _p_text(comparison: RankComparison) -> str:
    method = "exact" if comparison.method is FriedmanMethod.EXACT else "permutation"
    return f"{method} p < 0.001" if comparison.p < 0.001 else f"{method} p = {comparison.p:.2g}"


def draw_critical_difference(comparison: RankComparison, noun: str = "data set") -> Figure:
    """A critical difference diagram (Demšar 2006): bars join methods that do not differ.

    Args:
        comparison: the average ranks and their test; rank 1 is best and on the left.
        noun: what the blocks are, such as `data set`.
    """
    with style_context():
        paper = current_paper()
        caption = wrap_to_width(_caption(comparison, noun), 0.88 * paper.width, paper.size, 4)
        lanes = _lanes(comparison.groups)
        top = _start() + inches(2.2 * _LINE_HEIGHT + _GAP)
        if _fits_on_axis(comparison):
            top += inches(1.6 * _LINE_HEIGHT)
        first_row = top + inches(_BAR_STEP * (max(lanes, default=-1) + 1) + _ROW_HEIGHT)
        rows = (len(comparison.names) + 1) // 2
        below = first_row + rows * inches(_ROW_HEIGHT)
        height = below + inches(_LINE_HEIGHT * (caption.count("\n") + 1) * 1.1 + _MARGIN)
        figure = new_figure(height / paper.scale)
        figure.set_layout_engine("none")
        ax = figure.add_axes((0, 0, 1, 1))
        ax.set(xlim=(0, paper.width), ylim=(height, 0))
        ax.axis("off")
        if title := current_reader_options().title:
            y = 1 - inches(_MARGIN) / height
            figure.suptitle(title, y=y, va="top", fontsize=paper.label_size)
        _draw_diagram(ax, comparison, lanes, top, first_row)
        ax.text(paper.width / 2, below, caption, ha="center", va="top")
        return figure


def _start() -> float:
    """The distance of the name of the axis from the top in inches, below the author's title."""
    title = current_reader_options().title
    return inches(_MARGIN) + (1.6 * current_paper().label_size / 72 if title else 0.0)


def _caption(comparison: RankComparison, noun: str) -> str:
    test = f"Friedman test over {format_count(comparison.blocks, noun)}: {_p_text(comparison)}"
    if not comparison.is_significant:
        return f"{test}; no significant difference"
    if comparison.groups == ((0, len(comparison.names) - 1),):
        return (
            f"{test}; no pair differs significantly (Nemenyi test, {SIGNIFICANCE_LEVEL:.0%} level)"
        )
    joined = "bars join methods that do not differ significantly"
    return f"{test}; {joined} (Nemenyi test, {SIGNIFICANCE_LEVEL:.0%} level)"


def _fits_on_axis(comparison: RankComparison) -> bool:
    return comparison.critical_difference <= len(comparison.names) - 1


def _lanes(groups: Sequence[tuple[int, int]]) -> list[int]:
    """The lane of each bar, counted from the axis; bars in one lane do not touch."""
    ends: list[int] = []
    lanes = []
    for first, last in groups:
        lane = next((i for i, end in enumerate(ends) if end < first), len(ends))
        ends[lane : lane + 1] = [last]
        lanes.append(lane)
    return lanes


def _draw_diagram(
    ax: Axes, comparison: RankComparison, lanes: Sequence[int], top: float, first_row: float
) -> None:
    paper = current_paper()
    ink, count = paper.look.ink, len(comparison.names)
    half = (count + 1) // 2
    labels = _labels(comparison, MAX_LABEL_LENGTH)
    margins = _label_space(labels[:half]), _label_space(labels[half:])
    if sum(margins) > _LONGEST_LABELS * paper.width:
        labels = _labels(comparison, letters_that_fit(0.24 * paper.width))
        margins = _label_space(labels[:half]), _label_space(labels[half:])
    left, right = margins[0] + inches(_GAP), paper.width - margins[1] - inches(_GAP)

    def position(rank: float) -> float:
        return left + (rank - 1) / (count - 1) * (right - left)

    _draw_axis(ax, position, count, top)
    if _fits_on_axis(comparison):
        _draw_difference(ax, position, comparison.critical_difference)
    for (first, last), lane in zip(comparison.groups, lanes, strict=True):
        y = top + inches(_BAR_STEP * (lane + 1))
        overhang = inches(0.03)
        ax.plot(
            [
                position(comparison.ranks[first]) - overhang,
                position(comparison.ranks[last]) + overhang,
            ],
            [y, y],
            color=ink,
            linewidth=points(2.4),
            solid_capstyle="butt",
            zorder=3,
        )
    for index, label in enumerate(labels):
        is_left = index < half
        y = first_row + inches(_ROW_HEIGHT) * (index if is_left else count - 1 - index)
        end = margins[0] if is_left else paper.width - margins[1]
        x = position(comparison.ranks[index])
        ax.plot([x, x, end], [top, y, y], color=ink, linewidth=points(0.7), zorder=2)
        gap = -inches(_GAP) if is_left else inches(_GAP)
        ax.text(end + gap, y, label, ha="right" if is_left else "left", va="center")


def _labels(comparison: RankComparison, longest: int) -> list[str]:
    """The names of the methods, each in at most `longest` characters, with their average ranks."""
    names = short_labels(comparison.names, longest)
    return [f"{name} ({rank:.2f})" for name, rank in zip(names, comparison.ranks, strict=True)]


def _label_space(labels: Sequence[str]) -> float:
    """The width of the labels on one side of the axis in inches."""
    longest = max(text_inches(label, current_paper().size) for label in labels)
    return _TEXT_SLACK * longest + inches(_MARGIN + _GAP)


def _draw_axis(ax: Axes, position: Callable[[float], float], count: int, top: float) -> None:
    ink = current_paper().look.ink
    ax.plot([position(1), position(count)], [top, top], color=ink, linewidth=points(0.9))
    spacing = (position(count) - position(1)) / (count - 1)
    step = max(1, math.ceil(inches(_MIN_TICK_SPACING) / spacing))
    for rank in range(1, count + 1, step):
        x = position(rank)
        ax.plot([x, x], [top - inches(_TICK), top], color=ink, linewidth=points(0.9))
        ax.text(x, top - inches(_TICK + 0.5 * _GAP), str(rank), ha="center", va="bottom")
    middle = (position(1) + position(count)) / 2
    name = current_reader_options().xlabel or "Average rank (1 is best)"
    ax.text(middle, _start(), name, ha="center", va="top")


def _draw_difference(ax: Axes, position: Callable[[float], float], difference: float) -> None:
    """Draws the critical difference as a bracket of this length above the axis."""
    ink = current_paper().look.ink
    low, high = position(1), position(1 + difference)
    y = _start() + inches(2.35 * _LINE_HEIGHT)
    ax.plot([low, high], [y, y], color=ink, linewidth=points(0.9))
    for x in (low, high):
        ax.plot([x, x], [y - inches(_TICK), y + inches(_TICK)], color=ink, linewidth=points(0.9))
    text = f"critical difference {difference:.2f}"
    ax.text(low, y - inches(_TICK), text, ha="left", va="bottom")

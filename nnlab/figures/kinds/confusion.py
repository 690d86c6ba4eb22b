"""`nnlab plot confusion`: the confusion matrix of a trained model on a split."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from nnlab import store
from nnlab.figures.draw.axis_scales import rotate_tick_labels
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import short_labels, text_inches, wrap_to_width
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.paper import color, current_paper, inches, points
from nnlab.figures.draw.row_columns import TextColumn, write_columns
from nnlab.figures.draw.style import style_context
from nnlab.figures.predictions import predict_best_trials, test_split_notes
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.stats.class_predictions import count_confusions

_CELL, _MIN_SIDE, _FRAME_HEIGHT = 0.45, 1.3, 0.75  # inches
_MAX_SIDE = 0.62  # of the width of the page
_COLORBAR_SHARE = 0.18  # of the width of the page
_MIN_TEXT = 4.6  # points at the base font size; smaller numbers are not written
_MIN_LABEL_DISTANCE = 1.4  # in font sizes; of more classes every second, third, ... has a label
_MAX_LETTERS = 30  # of the name of a class
_LABEL_SHARE = 0.2  # of the width of the page, for the names of the true classes
_TILT = 45  # degrees
_LABEL_ROOM = 0.8  # of the distance of two labels
_WHITE_FROM_CONTRAST = 3.5  # of white with a cell
_MAX_DECIMAL_CLASSES = 12  # with more classes, percentages have no decimals


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Counts of examples as [true class][predicted class], and the names of the classes."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """The fraction of each true class; rows sum to 1, or to 0 without examples."""
        return tuple(tuple(n / max(sum(row), 1) for n in row) for row in self.counts)

    @property
    def examples(self) -> int:
        """The number of all examples."""
        return sum(map(sum, self.counts))

    @property
    def accuracy(self) -> float:
        """The fraction of all examples on the diagonal."""
        return sum(row[i] for i, row in enumerate(self.counts)) / max(self.examples, 1)


def prepare_confusion(
    db: store.Database, words: Sequence[str], *, split: str = "val", percent: bool = False
) -> PreparedFigure:
    """The confusion matrix of the run named, or of the best trial's first seed.

    `percent` writes the percentage of the true class into the cells instead of the counts.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: no epoch is finished, the run has no stored weights, or predicts no classes.
    """
    ((title, prediction),) = predict_best_trials(db, words, split, top=1)
    counts = count_confusions(
        prediction.targets, prediction.probabilities.argmax(axis=1), len(prediction.classes)
    )
    matrix = ConfusionMatrix(tuple(prediction.classes), tuple(map(tuple, counts)))

    def draw() -> Figure:
        name = metric_name(f"{split}/accuracy")
        heading = f"{name} {100 * matrix.accuracy:.1f} %, n = {matrix.examples:,}"
        return draw_confusion(matrix, heading, percent=percent)

    rows = [
        (truth, predicted, count, share)
        for truth, counts_of_row, shares_of_row in zip(
            matrix.classes, matrix.counts, matrix.shares, strict=True
        )
        for predicted, count, share in zip(
            matrix.classes, counts_of_row, shares_of_row, strict=True
        )
    ]
    columns = ("true class", "predicted class", "examples", "share of the true class")
    summary = f"{title}: {matrix.accuracy:.2%} of {matrix.examples} {split} examples right"
    return PreparedFigure(
        draw, figure_table(columns, rows), (prediction.run,), summary, test_split_notes(split)
    )


def draw_confusion(matrix: ConfusionMatrix, heading: str = "", *, percent: bool = False) -> Figure:
    """A square of cells, darker for a larger share of the true class, with numbers and totals.

    Args:
        matrix: the counts.
        heading: the title, for example the split and the accuracy.
        percent: whether the cells contain percentages of the true class instead of counts.
    """
    with style_context():
        size = len(matrix.classes)
        room = (_MAX_SIDE - (0.0 if percent else _COLORBAR_SHARE)) * current_paper().width
        side = min(room, max(inches(_MIN_SIDE), inches(_CELL) * size))
        names = _axis_names(matrix.classes, side)
        height = side + _tilted_height(names)
        figure = new_figure(_FRAME_HEIGHT + height / current_paper().scale)
        ax = figure.subplots()
        colormap = _colormap()
        for row, shares in enumerate(matrix.shares):
            for column, share in enumerate(shares):
                ax.add_patch(
                    Rectangle(
                        (column - 0.5, row - 0.5), 1, 1, facecolor=colormap(share), linewidth=0
                    )
                )
        is_written = _write_numbers(ax, matrix, colormap, side / max(size, 1), percent=percent)
        _set_axes(ax, size, names)
        if _label_step(side, size) == 1:
            totals = tuple(str(sum(row)) for row in matrix.counts)
            write_columns(ax, [TextColumn("n", totals)])
        if not (percent and is_written):
            _add_colorbar(figure, ax, colormap)
        if heading:
            text = wrap_to_width(heading, 0.8 * current_paper().width, current_paper().size)
            figure.suptitle(text, fontsize=current_paper().size)
        freeze_layout(figure)
        return figure


def _colormap() -> Colormap:
    """From the background to the first colour of the palette: one hue, ordered in greyscale."""
    return LinearSegmentedColormap.from_list("share", [current_paper().look.background, color(0)])


def _write_numbers(
    ax: Axes, matrix: ConfusionMatrix, colormap: Colormap, cell: float, *, percent: bool
) -> bool:
    """Writes the numbers into cells of `cell` inches that are not 0, if they are legible."""
    decimals = 1 if len(matrix.classes) <= _MAX_DECIMAL_CLASSES else 0
    texts = [
        [
            "" if count == 0 else f"{100 * share:.{decimals}f}" if percent else str(count)
            for count, share in zip(counts, shares, strict=True)
        ]
        for counts, shares in zip(matrix.counts, matrix.shares, strict=True)
    ]
    widest = max((text_inches(text, 1.0) for row in texts for text in row), default=0.0)
    font_size = min(current_paper().size, 0.86 * cell / widest if widest else points(7.0))
    if font_size < points(_MIN_TEXT):
        return False
    for row, row_texts in enumerate(texts):
        for column, text in enumerate(row_texts):
            if text:
                ax.text(
                    column,
                    row,
                    text,
                    ha="center",
                    va="center_baseline",
                    fontsize=font_size,
                    color=_text_color(colormap, matrix.shares[row][column]),
                )
    return True


def _text_color(colormap: Colormap, share: float) -> str:
    """White on dark cells, black on others, by the contrast ratio of WCAG 2."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colormap(share)[:3]
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#FFFFFF" if 1.05 / (luminance + 0.05) >= _WHITE_FROM_CONTRAST else "#000000"


def _label_step(side: float, classes: int) -> int:
    """1 if every class has room for a label, 2 if every second has, and so on."""
    needed = _MIN_LABEL_DISTANCE * current_paper().size / 72
    return max(1, math.ceil(needed * classes / side))


@dataclass(frozen=True, slots=True)
class _AxisNames:
    """The classes with a label, and their names below and beside the matrix."""

    ticks: tuple[int, ...]
    across: tuple[str, ...]
    down: tuple[str, ...]
    tilted: bool


def _axis_names(classes: Sequence[str], side: float) -> _AxisNames:
    """The names of the classes in several lines; tilted below the matrix if they are too wide."""
    size = current_paper().size
    step = _label_step(side, len(classes))
    ticks = tuple(range(0, len(classes), step))
    shown = short_labels([classes[i] for i in ticks], _MAX_LETTERS)
    room = _LABEL_ROOM * side / len(classes) * step
    across = [wrap_to_width(label, room, size, 3) for label in shown]
    lines = [line for label in across for line in label.split("\n")]
    tilted = any("…" in line or text_inches(line, size) > room for line in lines)
    height_lines = max(1, int(room * 72 / (1.2 * size)))
    width = _LABEL_SHARE * current_paper().width
    down = tuple(wrap_to_width(label, width, size, min(2, height_lines)) for label in shown)
    one_line = tuple(wrap_to_width(label, width, size, 1) for label in shown)
    return _AxisNames(ticks, one_line if tilted else tuple(across), down, tilted)


def _tilted_height(names: _AxisNames) -> float:
    """The height in inches of names at 45 degrees."""
    if not names.tilted:
        return 0.0
    widest = max(text_inches(name, current_paper().size) for name in names.across)
    return widest * math.sin(math.radians(_TILT))


def _set_axes(ax: Axes, classes: int, names: _AxisNames) -> None:
    ax.set_xticks(names.ticks, names.across)
    ax.set_yticks(names.ticks, names.down)
    if names.tilted:
        rotate_tick_labels(ax, _TILT)
    ax.set_xlim(-0.5, classes - 0.5)
    ax.set_ylim(classes - 0.5, -0.5)
    ax.set_box_aspect(1)
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(True)
    ax.set_xlabel("Predicted class")
    ax.set_ylabel("True class")


def _add_colorbar(figure: Figure, ax: Axes, colormap: Colormap) -> None:
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 100), colormap), ax=ax, pad=0.03, aspect=25, fraction=0.05
    )
    bar.outline.set_visible(False)
    bar.solids.set_rasterized(False)  # type: ignore[union-attr]
    bar.set_label("Share of the true class (%)")

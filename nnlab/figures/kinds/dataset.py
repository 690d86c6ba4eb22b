"""What a data set looks like: images, signals, points of a plane, or a histogram of targets."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.figures.draw.labels import short_labels
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context

MAX_CLASSES = 20  # that are drawn
_EXAMPLES_PER_CLASS = 10  # examples of a class
_IMAGE_SIDE = 0.42  # inches, of an image
_MAX_POINTS = 2000
_BINS = 40


def draw_dataset(dataset: Dataset, rows: NDArray[np.int64]) -> Figure:
    """A picture of some rows of a data set, by what it is.

    Images and signals: a row for each class. Two features: the plane, a colour for each class.
    Numbers to regress: their histogram. Other tables: the plane of their first two principal
    components.

    Args:
        dataset: raw.
        rows: what to draw from, those of the training split.
    """
    with style_context():
        if len(dataset.in_shape) == 3:
            return _draw_images(dataset, rows)
        if dataset.signal:
            return _draw_signals(dataset, rows)
        if dataset.task == "regression":
            return _draw_target_histogram(dataset, rows)
        return _draw_scatter(dataset, rows)


def _first_rows_by_class(
    dataset: Dataset, rows: NDArray[np.int64]
) -> list[tuple[str, NDArray[np.int64]]]:
    """A label and the first rows of each class; without classes, of all in rising order."""
    if dataset.task == "regression":
        ranked = rows[np.argsort(dataset.targets[rows], kind="stable")]
        spread = np.linspace(0, len(ranked) - 1, min(len(ranked), 3 * _EXAMPLES_PER_CLASS)).astype(
            int
        )
        lines = np.array_split(ranked[spread], 3)
        return [(f"{dataset.targets[line[0]]:.3g}", line) for line in lines if len(line)]
    shown = short_labels(dataset.classes[:MAX_CLASSES], 14)
    return [
        (label, rows[dataset.targets[rows] == place][:_EXAMPLES_PER_CLASS])
        for place, label in enumerate(shown)
    ]


def _draw_images(dataset: Dataset, rows: NDArray[np.int64]) -> Figure:
    lines = _first_rows_by_class(dataset, rows)
    pixels = dataset.examples[rows]
    low, high = float(pixels.min()), float(pixels.max())
    figure, axes = _figure_with_grid(
        len(lines),
        _EXAMPLES_PER_CLASS,
        _IMAGE_SIDE * _EXAMPLES_PER_CLASS + 1.1,
        _IMAGE_SIDE * len(lines) + 0.1,
    )
    figure.subplots_adjust(
        1.05 / (_IMAGE_SIDE * _EXAMPLES_PER_CLASS + 1.1), 0.01, 0.99, 0.99, 0.06, 0.06
    )
    for (label, chosen), line in zip(lines, axes, strict=True):
        for ax in line:
            ax.set_axis_off()
        for row, ax in zip(chosen, line, strict=False):
            _draw_image(ax, dataset.examples[row], low, high)
        line[0].text(
            -0.15,
            0.5,
            label,
            transform=line[0].transAxes,
            ha="right",
            va="center",
            color=current_paper().look.ink,
        )
    return figure


def _draw_image(ax: Axes, image: NDArray[Any], low: float, high: float) -> None:
    scaled = (image.astype(np.float64) - low) / ((high - low) or 1.0)
    if len(image) in (3, 4):
        ax.imshow(scaled[:3].transpose(1, 2, 0), interpolation="nearest")
    else:
        ax.imshow(scaled[0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def _draw_signals(dataset: Dataset, rows: NDArray[np.int64]) -> Figure:
    lines = _first_rows_by_class(dataset, rows)
    columns = 5
    height = -(-len(lines) // columns)
    tall = 1.05 * height + 0.3
    figure, axes = _figure_with_grid(height, columns, current_paper().width, tall)
    figure.subplots_adjust(0.07, 0.22 / tall, 0.99, 1 - 0.18 / tall, 0.12, 0.3)
    drawn = dataset.examples[np.concatenate([chosen for _, chosen in lines])]
    for index, ax in enumerate(axes.flat):
        ax.set_axis_off()
        if index < len(lines):
            label, chosen = lines[index]
            ax.set_axis_on()
            for place, row in enumerate(chosen[:3]):
                ax.plot(dataset.examples[row], color=color(place), linewidth=points(0.9))
            ax.set_title(label, fontsize=points(7), pad=2)
            ax.set_ylim(drawn.min(), drawn.max())
            ax.tick_params(
                labelleft=index % columns == 0, labelbottom=index + columns >= len(lines)
            )
    return figure


def _draw_target_histogram(dataset: Dataset, rows: NDArray[np.int64]) -> Figure:
    figure, axes = _figure_with_grid(1, 1, current_paper().width * 0.75, 2.4)
    figure.subplots_adjust(0.12, 0.17, 0.98, 0.96)
    ax = axes[0, 0]
    targets = dataset.targets[rows]
    ax.hist(targets, bins=min(_BINS, max(5, len(targets) // 10)), color=color(0), linewidth=0)
    ax.axvline(
        float(targets.mean()),
        color=current_paper().look.ink,
        linewidth=points(0.8),
        linestyle=REFERENCE_DASHES,
    )
    ax.set_xlabel(f"target (mean {targets.mean():.4g}, sd {targets.std():.4g})")
    ax.set_ylabel("examples")
    return figure


def _draw_scatter(dataset: Dataset, rows: NDArray[np.int64]) -> Figure:
    figure, axes = _figure_with_grid(1, 1, 4.4, 3.3)
    figure.subplots_adjust(0.15, 0.14, 0.76, 0.97)
    ax = axes[0, 0]
    chosen = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MAX_POINTS)).astype(int)]
    points, (x_label, y_label) = _scatter_coordinates(dataset, rows, chosen)
    targets = dataset.targets[chosen]
    for place, label in enumerate(short_labels(dataset.classes[:MAX_CLASSES], 14)):
        own = points[targets == place]
        ax.scatter(own[:, 0], own[:, 1], s=6, color=color(place), linewidth=0, label=label)
    rest = points[targets >= MAX_CLASSES]
    if len(rest):
        ax.scatter(
            rest[:, 0],
            rest[:, 1],
            s=4,
            color=current_paper().look.grey,
            linewidth=0,
            label="other classes",
        )
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handletextpad=0.1, markerscale=1.5)
    return figure


def _scatter_coordinates(
    dataset: Dataset, rows: NDArray[np.int64], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """Two features as they are, else their principal components; and the axes' names: [n, 2]."""
    values = dataset.examples[chosen].astype(np.float64)
    names = [name for column in dataset.columns for name in column.features] or [
        "feature 0",
        "feature 1",
    ]
    if values.shape[1] == 2:
        return values, (names[0], names[1])
    if values.shape[1] == 1:
        return np.column_stack([values, dataset.targets[chosen]]), (names[0], "class")
    return _principal_components(dataset.examples[rows].astype(np.float64), values)


def _principal_components(
    train: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """The plane in which standardised features vary most, and its axes' names: [n, 2]."""
    mean, sd = train.mean(axis=0), train.std(axis=0)
    sd[sd == 0] = 1.0
    _, stretch, axes = np.linalg.svd((train - mean) / sd, full_matrices=False)
    # A principal axis has no sign of its own: its largest entry is made positive.
    axes = axes[:2] * np.sign(axes[[0, 1], np.abs(axes[:2]).argmax(axis=1)])[:, None]
    share = stretch**2 / (np.sum(stretch**2) or 1.0)
    first, second = (f"component {k + 1}, {share[k]:.0%} of the variance" for k in (0, 1))
    return ((values - mean) / sd) @ axes.T, (first, second)


def _figure_with_grid(
    height: int, width: int, inches: float, tall: float
) -> tuple[Figure, NDArray[Any]]:
    figure = Figure(figsize=(inches, tall))
    axes: NDArray[Any] = figure.subplots(height, width, squeeze=False)
    return figure, axes

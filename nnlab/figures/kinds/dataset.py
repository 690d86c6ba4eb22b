"""`nnlab data show`: examples of a data set as images, signals, a scatter plot or a histogram."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nnlab.engine.data.dataset import Dataset
from nnlab.figures.draw.labels import short_labels, text_inches
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, marker, style_context

MAX_CLASSES = 20  # further classes are grey, or left out
_EXAMPLES_PER_CLASS = 10
_IMAGE_SIDE = 0.42  # inches, of an image
_MAX_POINTS = 2000
_BINS = 40


def draw_dataset(dataset: Dataset, rows: NDArray[np.int64]) -> Figure:
    """A figure of examples of a data set.

    Images and signals: a row per class. Regression: a histogram of the targets. Other tables: a
    scatter plot of the two features, or of the first two principal components.

    Args:
        dataset: the data set before preprocessing.
        rows: row numbers to choose from (those of the training split): [n].
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
    """A label and the first rows of each class; for regression, of three ranges of targets."""
    if dataset.task == "regression":
        by_target = rows[np.argsort(dataset.target_array[rows], kind="stable")]
        indices = np.linspace(
            0, len(by_target) - 1, min(len(by_target), 3 * _EXAMPLES_PER_CLASS)
        ).astype(int)
        lines = np.array_split(by_target[indices], 3)
        return [(f"{dataset.target_array[line[0]]:.3g}", line) for line in lines if len(line)]
    labels = short_labels(dataset.classes[:MAX_CLASSES], 14)
    return [
        (label, rows[dataset.target_array[rows] == index][:_EXAMPLES_PER_CLASS])
        for index, label in enumerate(labels)
    ]


def _draw_images(dataset: Dataset, rows: NDArray[np.int64]) -> Figure:
    groups = _first_rows_by_class(dataset, rows)
    pixels = dataset.examples[rows]
    low, high = float(pixels.min()), float(pixels.max())
    margin = max(text_inches(label, current_paper().size) for label, _ in groups) + 0.15
    width = _IMAGE_SIDE * _EXAMPLES_PER_CLASS + margin + 0.05
    figure, axes = _figure_with_grid(
        len(groups), _EXAMPLES_PER_CLASS, width, _IMAGE_SIDE * len(groups) + 0.1
    )
    figure.subplots_adjust(margin / width, 0.01, 0.99, 0.99, 0.06, 0.06)
    for (label, chosen), row_axes in zip(groups, axes, strict=True):
        for ax in row_axes:
            ax.set_axis_off()
        for number, ax in zip(chosen, row_axes, strict=False):
            _draw_image(ax, dataset.examples[number], low, high)
        row_axes[0].text(
            -0.15,
            0.5,
            label,
            transform=row_axes[0].transAxes,
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
    groups = _first_rows_by_class(dataset, rows)
    columns = 5
    height = -(-len(groups) // columns)
    tall = 1.05 * height + 0.3
    figure, axes = _figure_with_grid(height, columns, current_paper().width, tall)
    figure.subplots_adjust(0.07, 0.22 / tall, 0.99, 1 - 0.18 / tall, 0.12, 0.3)
    shown = dataset.examples[np.concatenate([chosen for _, chosen in groups])]
    for index, ax in enumerate(axes.flat):
        ax.set_axis_off()
        if index < len(groups):
            label, chosen = groups[index]
            ax.set_axis_on()
            for place, row in enumerate(chosen[:3]):
                ax.plot(dataset.examples[row], color=color(place), linewidth=points(0.9))
            ax.set_title(label, fontsize=points(7), pad=2)
            ax.set_ylim(shown.min(), shown.max())
            ax.tick_params(
                labelleft=index % columns == 0, labelbottom=index + columns >= len(groups)
            )
    return figure


def _draw_target_histogram(dataset: Dataset, rows: NDArray[np.int64]) -> Figure:
    figure, axes = _figure_with_grid(1, 1, current_paper().width * 0.75, 2.4)
    figure.subplots_adjust(0.12, 0.17, 0.98, 0.96)
    ax = axes[0, 0]
    targets = dataset.target_array[rows]
    ax.hist(targets, bins=min(_BINS, max(5, len(targets) // 10)), color=color(0), linewidth=0)
    ax.axvline(
        float(targets.mean()),
        color=current_paper().look.ink,
        linewidth=points(0.8),
        linestyle=REFERENCE_DASHES,
    )
    ax.set_xlabel(f"Target (mean {targets.mean():.4g}, sd {targets.std():.4g})")
    ax.set_ylabel("Examples")
    return figure


def _draw_scatter(dataset: Dataset, rows: NDArray[np.int64]) -> Figure:
    figure, axes = _figure_with_grid(1, 1, 4.4, 3.3)
    figure.subplots_adjust(0.15, 0.14, 0.76, 0.97)
    ax = axes[0, 0]
    shown = rows[np.linspace(0, len(rows) - 1, min(len(rows), _MAX_POINTS)).astype(int)]
    places, (x_label, y_label) = _scatter_coordinates(dataset, rows, shown)
    targets = dataset.target_array[shown]
    for index, label in enumerate(short_labels(dataset.classes[:MAX_CLASSES], 14)):
        members = places[targets == index]
        ax.scatter(
            members[:, 0],
            members[:, 1],
            s=6,
            color=color(index),
            # Colours repeat, and are equal in greyscale print.
            marker=marker(index),
            linewidth=0,
            label=label,
        )
    others = places[targets >= MAX_CLASSES]
    if len(others):
        ax.scatter(
            others[:, 0],
            others[:, 1],
            s=points(2.0) ** 2,
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
    """Coordinates [n, 2] and axis labels: the two features, or their principal components."""
    values = dataset.examples[chosen].astype(np.float64)
    names = [name for column in dataset.columns for name in column.feature_names] or [
        "feature 0",
        "feature 1",
    ]
    if values.shape[1] == 2:
        return values, (names[0], names[1])
    if values.shape[1] == 1:
        return np.column_stack([values, dataset.target_array[chosen]]), (names[0], "class")
    return _principal_components(dataset.examples[rows].astype(np.float64), values)


def _principal_components(
    train: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """The first two principal components of standardised features [n, 2], and axis labels."""
    mean, sd = train.mean(axis=0), train.std(axis=0)
    sd[sd == 0] = 1.0
    _, stretch, axes = np.linalg.svd((train - mean) / sd, full_matrices=False)
    # The sign of a principal axis is arbitrary; the largest entry is made positive.
    axes = axes[:2] * np.sign(axes[[0, 1], np.abs(axes[:2]).argmax(axis=1)])[:, None]
    share = stretch**2 / (np.sum(stretch**2) or 1.0)
    first, second = (f"Component {k + 1} ({100 * share[k]:.0f} % of the variance)" for k in (0, 1))
    return ((values - mean) / sd) @ axes.T, (first, second)


def _figure_with_grid(
    rows: int, columns: int, figure_width: float, figure_height: float
) -> tuple[Figure, NDArray[Any]]:
    figure = Figure(figsize=(figure_width, figure_height))
    axes: NDArray[Any] = figure.subplots(rows, columns, squeeze=False)
    return figure, axes

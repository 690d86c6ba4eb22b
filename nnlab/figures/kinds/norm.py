# ruff: noqa: RUF001  products of dimensions have a multiplication sign
"""`nnlab plot norm`: what batch, layer, instance and group normalisation average."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.catalogue import find_builtin
from nnlab.errors import UsageError
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry, legend_marker
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.untrained_settings import expand_settings
from nnlab.io.text import format_count
from nnlab.settings import RunConfig, without_metrics

_ROW_HEIGHT: Final = 1.5  # inches
_MAX_CHANNELS: Final = 512
# The block shows at most as many examples, channels and positions.
_SHOWN_EXAMPLES, _SHOWN_CHANNELS, _SHOWN_POSITIONS = 5, 8, 4
_MAX_BARS: Final = 12  # channels or examples whose values are drawn
_SHIFT_X, _SHIFT_Y = 0.45, 0.35  # of an example behind another one, in units of a cell
_BLOCK_SHARE: Final = 0.6  # of the height of its panel; the number of means is below
_DECIMALS: Final = 9  # of the numbers
_SMALL: Final = 6.5  # font size in points at the base font size
_OFFSET: Final = 0.17  # between the values before and after, from their channel
# How many means there are, and over what they are taken; C channels, N examples, G groups.
_LETTERS: Final[Mapping[str, tuple[str, str]]] = {
    "batch": ("C", "N × H × W"),
    "layer": ("N", "C × H × W"),
    "instance": ("N × C", "H × W"),
    "group": ("N × G", "C/G × H × W"),
}


@dataclass(frozen=True, slots=True)
class NormPanel:
    """What the figure shows of one normalisation.

    Attributes:
        norm: a name of the catalogue.
        means: how many means there are, as text, such as `8 means (C)`.
        averaged: over how many values, as text.
        channels: mean and sd of each channel after normalisation.
        examples: mean and sd of each example after normalisation.
    """

    norm: str
    means: str
    averaged: str
    channels: tuple[Sequence[float], Sequence[float]]
    examples: tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True, slots=True)
class NormFigure:
    """The shape of the batch, its statistics before normalisation, and a panel per method."""

    shape: tuple[int, int, int, int]
    groups: int
    channels: tuple[Sequence[float], Sequence[float]]
    examples: tuple[Sequence[float], Sequence[float]]
    panels: tuple[NormPanel, ...]


def prepare_norm(
    _: store.Database | None,
    __: Sequence[str] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    batch_size: int = 32,
    channels: int = 8,
    groups: int = 2,
    seed: int = 0,
) -> PreparedFigure:
    """The figure of the values that share a mean, and of the means and sds before and after.

    The batch consists of the outputs of the first layer of an untrained cnn. The figure takes
    neither a database nor names of runs.

    Args:
        settings: `data`, the name of a data set of images.
        batch_size: the number of training images.
        channels: the number of channels of the layer.
        groups: the number of groups of channels of group normalisation.
        seed: the seed of the weights.

    Raises:
        ConfigError: no data set of images.
        UsageError: the groups do not divide the channels, or an invalid number.
    """
    if not 1 <= channels <= _MAX_CHANNELS:
        raise UsageError(f"--channels {channels}: from 1 to {_MAX_CHANNELS}")
    if not 1 <= groups <= channels or channels % groups:
        raise UsageError(f"--groups {groups} does not divide the {channels} channels")
    if batch_size < 1:
        raise UsageError(f"--batch-size {batch_size}: 1 or more")
    data = str((settings or {}).get("data", "digits"))
    content = _measure(_config(data, channels, groups, seed), batch_size)
    rows = [
        (panel.norm, of, index, *numbers)
        for of in ("channel", "example")
        for panel in content.panels
        for index, numbers in enumerate(_rows(content, panel, of), start=1)
    ]
    names = ("mean before", "sd before", "mean after", "sd after")
    examples, height, width = content.shape[0], *content.shape[2:]
    return PreparedFigure(
        lambda: draw_norm(content),
        figure_table(("norm", "of", "number", *names), rows),
        (),
        f"{format_count(channels, 'channel')} of {format_count(examples, 'example')} of {data},"
        f" {height}x{width} positions",
        (*map(_note, content.panels), *_shown_note(content)),
        caption=(
            f"N = {examples} images of {data}, C = {channels} channels of the first layer of an"
            f" untrained cnn, {height} x {width} positions",
        ),
    )


def _config(data: str, channels: int, groups: int, seed: int) -> RunConfig:
    """The config of a cnn without normalisation, which has the groups and the eps of a layer."""
    # Inputs from 0 to 1 leave means that the normalisation removes.
    setting = {"data": data, "inputs": "minmax", "model": "cnn", "width": str(channels)}
    (trial,) = expand_settings(
        {**setting, "depth": "1", "norm": "group", "norm_groups": str(groups)}
    )
    return replace(trial.config, seed=seed)


def _measure(config: RunConfig, batch_size: int) -> NormFigure:
    # Importing torch takes one to two seconds, so it waits until the settings are checked.
    from nnlab.engine.loop import build_session
    from nnlab.engine.norm_statistics import (
        COMPARED_NORMS,
        channel_statistics,
        example_statistics,
        first_layer_outputs,
        normalise_batch,
    )

    outputs = first_layer_outputs(build_session(without_metrics(config)), batch_size)
    examples, channels, height, width = outputs.shape
    panels = []
    for norm in COMPARED_NORMS:
        result = normalise_batch(outputs, config, norm)
        letters, counted = _LETTERS[norm]
        panels.append(
            NormPanel(
                norm,
                f"{format_count(len(result.means), 'mean')} ({letters})",
                f"each of {format_count(result.set_size, 'value')} ({counted})",
                channel_statistics(result.outputs),
                example_statistics(result.outputs),
            )
        )
    return NormFigure(
        (examples, channels, height, width),
        config.norm_groups or 1,
        channel_statistics(outputs),
        example_statistics(outputs),
        tuple(panels),
    )


def norm_name(norm: str) -> str:
    """The name of a normalisation with a capital."""
    row = find_builtin("norm", norm)
    name = norm if row is None else row.display_name
    return name[:1].upper() + name[1:]


def _note(panel: NormPanel) -> str:
    return f"{norm_name(panel.norm)}: {panel.means} and as many variances, {panel.averaged}"


def _shown_note(content: NormFigure) -> list[str]:
    """That only some channels or examples are drawn; empty if all are."""
    counts = {"channels": content.shape[1], "examples": content.shape[0]}
    parts = [f"the first {_MAX_BARS} {noun}" for noun, count in counts.items() if count > _MAX_BARS]
    return [f"drawn are {' and '.join(parts)}"] if parts else []


def _rows(content: NormFigure, panel: NormPanel, of: str) -> list[tuple[float, ...]]:
    """The statistics of each channel or example: before, then after."""
    before, after = (
        (content.channels, panel.channels)
        if of == "channel"
        else (content.examples, panel.examples)
    )
    # Means that are 0 except for rounding are written as 0.
    return [
        tuple(round(value, _DECIMALS) + 0.0 for value in numbers)
        for numbers in zip(*before, *after, strict=True)
    ]


def draw_norm(content: NormFigure) -> Figure:
    """A figure with a row per normalisation: the block of values, the channels, the examples."""

    def draw(axes: Sequence[Axes]) -> None:
        limits = _value_limits(content)
        for row, panel in enumerate(content.panels):
            block, channels, examples = axes[3 * row : 3 * row + 3]
            _draw_block(block, content, panel)
            _draw_statistics(channels, content.channels, panel.channels, limits)
            _draw_statistics(examples, content.examples, panel.examples, limits)
            channels.set_ylabel("Value")
            examples.tick_params(labelleft=False)
            if row == 0:
                channels.set_title("Each channel")
                examples.set_title("Each example")
            if row == len(content.panels) - 1:
                channels.set_xlabel("Channel")
                examples.set_xlabel("Example")

    with style_context():
        figure = figure_with_legend(
            3 * len(content.panels), [_legend_entries()], draw, height=_ROW_HEIGHT, columns=3
        )
        freeze_layout(figure)
        return figure


def _legend_entries() -> list[LegendEntry]:
    look = current_paper().look
    before = legend_marker(marker="o", markersize=points(3))
    before.set(color=look.grey, linestyle="-", linewidth=points(1.5))
    after = legend_marker(marker="s", markersize=points(3))
    after.set(color=color(0), linestyle="-", linewidth=points(1.5))
    return [
        LegendEntry(Patch(facecolor=color(0), edgecolor=look.ink), "values that share a mean"),
        LegendEntry(before, "before: mean ± sd"),
        LegendEntry(after, "after: mean ± sd"),
    ]


def _value_limits(content: NormFigure) -> tuple[float, float]:
    """The limits of the axis of all panels with means and sds."""
    pairs = [content.channels, content.examples]
    pairs += [pair for panel in content.panels for pair in (panel.channels, panel.examples)]
    ends = [
        mean + sign * sd
        for means, sds in pairs
        for mean, sd in zip(means[:_MAX_BARS], sds[:_MAX_BARS], strict=True)
        for sign in (-1, 1)
    ]
    margin = 0.06 * (max(ends) - min(ends))
    return min(ends) - margin, max(ends) + margin


def _draw_statistics(
    ax: Axes,
    before: tuple[Sequence[float], Sequence[float]],
    after: tuple[Sequence[float], Sequence[float]],
    limits: tuple[float, float],
) -> None:
    """Draws the mean and the sd of each channel or example as a point with a bar."""
    look = current_paper().look
    for sign in (-1.0, 1.0):  # normalisation aims at mean 0 and sd 1
        ax.axhline(sign, color=look.grey, linewidth=points(0.5), linestyle=REFERENCE_DASHES)
    ax.axhline(0.0, color=look.grey, linewidth=points(0.5))
    looks = ((before, -_OFFSET, look.grey, "o"), (after, _OFFSET, color(0), "s"))
    for (means, sds), offset, series_color, shape in looks:
        count = min(len(means), _MAX_BARS)
        ax.errorbar(
            [number + offset for number in range(1, count + 1)],
            means[:count],
            yerr=sds[:count],
            color=series_color,
            marker=shape,
            markersize=points(2.4),
            linestyle="",
            elinewidth=points(1.3),
        )
    ax.set_ylim(*limits)
    ax.set_xlim(0.4, count + 0.6)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    ax.grid(visible=False)


def _draw_block(ax: Axes, content: NormFigure, panel: NormPanel) -> None:
    """Draws the values as a block of cells, in colour those that share one mean.

    The idea is that of Wu and He 2018, figure 2. Channels are side by side, positions on top of
    each other, and examples behind each other.
    """
    examples, channels, height, width = content.shape
    shown = (
        min(examples, _SHOWN_EXAMPLES),
        min(channels, _SHOWN_CHANNELS),
        min(height * width, _SHOWN_POSITIONS),
    )
    group = max(1, round(shown[1] / content.groups))
    for corners, example, channel in _visible_faces(*shown):
        ax.add_patch(
            Polygon(
                corners,
                facecolor=color(0)
                if _shares_mean(panel.norm, example, shown[1] - 1 - channel, group)
                else current_paper().look.background,
                edgecolor=current_paper().look.ink,
                linewidth=points(0.35),
            )
        )
    depth_x, depth_y = shown[0] * _SHIFT_X, shown[0] * _SHIFT_Y
    small = points(_SMALL)
    ax.text(shown[1] / 2, -0.3, f"C = {channels}", ha="center", va="top", fontsize=small)
    ax.text(-0.3, shown[2] / 2, "H × W", ha="right", va="center", fontsize=small)
    ax.text(-0.2 + depth_x / 2, shown[2] + depth_y / 2 + 0.1, f"N = {examples}", ha="right",
            va="bottom", fontsize=small)  # fmt: skip
    number = ax.annotate(
        f"{panel.means},\n{panel.averaged.replace(' (', chr(10) + '(')}",
        ((shown[1] + depth_x) / 2, -0.3),
        (0.0, -1.5 * small),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=small,
    )
    number.set_in_layout(False)  # in a narrow panel it is below the axes, where there is room
    ax.set_title(norm_name(panel.norm))
    top = shown[2] + depth_y + 0.3
    ax.set_xlim(-3.0, shown[1] + depth_x + 1.5)
    ax.set_ylim(top - (top + 1.0) / _BLOCK_SHARE, top)
    ax.set_aspect("equal", anchor="N")
    ax.set_axis_off()


def _shares_mean(norm: str, example: int, channel: int, group: int) -> bool:
    """Whether a value belongs to the marked set: that of the first example and the last channel.

    Args:
        norm: one of the compared methods.
        example: counted from the front.
        channel: counted from the right.
        group: the number of channels of a group.
    """
    match norm:
        case "batch":
            return channel == 0
        case "layer":
            return example == 0
        case "instance":
            return example == 0 and channel == 0
        case _:
            return example == 0 and channel < group


def _visible_faces(
    examples: int, channels: int, positions: int
) -> list[tuple[list[tuple[float, float]], int, int]]:
    """The visible faces of the cells of a block, each with its example and channel.

    The front shows the first example, the top the last position, the right side the last channel.
    """

    def place(channel: float, position: float, example: float) -> tuple[float, float]:
        return channel + _SHIFT_X * example, position + _SHIFT_Y * example

    front = [
        ([place(c, p, 0), place(c + 1, p, 0), place(c + 1, p + 1, 0), place(c, p + 1, 0)], 0, c)
        for c in range(channels)
        for p in range(positions)
    ]
    top, side = float(positions), float(channels)
    above = [
        (
            [
                place(c, top, n),
                place(c + 1, top, n),
                place(c + 1, top, n + 1),
                place(c, top, n + 1),
            ],
            n,
            c,
        )
        for c in range(channels)
        for n in range(examples)
    ]
    right = [
        (
            [
                place(side, p, n),
                place(side, p, n + 1),
                place(side, p + 1, n + 1),
                place(side, p + 1, n),
            ],
            n,
            channels - 1,
        )
        for p in range(positions)
        for n in range(examples)
    ]
    return [*front, *above, *right]

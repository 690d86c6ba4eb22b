"""`nnlab plot init`: the outputs of the layers of untrained models, as histograms and their sd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnlab import store
from nnlab.figures.draw.axis_scales import format_power_of_ten, set_log_ticks
from nnlab.figures.draw.display_names import trial_name
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import freeze_layout, new_figure
from nnlab.figures.draw.legend import (
    columns_that_fit,
    draw_legend_below,
    legend_pad,
    row_height,
    rows_needed,
)
from nnlab.figures.draw.paper import color, current_paper, inches, points
from nnlab.figures.draw.series_style import series_legend_entries
from nnlab.figures.draw.style import marker, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.untrained_settings import expand_settings
from nnlab.io.text import format_count
from nnlab.settings import config_of, without_metrics
from nnlab.settings.arguments import takes_arguments
from nnlab.settings.setting_differences import distinguishing_fields
from nnlab.settings.space import TrialSpec

if TYPE_CHECKING:
    from nnlab.engine.initial_outputs import LayerOutputs

# By default: weights that are too small, too large, Glorot's, which lose half of the variance in
# each layer of relu, and those of He et al., which keep it.
_BASE_SETTINGS: Mapping[str, Any] = {"depth": 10, "width": 100}
_DEFAULT_INITS: tuple[Mapping[str, Any], ...] = (
    {"init": "normal", "init_scale": 0.01},
    {"init": "normal", "init_scale": 0.3},
    {"init": "xavier"},
    {"init": "msra"},
)
_ROW_HEIGHT, _SD_PANEL_HEIGHT = 0.75, 2.0  # inches
_MIN_HISTOGRAM_WIDTH = 0.44  # inches
_SMALL = 6.0  # font size in points at the base font size, above and below the histograms
_PLAIN_FROM, _PLAIN_BELOW = 0.01, 1000.0  # other numbers are written as powers of ten
_BINS = 40
# Deeper models show the histograms of this many layers, evenly spaced.
MAX_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class InitHistograms:
    """One setting: its label, the sd of every layer's outputs, and samples of outputs.

    The keys of `samples` are layer numbers, counted from 1; at most `MAX_COLUMNS` layers.
    """

    label: str
    sds: Sequence[float]
    samples: Mapping[int, Sequence[float]]


def prepare_init(
    _: store.Database | None,
    __: Sequence[str] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> PreparedFigure:
    """The figure of the outputs of each layer, with a row of histograms for each setting.

    The figure shows untrained models, so it takes neither a database nor names of runs.

    Args:
        settings: values by field; if none is an initialisation, four initialisations are shown.
        seed: the seed of the weights.

    Raises:
        ConfigError: invalid settings.
        UsageError: a model has no activations.
    """
    return init_figure(layer_outputs_by_setting(settings or {}, seed))


def init_figure(outputs_by_label: "Mapping[str, LayerOutputs]") -> PreparedFigure:
    """The figure of measured layer outputs, by the label of their setting."""
    rows = [
        (name, layer, mean, sd)
        for name, outputs in outputs_by_label.items()
        for layer, (mean, sd) in enumerate(
            zip(outputs.means, outputs.standard_deviations, strict=True), start=1
        )
    ]
    table = figure_table(("setting", "layer", "mean", "sd"), rows)
    return PreparedFigure(
        lambda: draw_init_figure(outputs_by_label),
        table,
        (),
        format_count(len(outputs_by_label), "setting"),
    )


def draw_init_figure(outputs_by_label: "Mapping[str, LayerOutputs]") -> Figure:
    """A figure of measured layer outputs, with a row for each setting."""
    from nnlab.engine.layer_statistics import evenly_spaced_indices  # imports torch

    return draw_init_histograms(
        [
            InitHistograms(
                name,
                outputs.standard_deviations,
                {
                    n + 1: outputs.samples[n]
                    for n in evenly_spaced_indices(len(outputs.standard_deviations), MAX_COLUMNS)
                },
            )
            for name, outputs in outputs_by_label.items()
        ]
    )


def layer_outputs_by_setting(settings: Mapping[str, Any], seed: int) -> "dict[str, LayerOutputs]":
    """The measured layer outputs of each setting, by the label of the setting.

    Raises:
        ConfigError: invalid settings.
        UsageError: a model has no activations.
    """
    trials = _trial_specs(settings)
    # Importing torch takes one to two seconds, so it waits until the settings are checked.
    from nnlab.engine.initial_outputs import measure_layer_outputs
    from nnlab.engine.loop import build_session

    fields = distinguishing_fields([trial.setting for trial in trials])
    return {
        trial_name(trial.setting, fields) or trial.config.model: measure_layer_outputs(
            build_session(without_metrics(config_of(trial.setting, seed)))
        )
        for trial in trials
    }


def _trial_specs(settings: Mapping[str, Any]) -> tuple[TrialSpec, ...]:
    """The trials of the settings, with the default initialisations if none is among them."""
    base = (
        {**_BASE_SETTINGS, **settings} if settings.get("model", "mlp") == "mlp" else dict(settings)
    )
    # User code has initialisations of its own.
    models = str(settings.get("model", "mlp")).split(",")
    has_inits = "init" in settings or all(takes_arguments("model", model) for model in models)
    inits: Sequence[Mapping[str, Any]] = ({},) if has_inits else _DEFAULT_INITS
    return tuple(trial for init in inits for trial in expand_settings({**base, **init}))


def draw_init_histograms(rows: Sequence[InitHistograms]) -> Figure:
    """A figure with a row of histograms per setting, and below them the sd of every layer.

    On narrow pages fewer layers have a histogram, evenly spaced.
    """
    with style_context():
        labels = [wrap_to_width(row.label, _label_width(), points(_SMALL), 3) for row in rows]
        layers = _layers_that_fit(rows)
        entries = series_legend_entries([row.label for row in rows], "setting")
        height = _ROW_HEIGHT * len(rows) + _SD_PANEL_HEIGHT
        figure = new_figure(height)
        columns = columns_that_fit(figure, entries)
        legend_height = rows_needed(entries, columns) * row_height() + legend_pad()
        figure.set_size_inches(figure.get_figwidth(), inches(height) + legend_height)
        ratios = [inches(_ROW_HEIGHT * len(rows)), inches(_SD_PANEL_HEIGHT), legend_height]
        top, middle, bottom = figure.subfigures(3, 1, height_ratios=ratios, squeeze=False)[:, 0]
        grid = top.subplots(len(rows), len(layers), squeeze=False)
        for number, (row, axes) in enumerate(zip(rows, grid, strict=True)):
            _draw_histograms(list(axes), row, layers, number)
            axes[0].set_ylabel(
                labels[number], fontsize=points(_SMALL), rotation=0, ha="right", va="center"
            )
        for ax, layer in zip(grid[0], layers, strict=True):
            ax.set_title(f"layer {layer}", fontsize=points(_SMALL))
        top.supxlabel("Output of a unit (own scale in each panel)", fontsize=current_paper().size)
        _draw_sds(middle.subplots(), rows)
        draw_legend_below(bottom, 1.0, entries, columns)
        freeze_layout(figure)
        return figure


def _label_width() -> float:
    """The width in inches for the labels of the rows."""
    return 0.2 * current_paper().width


def _layers_that_fit(rows: Sequence[InitHistograms]) -> list[int]:
    """The layers whose histograms fit side by side: the first, the last, and some between."""
    layers = list(dict.fromkeys(layer for row in rows for layer in row.samples))
    layers.sort()
    available = current_paper().width - _label_width() - inches(0.2)
    count = max(2, min(len(layers), int(available / inches(_MIN_HISTOGRAM_WIDTH))))
    if count >= len(layers):
        return layers
    return [layers[round(i * (len(layers) - 1) / (count - 1))] for i in range(count)]


def _draw_histograms(
    axes: Sequence[Axes], row: InitHistograms, layers: Sequence[int], number: int
) -> None:
    for ax, layer in zip(axes, layers, strict=True):
        sample = row.samples.get(layer)
        ax.set_yticks([])
        ax.grid(visible=False)
        if sample is None:  # a model with fewer layers
            ax.set_axis_off()
            continue
        low, high = min(sample), max(sample)
        if high > low:
            heights, _, _ = ax.hist(
                sample, bins=_BINS, range=(low, high), color=color(number), linewidth=0
            )
            # The spike of the zeros of ReLU would flatten the other bars, so it is cut off.
            ax.set_ylim(0, 1.3 * sorted(np.atleast_1d(heights))[-2] or None)
        else:
            ax.axvline(low, color=color(number))
        _label_ends(ax, low, high)


def _label_ends(ax: Axes, low: float, high: float) -> None:
    """Labels the largest value, and the smallest one if that is not almost 0."""
    ends = [high] if abs(low) < 0.05 * abs(high) or low == high else [low, high]
    ax.set_xticks(ends, [_short_number(end) for end in ends], fontsize=points(_SMALL))
    if len(ends) > 1:  # side by side, so that they do not overlap
        first, last = ax.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")


def _short_number(value: float) -> str:
    """A number with two digits, as a power of ten if it is very small or large."""
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        return f"{float(f'{value:.2g}'):g}"
    sign = "-" if value < 0 else ""
    return sign + format_power_of_ten(float(f"{abs(value):.1g}"))


def _draw_sds(ax: Axes, rows: Sequence[InitHistograms]) -> None:
    for number, row in enumerate(rows):
        layers = range(1, len(row.sds) + 1)
        ax.plot(layers, row.sds, color=color(number), marker=marker(number))
    if all(sd > 0 for row in rows for sd in row.sds):
        ax.set_yscale("log")
        sds = [sd for row in rows for sd in row.sds]
        set_log_ticks(ax.yaxis, min(sds), max(sds))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    ax.set_xlabel("Layer")
    ax.set_ylabel("Sd of the outputs")

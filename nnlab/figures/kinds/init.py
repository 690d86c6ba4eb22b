"""`nnlab plot init`: the outputs of the layers of untrained models, as histograms and their sd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.config import config_of, without_metrics
from nnlab.config.arguments import takes_arguments
from nnlab.config.setting_differences import distinguishing_fields, setting_label
from nnlab.config.space import TrialSpec
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.labels import text_inches
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import marker, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.untrained_settings import expand_settings
from nnlab.io.text import format_count

if TYPE_CHECKING:
    from nnlab.engine.initial_outputs import LayerOutputs

# By default: weights that are too small, too large, and two initialisations that keep the scale.
_BASE_SETTINGS: Mapping[str, Any] = {"depth": 10, "width": 100}
_DEFAULT_INITS: tuple[Mapping[str, Any], ...] = (
    {"init": "normal", "init_scale": 0.01},
    {"init": "normal", "init_scale": 0.3},
    {"init": "xavier"},
    {"init": "msra"},
)
_ROW_HEIGHT, _SD_PANEL_HEIGHT = 0.75, 2.0  # inches
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
        setting_label(trial.setting, fields) or trial.config.model: measure_layer_outputs(
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
    """A figure with a row of histograms per setting, and below them the sd of every layer."""
    with style_context():
        columns = max(len(row.samples) for row in rows)
        height = _ROW_HEIGHT * len(rows) + _SD_PANEL_HEIGHT
        figure = new_figure(height)
        ratios = [_ROW_HEIGHT * len(rows), _SD_PANEL_HEIGHT]
        top, bottom = figure.subfigures(2, 1, height_ratios=ratios, squeeze=False)[:, 0]
        grid = top.subplots(len(rows), columns, squeeze=False)
        for number, (row, axes) in enumerate(zip(rows, grid, strict=True)):
            _draw_histograms(list(axes), row, number, last=number == len(rows) - 1)
        _draw_sds(bottom.subplots(), rows)
        return figure


def _draw_histograms(axes: Sequence[Axes], row: InitHistograms, number: int, *, last: bool) -> None:
    for ax, (layer, sample) in zip(axes, row.samples.items(), strict=False):
        low, high = min(sample), max(sample)
        if high > low:
            heights, _, _ = ax.hist(
                sample, bins=_BINS, range=(low, high), color=color(number), linewidth=0
            )
            # The spike of the zeros of ReLU would flatten the other bars, so it is cut off.
            ax.set_ylim(0, 1.3 * sorted(np.atleast_1d(heights))[-2] or None)
        else:
            ax.axvline(low, color=color(number))
        ax.set_yticks([])
        ax.grid(visible=False)
        ax.set_xticks([low, high] if high > low else [low])
        ax.set_xticklabels(
            [f"{v:.2g}" for v in ([low, high] if high > low else [low])], fontsize=points(4.5)
        )
        if number == 0:
            available_width = 0.7 * current_paper().width / len(axes)
            title = (
                f"layer {layer}"
                if text_inches("layer 10", points(6)) < available_width
                else f"{layer}"
            )
            ax.set_title(title, fontsize=points(6))
    if last:
        axes[len(axes) // 2].set_xlabel("output", fontsize=points(6))
    axes[0].set_ylabel(row.label, fontsize=points(5.5), rotation=0, ha="right", va="center")


def _draw_sds(ax: Axes, rows: Sequence[InitHistograms]) -> None:
    for number, row in enumerate(rows):
        layers = range(1, len(row.sds) + 1)
        ax.plot(layers, row.sds, color=color(number), marker=marker(number), label=row.label)
    if all(sd > 0 for row in rows for sd in row.sds):
        ax.set_yscale("log")
        sds = [sd for row in rows for sd in row.sds]
        set_log_ticks(ax.yaxis, min(sds), max(sds))
    ax.set_xlabel("Layer")
    ax.set_ylabel("sd of its outputs")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

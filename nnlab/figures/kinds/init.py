"""`nnlab plot init`: what the layers of untrained models put out. // What each layer puts out at the start: a row of histograms an initialisation, and their sd."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.ranking import format_count
from nnlab.config import config_of
from nnlab.config.space import TrialSpec, distinguishing_fields, setting_label
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.labels import text_inches
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import marker, style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.untrained_settings import expand_settings

if TYPE_CHECKING:
    from nnlab.engine.initial_outputs import LayerOutputs

# The lecture's figure: weights too small, too large, and two that hold.
_BASE_SETTINGS: Mapping[str, Any] = {"depth": 10, "width": 100}
_DEFAULT_INITS: tuple[Mapping[str, Any], ...] = (
    {"init": "normal", "init_scale": 0.01},
    {"init": "normal", "init_scale": 0.3},
    {"init": "xavier"},
    {"init": "msra"},
)
_ROW_HEIGHT, _SD_PANEL_HEIGHT = 0.75, 2.0  # inches
_BINS = 40
# Layers that have their histogram drawn, of deep models some.
MAX_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class InitHistograms:
    """One initialisation: its label, the sd of every layer's outputs, and samples of some.

    `samples` are by the layer's number, counted from 1: at most `MAX_COLUMNS` of them.
    """

    label: str
    sds: Sequence[float]
    samples: Mapping[int, Sequence[float]]


def prepare_init(
    _: store.Database | None,
    words: Sequence[str] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> PreparedFigure:
    """Histograms of the outputs of each layer and their sd, a row a setting.

    Args:
        words: none; nothing is trained.
        settings: as typed, by field; without an initialisation among them, those of the lecture.
        seed: of the weights.

    Raises:
        ConfigError: settings that do not hold.
        UsageError: a model without activations.
    """
    assert not words
    found = layer_outputs_by_setting(settings or {}, seed)

    rows = [
        (name, layer, mean, sd)
        for name, outputs in found.items()
        for layer, (mean, sd) in enumerate(zip(outputs.means, outputs.sds, strict=True), start=1)
    ]
    table = numbers(("setting", "layer", "mean", "sd"), rows)
    return PreparedFigure(
        lambda: draw_init_figure(found), table, (), format_count(len(found), "setting")
    )


def draw_init_figure(found: "Mapping[str, LayerOutputs]") -> Figure:
    """Draws what layers put out, a row a setting."""
    from nnlab.engine.layer_statistics import evenly_spaced_indices

    return draw_init_histograms(
        [
            InitHistograms(
                name,
                outputs.sds,
                {
                    n + 1: outputs.samples[n]
                    for n in evenly_spaced_indices(len(outputs.sds), MAX_COLUMNS)
                },
            )
            for name, outputs in found.items()
        ]
    )


def layer_outputs_by_setting(settings: Mapping[str, Any], seed: int) -> "dict[str, LayerOutputs]":
    """What the layers put out, by what tells the settings apart.

    Raises:
        ConfigError: settings that do not hold.
        UsageError: a model without activations.
    """
    points = _trial_specs(settings)
    # torch takes its second or two here, after the settings were found to be good.
    from nnlab.engine.initial_outputs import measure_layer_outputs
    from nnlab.engine.loop import build_session

    fields = distinguishing_fields([point.setting for point in points])
    return {
        setting_label(p.setting, fields) or p.config.model: measure_layer_outputs(
            build_session(config_of(p.setting, seed))
        )
        for p in points
    }


def _trial_specs(settings: Mapping[str, Any]) -> tuple[TrialSpec, ...]:
    """The settings typed; without an initialisation among them, those of the lecture."""
    given = (
        {**_BASE_SETTINGS, **settings} if settings.get("model", "mlp") == "mlp" else dict(settings)
    )
    inits: Sequence[Mapping[str, Any]] = ({},) if "init" in settings else _DEFAULT_INITS
    return tuple(point for init in inits for point in expand_settings({**given, **init}))


def draw_init_histograms(rows: Sequence[InitHistograms]) -> Figure:
    """A row of histograms for each initialisation, above the sd of every layer on a log scale."""
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
            # The spike of a relu's zeros would flatten all else: it leaves the panel at the top.
            ax.set_ylim(0, 1.3 * sorted(np.atleast_1d(heights))[-2] or None)
        else:
            ax.axvline(low, color=color(number))
        ax.set_yticks([])
        ax.grid(visible=False)
        ax.set_xticks([low, high] if high > low else [low])
        ax.set_xticklabels(
            [f"{v:.2g}" for v in ([low, high] if high > low else [low])], fontsize=4.5
        )
        if number == 0:
            room = 0.7 * current_paper().width / len(axes)
            told = f"layer {layer}" if text_inches("layer 10", points(6)) < room else f"{layer}"
            ax.set_title(told, fontsize=points(6))
    if last:
        axes[len(axes) // 2].set_xlabel("output", fontsize=points(6))
    axes[0].set_ylabel(row.label, fontsize=points(5.5), rotation=0, ha="right", va="center")


def _draw_sds(ax: Axes, rows: Sequence[InitHistograms]) -> None:
    for number, row in enumerate(rows):
        layers = range(1, len(row.sds) + 1)
        ax.plot(layers, row.sds, color=color(number), marker=marker(number), label=row.label)
    if all(sd > 0 for row in rows for sd in row.sds):
        ax.set_yscale("log")
        every = [sd for row in rows for sd in row.sds]
        set_log_ticks(ax.yaxis, min(every), max(every))
    ax.set_xlabel("Layer")
    ax.set_ylabel("sd of its outputs")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

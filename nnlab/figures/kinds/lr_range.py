"""`nnlab plot find-lr`: the loss of learning rate range tests, and the suggested learning rate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.axis_scales import format_power_of_ten, set_log_ticks, set_value_axis
from nnlab.figures.draw.display_names import metric_name, setting_name
from nnlab.figures.draw.layout import figure_with_legend, freeze_layout
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.vertical_line import draw_vertical_line
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.untrained_settings import expand_settings
from nnlab.io.text import format_count
from nnlab.settings.space import parse_seeds

if TYPE_CHECKING:
    from nnlab.analysis.find_lr import LearningRateSuggestion

_PANEL_HEIGHT = 2.6
_MAX_RISE = 2.0  # of the loss, over that at the lowest learning rates


def prepare_lr_range(
    _: store.Database | None,
    __: Sequence[str] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    seeds: int = 3,
    seed: str | None = None,
) -> PreparedFigure:
    """The figure of range tests, which are repeated for it because they are not stored.

    Args:
        settings: the values of one setting by field.
        low: the smallest learning rate.
        high: the largest learning rate.
        steps: the number of optimizer steps of each test.
        seeds: the number of tests, with seeds from 0 on.
        seed: the seeds of the tests as a list or range, in place of `seeds`.

    Raises:
        ConfigError: invalid settings.
        UsageError: several settings, or a loss that does not fall.
    """
    trials = expand_settings(settings or {})
    if len(trials) != 1:
        raise UsageError(f"find-lr tests one setting, got {len(trials)}", hint="no lists")
    # Imported only here: torch takes a second or two, which invalid settings do not wait for.
    from nnlab.analysis.find_lr import find_lr

    chosen = range(seeds) if seed is None else parse_seeds(seed)
    suggestion = find_lr(trials[0].config, chosen, low=low, high=high, steps=steps)
    return lr_range_figure(suggestion, chosen)


def lr_range_figure(suggestion: "LearningRateSuggestion", seeds: Sequence[int]) -> PreparedFigure:
    """The figure of range tests that were made with these seeds."""
    rows = [
        (seed, lr, loss, smoothed)
        for seed, test in zip(seeds, suggestion.tests, strict=True)
        for lr, loss, smoothed in zip(test.lrs, test.losses, test.smoothed, strict=True)
    ]
    tests = [(test.lrs, test.losses, test.smoothed) for test in suggestion.tests]
    return PreparedFigure(
        lambda: draw_lr_range(tests, suggestion.suggested),
        figure_table(("seed", "lr", "loss", "smoothed loss"), rows),
        (),
        format_count(len(tests), "range test"),
    )


def draw_lr_range(
    tests: Sequence[tuple[Sequence[float], Sequence[float], Sequence[float]]], suggested: float
) -> Figure:
    """A figure of range tests: (learning rates, losses, smoothed losses) of each seed.

    Losses of single steps are grey, smoothed losses coloured; a vertical line is at the suggested
    rate.
    """
    with style_context():
        figure = figure_with_legend(
            1,
            [_loss_entries(len(tests))],
            lambda axes: _draw_tests(axes[0], tests, suggested),
            height=_PANEL_HEIGHT,
        )
        freeze_layout(figure)
        return figure


def _draw_tests(
    ax: Axes,
    tests: Sequence[tuple[Sequence[float], Sequence[float], Sequence[float]]],
    suggested: float,
) -> None:
    for number, (lrs, losses, smoothed) in enumerate(tests):
        ax.plot(lrs, losses, color=current_paper().look.grey, linewidth=points(0.5), alpha=0.6)
        ax.plot(
            lrs,
            smoothed,
            color=color(0),
            linewidth=points(1.3),
            zorder=3,
            alpha=max(0.4, 1 - 0.1 * number),
        )
    ax.set_xscale("log")
    rates = [rate for lrs, _, _ in tests for rate in lrs]
    ax.set_xlim(min(rates), max(rates))
    set_log_ticks(ax.xaxis, min(rates), max(rates))
    starts = [smoothed[0] for _, _, smoothed in tests]
    # The divergence at high rates would flatten the valley; its lines leave the axis at the top.
    end = _MAX_RISE * max(starts)
    values = [min(loss, end) for _, _, smoothed in tests for loss in smoothed]
    set_value_axis(ax, values, starts, log=True)
    text = f"{suggested:.3g}"
    number_text = format_power_of_ten(float(text)) if "e" in text else text
    draw_vertical_line(ax, suggested, f"suggested lr {number_text}")
    ax.set_xlabel(setting_name("lr"))
    ax.set_ylabel(metric_name("train/loss"))


def _loss_entries(tests: int) -> list[LegendEntry]:
    raw = Line2D([], [], color=current_paper().look.grey, linewidth=points(0.7))
    smoothed = Line2D([], [], color=color(0), linewidth=points(1.3))
    each = "" if tests == 1 else ", a line per seed"
    return [LegendEntry(raw, "loss of a step"), LegendEntry(smoothed, f"smoothed loss{each}")]

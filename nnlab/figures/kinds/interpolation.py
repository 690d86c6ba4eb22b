"""`nnlab plot interpolation`: the loss on the straight line between the weights of two runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.errors import UsageError
from nnlab.figures.draw.axis_scales import set_log_ticks
from nnlab.figures.draw.display_names import quantity_name, trial_name
from nnlab.figures.draw.labels import wrap_axis_label, wrap_to_width
from nnlab.figures.draw.layout import (
    available_text_width,
    figure_with_legend,
    freeze_layout,
    panel_columns,
)
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.paper import color, current_paper
from nnlab.figures.draw.style import DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.figures.trials import rank_for_figure
from nnlab.io.text import format_count
from nnlab.records import Run
from nnlab.settings.setting_differences import distinguishing_fields

if TYPE_CHECKING:
    from nnlab.analysis.interpolation import Interpolation, Line
_PANEL_HEIGHT = 2.2  # inches
# Quantities that are drawn beside the loss, the first that was measured.
_SECOND_QUANTITIES = ("accuracy", "r2", "rmse")
# Losses below this are drawn at the bottom: the scale is logarithmic.
_MIN_LOSS = 1e-12


@dataclass(frozen=True, slots=True)
class PairLines:
    """The lines between two runs: a title, the positions, and values by metric.

    `aligned` is empty if the hidden units of the networks cannot be matched.
    """

    title: str
    first: str
    second: str
    positions: Sequence[float]
    raw: Mapping[str, Sequence[float]]
    aligned: Mapping[str, Sequence[float]]


def prepare_interpolation(
    db: store.Database, words: Sequence[str], *, points: int = 25, top: int = 2
) -> PreparedFigure:
    """The figure of the line between two runs, or between two seeds of each of the best trials.

    Args:
        db: the database.
        words: two runs by number or name, or names of studies.
        points: the number of positions on the line.
        top: the number of trials of a study.

    Raises:
        UnknownName: a word is neither a study nor a run.
        UsageError: there are no two runs, or one has no stored weights, other data or another
            architecture.
    """
    pairs, notes = _find_pairs(db, words, top)
    from nnlab.analysis.interpolation import measure_interpolation  # imports torch

    measured = [measure_interpolation(db, *pair, points=points) for pair in pairs]
    fields = distinguishing_fields([run.trial.setting for pair in pairs for run in pair])

    def draw() -> Figure:
        return draw_interpolation([_pair_lines(item, fields) for item in measured])

    rows = [
        (item.first.id, item.second.id, name, position, metric, value)
        for item in measured
        for name, line in _named_lines(item)
        for metric, values in line.metrics.items()
        for position, value in zip(line.positions, values, strict=True)
    ]
    columns = ("first run", "second run", "line", "position", "metric", "value")
    runs = tuple(run.id for pair in pairs for run in pair)
    return PreparedFigure(
        draw,
        figure_table(columns, rows),
        runs,
        "; ".join(map(_summary, measured)),
        (*notes, *dict.fromkeys(item.not_aligned for item in measured if item.not_aligned)),
    )


def _find_pairs(
    db: store.Database, words: Sequence[str], top: int
) -> tuple[list[tuple[Run, Run]], tuple[str, ...]]:
    """The pairs of runs to draw, and notes on what is not drawn.

    Raises:
        UsageError: there is no pair.
    """
    ranking = rank_for_figure(db, words, top=top)
    by_id = {
        run.id: run
        for run in store.runs(db, run_ids=[run for row in ranking.rows for run in row.runs])
    }
    trials = [
        sorted((by_id[run] for run in row.runs), key=lambda run: (run.known_seed, run.id))
        for row in ranking.rows
    ]
    pairs = [(runs[0], runs[1]) for runs in trials if len(runs) > 1]
    if not pairs and len(trials) == 2:
        first, second = sorted((runs[0] for runs in trials), key=lambda run: run.id)
        pairs = [(first, second)]
    if not pairs:
        raise UsageError(
            "a line needs two ends: no trial has two seeds, and other than two runs were named",
            hint="name two runs of the same architecture: nnlab plot interpolation RUN RUN",
        )
    hidden = sum(max(len(runs) - 2, 0) for runs in trials)
    more = (f"{format_count(hidden, 'more seed')} not drawn; two RUNs select others",)
    return pairs, more if hidden else ()


def _named_lines(measured: "Interpolation") -> "list[tuple[str, Line]]":
    lines = [("raw", measured.raw)]
    return lines if measured.aligned is None else [*lines, ("aligned", measured.aligned)]


def _summary(measured: "Interpolation") -> str:
    texts = [
        f"{name}: barrier {line.barrier():.3g}, distance {line.distance:.3g}"
        for name, line in _named_lines(measured)
    ]
    return f"runs {measured.first.id} and {measured.second.id}, {'; '.join(texts)}"


def _pair_lines(measured: "Interpolation", fields: Sequence[str]) -> PairLines:
    first, second = measured.first, measured.second
    names = [trial_name(run.trial.setting, fields) for run in (first, second)]
    return PairLines(
        " to ".join(dict.fromkeys(filter(None, names))),
        f"run {first.id}",
        f"run {second.id}",
        measured.raw.positions,
        measured.raw.metrics,
        {} if measured.aligned is None else measured.aligned.metrics,
    )


def draw_interpolation(pairs: Sequence[PairLines]) -> Figure:
    """A figure with a row per pair of runs: the loss, and the accuracy if there is one."""
    second = next((name for name in _SECOND_QUANTITIES if f"val/{name}" in pairs[0].raw), None)
    quantities = ["loss", *([second] if second else [])]
    with style_context():
        count = len(pairs) * len(quantities)
        columns = panel_columns(count, len(quantities))

        def draw(axes: Sequence[Axes]) -> None:
            panels = [(pair, quantity) for pair in pairs for quantity in quantities]
            for ax, (pair, quantity) in zip(axes, panels, strict=True):
                _draw_panel(ax, pair, quantity)
                width = available_text_width(columns)
                ax.set_title(wrap_to_width(pair.title, width, current_paper().label_size, 2))
            _share_scale(axes, quantities)

        figure = figure_with_legend(
            count, _legend_blocks(pairs), draw, height=_PANEL_HEIGHT, columns=columns
        )
        freeze_layout(figure)
        return figure


def _draw_panel(ax: Axes, pair: PairLines, quantity: str) -> None:
    for index, metrics in enumerate((pair.raw, pair.aligned)):
        for split in ("train", "val"):
            if (values := metrics.get(f"{split}/{quantity}")) is not None:
                shown = np.maximum(values, _MIN_LOSS) if quantity == "loss" else values
                ax.plot(
                    pair.positions,
                    shown,
                    color=color(index),
                    linestyle=DASHES[split],
                    label=f"{'aligned' if index else 'raw'} {split}",
                )
    ax.set_xlim(0, 1)
    ax.set_xticks([0.0, 0.5, 1.0], [pair.first.capitalize(), "halfway", pair.second.capitalize()])
    ends = ax.get_xticklabels()
    ends[0].set_horizontalalignment("left")
    ends[-1].set_horizontalalignment("right")
    ax.set_ylabel(wrap_axis_label(quantity_name(quantity)))


def _share_scale(axes: Sequence[Axes], quantities: Sequence[str]) -> None:
    """Gives all panels of a quantity the same scale; that of the loss is logarithmic."""
    for index, quantity in enumerate(quantities):
        panels = axes[index :: len(quantities)]
        values = [
            value for ax in panels for line in ax.lines for value in np.ravel(line.get_ydata())
        ]
        finite = [float(value) for value in values if np.isfinite(value)]
        if not finite:
            continue
        for ax in panels:
            if quantity == "loss":
                ax.set_yscale("log")
                ax.set_ylim(min(finite) * 0.8, max(finite) * 1.25)
                set_log_ticks(ax.yaxis, min(finite), max(finite))
            else:
                margin = 0.04 * ((max(finite) - min(finite)) or 1.0)
                ax.set_ylim(min(finite) - margin, max(finite) + margin)


def _legend_blocks(pairs: Sequence[PairLines]) -> list[list[LegendEntry]]:
    ink = current_paper().look.ink
    lines = [LegendEntry(Line2D([], [], color=color(0)), "weights as they are")]
    if any(pair.aligned for pair in pairs):
        lines.append(LegendEntry(Line2D([], [], color=color(1)), "hidden units matched"))
    splits = [
        LegendEntry(Line2D([], [], color=ink, linestyle=DASHES["train"]), "training"),
        LegendEntry(Line2D([], [], color=ink, linestyle=DASHES["val"]), "validation"),
    ]
    return [lines, splits]

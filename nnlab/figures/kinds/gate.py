"""`nnlab plot gate`: the effect of each candidate of a ledger, and which ones were kept."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.analysis.gate import LedgerRow, ledger_rows
from nnlab.errors import UsageError
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import available_text_width, figure_with_legend, freeze_layout
from nnlab.figures.draw.leading_group import RowValues, leading_range
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.number_texts import number_texts, value_part
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.row_columns import (
    TextColumn,
    draw_edge_arrow,
    label_rows,
    limit_ticks,
    panel_width,
    row_lines,
    set_chosen_limits,
    wrap_row_labels,
    write_columns,
)
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.io.text import format_count
from nnlab.records import Objective, Study

_ROW_HEIGHT, _LINE_HEIGHT, _FRAME_HEIGHT = 0.2, 0.11, 0.68  # inches
_MARGIN = 0.05  # of the length of the axis
_KEPT, _DISCARDED, _OPEN = "kept", "discarded", "not decided yet"
_WORDS = {"keep": _KEPT, "discard": _DISCARDED}
# The shape and the fill tell the verdicts apart without color.
_MARKERS = {_KEPT: "o", _DISCARDED: "o", _OPEN: "s"}


@dataclass(frozen=True, slots=True)
class CandidateEffect:
    """A candidate: its effect with the bounds of the interval, its verdict, and its seeds.

    `effect` is NaN for a candidate without a pair of runs, and unknown bounds are infinite.
    `verdict` is `kept`, `discarded` or `not decided yet`.
    """

    name: str
    effect: float
    low: float
    high: float
    verdict: str
    seeds: int


def prepare_gate(db: store.Database, words: Sequence[str], *, top: int = 40) -> PreparedFigure:
    """The figure of the candidates of a study's ledger, in the order in which they were tested.

    Args:
        db: the database.
        words: the name of the study.
        top: how many candidates are drawn: the newest, and all that were kept.

    Raises:
        UnknownName: no such study.
        UsageError: several names, or no candidate was tested in the study.
    """
    if len(words) != 1:
        raise UsageError(f"plot gate draws the ledger of one study, got {len(words)} names")
    study = store.find_study(db, words[0])
    rows = [
        row
        for row in ledger_rows(db, store.ledger(db, [study.id]))
        if row.entry.baseline_trial is not None
    ]
    if not rows:
        raise UsageError(
            f"no candidate was tested in study '{study.name}'", hint="nnlab gate tests one"
        )
    rows, notes = _rows_of_last_objective(rows)
    objective = rows[0].entry.objective
    newest = {row.entry.id for row in rows[-top:]}
    drawn = [row for row in rows if row.entry.id in newest or row.entry.verdict == "keep"]
    if len(drawn) < len(rows):
        count = format_count(len(rows) - len(drawn), "earlier candidate")
        notes += (f"left out: {count} without the verdict to keep",)
    runs = _run_ids(db, study, drawn)
    return PreparedFigure(
        lambda: draw_gate([_candidate_effect(row) for row in drawn], metric_name(objective.metric)),
        figure_table(
            (
                "entry",
                "candidate",
                "metric",
                "verdict",
                "seeds",
                "effect",
                "low",
                "high",
                "p",
                "level",
            ),
            [
                (
                    row.entry.id,
                    row.candidate,
                    objective.metric,
                    row.entry.verdict or "unfinished",
                    len(row.entry.seeds),
                    row.entry.effect,
                    row.entry.low,
                    row.entry.high,
                    row.entry.p,
                    row.entry.level,
                )
                for row in drawn
            ],
        ),
        runs,
        f"{format_count(len(drawn), 'candidate')}, {format_count(len(runs), 'run')}",
        (
            "the lower bound of an interval holds at every number of seeds with a confidence of"
            " 1 - level, the upper one with 95 %",
            "each candidate was compared with the best one before it, or with a named baseline",
            *notes,
        ),
    )


def _rows_of_last_objective(
    rows: list[LedgerRow],
) -> tuple[list[LedgerRow], tuple[str, ...]]:
    """The rows with the objective of the last one: effects on other metrics have other units."""
    objective: Objective = rows[-1].entry.objective
    own = [row for row in rows if row.entry.objective == objective]
    if len(own) == len(rows):
        return own, ()
    others = sorted({str(r.entry.objective) for r in rows} - {str(objective)})
    return own, (f"candidates that were compared by {', '.join(others)} are left out",)


def _run_ids(db: store.Database, study: Study, rows: Sequence[LedgerRow]) -> tuple[int, ...]:
    """The current runs of all candidates and baselines."""
    ids = {row.entry.candidate_trial for row in rows} | {row.entry.baseline_trial for row in rows}
    runs = store.runs(db, study=study.id, current_only=True)
    return tuple(run.id for run in runs if run.trial.id in ids)


def _candidate_effect(row: LedgerRow) -> CandidateEffect:
    entry = row.entry
    return CandidateEffect(
        f"#{entry.id} {row.candidate}",
        math.nan if entry.effect is None else entry.effect,
        entry.low,
        entry.high,
        _WORDS.get(entry.verdict or "", _OPEN),
        len(entry.seeds),
    )


def draw_gate(effects: Sequence[CandidateEffect], metric: str) -> Figure:
    """A figure of the effects of candidates with their intervals, the first one on top.

    Candidates that were kept have a filled marker and a bold name, discarded ones an open circle,
    and others an open square, so that they are recognised in greyscale. A candidate far worse than
    the others is an arrow at the edge; one without a pair of runs has a dash for its effect.

    Args:
        effects: the candidates.
        metric: the name of the objective.
    """
    with style_context():
        labels = wrap_row_labels([effect.name for effect in effects])
        row_height = _ROW_HEIGHT + _LINE_HEIGHT * (row_lines(labels) - 1)
        height = row_height * len(labels) + _FRAME_HEIGHT

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            texts = number_texts([e.effect for e in effects], [math.nan] * len(effects))
            _draw_effects(ax, effects, texts)
            label_rows(ax, labels, "Candidate")
            for label, effect in zip(ax.get_yticklabels(), effects, strict=True):
                label.set_fontweight("bold" if effect.verdict == _KEPT else "normal")
            columns = [
                TextColumn("effect", texts),
                TextColumn("seeds", tuple(str(effect.seeds) for effect in effects)),
            ]
            write_columns(ax, columns)
            limit_ticks(ax, panel_width(labels, columns))
            ax.set_xlabel(
                wrap_to_width(
                    f"Improvement of {metric[:1].lower()}{metric[1:]} over the baseline",
                    0.6 * available_text_width(),
                    current_paper().label_size,
                    3,
                )
            )

        figure = figure_with_legend(1, [_legend_entries(effects)], draw, height=height)
        freeze_layout(figure)
        return figure


def _draw_effects(ax: Axes, effects: Sequence[CandidateEffect], texts: Sequence[str]) -> None:
    look = current_paper().look
    best_first = sorted(
        (effect for effect in effects if math.isfinite(effect.effect)),
        key=lambda effect: -effect.effect,
    )
    shown = leading_range(
        [RowValues((), effect.effect, (effect.low, effect.high)) for effect in best_first],
        lower=False,
    )
    low, high = _with_zero(shown.low, shown.high, best_first) if shown else (-1.0, 1.0)
    margin = _MARGIN * (high - low) or 1.0
    ax.set_xlim(low - margin, high + margin)
    set_chosen_limits(ax)
    ax.axvline(0.0, color=look.ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES, zorder=1)
    left, right = ax.get_xlim()
    for position, effect in enumerate(effects):
        if not math.isfinite(effect.effect):
            continue
        line_color = _verdict_color(effect.verdict)
        if effect.effect < left:
            draw_edge_arrow(ax, position, value_part(texts[position]), line_color, right=False)
            continue
        ax.plot(
            # An unknown bound is beyond the edge of the panel.
            [max(effect.low, left), min(effect.high, right)],
            [position] * 2,
            color=line_color,
            linewidth=points(1.4),
        )
        ax.plot(effect.effect, position, zorder=4, **_marker_style(effect.verdict))


def _with_zero(low: float, high: float, effects: Sequence[CandidateEffect]) -> tuple[float, float]:
    """The range with zero; intervals extend it by at most half of its length on each side."""
    if low <= 0.0 <= high:
        return low, high
    low, high = min(low, 0.0), max(high, 0.0)
    reach = (high - low) / 2
    drawn = [effect for effect in effects if effect.effect >= low]
    bounds = [bound for effect in drawn for bound in (effect.low, effect.high)]
    known = [bound for bound in bounds if math.isfinite(bound)]
    return max(min([low, *known]), low - reach), min(max([high, *known]), high + reach)


def _verdict_color(verdict: str) -> str:
    return color(0) if verdict == _KEPT else current_paper().look.grey


def _marker_style(verdict: str) -> dict[str, Any]:
    look = current_paper().look
    return {
        "marker": _MARKERS[verdict],
        "markersize": points(4),
        "color": _verdict_color(verdict),
        "markerfacecolor": _verdict_color(verdict) if verdict == _KEPT else look.background,
    }


def _legend_entries(effects: Sequence[CandidateEffect]) -> list[LegendEntry]:
    verdicts = {effect.verdict for effect in effects}
    return [
        LegendEntry(Line2D([], [], **_marker_style(verdict)), verdict)
        for verdict in _MARKERS
        if verdict in verdicts
    ]

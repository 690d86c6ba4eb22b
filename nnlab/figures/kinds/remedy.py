"""`nnlab plot remedy`: the effect of each tried remedy on the objective, with its interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nnlab import store
from nnlab.analysis.remedy_numbers import (
    best_epoch_numbers,
    common_measure,
    measure_sentence,
    remedy_titles,
)
from nnlab.analysis.remedy_results import RemedyOutcome, RemedyResult, evaluate_remedies
from nnlab.analysis.remedy_studies import is_remedy_study, treated_finding
from nnlab.diagnosis import all_rules
from nnlab.diagnosis.headlines import OVERFITTING_CODE
from nnlab.errors import UsageError
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import wrap_to_width
from nnlab.figures.draw.layout import available_text_width, figure_with_legend, freeze_layout
from nnlab.figures.draw.leading_group import RowValues, leading_range
from nnlab.figures.draw.legend import LegendEntry
from nnlab.figures.draw.number_texts import number_texts, value_part
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.row_columns import (
    MIN_PANEL_SHARE,
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
from nnlab.objective import Objective
from nnlab.records import Status, Study
from nnlab.stats.rounding import format_p

_ROW_HEIGHT, _LINE_HEIGHT, _FRAME_HEIGHT = 0.2, 0.11, 0.68  # inches
_MARGIN = 0.05  # of the length of the axis
_MIN_WIDTH_FOR_P = 4.0  # inches at the base font size; narrower pages have no column of p values


@dataclass(frozen=True, slots=True)
class RemedyEffect:
    """A remedy: its improvement of the objective, the 95 % interval, p, and whether it helped.

    `affected_text` says in how many runs the finding remained. `p` is None if it is unknown.
    """

    name: str
    effect: float
    low: float
    high: float
    helped: bool
    affected_text: str
    p: float | None = None


def prepare_remedies(db: store.Database, words: Sequence[str]) -> PreparedFigure:
    """The figure of the remedies in a study that `nnlab remedy` created, best first.

    Raises:
        UnknownName: no such study.
        UsageError: the study is not a remedy study, or has no results yet.
    """
    if len(words) != 1:
        raise UsageError(f"plot remedy draws one remedy study, got {len(words)} names")
    study = store.find_study(db, words[0])
    objective = study.objective
    if objective is None or not is_remedy_study(study):
        raise UsageError(f"{study.name} is not a remedy study", hint="nnlab remedy RUN creates one")
    code = treated_finding(db, study)
    results = evaluate_remedies(db, study, objective, code)
    if not results:
        raise UsageError(f"{study.name} has no remedy yet with two seeds that its control also has")
    test = _test_name(len(results))
    titles = remedy_titles(results)
    control_runs = _control_runs(db, study)

    def draw() -> Figure:
        return draw_remedies(
            [
                _remedy_effect(result, title, code)
                for result, title in zip(results, titles, strict=True)
            ],
            _measure_name(results),
            control=_affected_text(results[0].control, control_runs) if code else "",
            finding=_finding_name(code),
            test=test,
        )

    rows = [
        (
            title,
            result.n,
            result.effect,
            result.low,
            result.high,
            result.p,
            str(result.outcome),
            result.still,
            result.metric,
            result.at,
            result.best_effect,
            result.best_low,
            result.best_high,
        )
        for result, title in zip(results, titles, strict=True)
    ]
    columns = (
        *("remedy", "n", "effect", "low", "high", "p", "outcome", f"runs with {code}"),
        *("metric", "epoch", "best effect", "best low", "best high"),
    )
    runs = store.runs(db, study=study.id, current_only=True)
    noun = "remedy" if len(results) == 1 else "remedies"
    return PreparedFigure(
        draw,
        figure_table(columns, rows),
        tuple(run.id for run in runs),
        f"{len(results)} {noun}, {format_count(len(runs), 'run')}",
        (
            f"judged by {measure_sentence(code, results)}",
            "helped: the 95 % interval lies above 0 and p is at most 0.05",
            *_best_epoch_note(objective, results),
            *_divergence_note(sum(run.status is Status.DIVERGED for run in runs)),
        ),
    )


def _test_name(remedies: int) -> str:
    correction = f", step-down over {remedies} remedies" if remedies > 1 else ""
    return f"one-sided paired sign-flip test{correction}"


def _measure_name(results: Sequence[RemedyResult]) -> str:
    """The metric by which the remedies are judged, and its epoch if it is the last one."""
    usual = common_measure(results)
    result = next((result for result in results if result.measure_text == usual), results[0])
    name = metric_name(result.metric)
    return f"{name} (last epoch)" if result.at == "last" else name


def _best_epoch_note(objective: Objective, results: Sequence[RemedyResult]) -> tuple[str, ...]:
    """The improvements at the best epoch, if the figure shows others."""
    if all((result.metric, result.at) == (objective.metric, "best") for result in results):
        return ()
    numbers = zip(results, best_epoch_numbers(results), strict=True)
    texts = ", ".join(f"{result.name} {text}" for result, text in numbers)
    return (f"improvement of {objective.metric} at the best epoch: {texts}",)


def _divergence_note(diverged: int) -> tuple[str, ...]:
    if not diverged:
        return ()
    return (f"{format_count(diverged, 'run')} diverged and count as the worst value",)


def _control_runs(db: store.Database, study: Study) -> int:
    """The number of runs of the control that have ended."""
    runs = store.runs(db, study=study.id, current_only=True)
    digest = study.arms[0].trials[0]
    return sum(run.trial.digest == digest and not run.status.needs_training for run in runs)


def _remedy_effect(result: RemedyResult, title: str, code: str) -> RemedyEffect:
    return RemedyEffect(
        title,
        result.effect,
        result.low,
        result.high,
        result.outcome is RemedyOutcome.HELPED,
        _affected_text(result.still, result.n) if code else "",
        result.p,
    )


def _affected_text(affected: int, runs: int) -> str:
    return f"{affected}/{runs} seeds"


def _finding_name(code: str) -> str:
    """What the runs of the control have, as the heading of a column."""
    if code == OVERFITTING_CODE:
        return "overfits"
    return next((rule.name for rule in all_rules() if rule.code == code), code)


def draw_remedies(
    effects: Sequence[RemedyEffect],
    metric: str,
    *,
    control: str = "",
    finding: str = "",
    test: str = "",
) -> Figure:
    """A figure of effects with their 95 % intervals, best on top.

    Remedies that helped have a filled marker and a bold name, so that they are recognised in
    greyscale. A remedy far worse than the others is an arrow at the edge.

    Args:
        effects: the remedies, best first.
        metric: the name of the objective.
        control: in how many runs of the control the finding is.
        finding: the heading of the column of these numbers.
        test: the test that decides whether a remedy helped, for the legend.
    """
    with style_context():
        labels = wrap_row_labels([*(effect.name for effect in effects), "control"])
        row_height = _ROW_HEIGHT + _LINE_HEIGHT * (row_lines(labels) - 1)
        height = row_height * len(labels) + _FRAME_HEIGHT

        def draw(axes: Sequence[Axes]) -> None:
            ax = axes[0]
            _draw_effects(ax, effects)
            label_rows(ax, labels, "Remedy")
            for label, effect in zip(ax.get_yticklabels(), effects, strict=False):
                label.set_fontweight("bold" if effect.helped else "normal")
            columns = _columns(effects, control, finding)
            if panel_width(labels, columns) < MIN_PANEL_SHARE * current_paper().width:
                texts = tuple(map(value_part, columns[0].texts))
                columns[0] = TextColumn("effect", texts)  # the intervals are drawn
            write_columns(ax, columns)
            limit_ticks(ax, panel_width(labels, columns))
            ax.set_xlabel(
                wrap_to_width(
                    f"Improvement of {metric[:1].lower()}{metric[1:]} over the control",
                    0.6 * available_text_width(),
                    current_paper().label_size,
                    3,
                )
            )

        figure = figure_with_legend(1, _legend_entries(effects, test), draw, height=height)
        freeze_layout(figure)
        return figure


def _draw_effects(ax: Axes, effects: Sequence[RemedyEffect]) -> None:
    look = current_paper().look
    shown = leading_range(
        [RowValues((), effect.effect, (effect.low, effect.high)) for effect in effects],
        lower=False,
    )
    low, high = (min(shown.low, 0.0), max(shown.high, 0.0)) if shown else (-1.0, 1.0)
    margin = _MARGIN * (high - low) or 1.0
    ax.set_xlim(low - margin, high + margin)
    set_chosen_limits(ax)
    ax.axvline(0.0, color=look.ink, linewidth=points(0.8), linestyle=REFERENCE_DASHES, zorder=1)
    texts = _effect_texts(effects)
    for position, effect in enumerate(effects):
        line_color = color(0) if effect.helped else look.grey
        if effect.effect < ax.get_xlim()[0]:
            draw_edge_arrow(ax, position, value_part(texts[position]), line_color, right=False)
            continue
        ax.plot([effect.low, effect.high], [position] * 2, color=line_color, linewidth=points(1.4))
        ax.plot(
            effect.effect,
            position,
            marker="o",
            markersize=points(4),
            color=line_color,
            markerfacecolor=line_color if effect.helped else look.background,
            zorder=4,
        )


def _effect_texts(effects: Sequence[RemedyEffect]) -> tuple[str, ...]:
    return number_texts(
        [effect.effect for effect in effects],
        [(effect.high - effect.low) / 2 for effect in effects],
    )


def _columns(effects: Sequence[RemedyEffect], control: str, finding: str) -> list[TextColumn]:
    """The effects, on wide pages their p values, and how many runs still have the finding."""
    columns = [TextColumn("effect ± 95 % CI", (*_effect_texts(effects), ""))]
    p_values = [effect.p for effect in effects]
    is_wide = current_paper().width >= _MIN_WIDTH_FOR_P * current_paper().scale
    if is_wide and any(p is not None for p in p_values):
        texts = ["" if p is None else format_p(p) for p in p_values]
        columns.append(TextColumn("p", (*texts, "")))
    affected = (*(effect.affected_text for effect in effects), control)
    if any(affected):
        columns.append(TextColumn(finding, affected, "left"))
    return columns


def _legend_entries(effects: Sequence[RemedyEffect], test: str) -> list[list[LegendEntry]]:
    look = current_paper().look
    kinds = {effect.helped for effect in effects if math.isfinite(effect.effect)}
    names = {True: "helped", False: "not shown to help"}
    entries = [
        LegendEntry(
            Line2D(
                [],
                [],
                marker="o",
                markersize=points(4),
                color=color(0) if helped else look.grey,
                markerfacecolor=color(0) if helped else look.background,
            ),
            name,
        )
        for helped, name in names.items()
        if helped in kinds
    ]
    return [entries, [LegendEntry(Line2D([], [], linestyle=""), test)] if test else []]

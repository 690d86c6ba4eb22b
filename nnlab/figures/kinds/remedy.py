"""`nnlab plot remedy`: the effect of each tried remedy on the objective, with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.remedies import RemedyOutcome, evaluate_remedies
from nnlab.analysis.remedy_studies import is_remedy_study, treated_finding
from nnlab.errors import UsageError
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_to_width
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, figure_table
from nnlab.io.text import format_count

_ROW_HEIGHT, _FRAME_HEIGHT = 0.24, 0.75  # inches


@dataclass(frozen=True, slots=True)
class RemedyEffect:
    """A remedy: its improvement of the objective, the interval, and whether it is significant.

    `remaining_text` says in how many runs the finding remained.
    """

    name: str
    effect: float
    low: float
    high: float
    helped: bool
    remaining_text: str


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

    def draw() -> Figure:
        effects = [
            RemedyEffect(
                result.title,
                result.effect,
                result.low,
                result.high,
                result.outcome is RemedyOutcome.HELPED,
                f"{code} {result.still}/{result.n}" if code else "",
            )
            for result in results
        ]
        return draw_remedies(effects, metric_name(objective.metric))

    rows = [
        (
            result.title,
            result.n,
            result.effect,
            result.low,
            result.high,
            str(result.outcome),
            result.still,
        )
        for result in results
    ]
    columns = ("remedy", "n", "effect", "low", "high", "outcome", f"runs with {code}")
    runs = tuple(run.id for run in store.runs(db, study=study.id, current_only=True))
    count = f"{format_count(len(results), 'remedy')}, {format_count(len(runs), 'run')}"
    return PreparedFigure(
        draw, figure_table(columns, rows), runs, count.replace("remedys", "remedies")
    )


def draw_remedies(effects: Sequence[RemedyEffect], metric: str) -> Figure:
    """A figure of effects with their 95 % intervals, best on top; significant ones are coloured."""
    with style_context():
        figure = new_figure(_ROW_HEIGHT * len(effects) + _FRAME_HEIGHT)
        ax = figure.subplots()
        for position, effect in enumerate(effects):
            line_color = color(0) if effect.helped else current_paper().look.grey
            ax.plot(
                [effect.low, effect.high],
                [position, position],
                color=line_color,
                linewidth=points(1.4),
            )
            ax.plot(effect.effect, position, marker="o", markersize=points(4), color=line_color)
        ax.axvline(
            0.0, color=current_paper().look.grey, linewidth=points(0.8), linestyle=REFERENCE_DASHES
        )
        names = short_labels(
            [effect.name for effect in effects], letters_that_fit(0.34 * current_paper().width)
        )
        ax.set_yticks(range(len(effects)), names)
        ax.set_ylim(len(effects) - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        right_axis = ax.secondary_yaxis("right")
        right_axis.set_yticks(range(len(effects)), [effect.remaining_text for effect in effects])
        right_axis.tick_params(length=0)
        x_label = f"{metric} better than the control by (95 % interval)"
        ax.set_xlabel(
            wrap_to_width(x_label, 0.4 * current_paper().width, current_paper().label_size, 4)
        )
        return figure

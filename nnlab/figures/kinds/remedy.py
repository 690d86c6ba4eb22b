"""`nnlab plot remedy`: what remedies changed. // What remedies changed: a line each, with its interval around no effect."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from nnlab import store
from nnlab.analysis.ranking import format_count
from nnlab.analysis.remedies import RemedyOutcome, evaluate_remedies
from nnlab.analysis.remedy_studies import is_remedy_study, treated_finding
from nnlab.errors import UsageError
from nnlab.figures.draw.labels import letters_that_fit, short_labels, wrap_to_width
from nnlab.figures.draw.layout import new_figure
from nnlab.figures.draw.paper import color, current_paper, points
from nnlab.figures.draw.style import REFERENCE_DASHES, style_context
from nnlab.figures.prepared_figure import PreparedFigure, numbers

_ROW_HEIGHT, _FRAME_HEIGHT = 0.24, 0.75  # inches


@dataclass(frozen=True, slots=True)
class RemedyEffect:
    """A remedy: how much better it made the objective, its interval, and whether that is proved.

    `gone` tells in how many runs the finding remained.
    """

    name: str
    effect: float
    low: float
    high: float
    helped: bool
    gone: str


def prepare_remedies(db: store.Database, words: Sequence[str]) -> PreparedFigure:
    """The remedies of a study that `nnlab remedy` made, best first.

    Raises:
        UnknownName: no such study.
        UsageError: it is no study of remedies, or has not been trained.
    """
    if len(words) != 1:
        raise UsageError(f"one study of remedies is drawn at a time, got {len(words)}")
    study = store.find_study(db, words[0])
    if not is_remedy_study(study):
        raise UsageError(f"{study.name} is no study of remedies", hint="nnlab remedy RUN makes one")
    objective = study.objective
    assert objective is not None
    code = treated_finding(db, study)
    tried = evaluate_remedies(db, study, objective, code)
    if not tried:
        raise UsageError(f"{study.name} has no two seeds of a remedy and its control yet")

    def draw() -> Figure:
        from nnlab.figures.draw.display_names import metric_name

        effects = [
            RemedyEffect(
                one.title,
                one.effect,
                one.low,
                one.high,
                one.outcome is RemedyOutcome.HELPED,
                f"{code} {one.still}/{one.n}" if code else "",
            )
            for one in tried
        ]
        return draw_remedies(effects, metric_name(objective.metric))

    rows = [
        (one.title, one.n, one.effect, one.low, one.high, str(one.outcome), one.still)
        for one in tried
    ]
    columns = ("remedy", "n", "effect", "low", "high", "outcome", f"runs with {code}")
    runs = tuple(run.id for run in store.runs(db, study=study.id, current_only=True))
    told = f"{format_count(len(tried), 'remedy')}, {format_count(len(runs), 'run')}"
    return PreparedFigure(draw, numbers(columns, rows), runs, told.replace("remedys", "remedies"))


def draw_remedies(effects: Sequence[RemedyEffect], metric: str) -> Figure:
    """Draws effects with their 95 % intervals, best on top; proved ones are coloured."""
    with style_context():
        figure = new_figure(_ROW_HEIGHT * len(effects) + _FRAME_HEIGHT)
        ax = figure.subplots()
        for place, one in enumerate(effects):
            tone = color(0) if one.helped else current_paper().look.grey
            ax.plot([one.low, one.high], [place, place], color=tone, linewidth=points(1.4))
            ax.plot(one.effect, place, marker="o", markersize=points(4), color=tone)
        ax.axvline(
            0.0, color=current_paper().look.grey, linewidth=points(0.8), linestyle=REFERENCE_DASHES
        )
        names = short_labels(
            [one.name for one in effects], letters_that_fit(0.34 * current_paper().width)
        )
        ax.set_yticks(range(len(effects)), names)
        ax.set_ylim(len(effects) - 0.5, -0.5)
        ax.grid(visible=False, axis="y")
        right = ax.secondary_yaxis("right")
        right.set_yticks(range(len(effects)), [one.gone for one in effects])
        right.tick_params(length=0)
        told = f"{metric} better than the control by (95 % interval)"
        ax.set_xlabel(
            wrap_to_width(told, 0.4 * current_paper().width, current_paper().label_size, 4)
        )
        return figure

"""`nnlab plot remedy`: what remedies changed."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.analysis.remedies import CONTROL_ARM, RemedyOutcome, evaluate_remedies
from nnlab.diagnose import group_symptoms
from nnlab.errors import UsageError
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.io.text import format_count
from nnlab.records import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def remedy(db: store.Database, words: Sequence[str]) -> PreparedFigure:
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

    def draw() -> "Figure":
        from nnlab.figures.draw.display_names import metric_name
        from nnlab.figures.draw.remedy import RemedyEffect, remedies

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
        return remedies(effects, metric_name(objective.metric))

    rows = [
        (one.title, one.n, one.effect, one.low, one.high, str(one.outcome), one.still)
        for one in tried
    ]
    columns = ("remedy", "n", "effect", "low", "high", "outcome", f"runs with {code}")
    runs = tuple(run.id for run in store.runs(db, study=study.id, current_only=True))
    told = f"{format_count(len(tried), 'remedy')}, {format_count(len(runs), 'run')}"
    return PreparedFigure(draw, numbers(columns, rows), runs, told.replace("remedys", "remedies"))


def is_remedy_study(study: Study) -> bool:
    """Whether `nnlab remedy` made it."""
    return bool(study.arms) and study.arms[0].name == CONTROL_ARM


def treated_finding(db: store.Database, study: Study) -> str:
    """The finding that most runs of the control have first, "" where they have none."""
    control = study.arms[0].trials[0]
    runs = [r for r in store.runs(db, study=study.id) if r.trial.digest == control]
    found = store.findings(db, [run.id for run in runs])
    firsts = Counter(group_symptoms(of)[0].finding.code for of in found.values() if of)
    return firsts.most_common(1)[0][0] if firsts else ""

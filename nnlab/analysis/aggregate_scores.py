"""The scores of methods over data sets, from which aggregates are computed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from nnlab import store
from nnlab.analysis.across_tasks import compare_across_tasks
from nnlab.analysis.external_data import data_of
from nnlab.analysis.scope import Scope
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.objective import Objective, limits_of
from nnlab.records import Scalar
from nnlab.settings.setting_differences import format_value
from nnlab.stats.across_tasks import min_max_scores


class Normalisation(StrEnum):
    """How the scores of different data sets become comparable.

    NONE: they are fractions already, such as accuracies. MIN_MAX: from 0, the worst run of a data
    set, to 1, its best.
    """

    NONE = "none"
    MIN_MAX = "min-max"


@dataclass(frozen=True, slots=True)
class MethodScores:
    """The scores of methods by method and data set, one for each seed; 1 is the best score.

    `values` are the methods as values of the field. `runs` are the runs of all scores. `notes`
    must be shown with them.
    """

    objective: Objective
    field: str
    normalisation: Normalisation
    scores: dict[str, dict[str, list[float]]]
    values: dict[str, Scalar]
    tasks: tuple[str, ...]
    runs: tuple[int, ...]
    notes: tuple[str, ...]


def collect_method_scores(
    db: store.Database,
    scope: Scope,
    field: str,
    *,
    by: str | None = None,
    normalisation: Normalisation | None = None,
) -> MethodScores:
    """The scores of the values of a field (the methods) on each data set.

    Args:
        db: the database.
        scope: the studies or runs.
        field: its values are the methods, each represented by its best trial of a data set.
        by: a metric; None uses the objective.
        normalisation: None takes fractions as they are, and scales other metrics.

    Raises:
        UnknownName: no trial has that field, or no run has that metric.
        UsageError: fewer than two methods, no data set on which all were trained, or scores that
            are not fractions are to be compared without normalisation.
    """
    comparison = compare_across_tasks(db, scope, field, by=by)
    objective = comparison.objective
    is_fraction = limits_of(objective.metric) == (0.0, 1.0) and objective.direction == "max"
    if normalisation is None:
        normalisation = Normalisation.NONE if is_fraction else Normalisation.MIN_MAX
    if normalisation is Normalisation.NONE and not is_fraction:
        raise UsageError(
            f"--normalise none: {objective.metric} of different data sets is not comparable",
            hint="only fractions for which higher is better are; use --normalise min-max",
        )
    runs = store.runs(db, run_ids=comparison.runs)
    best = store.best_values(db, [run.id for run in runs], objective.metric, objective.direction)
    measured: dict[str, dict[str, list[float]]] = {}
    values: dict[str, Scalar] = {}
    for run in runs:
        value = run.trial.setting.get(field)
        method, task = format_value(value) or "-", format_value(data_of(run.trial.setting))
        values[method] = value
        score = best[run.id][0] if run.id in best else math.nan
        measured.setdefault(method, {}).setdefault(task, []).append(score)
    if normalisation is Normalisation.MIN_MAX:
        scores = min_max_scores(measured, higher=objective.direction == "max")
    else:
        scores = {
            method: {
                t: [s if math.isfinite(s) else 0.0 for s in of_task]
                for t, of_task in by_task.items()
            }
            for method, by_task in measured.items()
        }
    notes = [
        *comparison.notes,
        *_tuning_note(list(comparison.tuned.values())),
        *_not_finite_note(measured, objective.metric),
    ]
    if comparison.left_out:
        notes.append(f"not on all data sets, left out: {', '.join(comparison.left_out)}")
    return MethodScores(
        objective,
        field,
        normalisation,
        scores,
        values,
        comparison.tasks,
        comparison.runs,
        tuple(notes),
    )


def _tuning_note(tuned: Sequence[tuple[int, int]]) -> list[str]:
    most = max(high for _, high in tuned)
    if most == 1:
        return []
    return [f"a method is represented by its best trial of each data set, of up to {most} trials"]


def _not_finite_note(measured: dict[str, dict[str, list[float]]], metric: str) -> list[str]:
    count = sum(
        not math.isfinite(value)
        for by_task in measured.values()
        for values in by_task.values()
        for value in values
    )
    return [f"{format_count(count, 'run')} without a finite {metric} with score 0"] if count else []

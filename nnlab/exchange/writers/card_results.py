"""The results in a model card: one value per run and metric, and their means over seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab.exchange.log_writer import ExportedRun
from nnlab.metric_names import is_evaluation
from nnlab.objective import Objective, direction_of, limits_of
from nnlab.records import Curve, Setting
from nnlab.stats.intervals import confidence_interval
from nnlab.stats.rounding import format_mean

_MOST_METRICS = 8


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The runs of one trial, and the values of each metric: one per run that has it."""

    setting: Setting
    runs: tuple[ExportedRun, ...]
    values: dict[str, tuple[float, ...]]

    def mean(self, metric: str) -> float:
        """The mean over the runs; NaN if no run has the metric."""
        values = self.values.get(metric, ())
        return math.fsum(values) / len(values) if values else math.nan

    def text(self, metric: str) -> str:
        """Mean ± half of the 95 % interval of the mean; empty if no run has the metric."""
        values = self.values.get(metric, ())
        if not values:
            return ""
        low, high = confidence_interval(values, limits=limits_of(metric))
        return format_mean(self.mean(metric), (high - low) / 2)


def trial_results(runs: Sequence[ExportedRun]) -> tuple[TrialResult, ...]:
    """The results of each trial, the best by the objective first."""
    by_trial: dict[int, list[ExportedRun]] = {}
    for run in runs:
        by_trial.setdefault(run.run.trial.id, []).append(run)
    metrics = card_metrics(runs)
    results = [
        TrialResult(
            of_trial[0].run.trial.setting,
            tuple(of_trial),
            {
                m: tuple(v for run in of_trial if (v := value_of(run, m)) is not None)
                for m in metrics
            },
        )
        for of_trial in by_trial.values()
    ]
    objective = runs[0].objective
    if objective is None:
        return tuple(results)
    sign = 1 if objective.direction == "min" else -1

    def order(result: TrialResult) -> float:
        mean = result.mean(objective.metric)
        return math.inf if math.isnan(mean) else sign * mean

    return tuple(sorted(results, key=order))


def card_metrics(runs: Sequence[ExportedRun]) -> tuple[str, ...]:
    """The metrics to show: the objective, then others of validation and test, then of training."""
    names = dict.fromkeys(name for run in runs for name in run.history.metrics)
    objective = runs[0].objective
    known = [name for name in names if direction_of(name) is not None]
    evaluations = [name for name in known if is_evaluation(name)]
    ordered = dict.fromkeys([*([objective.metric] if objective else []), *(evaluations or known)])
    return tuple(name for name in ordered if name in names)[:_MOST_METRICS]


def value_of(run: ExportedRun, metric: str) -> float | None:
    """The value of a metric at the selected epoch, or where the objective was best, or the last."""
    curve = run.history.get(metric)
    if curve is None or not len(curve):
        return None
    position = run.run.selected_epoch
    if position is None and run.objective is not None:
        position = _best_position(run.history.get(run.objective.metric), run.objective)
    by_position = dict(curve)
    value = (
        by_position.get(position, curve.values[-1]) if position is not None else curve.values[-1]
    )
    return value if math.isfinite(value) else None


def _best_position(curve: Curve | None, objective: Objective) -> int | None:
    best: tuple[int, float] | None = None
    for position, value in curve or ():
        if best is None or objective.is_better(value, best[1]):
            best = position, value
    return best and best[0]

"""One number of a run, for verdicts and tables: a metric expression at a moment of its history.

An expression is a metric, or the difference or quotient of two metrics, with spaces around the
sign: `train/accuracy - val/accuracy`, `a / b`. `nnlab.study.comparisons.EVALUATION_POINTS` lists
the moments.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from nnlab.analysis.gradient_counts import GRADIENT_METRICS, gradients_by_epoch
from nnlab.errors import UsageError
from nnlab.objective import Direction, Objective, split_direction
from nnlab.records import Curve, History, Run, Status
from nnlab.settings import metric_directions

EPOCH_TIME_METRIC = "time/epoch"
ONCE_PREFIX = "once "
SINCE_BEST_PREFIX = "since best "
_ROUNDING = 1e-9


def metrics_in(expression: str) -> tuple[str, ...]:
    """The metrics in an expression, without `:min` or `:max` at their end.

    >>> metrics_in("train/loss - val/loss")
    ('train/loss', 'val/loss')
    """
    for sign in (" - ", " / "):
        left, separator, right = expression.partition(sign)
        if separator:
            return split_direction(left.strip())[0], split_direction(right.strip())[0]
    return (split_direction(expression.strip())[0],)


def required_metrics(expressions: Iterable[str], moments: Iterable[str] = ()) -> tuple[str, ...]:
    """All metrics that must be loaded to evaluate expressions at moments."""
    names = [name for expression in expressions for name in metrics_in(expression)]
    for at in moments:
        if at.startswith((ONCE_PREFIX, SINCE_BEST_PREFIX)):
            names.append(at.removeprefix(SINCE_BEST_PREFIX).removeprefix(ONCE_PREFIX).split(" ")[0])
        elif at.startswith("gradients "):
            names += GRADIENT_METRICS
    return tuple(dict.fromkeys([*names, EPOCH_TIME_METRIC]))


def read_run_value(run: Run, history: History, expression: str, at: str) -> float | None:
    """The value of an expression at a moment, in the metric's unit; None if it is not finite.

    The last accuracy of a diverged run counts as 0, and so does its test accuracy, which is never
    measured.
    """
    directions = {**metric_directions(run.trial.setting), **dict(_directions_in(expression))}
    values = [
        _metric_value(run, history, metric, at, directions) for metric in metrics_in(expression)
    ]
    if any(value is None or not math.isfinite(value) for value in values):
        return None
    finite = [value for value in values if value is not None]
    if len(finite) == 1:
        return finite[0]
    if " - " in expression:
        return finite[0] - finite[1]
    return finite[0] / finite[1] if finite[1] else None


def _directions_in(expression: str) -> Iterator[tuple[str, Direction]]:
    """The directions that `:min` or `:max` after a metric of an expression gives."""
    for word in expression.split():
        metric, direction = split_direction(word)
        if direction is not None:
            yield metric, direction


def _metric_value(
    run: Run, history: History, metric: str, at: str, directions: Mapping[str, Direction]
) -> float | None:
    curve = history.get(metric)
    if curve is None or not len(curve):
        # A diverged run is not evaluated on the test split.
        return _diverged_value(metric) if run.status is Status.DIVERGED else None
    if at.startswith(SINCE_BEST_PREFIX):
        best_epoch = _best_epoch(history.get(at.removeprefix(SINCE_BEST_PREFIX)), directions)
        before = _value_at_epoch(curve, best_epoch)
        last = _metric_value(run, history, metric, "last", directions)
        return None if before is None or last is None else last - before
    word, _, number = at.rpartition(" ")
    match word or at:
        case "selected":
            if run.selected_epoch is None:
                return _diverged_value(metric) if run.status is Status.DIVERGED else None
            return _value_at_epoch(curve, run.selected_epoch)
        case "best":
            finite = list(filter(math.isfinite, curve.values))
            is_min = _objective(metric, directions).direction == "min"
            return (min if is_min else max)(finite, default=None)
        case "first":
            return curve.values[0]
        case "last":
            if run.status is Status.DIVERGED:
                return _diverged_value(metric)
            return curve.values[-1]
        case "mean":
            return math.fsum(curve.values) / len(curve)
        case "total":
            return math.fsum(curve.values)
        case "epoch":
            return _value_at_epoch(curve, int(number))
        case "seconds":
            return _value_at_epoch(curve, _last_epoch_within(_epoch_times(history), float(number)))
        case "gradients":
            gradients = gradients_by_epoch(run, history)
            return _value_at_epoch(curve, _last_epoch_within(gradients, float(number)))
        case "epochs to":
            reached = _first_epoch_at_level(curve, float(number), directions)
            return float(reached or run.epochs_planned + 1)
        case "seconds to":
            reached = _first_epoch_at_level(curve, float(number), directions)
            return math.fsum(_epoch_times(history)[: reached or None])
        case "gradients to":
            reached = _first_epoch_at_level(curve, float(number), directions)
            return math.fsum(gradients_by_epoch(run, history)[: reached or None])
        case moment if moment.startswith(ONCE_PREFIX):
            other = history.get(moment.removeprefix(ONCE_PREFIX))
            return _value_at_epoch(
                curve, _first_epoch_at_level(other, float(number), directions) if other else None
            )
    raise ValueError(f"not a moment of a history: {at!r}")


def _diverged_value(metric: str) -> float | None:
    return 0.0 if metric.endswith("accuracy") else None


def _value_at_epoch(curve: Curve, epoch: int | None) -> float | None:
    return next((value for measured, value in curve if measured == epoch), None)


def _epoch_times(history: History) -> Sequence[float]:
    curve = history.get(EPOCH_TIME_METRIC)
    return curve.values if curve else ()


def _last_epoch_within(costs: Sequence[float], budget: float) -> int | None:
    """The last epoch within a budget, from the cost of each epoch; None if there is none."""
    spent, finished = 0.0, None
    for epoch, cost in enumerate(costs, start=1):
        spent += cost
        # The sum of fractions of a gradient is rounded.
        if spent > budget * (1 + _ROUNDING):
            break
        finished = epoch
    return finished


def _objective(metric: str, directions: Mapping[str, Direction]) -> Objective:
    """The metric with its direction.

    Raises:
        UsageError: the direction is unknown.
    """
    try:
        return Objective.parse(metric, directions)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _best_epoch(curve: Curve | None, directions: Mapping[str, Direction]) -> int | None:
    """The epoch of the best finite value, the first of several; None if there is none."""
    finite = [(epoch, value) for epoch, value in curve or () if math.isfinite(value)]
    if curve is None or not finite:
        return None
    is_min = _objective(curve.metric, directions).direction == "min"
    return (min if is_min else max)(finite, key=lambda point: point[1])[0]


def _first_epoch_at_level(
    curve: Curve, level: float, directions: Mapping[str, Direction]
) -> int | None:
    """The first epoch at which the metric reached a level or better; None if it never did."""
    objective = _objective(curve.metric, directions)
    return next((e for e, v in curve if v == level or objective.is_better(v, level)), None)

"""One number of a run: a metric, or two of them joined, read at a moment of its history.

`train/accuracy - val/accuracy` and `a / b` (with spaces around the sign) join two metrics. The
moments are those of `nnlab.study.comparisons.EVALUATION_POINTS`.
"""

import math
from collections.abc import Iterable, Sequence

from nnlab.objective import Objective, direction_of
from nnlab.records import Curve, History, Run, Status

EPOCH_TIME_METRIC = "time/epoch"
ONCE_PREFIX = "once "


def metrics_in(expression: str) -> tuple[str, ...]:
    """The metrics that an expression names.

    >>> metrics_in("train/loss - val/loss")
    ('train/loss', 'val/loss')
    """
    for sign in (" - ", " / "):
        left, found, right = expression.partition(sign)
        if found:
            return left.strip(), right.strip()
    return (expression.strip(),)


def required_metrics(expressions: Iterable[str], moments: Iterable[str] = ()) -> tuple[str, ...]:
    """All metrics that must be fetched to read these, with those that some moments need."""
    names = [name for expression in expressions for name in metrics_in(expression)]
    names += [at.split(" ")[1] for at in moments if at.startswith(ONCE_PREFIX)]
    return tuple(dict.fromkeys([*names, EPOCH_TIME_METRIC]))


def read_run_value(run: Run, history: History, expression: str, at: str) -> float | None:
    """The value in the metric's unit, or None where there is no finite one.

    A run that diverged classifies nothing after that: its last accuracy, and that of the test,
    which it never comes to, are 0.
    """
    values = [_metric_value(run, history, metric, at) for metric in metrics_in(expression)]
    if any(value is None or not math.isfinite(value) for value in values):
        return None
    known = [value for value in values if value is not None]
    if len(known) == 1:
        return known[0]
    if " - " in expression:
        return known[0] - known[1]
    return known[0] / known[1] if known[1] else None


def _metric_value(run: Run, history: History, metric: str, at: str) -> float | None:
    curve = history.get(metric)
    if curve is None or not len(curve):
        # A run that diverged is not tested.
        return _diverged_value(metric) if run.status is Status.DIVERGED else None
    word, _, number = at.rpartition(" ")
    match word or at:
        case "selected":
            if run.selected_epoch is None:
                return _diverged_value(metric) if run.status is Status.DIVERGED else None
            return _value_at_epoch(curve, run.selected_epoch)
        case "best":
            finite = list(filter(math.isfinite, curve.values))
            return (min if direction_of(metric) == "min" else max)(finite, default=None)
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
            return _value_at_epoch(curve, _last_epoch_within(history, float(number)))
        case "epochs to":
            return float(_first_epoch_at_level(curve, float(number)) or run.epochs_planned + 1)
        case "seconds to":
            reached = _first_epoch_at_level(curve, float(number))
            return math.fsum(_epoch_times(history)[: reached or None])
        case moment if moment.startswith(ONCE_PREFIX):
            other = history.get(moment.removeprefix(ONCE_PREFIX))
            return _value_at_epoch(
                curve, _first_epoch_at_level(other, float(number)) if other else None
            )
    raise ValueError(f"no moment of a history: {at!r}")


def _diverged_value(metric: str) -> float | None:
    return 0.0 if metric.endswith("accuracy") else None


def _value_at_epoch(curve: Curve, epoch: int | None) -> float | None:
    return next((value for found, value in curve if found == epoch), None)


def _epoch_times(history: History) -> Sequence[float]:
    curve = history.get(EPOCH_TIME_METRIC)
    return curve.values if curve else ()


def _last_epoch_within(history: History, seconds: float) -> int | None:
    """The last epoch that was finished within so many seconds of training, if any was."""
    spent, finished = 0.0, None
    for epoch, duration in enumerate(_epoch_times(history), start=1):
        spent += duration
        if spent > seconds:
            break
        finished = epoch
    return finished


def _first_epoch_at_level(curve: Curve, level: float) -> int | None:
    """The first epoch at which the metric was at a level or better, if it ever was."""
    objective = Objective.parse(curve.metric)
    return next((e for e, v in curve if v == level or objective.better(v, level)), None)

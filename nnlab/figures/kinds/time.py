"""`nnlab plot time`: a metric against seconds, epochs or steps, and the time to a target."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from nnlab import store
from nnlab.engine.batches import steps_per_epoch
from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.series import Series
from nnlab.figures.prepared_figure import PreparedFigure, numbers
from nnlab.figures.trials import is_loss_metric, load_trial_curves
from nnlab.records import History, Setting, direction_of
from nnlab.stats import format_duration
from nnlab.stats.curve_band import BandKind, mean_curve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnlab.figures.draw.time import CostCurve

CostUnit = Literal["seconds", "epochs", "steps"]
_COST_LABELS = {"seconds": "Training time (s)", "epochs": "Epochs", "steps": "Steps"}


def against_cost(
    db: store.Database,
    words: Sequence[str],
    *,
    metric: str | None = None,
    x: CostUnit = "seconds",
    target: float | None = None,
    top: int = 6,
) -> PreparedFigure:
    """A metric (the objective's) of the `top` best trials against what it cost.

    Seconds are those of training and evaluating, without loading; of several seeds their mean at
    each epoch. Without a target none is drawn.

    Raises:
        UnknownName: a word is neither a study nor a run, or no run has that metric.
        UsageError: nothing was trained there, or its steps are not known.
    """
    trials = load_trial_curves(db, words, top=top)
    name = metric or trials.ranking.objective.metric
    measured = {m for one in trials.series for history in one.histories for m in history.metrics}
    if name not in measured:
        raise UnknownName("metric", name, measured)
    settings = [row.setting for row in trials.ranking.rows]

    def paced() -> "list[CostCurve]":
        return [
            _cost_curve(one, setting, name, x, target)
            for one, setting in zip(trials.series, settings, strict=True)
        ]

    def draw() -> "Figure":
        from nnlab.figures.draw.display_names import metric_name
        from nnlab.figures.draw.time import cost_curves as drawn

        label = metric_name(name, trials.loss)
        lower = direction_of(name) == "min"
        return drawn(
            paced(), _COST_LABELS[x], label, log_y=is_loss_metric(name), target=target, lower=lower
        )

    found = paced()
    rows = [
        (one.label, cost, mean, low, high)
        for one in found
        for cost, mean, low, high in zip(one.cost, one.mean, one.low, one.high, strict=True)
    ]
    notes = list(trials.notes)
    if target is not None:
        told = [
            f"{one.label}: {'never' if one.reached is None else _cost_text(one.reached, x)}"
            for one in found
        ]
        notes.append(f"{name} reached {target:g} after: {'; '.join(told)}")
    table = numbers(("trial", x, "mean", "low", "high"), rows)
    return PreparedFigure(draw, table, trials.runs, trials.told, tuple(notes))


def _cost_text(cost: float, x: CostUnit) -> str:
    return format_duration(cost) if x == "seconds" else f"{cost:.4g} {x}"


def _cost_curve(
    one: Series, setting: Setting, metric: str, x: CostUnit, target: float | None
) -> "CostCurve":
    from nnlab.figures.draw.time import CostCurve

    found = [(history, c) for history in one.histories if (c := history.get(metric))]
    band = mean_curve([curve for _, curve in found], BandKind.INTERVAL)
    costs = [_cumulative_costs(history, setting, x, len(band)) for history, _ in found]
    at = {
        epoch: _mean_or_nan([cost[epoch] for cost in costs if epoch in cost])
        for epoch in band.epochs
    }
    return CostCurve(
        one.label,
        tuple(at[epoch] for epoch in band.epochs),
        band.mean,
        band.low,
        band.high,
        _cost_at_target([at[e] for e in band.epochs], band.mean, metric, target),
    )


def _cumulative_costs(
    history: History, setting: Setting, x: CostUnit, epochs: int
) -> dict[int, float]:
    """What each epoch had cost when it ended."""
    if x == "epochs":
        return {epoch: float(epoch) for epoch in range(1, epochs + 1)}
    if x == "steps":
        size = history.get("data/train")
        if size is None:
            raise UsageError(
                "how many steps an epoch had is not known of runs trained with --probe none",
                hint="--x epochs",
            )
        batch_size = setting.get("batch_size")  # None where all examples make a step
        steps = steps_per_epoch(
            int(size.values[0]), batch_size if isinstance(batch_size, int) else None
        )
        return {epoch: float(epoch * steps) for epoch in range(1, epochs + 1)}
    total, costs = 0.0, {}
    for epoch, seconds in history.get("time/epoch") or ():
        total += seconds
        costs[epoch] = total
    return costs


def _mean_or_nan(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _cost_at_target(
    costs: Sequence[float], means: Sequence[float], metric: str, target: float | None
) -> float | None:
    """The cost at which the mean first met the target."""
    if target is None:
        return None
    lower = direction_of(metric) == "min"
    met = (value <= target if lower else value >= target for value in means)
    return next((cost for cost, good in zip(costs, met, strict=True) if good), None)

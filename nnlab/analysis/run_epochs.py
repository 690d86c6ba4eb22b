"""The epoch of each run's ranked value, and its test value with the epoch of that."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.objective import Objective
from nnlab.store import SeedResult
from nnlab.store.ranking_queries import ValueChoice


@dataclass(frozen=True, slots=True)
class RunEpochs:
    """The epoch of a run's value, and its test value with the epoch of that.

    Each is None if it is unknown.
    """

    epoch: int | None
    test: float | None
    test_epoch: int | None


# Validation errors of a regression in the unit of the target; the loss is of standardised targets.
ERROR_METRICS = ("val/rmse", "val/mae")


def load_errors(
    db: store.Database, epochs: Mapping[int, RunEpochs], objective: Objective
) -> Mapping[str, Mapping[int, float]]:
    """The `ERROR_METRICS` of each run at the epoch of its value, without the objective itself."""
    errors: dict[str, dict[int, float]] = {}
    if not epochs:
        return errors
    for metric in ERROR_METRICS:
        if metric == objective.metric:
            continue
        selected = store.values_at_selected_epoch(db, list(epochs), metric)
        values = {
            run_id: value
            for run_id, (epoch, value) in selected.items()
            if epoch == epochs[run_id].epoch and not math.isnan(value)
        }
        others = [run_id for run_id in epochs if run_id not in values]
        for run_id, history in store.histories(db, others, [metric]).items():
            by_epoch = dict(history.get(metric) or ())
            if (epoch := epochs[run_id].epoch) in by_epoch:
                values[run_id] = by_epoch[epoch]
        if values:
            errors[metric] = values
    return errors


def test_metric(objective: Objective) -> str:
    """The metric of the same quantity on the test split; "" if the objective is not of val."""
    split, _, quantity = objective.metric.partition("/")
    return f"test/{quantity}" if split == "val" else ""


def load_run_epochs(
    db: store.Database, results: Sequence[SeedResult], objective: Objective, at: ValueChoice
) -> Mapping[int, RunEpochs]:
    """The epochs of each run's value and test value, by run.

    Several epochs may have the same best value. The store keeps the first of them. If the run
    selected a later one, that epoch is returned, because the test value belongs to it.
    """
    run_ids = [result.run_id for result in results]
    selected = store.values_at_selected_epoch(db, run_ids, objective.metric)
    metric = test_metric(objective)
    tested = store.summaries(db, run_ids, [metric]) if metric else {}
    epochs_by_run = {}
    for result in results:
        selected_epoch, value = selected.get(result.run_id, (None, None))
        is_tie = at == "best" and selected_epoch is not None and value == result.value
        summary = tested.get(result.run_id, {}).get(metric)
        test_epoch = None if summary is None else selected_epoch or summary.last_epoch
        epochs_by_run[result.run_id] = RunEpochs(
            selected_epoch if is_tie else result.epoch,
            None if summary is None else summary.last,
            test_epoch,
        )
    return epochs_by_run

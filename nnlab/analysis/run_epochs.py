"""Which epoch the value of a run is from, and whether its test value belongs to that epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.objective import Objective
from nnlab.store import SeedResult
from nnlab.store.ranking_queries import ValueChoice


@dataclass(frozen=True, slots=True)
class RunEpochs:
    """The epoch of a run's value and its test value with the epoch that this was measured at.

    All are None where they are not known; `test` is NaN where the run has no test value.
    """

    epoch: int | None
    test: float | None
    test_epoch: int | None


def test_metric(objective: Objective) -> str:
    """The test split's metric of the same quantity, "" where the objective is not of validation."""
    split, _, quantity = objective.metric.partition("/")
    return f"test/{quantity}" if split == "val" else ""


def load_run_epochs(
    db: store.Database, results: Sequence[SeedResult], objective: Objective, at: ValueChoice
) -> Mapping[int, RunEpochs]:
    """The epochs of each run's value and test value, by run.

    A best value may be reached in several epochs. The store remembers the first of them; where
    the run selected a later one, the value is shown at that, for the test value belongs to it.
    """
    run_ids = [result.run_id for result in results]
    selected = store.values_at_selected_epoch(db, run_ids, objective.metric)
    metric = test_metric(objective)
    tested = store.summaries(db, run_ids, [metric]) if metric else {}
    found = {}
    for result in results:
        chosen, value = selected.get(result.run_id, (None, None))
        tie = at == "best" and chosen is not None and value == result.value
        summary = tested.get(result.run_id, {}).get(metric)
        test_epoch = None if summary is None else chosen or summary.last_epoch
        found[result.run_id] = RunEpochs(
            chosen if tie else result.epoch, None if summary is None else summary.last, test_epoch
        )
    return found

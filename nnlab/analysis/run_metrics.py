"""The metrics of a run with their last and best values, as `nnlab show` and the board list them."""

from collections.abc import Mapping
from typing import Any

from nnlab import store
from nnlab.analysis.objectives import resolve_direction
from nnlab.records import MetricSummary, Run
from nnlab.settings import metric_directions

_SPLITS = ("train/", "val/", "test/")


def metric_rows(db: store.Database, run: Run) -> list[Mapping[str, Any]]:
    """A row for each metric, by name.

    `best` is None if it is unknown whether lower or higher is better.
    """
    summaries = store.summaries(db, [run.id]).get(run.id, {})
    stored, declared = store.stored_directions(db), metric_directions(run.trial.setting)
    user = store.user_directions(db)
    rows = []
    for name, summary in sorted(summaries.items()):
        best: tuple[float | None, int | None] = (summary.best, summary.best_epoch)
        direction = resolve_direction(name, user, declared)
        if direction is None and (name.startswith(_SPLITS) or run.origin.is_external):
            best = (None, None)
        elif direction is not None and direction != stored.get(name):
            best = store.best_values(db, [run.id], name, direction).get(run.id, (None, None))
        rows.append(_metric_row(summary, *best))
    return rows


def _metric_row(
    summary: MetricSummary, best: float | None, best_epoch: int | None
) -> Mapping[str, Any]:
    return {
        "metric": summary.metric,
        "last": summary.last,
        "last_epoch": summary.last_epoch,
        "best": best,
        "best_epoch": best_epoch,
        "n": summary.n,
    }

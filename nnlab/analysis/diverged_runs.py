"""The diverged runs of the rows of a ranking, whose values before they diverged are no result."""

from collections.abc import Iterable

from nnlab import store
from nnlab.analysis.records import RankingRow
from nnlab.records import Status


def diverged_run_ids(db: store.Database, rows: Iterable[RankingRow]) -> frozenset[int]:
    """The ids of the diverged runs of some rows."""
    candidates = [run for row in rows if row.statuses.get(Status.DIVERGED) for run in row.runs]
    if not candidates:
        return frozenset()
    runs = store.runs(db, run_ids=candidates)
    return frozenset(run.id for run in runs if run.status is Status.DIVERGED)

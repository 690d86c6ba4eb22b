"""The results database: the only place that knows SQL. Rows go in, frozen records come out."""

from nnlab.store.address import Address
from nnlab.store.connect import Database
from nnlab.store.maintenance import DatabaseStatus, backup, check, status
from nnlab.store.measurements import (
    artifacts,
    attempts,
    attempts_of,
    findings,
    histories,
    history,
    metrics,
    summaries,
)
from nnlab.store.opening import open_database
from nnlab.store.plans import Enqueued, Plan, enqueue, missing
from nnlab.store.points import import_curves
from nnlab.store.queries import (
    StudyOverview,
    all_studies,
    count_runs,
    count_trials,
    find_runs,
    objectives,
    run_names,
    runs,
    studies,
    trials,
)
from nnlab.store.queue import Claim, claim, release, renew
from nnlab.store.ranked import RankedTrial, SeedResult, ranking
from nnlab.store.study import create_study, find_study
from nnlab.store.writer import RunWriter

__all__ = [
    "Address",
    "Claim",
    "Database",
    "DatabaseStatus",
    "Enqueued",
    "Plan",
    "RankedTrial",
    "RunWriter",
    "SeedResult",
    "StudyOverview",
    "all_studies",
    "artifacts",
    "attempts",
    "attempts_of",
    "backup",
    "check",
    "claim",
    "count_runs",
    "count_trials",
    "create_study",
    "enqueue",
    "find_runs",
    "find_study",
    "findings",
    "histories",
    "history",
    "import_curves",
    "metrics",
    "missing",
    "objectives",
    "open_database",
    "ranking",
    "release",
    "renew",
    "run_names",
    "runs",
    "status",
    "studies",
    "summaries",
    "trials",
]

"""The results database: the only place that knows SQL. Rows go in, frozen records come out."""

from typing import TYPE_CHECKING, Any

from nnlab.store.address import Address, FileAddress, ServerAddress
from nnlab.store.connect import Database
from nnlab.store.files import files_of, run_folder
from nnlab.store.fingerprints import changed_data_error, other_data
from nnlab.store.garbage import Garbage, collect, find_garbage, run_folders, size_of
from nnlab.store.liveness import pid_space
from nnlab.store.maintenance import DatabaseStatus, backup, check, status
from nnlab.store.measurements import (
    artifacts,
    attempts,
    attempts_beside,
    attempts_of,
    findings,
    histories,
    history,
    metrics,
    selected_values,
    summaries,
)
from nnlab.store.opening import open_database
from nnlab.store.plans import Enqueued, Plan, enqueue, missing
from nnlab.store.points import import_curves
from nnlab.store.progress import Progress, progress
from nnlab.store.queries import (
    StudyOverview,
    all_studies,
    count_runs,
    count_trials,
    find_runs,
    numbered_run,
    objectives,
    run_names,
    runs,
    studies,
    trials,
)
from nnlab.store.queue import Claim, claim, claim_several, claimable, lose, release, renew
from nnlab.store.ranked import RankedTrial, SeedResult, divergence, ranking
from nnlab.store.removing import Removal, bring_back, last_removal, remove
from nnlab.store.rivals import RivalRun, pruned_trials, pruner_of, rivals
from nnlab.store.run_data import RunData, changing_data, data_of_runs, distinct_data, trial_fields
from nnlab.store.run_folders import creation_stamp
from nnlab.store.served import AnyDatabase, Ask, Question, RemoteDatabase, RemoteFolder, answer
from nnlab.store.stopping import STOPPED, StopRequested, request_stop
from nnlab.store.study import create_study, extend_study, find_study
from nnlab.store.writer import RunWriter, write_all
from nnlab.store.writes import deliver

if TYPE_CHECKING:
    from nnlab.store.transfer import Copied, copy_database


def __getattr__(name: str) -> Any:
    # Copying takes SQLAlchemy's types to import, which no other command needs.
    if name in ("Copied", "copy_database"):
        from nnlab.store import transfer

        return getattr(transfer, name)
    raise AttributeError(name)


__all__ = [
    "STOPPED",
    "Address",
    "AnyDatabase",
    "Ask",
    "Claim",
    "Copied",
    "Database",
    "DatabaseStatus",
    "Enqueued",
    "FileAddress",
    "Garbage",
    "Plan",
    "Progress",
    "Question",
    "RankedTrial",
    "RemoteDatabase",
    "RemoteFolder",
    "Removal",
    "RivalRun",
    "RunData",
    "RunWriter",
    "SeedResult",
    "ServerAddress",
    "StopRequested",
    "StudyOverview",
    "all_studies",
    "answer",
    "artifacts",
    "attempts",
    "attempts_beside",
    "attempts_of",
    "backup",
    "bring_back",
    "changed_data_error",
    "changing_data",
    "check",
    "claim",
    "claim_several",
    "claimable",
    "collect",
    "copy_database",
    "count_runs",
    "count_trials",
    "create_study",
    "creation_stamp",
    "data_of_runs",
    "deliver",
    "distinct_data",
    "divergence",
    "enqueue",
    "extend_study",
    "files_of",
    "find_garbage",
    "find_runs",
    "find_study",
    "findings",
    "histories",
    "history",
    "import_curves",
    "last_removal",
    "lose",
    "metrics",
    "missing",
    "numbered_run",
    "objectives",
    "open_database",
    "other_data",
    "pid_space",
    "progress",
    "pruned_trials",
    "pruner_of",
    "ranking",
    "release",
    "remove",
    "renew",
    "request_stop",
    "rivals",
    "run_folder",
    "run_folders",
    "run_names",
    "runs",
    "selected_values",
    "size_of",
    "status",
    "studies",
    "summaries",
    "trial_fields",
    "trials",
    "write_all",
]

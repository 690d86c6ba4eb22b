"""The results database, the only package with SQL; its functions return frozen records."""

from nnlab.store.address import Address, FileAddress, ServerAddress
from nnlab.store.artifact_folders import artifacts_folder, run_folder
from nnlab.store.database import Database
from nnlab.store.enqueue import EnqueueResult, RunSpec, enqueue, missing_run_ids
from nnlab.store.evaluations import store_evaluation
from nnlab.store.external_runs import (
    ExternalRunSpec,
    change_setting,
    create_external_run,
    nested_settings,
    put_name_and_tags,
    put_results,
)
from nnlab.store.fingerprints import changed_data_error, find_data_mismatch
from nnlab.store.folder_marker import creation_stamp
from nnlab.store.garbage import (
    Garbage,
    collect_garbage,
    existing_run_folders,
    find_garbage,
    total_size,
)
from nnlab.store.leases import Claim, mark_worker_dead, release_run, renew_lease
from nnlab.store.liveness import current_pid_namespace
from nnlab.store.maintenance import DatabaseStatus, backup_database, database_status, find_problems
from nnlab.store.measurements import (
    artifacts,
    attempts,
    attempts_of_runs,
    batched_attempts,
    best_values,
    findings,
    histories,
    history,
    metrics,
    stored_directions,
    summaries,
    values_at_selected_epoch,
)
from nnlab.store.metric_directions import UserDirection, define_metric, user_directions
from nnlab.store.opening import open_database
from nnlab.store.peer_runs import PeerValue, count_pruned_runs, find_pruner, peer_runs
from nnlab.store.points import import_curves
from nnlab.store.progress import Progress, progress
from nnlab.store.queries import (
    StudyOverview,
    all_studies,
    count_objectives,
    count_runs,
    count_trials,
    runs,
    study_overviews,
    trials,
)
from nnlab.store.queue import claim, claim_runs, claimable_run_ids
from nnlab.store.ranked_trials import RankedTrial, SeedResult, divergence_rank, rank_trials
from nnlab.store.recorded_runs import (
    lease_holder,
    put_artifacts,
    put_environment,
    reopen_run,
    unfinished_run,
)
from nnlab.store.remote_callable import (
    AnyDatabase,
    RemoteDatabase,
    RemoteFolder,
    RpcRequest,
    SendRequest,
    execute_request,
)
from nnlab.store.removal import Removal, last_removal, remove, restore
from nnlab.store.run_data import (
    RunData,
    data_of_runs,
    distinct_data,
    seeds_with_changing_data,
    trial_fields,
)
from nnlab.store.run_references import find_runs, run_id_by_number, run_names
from nnlab.store.run_transactions import store_spooled_epochs
from nnlab.store.run_writer import RunWriter, write_epochs
from nnlab.store.samples import (
    SampleCall,
    SampleWriter,
    delete_samples,
    derive_points_again,
    iterate_samples,
    next_seq,
    samples,
    visible_samples,
)
from nnlab.store.sources import find_source, put_source, sources, update_imported_run
from nnlab.store.stop_requests import STOPPED_REASON, StopResult, is_stop_requested, request_stop
from nnlab.store.study import create_study, extend_study, find_study
from nnlab.store.transfer import CopyResult, copy_database

__all__ = [
    "STOPPED_REASON",
    "Address",
    "AnyDatabase",
    "Claim",
    "CopyResult",
    "Database",
    "DatabaseStatus",
    "EnqueueResult",
    "ExternalRunSpec",
    "FileAddress",
    "Garbage",
    "PeerValue",
    "Progress",
    "RankedTrial",
    "RemoteDatabase",
    "RemoteFolder",
    "Removal",
    "RpcRequest",
    "RunData",
    "RunSpec",
    "RunWriter",
    "SampleCall",
    "SampleWriter",
    "SeedResult",
    "SendRequest",
    "ServerAddress",
    "StopResult",
    "StudyOverview",
    "UserDirection",
    "all_studies",
    "artifacts",
    "artifacts_folder",
    "attempts",
    "attempts_of_runs",
    "backup_database",
    "batched_attempts",
    "best_values",
    "change_setting",
    "changed_data_error",
    "claim",
    "claim_runs",
    "claimable_run_ids",
    "collect_garbage",
    "copy_database",
    "count_objectives",
    "count_pruned_runs",
    "count_runs",
    "count_trials",
    "create_external_run",
    "create_study",
    "creation_stamp",
    "current_pid_namespace",
    "data_of_runs",
    "database_status",
    "define_metric",
    "delete_samples",
    "derive_points_again",
    "distinct_data",
    "divergence_rank",
    "enqueue",
    "execute_request",
    "existing_run_folders",
    "extend_study",
    "find_data_mismatch",
    "find_garbage",
    "find_problems",
    "find_pruner",
    "find_runs",
    "find_source",
    "find_study",
    "findings",
    "histories",
    "history",
    "import_curves",
    "is_stop_requested",
    "iterate_samples",
    "last_removal",
    "lease_holder",
    "mark_worker_dead",
    "metrics",
    "missing_run_ids",
    "nested_settings",
    "next_seq",
    "open_database",
    "peer_runs",
    "progress",
    "put_artifacts",
    "put_environment",
    "put_name_and_tags",
    "put_results",
    "put_source",
    "rank_trials",
    "release_run",
    "remove",
    "renew_lease",
    "reopen_run",
    "request_stop",
    "restore",
    "run_folder",
    "run_id_by_number",
    "run_names",
    "runs",
    "samples",
    "seeds_with_changing_data",
    "sources",
    "store_evaluation",
    "store_spooled_epochs",
    "stored_directions",
    "study_overviews",
    "summaries",
    "total_size",
    "trial_fields",
    "trials",
    "unfinished_run",
    "update_imported_run",
    "user_directions",
    "values_at_selected_epoch",
    "visible_samples",
    "write_epochs",
]

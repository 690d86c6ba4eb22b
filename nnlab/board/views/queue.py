"""Reads the data of the view "Queue": studies in progress, workers, ended leases and failures."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nnlab import store
from nnlab.analysis.arm_labels import load_arms
from nnlab.analysis.run_overview import run_labels
from nnlab.analysis.scope import Scope
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.selection import selected_scope
from nnlab.io.redaction import mask_secrets
from nnlab.records import Attempt, Status

_MAX_STUDIES = 50
_MAX_LEASES = 500
_MAX_FAILURES = 30
# The last characters of a traceback name the error; `nnlab show` prints all of it.
_MAX_TRACEBACK = 8_000


def read_queue(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The progress of a scope: by study, by worker, and the newest failures."""
    db, scope = context.db, selected_scope(context, parameters)
    now = datetime.now(UTC)
    progress = store.progress(
        db, study_ids=scope.studies, run_ids=scope.runs, failures=_MAX_FAILURES, now=now
    )
    leases = store.worker_leases(
        db, study_ids=scope.studies, run_ids=scope.runs, limit=_MAX_LEASES + 1
    )
    studies = store.studies_in_progress(db, study_ids=scope.studies, run_ids=scope.runs)
    lease_rows = [_lease_values(lease, now) for lease in leases[:_MAX_LEASES]]
    return {
        "at": now.timestamp(),
        "total": _progress_values(progress),
        "studies": [_study_values(db, study, scope, now) for study in studies[:_MAX_STUDIES]],
        "more_studies": max(len(studies) - _MAX_STUDIES, 0),
        "leases": [row for row in lease_rows if row["alive"]],
        "ended_leases": [row for row in lease_rows if not row["alive"]],
        "more_leases": len(leases) > _MAX_LEASES,
        "failures": _failure_values(db, progress),
    }


def _study_values(
    db: store.Database, study: tuple[int, str], scope: Scope, now: datetime
) -> dict[str, Any]:
    study_id, name = study
    progress = store.progress(db, study_ids=[study_id], run_ids=scope.runs, failures=0, now=now)
    return {"study": name, **_progress_values(progress)}


def _progress_values(progress: store.Progress) -> dict[str, Any]:
    return {
        "runs": progress.run_count,
        **{str(status): progress.by_status.get(status, 0) for status in Status},
        "stopped_waiting": progress.stopped_waiting,
        "epochs": progress.epochs_done,
        "epochs_planned": progress.epochs_planned,
        "epochs_per_second": progress.epochs_per_second,
        "seconds_left": progress.seconds_left,
    }


def _lease_values(lease: store.WorkerLease, now: datetime) -> dict[str, Any]:
    elapsed = (now - lease.started_at).total_seconds()
    epochs = lease.epochs - lease.first_epoch + 1
    return {
        "run": lease.run_id,
        "study": lease.study,
        "seed": lease.seed,
        "host": lease.hostname,
        "pid": lease.pid,
        "device": lease.device,
        "engine": lease.engine,
        "started_at": lease.started_at.timestamp(),
        "epochs": lease.epochs,
        "epochs_planned": lease.epochs_planned,
        "axis": lease.axis,
        "epochs_per_second": max(epochs, 0) / elapsed if elapsed > 0 else None,
        "lease_until": lease.lease_until,
        "alive": lease.is_alive,
        "stopping": lease.stop_requested_at is not None,
    }


def _failure_values(db: store.Database, progress: store.Progress) -> list[dict[str, Any]]:
    """The failed and diverged runs, the newest first, with the error of their last attempt."""
    runs = progress.failed_runs
    attempts = _last_attempts(store.attempts_of_runs(db, [run.id for run in runs]))
    labels = run_labels(runs, load_arms(db))
    return [
        {
            "run": run.id,
            "study": run.trial.study,
            "trial": labels[run.id],
            "seed": run.seed,
            "status": str(run.status),
            "reason": run.reason,
            "ended_at": run.ended_at.timestamp() if run.ended_at else None,
            "host": attempts[run.id].hostname if run.id in attempts else None,
            "traceback": _traceback_text(attempts.get(run.id)),
        }
        for run in runs
    ]


def _last_attempts(attempts: Sequence[Attempt]) -> dict[int, Attempt]:
    return {attempt.run_id: attempt for attempt in attempts}


def _traceback_text(attempt: Attempt | None) -> str | None:
    """The end of the traceback of an attempt; None without an error."""
    if attempt is None or not attempt.traceback:
        return None
    text = mask_secrets(attempt.traceback)
    return text if len(text) <= _MAX_TRACEBACK else f"[...]\n{text[-_MAX_TRACEBACK:]}"

"""Statements for runs that the Python API records: resuming them, and the files they log."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from nnlab.records import Artifact, Environment, Run, Setting, Status
from nnlab.settings.identity import digest_of
from nnlab.store.database import Database
from nnlab.store.environments import get_or_create_environment
from nnlab.store.leases import Claim, lease_lost_error
from nnlab.store.liveness import Observer
from nnlab.store.remote_callable import remote_callable
from nnlab.store.rows import select_run
from nnlab.store.run_transactions import insert_artifacts
from nnlab.store.tables import attempt, run, study, trial

_ENDED = (Status.FINISHED, Status.DIVERGED, Status.FAILED, Status.INTERRUPTED)


@remote_callable
def reopen_run(db: Database, run_id: int) -> None:
    """Makes a run that has ended claimable, and clears a request to stop it."""
    with db.write() as connection:
        connection.execute(
            update(run)
            .where(run.c.id == run_id, run.c.status.in_([str(status) for status in _ENDED]))
            .values(status=str(Status.INTERRUPTED), stop_requested_at=None)
        )


@remote_callable
def unfinished_run(
    db: Database, study_name: str, setting: Setting, *, seed: int | None, name: str | None
) -> Run | None:
    """The newest interrupted or failed run of a recorded trial with that seed and name, or None."""
    same_seed = run.c.seed.is_(None) if seed is None else run.c.seed == seed
    same_name = run.c.name.is_(None) if name is None else run.c.name == name
    with db.read() as connection:
        run_ids = connection.execute(
            select(run.c.id)
            .join(trial, trial.c.id == run.c.trial_id)
            .join(study, study.c.id == trial.c.study_id)
            .where(
                study.c.name == study_name,
                trial.c.digest == digest_of(dict(setting)),
                same_seed,
                same_name,
                run.c.removed_at.is_(None),
                run.c.origin == "recorded",
            )
            .order_by(run.c.id.desc())
            .limit(16)
        ).scalars()
        observer = Observer.local()
        for run_id in run_ids.all():
            candidate = select_run(connection, run_id, observer)
            if candidate.status in (Status.INTERRUPTED, Status.FAILED):
                return candidate
    return None


@remote_callable
def put_artifacts(db: Database, claim: Claim, artifacts: Sequence[Artifact]) -> None:
    """Stores files of a claimed run; a file of the same kind is replaced.

    Raises:
        LeaseLost: another process has claimed the run.
    """
    with db.write(exclusive=False) as connection:
        _check_claim(connection, claim)
        insert_artifacts(connection, claim.run.id, artifacts, datetime.now(UTC))


@remote_callable
def put_environment(db: Database, claim: Claim, environment: Environment) -> None:
    """Stores the environment of the attempt at a claimed run.

    Raises:
        LeaseLost: another process has claimed the run.
    """
    with db.write(exclusive=False) as connection:
        _check_claim(connection, claim)
        connection.execute(
            update(attempt)
            .where(attempt.c.id == claim.attempt_id)
            .values(environment_id=get_or_create_environment(connection, environment))
        )


def lease_holder(db: Database, run_id: int) -> int | None:
    """The attempt that has the lease of a run; None if there is no such run or no lease."""
    with db.read() as connection:
        return connection.execute(
            select(run.c.lease_attempt_id).where(run.c.id == run_id)
        ).scalar_one_or_none()


def _check_claim(connection: Connection, claim: Claim) -> None:
    holder = connection.execute(
        select(run.c.lease_attempt_id).where(run.c.id == claim.run.id)
    ).scalar_one_or_none()
    if holder != claim.attempt_id:
        raise lease_lost_error(claim)

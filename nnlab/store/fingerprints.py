"""Checks that all runs of a trial are trained on the same data, by the fingerprints of the data."""

from sqlalchemy import select
from sqlalchemy.engine import Connection

from nnlab.errors import DataError
from nnlab.records import Run, Status
from nnlab.store.database import Database
from nnlab.store.remote_callable import remote_callable
from nnlab.store.tables import run as run_table


@remote_callable
def find_data_mismatch(db: Database, run: Run, fingerprint: str) -> str | None:
    """Describes how a run's data differ from those of its trial's other runs; None if they agree.

    Only current runs count. The setting contains everything that determines the data (including
    the seeds of the split and of generated data), so all seeds of a trial have the same data
    unless a user's function returns other data each time.

    Args:
        db: the database.
        run: the run that is about to be trained.
        fingerprint: the fingerprint of the data that were loaded for it.
    """
    with db.read() as connection:
        return query_data_mismatch(connection, run, fingerprint)


def query_data_mismatch(connection: Connection, run: Run, fingerprint: str) -> str | None:
    """The same as `find_data_mismatch`, inside a transaction."""
    row = connection.execute(
        select(run_table.c.id, run_table.c.seed, run_table.c.data_fingerprint)
        .where(
            run_table.c.trial_id == run.trial.id,
            run_table.c.id != run.id,
            run_table.c.current,
            # The result of a failed run is never averaged with others.
            run_table.c.status != str(Status.FAILED),
            run_table.c.data_fingerprint.is_not(None),
            run_table.c.data_fingerprint != fingerprint,
        )
        .order_by(run_table.c.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    run_id, seed, other_fingerprint = row
    return (
        f"the data differ from those of run {run_id} (seed {seed}) of the same trial: fingerprint"
        f" {fingerprint}, there {other_fingerprint}"
    )


def changed_data_error(run: Run, difference: str) -> DataError:
    """The error for a run whose data differ from those of its trial's other runs."""
    data = run.trial.setting.get("data")
    return DataError(
        f"{difference}; --data {data} must give the same data each time it is loaded (seed its"
        " random numbers), or --allow-changing-data trains anyway",
        hint="--again trains all seeds anew, after the data were changed on purpose",
    )

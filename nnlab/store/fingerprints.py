"""Whether the seeds of a trial are trained on the same data, by the fingerprints of the runs."""

from sqlalchemy.engine import Connection

from nnlab.errors import DataError
from nnlab.records import Run
from nnlab.store.database import Database
from nnlab.store.remote_callable import remote_callable

# A failed run has no result that could be averaged with others.
_RUN_WITH_OTHER_DATA = (
    "SELECT id, seed, data_fingerprint FROM run"
    " WHERE trial_id = ? AND id != ? AND current AND status != 'failed'"
    " AND data_fingerprint IS NOT NULL AND data_fingerprint != ? ORDER BY id LIMIT 1"
)


@remote_callable
def find_data_mismatch(db: Database, run: Run, fingerprint: str) -> str | None:
    """What tells the data of a run from those of its trial's other runs; None if they agree.

    Only current runs count. All that decides about the data is part of the setting (the seeds of
    the split and of generated data too), so the seeds of a trial have the same data unless a
    user's function gives other data each time.

    Args:
        db: the database.
        run: the run that is about to be trained.
        fingerprint: of the data that were loaded for it.
    """
    with db.read() as connection:
        return query_data_mismatch(connection, run, fingerprint)


def query_data_mismatch(connection: Connection, run: Run, fingerprint: str) -> str | None:
    """As `find_data_mismatch`, inside a transaction."""
    row = connection.exec_driver_sql(
        _RUN_WITH_OTHER_DATA, (run.trial.id, run.id, fingerprint)
    ).first()
    if row is None:
        return None
    number, seed, theirs = row
    return (
        f"the data differ from those of run {number} (seed {seed}) of the same trial: fingerprint"
        f" {fingerprint}, there {theirs}"
    )


def changed_data_error(run: Run, difference: str) -> DataError:
    """The error that refuses to train a run on other data than its trial's other runs."""
    data = run.trial.setting.get("data")
    return DataError(
        f"{difference}; --data {data} must give the same data each time it is loaded (seed its"
        " random numbers), or --allow-changing-data trains anyway",
        hint="--again trains all seeds anew, after the data were changed on purpose",
    )

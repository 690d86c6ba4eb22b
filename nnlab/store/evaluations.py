"""Stores metrics of a finished run: on other data than its own, or with another run."""

from collections.abc import Collection, Mapping

from sqlalchemy import delete, select
from sqlalchemy.engine import Connection

from nnlab.errors import StoreError, UsageError
from nnlab.records import Run, Status
from nnlab.store.checksum import compute_run_checksum, store_run_checksum
from nnlab.store.curve_summary import summarize_point
from nnlab.store.database import Database
from nnlab.store.points import get_or_create_metrics, put_points, put_summaries
from nnlab.store.tables import metric, point, summary
from nnlab.store.tables import run as run_table


def store_evaluation(db: Database, run: Run, values: Mapping[str, float]) -> None:
    """Stores metrics of the selected epoch of a run; stored ones of the same names are replaced.

    Args:
        db: the database.
        run: a run that has ended.
        values: numbers by the full names of the metrics, `eval/DATA@VERSION/accuracy` or
            `pair/barrier`.

    Raises:
        UsageError: the run is being trained, or has no selected epoch.
        StoreError: its points were changed since it ended, so that a new checksum would hide it.
    """
    if run.selected_epoch is None:
        raise UsageError(f"run {run.id} has no selected epoch to evaluate")
    with db.write() as connection:
        has_checksum = _check_unchanged(connection, run)
        metrics = get_or_create_metrics(connection, values)
        metric_ids = [metric_id for metric_id, _ in metrics.values()]
        connection.execute(
            delete(point).where(point.c.run_id == run.id, point.c.metric_id.in_(metric_ids))
        )
        epoch = run.selected_epoch
        put_points(
            connection,
            [(run.id, metrics[name][0], epoch, float(value)) for name, value in values.items()],
        )
        put_summaries(
            connection,
            run.id,
            [
                (metrics[name][0], summarize_point(epoch, float(value)))
                for name, value in values.items()
            ],
        )
        if has_checksum:
            store_run_checksum(connection, run.id)


def remove_evaluation(db: Database, run: Run, metrics: Collection[str]) -> None:
    """Removes metrics that `store_evaluation` stored.

    Args:
        db: the database.
        run: a run that has ended.
        metrics: the full names of the metrics; those that the run does not have are ignored.

    Raises:
        UsageError: the run is being trained.
        StoreError: its points were changed since it ended, so that a new checksum would hide it.
    """
    with db.write() as connection:
        has_checksum = _check_unchanged(connection, run)
        ids = select(metric.c.id).where(metric.c.name.in_(metrics)).scalar_subquery()
        for table in (point, summary):
            connection.execute(
                delete(table).where(table.c.run_id == run.id, table.c.metric_id.in_(ids))
            )
        if has_checksum:
            store_run_checksum(connection, run.id)


def _check_unchanged(connection: Connection, run: Run) -> bool:
    """Whether the run has a checksum of its points, which is then verified."""
    status, checksum = connection.execute(
        select(run_table.c.status, run_table.c.points_checksum).where(run_table.c.id == run.id)
    ).one()
    if status == Status.RUNNING:
        raise UsageError(f"run {run.id} is being trained", hint=f"nnlab stop {run.id}")
    if checksum is not None and compute_run_checksum(connection, run.id) != checksum:
        raise StoreError(
            f"run {run.id}: its points have changed since it ended; nothing was stored",
            hint="nnlab db check shows what differs; --no-store only prints the metrics",
        )
    return checksum is not None

"""Writing points and summaries: the statements that run every epoch, and whole curves at once."""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat

from sqlalchemy.engine import Connection

from nnlab.errors import UsageError
from nnlab.records import Curve, Direction, Status, direction_of
from nnlab.store.checksum import store_run_checksum
from nnlab.store.curve_summary import SummaryRow, summarize_curve
from nnlab.store.database import Database
from nnlab.store.rows import ID_LIST, NAME_LIST, bind_ids
from nnlab.store.rows import bind_names as to_names
from nnlab.store.serialization import replace_invalid_unicode

PointRow = tuple[int, int, int, float | None]  # run, metric, epoch, value

_PUT_POINT = (
    "INSERT INTO point (run_id, metric_id, epoch, value) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (run_id, metric_id, epoch) DO UPDATE SET value = excluded.value"
)
_PUT_SUMMARY = """
    INSERT INTO summary (run_id, metric_id, n, last, last_epoch, best, best_epoch)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (run_id, metric_id) DO UPDATE SET
        n = excluded.n, last = excluded.last, last_epoch = excluded.last_epoch,
        best = excluded.best, best_epoch = excluded.best_epoch
"""


def get_or_create_metrics(
    connection: Connection, names: Iterable[str]
) -> dict[str, tuple[int, Direction]]:
    """The number and direction of each metric; rows are made for new ones."""
    wanted = {replace_invalid_unicode(name): name for name in names}
    found = _select_metrics(connection, wanted)
    new = sorted(wanted.keys() - found.keys())  # in one order, so that no two writers block
    if new:
        connection.exec_driver_sql(
            "INSERT INTO metric (name, direction) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
            [(stored, direction_of(wanted[stored])) for stored in new],
        )
        found |= _select_metrics(connection, new)
    return {name: found[stored] for stored, name in wanted.items()}


def _select_metrics(
    connection: Connection, stored: Iterable[str]
) -> dict[str, tuple[int, Direction]]:
    rows = connection.exec_driver_sql(
        f"SELECT name, id, direction FROM metric WHERE name IN {NAME_LIST}",  # noqa: S608
        (to_names(stored),),
    )
    return {name: (number, direction) for name, number, direction in rows}


def put_points(connection: Connection, rows: Sequence[PointRow]) -> None:
    """Writes points; those that are there already take the new value."""
    # The driver binds NaN as NULL.
    if rows:
        connection.exec_driver_sql(_PUT_POINT, rows)


def put_summaries(
    connection: Connection, run_id: int, summaries: Iterable[tuple[int, SummaryRow]]
) -> None:
    """Writes the summaries of a run's metrics, by their numbers."""
    rows = [(run_id, metric_id, *summary) for metric_id, summary in summaries]
    if rows:
        connection.exec_driver_sql(_PUT_SUMMARY, rows)


def import_curves(db: Database, run_id: int, curves: Iterable[Curve]) -> int:
    """Stores whole curves of a run at once, in one transaction; returns the number of points.

    Raises:
        UsageError: the run is not there, or has points of such a metric already.
        StoreError: they cannot be stored; none of them is.
    """
    wanted = [curve for curve in curves if len(curve)]
    if not wanted:
        return 0
    with db.write(references=False) as connection:
        metrics = get_or_create_metrics(connection, [curve.metric for curve in wanted])
        # In the order of the table's key: pages are filled one after another, to the brim.
        wanted.sort(key=lambda curve: metrics[curve.metric][0])
        _check_no_overlap(connection, run_id, [metrics[curve.metric][0] for curve in wanted])
        db.insert(
            connection,
            "point",
            ("run_id", "metric_id", "epoch", "value"),
            chain.from_iterable(
                zip(repeat(run_id), repeat(metrics[curve.metric][0]), curve.epochs, curve.values)
                for curve in wanted
            ),
        )
        put_summaries(
            connection,
            run_id,
            [
                (number, summarize_curve(direction, curve.epochs, curve.values))
                for curve in wanted
                for number, direction in [metrics[curve.metric]]
            ],
        )
        last = max(curve.epochs[-1] for curve in wanted)
        connection.exec_driver_sql(
            "UPDATE run SET epochs = ? WHERE id = ? AND epochs < ?", (last, run_id, last)
        )
        (status,) = connection.exec_driver_sql(
            "SELECT status FROM run WHERE id = ?", (run_id,)
        ).one()
        if status != Status.RUNNING:  # of a run under way it is set when that ends
            store_run_checksum(connection, run_id)
    return sum(map(len, wanted))


def _check_no_overlap(connection: Connection, run_id: int, metrics: Sequence[int]) -> None:
    if not connection.exec_driver_sql("SELECT 1 FROM run WHERE id = ?", (run_id,)).fetchall():
        raise UsageError(f"there is no run {run_id} to import curves into")
    if len(set(metrics)) < len(metrics):
        raise UsageError(f"two of the curves for run {run_id} are of the same metric")
    taken = connection.exec_driver_sql(
        "SELECT metric.name FROM summary JOIN metric ON metric.id = summary.metric_id"  # noqa: S608
        f" WHERE run_id = ? AND metric_id IN {ID_LIST}",
        (run_id, bind_ids(metrics)),
    ).fetchall()
    if taken:
        names = ", ".join(name for (name,) in taken)
        raise UsageError(f"run {run_id} has points of {names} already")

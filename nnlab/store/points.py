"""Writes points and summaries: those of every epoch, and whole imported curves."""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from nnlab.errors import UsageError
from nnlab.records import Curve, Direction, Setting, Status, direction_of
from nnlab.settings import metric_directions
from nnlab.store.checksum import store_run_checksum
from nnlab.store.constructs import in_ids, in_names_parameter, names_to_json, upsert
from nnlab.store.curve_summary import SummaryRow, summarize_curve
from nnlab.store.database import Database
from nnlab.store.driver_statement import DriverStatement, MultiRowStatement
from nnlab.store.serialization import replace_invalid_unicode
from nnlab.store.tables import metric, point, run, summary

PointRow = tuple[int, int, int, float | None]  # run, metric, epoch, value

_POINT_COLUMNS = ("run_id", "metric_id", "epoch", "value")

_PUT_POINTS = MultiRowStatement(
    lambda rows: upsert(
        point, key=("run_id", "metric_id", "epoch"), columns=_POINT_COLUMNS, update=True, rows=rows
    )
)
_PUT_SUMMARY = DriverStatement(
    lambda: upsert(
        summary,
        key=("run_id", "metric_id"),
        columns=("run_id", "metric_id", "n", "last", "last_epoch", "best", "best_epoch"),
        update=True,
    )
)
_INSERT_METRIC = DriverStatement(
    lambda: upsert(metric, key=("name",), columns=("name", "direction"), update=False)
)
_SELECT_METRICS = DriverStatement(
    lambda: select(metric.c.name, metric.c.id, metric.c.direction).where(
        in_names_parameter(metric.c.name, "names")
    )
)


def get_or_create_metrics(
    connection: Connection, names: Iterable[str], setting: Setting | None = None
) -> dict[str, tuple[int, Direction]]:
    """The id and direction of each metric; rows are inserted for new metrics.

    The direction only says which value the summaries call the best. It is `min` for a new metric
    of unknown direction; readers derive the direction from the setting and the name.

    Args:
        connection: in a transaction.
        names: of the metrics.
        setting: of the run that has measured them, for the directions of user metrics.
    """
    stored_of = {name: replace_invalid_unicode(name) for name in names}
    name_of = {stored: name for name, stored in stored_of.items()}
    metrics = _select_metrics(connection, name_of)
    new = sorted(name_of.keys() - metrics.keys())  # in one order: two writers cannot deadlock
    if new:
        directions = metric_directions(setting or {})
        rows = [
            (stored, directions.get(name) or direction_of(name) or "min")
            for stored in new
            for name in [name_of[stored]]
        ]
        _INSERT_METRIC.execute_many(connection, rows)
        metrics |= _select_metrics(connection, new)
    return {name: metrics[stored] for name, stored in stored_of.items()}


def _select_metrics(
    connection: Connection, names: Iterable[str]
) -> dict[str, tuple[int, Direction]]:
    rows = _SELECT_METRICS.fetch(connection, names=names_to_json(names))
    return {name: (metric_id, direction) for name, metric_id, direction in rows}


def put_points(connection: Connection, rows: Sequence[PointRow]) -> None:
    """Writes points; a stored point of the same epoch takes the new value."""
    # The driver binds NaN as NULL.
    if rows:
        _PUT_POINTS.execute_many(connection, rows)


def put_summaries(
    connection: Connection, run_id: int, summaries: Iterable[tuple[int, SummaryRow]]
) -> None:
    """Writes the summaries of a run's metrics, given by metric id."""
    rows = [(run_id, metric_id, *summary) for metric_id, summary in summaries]
    if rows:
        _PUT_SUMMARY.execute_many(connection, rows)


def import_curves(db: Database, run_id: int, curves: Iterable[Curve]) -> int:
    """Stores whole curves of a run at once, in one transaction; returns the number of points.

    Raises:
        UsageError: there is no such run, or it has points of one of these metrics already.
        StoreError: the curves cannot be stored; none of them is stored.
    """
    new_curves = [curve for curve in curves if len(curve)]
    if not new_curves:
        return 0
    with db.write(check_foreign_keys=False) as connection:
        metrics = get_or_create_metrics(connection, [curve.metric for curve in new_curves])
        # Rows in the order of the table's key fill one page of the file after another.
        new_curves.sort(key=lambda curve: metrics[curve.metric][0])
        _check_no_overlap(connection, run_id, [metrics[curve.metric][0] for curve in new_curves])
        db.insert(
            connection,
            "point",
            _POINT_COLUMNS,
            chain.from_iterable(
                zip(repeat(run_id), repeat(metrics[curve.metric][0]), curve.epochs, curve.values)
                for curve in new_curves
            ),
        )
        put_summaries(
            connection,
            run_id,
            [
                (metric_id, summarize_curve(direction, curve.epochs, curve.values))
                for curve in new_curves
                for metric_id, direction in [metrics[curve.metric]]
            ],
        )
        last_epoch = max(curve.epochs[-1] for curve in new_curves)
        connection.execute(
            update(run)
            .where(run.c.id == run_id, run.c.epochs < last_epoch)
            .values(epochs=last_epoch)
        )
        status = connection.execute(select(run.c.status).where(run.c.id == run_id)).scalar_one()
        if status != Status.RUNNING:  # the checksum of a running run is set when it ends
            store_run_checksum(connection, run_id)
    return sum(map(len, new_curves))


def _check_no_overlap(connection: Connection, run_id: int, metric_ids: Sequence[int]) -> None:
    """Raises UsageError if there is no such run, or a metric has points or occurs twice."""
    if not connection.execute(select(run.c.id).where(run.c.id == run_id)).all():
        raise UsageError(f"there is no run {run_id} to import curves into")
    if len(set(metric_ids)) < len(metric_ids):
        raise UsageError(f"two of the curves for run {run_id} are of the same metric")
    taken = connection.execute(
        select(metric.c.name)
        .join(summary, summary.c.metric_id == metric.c.id)
        .where(summary.c.run_id == run_id, in_ids(summary.c.metric_id, metric_ids))
    ).scalars()
    if names := ", ".join(taken):
        raise UsageError(f"run {run_id} has points of {names} already")

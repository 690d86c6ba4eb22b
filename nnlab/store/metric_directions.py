"""The directions of metrics as users have defined them."""

from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from nnlab.objective import direction_of
from nnlab.records import Direction
from nnlab.store.curve_summary import summarize_curve
from nnlab.store.database import Database
from nnlab.store.points import get_or_create_metrics, put_summaries
from nnlab.store.remote_callable import remote_callable
from nnlab.store.tables import metric, point

UserDirection = Literal["min", "max", "none"]


@remote_callable
def define_metric(db: Database, name: str, direction: UserDirection) -> None:
    """Stores whether lower or higher values of a metric are better; `none` means neither.

    The summaries of all runs follow it. A metric with the direction `none` is shown, but ranked
    only where a direction is given.
    """
    with db.write() as connection:
        metric_id, stored = get_or_create_metrics(connection, [name])[name]
        connection.execute(
            update(metric).where(metric.c.id == metric_id).values(user_direction=direction)
        )
        if direction != "none" and direction != stored:
            connection.execute(
                update(metric).where(metric.c.id == metric_id).values(direction=direction)
            )
            _summarize_again(connection, metric_id, direction)


def define_logged_direction(db: Database, name: str, direction: Direction) -> None:
    """Stores the direction that a log states, unless the name or the user says it already."""
    if direction_of(name) is None and name not in user_directions(db):
        define_metric(db, name, direction)


def user_directions(db: Database) -> dict[str, UserDirection]:
    """The directions that users have defined, by metric."""
    with db.read() as connection:
        rows = connection.execute(
            select(metric.c.name, metric.c.user_direction).where(
                metric.c.user_direction.is_not(None)
            )
        ).all()
    return {name: direction for name, direction in rows if direction in ("min", "max", "none")}


def _summarize_again(connection: Connection, metric_id: int, direction: Direction) -> None:
    rows = connection.execute(
        select(point.c.run_id, point.c.epoch, point.c.value)
        .where(point.c.metric_id == metric_id)
        .order_by(point.c.run_id, point.c.epoch)
    ).all()
    curves: dict[int, tuple[list[int], list[float]]] = {}
    for run_id, epoch, value in rows:
        epochs, values = curves.setdefault(run_id, ([], []))
        epochs.append(epoch)
        values.append(float("nan") if value is None else value)
    for run_id, (epochs, values) in curves.items():
        put_summaries(connection, run_id, [(metric_id, summarize_curve(direction, epochs, values))])

"""The checksum of a run's points: stored when the run ends, verified by `nnlab db check`."""

import hashlib
import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from nnlab.store.constructs import ids_to_json, in_ids_parameter
from nnlab.store.driver_statement import DriverStatement
from nnlab.store.tables import metric, point, run

# The points of this many runs are read at once.
_RUNS_PER_QUERY = 200

_SELECT_POINTS = DriverStatement(
    lambda: (
        select(point.c.run_id, metric.c.name, point.c.epoch, point.c.value)
        .join(metric, metric.c.id == point.c.metric_id)
        .where(in_ids_parameter(point.c.run_id, "run_ids"))
        .order_by(point.c.run_id, point.c.metric_id, point.c.epoch)
    )
)

CurvePoints = Sequence[tuple[int, float | None]]


def compute_curves_checksum(curves: Mapping[str, CurvePoints]) -> str:
    """The first 16 hex digits of a SHA-256 over the (epoch, value) points of each metric of a run.

    It is the same in SQLite and PostgreSQL: metrics are sorted by name and identified by it, not
    by id; NaN and None are the same; -0.0 is 0.0, because SQLite does not store the sign of zero.

    Raises:
        struct.error: an epoch is not a 64-bit integer, or a value is not a number.
    """
    digest = hashlib.sha256()
    for name in sorted(curves):
        points = sorted(curves[name], key=_point_epoch)
        encoded = name.encode(errors="replace")
        # The lengths come first, so that different curves never give the same bytes.
        digest.update(struct.pack(">QQ", len(encoded), len(points)))
        digest.update(encoded)
        digest.update(struct.pack(f">{len(points)}q", *(epoch for epoch, _ in points)))
        digest.update(
            struct.pack(f">{len(points)}d", *(_normalize_value(value) for _, value in points))
        )
    return digest.hexdigest()[:16]


def _point_epoch(point: tuple[int, float | None]) -> int:
    return point[0]


def _normalize_value(value: float | None) -> float:
    return math.nan if value is None or value != value else value + 0.0


def compute_run_checksum(connection: Connection, run_id: int) -> str:
    """The checksum of the stored points of a run."""
    return compute_curves_checksum(next(read_stored_curves(connection, [run_id]))[1])


def store_run_checksum(connection: Connection, run_id: int) -> None:
    """Stores the checksum of the points of a run that ends in this transaction."""
    connection.execute(
        update(run)
        .where(run.c.id == run_id)
        .values(points_checksum=compute_run_checksum(connection, run_id))
    )


def read_stored_curves(
    connection: Connection, run_ids: Sequence[int]
) -> Iterator[tuple[int, dict[str, list[tuple[Any, Any]]]]]:
    """Yields each run's id and stored points by metric; a run without points has no metrics."""
    for begin in range(0, len(run_ids), _RUNS_PER_QUERY):
        chunk = run_ids[begin : begin + _RUNS_PER_QUERY]
        rows: Iterable[Any] = _SELECT_POINTS.execute(connection, run_ids=ids_to_json(chunk))
        curves: dict[int, dict[str, list[tuple[Any, Any]]]] = {run_id: {} for run_id in chunk}
        for (run_id, name), points in groupby(rows, key=lambda row: (row[0], row[1])):
            curves[run_id][name] = [(epoch, value) for *_, epoch, value in points]
        yield from curves.items()

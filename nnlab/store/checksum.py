"""The checksum of a run's points: set when the run ends, compared by `nnlab db check`."""

import hashlib
import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy.engine import Connection

from nnlab.store.rows import ID_LIST, bind_ids

# Runs whose points are read at once.
_RUNS_PER_QUERY = 200

_POINTS = (
    "SELECT point.run_id, metric.name, point.epoch, point.value"  # noqa: S608
    f" FROM point JOIN metric ON metric.id = point.metric_id WHERE point.run_id IN {ID_LIST}"
    " ORDER BY point.run_id, point.metric_id, point.epoch"
)

Points = Sequence[tuple[int, float | None]]


def compute_curves_checksum(curves: Mapping[str, Points]) -> str:
    """SHA-256, 16 hex digits, over the points of a run: (epoch, value) by the metric's name.

    The same for every kind of database: metrics count by name, not by number, and in the order
    of their names; NaN is None; the sign of zero, which SQLite does not keep, is left out.

    Raises:
        struct.error: an epoch is no 64-bit integer, or a value is no number.
    """
    digest = hashlib.sha256()
    for name in sorted(curves):
        points = sorted(curves[name], key=_point_epoch)
        encoded = name.encode(errors="replace")
        # Lengths first: no two sets of curves are the same sequence of bytes.
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
    """The checksum of what is stored of a run now."""
    return compute_curves_checksum(next(read_stored_curves(connection, [run_id]))[1])


def store_run_checksum(connection: Connection, run_id: int) -> None:
    """Stores the checksum of a run that ends in this transaction."""
    connection.exec_driver_sql(
        "UPDATE run SET points_checksum = ? WHERE id = ?",
        (compute_run_checksum(connection, run_id), run_id),
    )


def read_stored_curves(
    connection: Connection, run_ids: Sequence[int]
) -> Iterator[tuple[int, dict[str, list[tuple[Any, Any]]]]]:
    """The points of each run by metric, as they are stored; none for a run without any."""
    for begin in range(0, len(run_ids), _RUNS_PER_QUERY):
        chunk = run_ids[begin : begin + _RUNS_PER_QUERY]
        rows: Iterable[Any] = connection.exec_driver_sql(_POINTS, (bind_ids(chunk),))
        found: dict[int, dict[str, list[tuple[Any, Any]]]] = {run_id: {} for run_id in chunk}
        for (run_id, name), points in groupby(rows, key=lambda row: (row[0], row[1])):
            found[run_id][name] = [(epoch, value) for *_, epoch, value in points]
        yield from found.items()

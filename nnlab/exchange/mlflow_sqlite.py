"""Reader of MLflow's SQLite database (mlflow.db), which may be in use."""

import math
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from nnlab.errors import DataError
from nnlab.exchange.batching import batches_of
from nnlab.exchange.log_reader import (
    Audit,
    JsonValue,
    LoggedRun,
    LogItem,
    Position,
    ReadPosition,
    Restart,
    RunDetails,
)
from nnlab.exchange.metric_table import MetricNames
from nnlab.exchange.mlflow_run import STATUSES, LoggedMlflowRun
from nnlab.exchange.sqlite_log import database_files, open_sqlite, row_digest
from nnlab.exchange.time_order import in_time_order
from nnlab.records import Sample, Status

_TABLES = {
    "experiments": ("experiment_id", "name"),
    "runs": (
        *("run_uuid", "name", "status", "start_time", "end_time", "lifecycle_stage"),
        "experiment_id",
    ),
    "metrics": ("key", "value", "timestamp", "run_uuid", "step", "is_nan"),
    "params": ("key", "value", "run_uuid"),
    "tags": ("key", "value", "run_uuid"),
}
_RUNS = "SELECT run_uuid, name FROM runs WHERE lifecycle_stage <> 'deleted' ORDER BY rowid"
_RUN = (
    "SELECT runs.name, experiments.name, status, start_time, end_time FROM runs"
    " LEFT JOIN experiments USING (experiment_id) WHERE run_uuid = ?"
)
# MLflow's primary key has no order of logging; the row number has.
_METRICS = (
    "SELECT rowid, key, value, timestamp, step, is_nan FROM metrics"
    " WHERE run_uuid = ? AND rowid > ? ORDER BY rowid LIMIT ?"
)
_METRIC = (
    "SELECT rowid, key, value, timestamp, step, is_nan FROM metrics"
    " WHERE rowid = ? AND run_uuid = ?"
)
_MAX_RUNS = 100_000
_MAX_ENTRIES = 10_000
_MAX_ID = 200
# While rows are fetched, MLflow cannot write; so few are fetched at once.
_ROWS_PER_QUERY = 10_000


class MlflowSqliteReader:
    """Reads the runs of a database of MLflow; deleted runs are left out."""

    kind = "mlflow-sqlite"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The runs of each database below a path."""
        seen = set()
        for file in database_files(path):
            try:
                with open_sqlite(file, _TABLES) as connection:
                    rows = connection.execute(_RUNS).fetchmany(_MAX_RUNS)
            except DataError:
                continue  # Another program's database.
            for run_id, name in rows:
                if isinstance(run_id, str) and len(run_id) <= _MAX_ID and run_id not in seen:
                    seen.add(run_id)
                    yield LoggedRun(self.kind, run_id, str(name or run_id)[:200], (file,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The parameters, tags and status of the run, and its samples."""
        with open_sqlite(run.paths[0], _TABLES) as connection:
            yield _details(connection, run, audit)
            last = _checked_position(connection, run, position)
            if position and not last:
                yield Restart()
            reading = _MlflowRows(connection, run, audit, last)
            # A database that was converted has the metrics one after the other.
            yield from batches_of(in_time_order(reading.samples()))
            yield ReadPosition(reading.position())


def _details(connection: sqlite3.Connection, run: LoggedRun, audit: Audit) -> RunDetails:
    row = connection.execute(_RUN, (run.external_id,)).fetchone()
    if row is None:
        raise DataError(f"{run.paths[0]} no longer has run {run.external_id}")
    name, experiment, status, start_time, end_time = row
    return LoggedMlflowRun(
        name=str(name or run.name),
        experiment=None if experiment is None else str(experiment),
        status=STATUSES.get(status, Status.RUNNING),
        start_time=start_time,
        end_time=end_time,
        params=_texts(connection, "params", run, audit),
        tags=_texts(connection, "tags", run, audit),
    ).details(audit)


def _texts(
    connection: sqlite3.Connection, table: str, run: LoggedRun, audit: Audit
) -> dict[str, str]:
    statement = f"SELECT key, value FROM {table} WHERE run_uuid = ? ORDER BY rowid"  # noqa: S608
    rows = connection.execute(statement, (run.external_id,)).fetchmany(_MAX_ENTRIES + 1)
    if len(rows) > _MAX_ENTRIES:
        audit.add("large-config", f"only {_MAX_ENTRIES:,} {table} of a run are read")
    return {str(key): str(value) for key, value in rows[:_MAX_ENTRIES] if value is not None}


def _checked_position(
    connection: sqlite3.Connection, run: LoggedRun, position: Position | None
) -> tuple[int, str] | None:
    """The last row that was read and its checksum; None if the row is no longer the same."""
    rowid, digest = (position or {}).get("rowid"), (position or {}).get("digest")
    if not isinstance(rowid, int) or not isinstance(digest, str):
        return None
    if not rowid:
        return 0, digest
    row = connection.execute(_METRIC, (rowid, run.external_id)).fetchone()
    return (rowid, digest) if row is not None and row_digest(row) == digest else None


class _MlflowRows:
    """The samples of a run after a row, and the last row."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        run: LoggedRun,
        audit: Audit,
        last: tuple[int, str] | None,
    ) -> None:
        self._connection = connection
        self._run = run
        self._audit = audit
        self._rowid, self._digest = last or (0, "")

    def samples(self) -> Iterator[Sample]:
        """The samples in the order of their rows."""
        names = MetricNames(self._audit)
        while rows := self._next_rows():
            for _, key, value, timestamp, step, is_nan in rows:
                metric = names.get(key) if isinstance(key, str) else None
                number = _number(value, is_nan)
                if metric is None or number is None or not isinstance(step, int):
                    self._audit.add("damaged", "metrics with a value of a wrong type")
                    continue
                time = timestamp / 1000 if isinstance(timestamp, int) else None
                yield Sample(metric, number, step, time=time)

    def _next_rows(self) -> list[Sequence[Any]]:
        rows = self._connection.execute(
            _METRICS, (self._run.external_id, self._rowid, _ROWS_PER_QUERY)
        ).fetchall()
        if any(after[0] <= row[0] for row, after in pairwise(rows)):
            # Damaged pages are linked in a cycle; a sound table has increasing rows.
            raise DataError(f"{self._run.paths[0]}: the table metrics is damaged")
        if rows:
            self._rowid, self._digest = rows[-1][0], row_digest(rows[-1])
        return rows

    def position(self) -> dict[str, JsonValue]:
        return {"rowid": self._rowid, "digest": self._digest}


def _number(value: object, is_nan: object) -> float | None:
    """The value of a metric; MLflow stores infinity as the largest number."""
    if is_nan:
        return math.nan
    if not isinstance(value, int | float):
        return None
    if abs(value) >= sys.float_info.max:
        return math.inf if value > 0 else -math.inf
    return float(value)

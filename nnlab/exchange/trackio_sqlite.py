"""Reader of trackio's SQLite databases: one file per project, in use or not.

By default they are in `$TRACKIO_DIR`, or `trackio` in the cache folder of Hugging Face.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from nnlab.errors import DataError
from nnlab.exchange.batching import batches_of
from nnlab.exchange.json_rows import JsonRowSamples
from nnlab.exchange.json_text import JsonParser, clean_config
from nnlab.exchange.log_files import path_text
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
from nnlab.exchange.log_times import utc_time
from nnlab.exchange.metric_table import MetricNames, clean_name
from nnlab.exchange.seed_of_config import seed_of_config
from nnlab.exchange.sqlite_log import database_files, open_sqlite, plain_columns, row_digest
from nnlab.records import Sample

_TABLES = {
    "metrics": ("id", "timestamp", "run_name", "step", "metrics"),
    "configs": ("run_name", "config", "created_at"),
}
_MAX_RUNS = 100_000


class TrackioReader:
    """Reads the runs of trackio; system metrics, which have no steps, are left out."""

    kind = "trackio"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """The runs of each database below a path."""
        for file in database_files(path):
            try:
                with open_sqlite(file, _TABLES) as connection:
                    runs = _runs_of(connection)
            except DataError:
                continue  # Another program's database.
            for run_id, name in runs:
                external_id = run_id if run_id != name else _id_by_name(file, name)
                yield LoggedRun(self.kind, external_id, name, (file,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The configuration and the samples of a run."""
        path = run.paths[0]
        with open_sqlite(path, _TABLES) as connection:
            reading = _TrackioRun(connection, path, run, audit)
            yield reading.details()
            if position and not reading.resume(position):
                yield Restart()
            yield from batches_of(reading.samples())
            yield ReadPosition(reading.position())


def default_folder() -> Path:
    """The folder in which trackio of this user keeps its databases."""
    if folder := os.environ.get("TRACKIO_DIR"):
        return Path(folder)
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME", f"{cache}/huggingface")
    return Path(home).expanduser() / "trackio"


def _id_by_name(path: Path, name: str) -> str:
    """The id of a run of a version before 0.24, which identified runs by their names."""
    return f"{path_text(Path(path.stem))}/{name}"


def _runs_of(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """The id and name of each run, in the order of their first rows."""
    runs: dict[str, str] = {}
    for table in _TABLES:
        key = _key_of(connection, table)
        rows = connection.execute(
            f"SELECT {key}, run_name FROM {table} GROUP BY {key} ORDER BY min(id)"  # noqa: S608
        ).fetchmany(_MAX_RUNS)
        for run_id, name in rows:
            if isinstance(run_id, str) and isinstance(name, str) and len(run_id) <= 500:
                runs.setdefault(run_id, name[:500])
    return list(runs.items())


def _key_of(connection: sqlite3.Connection, table: str) -> str:
    """The column that identifies a run; databases of early versions have no ids."""
    return "run_id" if "run_id" in plain_columns(connection, table) else "run_name"


class _TrackioRun:
    """The content of one run."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, run: LoggedRun, audit: Audit
    ) -> None:
        self._connection = connection
        self._path = path
        self._run = run
        self._audit = audit
        self._key = _key_of(connection, "metrics")
        has_id = run.external_id != _id_by_name(path, run.name)
        self._run_id = run.external_id if has_id else run.name
        self._rowid, self._digest = 0, ""
        self._rows = JsonRowSamples(MetricNames(audit), audit, prefer_step="_step")

    def details(self) -> RunDetails:
        key = _key_of(self._connection, "configs")
        row = self._connection.execute(
            f"SELECT config, created_at FROM configs WHERE {key} = ?",  # noqa: S608
            (self._run_id,),
        ).fetchone()
        stored: object = {}
        if row is not None:
            try:
                stored = JsonParser(self._audit).parse(_text(row[0]))
            except ValueError:
                self._audit.add("damaged", "the configuration is not JSON")
        config = clean_config(stored, self._audit)
        started_at = utc_time(config.pop("_Created", None) or (row[1] if row else None))
        group = config.pop("_Group", None)
        config.pop("_Username", None)
        self._note_system_metrics()
        return RunDetails(
            name=clean_name(self._run.name, self._audit),
            config=config,
            group=clean_name(group, self._audit) if isinstance(group, str) else None,
            project=path_text(Path(self._path.stem)),
            started_at=started_at,
            seed=seed_of_config(config),
        )

    def _note_system_metrics(self) -> None:
        if not plain_columns(self._connection, "system_metrics"):
            return
        key = _key_of(self._connection, "system_metrics")
        count = self._connection.execute(
            f"SELECT count(*) FROM system_metrics WHERE {key} = ?",  # noqa: S608
            (self._run_id,),
        ).fetchone()[0]
        if count:
            self._audit.add("not-imported", "rows of system metrics, which have no step", count)

    def resume(self, position: Position) -> bool:
        """Whether the last row that was read is still the same; it is where reading goes on."""
        rowid, digest = position.get("rowid"), position.get("digest")
        if not isinstance(rowid, int) or not isinstance(digest, str):
            return False
        if rowid:
            row = self._connection.execute(
                f"SELECT id, step, metrics, timestamp FROM metrics"  # noqa: S608
                f" WHERE id = ? AND {self._key} = ?",
                (rowid, self._run_id),
            ).fetchone()
            if row is None or row_digest(row) != digest:
                return False
        self._rowid, self._digest = rowid, digest
        return True

    def samples(self) -> Iterator[Sample]:
        cursor = self._connection.execute(
            f"SELECT id, step, metrics, timestamp FROM metrics"  # noqa: S608
            f" WHERE {self._key} = ? AND id > ? ORDER BY id",
            (self._run_id, self._rowid),
        )
        row = None
        parser = JsonParser(self._audit)
        for row in cursor:
            rowid, step, metrics, timestamp = row
            if not isinstance(rowid, int) or rowid <= self._rowid:
                raise DataError(f"{self._path}: the table metrics is damaged")
            self._rowid = rowid
            try:
                values = parser.parse(_text(metrics))
            except ValueError:
                values = None
            if isinstance(values, dict) and isinstance(step, int):
                yield from self._rows.samples({"_step": step, "_timestamp": timestamp, **values})
            else:
                self._audit.add("damaged", "rows that are not JSON were left out")
        if row is not None:
            self._digest = row_digest(row)

    def position(self) -> dict[str, JsonValue]:
        return {"rowid": self._rowid, "digest": self._digest}


def _text(value: object) -> str:
    """JSON that trackio stores as bytes, or did as text.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value
    raise ValueError("neither text nor bytes")

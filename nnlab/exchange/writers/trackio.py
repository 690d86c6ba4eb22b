"""The writer of trackio's databases, one file per project."""

import hashlib
import json
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from nnlab.errors import OutputError
from nnlab.exchange.log_reader import JsonValue
from nnlab.exchange.log_writer import ExportedRun
from nnlab.exchange.writers.history_rows import has_own_epochs, history_rows
from nnlab.records import Sample

# The tables of version 2 of trackio's schema that a run needs; trackio adds the others.
_SCHEMA = """
CREATE TABLE metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL,
    run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL, log_id TEXT,
    space_id TEXT
);
CREATE INDEX idx_metrics_run_step ON metrics(run_id, step);
CREATE INDEX idx_metrics_run_timestamp ON metrics(run_id, timestamp);
CREATE UNIQUE INDEX idx_metrics_log_id ON metrics(log_id) WHERE log_id IS NOT NULL;
CREATE TABLE configs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, run_name TEXT NOT NULL,
    config TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(run_id)
);
CREATE INDEX idx_configs_run_name ON configs(run_name);
CREATE TABLE system_metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, timestamp TEXT NOT NULL,
    run_name TEXT NOT NULL, metrics TEXT NOT NULL, log_id TEXT, space_id TEXT
);
CREATE INDEX idx_system_metrics_run_timestamp ON system_metrics(run_id, timestamp);
CREATE UNIQUE INDEX idx_system_metrics_log_id ON system_metrics(log_id) WHERE log_id IS NOT NULL;
PRAGMA user_version=2;
"""
_METRICS = (
    "INSERT INTO metrics (run_id, timestamp, run_name, step, metrics, log_id)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_CONFIGS = "INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, ?)"
_SYSTEM_METRICS = (
    "INSERT INTO system_metrics (run_id, timestamp, run_name, metrics, log_id)"
    " VALUES (?, ?, ?, ?, ?)"
)
_SYSTEM = "system/"
# Ends of file names that trackio uses for other files, and the beginning of its registries.
_RESERVED = re.compile(r"^registry-|_(?:system|configs|traces|artifacts?\w*|\w*links)$")


class TrackioWriter:
    """Writes a database per study, which trackio calls a project.

    The folder is shown by `TRACKIO_DIR=FOLDER trackio show --project STUDY`.
    """

    kind = "trackio"
    writes_folder = True

    def write(
        self,
        runs: Sequence[ExportedRun],
        output: Path,
        destination: Path,  # noqa: ARG002  the files do not contain their location
    ) -> None:
        """Writes the databases of all studies."""
        output.mkdir(parents=True, exist_ok=True)
        by_project: dict[str, list[ExportedRun]] = {}
        for run in runs:
            by_project.setdefault(_project_name(run.study), []).append(run)
        for project, of_project in by_project.items():
            path = output / f"{project}.db"
            try:
                with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                    connection.executescript(_SCHEMA)
                    connection.execute("BEGIN")
                    for name, run in _unique_names(of_project).items():
                        _write_run(connection, name, run)
                    connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise OutputError(f"cannot write '{path}': {error}") from error


def _project_name(study: str) -> str:
    """The name of a study with the characters that trackio keeps in the name of its file."""
    name = "".join(letter for letter in study if letter.isalnum() or letter in "-_")[:100]
    return f"study-{name}-runs" if _RESERVED.search(name) else name or "default"


def _unique_names(runs: Sequence[ExportedRun]) -> dict[str, ExportedRun]:
    """The runs by their names, in which trackio shows them; equal ones get the run's number."""
    names: dict[str, ExportedRun] = {}
    for run in runs:
        name = run.details.name or run.file_name
        names[name if name not in names else f"{name} ({run.file_name})"] = run
    return names


def _write_run(connection: sqlite3.Connection, name: str, run: ExportedRun) -> None:
    name = name.encode("utf-8", "replace").decode()
    started_at = run.details.started_at or run.run.created_at
    identity = f"{run.study}|{run.run.trial.digest}|{run.run.id}|{run.run.created_at.isoformat()}"
    run_id = _digest(identity)
    config: dict[str, JsonValue] = dict(run.details.config)
    if run.details.seed is not None:
        config.setdefault("seed", run.details.seed)
    config |= {"_Created": _iso(started_at), "_Group": run.details.group, "_Username": None}
    connection.execute(_CONFIGS, (run_id, name, _json(config), _iso(started_at)))
    connection.executemany(_METRICS, _metric_rows(run, run_id, name, started_at))
    connection.executemany(
        _SYSTEM_METRICS,
        (
            (
                run_id,
                _iso_time(sample.time, started_at),
                name,
                _json({sample.metric.removeprefix(_SYSTEM): sample.value}),
                _digest(f"{run_id}|system|{number}"),
            )
            for number, sample in enumerate(_usage(run))
        ),
    )


def _metric_rows(
    run: ExportedRun, run_id: str, name: str, started_at: datetime
) -> Iterator[tuple[str, str, str, int, str, str]]:
    adds_epochs = has_own_epochs(run)
    for number, row in enumerate(history_rows(run)):
        values: dict[str, JsonValue] = dict(row.values)
        if row.epoch is not None and (adds_epochs or row.step is None):
            values.setdefault("epoch", row.epoch)
        step = row.step
        if step is None:
            is_whole = row.epoch is not None and row.epoch.is_integer()
            step = int(row.epoch) if is_whole and row.epoch is not None else number
        time = _iso_time(row.time, started_at)
        yield run_id, time, name, step, _json(values), _digest(f"{run_id}|{number}")


def _usage(run: ExportedRun) -> Iterator[Sample]:
    """What the machine was doing, which trackio keeps apart from the metrics."""
    return (sample for _, sample in run.samples() if sample.metric.startswith(_SYSTEM))


def _json(value: Mapping[str, JsonValue]) -> str:
    """JSON in which NaN and infinity are texts, as trackio writes them."""
    return json.dumps(_without_special(value), allow_nan=False)


def _without_special(value: JsonValue) -> JsonValue:
    if isinstance(value, Mapping):
        return {key: _without_special(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_special(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _iso_time(time: float | None, default: datetime) -> str:
    return _iso(default if time is None else datetime.fromtimestamp(time, UTC))


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]

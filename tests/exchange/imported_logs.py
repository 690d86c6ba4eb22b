"""Logs for the tests of imports, imports of them, and the content of a database."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.exchange.importing.options import ImportOptions, ImportReport
from nnlab.exchange.importing.session import ImportProgress, ImportSession, find_all_runs

Row = Mapping[str, object]

# What differs between two imports of one log: when they were made.
_TIMES = {"source": ("imported_at",), "finding": ("created_at", "id"), "run": ("created_at",)}
_TABLES = ("trial", "run", "metric", "sample", "point", "summary", "finding", "source")


def write_rows(path: Path, rows: Iterable[Row]) -> Path:
    """Appends rows to a log of JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def training_rows(steps: int, *, shift: float = 0.0) -> list[Row]:
    """A log with a training loss per step, and a validation loss every ten steps."""
    rows: list[Row] = []
    for step in range(1, steps + 1):
        rows.append({"step": step, "train_loss": 1 / step + shift, "lr": 0.1})
        if step % 10 == 0:
            rows.append({"step": step, "eval_loss": 2 / step + shift, "eval_acc": 1 - 1 / step})
    return rows


@contextmanager
def opened(database: Path, *, write: bool = False) -> Iterator[store.Database]:
    """A database, created for writing if it does not exist, and closed at the end."""
    db = store.open_database(str(database), write=write, create=write)
    try:
        yield db
    finally:
        db.close()


def import_logs(
    database: Path, paths: Sequence[Path], options: ImportOptions | None = None
) -> list[ImportReport]:
    """Imports logs into a database, which is created if it does not exist."""
    progress = ImportProgress(lambda _: None, lambda _: None, lambda: False)
    with opened(database, write=True) as db:
        session = ImportSession(db, options or ImportOptions(), progress)
        return session.import_runs(find_all_runs(paths))


def content(database: Path, tables: Sequence[str] = _TABLES) -> dict[str, list[dict[str, Any]]]:
    """The rows of the tables of a database, without the times of imports."""
    with opened(database) as db, db.read() as connection:
        return {table: list(_rows(connection, table)) for table in tables}


def _rows(connection: Any, table: str) -> Iterable[dict[str, Any]]:
    rows = connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()
    plain = [
        {name: value for name, value in row.items() if name not in _TIMES.get(table, ())}
        for row in rows
    ]
    return sorted(plain, key=repr)

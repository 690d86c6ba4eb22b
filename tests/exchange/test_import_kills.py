"""Imports that are killed, and imports of the same logs by eight processes at once."""

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from pathlib import Path

from command_line_runner import started
from exchange.imported_logs import content, import_logs, training_rows, write_rows

KILLS = 3


def _stored_samples(database: Path) -> int:
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database)) as db:
        return int(db.execute("SELECT count(*) FROM sample").fetchone()[0])
    return 0


def test_an_import_that_was_killed_gives_the_database_of_one_import(folder: Path) -> None:
    log = write_rows(folder / "logs/a.jsonl", training_rows(40_000))
    chance = random.Random(0)
    kills = 0
    for _ in range(KILLS):
        process = started(folder, "import", "logs")
        before = _stored_samples(folder / "runs.db")
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            # A process that is killed earlier has changed nothing.
            if _stored_samples(folder / "runs.db") not in (0, before):
                time.sleep(chance.uniform(0, 0.2))
                break
            time.sleep(0.01)
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills
    import_logs(folder / "runs.db", [log.parent])
    import_logs(folder / "once.db", [log.parent])
    assert content(folder / "runs.db") == content(folder / "once.db")


def test_a_killed_import_of_a_log_that_has_grown_is_continued(folder: Path) -> None:
    log = write_rows(folder / "logs/a.jsonl", training_rows(100))
    import_logs(folder / "runs.db", [log.parent])
    write_rows(log, training_rows(40_000)[110:])
    before = _stored_samples(folder / "runs.db")
    process = started(folder, "import", "logs")
    while process.poll() is None and _stored_samples(folder / "runs.db") == before:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    import_logs(folder / "runs.db", [log.parent])
    import_logs(folder / "once.db", [log.parent])
    tables = ("sample", "point", "summary", "source")
    assert content(folder / "runs.db", tables) == content(folder / "once.db", tables)


def _import(folder: Path) -> None:
    import_logs(folder / "runs.db", [folder / "logs"])


def test_eight_imports_at_once_give_the_database_of_one_import(folder: Path) -> None:
    for number in range(12):
        write_rows(folder / f"logs/r{number:02}.jsonl", training_rows(300, shift=number))
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_import, args=(folder,)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0] * 8
    reports = import_logs(folder / "runs.db", [folder / "logs"])
    assert {report.outcome for report in reports} == {"unchanged"}
    import_logs(folder / "once.db", [folder / "logs"])
    assert _by_log(folder / "runs.db") == _by_log(folder / "once.db")


def _by_log(database: Path) -> dict[str, list[str]]:
    """The samples, points and summaries of each run by the id of its log."""
    tables = content(database, ("source", "metric", "sample", "point", "summary"))
    logs = {row["run_id"]: row["external_id"] for row in tables["source"]}
    names = {row["id"]: row["name"] for row in tables["metric"]}
    rows: dict[str, list[str]] = {log: [] for log in logs.values()}
    for table in ("sample", "point", "summary"):
        for row in tables[table]:
            changed = {**row, "run_id": None, "metric_id": names[row["metric_id"]], "t": table}
            rows[logs[row["run_id"]]].append(repr(changed))
    return {log: sorted(texts) for log, texts in rows.items()}

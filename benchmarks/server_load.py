"""A PostgreSQL server under load, compared with a SQLite file; writes docs/performance-server.md.

    make bench-server

The benchmark starts its own server, with default settings except for the number of connections.
"""

import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import command_latency
import postgres_server
import store_speed
from timing import describe_machine

import nnlab
from nnlab import store
from nnlab.records import Epoch, Objective, Status
from nnlab.settings import digest_of
from nnlab.store.address import ServerAddress, parse_address

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance-server.md"

WORKERS, RUNS, EPOCHS = 200, 2_000, 20
# 100,000 runs of 13 epochs and 8 metrics: 10.4 million points.
MANY_RUNS, MANY_EPOCHS = 100_000, 13
COMMANDS = (("ls",), ("compare", "--top", "20"), ("show", "5000"))


@dataclass(frozen=True, slots=True)
class WorkerLoad:
    """The work of concurrent workers: totals, and the seconds of each claim and each epoch."""

    workers: int
    points: int
    seconds: float
    claims: list[float]
    epochs: list[float]


def execute_runs(url: str, run_ids: Sequence[int], barrier: Barrier, results: Any) -> None:
    """Claims runs and writes their epochs as fast as possible, until no run is left."""
    db = store.open_database(url, write=True)
    claims: list[float] = []
    epochs: list[float] = []
    barrier.wait()
    while True:
        start = time.perf_counter()
        claim = store.claim(
            db, run_ids=run_ids, pid=os.getpid(), command="load", hostname=socket.gethostname()
        )
        if claim is None:
            break
        claims.append(time.perf_counter() - start)
        writer = store.RunWriter(db, claim)
        for number in range(1, EPOCHS + 1):
            start = time.perf_counter()
            writer.write(Epoch(number, dict.fromkeys(store_speed.METRICS, 1.0 / number), 0.1))
            epochs.append(time.perf_counter() - start)
        writer.finish(
            Status.FINISHED,
            selected_epoch=EPOCHS,
            reason=None,
            wall_seconds=1.0,
            device_seconds=1.0,
        )
    db.close()
    results.put((claims, epochs))


def measure_load(url: str, workers: int, runs: int) -> WorkerLoad:
    """Executes runs with many processes, and checks the database afterwards."""
    db = store.open_database(url, write=True, create=True)
    study = store.create_study(
        db, name="load", question="", objective=Objective.parse("val/loss"), space=None, seeds=()
    )
    settings = [{"lr": 0.1 + n} for n in range(runs)]
    specs = [store.RunSpec(setting, digest_of(setting), 0, EPOCHS) for setting in settings]
    run_ids = store.enqueue(db, study, specs).run_ids
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nnlab.store", "nnlab.store.postgres.database"])
    barrier, results = context.Barrier(workers + 1, timeout=300), context.Queue()
    processes = [
        context.Process(target=execute_runs, args=(url, run_ids, barrier, results))
        for _ in range(workers)
    ]
    for process in processes:
        process.start()
    barrier.wait()
    start = time.perf_counter()
    answers = [results.get() for _ in processes]
    seconds = time.perf_counter() - start
    for process in processes:
        process.join()
    claims = [seconds for worker_claims, _ in answers for seconds in worker_claims]
    epochs = [seconds for _, worker_epochs in answers for seconds in worker_epochs]
    points = store.database_status(db).row_counts["point"]
    _require(len(claims) == runs, "a run was not claimed exactly once")
    _require(points == runs * EPOCHS * len(store_speed.METRICS), "points are missing")
    _require(store.count_runs(db) == {Status.FINISHED: runs}, "a run is not finished")
    _require(store.find_problems(db) == [], "the database has problems")
    db.close()
    return WorkerLoad(workers, points, seconds, claims, epochs)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise RuntimeError(message)


def main() -> int:
    """Measures the server and writes the page."""
    if reason := postgres_server.why_not() or postgres_server.why_none_of_our_own():
        print(f"not measured: {reason}", file=sys.stderr)
        return 1
    with postgres_server.server() as server, tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        urls = postgres_server.schemas(server.url)
        loads = []
        for workers in (1, 20, WORKERS):
            _log(f"{workers} workers")
            url = next(urls)
            loads.append(measure_load(url, workers, RUNS if workers > 1 else RUNS // 10))
            postgres_server.drop(url)
        file = Path(folder) / "many.db"
        _log("filling a SQLite file")
        store_speed.fill_database(file, MANY_RUNS, epochs=MANY_EPOCHS)
        _log("copying it to the server")
        url = next(urls)
        copied = _copy(str(file), url)
        _log("commands on both")
        latencies = _command_latencies(str(file), url)
        sizes = _sizes(str(file), url)
        (Path(folder) / "one.db").unlink(missing_ok=True)
    PAGE.write_text("\n".join(_page(loads, copied, latencies, sizes)), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))
    return 0


def _copy(source: str, target: str) -> dict[str, float]:
    """Copies a database; returns the seconds of copying and checking, and the numbers of rows."""
    seconds = {"copying": 0.0, "checking": 0.0}
    last = time.perf_counter()

    def on_progress(phase: str, *_: object) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[phase] += now - last
        last = now

    source_db = store.open_database(source, write=False)
    target_db = store.open_database(target, write=True, create=True)
    copied = store.copy_database(source_db, target_db, on_progress)
    address = parse_address(target)
    assert isinstance(address, ServerAddress)
    with target_db.write() as connection:
        # Autovacuum would do this within a minute; the benchmark does not wait for it.
        connection.exec_driver_sql("ANALYZE")
    source_db.close()
    target_db.close()
    counts = copied.row_counts
    return {**seconds, "rows": sum(counts.values()), "points": counts["point"]}


def _command_latencies(file: str, url: str) -> list[tuple[str, float, float]]:
    """Median seconds of commands on the file and on the server, in alternation."""
    results = []
    for command in COMMANDS:
        times: dict[str, list[float]] = {file: [], url: []}
        for round_index in range(8):
            for address, durations in times.items():
                seconds = command_latency.seconds_of(
                    command, Path(address) if address == file else address
                )
                if round_index:
                    durations.append(seconds)
        medians = [statistics.median(durations) for durations in times.values()]
        results.append((f"`nnlab {' '.join(command)}`", medians[0], medians[1]))
    return results


def _sizes(file: str, url: str) -> tuple[float, float]:
    """Bytes of the whole database per point, of the file and of the server."""
    sizes = []
    for address in (file, url):
        db = store.open_database(address, write=False)
        status = store.database_status(db)
        sizes.append(status.file_bytes / status.row_counts["point"])
        db.close()
    return sizes[0], sizes[1]


def _log(message: str) -> None:
    print(f"... {message}", file=sys.stderr, flush=True)


def _page(
    loads: list[WorkerLoad],
    copied: dict[str, float],
    latencies: list[tuple[str, float, float]],
    sizes: tuple[float, float],
) -> list[str]:
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return [
        "# Performance of a server",
        "",
        "How fast nnlab is with up to 200 workers and ten million points in PostgreSQL;",
        "`make bench-server` repeats the measurements and generates this page. The server and all",
        "workers run on one machine and use the loopback interface, with default settings (`fsync`",
        "on) except for `max_connections`.",
        "",
        f"**Machine:** {describe_machine()}; nnlab {nnlab.__version__}, {today}.",
        "",
        "## Concurrent workers",
        "",
        "Each worker claims a run, stores 20 epochs of 8 metrics as fast as possible (one",
        "transaction per epoch), finishes it and claims the next. The benchmark checks that each",
        "run was claimed once, that no point is missing, and that `nnlab db check` finds no",
        "problems.",
        "",
        "| workers | points | points per second | claim, median | claim, 99 % | epoch, median |"
        " epoch, 99 % |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {load.workers} | {load.points:,} | {load.points / load.seconds:,.0f} |"
            f" {_percentile(load.claims, 50)} | {_percentile(load.claims, 99)} |"
            f" {_percentile(load.epochs, 50)} | {_percentile(load.epochs, 99)} |"
            for load in loads
        ),
        "",
        f"## {copied['points'] / 1e6:.1f} million points",
        "",
        f"{MANY_RUNS:,} runs of {MANY_EPOCHS} epochs and {len(store_speed.METRICS)} metrics,"
        f" {copied['rows']:,.0f} rows in total,",
        "were copied from a SQLite file to the server by `nnlab db copy`:"
        f" {copied['copying']:.0f} s to copy ({copied['rows'] / copied['copying']:,.0f} rows per"
        f" second), {copied['checking']:.0f} s to compare every row.",
        "",
        "| operation | SQLite file | PostgreSQL |",
        "| --- | ---: | ---: |",
        *(
            f"| {name} | {1e3 * file:.0f} ms | {1e3 * url:.0f} ms |"
            for name, file, url in latencies
        ),
        f"| bytes of all tables and indexes per point | {sizes[0]:.0f} | {sizes[1]:.0f} |",
        "",
    ]


def _percentile(seconds: list[float], percent: int) -> str:
    value = sorted(seconds)[min(len(seconds) * percent // 100, len(seconds) - 1)]
    return f"{1e3 * value:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())

"""A PostgreSQL server under load, and beside a SQLite file; writes docs/performance-server.md.

    make bench-server

The server is one of its own, with the settings it comes with but for the number of connections.
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

import a_server
import reading
import storing
from measure import machine

import nnlab
from nnlab import store
from nnlab.config import digest_of
from nnlab.records import Epoch, Objective, Status
from nnlab.store.address import ServerAddress, parse_address

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance-server.md"

WORKERS, RUNS, EPOCHS = 200, 2_000, 20
# 100,000 runs of 13 epochs and 8 metrics: 10.4 million points.
MANY_RUNS, MANY_EPOCHS = 100_000, 13
COMMANDS = (("ls",), ("compare", "--top", "20"), ("show", "5000"))


@dataclass(frozen=True, slots=True)
class Load:
    """What so many workers did at once, and how long each claim and epoch took, in seconds."""

    workers: int
    points: int
    seconds: float
    claims: list[float]
    epochs: list[float]


def work(url: str, run_ids: Sequence[int], together: Barrier, told: Any) -> None:
    """Claims runs and writes their epochs as fast as it can, until none is left."""
    db = store.open_database(url, write=True)
    claims: list[float] = []
    epochs: list[float] = []
    together.wait()
    while True:
        begun = time.perf_counter()
        claim = store.claim(
            db, run_ids=run_ids, pid=os.getpid(), command="load", hostname=socket.gethostname()
        )
        if claim is None:
            break
        claims.append(time.perf_counter() - begun)
        writer = store.RunWriter(db, claim)
        for number in range(1, EPOCHS + 1):
            begun = time.perf_counter()
            writer.write(Epoch(number, dict.fromkeys(storing.METRICS, 1.0 / number), 0.1))
            epochs.append(time.perf_counter() - begun)
        writer.finish(
            Status.FINISHED,
            selected_epoch=EPOCHS,
            reason=None,
            wall_seconds=1.0,
            device_seconds=1.0,
        )
    db.close()
    told.put((claims, epochs))


def crowd(url: str, workers: int, runs: int) -> Load:
    """So many processes work off so many runs; all of it is checked afterwards."""
    db = store.open_database(url, write=True, create=True)
    study = store.create_study(
        db, name="load", question="", objective=Objective.parse("val/loss"), space=None, seeds=()
    )
    settings = [{"lr": 0.1 + n} for n in range(runs)]
    plans = [store.RunSpec(setting, digest_of(setting), 0, EPOCHS) for setting in settings]
    run_ids = store.enqueue(db, study, plans).run_ids
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nnlab.store", "nnlab.store.postgres.database"])
    together, told = context.Barrier(workers + 1, timeout=300), context.Queue()
    processes = [
        context.Process(target=work, args=(url, run_ids, together, told)) for _ in range(workers)
    ]
    for process in processes:
        process.start()
    together.wait()
    begun = time.perf_counter()
    answers = [told.get() for _ in processes]
    seconds = time.perf_counter() - begun
    for process in processes:
        process.join()
    claims = [one for found, _ in answers for one in found]
    epochs = [one for _, found in answers for one in found]
    points = store.database_status(db).rows["point"]
    _must(len(claims) == runs, "each run was claimed once")
    _must(points == runs * EPOCHS * len(storing.METRICS), "every point is there")
    _must(store.count_runs(db) == {Status.FINISHED: runs}, "every run is finished")
    _must(store.find_problems(db) == [], "summaries agree with the points")
    db.close()
    return Load(workers, points, seconds, claims, epochs)


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise RuntimeError(f"not so: {what}")


def main() -> int:
    """Measures and writes the page."""
    if why := a_server.why_not() or a_server.why_none_of_our_own():
        print(f"not measured: {why}", file=sys.stderr)
        return 1
    with a_server.server() as server, tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        urls = a_server.schemas(server.url)
        loads = []
        for workers in (1, 20, WORKERS):
            _say(f"{workers} workers")
            url = next(urls)
            loads.append(crowd(url, workers, RUNS if workers > 1 else RUNS // 10))
            a_server.drop(url)
        file = Path(folder) / "many.db"
        _say("filling a file")
        storing.fill(file, MANY_RUNS, epochs=MANY_EPOCHS)
        _say("copying it")
        url = next(urls)
        copied = _copy(str(file), url)
        _say("asking both")
        asked = _asked(str(file), url)
        sizes = _sizes(str(file), url)
        (Path(folder) / "one.db").unlink(missing_ok=True)
    PAGE.write_text("\n".join(_page(loads, copied, asked, sizes)), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))
    return 0


def _copy(source: str, target: str) -> dict[str, float]:
    """Seconds that copying and checking took, and the points."""
    seconds = {"copying": 0.0, "checking": 0.0}
    last = time.perf_counter()

    def tell(what: str, *_: object) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[what] += now - last
        last = now

    mine = store.open_database(source, write=False)
    theirs = store.open_database(target, write=True, create=True)
    copied = store.copy_database(mine, theirs, tell)
    address = parse_address(target)
    assert isinstance(address, ServerAddress)
    with theirs.write() as connection:
        # What autovacuum does within the minute; here nobody waits for it.
        connection.exec_driver_sql("ANALYZE")
    mine.close()
    theirs.close()
    return {**seconds, "rows": sum(copied.rows.values()), "points": copied.rows["point"]}


def _asked(file: str, url: str) -> list[tuple[str, float, float]]:
    """Medians of commands on the file and on the server, in turn."""
    found = []
    for command in COMMANDS:
        times: dict[str, list[float]] = {file: [], url: []}
        for turn in range(8):
            for place, taken in times.items():
                seconds = reading.seconds_of(command, Path(place) if place == file else place)
                if turn:
                    taken.append(seconds)
        medians = [statistics.median(taken) for taken in times.values()]
        found.append((f"`nnlab {' '.join(command)}`", medians[0], medians[1]))
    return found


def _sizes(file: str, url: str) -> tuple[float, float]:
    """Bytes of everything for each point."""
    found = []
    for place in (file, url):
        db = store.open_database(place, write=False)
        told = store.database_status(db)
        found.append(told.size / told.rows["point"])
        db.close()
    return found[0], found[1]


def _say(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


def _page(
    loads: list[Load],
    copied: dict[str, float],
    asked: list[tuple[str, float, float]],
    sizes: tuple[float, float],
) -> list[str]:
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return [
        "# Performance of a server",
        "",
        "Made by `make bench-server`: PostgreSQL and all workers on one machine, on its loopback,",
        "with the server's own settings (`fsync` on) but for `max_connections`.",
        "",
        f"**Machine:** {machine()}; nnlab {nnlab.__version__}, {today}.",
        "",
        "## Workers at once",
        "",
        "Each claims a run, stores 20 epochs of 8 metrics as fast as it can, one transaction each,",
        "ends it and claims the next. Afterwards every run was claimed once, every point was",
        "there, and `nnlab db check` found nothing.",
        "",
        "| workers | points | points a second | claim, median | claim, 99 % | epoch, median |"
        " epoch, 99 % |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {one.workers} | {one.points:,} | {one.points / one.seconds:,.0f} |"
            f" {_ms(one.claims, 50)} | {_ms(one.claims, 99)} | {_ms(one.epochs, 50)} |"
            f" {_ms(one.epochs, 99)} |"
            for one in loads
        ),
        "",
        f"## {copied['points'] / 1e6:.1f} million points",
        "",
        f"{MANY_RUNS:,} runs of {MANY_EPOCHS} epochs and {len(storing.METRICS)} metrics,"
        f" {copied['rows']:,.0f} rows in all,",
        "went from a SQLite file to the server by `nnlab db copy`:"
        f" {copied['copying']:.0f} s to copy ({copied['rows'] / copied['copying']:,.0f} rows a"
        f" second), {copied['checking']:.0f} s to compare every row.",
        "",
        "| what | SQLite file | PostgreSQL |",
        "| --- | ---: | ---: |",
        *(f"| {name} | {1e3 * file:.0f} ms | {1e3 * url:.0f} ms |" for name, file, url in asked),
        f"| bytes of all tables and indexes, a point | {sizes[0]:.0f} | {sizes[1]:.0f} |",
        "",
    ]


def _ms(seconds: list[float], percent: int) -> str:
    found = sorted(seconds)[min(len(seconds) * percent // 100, len(seconds) - 1)]
    return f"{1e3 * found:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())

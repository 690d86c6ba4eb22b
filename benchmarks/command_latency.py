"""Latency of read commands on large databases, and on a database to which 32 processes write.

Each command runs in this process and includes rendering. The start-up time of a separate process
is measured by `start_up`.
"""

import contextlib
import io
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import concurrent_writers
import store_speed
from store_speed import Measurement

from nnlab.cli.main import main

WRITERS, SECONDS = 32, 20.0
CONCURRENT_COMMANDS = (("ls",), ("compare",), ("watch", "--once"))
LARGE_COMMANDS = (("ls",), ("compare", "--top", "20"), ("show", "5000"))
CONCURRENT_LIMIT_MS = 100.0


def with_writers() -> list[Measurement]:
    """Medians of the commands while 32 processes write epochs as fast as they can."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path = Path(folder) / "runs.db"
        # Started in a separate process, because writers import the main module of their parent.
        command_line = [
            sys.executable,
            concurrent_writers.__file__,
            str(path),
            str(WRITERS),
            str(SECONDS),
        ]
        writers = subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True)
        assert writers.stdout is not None
        writers.stdout.readline()
        for command in CONCURRENT_COMMANDS:
            seconds_of(command, path)
        times: dict[tuple[str, ...], list[float]] = {command: [] for command in CONCURRENT_COMMANDS}
        deadline = time.monotonic() + SECONDS / 2
        while time.monotonic() < deadline:
            for command in CONCURRENT_COMMANDS:
                times[command].append(seconds_of(command, path))
        if writers.wait():
            raise RuntimeError("the writers failed")
    return [
        Measurement(
            f"`nnlab {' '.join(command)}` while {WRITERS} processes write",
            statistics.median(seconds) * 1e3,
            "ms",
            CONCURRENT_LIMIT_MS,
        )
        for command, seconds in times.items()
    ]


def on_large_database(path: Path, runs: int) -> list[Measurement]:
    """Medians of the commands on a database of `runs` runs."""
    results = []
    for command in LARGE_COMMANDS:
        seconds_of(command, path)
        times = [seconds_of(command, path) for _ in range(9)]
        median = statistics.median(times) * 1e3
        results.append(
            Measurement(f"`nnlab {' '.join(command)}` of {runs:,} runs", median, "ms", None)
        )
    return results


def seconds_of(command: Sequence[str], path: Path | str) -> float:
    """Seconds that a command takes in this process."""
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        exit_code = main([*command, "--db", str(path)])
    if exit_code:
        raise RuntimeError(f"{command} failed with exit code {exit_code}")
    return time.perf_counter() - start


def report() -> None:
    """Prints all results; the large databases have 10 and 100 thousand runs of 10 epochs."""
    results = with_writers()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for runs in (10_000, 100_000):
            path = Path(folder) / f"{runs}.db"
            store_speed.fill_database(path, runs, epochs=10)
            results += on_large_database(path, runs)
    for result in results:
        print(f"{result.name}: {result.value:.1f} ms")


if __name__ == "__main__":
    report()

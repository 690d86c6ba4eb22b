"""What a reader waits for: commands on large databases, and while 32 processes write.

Each command runs in this process, rendering included; what a process of its own takes to start is
in `start_up`.
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

import crowd
import storing
from storing import Measured

from nnlab.cli.main import main

WRITERS, SECONDS = 32, 20.0
CROWDED = (("ls",), ("compare",), ("watch", "--once"))
LARGE = (("ls",), ("compare", "--top", "20"), ("show", "5000"))
CROWD_LIMIT = 100.0


def crowded() -> list[Measured]:
    """Medians of the commands while 32 processes write epochs as fast as they can."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        path = Path(folder) / "runs.db"
        # From a process of its own: writers load what their parent's main module loads.
        command_line = [sys.executable, crowd.__file__, str(path), str(WRITERS), str(SECONDS)]
        writers = subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True)
        assert writers.stdout is not None
        writers.stdout.readline()
        for command in CROWDED:
            seconds_of(command, path)
        times: dict[tuple[str, ...], list[float]] = {command: [] for command in CROWDED}
        until = time.monotonic() + SECONDS / 2
        while time.monotonic() < until:
            for command in CROWDED:
                times[command].append(seconds_of(command, path))
        if writers.wait():
            raise RuntimeError("the writers failed")
    return [
        Measured(
            f"`nnlab {' '.join(command)}` while {WRITERS} processes write",
            statistics.median(found) * 1e3,
            "ms",
            CROWD_LIMIT,
        )
        for command, found in times.items()
    ]


def large(path: Path, runs: int) -> list[Measured]:
    """Medians of the commands on a database of so many runs."""
    found = []
    for command in LARGE:
        seconds_of(command, path)
        times = [seconds_of(command, path) for _ in range(9)]
        median = statistics.median(times) * 1e3
        found.append(Measured(f"`nnlab {' '.join(command)}` of {runs:,} runs", median, "ms", None))
    return found


def seconds_of(command: Sequence[str], path: Path | str) -> float:
    """How long a command takes in this process."""
    begun = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        code = main([*command, "--db", str(path)])
    if code:
        raise RuntimeError(f"{command} ended with {code}")
    return time.perf_counter() - begun


def report() -> None:
    """Prints all of it; the large databases are 10 and 100 thousand runs of 10 epochs."""
    found = crowded()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for runs in (10_000, 100_000):
            path = Path(folder) / f"{runs}.db"
            storing.fill(path, runs, epochs=10)
            found += large(path, runs)
    for one in found:
        print(f"{one.name}: {one.value:.1f} ms")


if __name__ == "__main__":
    report()

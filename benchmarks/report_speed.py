"""Time and file size of `nnlab report` for 500 runs."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from store_speed import Measurement, fill_database

RUNS, SEEDS, ROUNDS = 500, 5, 5


def measure() -> list[Measurement]:
    """Each run has 100 epochs of 8 metrics; each trial has five seeds."""
    times, size = [], 0
    with tempfile.TemporaryDirectory() as folder:
        database, page = Path(folder) / "runs.db", Path(folder) / "report.html"
        fill_database(database, RUNS, SEEDS)
        command = [sys.executable, "-m", "nnlab", "report", "-o", str(page), "--db", str(database)]
        for _ in range(ROUNDS):
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.append((time.perf_counter() - start) * 1e3)
        size = page.stat().st_size
    return [
        Measurement(
            f"`nnlab report -o report.html` of {RUNS} runs", statistics.median(times), "ms", 1e4
        ),
        Measurement(f"page of {RUNS} runs", size / 1e3, "kB", 5e3),
    ]


if __name__ == "__main__":
    for result in measure():
        print(f"{result.name}: {result.value:.0f} {result.unit}")

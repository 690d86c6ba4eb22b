"""A report of 500 runs: from the command line to the file, and how large that is."""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from storing import Measured, fill

RUNS, SEEDS, ROUNDS = 500, 5, 5


def measure() -> list[Measured]:
    """Of 100 epochs of 8 metrics each, five seeds a trial."""
    times, size = [], 0
    with tempfile.TemporaryDirectory() as folder:
        database, page = Path(folder) / "runs.db", Path(folder) / "report.html"
        fill(database, RUNS, SEEDS)
        command = [sys.executable, "-m", "nnlab", "report", "-o", str(page), "--db", str(database)]
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.append((time.perf_counter() - begin) * 1e3)
        size = page.stat().st_size
    return [
        Measured(
            f"`nnlab report -o report.html` of {RUNS} runs", statistics.median(times), "ms", 1e4
        ),
        Measured(f"page of {RUNS} runs", size / 1e3, "kB", 5e3),
    ]


if __name__ == "__main__":
    for one in measure():
        print(f"{one.name}: {one.value:.0f} {one.unit}")

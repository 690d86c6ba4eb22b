"""Timing of two alternatives in alternation: medians, and the median of the paired ratios.

The speed of shared machines changes by half and more between minutes; the ratio of two
consecutive measurements is stable.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TimingComparison:
    """Median seconds of nnlab and of a reference, the median ratio, and its goal (upper limit)."""

    name: str
    reference: str
    ours_seconds: float
    reference_seconds: float
    ratio: float
    goal: float

    @property
    def is_met(self) -> bool:
        """Whether the ratio is at most the goal."""
        return self.ratio <= self.goal


def compare_alternately(
    name: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    *,
    of: str,
    rounds: int,
    goal: float,
) -> TimingComparison:
    """Times nnlab and a reference in alternation, after a warm-up round that is not counted.

    Args:
        name: name of the benchmark.
        ours: calls nnlab.
        reference: calls the reference.
        of: name of the reference.
        rounds: number of rounds.
        goal: upper limit of the ratio.
    """
    ours_times: list[float] = []
    reference_times: list[float] = []
    for round_index in range(rounds + 1):
        # The order alternates, so that neither side always benefits from a warm cache.
        pair = [(ours, ours_times), (reference, reference_times)]
        for run, times in pair if round_index % 2 else reversed(pair):
            start = time.perf_counter()
            run()
            if round_index:
                times.append(time.perf_counter() - start)
    ratios = [a / b for a, b in zip(ours_times, reference_times, strict=True)]
    return TimingComparison(
        name,
        of,
        statistics.median(ours_times),
        statistics.median(reference_times),
        statistics.median(ratios),
        goal,
    )


def median_seconds(run: Callable[[], object], rounds: int) -> float:
    """Median seconds of a call, after a warm-up call that is not counted."""
    run()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def describe_machine() -> str:
    """Processor, number of cores and Python version, in one line."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return f"{models[0]}, {os.cpu_count()} cores, Python {platform.python_version()}"

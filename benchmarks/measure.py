"""Both sides in turn, in one run: medians, and the median of the ratios pair by pair.

Shared machines drift by half and more from minute to minute; a ratio of neighbours does not.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Compared:
    """Median seconds of ours and of the reference, the median ratio, and the goal for it."""

    name: str
    reference: str
    ours_seconds: float
    reference_seconds: float
    ratio: float
    goal: float

    @property
    def met(self) -> bool:
        """Whether the ratio is within the goal."""
        return self.ratio <= self.goal


def in_turn(
    name: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    *,
    of: str,
    rounds: int,
    goal: float,
) -> Compared:
    """Times the two in turn, after one round that is not counted."""
    ours_times: list[float] = []
    reference_times: list[float] = []
    for turn in range(rounds + 1):
        # Who goes first changes, so that neither always profits from a warm cache.
        pair = [(ours, ours_times), (reference, reference_times)]
        for run, times in pair if turn % 2 else reversed(pair):
            begun = time.perf_counter()
            run()
            if turn:
                times.append(time.perf_counter() - begun)
    ratios = [a / b for a, b in zip(ours_times, reference_times, strict=True)]
    return Compared(
        name,
        of,
        statistics.median(ours_times),
        statistics.median(reference_times),
        statistics.median(ratios),
        goal,
    )


def median_of(run: Callable[[], object], rounds: int) -> float:
    """Median seconds of one side, after a round that is not counted."""
    run()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def machine() -> str:
    """The machine in a line."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return f"{models[0]}, {os.cpu_count()} cores, Python {platform.python_version()}"

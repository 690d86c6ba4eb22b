"""Seeds that collapse: runs of a trial that end at chance level while its other runs work.

The mean of such a trial describes none of its runs, and its interval does not contain the expected
value: the values are a mixture. So the seeds that work are counted, and means, intervals and tests
are those of the seeds that work.

A gap inside a trial separates collapsed from working values if it is many times as large as the
ranges of the working values. Values that only have a long tail have no such gap: for positive
metrics it must also exist on the logarithmic scale.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nnlab.objective import Limits
from nnlab.stats.sampling_noise import SamplingNoise

# How many times a gap is as large as the ranges of working values, by the number of these values,
# if several values or only one collapsed. Within a single trial of few seeds nothing else is known.
# With these numbers, normal and lognormal values are split in about 1 % of the tables
# (`make bench-statistics`).
_MIN_RATIOS: Sequence[tuple[int, float, float]] = (
    (12, 8.0, 12.0),
    (6, 12.0, 16.0),
    (0, 24.0, 24.0),
)
_MIN_RATIOS_ALONE: Mapping[int, float] = {3: 80.0, 4: 24.0, 5: 16.0}
# Ranges of values that count examples are at least this many standard deviations.
_NOISE_RANGE = 3.0
# A collapsed fraction is lower by at least this much, a collapsed loss higher by this factor.
_MIN_FRACTION_GAP, _MIN_LOSS_FACTOR = 0.1, 1.5


@dataclass(frozen=True, slots=True)
class Collapse:
    """The bound between the values of collapsed and of working seeds, in the metric's unit."""

    bound: float
    higher: bool

    def works(self, value: float) -> bool:
        """Whether a seed with this value works; one without a finite value does not."""
        if not math.isfinite(value):
            return False
        return value > self.bound if self.higher else value < self.bound


def find_collapse(
    trials: Sequence[Mapping[int, float]],
    *,
    higher: bool,
    limits: Limits,
    noise: SamplingNoise | None = None,
) -> Collapse | None:
    """The bound below which the seeds of a table collapse; None if no trial is such a mixture.

    Args:
        trials: the values of each trial, by seed.
        higher: whether higher values are better.
        limits: the smallest and largest value of the metric.
        noise: what is known of the noise of a single value.
    """
    finite = [
        {seed: value for seed, value in trial.items() if math.isfinite(value)} for trial in trials
    ]
    values = [value for trial in finite for value in trial.values()]
    if len(values) < 3 or min(values) == max(values):
        return None
    sign = 1.0 if higher else -1.0
    least_gap = _MIN_FRACTION_GAP if limits == (0.0, 1.0) and max(values) <= 1 else 0.0
    split = _split([_scaled(trial, sign) for trial in finite], noise, least_gap)
    if split is None:
        return None
    collapse = Collapse(sign * split, higher)
    if limits[1] == math.inf and min(values) > 0:
        logs = [
            _scaled({seed: math.log(value) for seed, value in trial.items()}, sign)
            for trial in finite
        ]
        log_split = _split(logs, None, math.log(_MIN_LOSS_FACTOR) if limits[0] == 0 else 0.0)
        if log_split is None:
            return None
        other = Collapse(math.exp(sign * log_split), higher)
        if any(collapse.works(value) != other.works(value) for value in values):
            return None
    return collapse


def _scaled(trial: Mapping[int, float], sign: float) -> dict[int, float]:
    return {seed: sign * value for seed, value in trial.items()}


def _split(
    trials: Sequence[Mapping[int, float]], noise: SamplingNoise | None, least_gap: float
) -> float | None:
    """The middle of the gap below the working values, where higher values are better."""
    several = [trial for trial in trials if len(trial) > 1]
    if not several:
        return None
    _, bound = max(map(_largest_gap, several))
    working = [[value for value in trial.values() if value > bound] for trial in several]
    mixed = [
        (trial, values)
        for trial, values in zip(several, working, strict=True)
        if 0 < len(values) < len(trial)
    ]
    collapsed = [value for trial, _ in mixed for value in trial.values() if value < bound]
    if not collapsed:
        return None
    gap = min(min(values) for _, values in mixed) - max(collapsed)
    ranges = sorted(max(values) - min(values) for values in working if len(values) > 1)
    if not ranges:
        return None
    widest = max(ranges[len(ranges) // 2], *(max(values) - min(values) for _, values in mixed))
    if noise is not None:
        sds = (math.sqrt(noise.variance([abs(v) for v in values])) for _, values in mixed)
        widest = max(widest, _NOISE_RANGE * max(sds))
    is_cluster = len(collapsed) > 1 and max(collapsed) - min(collapsed) <= gap
    count = sum(map(len, working))
    ratio = next(
        of_several if is_cluster else of_one
        for least, of_several, of_one in _MIN_RATIOS
        if count >= least
    )
    if _same_seeds(several, bound):
        ratio = max(ratio, _MIN_RATIOS_ALONE.get(max(map(len, several)), ratio))
    return bound if gap >= ratio * widest and gap > least_gap else None


def _largest_gap(trial: Mapping[int, float]) -> tuple[float, float]:
    """The largest gap between the values of a trial, and its middle."""
    values = sorted(trial.values())
    return max((high - low, (low + high) / 2) for low, high in pairwise(values))


def _same_seeds(trials: Sequence[Mapping[int, float]], bound: float) -> bool:
    """Whether the same seeds are below the bound in every trial, as by an effect of the seed."""
    collapsed = {
        frozenset(seed for seed, value in trial.items() if value < bound) for trial in trials
    }
    return len(collapsed) == 1

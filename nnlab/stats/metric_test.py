"""Tests of the differences between trials of a table, in the unit of the metric."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab.objective import UNLIMITED, Limits
from nnlab.stats.metric_scale import IDENTITY
from nnlab.stats.moderated_comparison import (
    TableVariances,
    TestedDifference,
    moderated_test,
    sampling_noise_test,
    table_variances,
)
from nnlab.stats.multiplicity import Multiplicity
from nnlab.stats.sampling_noise import SamplingNoise

# The standard normal quantile of the power of 80 % for which numbers of seeds are predicted.
_POWER_Z = 0.8416
_MIN_SEEDS, _MAX_SEEDS = 3, 100


@dataclass(frozen=True, slots=True)
class MetricTest:
    """The test of a difference of two trials with its simultaneous interval.

    `low` and `high` are in the metric's unit. `p` is that of a single test, `adjusted` is corrected
    for the table: at most 0.05 exactly if the interval excludes 0.
    """

    low: float
    high: float
    p: float
    adjusted: float


class TrialTable:
    """The trials of a table, whose spreads are estimated together."""

    def __init__(
        self,
        trials: Sequence[Mapping[int, float]],
        *,
        correction: Multiplicity,
        limits: Limits = UNLIMITED,
        noise: SamplingNoise | None = None,
    ) -> None:
        """Estimates the spreads.

        Args:
            trials: the finite values of each trial, by seed.
            correction: for the number of trials.
            limits: the smallest and largest value of the metric.
            noise: what is known of the noise of one value; by default the values are searched for
                a rounding step.
        """
        self._trials = trials
        self._correction = correction
        self._variances: TableVariances = table_variances(trials, limits, noise)

    @property
    def counts_examples(self) -> bool:
        """Whether the metric is a fraction of a known number of examples."""
        return self._variances.noise.examples is not None

    @property
    def is_noiseless(self) -> bool:
        """Whether nothing is known of the noise of a single value."""
        return self._variances.noise.resolution is None

    def is_moderated(self, first: int, second: int) -> bool:
        """Whether the difference of two trials is tested by the spread of all trials."""
        shared = self._shared_seeds(first, second)
        test = moderated_test(self._variances, first, second, shared, self._correction)
        return test is not None

    def test(self, first: int, second: int, mean: float) -> MetricTest | None:
        """The test of the first trial minus the second.

        Args:
            first: the index of a trial.
            second: the index of the other one.
            mean: the difference of their means over the seeds that are compared.

        Returns:
            The test; None if the table has too few trials to moderate their spreads.
        """
        shared = self._shared_seeds(first, second)
        test = moderated_test(self._variances, first, second, shared, self._correction)
        if test is None:
            return None
        low, high = self._bounds(test, first, shared)
        # On another scale, the difference may have another sign than that of the means.
        agrees = mean == 0 or test.difference * mean > 0
        result = MetricTest(
            min(low, mean),
            max(high, mean),
            test.p if agrees else 1.0,
            test.adjusted if agrees else 1.0,
        )
        return self.with_sampling_noise(result, first, second, mean)

    def with_sampling_noise(
        self, result: MetricTest, first: int, second: int, mean: float
    ) -> MetricTest:
        """A test that is not significant if counting few examples explains the difference.

        Args:
            result: the test by the spread over seeds.
            first: the index of the first trial.
            second: the index of the second trial.
            mean: their difference.
        """
        variance = self._noise_variance(first, second)
        noise = sampling_noise_test(mean, variance, self._correction)
        return MetricTest(
            min(result.low, mean - noise.half_width),
            max(result.high, mean + noise.half_width),
            max(result.p, noise.p),
            max(result.adjusted, noise.adjusted),
        )

    def seeds_needed(self, first: int, second: int, mean: float) -> int | None:
        """The number of seeds at which this difference is significant with a power of 80 %.

        It is a normal approximation; None if the number exceeds 100, or if it cannot be predicted.
        """
        shared = self._shared_seeds(first, second)
        test = moderated_test(self._variances, first, second, shared, self._correction)
        if test is None or test.difference * mean <= 0:
            return None
        for n in range(_MIN_SEEDS, _MAX_SEEDS + 1):
            df = test.df * (n - 1) / max(test.n - 1, 1)
            critical = self._correction.critical_t(df, common=test.common)
            shift = abs(test.difference) * math.sqrt(n / test.variance)
            is_enough = (shift - critical) / math.sqrt(1 + critical**2 / (2 * df)) >= _POWER_Z
            if is_enough and n >= self.seeds_above_noise(first, second, mean):
                return n
        return None

    def seeds_above_noise(self, first: int, second: int, mean: float) -> float:
        """The number of seeds at which a difference exceeds the noise of counting examples."""
        a, b = self._counts(first, second)
        variance = self._noise_variance(first, second) * min(a, b)
        z = self._correction.critical_z_one_sided() + _POWER_Z
        return z * z * variance / (mean * mean) if mean else math.inf

    def _shared_seeds(self, first: int, second: int) -> list[int]:
        other = self._trials[second]
        return [seed for seed in self._trials[first] if seed in other]

    def _counts(self, first: int, second: int) -> tuple[int, int]:
        """How many values of both trials are compared."""
        shared = len(self._shared_seeds(first, second))
        if shared >= 2:
            return shared, shared
        return len(self._trials[first]), len(self._trials[second])

    def _noise_variance(self, first: int, second: int) -> float:
        """The least variance of the difference of two means."""
        return math.fsum(
            self._variances.noise.variance(list(self._trials[index].values())) / n
            for index, n in zip((first, second), self._counts(first, second), strict=True)
        )

    def _bounds(
        self, test: TestedDifference, first: int, shared: Sequence[int]
    ) -> tuple[float, float]:
        """The interval on the scale as an interval of the metric, at the mean of the first."""
        low, high = test.difference - test.half_width, test.difference + test.half_width
        scale = self._variances.scale
        if scale is IDENTITY:
            return low, high
        trial = self._trials[first]
        values = [trial[seed] for seed in shared] if len(shared) >= 2 else list(trial.values())
        mean = math.fsum(values) / len(values)
        origin = scale.forward(mean)
        metric_low, metric_high = (mean - scale.inverse(origin - bound) for bound in (low, high))
        # Rounding, and the limits of the metric, must not change the decision.
        if low > 0:
            metric_low = max(metric_low, math.ulp(mean))
        if high < 0:
            metric_high = min(metric_high, -math.ulp(mean))
        return metric_low, metric_high

"""Simulated loops that try one candidate after another, and the ways to decide which to keep.

All loops of a scenario run at once: arrays have one row per loop. A run's value is its setting's
true mean, an effect of the seed that all settings share, and noise of the run. The standard
deviation of a paired difference is 1.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from nnlab.stats.online_fdr import OnlineLevels
from nnlab.stats.sequential_test import least_sd_of_difference, run_tests

Floats = NDArray[np.float64]

# Seeds that have a value, if a strategy asks for them.
SEEDS: Final = 40
UNCORRECTED_LEVEL: Final = 0.05
# The variance of a run: one half from the seed, which cancels in a difference, one from the run.
_SEED_SD: Final = math.sqrt(0.5)
_RUN_SD: Final = math.sqrt(0.5)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of loop: a share `helpful` of its candidates has the effect `effect`.

    A share `harmful` has an effect between -2 and 0; the others have none. Values are rounded to
    multiples of `resolution`. A test ends at `max_pairs` pairs.
    """

    name: str
    helpful: float
    effect: float
    harmful: float = 0.0
    resolution: float = 0.0
    max_pairs: int = 10


@dataclass(frozen=True, slots=True)
class Decisions:
    """For each loop: whether the candidate is kept, and how many pairs were compared."""

    is_kept: NDArray[np.bool_]
    n: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LoopResults:
    """Counts of each loop, shape [loops]; `improvement` is in standard deviations."""

    kept: Floats
    false_keeps: Floats
    helpful: Floats
    runs: Floats
    improvement: Floats

    @property
    def false_discovery_rate(self) -> float:
        """The mean share of kept candidates that do not help; 0 for a loop that keeps none."""
        return float((self.false_keeps / np.maximum(self.kept, 1)).mean())

    @property
    def marginal_rate(self) -> float:
        """The share of kept candidates that do not help, over all loops together."""
        return float(self.false_keeps.sum() / max(self.kept.sum(), 1))

    @property
    def power(self) -> float:
        """The share of helpful candidates that are kept."""
        return float((self.kept - self.false_keeps).sum() / max(self.helpful.sum(), 1))


class Strategy(ABC):
    """Decides about one candidate of each loop from differences of shape [loops, SEEDS]."""

    @abstractmethod
    def decide(self, differences: Floats, scenario: Scenario) -> Decisions:
        """The decisions; each depends only on the first n differences."""


class Gate(Strategy):
    """The sequential test at the levels of an online FDR procedure."""

    def __init__(self, levels: list[OnlineLevels]) -> None:
        self.levels = levels

    def decide(self, differences: Floats, scenario: Scenario) -> Decisions:
        """Stops each test as early as possible."""
        levels = np.asarray([state.level for state in self.levels])
        min_sd = least_sd_of_difference(scenario.resolution)
        stopped = run_tests(differences[:, : scenario.max_pairs], levels, min_sd=min_sd)
        for state, p in zip(self.levels, stopped.p.tolist(), strict=True):
            state.add(p)
        return Decisions(stopped.is_kept, stopped.n)


class FixedSeeds(Strategy):
    """A t test of a fixed number of pairs, at levels of online FDR or without a correction."""

    def __init__(self, pairs: int, levels: list[OnlineLevels] | None = None) -> None:
        self.pairs, self.levels = pairs, levels

    def decide(self, differences: Floats, scenario: Scenario) -> Decisions:
        """Tests all pairs at once."""
        used = differences[:, : self.pairs]
        sd = np.maximum(used.std(axis=1, ddof=1), least_sd_of_difference(scenario.resolution))
        t = used.mean(axis=1) / np.maximum(sd, 1e-12) * math.sqrt(self.pairs)
        p = stdtr(self.pairs - 1, -t)
        n = np.full(len(p), self.pairs)
        if self.levels is None:
            return Decisions(p <= UNCORRECTED_LEVEL, n)
        levels = np.asarray([state.level for state in self.levels])
        for state, value in zip(self.levels, p.tolist(), strict=True):
            state.add(value)
        return Decisions(p <= levels, n)


class Greedy(Strategy):
    """Keeps a candidate if its mean over a fixed number of seeds is better."""

    def __init__(self, pairs: int) -> None:
        self.pairs = pairs

    def decide(self, differences: Floats, scenario: Scenario) -> Decisions:  # noqa: ARG002
        """Compares the means; any scenario is decided alike."""
        is_kept = differences[:, : self.pairs].mean(axis=1) > 0
        return Decisions(is_kept, np.full(len(differences), self.pairs))


def simulate(
    scenario: Scenario,
    strategy: Strategy,
    *,
    loops: int,
    candidates: int,
    reuses_baseline: bool = True,
    seed: int = 0,
) -> LoopResults:
    """The results of `loops` loops of `candidates` candidates.

    If a candidate is kept, its runs become those of the baseline, and the seeds that it lacks are
    trained when they are needed. The runs of the baseline are used again for the candidates that
    follow, or trained again for each candidate.
    """
    generator = np.random.default_rng(seed)
    seed_effects = generator.normal(0, _SEED_SD, (loops, SEEDS))
    baseline_mean = np.zeros(loops)
    baseline = generator.normal(0, _RUN_SD, (loops, SEEDS))
    trained = np.zeros(loops, dtype=np.int64)
    kept, false_keeps, helpful, runs = (np.zeros(loops) for _ in range(4))
    rows = np.arange(SEEDS)

    def values(mean: Floats, noise: Floats) -> Floats:
        exact = mean[:, None] + seed_effects + noise
        step = scenario.resolution
        return np.round(exact / step) * step if step else exact

    for _ in range(candidates):
        if not reuses_baseline:
            baseline, trained = generator.normal(0, _RUN_SD, (loops, SEEDS)), np.zeros_like(trained)
        effect = _effects(scenario, generator, loops)
        noise = generator.normal(0, _RUN_SD, (loops, SEEDS))
        differences = values(baseline_mean + effect, noise) - values(baseline_mean, baseline)
        decisions = strategy.decide(differences, scenario)
        runs += decisions.n + np.maximum(decisions.n - trained, 0)
        trained = np.maximum(trained, decisions.n)
        is_kept = decisions.is_kept
        kept += is_kept
        false_keeps += is_kept & (effect <= 0)
        helpful += effect > 0
        baseline_mean += np.where(is_kept, effect, 0.0)
        trained = np.where(is_kept, decisions.n, trained)
        fresh = generator.normal(0, _RUN_SD, (loops, SEEDS))
        own = np.where(rows < decisions.n[:, None], noise, fresh)
        baseline = np.where(is_kept[:, None], own, baseline)
    return LoopResults(kept, false_keeps, helpful, runs, baseline_mean)


def _effects(scenario: Scenario, generator: np.random.Generator, loops: int) -> Floats:
    """The true effects of the next candidate of each loop."""
    kind = generator.random(loops)
    harm = generator.uniform(-2.0, 0.0, loops)
    is_helpful = kind < scenario.helpful
    is_harmful = ~is_helpful & (kind < scenario.helpful + scenario.harmful)
    return np.where(is_helpful, scenario.effect, np.where(is_harmful, harm, 0.0))

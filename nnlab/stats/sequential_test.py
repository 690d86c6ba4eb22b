"""A sequential test of paired differences: keep the candidate, discard it, or train one more pair.

The gate calls `assess_differences` after each pair of runs. The test is the group sequential t test
of `group_sequential`: its error rate holds however often the differences are looked at, up to
`max_pairs` pairs. `run_tests` runs many tests at once, for predictions and simulations.

A candidate is discarded early if the test is futile: if it would be kept with a probability below
`FUTILITY_PROBABILITY` even though its true difference lay one standard error above the estimate
(conditional power, Lan and Wittes 1988). The error rate does not depend on these stops.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from nnlab.stats.group_sequential import FIRST_LOOK, nominal_levels, overall_p

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

FUTILITY_PROBABILITY: Final = 0.1

# The upper bound of the mean decides only about discarding, so it keeps the usual level.
UPPER_LEVEL: Final = 0.05

# Differences of metrics of the size of 1 have rounding errors of 1e-16.
_ROUNDING: Final = 1e-9
_TINY, _HUGE_T = 1e-300, 1e12

# Simulated continuations that predict the number of further pairs.
_CONTINUATIONS: Final = 400


class GateVerdict(StrEnum):
    """The decision on a candidate."""

    KEEP = "keep"
    DISCARD = "discard"
    NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class SequentialResult:
    """The state of the test after `n` pairs.

    `mean`, `low` and `high` are in the metric's unit, positive if the candidate is better. `low` is
    below the true mean difference at all n together with a probability of 1 - level, and `high`
    above it with one of 95 %; they are infinite where they are unknown. The candidate is kept
    exactly if `p` is at most the level, and exactly then `low` is above the minimum effect. `p` is
    valid whenever the test stops: for a candidate that is not better than the minimum effect it is
    at most u with a probability of at most u. `expected_left` is the expected number of further
    pairs until a decision: 0 after a decision, None if it cannot be predicted.
    """

    verdict: GateVerdict
    n: int
    mean: float
    low: float
    high: float
    p: float
    expected_left: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class StoppedTests:
    """The results of many tests, each of shape [tests].

    `n` is the number of pairs used, and `p` the repeated p value at the stop.
    """

    is_kept: "Flags"
    is_discarded: "Flags"
    n: "NDArray[np.int64]"
    p: "Floats"


@dataclass(frozen=True, slots=True)
class _Looks:
    """What the tests know after 2, 3, ... pairs, each of shape [tests, looks].

    `low` and `high` bound the excess of the mean over the minimum effect. They and `p` take the
    looks before into account, `is_futile` does not.
    """

    p: "Floats"
    low: "Floats"
    high: "Floats"
    is_futile: "Flags"


def assess_differences(
    differences: Sequence[float],
    *,
    level: float,
    max_pairs: int,
    min_effect: float = 0.0,
    min_sd: float = 0.0,
) -> SequentialResult:
    """The decision on a candidate after some pairs: a pure function of the differences so far.

    Args:
        differences: candidate minus baseline, one per shared seed in order, positive if the
            candidate is better, shape [n] with n <= max_pairs.
        level: the one-sided level of the test: the probability to keep a candidate that is not
            better than `min_effect`.
        max_pairs: the number of pairs at which the test ends, at least 2.
        min_effect: the least mean difference of a candidate that is kept.
        min_sd: the least standard deviation of differences that the metric's resolution implies.

    Raises:
        ValueError: a difference is not finite, there are more than `max_pairs`, or a parameter
            lies outside its range.
    """
    import numpy as np  # here, because most commands start without it

    n = len(differences)
    if not all(map(math.isfinite, differences)):
        raise ValueError(f"differences must be finite, got {list(differences)}")
    if n > max_pairs or max_pairs < FIRST_LOOK:
        raise ValueError(f"got {n} differences for a test of at most {max_pairs} pairs")
    if not 0 < level < 1 or not 0 <= min_sd < math.inf or not math.isfinite(min_effect):
        raise ValueError(f"level {level}, minimum effect {min_effect}, least spread {min_sd}")
    if n < FIRST_LOOK:
        return _too_few(differences)
    excess = np.asarray(differences, dtype=np.float64)[None, :] - min_effect
    levels = np.asarray([level])
    looks = _look_at(excess, levels, max_pairs, min_sd)
    mean = math.fsum(differences) / n
    verdict, reason = _decide(looks, level, n, max_pairs)
    if verdict is GateVerdict.DISCARD and not any(differences):
        reason = f"no difference: all {n} pairs have equal values"
    expected: float | None = 0.0
    if verdict is GateVerdict.NOT_YET:
        expected = _expected_left(excess[0], level, max_pairs, min_sd) if n < max_pairs else None
    return SequentialResult(
        verdict,
        n,
        mean,
        float(looks.low[0, -1]) + min_effect,
        float(looks.high[0, -1]) + min_effect,
        float(looks.p[0, -1]),
        expected,
        reason,
    )


def run_tests(
    excess: "Floats", levels: "Floats", *, min_sd: float = 0.0, first: int = FIRST_LOOK
) -> StoppedTests:
    """The decisions of many tests: each uses only the differences up to its stop.

    Args:
        excess: differences minus the minimum effect, shape [tests, max_pairs].
        levels: the one-sided level of each test, shape [tests].
        min_sd: the least standard deviation of differences that the metric's resolution implies.
        first: the number of pairs at which a test may stop for the first time.
    """
    import numpy as np

    max_pairs = excess.shape[1]
    looks = _look_at(excess, levels, max_pairs, min_sd)
    is_kept = looks.p <= levels[:, None]
    is_discarded = ~is_kept & (looks.is_futile | (looks.high < 0))
    stops = is_kept | is_discarded
    stops[:, : first - FIRST_LOOK] = False
    stops[:, -1] = True
    stop = stops.argmax(axis=1)
    tests = np.arange(len(excess))
    return StoppedTests(
        is_kept[tests, stop], is_discarded[tests, stop], stop + FIRST_LOOK, looks.p[tests, stop]
    )


def least_sd_of_difference(resolution: float) -> float:
    """The `min_sd` of a metric whose values are multiples of a resolution, such as 1 / examples.

    A value that is as likely rounded up as down has the standard deviation resolution / 2, and the
    difference of two of them resolution / sqrt(2).
    """
    return resolution / math.sqrt(2)


def _look_at(excess: "Floats", levels: "Floats", max_pairs: int, min_sd: float) -> _Looks:
    """The looks after 2, 3, ..., n pairs, for differences minus the minimum effect [tests, n]."""
    import numpy as np
    from scipy.special import stdtr, stdtrit

    n = np.arange(FIRST_LOOK, excess.shape[1] + 1)
    means, errors = _means_and_errors(excess, min_sd)
    with np.errstate(divide="ignore"):
        t = np.where(errors > 0, means / np.maximum(errors, _TINY), np.sign(means) * _HUGE_T)
    # Equal differences hide their spread: one of the 2^n sign patterns has a sum as high.
    least_p = np.where(_are_equal(excess), 0.5**n, 0.0)
    nominal_p = np.maximum(stdtr(n - 1, -t), least_p)
    lower, upper = (
        nominal_levels(overall, max_pairs) for overall in (levels, np.asarray([UPPER_LEVEL]))
    )
    low_width, high_width = (
        np.where(least_p <= nominal, errors * -stdtrit(n - 1, nominal), np.inf)
        for nominal in (lower[:, : len(n)], upper[:, : len(n)])
    )
    last_boundary = -stdtrit(max_pairs - 1, lower[:, -1:])
    return _Looks(
        np.minimum.accumulate(overall_p(nominal_p, max_pairs), axis=1),
        np.maximum.accumulate(means - low_width, axis=1),
        np.minimum.accumulate(means + high_width, axis=1),
        _is_futile(t, n, last_boundary, max_pairs),
    )


def _means_and_errors(values: "Floats", min_sd: float) -> tuple["Floats", "Floats"]:
    """The means of the first 2, 3, ... values and their standard errors, shape [tests, looks]."""
    import numpy as np

    n = np.arange(1, values.shape[1] + 1)
    means = np.cumsum(values, axis=1) / n
    # Welford's sum of squares, which does not cancel.
    means_before = np.concatenate([values[:, :1], means[:, :-1]], axis=1)
    squares = np.maximum(np.cumsum((values - means_before) * (values - means), axis=1), 0.0)
    sd = np.sqrt(squares[:, 1:] / (n[1:] - 1))
    sd[_are_equal(values)] = 0.0
    return means[:, 1:], np.maximum(sd, min_sd) / np.sqrt(n[1:])


def _are_equal(values: "Floats") -> "Flags":
    """Whether the first 2, 3, ... values are equal except for rounding, shape [tests, looks]."""
    import numpy as np

    least = np.minimum.accumulate(values, axis=1)[:, 1:]
    greatest = np.maximum.accumulate(values, axis=1)[:, 1:]
    size = np.maximum(np.abs(least), np.abs(greatest))
    return np.asarray(greatest - least <= _ROUNDING * size)


def _is_futile(t: "Floats", n: "NDArray[np.int64]", last: "Floats", max_pairs: int) -> "Flags":
    """Whether the conditional power at the last look is below `FUTILITY_PROBABILITY`.

    Args:
        t: the t statistics, shape [tests, looks].
        n: the pairs of the looks, shape [looks].
        last: the boundary of t at the last look, shape [tests, 1].
        max_pairs: the number of pairs at the last look.
    """
    import numpy as np
    from scipy.special import ndtri

    left = max_pairs - n
    # The sum of all differences in units of their standard deviation, at the optimistic drift.
    expected_sum = np.sqrt(n) * t + left * (t + 1) / np.sqrt(n)
    needed_sum = np.sqrt(max_pairs) * last
    least = ndtri(FUTILITY_PROBABILITY) * np.sqrt(left)
    return np.asarray(np.where(left > 0, expected_sum - needed_sum < least, t <= 0))


def _too_few(differences: Sequence[float]) -> SequentialResult:
    mean = differences[0] if differences else math.nan
    return SequentialResult(
        GateVerdict.NOT_YET,
        len(differences),
        mean,
        -math.inf,
        math.inf,
        1.0,
        None,
        f"the spread needs at least {FIRST_LOOK} pairs",
    )


def _decide(looks: _Looks, level: float, n: int, max_pairs: int) -> tuple[GateVerdict, str]:
    """The verdict after the last look, and its reason."""
    p = float(looks.p[0, -1])
    if p <= level:
        return GateVerdict.KEEP, f"better: p is {p:.2g}, at most the level {level:.2g}"
    if looks.high[0, -1] < 0:
        return GateVerdict.DISCARD, "not better: the interval lies below the minimum effect"
    if looks.is_futile[0, -1]:
        return GateVerdict.DISCARD, (
            f"unlikely to be kept within {max_pairs} pairs, even if the difference is one standard "
            "error above its estimate"
            if n < max_pairs
            else f"the mean difference of {max_pairs} pairs is not above the minimum effect"
        )
    state = "more pairs are needed" if n < max_pairs else f"undecided after {max_pairs} pairs"
    return GateVerdict.NOT_YET, f"{state}: p is {p:.2g}, above the level {level:.2g}"


def _expected_left(excess: "Floats", level: float, max_pairs: int, min_sd: float) -> float:
    """The mean number of further pairs in continuations with the estimated mean and spread."""
    import numpy as np

    n = len(excess)
    sd = max(float(np.std(excess, ddof=1)), min_sd)
    # A fixed seed: the same differences always have the same prediction.
    generator = np.random.default_rng(0)
    continued = generator.normal(excess.mean(), sd, (_CONTINUATIONS, max_pairs - n))
    paths = np.concatenate([np.tile(excess, (_CONTINUATIONS, 1)), continued], axis=1)
    stopped = run_tests(paths, np.full(_CONTINUATIONS, level), min_sd=min_sd, first=n + 1)
    return float(stopped.n.mean()) - n

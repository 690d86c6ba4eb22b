"""A learning rate suggested by LR range tests with one or several seeds; nothing is stored."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nnlab.engine.loop import build_session
from nnlab.engine.lr_range import LRRangeTest, run_lr_range_test
from nnlab.errors import UsageError
from nnlab.settings import RunConfig, without_metrics
from nnlab.stats.piecewise_linear import linear_slope


@dataclass(frozen=True, slots=True)
class LearningRateSuggestion:
    """Learning rates suggested by range tests, as medians over seeds.

    `suggested` is the learning rate at which the loss fell fastest. `tenth_of_lowest_loss_lr` is a
    tenth of the one at which the loss was lowest. Both are rules of thumb that should agree within
    a small factor.
    """

    suggested: float
    tenth_of_lowest_loss_lr: float
    tests: tuple[LRRangeTest, ...]


def find_lr(
    config: RunConfig,
    seeds: Sequence[int],
    *,
    low: float,
    high: float,
    steps: int,
    each: Callable[[int], object] = lambda _: None,
) -> LearningRateSuggestion:
    """The learning rate suggested by range tests of a resolved config.

    Args:
        config: the setting.
        seeds: the seed of each test.
        low: the first learning rate.
        high: the last learning rate.
        steps: the number of steps of each test.
        each: called with the seed when a test begins.

    Raises:
        UsageError: the optimizer has no learning rate, or the loss never fell.
        NnlabError: the run cannot start.
    """
    if config.lr is None:
        raise UsageError(f"--opt {config.opt} has no learning rate to find")
    tests = []
    for seed in seeds:
        each(seed)
        session = build_session(without_metrics(replace(config, seed=seed)))
        tests.append(run_lr_range_test(session, low=low, high=high, steps=steps))
    if not all(len(test.lrs) > 1 for test in tests):
        raise UsageError(f"the loss is not finite at lr {low:g} already", hint="a smaller --low")
    steepest = [lr for test in tests if (lr := steepest_lr(test)) is not None]
    if not steepest:
        raise UsageError(
            f"the loss did not fall at any lr from {low:g} to {high:g}",
            hint="a wider range (--low, --high), more --steps, or another initialisation",
        )
    return LearningRateSuggestion(
        _round_to_two_digits(statistics.median(steepest)),
        _round_to_two_digits(statistics.median(test.lrs[test.best] for test in tests) / 10),
        tuple(tests),
    )


def steepest_lr(test: LRRangeTest) -> float | None:
    """The learning rate at which the smoothed loss falls fastest over log(lr).

    The slope is measured over windows of an eighth of the test that end before the lowest
    smoothed loss; None if the loss never fell.
    """
    span = max(2, len(test.lrs) // 8)
    slopes = [
        (linear_slope(test.smoothed[i : i + span]), i) for i in range(max(0, test.best - span + 1))
    ]
    if not slopes or min(slopes)[0] >= 0:
        return None
    return test.lrs[min(slopes)[1] + span // 2]


def _round_to_two_digits(lr: float) -> float:
    """The rate with two significant digits, which is the precision of a range test.

    >>> _round_to_two_digits(0.012345)
    0.012
    """
    return float(f"{lr:.2g}")

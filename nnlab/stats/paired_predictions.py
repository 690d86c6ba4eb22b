"""What a finite set of examples leaves uncertain about trained models, paired by example.

Two models that were evaluated on the same examples are compared example by example: accuracies by
McNemar's test (1947), areas under the ROC curve by DeLong, DeLong and Clarke-Pearson (1988). The
statements are about these trained models on further examples of the same kind; the spread between
seeds is another question.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_LEVEL: Final = 0.05


@dataclass(frozen=True, slots=True)
class SampleNoise:
    """The effect of the choice of n examples on the accuracies of the models of one setting.

    `standard_error` is that of the mean accuracy. `share` is the share of the variance between the
    seeds that comes from the examples; None for one seed, or if all seeds are equal.
    """

    n: int
    standard_error: float
    share: float | None


@dataclass(frozen=True, slots=True)
class ExamplePairedDifference:
    """The difference a - b of a metric on n common examples, with a 95 % interval and its p.

    Both are corrected for the number of tests (Bonferroni). `method` names the test.
    """

    n: int
    difference: float
    low: float
    high: float
    p: float
    method: str


def accuracy_noise(correct: "Flags") -> SampleNoise:
    """The noise of accuracies from predictions that are correct or not, shape [seeds, examples].

    An analysis of variance with seeds and examples: what remains of the variance of single
    predictions, divided by the number of examples, is the part of the variance between the seeds'
    accuracies that another choice of examples would change.
    """
    import numpy as np

    values = correct.astype(np.float64)
    seeds, n = values.shape
    by_example, by_seed = values.mean(axis=0), values.mean(axis=1)
    error = float(by_example.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    between = float(by_seed.var(ddof=1)) if seeds > 1 else 0.0
    if not between:
        return SampleNoise(n, error, None)
    rest = values - by_example - by_seed[:, None] + values.mean()
    residual = float((rest**2).sum()) / ((seeds - 1) * (n - 1))
    return SampleNoise(n, error, min(1.0, residual / n / between))


def binomial_noise(accuracies: Sequence[float], n: int) -> SampleNoise:
    """The same from accuracies of n examples alone: bounds, as if predictions were independent.

    The standard error is that of one model, because the models of all seeds may be wrong on the
    same examples. For the same reason the share is the largest possible one.

    >>> noise = binomial_noise([0.9, 0.8], 100)
    >>> noise.n, round(noise.standard_error, 6), round(noise.share, 3)
    (100, 0.035707, 0.255)
    """
    mean = math.fsum(accuracies) / len(accuracies)
    variance = mean * (1 - mean) / n
    spread = math.fsum((value - mean) ** 2 for value in accuracies)
    share = min(1.0, variance * (len(accuracies) - 1) / spread) if spread else None
    return SampleNoise(n, math.sqrt(variance), share)


def mcnemar_p(only_a: int, only_b: int) -> float:
    """The two-sided p of McNemar's exact test: the sign test of the discordant examples.

    Args:
        only_a: examples on which only the first model is correct.
        only_b: examples on which only the second model is correct.

    >>> mcnemar_p(9, 1)
    0.021484375
    """
    from scipy.special import bdtr

    fewer, total = min(only_a, only_b), only_a + only_b
    return min(1.0, 2 * float(bdtr(fewer, total, 0.5))) if total else 1.0


def compare_accuracies(a: "Flags", b: "Flags", *, tests: int = 1) -> ExamplePairedDifference:
    """The difference of the accuracies of two settings on the same examples.

    One model each is tested by McNemar's exact test, with the interval of Agresti and Min (2005),
    which is widened to contain 0 if the test does not reject. The means of several seeds are
    compared by a normal interval over the examples.

    Args:
        a: whether predictions of the first setting are correct, shape [seeds, examples].
        b: the same for the second, with the same examples and any number of seeds.
        tests: the number of pairs of settings among which this one was selected.

    Raises:
        ValueError: the numbers of examples differ, or are below 2.
    """
    import numpy as np

    n = a.shape[1]
    if b.shape[1] != n or n < 2:
        raise ValueError(f"pairs of examples: got {n} and {b.shape[1]}")
    if len(a) == len(b) == 1:
        return _compare_two_models(int((a & ~b).sum()), int((b & ~a).sum()), n, tests)
    differences = a.mean(axis=0) - b.mean(axis=0)
    error = float(np.std(differences, ddof=1)) / math.sqrt(n)
    return _normal_difference(float(differences.mean()), error, n, tests, "paired by example")


def _compare_two_models(only_a: int, only_b: int, n: int, tests: int) -> ExamplePairedDifference:
    p = min(1.0, tests * mcnemar_p(only_a, only_b))
    # One half is added to each of the four counts.
    center = (only_a - only_b) / (n + 2)
    variance = (only_a + only_b + 1) / (n + 2) - center**2
    half_width = _normal_quantile(tests) * math.sqrt(variance / (n + 2))
    low, high = max(-1.0, center - half_width), min(1.0, center + half_width)
    if p > _LEVEL:
        low, high = min(low, 0.0), max(high, 0.0)
    return ExamplePairedDifference(n, (only_a - only_b) / n, low, high, p, "McNemar")


def compare_areas(
    a: "Floats", b: "Floats", is_positive: "Flags", *, tests: int = 1
) -> ExamplePairedDifference:
    """The difference of the areas under the ROC curves of two settings, by DeLong's test.

    The areas of several seeds of a setting are averaged.

    Args:
        a: scores of the positive class by the first setting, shape [seeds, examples].
        b: the same for the second, with the same examples and any number of seeds.
        is_positive: the classes of the examples, shape [examples].
        tests: the number of pairs of settings among which this one was selected.

    Raises:
        ValueError: a class has fewer than two examples.
    """
    import numpy as np

    # The placement values are averaged over the seeds: the area is linear in them.
    first, second = (
        [values.mean(axis=0) for values in _all_placements(scores, is_positive)]
        for scores in (a, b)
    )
    differences = [x - y for x, y in zip(first, second, strict=True)]
    variance = sum(float(np.var(values, ddof=1)) / len(values) for values in differences)
    return _normal_difference(
        float(differences[0].mean()), math.sqrt(variance), len(is_positive), tests, "DeLong"
    )


def area_noise(scores: "Floats", is_positive: "Flags") -> SampleNoise:
    """The noise of areas under the ROC curve, from scores of shape [seeds, examples].

    The part of the variance between the seeds that comes from the examples is the mean variance
    of an area minus the mean covariance of two, by DeLong, DeLong and Clarke-Pearson (1988).

    Raises:
        ValueError: a class has fewer than two examples.
    """
    import numpy as np

    seeds = len(scores)
    positive, negative = _all_placements(scores, is_positive)
    covariance = sum(
        np.cov(values).reshape(seeds, seeds) / values.shape[1] for values in (positive, negative)
    )
    error = math.sqrt(float(np.mean(covariance)))
    between = float(positive.mean(axis=1).var(ddof=1)) if seeds > 1 else 0.0
    if not between:
        return SampleNoise(len(is_positive), error, None)
    by_examples = (np.trace(covariance) - np.mean(covariance) * seeds) / (seeds - 1)
    return SampleNoise(len(is_positive), error, min(1.0, float(by_examples) / between))


def _all_placements(scores: "Floats", is_positive: "Flags") -> tuple["Floats", "Floats"]:
    """The placement values of the models of a setting: [seeds, positive] and [seeds, negative]."""
    import numpy as np

    by_seed = [placements(row, is_positive) for row in scores]
    return np.stack([values[0] for values in by_seed]), np.stack([values[1] for values in by_seed])


def placements(scores: "Floats", is_positive: "Flags") -> tuple["Floats", "Floats"]:
    """The placement values of the examples of each class; the mean of either is the area.

    That of a positive example is the share of negative examples with a lower score, and that of a
    negative example the share of positive ones with a higher score; equal scores count half.
    """
    import numpy as np

    positive, negative = scores[is_positive], scores[~is_positive]
    if min(len(positive), len(negative)) < 2:
        raise ValueError("the area under the ROC curve needs two examples of each class")

    def share_below(values: "Floats", others: "Floats") -> "Floats":
        ordered = np.sort(others)
        lower = np.searchsorted(ordered, values, side="left")
        not_higher = np.searchsorted(ordered, values, side="right")
        return np.asarray((lower + not_higher) / 2 / len(others))

    return share_below(positive, negative), 1 - share_below(negative, positive)


def _normal_difference(
    difference: float, error: float, n: int, tests: int, method: str
) -> ExamplePairedDifference:
    if error == 0:
        p = 1.0 if difference == 0 else 0.0
    else:
        p = math.erfc(abs(difference) / error / math.sqrt(2))
    half_width = _normal_quantile(tests) * error
    return ExamplePairedDifference(
        n,
        difference,
        difference - half_width,
        difference + half_width,
        min(1.0, tests * p),
        method,
    )


def _normal_quantile(tests: int) -> float:
    return NormalDist().inv_cdf(1 - _LEVEL / 2 / tests)

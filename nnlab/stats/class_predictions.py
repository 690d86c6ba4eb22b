"""Confusion matrix, calibration and loss per example of predicted class probabilities."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NORMAL_QUANTILE = 1.959963984540054  # bounds the central 95 % of a normal distribution
_MIN_PROBABILITY = 1e-300


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The examples whose confidence lies in (low, high].

    `confidence` is their mean confidence. `right` is their accuracy and `interval` its 95 %
    confidence interval (Wilson 1927).
    """

    low: float
    high: float
    confidence: float
    right: float
    interval: tuple[float, float]
    count: int


def count_confusions(
    targets: "NDArray[Any]", predicted: "NDArray[Any]", classes: int
) -> list[list[int]]:
    """The confusion matrix: counts of examples, as [true class][predicted class]."""
    import numpy as np  # here, because importing numpy delays commands that do not need it

    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (np.asarray(targets), np.asarray(predicted)), 1)
    matrix: list[list[int]] = counts.tolist()
    return matrix


def reliability_bins(
    probabilities: "NDArray[Any]", targets: "NDArray[Any]", bins: int = 15
) -> tuple[CalibrationBin, ...]:
    """Bins of equal width over the largest probability; bins without examples are left out.

    Args:
        probabilities: shape [n, classes], rows sum to 1.
        targets: class indices, shape [n].
        bins: the number of bins.
    """
    import numpy as np  # here for the same reason

    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == targets
    bin_of = np.minimum((np.ceil(confidence * bins) - 1).astype(int), bins - 1)
    calibration_bins = []
    for number in range(bins):
        members = bin_of == number
        count = int(members.sum())
        if count:
            accuracy = float(is_right[members].mean())
            calibration_bins.append(
                CalibrationBin(
                    number / bins,
                    (number + 1) / bins,
                    float(confidence[members].mean()),
                    accuracy,
                    wilson(accuracy, count),
                    count,
                )
            )
    return tuple(calibration_bins)


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """The expected calibration error: the mean |accuracy - confidence| (Naeini et al. 2015)."""
    total = sum(part.count for part in bins)
    return math.fsum(part.count * abs(part.right - part.confidence) for part in bins) / total


def wilson(share: float, count: float, z: float = _NORMAL_QUANTILE) -> tuple[float, float]:
    """The confidence interval of a proportion of `count` examples, within [0, 1] (Wilson 1927).

    Args:
        share: the observed proportion, from 0 to 1.
        count: the number of examples.
        z: half the width in standard errors; the default gives 95 %.

    >>> tuple(round(bound, 4) for bound in wilson(0.5, 10))
    (0.2366, 0.7634)
    """
    scale = 1 + z**2 / count
    center = (share + z**2 / (2 * count)) / scale
    half_width = z / scale * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(center - half_width, 0.0), min(center + half_width, 1.0)


def cross_entropy_losses(probabilities: "NDArray[Any]", targets: "NDArray[Any]") -> list[float]:
    """The cross entropy of each example in nats, shape [n]."""
    import numpy as np  # here for the same reason

    of_target = np.maximum(probabilities[np.arange(len(targets)), targets], _MIN_PROBABILITY)
    losses: list[float] = (-np.log(of_target)).tolist()
    return losses

"""What predictions of classes are worth: confusion, calibration, the loss of each example."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NORMAL_QUANTILE = 1.959963984540054  # of a normal's middle 95 %
_MIN_PROBABILITY = 1e-300


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Examples whose confidence lies in (low, high].

    `confidence` is its mean, `right` the share that is right with its 95 % interval (Wilson 1927).
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
    """Counts [true class][predicted class] of n examples each."""
    import numpy as np

    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (np.asarray(targets), np.asarray(predicted)), 1)
    found: list[list[int]] = counts.tolist()
    return found


def reliability_bins(
    probabilities: "NDArray[Any]", targets: "NDArray[Any]", bins: int = 15
) -> tuple[CalibrationBin, ...]:
    """Bins of equal width of the largest probability, those without examples left out.

    Args:
        probabilities: [n, classes], rows that sum to 1.
        targets: [n] classes.
        bins: how many.
    """
    import numpy as np

    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    place = np.minimum((np.ceil(confidence * bins) - 1).astype(int), bins - 1)
    found = []
    for number in range(bins):
        chosen = place == number
        count = int(chosen.sum())
        if count:
            share = float(right[chosen].mean())
            found.append(
                CalibrationBin(
                    number / bins,
                    (number + 1) / bins,
                    float(confidence[chosen].mean()),
                    share,
                    wilson(share, count),
                    count,
                )
            )
    return tuple(found)


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Expected calibration error: the gap of each bin, by its share (Naeini et al. 2015)."""
    total = sum(one.count for one in bins)
    return math.fsum(one.count * abs(one.right - one.confidence) for one in bins) / total


def wilson(share: float, count: float, z: float = _NORMAL_QUANTILE) -> tuple[float, float]:
    """The interval of a share of `count` examples, within [0, 1] (Wilson 1927).

    Args:
        share: from 0 to 1.
        count: of examples.
        z: half the width in standard errors; the default gives 95 %.

    >>> tuple(round(bound, 4) for bound in wilson(0.5, 10))
    (0.2366, 0.7634)
    """
    scale = 1 + z**2 / count
    middle = (share + z**2 / (2 * count)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def cross_entropy_losses(probabilities: "NDArray[Any]", targets: "NDArray[Any]") -> list[float]:
    """Cross entropy of each example in nats: [n]."""
    import numpy as np

    chosen = np.maximum(probabilities[np.arange(len(targets)), targets], _MIN_PROBABILITY)
    found: list[float] = (-np.log(chosen)).tolist()
    return found

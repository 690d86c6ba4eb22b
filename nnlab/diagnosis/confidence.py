"""Conversion of measurements to confidences of findings, and their combination."""

MAX_CONFIDENCE = 0.95


def hill(value: float, half: float) -> float:
    """The confidence from one measurement: 0 at 0, 0.5 at `half`, 0.9 at three times `half`.

    It is a Hill function of order 2, which increases with `value` towards 1.

    >>> hill(0.0, 2.0), hill(2.0, 2.0), round(hill(6.0, 2.0), 9)
    (0.0, 0.5, 0.9)
    """
    if value <= 0:
        return 0.0
    if value > half:
        return 1.0 / (1.0 + (half / value) ** 2)
    ratio = value / half
    return ratio * ratio / (1.0 + ratio * ratio)  # the same value, without overflow near zero


def combine_confidences(*confidences: float) -> float:
    """The minimum of the confidences of several criteria, and at most 0.95.

    The limit follows from tests: of findings with a higher confidence about nine in ten were
    correct (docs/diagnosis-accuracy.md). The minimum is used instead of the product because the
    criteria are not independent, and it shows which criterion limits a finding.
    """
    return min(MAX_CONFIDENCE, *confidences)

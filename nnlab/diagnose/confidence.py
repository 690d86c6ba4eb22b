"""From measurements to a confidence: as strong as the weakest of the grounds."""

MAX_CONFIDENCE = 0.95


def hill(value: float, half: float) -> float:
    """How far a measurement speaks for a finding: 0 at none, 0.5 at `half`, 0.9 at three times it.

    Rises with `value` towards 1 (a Hill function of order 2).

    >>> ramp(0.0, 2.0), ramp(2.0, 2.0), round(ramp(6.0, 2.0), 9)
    (0.0, 0.5, 0.9)
    """
    if value <= 0:
        return 0.0
    if value > half:
        return 1.0 / (1.0 + (half / value) ** 2)
    part = value / half
    return part * part / (1.0 + part * part)  # the same, and no overflow near zero


def combine_confidences(*grounds: float) -> float:
    """The confidence that all of the grounds together give, at most 0.95.

    Of findings surer than that nine in ten held (docs/diagnosis.md): more must not be promised.

    The minimum, not the product: a rise three times the scatter is no less certain because it
    is also large, and a reader can tell which ground holds a finding back.
    """
    return min(MAX_CONFIDENCE, *grounds)

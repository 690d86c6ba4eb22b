"""The calibration of confidences: from the strength of evidence to the share that is correct."""

from bisect import bisect_right

# (strength of the evidence, share of correct findings), fitted on the fitted half of the corpus by
# benchmarks/diagnosis/fit_calibration.py; docs/diagnosis-accuracy.md has the check on the other
# half. Evidence below the first strength is not reported.
Knots = tuple[tuple[float, float], ...]
KNOTS: Knots = ((0.5, 0.5), (0.95, 0.95))


def calibrated_confidence(strength: float, knots: Knots | None = None) -> float:
    """The expected share of correct findings among those with this strength of the evidence.

    It is linear between the knots and constant beyond them, so that more evidence never lowers it.

    >>> calibrated_confidence(0.75, ((0.5, 0.7), (1.0, 0.9)))
    0.8
    """
    knots = KNOTS if knots is None else knots
    index = bisect_right(knots, (strength, 1.0))
    if index == 0:
        return knots[0][1]
    if index == len(knots):
        return knots[-1][1]
    (x0, y0), (x1, y1) = knots[index - 1], knots[index]
    return y0 + (y1 - y0) * (strength - x0) / (x1 - x0)

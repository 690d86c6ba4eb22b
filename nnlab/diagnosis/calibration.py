"""The calibration of confidences: from the strength of evidence to the share that is correct."""

from bisect import bisect_right
from collections.abc import Mapping

from nnlab.records import Finding, Severity

# (strength of the evidence, share of correct findings), in ascending order.
Knots = tuple[tuple[float, float], ...]
# Fitted on the fitted half of the corpus by benchmarks/diagnosis/fit_calibration.py;
# docs/diagnosis-accuracy.md has the check on the other half. Overfitting has knots of its own: its
# evidence is often uncertain, and most findings of the corpus are of it.
KNOTS: Knots = ((0.5, 0.939), (0.6, 0.96), (0.7, 0.968), (0.8, 0.973), (0.95, 0.98))
KNOTS_BY_CODE: Mapping[str, Knots] = {
    "NN101": ((0.5, 0.576), (0.6, 0.719), (0.7, 0.846), (0.8, 0.925), (0.9, 0.978), (0.95, 0.98))
}


def calibrated_confidence(code: str, strength: float) -> float:
    """The expected share of correct findings with this code and strength of the evidence.

    It increases strictly with the strength. That of a plugin's finding is returned unchanged.
    """
    if not _is_built_in(code):
        return strength
    return interpolate(strength, KNOTS_BY_CODE.get(code, KNOTS))


def has_strength(finding: Finding, strength: float) -> bool:
    """Whether the evidence of a finding has at least this strength, by its confidence.

    The confidences of notes of severity info are not calibrated.
    """
    if finding.severity is Severity.INFO:
        return finding.confidence >= strength
    return finding.confidence >= calibrated_confidence(finding.code, strength) - 1e-9


def _is_built_in(code: str) -> bool:
    """Whether a code is nnlab's own: NN000 to NN899."""
    return code.startswith("NN") and not code.startswith("NN9")


def interpolate(strength: float, knots: Knots) -> float:
    """The share at a strength: linear between the knots, constant beyond them.

    >>> interpolate(0.75, ((0.5, 0.7), (1.0, 0.9)))
    0.8
    """
    index = bisect_right(knots, (strength, 1.0))
    if index == 0:
        return knots[0][1]
    if index == len(knots):
        return knots[-1][1]
    (x0, y0), (x1, y1) = knots[index - 1], knots[index]
    return y0 + (y1 - y0) * (strength - x0) / (x1 - x0)

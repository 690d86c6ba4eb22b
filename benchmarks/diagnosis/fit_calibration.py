"""Fits the knots of nnlab/diagnosis/calibration.py on the fitted half of the corpus.

python benchmarks/diagnosis/fit_calibration.py [--cache FOLDER]

Prints the knots, and the calibration of the fitted half when each kind of run is left out of the
fit in turn.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from diagnosis.assembly import all_specimens  # noqa: E402  this checkout, from any working folder
from diagnosis.score import (  # noqa: E402
    DiagnosedSpecimen,
    calibration_bins,
    diagnose_corpus,
    finding_outcomes,
)
from scipy.optimize import minimize  # noqa: E402

from nnlab.diagnosis import calibration  # noqa: E402

STRENGTHS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# The weight of the squared second differences, which keep knots with few findings near a line.
SMOOTHNESS = 5.0
Outcome = tuple[float, bool]


def main() -> int:
    """Diagnoses the fitted half without calibration, fits the knots and prints them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=ROOT / "build/diagnosis")
    options = parser.parse_args()
    calibration.KNOTS = tuple((strength, strength) for strength in STRENGTHS)
    specimens = diagnose_corpus(all_specimens("fitted", options.cache))
    print("knots:", fit_knots(outcomes_of(specimens)))
    print("from, to, findings, stated, observed; kinds left out in turn:")
    for row in calibration_bins(_left_out(specimens)):
        print(f"{row.low:.2f} {row.high:.2f} {row.count:5} {row.confidence:.3f} {row.right:.3f}")
    return 0


def outcomes_of(specimens: Sequence[DiagnosedSpecimen]) -> list[Outcome]:
    """The strength of each finding, and whether it is correct."""
    return [(finding.confidence, correct) for finding, correct in finding_outcomes(specimens)]


def fit_knots(outcomes: Sequence[Outcome]) -> calibration.Knots:
    """The non-decreasing knots with the least squared error, lightly smoothed."""
    strengths = np.array([strength for strength, _ in outcomes])
    correct = np.array([float(is_correct) for _, is_correct in outcomes])

    def shares(steps: np.ndarray) -> np.ndarray:
        return np.minimum(np.cumsum(np.abs(steps)), 1.0)

    def error(steps: np.ndarray) -> float:
        values = shares(steps)
        squares = (np.interp(strengths, STRENGTHS, values) - correct) ** 2
        slopes = np.diff(values) / np.diff(STRENGTHS)
        return float(squares.sum() + SMOOTHNESS * 0.01 * (np.diff(slopes) ** 2).sum())

    first = np.diff([0.0, *STRENGTHS])
    best = minimize(error, first, method="Nelder-Mead", options={"maxiter": 20_000, "xatol": 1e-5})
    return tuple(
        (strength, round(float(share), 3))
        for strength, share in zip(STRENGTHS, shares(best.x), strict=True)
    )


def _left_out(specimens: Sequence[DiagnosedSpecimen]) -> list[Outcome]:
    """The outcomes of each kind with the confidence that a fit on the other kinds states."""
    calibrated = []
    for kind in sorted({specimen.trained.specimen.name for specimen in specimens}):
        of_kind = [s for s in specimens if s.trained.specimen.name == kind]
        if outcomes := outcomes_of(of_kind):
            others = [s for s in specimens if s.trained.specimen.name != kind]
            knots = fit_knots(outcomes_of(others))
            calibrated += [
                (calibration.calibrated_confidence(strength, knots), correct)
                for strength, correct in outcomes
            ]
    return calibrated


if __name__ == "__main__":
    sys.exit(main())

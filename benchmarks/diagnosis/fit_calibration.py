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
from scipy.optimize import nnls  # noqa: E402

from nnlab.diagnosis import calibration  # noqa: E402

STRENGTHS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
# The weight of the second differences, which keep knots with few findings near a line.
SMOOTHNESS = 3.0
# Thresholds on the strength are applied to the confidence, so that it must increase strictly.
MIN_SLOPE = 0.05
# Faults that users build in are less clear than those of the corpus.
MAX_SHARE = 0.98
# The code with knots of its own.
CODE = "NN101"
Outcome = tuple[float, bool]


def main() -> int:
    """Diagnoses the fitted half without calibration, fits the knots and prints them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=ROOT / "build/diagnosis")
    options = parser.parse_args()
    identity = tuple((strength, strength) for strength in STRENGTHS)
    calibration.KNOTS, calibration.KNOTS_BY_CODE = identity, {}
    specimens = diagnose_corpus(all_specimens("fitted", options.cache))
    print("all other codes:", fit_knots(outcomes_of(specimens, own=False)))
    print(f"{CODE}:", fit_knots(outcomes_of(specimens, own=True)))
    print("from, to, findings, stated, observed; kinds left out in turn:")
    for row in calibration_bins(_left_out(specimens)):
        print(f"{row.low:.2f} {row.high:.2f} {row.count:5} {row.confidence:.3f} {row.right:.3f}")
    return 0


def outcomes_of(specimens: Sequence[DiagnosedSpecimen], *, own: bool) -> list[Outcome]:
    """The strength of each finding with (`own`) or without the code, and whether it is correct."""
    return [
        (finding.confidence, correct)
        for finding, correct in finding_outcomes(specimens)
        if (finding.code == CODE) == own
    ]


def fit_knots(outcomes: Sequence[Outcome]) -> calibration.Knots:
    """The non-decreasing knots with the least squared error, lightly smoothed."""
    strengths = np.array([strength for strength, _ in outcomes])
    correct = np.array([float(is_correct) for _, is_correct in outcomes])
    # The share at each strength is a weighted sum of the knots: hat functions.
    hats = np.array([np.interp(strengths, STRENGTHS, row) for row in np.eye(len(STRENGTHS))]).T
    bends = SMOOTHNESS * np.diff(np.eye(len(STRENGTHS)), 2, axis=0)
    # Non-negative steps between knots make them non-decreasing.
    steps_to_knots = np.tril(np.ones((len(STRENGTHS), len(STRENGTHS))))
    design = np.vstack([hats, bends]) @ steps_to_knots
    least = MIN_SLOPE * (np.array(STRENGTHS) - STRENGTHS[-1])
    steps = nnls(design, np.concatenate([correct - hats @ least, np.zeros(len(bends))]))[0]
    shares = np.minimum(steps_to_knots @ steps, MAX_SHARE) + least
    return tuple(
        (strength, round(float(share), 3))
        for strength, share in zip(STRENGTHS, shares, strict=True)
    )


def _left_out(specimens: Sequence[DiagnosedSpecimen]) -> list[Outcome]:
    """The outcomes of each kind with the confidence that a fit on the other kinds states."""
    calibrated = []
    for kind in sorted({specimen.trained.specimen.name for specimen in specimens}):
        of_kind = [s for s in specimens if s.trained.specimen.name == kind]
        others = [s for s in specimens if s.trained.specimen.name != kind]
        for own in (False, True):
            if outcomes := outcomes_of(of_kind, own=own):
                knots = fit_knots(outcomes_of(others, own=own))
                calibrated += [
                    (calibration.interpolate(strength, knots), correct)
                    for strength, correct in outcomes
                ]
    return calibrated


if __name__ == "__main__":
    sys.exit(main())

"""A study of 64 small runs, including start-up, compared with three programs written by hand.

All programs store the losses and accuracies of each epoch, the test metrics of the best epoch and
its weights. nnlab also stores the probe's statistics, findings and provenance.
"""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from timing import TimingComparison, compare_alternately

BASELINES = Path(__file__).with_name("small_study_baselines.py")
STUDY = (
    *("train", "--study", "trials", "--data", "digits", "--width", "32", "--depth", "1"),
    *("--lr", "1e-4..1e-1:16:log", "--seeds", "4", "--batch-size", "32", "--epochs", "10"),
    "--quiet",
)
BASELINE_NAMES = {
    "loop": "one after another",
    "joblib": "joblib, 2 processes",
    "optuna": "Optuna, n_jobs=2",
}
ROUNDS = 3
GOAL = 0.1


def measure() -> list[TimingComparison]:
    """Compares nnlab with each baseline, as whole processes."""
    with tempfile.TemporaryDirectory() as cache:
        # The planner caches its measurements, so that only the warm-up round makes them.
        env = {**os.environ, "XDG_CACHE_HOME": cache}
        return [
            compare_alternately(
                "64 digits trials of 10 epochs",
                partial(_run, [sys.executable, "-m", "nnlab", *STUDY], env),
                partial(_run, [sys.executable, str(BASELINES), baseline], env),
                of=name,
                rounds=ROUNDS,
                goal=GOAL,
            )
            for baseline, name in BASELINE_NAMES.items()
        ]


def _run(command: list[str], env: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)


if __name__ == "__main__":
    for result in measure():
        print(
            f"{result.ours_seconds:.2f} s, {result.reference}: {result.reference_seconds:.2f} s,"
            f" {1 / result.ratio:.1f} times faster"
        )

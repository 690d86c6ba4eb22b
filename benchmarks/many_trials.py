"""A study of 64 small runs, start-up included, against the usual ways to train them.

All of them keep each epoch's losses and accuracies, the test split at the best epoch and its
weights; nnlab's runs.db also has what its probe saw, findings and where each run came from.
"""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from measure import Compared, in_turn

USUAL = Path(__file__).with_name("usual_trials.py")
STUDY = (
    *("train", "--study", "trials", "--data", "digits", "--width", "32", "--depth", "1"),
    *("--lr", "1e-4..1e-1:16:log", "--seeds", "4", "--batch-size", "32", "--epochs", "10"),
    "--quiet",
)
WAYS = {
    "loop": "one after another",
    "joblib": "joblib, 2 processes",
    "optuna": "Optuna, n_jobs=2",
}
ROUNDS = 3
GOAL = 0.1


def measure() -> list[Compared]:
    """Ours against each of the usual ways, process by process."""
    with tempfile.TemporaryDirectory() as cache:
        # What the planner measures it remembers for good: the first, uncounted round finds it.
        surroundings = {**os.environ, "XDG_CACHE_HOME": cache}
        return [
            in_turn(
                "64 digits trials of 10 epochs",
                partial(_run, [sys.executable, "-m", "nnlab", *STUDY], surroundings),
                partial(_run, [sys.executable, str(USUAL), way], surroundings),
                of=name,
                rounds=ROUNDS,
                goal=GOAL,
            )
            for way, name in WAYS.items()
        ]


def _run(command: list[str], surroundings: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command, cwd=folder, env=surroundings, check=True, capture_output=True)


if __name__ == "__main__":
    for one in measure():
        print(
            f"{one.ours_seconds:.2f} s against {one.reference_seconds:.2f} s ({one.reference}),"
            f" {1 / one.ratio:.1f} times faster"
        )

"""Tries changes one after another and keeps those that the gate keeps.

A program that proposes changes would replace `proposals`; the rest stays as it is.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator

STUDY = "loop"
START = {"data": "digits", "train_size": "300", "epochs": "4", "opt": "sgd", "lr": "0.02"}
KEEP, DISCARD, NOT_YET = 0, 10, 11


def proposals() -> Iterator[dict[str, str]]:
    """Changes to try: some help, some do not, and some have no effect at all."""
    yield {"opt": "adam", "lr": "0.003"}
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 6):
        name, values = random.Random(seed).choice(
            [
                ("label_smoothing", ["0.01", "0.02"]),
                ("weight_decay", ["1e-5", "1e-4"]),
                ("activation", ["gelu", "silu", "tanh"]),
                ("clip", ["5", "10"]),
            ]
        )
        yield {name: random.Random(seed).choice(values)}


def gate(options: dict[str, str]) -> tuple[int, dict[str, object]]:
    """Asks the gate about a setting; returns its exit code and its answer."""
    words = [sys.executable, "-m", "nnlab", "gate", "--study", STUDY, "--max-seeds", "6"]
    words += [
        "--format",
        "json",
        *(f"--{name.replace('_', '-')}={value}" for name, value in options.items()),
    ]
    process = subprocess.run(words, capture_output=True, text=True, check=False)
    if process.returncode not in (KEEP, DISCARD, NOT_YET):
        raise SystemExit(process.stderr)
    return process.returncode, json.loads(process.stdout)


def main() -> None:
    """Runs the loop and prints each decision."""
    best = START
    gate(best)
    for change in proposals():
        code, answer = gate({**best, **change})
        print(f"{change}: {answer['verdict']}, {answer['seeds_used']} seeds: {answer['reason']}")
        if code == KEEP:
            best = {**best, **change}
    print("best:", best)


if __name__ == "__main__":
    main()

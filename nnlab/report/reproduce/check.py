"""Compares newly trained runs with the expected numbers. Needs only Python.

python check.py again.db expected.json
"""

import json
import math
import sqlite3
import sys
from pathlib import Path
from typing import Any, TypeGuard

RunValues = dict[tuple[str, int], float | None]

QUERY = """
SELECT trial.digest, run.seed, run.status, summary.best
FROM run JOIN trial ON trial.id = run.trial_id
JOIN metric ON metric.name = ?
LEFT JOIN summary ON summary.run_id = run.id AND summary.metric_id = metric.id
WHERE run.current
"""


def main() -> int:
    """Prints a line per trial; returns 0 if all agree, else 1."""
    database, expected = sys.argv[1:]
    report = json.loads(Path(expected).read_text(encoding="utf-8"))
    with sqlite3.connect(database) as connection:
        rows = connection.execute(QUERY, (report["metric"],)).fetchall()
    values = {(digest, seed): value for digest, seed, _, value in rows}
    agreeing = 0
    for trial in report["trials"]:
        line, agrees = compare_trial(trial, values)
        agreeing += agrees
        print(f"{'ok  ' if agrees else 'DIFF'} {printable(trial['label'])}: {line}")
    print(f"{agreeing} of {len(report['trials'])} trials agree on {printable(report['metric'])}")
    return 0 if agreeing == len(report["trials"]) else 1


def compare_trial(
    trial: dict[str, Any], values: dict[tuple[str, int], float | None]
) -> tuple[str, bool]:
    """The text about a trial, and whether its mean is within the tolerance."""
    pairs = []
    for run in trial["runs"]:
        key = (trial["digest"], run["seed"])
        if key not in values:
            return f"seed {run['seed']} was not trained", False
        pairs.append((run["value"], values[key]))
    same = sum(a == b for a, b in pairs)
    numeric = [(a, b) for a, b in pairs if is_number(a) and is_number(b)]
    if len(numeric) < len(pairs):
        agrees = all(is_number(a) == is_number(b) for a, b in pairs)
        return f"{len(pairs) - len(numeric)} of {len(pairs)} runs have no number", agrees
    before = sum(a for a, _ in numeric) / len(numeric)
    after = sum(b for _, b in numeric) / len(numeric)
    line = f"{before:.6g} then, {after:.6g} now (tolerance {trial['tolerance']:.2g})"
    return f"{line}; {same} of {len(pairs)} runs equal to the last bit", (
        abs(after - before) <= trial["tolerance"]
    )


def printable(text: str) -> str:
    """The text with control characters escaped, so that the terminal does not interpret them."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


def is_number(value: float | None) -> TypeGuard[float]:
    """Whether a value exists and is finite."""
    return value is not None and math.isfinite(value)


if __name__ == "__main__":
    sys.exit(main())

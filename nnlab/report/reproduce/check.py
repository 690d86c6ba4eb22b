"""Compares runs trained again with the numbers of the report. Needs Python alone.

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
    """Prints a line a trial; the exit status says whether all agree."""
    database, expected = sys.argv[1:]
    told = json.loads(Path(expected).read_text(encoding="utf-8"))
    with sqlite3.connect(database) as found:
        rows = found.execute(QUERY, (told["metric"],)).fetchall()
    values = {(digest, seed): value for digest, seed, _, value in rows}
    good = 0
    for trial in told["trials"]:
        line, agrees = compare_trial(trial, values)
        good += agrees
        print(f"{'ok  ' if agrees else 'DIFF'} {printable(trial['label'])}: {line}")
    print(f"{good} of {len(told['trials'])} trials agree on {printable(told['metric'])}")
    return 0 if good == len(told["trials"]) else 1


def compare_trial(
    trial: dict[str, Any], values: dict[tuple[str, int], float | None]
) -> tuple[str, bool]:
    """What is to be said of a trial, and whether its mean is within its tolerance."""
    pairs = []
    for run in trial["runs"]:
        key = (trial["digest"], run["seed"])
        if key not in values:
            return f"seed {run['seed']} was not trained", False
        pairs.append((run["value"], values[key]))
    same = sum(a == b for a, b in pairs)
    known = [(a, b) for a, b in pairs if is_number(a) and is_number(b)]
    if len(known) < len(pairs):
        alike = all(is_number(a) == is_number(b) for a, b in pairs)
        return f"{len(pairs) - len(known)} of {len(pairs)} runs have no number", alike
    before = sum(a for a, _ in known) / len(known)
    after = sum(b for _, b in known) / len(known)
    line = f"{before:.6g} then, {after:.6g} now (tolerance {trial['tolerance']:.2g})"
    return f"{line}; {same} of {len(pairs)} runs equal to the last bit", (
        abs(after - before) <= trial["tolerance"]
    )


def printable(text: str) -> str:
    """A text without control characters, which a terminal would act on."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def is_number(value: float | None) -> TypeGuard[float]:
    """Whether a value was measured and is finite."""
    return value is not None and math.isfinite(value)


if __name__ == "__main__":
    sys.exit(main())

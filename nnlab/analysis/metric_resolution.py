"""The smallest difference that two values of a metric can have, which decides the decimals."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from nnlab import store
from nnlab.analysis.records import RankingRow
from nnlab.objective import Objective

# Fractions of examples: a value changes by one example of the split.
_FRACTIONS_OF_EXAMPLES = frozenset(
    {"accuracy", "acc", "error_rate", "error", "exact_match", "top3", "top5", "top3_accuracy"}
    | {"top5_accuracy", "balanced_accuracy", "precision", "recall", "specificity"}
    | {"f1", "f1_macro", "f1_micro", "f1_weighted"}
)
# The number of examples is looked up in one run of each of the first rows.
_MAX_ROWS = 100
# Values that are closer are no counts of examples.
_SMALLEST_GAP = 1e-4


def metric_resolutions(
    db: store.Database, rows: Sequence[RankingRow], objective: Objective
) -> Mapping[str, float]:
    """The resolutions of the ranked metric and of its counterpart on the test split, if known.

    The resolution of a fraction of examples is 1 / n for n examples in the split. If n is not
    stored, as for imported runs, it is the smallest gap between the values of the runs.
    """
    split, _, quantity = objective.metric.partition("/")
    if quantity.removesuffix("_exact") not in _FRACTIONS_OF_EXAMPLES:
        return {}
    runs = [row.runs[0] for row in rows[:_MAX_ROWS] if row.runs]
    size = f"data/{split}"
    counts = [
        summary[size].last
        for summary in store.summaries(db, runs, [size, "data/classes"]).values()
        # Runs without classes count tags, tokens or pixels, of which an example has several.
        if size in summary and summary[size].last >= 1 and "data/classes" in summary
    ]
    is_fraction = all(value <= 1 for row in rows for value in row.values if math.isfinite(value))
    resolutions = {objective.metric: 1 / max(counts)} if counts and is_fraction else {}
    if objective.metric not in resolutions and (gap := _smallest_gap(rows)) is not None:
        resolutions[objective.metric] = gap
    if split == "val" and objective.metric in resolutions:
        # The size of the test split is not stored; both columns get the same decimals.
        resolutions.setdefault(f"test/{quantity}", resolutions[objective.metric])
    return resolutions


def _smallest_gap(rows: Sequence[RankingRow]) -> float | None:
    """The smallest difference between the values of runs; None if it is no count of examples."""
    values = sorted({value for row in rows for value in row.values if math.isfinite(value)})
    gaps = [high - low for low, high in pairwise(values) if high - low > 1e-9]
    return min(gaps) if gaps and min(gaps) >= _SMALLEST_GAP else None

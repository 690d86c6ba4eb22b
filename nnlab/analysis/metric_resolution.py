"""The smallest difference of two values of a metric, and the noise of counting few examples.

The first decides the decimals of tables, the second the least spread of comparisons.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from nnlab import store
from nnlab.analysis.records import RankingRow
from nnlab.objective import Objective
from nnlab.stats.sampling_noise import SamplingNoise, lattice_step
from nnlab.stats.sequential_test import least_sd_of_difference

# Fractions of examples: a value changes by one example of the split.
_FRACTIONS_OF_EXAMPLES = frozenset(
    {"accuracy", "acc", "error_rate", "error", "exact_match", "top3", "top5", "top3_accuracy"}
    | {"top5_accuracy", "balanced_accuracy", "precision", "recall", "specificity"}
    | {"f1", "f1_macro", "f1_micro", "f1_weighted"}
)
# The number of examples is looked up in one run of each of the first rows.
_MAX_ROWS = 100
# Programs print values with at most so many decimals where they round them.
_MAX_DECIMALS = 9
# Values that are closer are no counts of examples.
_SMALLEST_GAP = 1e-4


def stored_examples(
    db: store.Database, run_ids: Sequence[int], values: Sequence[float], objective: Objective
) -> int | None:
    """The number of examples of which the ranked metric is a fraction; None if it is not stored.

    The metric may also be no fraction of examples, or the examples may have several labels.

    Args:
        db: the database.
        run_ids: a run of each trial.
        values: the values of the metric.
        objective: the metric.
    """
    split, _, quantity = objective.metric.partition("/")
    if not _is_fraction_of_examples(quantity):
        return None
    counts = example_counts(db, run_ids[:_MAX_ROWS], split)
    is_fraction = all(value <= 1 for value in values if math.isfinite(value))
    return round(max(counts)) if counts and is_fraction else None


def metric_resolutions(
    rows: Sequence[RankingRow], objective: Objective, examples: int | None
) -> Mapping[str, float]:
    """The resolutions of the ranked metric and of its counterpart on the test split, if known.

    The resolution of a fraction of examples is 1 / n for n examples in the split. If n is not
    stored, as for imported runs, it is the smallest gap between the values of the runs.

    Args:
        rows: the rows of a ranking.
        objective: its metric.
        examples: their number, if it is stored (`stored_examples`).
    """
    split, _, quantity = objective.metric.partition("/")
    if not _is_fraction_of_examples(quantity):
        return {}
    resolutions = {objective.metric: 1 / examples} if examples is not None else {}
    if not resolutions and (gap := _smallest_gap(rows)) is not None:
        resolutions[objective.metric] = gap
    if split == "val" and objective.metric in resolutions:
        # The size of the test split is not stored; both columns get the same decimals.
        resolutions.setdefault(f"test/{quantity}", resolutions[objective.metric])
    return resolutions


def sampling_noise(
    values: Sequence[float], objective: Objective, examples: int | None
) -> SamplingNoise:
    """What is known of the noise of a single value of the ranked metric.

    Args:
        values: of the metric; if the number of examples is not stored, they may show it.
        objective: the metric of the ranking.
        examples: their number, if it is stored (`stored_examples`).
    """
    if examples is not None:
        return SamplingNoise(examples=examples)
    values = [value for value in values if math.isfinite(value)]
    step = lattice_step(values)
    quantity = objective.metric.rpartition("/")[2]
    is_fraction = _is_fraction_of_examples(quantity) and all(0 <= value <= 1 for value in values)
    if step is None or not is_fraction:
        return SamplingNoise(step=step)
    return SamplingNoise(examples=round(1 / step), step=step)


def _is_fraction_of_examples(quantity: str) -> bool:
    return quantity.removesuffix("_exact") in _FRACTIONS_OF_EXAMPLES


def difference_spread(
    db: store.Database, run_ids: Sequence[int], values: Sequence[float], objective: Objective
) -> float:
    """The least standard deviation of differences of values that the metric's resolution implies.

    The resolution is 1 / n for a fraction of n examples, and for values that a program printed with
    a few decimals, one unit of the last one (`nnlab.stats.sequential_test.least_sd_of_difference`).

    Args:
        db: the database.
        run_ids: the runs that have the values.
        values: values of the metric.
        objective: the metric.

    Returns:
        The standard deviation in the unit of the metric; 0 if the resolution is not known.
    """
    split, _, quantity = objective.metric.partition("/")
    resolution = _decimal_unit(values)
    if _is_fraction_of_examples(quantity) and (counts := example_counts(db, run_ids, split)):
        resolution = max(resolution, 1 / max(counts))
    return least_sd_of_difference(resolution)


def _decimal_unit(values: Sequence[float]) -> float:
    """One unit of the last decimal that all values have; 0 if they have more than a few.

    >>> _decimal_unit([0.91, 0.9]), _decimal_unit([0.1234567891]), _decimal_unit([])
    (0.01, 0.0, 0.0)
    """
    finite = [value for value in values if math.isfinite(value)]
    for decimals in range(_MAX_DECIMALS + 1):
        if finite and all(value == round(value, decimals) for value in finite):
            return 10.0**-decimals
    return 0.0


def example_counts(db: store.Database, run_ids: Sequence[int], split: str) -> list[float]:
    """The numbers of examples in a split, of those runs that classify and have stored it."""
    size = f"data/{split}"
    return [
        summary[size].last
        for summary in store.summaries(db, run_ids, [size, "data/classes"]).values()
        # Runs without classes count tags, tokens or pixels, of which an example has several.
        if size in summary and summary[size].last >= 1 and "data/classes" in summary
    ]


def _smallest_gap(rows: Sequence[RankingRow]) -> float | None:
    """The smallest difference between the values of runs; None if it is no count of examples."""
    values = sorted({value for row in rows for value in row.values if math.isfinite(value)})
    gaps = [high - low for low, high in pairwise(values) if high - low > 1e-9]
    return min(gaps) if gaps and min(gaps) >= _SMALLEST_GAP else None

"""Error rates, intervals and false alarms of the treatment of collapsing seeds, by nnlab's code."""

from collections.abc import Sequence

import numpy as np

from comparison_statistics.simulated_tables import (
    COLLAPSING,
    WORKING,
    Distribution,
    Values,
    draw_tables,
)
from nnlab.analysis.collapsed_seeds import success_rate, tested_values, working_values
from nnlab.stats.collapse import find_collapse
from nnlab.stats.comparison import compare_with_best
from nnlab.stats.intervals import confidence_interval
from nnlab.stats.sampling_noise import SamplingNoise
from nnlab.stats.success_test import adjusted_success_p


def is_any_different(table: Values, distribution: Distribution) -> bool:
    """Whether a ranking of the table calls any trial different from the best."""
    trials = [dict(enumerate(row)) for row in table.tolist()]
    limits = distribution.limits
    collapse = find_collapse(trials, higher=True, limits=limits)
    kept = [working_values(trial, collapse) for trial in trials]
    rates = [success_rate(trial, collapse) if collapse else 1.0 for trial in trials]
    order = sorted(
        range(len(trials)),
        key=lambda index: (-rates[index], -sum(kept[index].values()) / len(kept[index])),
    )
    tested = [tested_values(trials[index], collapse) for index in order]
    comparisons = compare_with_best(
        tested[0],
        tested[1:],
        higher=True,
        predict=False,
        limits=limits,
        trials=len(trials) + (collapse is not None),
    )
    if any(c is not None and c.is_significant and c.mean > 0 for c in comparisons):
        return True
    if collapse is None:
        return False
    counts = [(sum(map(collapse.works, trials[i].values())), len(trials[i])) for i in order]
    return any(
        counts[index][0] < counts[0][0] and adjusted_success_p(counts, index) <= 0.05
        for index in range(1, len(counts))
    )


def false_rate(tables: int, trials: int, seeds: int, rng: np.random.Generator) -> float:
    """The fraction of tables of equal, collapsing trials with any difference."""
    values = draw_tables(COLLAPSING, tables, trials, seeds, rng)
    return float(np.mean([is_any_different(table, COLLAPSING) for table in values]))


def interval_coverage(
    tables: int, trials: int, seeds: int, rng: np.random.Generator
) -> tuple[float, float]:
    """How often 95 % intervals contain the mean of all seeds, and that of the working seeds.

    Returns:
        The coverage of intervals of all values, and that of the values of working seeds.
    """
    values = draw_tables(COLLAPSING, tables, trials, seeds, rng)
    mean = WORKING - 0.15 * (WORKING - 0.1)
    all_hits, working_hits = [], []
    for table in values:
        rows = [dict(enumerate(row)) for row in table.tolist()]
        collapse = find_collapse(rows, higher=True, limits=COLLAPSING.limits)
        for row in rows:
            low, high = confidence_interval(list(row.values()), limits=COLLAPSING.limits)
            all_hits.append(low <= mean <= high)
            kept = list(working_values(row, collapse).values())
            if len(kept) > 1 and max(kept) > 0.5:
                low, high = confidence_interval(kept, limits=COLLAPSING.limits)
                working_hits.append(low <= WORKING <= high)
    return float(np.mean(all_hits)), float(np.mean(working_hits))


def split_rate(
    distribution: Distribution,
    tables: int,
    shapes: Sequence[tuple[int, int]],
    rng: np.random.Generator,
) -> float:
    """The largest fraction of tables, over numbers of trials and seeds, taken for a mixture."""
    noise = SamplingNoise(examples=distribution.examples) if distribution.examples else None
    rates = []
    for trials, seeds in shapes:
        values = draw_tables(distribution, tables, trials, seeds, rng)
        found = [
            find_collapse(
                [dict(enumerate(row)) for row in table.tolist()],
                higher=True,
                limits=distribution.limits,
                noise=noise,
            )
            is not None
            for table in values
        ]
        rates.append(float(np.mean(found)))
    return max(rates)

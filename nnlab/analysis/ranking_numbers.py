"""The numbers of a ranking as text, the same in tables on the screen, reports and papers.

The number after ± has one meaning in a ranking, which its headings name (`--uncertainty`).
"""

import math
from collections.abc import Mapping, Sequence

from nnlab.analysis.records import Ranking, RankingRow
from nnlab.analysis.run_epochs import test_metric
from nnlab.io.text import format_count
from nnlab.objective import Limits, limits_of
from nnlab.records import Status
from nnlab.stats import Aggregate
from nnlab.stats.intervals import applicable_limits, interval_within_limits
from nnlab.stats.number_columns import NO_NUMBER, WrittenNumber, interval_column, written_column
from nnlab.stats.paired import CONFIDENCE_LEVEL
from nnlab.stats.student_t import t_quantile
from nnlab.stats.uncertainty import Uncertainty, uncertainty_name

# The word for a value that does not exist, by the status of the runs.
_MISSING_VALUE_WORDS = {Status.DIVERGED: "diverged", Status.FAILED: "failed"}

# An interval is asymmetric if its middle is further from the mean, in widths of the interval.
_MAX_SKEW = 0.1


def written_values(ranking: Ranking) -> tuple[WrittenNumber, ...]:
    """The means of the rows with their uncertainty; `diverged` where all runs diverged."""
    metric = ranking.objective.metric
    column = written_column(
        [math.nan if row.all_diverged else row.value.mean for row in ranking.rows],
        [row_half_width(row, ranking) for row in ranking.rows],
        metric=metric,
        resolution=ranking.resolutions.get(metric),
    )
    return tuple(
        WrittenNumber(missing_value_word(row.unsuccessful)) if _has_no_value(row) else number
        for row, number in zip(ranking.rows, column, strict=True)
    )


def _has_no_value(row: RankingRow) -> bool:
    return row.all_diverged or (math.isnan(row.value.mean) and bool(row.unsuccessful))


def missing_value_word(statuses: Mapping[Status, int]) -> str:
    """The word for the missing value of a trial whose runs diverged or failed.

    >>> missing_value_word({Status.FAILED: 2, Status.DIVERGED: 1})
    'diverged'
    """
    return next(
        (word for status, word in _MISSING_VALUE_WORDS.items() if statuses.get(status)), NO_NUMBER
    )


def written_tests(ranking: Ranking) -> tuple[WrittenNumber | None, ...]:
    """The means of the rows on the test split with their uncertainty; None if not measured."""
    metric = test_metric(ranking.objective)
    tests = [None if row.all_diverged else row.test for row in ranking.rows]
    return _written_aggregates(tests, metric, ranking)


def written_errors(ranking: Ranking, metric: str) -> tuple[WrittenNumber | None, ...]:
    """The mean errors of the rows in the unit of the target with their uncertainty."""
    errors = [None if row.all_diverged else row.errors.get(metric) for row in ranking.rows]
    return _written_aggregates(errors, metric, ranking)


def _written_aggregates(
    aggregates: Sequence[Aggregate | None], metric: str, ranking: Ranking
) -> tuple[WrittenNumber | None, ...]:
    measured = [entry for entry in aggregates if entry is not None and entry.n]
    limits = limits_of(metric)
    column = iter(
        written_column(
            [entry.mean for entry in measured],
            [half_width(entry, ranking.uncertainty, limits) for entry in measured],
            metric=metric,
            resolution=ranking.resolutions.get(metric),
        )
    )
    return tuple(next(column) if entry is not None and entry.n else None for entry in aggregates)


def interval_texts(ranking: Ranking) -> tuple[str, ...]:
    """The 95 % confidence intervals of the means; empty where there is none."""
    metric = ranking.objective.metric
    resolution = ranking.resolutions.get(metric)
    intervals = [row.interval for row in ranking.rows]
    return interval_column(intervals, metric=metric, resolution=resolution)


def difference_texts(ranking: Ranking) -> tuple[str, ...]:
    """The simultaneous intervals of the differences from the best row; empty without one."""
    metric = ranking.objective.metric
    return interval_column(
        [difference_bounds(row) for row in ranking.rows],
        metric=metric,
        resolution=ranking.resolutions.get(metric),
    )


def difference_bounds(row: RankingRow) -> tuple[float, float] | None:
    """The simultaneous interval of the difference of a row from the best row."""
    return (row.comparison.low, row.comparison.high) if row.comparison else None


def row_half_width(row: RankingRow, ranking: Ranking) -> float:
    """The number after ± of the mean of a row; NaN if it is unknown."""
    if row.all_diverged:
        return math.nan
    if ranking.uncertainty is Uncertainty.CI and row.interval is not None:
        low, high = row.interval  # it may be an interval by the bootstrap
        return (high - low) / 2
    return half_width(row.value, ranking.uncertainty, limits_of(ranking.objective.metric))


def is_symmetric(row: RankingRow) -> bool:
    """Whether the interval of a row is, nearly, its mean plus and minus one number."""
    if row.interval is None or not all(map(math.isfinite, row.interval)):
        return True
    low, high = row.interval
    return abs(high + low - 2 * row.value.mean) <= _MAX_SKEW * (high - low)


def half_width(statistics: Aggregate, uncertainty: Uncertainty, limits: Limits) -> float:
    """The number after ± of a mean: sd, standard error, or half of its 95 % t interval.

    NaN for a single value and for values that are not finite.
    """
    if uncertainty is Uncertainty.SD:
        return statistics.sd
    if uncertainty is Uncertainty.SE or statistics.n < 2 or not math.isfinite(statistics.sem):
        return statistics.sem
    symmetric = statistics.sem * t_quantile(statistics.n - 1, (1 + CONFIDENCE_LEVEL) / 2)
    applicable = applicable_limits(limits, (statistics.low, statistics.high))
    low, high = interval_within_limits(statistics.mean, symmetric, applicable)
    return (high - low) / 2


def value_heading(metric: str, ranking: Ranking) -> str:
    """The heading of a column of means, such as `val/accuracy ± 95 % CI`.

    The uncertainty is not named if every row has a single seed.
    """
    if not any(row.value.n > 1 for row in ranking.rows):
        return metric
    return f"{metric} ± {uncertainty_name(ranking.uncertainty)}"


def unsuccessful_text(row: RankingRow) -> str:
    """How many runs of a row diverged or failed, such as `2 of 5 runs diverged`; may be empty."""
    total = len(row.runs) + len(row.runs_without_value)
    return ", ".join(
        f"{count} of {format_count(total, 'run')} {word}"
        for status, word in _MISSING_VALUE_WORDS.items()
        if (count := row.unsuccessful.get(status, 0))
    )

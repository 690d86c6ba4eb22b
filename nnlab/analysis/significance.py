"""Confidence intervals, significance tiers and their notes for the rows of a ranking."""

import math
from collections.abc import Sequence
from dataclasses import replace

from nnlab.analysis.collapsed_seeds import with_success_test
from nnlab.analysis.records import RankingRow
from nnlab.objective import Limits, Objective, limits_of
from nnlab.stats.comparison import (
    MIN_T_TEST_SEEDS,
    BestComparison,
    PairedTest,
    SeedValues,
    compare_with_best,
    count_pairs,
)
from nnlab.stats.intervals import IntervalMethod, confidence_interval
from nnlab.stats.leading_group import may_equal_best, typical_sd
from nnlab.stats.sampling_noise import SamplingNoise

# The number of rows that a note lists by rank; the others are counted.
_MAX_NAMED = 5


def with_significance(
    rows: Sequence[RankingRow],
    values_by_seed: Sequence[SeedValues],
    objective: Objective,
    *,
    interval: IntervalMethod,
    test: PairedTest,
    trials: int,
    noise: SamplingNoise | None = None,
    unshown: Sequence[SeedValues] = (),
) -> tuple[RankingRow, ...]:
    """The rows with confidence intervals, comparisons with the best row, tiers and leaders.

    Tier 1 contains the best row and all rows that do not differ significantly from it; tier 2
    contains the others. A row with too few seeds has no tier, and the best row has none if no
    other row has one. Leaders, which tables print in bold, are the best row and the rows that may
    equal it (`nnlab.stats.leading_group`).

    Args:
        rows: best first.
        values_by_seed: the values of each row, by seed.
        objective: the metric and direction of the ranking.
        interval: how confidence intervals are computed.
        test: the test for shared seeds.
        trials: how many trials the ranking has, including those that are not in `rows`.
        noise: what is known of the noise of a single value.
        unshown: the values of trials that are not in `rows`, from which tests estimate spreads.
    """
    if not rows:
        return ()
    has_best = math.isfinite(rows[0].value.mean) and not rows[0].all_diverged
    if not any(len(values) > 1 for values in values_by_seed):
        return (replace(rows[0], is_leader=has_best), *rows[1:])
    limits = limits_of(objective.metric)
    # The fractions of seeds that work are tested as well, which counts as one more trial.
    collapses = any(row.collapsed for row in rows)
    by_values = compare_with_best(
        values_by_seed[0],
        values_by_seed[1:],
        higher=objective.direction == "max",
        test=test,
        trials=trials + collapses,
        limits=limits,
        noise=noise,
        unshown=unshown,
    )
    comparisons = [
        with_success_test(comparison and _within_limits(comparison, limits), rows, index)
        for index, comparison in enumerate(by_values, start=1)
    ]
    samples = [list(values.values()) for values in values_by_seed]
    bounded = [
        replace(row, interval=confidence_interval(sample, interval, limits=limits))
        for row, sample in zip(rows, samples, strict=True)
    ]
    table_sd = typical_sd(samples[0], samples[1:])
    rest = [
        replace(
            row,
            comparison=comparison,
            tier=_tier(comparison),
            is_leader=comparison is not None and may_equal_best(comparison, table_sd),
        )
        for row, comparison in zip(bounded[1:], comparisons, strict=True)
    ]
    tier = 1 if any(row.tier for row in rest) else None
    return (replace(bounded[0], tier=tier, is_leader=has_best), *rest)


def _within_limits(comparison: BestComparison, limits: Limits) -> BestComparison:
    """The comparison with bounds that a difference of two values within the limits can have."""
    span = limits[1] - limits[0]
    if abs(comparison.mean) > span:
        return comparison  # values of another metric of the same name, such as percentages
    return replace(comparison, low=max(comparison.low, -span), high=min(comparison.high, span))


def _tier(comparison: BestComparison | None) -> int | None:
    if comparison is None or not comparison.has_enough_seeds:
        return None
    # Of two trials that both work, the one with fewer collapsed seeds may have the worse mean.
    is_worse = comparison.by_success or comparison.mean > 0
    return 2 if comparison.is_significant and is_worse else 1


def significance_notes(
    rows: Sequence[RankingRow], test: PairedTest, trials: int
) -> tuple[str, ...]:
    """Notes on which rows the best differs from, and on how many more seeds are needed."""
    compared_rows = [row for row in rows if row.comparison is not None]
    ranked = [row for row in compared_rows if row.tier is not None]
    name = _test_name(test, trials, _pairings(compared_rows))
    tied = [row for row in ranked if row.tier == 1]
    notes = []
    if ranked and not tied:
        others_text = (
            "every other trial" if len(ranked) == len(compared_rows) else "the trials of tier 2"
        )
        notes.append(f"the best is significantly different from {others_text} ({name})")
    elif tied:
        count = f"{len(tied)} other trial{'s' if len(tied) > 1 else ''}"
        notes.append(f"tier 1: the best is not significantly different from {count} ({name})")
        if (needed := _seeds_needed(tied[0])) is not None:
            notes.append(
                f"about {needed} seeds would make #{tied[0].rank} significantly different from"
                " the best, if the true difference equals the observed one"
            )
    if (message := too_few_seeds(rows)) is not None:
        notes.append(message)
        if test is PairedTest.SIGN_FLIP:
            notes.append(
                f"--test t needs only {MIN_T_TEST_SEEDS} seeds, if the differences are normal"
            )
    return tuple(notes)


def too_few_seeds(rows: Sequence[RankingRow]) -> str | None:
    """A message on the rows with too few seeds for a tier; None where every row has one."""
    compared_rows = [row for row in rows if row.comparison is not None]
    undecided = [row for row in compared_rows if row.tier is None]
    if not undecided:
        return None
    enough = max(row.comparison.min_seeds for row in undecided if row.comparison is not None)
    ranks = ", ".join(f"#{row.rank}" for row in undecided[:_MAX_NAMED])
    if len(undecided) > _MAX_NAMED:
        ranks += f" and {len(undecided) - _MAX_NAMED} more"
    ranks_text = "" if len(undecided) == len(compared_rows) else f" {ranks}"
    return f"too few seeds to rank{ranks_text}: at least {enough} are needed"


def seeds_to_decide(rows: Sequence[RankingRow]) -> int | None:
    """How many seeds may separate the best trial from the next one; None if that is unknown."""
    fewest = [
        row.comparison.min_seeds for row in rows if row.comparison is not None and row.tier is None
    ]
    if fewest:
        return max(fewest)
    tied = [row for row in rows if row.comparison is not None and row.tier == 1]
    return _seeds_needed(tied[0]) if tied else None


def _seeds_needed(row: RankingRow) -> int | None:
    comparison = row.comparison
    if comparison is None or (comparison.seeds_needed or 0) <= comparison.n:
        return None
    return comparison.seeds_needed


def describe_test(test: PairedTest, trials: int, rows: Sequence[RankingRow] = ()) -> str:
    """The name of the test that compares this many trials, with its correction.

    Args:
        test: the test of trials with shared seeds.
        trials: how many trials are compared.
        rows: those that were compared with the best; trials without shared seeds, or with unknown
            ones, are compared by Welch's test.
    """
    return _test_name(test, trials, _pairings(rows))


def _pairings(rows: Sequence[RankingRow]) -> set[bool | None]:
    """Whether the comparisons with the best row are paired; both, if some are.

    None stands for a comparison of the fractions of seeds that work.
    """
    comparisons = (row.comparison for row in rows)
    return {None if c.by_success else c.paired for c in comparisons if c is not None}


def _test_name(test: PairedTest, trials: int, pairings: set[bool | None]) -> str:
    if None not in pairings:
        return _value_test_name(test, trials, pairings)
    by_success = "Fisher's exact test of the numbers of seeds that work"
    by_value = pairings - {None}
    return f"{_value_test_name(test, trials, by_value)}; {by_success}" if by_value else by_success


def _value_test_name(test: PairedTest, trials: int, pairings: set[bool | None]) -> str:
    if test is PairedTest.SIGN_FLIP:
        name = "paired sign-flip test"
        if pairings == {False}:
            name = "Welch's t test"
        elif len(pairings) == 2:
            name += ", without shared seeds Welch's t test"
        pairs = count_pairs(trials)
        return f"{name}, Bonferroni over {pairs:,} pairs" if pairs > 1 else name
    if trials < 3:
        return "Welch's t test" if pairings == {False} else "paired t test"
    name = "t test" if pairings == {False} else "paired t test"
    if len(pairings) == 2:
        name += ", unpaired without shared seeds"
    return f"moderated {name}, corrected for {trials:,} trials"

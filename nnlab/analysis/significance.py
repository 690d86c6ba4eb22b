"""Where the rows of a ranking stand: intervals, the best against the rest, tiers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nnlab.objective import Objective, limits_of
from nnlab.stats.comparison import MIN_T_TEST_SEEDS, BestComparison, PairedTest, compare_with_best
from nnlab.stats.intervals import IntervalMethod, confidence_interval

if TYPE_CHECKING:
    from nnlab.analysis.ranking import RankingRow

# Rows that a note lists by their rank; of further ones it gives the number.
_MAX_NAMED = 5


def with_significance(
    rows: Sequence["RankingRow"],
    seeds: Sequence[Mapping[int, float]],
    objective: Objective,
    *,
    interval: IntervalMethod,
    test: PairedTest,
    trials: int,
) -> tuple["RankingRow", ...]:
    """The rows with their intervals and tiers, each compared with the best.

    Tier 1 is the best and what does not differ significantly from it, tier 2 what does. A row
    with too few seeds to decide has no tier, nor has the best where no other row has one.

    Args:
        rows: best first.
        seeds: the value of each seed of a row.
        objective: what is ranked by.
        interval: how intervals are made.
        test: of seeds that are shared.
        trials: how many the rows are the first of.
    """
    if not any(len(one) > 1 for one in seeds):
        return tuple(rows)
    found = compare_with_best(
        seeds[0], seeds[1:], higher=objective.direction == "max", test=test, trials=trials
    )
    limits = limits_of(objective.metric)
    bounded = [
        replace(row, interval=confidence_interval(list(one.values()), interval, limits=limits))
        for row, one in zip(rows, seeds, strict=True)
    ]
    rest = [
        replace(row, against=comparison, tier=_tier(comparison))
        for row, comparison in zip(bounded[1:], found, strict=True)
    ]
    best = replace(bounded[0], tier=1 if any(row.tier for row in rest) else None)
    return (best, *rest)


def _tier(comparison: BestComparison | None) -> int | None:
    if comparison is None or not comparison.has_enough_seeds:
        return None
    return 2 if comparison.told else 1


def significance_notes(
    rows: Sequence["RankingRow"], test: PairedTest, trials: int
) -> tuple[str, ...]:
    """What the tests say of the best, and how many more seeds are needed where they are too few."""
    compared_rows = [row for row in rows if row.against is not None]
    ranked = [row for row in compared_rows if row.tier is not None]
    pairs = trials * (trials - 1) // 2
    alike = [row for row in ranked if row.tier == 1]
    notes = []
    if ranked and not alike:
        which = "every other trial" if len(ranked) == len(compared_rows) else "the trials of tier 2"
        notes.append(
            f"the best is significantly different from {which} ({_test_name(test, pairs)})"
        )
    elif alike:
        count = f"{len(alike)} other trial{'s' if len(alike) > 1 else ''}"
        notes.append(
            f"tier 1: the best is not significantly different from {count} ({_test_name(test, pairs)})"
        )
        if (needed := _seeds_needed(alike[0])) is not None:
            notes.append(
                f"about {needed} seeds would make #{alike[0].rank} significantly different from"
                " the best, if the difference is what it looks like"
            )
    if (message := too_few_seeds(rows)) is not None:
        notes.append(message)
        if test is PairedTest.SIGN_FLIP:
            notes.append(
                f"--test t can decide from {MIN_T_TEST_SEEDS} seeds on, if differences are normal"
            )
    return tuple(notes)


def too_few_seeds(rows: Sequence["RankingRow"]) -> str | None:
    """Which rows have too few seeds for a tier and how many would do; None where all have one."""
    compared_rows = [row for row in rows if row.against is not None]
    lacking = [row for row in compared_rows if row.tier is None]
    if not lacking:
        return None
    enough = max(row.against.min_seeds for row in lacking if row.against is not None)
    places = ", ".join(f"#{row.rank}" for row in lacking[:_MAX_NAMED])
    if len(lacking) > _MAX_NAMED:
        places += f" and {len(lacking) - _MAX_NAMED} more"
    which = "" if len(lacking) == len(compared_rows) else f" {places}"
    return f"too few seeds to rank{which}: {enough} would do"


def seeds_to_decide(rows: Sequence["RankingRow"]) -> int | None:
    """How many seeds may distinguish the best trial from the next; None where that is not known."""
    fewest = [row.against.min_seeds for row in rows if row.against is not None and row.tier is None]
    if fewest:
        return max(fewest)
    tied = [row for row in rows if row.against is not None and row.tier == 1]
    return _seeds_needed(tied[0]) if tied else None


def _seeds_needed(row: "RankingRow") -> int | None:
    found = row.against
    return None if found is None or (found.needed or 0) <= found.n else found.needed


def describe_test(test: PairedTest, trials: int) -> str:
    """How so many trials are told apart, in words."""
    return _test_name(test, trials * (trials - 1) // 2)


def _test_name(test: PairedTest, pairs: int) -> str:
    name = "paired sign-flip test" if test is PairedTest.SIGN_FLIP else "paired t test"
    return f"{name}, Holm over {pairs:,} pairs" if pairs > 1 else name

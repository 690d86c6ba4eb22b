"""Where the rows of a ranking stand: intervals, the best against the rest, tiers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nnlab.objective import Objective
from nnlab.stats.against import Test, against_best, fewest_seeds
from nnlab.stats.intervals import Interval, interval_of

if TYPE_CHECKING:
    from nnlab.report.ranking import Row


def compared(
    rows: Sequence["Row"],
    seeds: Sequence[Mapping[int, float]],
    objective: Objective,
    *,
    interval: Interval,
    test: Test,
    trials: int,
) -> tuple["Row", ...]:
    """The rows with their intervals, each compared with the best; tier 1 cannot be told from it.

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
    found = against_best(
        seeds[0], seeds[1:], higher=objective.direction == "max", test=test, trials=trials
    )
    bounded = [
        replace(row, interval=interval_of(list(one.values()), interval))
        for row, one in zip(rows, seeds, strict=True)
    ]
    best = replace(bounded[0], tier=1)
    rest = [
        replace(row, against=one, tier=None if one is None else 2 if one.told else 1)
        for row, one in zip(bounded[1:], found, strict=True)
    ]
    return (best, *rest)


def told_apart(rows: Sequence["Row"], test: Test, trials: int) -> tuple[str, ...]:
    """What can be said of the best, and how many seeds more would be needed."""
    known = [row for row in rows if row.against is not None]
    if not known:
        return ()
    pairs = trials * (trials - 1) // 2
    alike = [row for row in known if row.tier == 1]
    notes = []
    if not alike:
        notes.append(f"the best is told from every other trial ({_how(test, pairs)})")
    else:
        count = f"{len(alike)} other trial{'s' if len(alike) > 1 else ''}"
        notes.append(f"tier 1: the best cannot be told from {count} ({_how(test, pairs)})")
    most = max(row.against.n for row in known if row.against is not None)
    least = fewest_seeds(test, pairs)
    paired = any(row.against.paired for row in known if row.against is not None)
    if alike and paired and most < least:
        notes.append(
            f"{most} seeds are too few: no sign-flip test of {trials} trials could tell, from"
            f" {least} seeds on one could; --test t can with fewer, if differences are normal"
        )
    elif alike and (needed := _more_seeds(alike[0])) is not None:
        notes.append(
            f"about {needed} seeds would tell #{alike[0].rank} from the best, if the difference"
            " is what it looks like"
        )
    return tuple(notes)


def seeds_to_decide(rows: Sequence["Row"], test: Test, trials: int) -> int | None:
    """How many seeds may distinguish the best trial from the next; None where that is not known.

    Args:
        rows: those of a ranking.
        test: how its trials are compared.
        trials: how many it has.
    """
    known = [(row, row.against) for row in rows if row.against is not None]
    alike = [row for row, _ in known if row.tier == 1]
    if not alike:
        return None
    least = fewest_seeds(test, trials * (trials - 1) // 2)
    if any(found.paired for _, found in known) and max(found.n for _, found in known) < least:
        return least
    return _more_seeds(alike[0])


def _more_seeds(row: "Row") -> int | None:
    found = row.against
    return None if found is None or (found.needed or 0) <= found.n else found.needed


def how_compared(test: Test, trials: int) -> str:
    """How so many trials are told apart, in words."""
    return _how(test, trials * (trials - 1) // 2)


def _how(test: Test, pairs: int) -> str:
    name = "paired sign-flip test" if test is Test.SIGN_FLIP else "paired t test"
    return f"{name}, Holm over {pairs:,} pairs" if pairs > 1 else name

"""Simulates rankings and writes their error rates and power to docs/comparing.md.

python benchmarks/comparison_statistics/run.py [--tables N]

The section is written between the two marks of the page. It takes about five minutes on one core.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from comparison_statistics.collapse_results import (  # noqa: E402  this checkout, from any folder
    false_rate,
    interval_coverage,
    split_rate,
)
from comparison_statistics.earlier_tests import bonferroni_decisions, holm_decisions  # noqa: E402
from comparison_statistics.simulated_tables import (  # noqa: E402
    COLLAPSING,
    DISTRIBUTIONS,
    UNEQUAL,
    Distribution,
    Values,
    best_first,
    draw_tables,
)
from comparison_statistics.vectorized_test import Decisions, moderated_decisions  # noqa: E402

PAGE = ROOT / "docs/comparing.md"
BEGIN, END = "<!-- make bench-statistics: begin -->", "<!-- make bench-statistics: end -->"

TRIALS, SEEDS = (2, 10, 30), (3, 5, 10, 30)
EFFECTS = (2.0, 4.0)
Method = Callable[[Values, Distribution], Decisions]
METHODS: dict[str, Method] = {
    "nnlab": moderated_decisions,
    "before": lambda values, _: bonferroni_decisions(values),
    "Holm": lambda values, _: holm_decisions(values),
}

HEAD = """\
Simulated rankings ({tables:,} per number; `make bench-statistics`), at a stated level of 0.05.
*before* is the paired t test of each pair with Bonferroni's correction for all pairs, which nnlab
used; *Holm* is scipy's `ttest_rel` of all pairs with Holm's correction.

**False differences.** All trials are equal. The numbers are the fractions of rankings in which any
trial differs significantly from the best, for {seeds} seeds.
"""
POWER_HEAD = """
**Power.** The first trial is better than all others, which are equal. The numbers are the fractions
of the others that are in tier 2 while the first is ranked best, for {seeds} seeds: nnlab / before.
"""
COLLAPSE_HEAD = """
**Collapsing seeds.** Each seed ends at chance level with a probability of 0.15. Rankings of equal
trials with any significant difference, for {seeds} seeds:
"""


def main() -> int:
    """Simulates all tables and writes the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=2000)
    options = parser.parse_args()
    seeds = ", ".join(map(str, SEEDS[:-1])) + f" and {SEEDS[-1]}"
    lines = [
        HEAD.format(tables=options.tables, seeds=seeds),
        *false_difference_rows(options.tables, (*DISTRIBUTIONS, *UNEQUAL)),
        POWER_HEAD.format(seeds=", ".join(map(str, SEEDS[:-1]))),
        *power_rows(options.tables, DISTRIBUTIONS[:1] + DISTRIBUTIONS[2:]),
        COLLAPSE_HEAD.format(seeds=seeds),
        *collapse_rows(max(options.tables // 5, 20)),
    ]
    write_section("\n".join(lines))
    return 0


def write_section(text: str) -> None:
    """Replaces the text between the two marks of the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    print(text)


def false_difference_rows(tables: int, distributions: Sequence[Distribution]) -> Iterator[str]:
    """A table with a row for each distribution and number of trials."""
    yield from _table_head(["values", "trials", *METHODS])
    for distribution in distributions:
        for trials in TRIALS:
            rng = np.random.default_rng(trials)
            rates: dict[str, list[float]] = {name: [] for name in METHODS}
            for seeds in SEEDS:
                values, _ = best_first(draw_tables(distribution, tables, trials, seeds, rng))
                for name, method in METHODS.items():
                    any_different = method(values, distribution).any(axis=1)
                    rates[name].append(float(any_different.mean()))
            cells = [_numbers(rates[name]) for name in METHODS]
            yield _row([distribution.name, str(trials), *cells])


def power_rows(tables: int, distributions: Sequence[Distribution]) -> Iterator[str]:
    """A table with a row for each distribution, number of trials and effect."""
    yield from _table_head(["values", "trials", *(f"{effect:g} sd" for effect in EFFECTS)])
    for distribution in distributions:
        for trials in TRIALS:
            cells = []
            for effect in EFFECTS:
                rng = np.random.default_rng(trials)
                new, old = [], []
                for seeds in SEEDS[:-1]:
                    drawn = draw_tables(distribution, tables, trials, seeds, rng, effect)
                    values, order = best_first(drawn)
                    is_best = (order[:, 0] == 0)[:, None]
                    new.append((moderated_decisions(values, distribution) & is_best).mean())
                    old.append((bonferroni_decisions(values) & is_best).mean())
                cells.append(f"{_numbers(new)} / {_numbers(old)}")
            yield _row([distribution.name, str(trials), *cells])


def collapse_rows(tables: int) -> Iterator[str]:
    """The error rates with collapsing seeds, the coverage of intervals, and false alarms."""
    yield from _table_head(["trials", "nnlab", "before"])
    for trials in TRIALS:
        rng = np.random.default_rng(trials)
        new, old = [], []
        for seeds in SEEDS:
            count = max(tables * 10 // (trials * seeds), 100) if trials * seeds > 100 else tables
            new.append(false_rate(count, trials, seeds, rng))
            values, _ = best_first(draw_tables(COLLAPSING, tables * 5, trials, seeds, rng))
            old.append(float(bonferroni_decisions(values).any(axis=1).mean()))
        yield _row([str(trials), _numbers(new), _numbers(old)])
    yield ""
    yield "Coverage of the 95 % interval of a trial among ten:"
    yield ""
    yield from _table_head(["seeds", "of the working seeds", "before, of all seeds"])
    for seeds in SEEDS:
        rng = np.random.default_rng(seeds)
        of_all, of_working = interval_coverage(tables // 4, 10, seeds, rng)
        yield _row([str(seeds), f"{of_working:.3f}", f"{of_all:.3f}"])
    rng = np.random.default_rng(0)
    shapes = [(2, 3), (2, 5), (3, 3), (10, 3), (10, 5)]
    rates = [
        f"{distribution.name} {split_rate(distribution, tables, shapes, rng):.3f}"
        for distribution in DISTRIBUTIONS
    ]
    yield ""
    yield f"Rankings without collapsed seeds that are taken for such: {', '.join(rates)}."


def _table_head(columns: Sequence[str]) -> list[str]:
    return [_row(columns), _row(["---"] * len(columns))]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _numbers(rates: Sequence[float]) -> str:
    return " ".join(f"{rate:.3f}".removeprefix("0") for rate in rates)


if __name__ == "__main__":
    raise SystemExit(main())

"""Simulates loops that keep or discard candidates, and writes the results to docs/gate.md.

python benchmarks/gate.py [--loops N] [--candidates N]

The section is written between the two marks of the page. It takes about four minutes.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from gate_loops import (  # noqa: E402  this checkout, from any working folder
    SEEDS,
    FixedSeeds,
    Gate,
    Greedy,
    LoopResults,
    Scenario,
    Strategy,
    simulate,
)

from nnlab.stats.online_fdr import OnlineLevels, gate_levels  # noqa: E402

PAGE = ROOT / "docs/gate.md"
BEGIN, END = "<!-- make bench-gate: begin -->", "<!-- make bench-gate: end -->"

SCENARIOS = (
    Scenario("5 % help by 2 sd", helpful=0.05, effect=2.0),
    Scenario("5 % help by 1 sd", helpful=0.05, effect=1.0),
    Scenario("5 % help by 1 sd, up to 30 pairs", helpful=0.05, effect=1.0, max_pairs=30),
    Scenario("5 % help by 2 sd, 50 % harm", helpful=0.05, effect=2.0, harmful=0.5),
    Scenario("5 % help by 2 sd, accuracy in steps of 0.5 sd", 0.05, 2.0, resolution=0.5),
    Scenario("5 % help by 2 sd, accuracy in steps of 1.5 sd", 0.05, 2.0, resolution=1.5),
    Scenario("none helps", helpful=0.0, effect=0.0),
)

COLUMNS = (
    "decision by",
    "kept",
    "false keeps (FDR)",
    "mFDR",
    "found",
    "runs",
    "fewer runs",
    "improvement",
)

HEAD = """\
{loops:,} simulated loops of {candidates} candidates each.

| | goal | measured, all scenarios |
| --- | --- | --- |
| false keeps (false discovery rate) | at most 5 % | {rates} |
| fewer runs than fixed seeds with the same power | at least 40 % | {savings} |

Effects are in standard deviations (sd) of the difference of two runs with the same seed;
candidates that do not help have no effect unless the scenario says otherwise. A kept candidate
becomes the baseline. Runs of the baseline count; they are used again on the same seeds.

- *false keeps*: kept candidates that do not help, as a share of the kept ones: the mean over the
  loops (the false discovery rate, FDR; 0 for a loop that keeps none), and over all loops together
  (mFDR, which is not controlled and is large where hardly anything is kept).
- *found*: share of the helpful candidates that are kept.
- *improvement*: true mean of the final baseline minus that of the first one.
- *fixed seeds, same power*: a t test of the least number of pairs that finds as many helpful
  candidates, at levels of the same procedure. *fewer runs* compares the gate with it, interpolated
  to exactly the same power.
- *gate, baseline trained again*: the baseline is trained again for each candidate, so that the
  tests are independent. It costs twice the runs. It finds more, because the runs of a kept
  candidate are better than its mean by selection, and candidates are then compared with them.
- *gate with the levels of ADDIS*: the same tests at the levels of ADDIS. Tests that stop for
  futility are not uniformly conservative, so the rate exceeds its limit.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """The results of one way to decide."""

    name: str
    results: LoopResults
    saving: float | None = None


def main() -> int:
    """Simulates all scenarios and writes the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", type=int, default=1000)
    parser.add_argument("--candidates", type=int, default=200)
    options = parser.parse_args()
    lines, gates = [], []
    for scenario in SCENARIOS:
        rows = list(simulate_scenario(scenario, options.loops, options.candidates))
        gates.append(rows[0])
        lines += _table(scenario, rows)
        print("\n".join(_table(scenario, rows)), flush=True)
    rates = [row.results.false_discovery_rate for row in gates]
    savings = [row.saving for row in gates if row.saving is not None]
    head = HEAD.format(
        loops=options.loops,
        candidates=options.candidates,
        rates=f"{100 * min(rates):.1f} to {100 * max(rates):.1f} %",
        savings=f"{100 * min(savings):.0f} to {100 * max(savings):.0f} %",
    )
    write_section("\n".join([head, *lines]))
    return 0


def simulate_scenario(scenario: Scenario, loops: int, candidates: int) -> Iterator[Row]:
    """The rows of the table of a scenario."""

    def run(strategy: Strategy, *, reuses_baseline: bool = True) -> LoopResults:
        return simulate(
            scenario,
            strategy,
            loops=loops,
            candidates=candidates,
            reuses_baseline=reuses_baseline,
        )

    def new_ledgers() -> list[OnlineLevels]:
        return [gate_levels() for _ in range(loops)]

    gate = run(Gate(new_ledgers()))
    pairs, same_power, runs = _same_power(
        gate, scenario, lambda pairs: run(FixedSeeds(pairs, new_ledgers()))
    )
    yield Row("**gate**", gate, 1 - gate.runs.mean() / runs)
    yield Row(f"fixed seeds, same power: {pairs}", same_power)
    yield Row("gate, baseline trained again", run(Gate(new_ledgers()), reuses_baseline=False))
    addis = [OnlineLevels(candidate_limit=0.25, discard_limit=0.5) for _ in range(loops)]
    yield Row("gate with the levels of ADDIS", run(Gate(addis)))
    yield Row("t test of 5 seeds, p <= .05", run(FixedSeeds(5)))
    yield Row("greedy, 3 seeds", run(Greedy(3)))
    yield Row("greedy, 1 seed", run(Greedy(1)))


def _same_power(
    gate: LoopResults, scenario: Scenario, fixed: Callable[[int], LoopResults]
) -> tuple[int, LoopResults, float]:
    """The least number of seeds with the power of the gate, its results, and the runs for it.

    The runs are interpolated to exactly the same power. If nothing helps, there is no power, and
    the number is the gate's limit.
    """
    if not gate.helpful.sum():
        results = fixed(scenario.max_pairs)
        return scenario.max_pairs, results, float(results.runs.mean())
    low, high = 2, SEEDS
    by_pairs: dict[int, LoopResults] = {}
    while high - low > 1:
        middle = (low + high) // 2
        by_pairs[middle] = fixed(middle)
        low, high = (low, middle) if by_pairs[middle].power >= gate.power else (middle, high)
    below, above = by_pairs.get(low) or fixed(low), by_pairs.get(high) or fixed(high)
    part = (gate.power - below.power) / (above.power - below.power)
    return high, above, float((1 - part) * below.runs.mean() + part * above.runs.mean())


def _table(scenario: Scenario, rows: list[Row]) -> list[str]:
    lines = [
        f"### {scenario.name[0].upper()}{scenario.name[1:]}",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"| {' | '.join('---' for _ in COLUMNS)} |",
    ]
    for row in rows:
        results = row.results
        found = f"{results.power:.0%}" if results.helpful.sum() else ""
        saving = "" if row.saving is None else f"{row.saving:.0%}"
        cells = (
            f"{results.kept.mean():.2f}",
            f"{results.false_discovery_rate:.1%}",
            f"{results.marginal_rate:.1%}" if results.helpful.sum() else "",
            found,
            f"{results.runs.mean():,.0f}",
            saving,
            f"{results.improvement.mean():.2f} sd",
        )
        lines.append(f"| {row.name} | {' | '.join(cells)} |".replace("%", " %"))
    return [*lines, ""]


def write_section(text: str) -> None:
    """Writes the section between the marks of the page, or at its end if it has no marks."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if BEGIN not in page:
        page += f"\n## Measured\n\n{BEGIN}\n{END}\n"
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

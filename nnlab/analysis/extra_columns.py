"""Columns that `nnlab compare` adds to a ranking: costs of the runs, and the change from a base."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nnlab import store
from nnlab.analysis.base_trial import find_base_row, values_by_seed
from nnlab.analysis.ranking_options import parse_field_names
from nnlab.analysis.records import ExtraColumn, RankingRow
from nnlab.analysis.run_costs import COSTS, Cost, run_costs, shared_time_notes, unknown_cost_reason
from nnlab.errors import UnknownName
from nnlab.io.text import format_count
from nnlab.objective import Objective, limits_of
from nnlab.settings.setting_differences import distinguishing_fields, setting_label
from nnlab.stats import Aggregate, aggregate
from nnlab.stats.base_comparison import BaseComparison, compare_with_base
from nnlab.stats.comparison import PairedTest
from nnlab.stats.number_columns import WrittenNumber, interval_column, written_column
from nnlab.stats.sampling_noise import SamplingNoise

RELATIVE_KEY = "relative"
# The text of the base in the column of relative changes.
BASE_TEXT = "base"
# Times and energies are rounded to this fraction: they vary more between machines and days.
_COST_RESOLUTION = 0.05
_HEADINGS: Mapping[Cost, str] = {
    "params": "Parameters",
    "seconds": "Time (s)",
    "energy": "Energy (J)",
    "steps": "Steps",
    "epochs": "Epochs",
}


def parse_costs(text: str | None) -> tuple[str, ...]:
    """The costs in a list such as `params,seconds`.

    Raises:
        UnknownName: there is no such cost.

    >>> parse_costs("params, seconds")
    ('params', 'seconds')
    """
    costs = parse_field_names(text)
    for name in costs:
        if name not in COSTS:
            raise UnknownName("column", name, COSTS)
    return tuple(dict.fromkeys(costs))


def cost_columns(
    db: store.Database, rows: Sequence[RankingRow], costs: Sequence[str]
) -> tuple[ExtraColumn, ...]:
    """A column for each cost: the mean over the runs of each row."""
    run_ids = [run for row in rows for run in row.runs]
    runs = store.runs(db, run_ids=run_ids) if costs else ()
    columns = []
    for cost in sorted(set(COSTS) & set(costs), key=costs.index):
        cost_by_run = run_costs(db, runs, cost)
        means = [aggregate([cost_by_run.get(run) for run in row.runs]) for row in rows]
        unknown = sum(not mean.n for mean in means)
        notes = [
            f"{_HEADINGS[cost]} unknown for {format_count(unknown, 'trial')}:"
            f" {unknown_cost_reason(cost)}"
        ]
        columns.append(
            ExtraColumn(
                cost,
                _HEADINGS[cost],
                tuple({"mean": m.mean, "sd": m.sd, "n": m.n} if m.n else None for m in means),
                _cost_texts(means, cost),
                (*(notes if unknown else ()), *shared_time_notes(db, list(cost_by_run), cost)),
            )
        )
    return tuple(columns)


def _cost_texts(means: Sequence[Aggregate], cost: Cost) -> tuple[str, ...]:
    if cost in ("params", "steps", "epochs"):
        return tuple(_count_text(mean) if mean.n else "" for mean in means)
    measured = [mean for mean in means if mean.n]
    spreads = [
        max(mean.sd if mean.n > 1 else 0.0, _COST_RESOLUTION * mean.mean) for mean in measured
    ]
    texts = iter(written_column([mean.mean for mean in measured], spreads))
    return tuple(_without_spread(next(texts)) if mean.n else "" for mean in means)


def _count_text(mean: Aggregate) -> str:
    low, high = round(mean.low), round(mean.high)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _without_spread(number: WrittenNumber) -> str:
    return replace(number, spread=None).text


def relative_column(
    db: store.Database,
    rows: Sequence[RankingRow],
    base_name: str,
    objective: Objective,
    *,
    test: PairedTest,
    all_rows: Sequence[RankingRow],
    noise: SamplingNoise | None = None,
) -> ExtraColumn | None:
    """The change of each row relative to a base, in percent, with simultaneous 95 % intervals.

    None if the base is in none of the rows.

    Args:
        db: the database.
        rows: the rows of the column.
        base_name: a run, an arm, or settings (`find_base_row`).
        objective: the metric that changes.
        test: the paired test.
        all_rows: all rows of the ranking, one of which is the base.
        noise: what is known of the noise of a single value.

    Raises:
        UnknownName: the base names no run or field.
        UsageError: the base describes several trials.
    """
    base = find_base_row(db, all_rows, base_name)
    if base is None:
        return None
    others = [row for row in all_rows if row.trials != base.trials]
    compared = compare_with_base(
        values_by_seed(base),
        [values_by_seed(row) for row in others],
        test=test,
        limits=limits_of(objective.metric),
        noise=noise,
    )
    by_trials = {
        row.trials: comparison
        for row, comparison in zip(others, compared, strict=True)
        if comparison is not None and math.isfinite(comparison.relative)
    }
    comparisons = [by_trials.get(row.trials) for row in rows]
    texts = [
        BASE_TEXT if row.trials == base.trials else text
        for row, text in zip(rows, _relative_texts(comparisons), strict=True)
    ]
    return ExtraColumn(
        RELATIVE_KEY,
        "Change (%)",
        tuple(map(_relative_values, comparisons)),
        tuple(texts),
        relative_notes(
            _base_name(base, all_rows),
            objective,
            compared=len(by_trials),
            missing=sum(r.trials not in by_trials and not r.all_diverged for r in others),
            all_diverged=base.all_diverged,
            paired=all(comparison.paired for comparison in by_trials.values()),
        ),
    )


def _relative_texts(comparisons: Sequence[BaseComparison | None]) -> list[str]:
    available = [comparison for comparison in comparisons if comparison is not None]
    percent = [100 * comparison.relative for comparison in available]
    bounds = [(100 * c.relative_low, 100 * c.relative_high) for c in available]
    written = written_column(percent, [(high - low) / 2 for low, high in bounds])
    texts = iter(
        _signed_text(number) + (f" ({interval})" if interval else "")
        for number, interval in zip(written, interval_column(bounds), strict=True)
    )
    return ["" if comparison is None else next(texts) for comparison in comparisons]


def _signed_text(number: WrittenNumber) -> str:
    text = _without_spread(number)
    return text if text.startswith("-") or not number.value.strip("0.") else f"+{text}"


def _relative_values(comparison: BaseComparison | None) -> Mapping[str, Any] | None:
    if comparison is None:
        return None
    return {
        "change": comparison.relative,
        "low": comparison.relative_low,
        "high": comparison.relative_high,
        "p": comparison.p,
        "adjusted": comparison.adjusted,
        "significant": comparison.is_significant,
    }


def _base_name(base: RankingRow, rows: Sequence[RankingRow]) -> str:
    fields = distinguishing_fields([row.setting for row in rows])
    return setting_label(base.setting, fields) or "the base"


def relative_notes(
    base_name: str,
    objective: Objective,
    *,
    compared: int,
    missing: int,
    all_diverged: bool,
    paired: bool = True,
) -> tuple[str, ...]:
    """What the column of relative changes contains, and why some trials have none.

    Args:
        base_name: the base, as the reader knows it.
        objective: the metric that changes.
        compared: the number of trials with a change.
        missing: the number of trials without one, except those that diverged.
        all_diverged: whether every run of the base diverged.
        paired: whether all comparisons are paired by seed.
    """
    if all_diverged:
        return (f"no changes: every run of the base ({base_name}) diverged",)
    better = "negative" if objective.direction == "min" else "positive"
    intervals = "simultaneous 95 % intervals" if compared > 1 else "95 % interval"
    meaning = (
        f"change of the mean relative to {base_name}, {better} is better; {intervals} of"
        f" {'paired ratios' if paired else 'ratios of unpaired means'} (Fieller)"
    )
    reason = (
        f"no change of {format_count(missing, 'trial')}: fewer than two seeds shared with the base"
        f" ({base_name}), or its mean is 0"
    )
    return (*((meaning,) if compared or not missing else ()), *((reason,) if missing else ()))

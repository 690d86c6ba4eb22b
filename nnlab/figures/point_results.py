"""The results at each point of a sweep and each cell of a heatmap, without diverged runs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nnlab import store
from nnlab.analysis.records import Ranking, RankingRow
from nnlab.figures.axis_fields import AxisValue
from nnlab.figures.draw.display_names import setting_phrase
from nnlab.figures.draw.reader_options import current_reader_options
from nnlab.figures.trials import trial_title
from nnlab.io.text import format_count, join_names
from nnlab.objective import Limits
from nnlab.records import Status
from nnlab.stats import aggregate
from nnlab.stats.comparison import SeedValues
from nnlab.stats.uncertainty import uncertainty_bounds, uncertainty_half_width

Reduction = Literal["best", "mean"]
SampleUnit = Literal["seed", "trial"]
_MAX_NAMED = 4  # trials in a note


@dataclass(frozen=True, slots=True)
class PointResults:
    """The finite results at one point, and how many of its `runs` diverged."""

    values: tuple[float, ...]
    runs: int
    diverged: int

    @property
    def mean(self) -> float | None:
        """The mean of the values; None if all runs diverged or have no result."""
        return aggregate(self.values).mean if self.values else None

    def interval(self, limits: Limits) -> tuple[float, float] | None:
        """The bounds of the uncertainty around the mean; None below two values."""
        if len(self.values) < 2:
            return None
        return uncertainty_bounds(self.values, current_reader_options().uncertainty, limits)

    def half_width(self, limits: Limits) -> float | None:
        """The number after ±; None below two values."""
        if len(self.values) < 2:
            return None
        return uncertainty_half_width(self.values, current_reader_options().uncertainty, limits)

    @property
    def diverged_text(self) -> str:
        """How many of the runs diverged, such as `3/10`; empty if none did."""
        return f"{self.diverged}/{self.runs}" if self.diverged else ""


def reduction_note(fields: Sequence[str], over: Reduction, where: str) -> str:
    """How the settings that are no axis are reduced `where`, such as `at each point`."""
    reduction = "the best" if over == "best" else "means over"
    return f"{reduction} {join_names([setting_phrase(name) for name in fields])} {where}"


@dataclass(frozen=True, slots=True)
class ResultsByPoint:
    """The results at each combination of values of the fields.

    Each value is that of one `unit`: the mean of all trials at the point with that seed, or the
    mean of a trial. `notes` name the runs that have no part in the means.
    """

    points: Mapping[tuple[AxisValue, ...], PointResults]
    unit: SampleUnit
    notes: tuple[str, ...]


def results_by_point(
    ranking: Ranking,
    coordinates: Sequence[tuple[AxisValue, ...]],
    over: Reduction,
    diverged: frozenset[int],
) -> ResultsByPoint:
    """The results at each combination of values of some fields, over all other settings.

    `coordinates` are these values for each row of the ranking (`point_coordinates`).

    `best` takes the seeds of the best trial, as if the other settings had been tuned. `mean` takes
    the mean over the trials at the point, as an analysis of variance does, separately for each
    seed that all of them have: the other settings are no random sample, but the seeds are. If the
    trials of a point share fewer than two seeds, the unit is the trial instead.

    The `diverged` runs have no value, because a value from before is not a result.
    """
    groups: dict[tuple[AxisValue, ...], list[RankingRow]] = {}
    for row, key in zip(ranking.rows, coordinates, strict=True):  # best first
        groups.setdefault(key, []).append(row)
    if over == "best":
        groups = {key: rows[:1] for key, rows in groups.items()}
    values = {key: [_seed_values(row, diverged) for row in rows] for key, rows in groups.items()}
    unit: SampleUnit = "seed" if all(map(_share_seeds, values.values())) else "trial"
    points = {
        key: PointResults(
            _values_by_unit(values[key], unit),
            sum(len(row.runs) for row in rows),
            sum(run in diverged for row in rows for run in row.runs),
        )
        for key, rows in groups.items()
    }
    drawn = [row for rows in groups.values() for row in rows]
    notes = divergence_notes(ranking, drawn, diverged)
    unpaired = sum(map(_count_unpaired, values.values())) if unit == "seed" else 0
    if unpaired:
        notes += (
            f"left out of the means: {format_count(unpaired, 'run')} with seeds that other trials"
            " at the same point do not have",
        )
    return ResultsByPoint(points, unit, notes)


def trial_results(row: RankingRow, diverged: frozenset[int]) -> PointResults:
    """The results of a single trial without its diverged runs."""
    values = tuple(_seed_values(row, diverged).values())
    return PointResults(values, len(row.runs), sum(run in diverged for run in row.runs))


def diverged_runs(db: store.Database, ranking: Ranking) -> frozenset[int]:
    """The ids of the runs of a ranking that diverged, or whose value is infinite."""
    infinite = {
        run
        for row in ranking.rows
        for run, value in zip(row.runs, row.values, strict=True)
        if math.isinf(value)
    }
    runs = [run for row in ranking.rows if row.statuses.get(Status.DIVERGED) for run in row.runs]
    stored = store.runs(db, run_ids=runs) if runs else ()
    return frozenset(infinite | {run.id for run in stored if run.status is Status.DIVERGED})


def divergence_notes(
    ranking: Ranking, rows: Sequence[RankingRow], diverged: frozenset[int]
) -> tuple[str, ...]:
    """A note that names the rows with diverged runs; empty if there are none."""
    counts = [(row, sum(run in diverged for run in row.runs)) for row in rows]
    texts = [
        f"{trial_title(row, ranking)} ({count} of {format_count(len(row.runs), 'run')})"
        for row, count in counts
        if count
    ]
    if not texts:
        return ()
    named, others = texts[:_MAX_NAMED], texts[_MAX_NAMED:]
    more = [format_count(len(others), "more trial")] if others else []
    return (f"diverged, not in the means: {'; '.join([*named, *more])}",)


def _seed_values(row: RankingRow, diverged: frozenset[int]) -> SeedValues:
    """The finite values of a trial by seed, without diverged runs."""
    return {
        seed: value
        for run, seed, value in zip(row.runs, row.seed_keys, row.values, strict=True)
        if math.isfinite(value) and run not in diverged
    }


def _shared_seeds(trials: Iterable[SeedValues]) -> list[int]:
    """The seeds that all trials with a value have, in order."""
    seeds = [set(values) for values in trials if values]
    return sorted(set.intersection(*seeds)) if seeds else []


def _share_seeds(trials: Sequence[SeedValues]) -> bool:
    """Whether the trials at a point can be averaged seed by seed."""
    with_values = [values for values in trials if values]
    return len(with_values) <= 1 or len(_shared_seeds(with_values)) > 1


def _values_by_unit(trials: Sequence[SeedValues], unit: SampleUnit) -> tuple[float, ...]:
    with_values = [values for values in trials if values]
    if unit == "trial":
        return tuple(aggregate(values.values()).mean for values in with_values)
    if len(with_values) == 1:
        return tuple(with_values[0].values())
    return tuple(
        aggregate(values[seed] for values in with_values).mean
        for seed in _shared_seeds(with_values)
    )


def _count_unpaired(trials: Sequence[SeedValues]) -> int:
    """The number of values whose seed not all trials at a point have."""
    shared = len(_shared_seeds(trials))
    return sum(len(values) - shared for values in trials if values)

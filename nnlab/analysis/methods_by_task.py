"""Methods on each data set: the trial that represents them there, their average ranks and tiers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nnlab import store
from nnlab.analysis.across_tasks import AcrossTasksComparison, compare_across_tasks
from nnlab.analysis.average_ranks import rank_methods
from nnlab.analysis.comparable import ComparableGroup
from nnlab.analysis.external_data import data_of
from nnlab.analysis.ranking import rank, rank_group
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.scope import Scope
from nnlab.errors import UsageError
from nnlab.settings.setting_differences import format_value
from nnlab.stats.average_ranks import RankComparison


@dataclass(frozen=True, slots=True)
class MethodsByTask:
    """The methods of a comparison over data sets, lowest average rank first.

    `rankings` has a ranking of the methods for each data set (task), in which each method is
    represented by its best trial. `ranks` are the average ranks of the methods. `rank_test` tests
    them (Friedman, Nemenyi); it is None for fewer than three methods or two data sets.
    """

    comparison: AcrossTasksComparison
    methods: tuple[str, ...]
    rankings: Mapping[str, Ranking]
    ranks: Mapping[str, float]
    rank_test: RankComparison | None
    notes: tuple[str, ...]

    def row(self, method: str, task: str) -> tuple[int, RankingRow]:
        """The index and row of a method in the ranking of a data set."""
        rows = self.rankings[task].rows
        field = self.comparison.field
        return next((i, row) for i, row in enumerate(rows) if method_name(row, field) == method)

    def tier(self, method: str) -> int | None:
        """1 if the average rank does not differ significantly from the best, 2 if it does.

        None if the ranks are not tested, or there are too few data sets to find a difference.
        """
        test = self.rank_test
        if test is None or test.blocks < test.min_blocks:
            return None
        difference = self.ranks[method] - self.ranks[self.methods[0]]
        return 2 if test.is_significant and difference >= test.critical_difference else 1


def method_name(row: RankingRow, field: str) -> str:
    """The method of a row: the value of the compared field as text."""
    return format_value(row.setting.get(field)) or "-"


def methods_by_task(
    db: store.Database, scope: Scope, field: str, request: RankingRequest
) -> MethodsByTask:
    """The values of a field (the methods) on each data set of a scope.

    Args:
        db: the database.
        scope: the runs to compare.
        field: the field whose values are compared.
        request: metric, interval, test and uncertainty; other parts are ignored. Values are those
            of the best epoch of each run.

    Raises:
        UnknownName: no trial has that field, or no run has the metric.
        UsageError: there are fewer than two values, or no data set has runs of all of them.
    """
    comparison = compare_across_tasks(db, scope, field, by=request.by)
    best = _best_runs(db, scope, comparison, request)
    rankings = {
        task: rank_group(
            db,
            ComparableGroup(replace(scope, studies=None, runs=runs), comparison.objective),
            RankingRequest(
                interval=request.interval, test=request.test, uncertainty=request.uncertainty
            ),
        )
        for task, runs in best.items()
    }
    by_iqm = [method.name for method in comparison.methods]
    notes: tuple[str, ...] = ()
    try:
        method_ranks = rank_methods(db, scope, field, by=request.by)
    except UsageError:
        test, ranks = None, _average_ranks(rankings, field)
    else:
        test = method_ranks.comparison
        ranks = dict(zip(test.names, test.ranks, strict=True))
        notes = method_ranks.notes
    methods = tuple(sorted(by_iqm, key=lambda name: ranks[name]))
    all_notes = dict.fromkeys((*comparison.notes, *notes))
    return MethodsByTask(comparison, methods, rankings, ranks, test, tuple(all_notes))


def _best_runs(
    db: store.Database, scope: Scope, comparison: AcrossTasksComparison, request: RankingRequest
) -> Mapping[str, tuple[int, ...]]:
    """The runs of the best trial of each method, by data set."""
    ranking = rank(db, scope, RankingRequest(by=request.by, along=["data"]))
    best: dict[tuple[str, str], tuple[int, ...]] = {}
    for row in ranking.rows:  # best first
        task = format_value(data_of(row.setting))
        if task in comparison.tasks:
            best.setdefault((task, method_name(row, comparison.field)), row.runs)
    return {
        task: tuple(run for (other, _), runs in best.items() if other == task for run in runs)
        for task in comparison.tasks
    }


def _average_ranks(rankings: Mapping[str, Ranking], field: str) -> dict[str, float]:
    """The average rank of each method over data sets; equal results share the mean of their ranks.

    Methods of which all runs diverged have equal results.
    """
    ranks: dict[str, list[float]] = {}
    for ranking in rankings.values():
        results = [None if row.all_diverged else row.value.mean for row in ranking.rows]
        for row, result in zip(ranking.rows, results, strict=True):
            equal = [i for i, other in enumerate(results, start=1) if other == result]
            ranks.setdefault(method_name(row, field), []).append(_mean(equal))
    return {method: _mean(values) for method, values in ranks.items()}


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)

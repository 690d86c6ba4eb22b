"""The share of the variance of a result that each choice of the trials explains."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.scope import Scope
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.objective import limits_of
from nnlab.records import Status
from nnlab.settings.setting_differences import setting_label
from nnlab.stats.variance_shares import VarianceMethod, VarianceShare, variance_shares

# Pairs with a smaller share are not shown.
_MIN_PAIR_SHARE = 0.02
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Effects:
    """Shares of the variance, and how they were computed.

    `trials` is the number of trials used; `notes` names the runs left out.
    """

    ranking: Ranking
    shares: tuple[VarianceShare, ...]
    method: VarianceMethod
    trials: int
    notes: tuple[str, ...]

    @property
    def notable_shares(self) -> list[VarianceShare]:
        """All single choices and the pairs with a notable share, largest share first."""
        shown = [s for s in self.shares if len(s.fields) == 1 or s.share >= _MIN_PAIR_SHARE]
        return sorted(shown, key=lambda share: -share.share)


def compute_effects(db: store.Database, scope: Scope, *, by: str | None = None) -> Effects:
    """The variance shares of all choices in which the trials of a scope differ, and of pairs.

    Runs whose value is not finite are left out and named. Diverged runs are left out too if the
    metric is unbounded on the worse side, because their values would outweigh all others.

    Raises:
        UnknownName: no run has that metric.
        UsageError: there are too few trials, or they do not differ.
    """
    ranking = rank(db, scope, RankingRequest(by=by))
    diverged = _diverged_runs(db, ranking)
    usable = {row.rank: _usable_values(row, diverged) for row in ranking.rows}
    rows = [row for row in ranking.rows if usable[row.rank]]
    try:
        result = variance_shares(
            [{name: row.setting.get(name) for name in ranking.setting_fields} for row in rows],
            [usable[row.rank] for row in rows],
        )
    except ValueError as error:
        raise UsageError(f"{scope.title}: {error}") from error
    notes = (
        *_effect_notes(ranking, usable, result.shares),
        *_divergence_notes(ranking, diverged, missing=len(ranking.rows) - len(rows)),
    )
    return Effects(ranking, result.shares, result.method, len(rows), notes)


def _diverged_runs(db: store.Database, ranking: Ranking) -> frozenset[int]:
    """The diverged runs, if values of the metric can be arbitrarily bad."""
    low, high = limits_of(ranking.objective.metric)
    if math.isfinite(high if ranking.objective.direction == "min" else low):
        return frozenset()
    runs = [run for row in ranking.rows if row.statuses.get(Status.DIVERGED) for run in row.runs]
    if not runs:
        return frozenset()
    return frozenset(
        run.id for run in store.runs(db, run_ids=runs) if run.status is Status.DIVERGED
    )


def _usable_values(row: RankingRow, diverged: frozenset[int]) -> dict[int, float]:
    """The finite values of a trial by seed."""
    return {
        seed: value
        for run, seed, value in zip(row.runs, row.seed_keys, row.values, strict=True)
        if math.isfinite(value) and run not in diverged
    }


def _divergence_notes(
    ranking: Ranking, left_out: frozenset[int], *, missing: int
) -> tuple[str, ...]:
    """Notes on the values that diverged runs contribute, and on trials without any value."""
    notes = []
    diverged = sum(row.statuses.get(Status.DIVERGED, 0) for row in ranking.rows)
    if diverged and not left_out:
        notes.append(
            f"{format_count(diverged, 'run')} diverged: the value is that of the best epoch before"
        )
    if missing:
        notes.append(
            f"{format_count(missing, 'trial')} without a value: the grid is incomplete, and"
            " interactions with the missing combinations cannot be estimated"
        )
    return tuple(notes)


def _effect_notes(
    ranking: Ranking,
    usable: Mapping[int, Mapping[int, float]],
    shares: tuple[VarianceShare, ...],
) -> tuple[str, ...]:
    notes = []
    left_out = [
        (row, len(row.runs) - len(usable[row.rank]))
        for row in ranking.rows
        if len(usable[row.rank]) < len(row.runs)
    ]
    if left_out:
        names = [
            f"{setting_label(row.labelled_setting, ranking.label_fields(row))}"
            f" ({count} of {format_count(len(row.runs), 'run')})"
            for row, count in left_out[:_MAX_NAMED]
        ]
        if len(left_out) > _MAX_NAMED:
            names.append(format_count(len(left_out) - _MAX_NAMED, "more trial"))
        notes.append(f"left out, diverged or without a finite value: {'; '.join(names)}")
    if any(math.isnan(share.low) for share in shares):
        notes.append("one seed each: the shares have no confidence interval")
    return tuple(notes)

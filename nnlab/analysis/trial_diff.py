"""Two trials side by side: what differs, and whether it matters."""

import math
from collections.abc import Sequence
from dataclasses import replace

from nnlab import store
from nnlab.analysis.ranking import Ranking, RankingRow
from nnlab.analysis.scope import Scope
from nnlab.config.space import format_value
from nnlab.stats.comparison import BestComparison


def scope_of_two_trials(db: store.Database, scope: Scope) -> Scope | None:
    """Where two runs of two trials are named: all current runs of these trials."""
    if scope.runs is None or len(scope.runs) != 2:
        return None
    first, second = store.runs(db, run_ids=scope.runs)
    if first.trial.id == second.trial.id:
        return None
    studies = {study.name: study.id for study in store.all_studies(db)}
    runs = [
        run.id
        for one in (first, second)
        for run in store.runs(db, study=studies[one.trial.study], current_only=True)
        if run.trial.id == one.trial.id
    ]
    return replace(scope, runs=tuple(runs))


def describe_difference(rankings: Sequence[Ranking]) -> list[str]:
    """What differs between the two, the effect with its interval, and a verdict.

    Of two trials in two rankings, for they are not comparable, it is that.
    """
    if len(rankings) == 2 and all(len(ranking.rows) < 2 for ranking in rankings):
        names = " and ".join(ranking.heading for ranking in rankings)
        return [f"verdict: not comparable: {names}"]
    if len(rankings) != 1 or len(rankings[0].rows) != 2:
        return []
    ranking = rankings[0]
    best, other = ranking.rows
    differs = "; ".join(_field_difference(name, best, other) for name in ranking.fields)
    lines = [f"what differs: {differs}"]
    found = other.against
    if found is None:
        return [*lines, "verdict: cannot tell; two seeds of each are the least to compare"]
    metric = ranking.objective.metric
    paired = f"{found.n} shared seeds" if found.paired else f"{found.n} seeds each, none shared"
    lines.append(
        f"effect: #1 is better by {found.mean:.3g} {metric} ({_interval_text(found)}; {paired}); a run of"
        f" #1 beats one of #2 with probability {found.better:.2f}"
    )
    return [*lines, _verdict_line(found)]


def _interval_text(comparison: BestComparison) -> str:
    """The interval and the effect size; neither is known where all differences are equal."""
    if math.isnan(comparison.low):
        return "no interval: it is the same for all seeds"
    interval = f"95 % interval {comparison.low:.3g} to {comparison.high:.3g}"
    return f"{interval}, {comparison.effect:.2g} sd"


def _field_difference(name: str, best: RankingRow, other: RankingRow) -> str:
    one, two = (format_value(row.setting.get(name)) or "-" for row in (best, other))
    return f"{name} {one} against {two}"


def _verdict_line(found: BestComparison) -> str:
    if not found.has_enough_seeds:
        return f"verdict: cannot tell; too few seeds to rank: {found.min_seeds} would do"
    if found.told:
        return f"verdict: #1 is better (p {found.adjusted:.2g})"
    more = f"; about {found.needed} seeds would tell" if found.needed else ""
    return f"verdict: cannot tell (p {found.adjusted:.2g}){more}"

"""The comparison of two trials in words: their differences, the effect and a verdict."""

import math
from collections.abc import Sequence
from dataclasses import replace

from nnlab import store
from nnlab.analysis.collapsed_seeds import working_text
from nnlab.analysis.records import Ranking, RankingRow
from nnlab.analysis.scope import Scope
from nnlab.settings.setting_differences import format_value
from nnlab.stats import format_interval
from nnlab.stats.comparison import BestComparison
from nnlab.stats.rounding import describe_p


def scope_of_two_trials(db: store.Database, scope: Scope) -> Scope | None:
    """All current runs of two trials, if the scope names two runs of them; else None."""
    if scope.runs is None or len(scope.runs) != 2:
        return None
    first, second = store.runs(db, run_ids=scope.runs)
    if first.trial.id == second.trial.id:
        return None
    studies = {study.name: study.id for study in store.all_studies(db)}
    runs = [
        run.id
        for trial in (first.trial, second.trial)
        for run in store.runs(db, study=studies[trial.study], current_only=True)
        if run.trial.id == trial.id
    ]
    return replace(scope, runs=tuple(runs))


def describe_difference(rankings: Sequence[Ranking]) -> list[str]:
    """The differing fields of two trials, the effect with its interval, and a verdict.

    If the two trials are in two rankings, the only line says that they are not comparable.
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
    comparison = other.comparison
    if comparison is None:
        return [*lines, "verdict: cannot tell; at least two seeds of each are needed"]
    if comparison.by_success:
        works = f"{working_text(best)} of #1 work, {working_text(other)} of #2"
        return [*lines, f"effect: {works}", _verdict_line(comparison)]
    metric = ranking.objective.metric
    seeds = (
        f"{comparison.n} shared seeds"
        if comparison.paired
        else f"{comparison.n} seeds each, none shared"
    )
    lines.append(
        f"effect: #1 is {_lead_text(comparison.mean, metric)}"
        f" ({_interval_text(comparison)}; {seeds}); a run of"
        f" #1 is better than one of #2 with probability {comparison.improvement_probability:.2f}"
    )
    return [*lines, _verdict_line(comparison)]


def _interval_text(comparison: BestComparison) -> str:
    """The interval and the effect size; neither is defined if all differences are equal.

    The effect size is in standard deviations of the differences, or of the values of unpaired
    trials.
    """
    if math.isnan(comparison.low):
        return "no interval: the difference is the same for all seeds"
    interval = f"95 % interval {format_interval(comparison.low, comparison.high)}"
    spread = "the differences" if comparison.paired else "the values"
    return f"{interval}, {comparison.effect:.2g} sd of {spread}"


def _lead_text(mean: float, metric: str) -> str:
    """How much better the first trial is; it may be worse if more of its seeds work."""
    if mean == 0:
        return f"equal to #2 in {metric}"
    return f"{'better' if mean > 0 else 'worse'} by {abs(mean):.3g} {metric}"


def _field_difference(name: str, best: RankingRow, other: RankingRow) -> str:
    first, second = (format_value(row.labelled_setting.get(name)) or "-" for row in (best, other))
    return f"{name} {first} against {second}"


def _verdict_line(comparison: BestComparison) -> str:
    if not comparison.has_enough_seeds:
        return (
            "verdict: cannot tell; too few seeds to rank:"
            f" at least {comparison.min_seeds} are needed"
        )
    if comparison.is_significant and comparison.mean < 0 and not comparison.by_success:
        return (
            "verdict: cannot tell; more seeds of #1 work, but where both work #2 is better"
            f" ({describe_p(comparison.adjusted)})"
        )
    if comparison.is_significant:
        return f"verdict: #1 is better ({describe_p(comparison.adjusted)})"
    more = (
        f"; about {comparison.seeds_needed} seeds are needed to decide"
        if comparison.seeds_needed
        else ""
    )
    return f"verdict: cannot tell ({describe_p(comparison.adjusted)}){more}"

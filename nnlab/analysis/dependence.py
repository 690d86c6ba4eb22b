"""The dependence of the objective on each setting of the trials of a scope."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.diverged_runs import diverged_run_ids
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.scope import Scope
from nnlab.errors import UnknownName, UsageError
from nnlab.io.text import format_count
from nnlab.records import Scalar
from nnlab.settings.setting_differences import setting_label
from nnlab.stats.partial_dependence import (
    Dependence,
    DependenceMethod,
    partial_dependence,
)

_MAX_NAMED = 3
_POOR_R2 = 0.3


@dataclass(frozen=True, slots=True)
class SettingDependence:
    """The dependence on each of some settings, largest first unless they were requested.

    `tested` holds the values of each setting in the trials used, one per trial. `trials` is their
    number and `runs` are their runs. `notes` must be shown with the figures.
    """

    ranking: Ranking
    method: DependenceMethod
    settings: tuple[Dependence, ...]
    tested: Mapping[str, tuple[Scalar, ...]]
    trials: int
    runs: tuple[int, ...]
    notes: tuple[str, ...]


def compute_dependence(
    db: store.Database, scope: Scope, fields: Sequence[str] = (), *, by: str | None = None
) -> SettingDependence:
    """The dependence of the objective, or of another metric, on some or all varied settings.

    Diverged runs, and runs whose value is not finite, are left out and named.

    Raises:
        UnknownName: no run has that metric, or no trial that field.
        UsageError: the trials do not differ in a field, or there are too few of them.
    """
    ranking = rank(db, scope, RankingRequest(by=by))
    diverged = diverged_run_ids(db, ranking.rows)
    outcomes = {row.rank: _results(row, diverged) for row in ranking.rows}
    rows = [row for row in ranking.rows if outcomes[row.rank]]
    varied = [
        name for name in ranking.setting_fields if len({row.setting.get(name) for row in rows}) > 1
    ]
    _check_fields(fields, varied, rows)
    try:
        result = partial_dependence(
            [{name: row.setting.get(name) for name in varied} for row in rows],
            [outcomes[row.rank] for row in rows],
            varied,
        )
    except ValueError as error:
        left_out = len(ranking.rows) - len(rows)
        reason = f", {format_count(left_out, 'trial')} diverged" if left_out else ""
        raise UsageError(f"{scope.title}: {error}{reason}", hint="nnlab plot sweep") from error
    by_field = {setting.field: setting for setting in result.settings}
    by_reach = sorted(result.settings, key=lambda setting: -setting.reach)
    settings = tuple(by_field[name] for name in fields) if fields else tuple(by_reach)
    return SettingDependence(
        ranking,
        result.method,
        settings,
        {name: tuple(row.setting.get(name) for row in rows) for name in varied},
        len(rows),
        tuple(run for row in rows for run in row.runs if run not in diverged),
        (
            *ranking.left_out,
            _method_note(result.method, result.out_of_bag_r2, len(rows)),
            *_left_out_notes(ranking, outcomes),
        ),
    )


def _results(row: RankingRow, diverged: frozenset[int]) -> dict[int, float]:
    """The finite values of a trial by seed, without those of diverged runs."""
    return {
        seed: value
        for run, seed, value in zip(row.runs, row.seed_keys, row.values, strict=True)
        if math.isfinite(value) and run not in diverged
    }


def _check_fields(fields: Sequence[str], varied: Sequence[str], rows: Sequence[RankingRow]) -> None:
    fields_of_trials = {name for row in rows for name in row.setting}
    for name in fields:
        if name not in fields_of_trials:
            raise UnknownName("field", name, fields_of_trials)
        if name not in varied:
            differ = ", ".join(varied) or "nothing"
            raise UsageError(f"--x {name}: the trials do not differ in it, but in {differ}")
    if not varied:
        raise UsageError(
            "this figure needs trials that differ in a setting",
            hint="nnlab train --lr 0.001..1 --seeds 3 creates trials that differ",
        )


def _method_note(method: DependenceMethod, r2: float | None, trials: int) -> str:
    if r2 is None:
        return f"{method}: means over all other settings"
    text = f"{method} of {trials} trials, which predicts {max(r2, 0.0):.0%} of the variance of"
    text += " trials that it was not trained on"
    return f"{text}: too little to rely on the curves" if r2 < _POOR_R2 else text


def _left_out_notes(ranking: Ranking, outcomes: Mapping[int, Mapping[int, float]]) -> list[str]:
    incomplete = [
        (row, len(row.runs) - len(outcomes[row.rank]))
        for row in ranking.rows
        if len(outcomes[row.rank]) < len(row.runs)
    ]
    if not incomplete:
        return []
    names = [
        f"{setting_label(row.labelled_setting, ranking.label_fields(row))}"
        f" ({count} of {format_count(len(row.runs), 'run')})"
        for row, count in incomplete[:_MAX_NAMED]
    ]
    if len(incomplete) > _MAX_NAMED:
        names.append(format_count(len(incomplete) - _MAX_NAMED, "more trial"))
    return [f"left out, diverged or without a finite value: {'; '.join(names)}"]

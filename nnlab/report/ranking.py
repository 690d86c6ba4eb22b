"""A ranking of trials: seeds aggregated, what differs, what was found, what must be said."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nnlab import store
from nnlab.errors import UnknownName, UsageError
from nnlab.records import Finding, Objective, Run, Scalar, Setting, Severity, Status
from nnlab.report.edges import edge_notes
from nnlab.report.scope import Scope
from nnlab.report.standing import compared, told_apart
from nnlab.space import telling
from nnlab.stats import Aggregate, aggregate, median_epoch
from nnlab.stats.against import Against, Test
from nnlab.stats.intervals import Interval

At = Literal["best", "last"] | int


@dataclass(frozen=True, slots=True)
class Row:
    """A trial, or a group of trials: its place, its setting, and its seeds in numbers.

    `runs`, `seeds` and `values` belong together: the value of a run that has none is NaN.
    `flags` counts the runs that each finding of severity warning or above holds of, `pruned`
    those that a pruner ended.
    `interval` bounds the mean at 95 %. `against` compares the best row with this one; `tier` is 1
    for the best and what cannot be told from it, 2 for what can, None where nothing is known.
    `epoch` is the median of the epochs that the values were taken at; `test` is the same quantity
    on the test split, measured once at each run's selected epoch.
    """

    rank: int
    trials: tuple[int, ...]
    setting: Setting
    value: Aggregate
    epoch: float | None
    test: Aggregate | None
    runs: tuple[int, ...]
    seeds: tuple[int, ...]
    values: tuple[float, ...]
    flags: Mapping[str, int]
    statuses: Mapping[Status, int]
    pruned: int = 0
    interval: tuple[float, float] | None = None
    against: Against | None = None
    tier: int | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows, best first, and how to read them.

    `fields` are the choices in which rows differ; `total` counts all rows, also those that
    `top` has cut; `notes` must be read with the table.
    """

    scope: Scope
    objective: Objective
    at: At
    fields: tuple[str, ...]
    rows: tuple[Row, ...]
    total: int
    notes: tuple[str, ...]


def rank(
    db: store.Database,
    scope: Scope,
    *,
    by: str | None = None,
    at: At = "best",
    top: int | None = None,
    group_by: Sequence[str] = (),
    interval: Interval = Interval.T,
    test: Test = Test.T,
) -> Ranking:
    """Ranks the trials in a scope.

    Args:
        db: the database.
        scope: which runs; only the newest repeat of each counts.
        by: a metric, perhaps with `:min` or `:max`; None takes the study's objective.
        at: `best` (of each run), `last`, or an epoch.
        top: so many rows at most.
        group_by: fields of a setting; trials that agree in them make a row together.
        interval: how the intervals of the means are made.
        test: how trials on the same seeds are compared.

    Raises:
        UnknownName: no run has that metric, or no trial that field.
    """
    objective = _objective(db, scope, by)
    ranked = store.ranking(
        db,
        metric=objective.metric,
        direction=objective.direction,
        study_ids=scope.studies,
        run_ids=scope.runs,
        at=at,
        top=None if group_by else top,
    )
    pruned = store.pruned_trials(db)
    groups = _grouped(db, ranked, group_by) if group_by else [[trial] for trial in ranked]
    if group_by:
        groups.sort(
            key=lambda group: (_pruned(group, pruned) > 0, *_key(_values(group), objective))
        )
    measured = _count(db, scope, objective.metric)
    total = len(groups) if group_by else measured
    shown = groups[:top] if top else groups
    rows = _rows(db, shown, objective, group_by, pruned)
    seeds = [_by_seed(group, shared=not group_by) for group in shown]
    rows = compared(rows, seeds, objective, interval=interval, test=test, trials=total)
    fields = tuple(group_by) or telling([row.setting for row in rows])
    notes = _notes(db, scope, objective, rows, measured)
    notes += told_apart(rows, test, total)
    if rows and not group_by:
        notes += _edges(db, scope, rows, complete=len(rows) == total)
    return Ranking(scope, objective, at, fields, rows, total, notes)


def _objective(db: store.Database, scope: Scope, by: str | None) -> Objective:
    if by is None:
        if scope.objective is not None:
            return scope.objective
        # Most trials' own; those that select by something else are noted under the table.
        asked = store.objectives(db, study_ids=scope.studies, run_ids=scope.runs)
        return Objective.parse(next(iter(asked), "val/loss"))
    known = store.metrics(db)
    objective = _parsed(by)
    if objective.metric not in known:
        raise UnknownName("metric", objective.metric, known)
    return objective


def _parsed(by: str) -> Objective:
    try:
        return Objective.parse(by)
    except ValueError as error:
        raise UsageError(
            f"--by {by}: {error}" if by else "--by needs a metric", hint="--by val/loss:min"
        ) from None


def _settings(db: store.Database, trial_ids: Sequence[int]) -> Mapping[int, Setting]:
    return {number: trial.setting for number, trial in store.trials(db, trial_ids).items()}


def _grouped(
    db: store.Database, ranked: Sequence[store.RankedTrial], group_by: Sequence[str]
) -> list[list[store.RankedTrial]]:
    settings = _settings(db, [trial.trial_id for trial in ranked])
    known = {name for setting in settings.values() for name in setting}
    for name in group_by:
        if ranked and name not in known:
            raise UnknownName("field", name, known)
    groups: dict[tuple[Scalar, ...], list[store.RankedTrial]] = {}
    for trial in ranked:
        key = tuple(settings[trial.trial_id].get(name) for name in group_by)
        groups.setdefault(key, []).append(trial)
    return list(groups.values())


def _values(group: Sequence[store.RankedTrial]) -> list[float]:
    return [result.value for trial in group for result in trial.results]


def _key(values: Sequence[float], objective: Objective) -> tuple[bool, float]:
    mean = aggregate(values).mean
    return math.isnan(mean), mean if objective.direction == "min" else -mean


def _count(db: store.Database, scope: Scope, metric: str | None = None) -> int:
    """Trials that were trained, or measured by a metric."""
    return store.count_trials(db, study_ids=scope.studies, run_ids=scope.runs, metric=metric)


def _rows(
    db: store.Database,
    groups: Sequence[Sequence[store.RankedTrial]],
    objective: Objective,
    group_by: Sequence[str],
    pruned: Mapping[int, int],
) -> tuple[Row, ...]:
    run_ids = [result.run_id for group in groups for trial in group for result in trial.results]
    findings = store.findings(db, run_ids)
    # One trial's setting stands for its group, which agrees in the fields grouped by.
    settings = _settings(db, [group[0].trial_id for group in groups])
    test = test_metric(objective)
    tested = store.summaries(db, run_ids, [test]) if test else {}
    values = {run_id: found[test].last for run_id, found in tested.items() if test in found}
    return tuple(
        replace(
            _row(place, group, settings[group[0].trial_id], group_by, findings, values),
            pruned=_pruned(group, pruned),
        )
        for place, group in enumerate(groups, start=1)
    )


def _by_seed(group: Sequence[store.RankedTrial], *, shared: bool) -> dict[int, float]:
    """The values of a row by seed; those of a group of trials by run, for seeds repeat there."""
    results = [result for trial in group for result in trial.results]
    return {result.seed if shared else result.run_id: result.value for result in results}


def _pruned(group: Sequence[store.RankedTrial], pruned: Mapping[int, int]) -> int:
    return sum(pruned.get(trial.trial_id, 0) for trial in group)


def test_metric(objective: Objective) -> str:
    """The test split's twin of a validation metric, or nothing for any other."""
    split, _, quantity = objective.metric.partition("/")
    return f"test/{quantity}" if split == "val" else ""


def _row(
    place: int,
    group: Sequence[store.RankedTrial],
    setting: Setting,
    group_by: Sequence[str],
    findings: Mapping[int, Sequence[Finding]],
    tested: Mapping[int, float],
) -> Row:
    results = [result for trial in group for result in trial.results]
    if group_by:
        setting = {name: setting.get(name) for name in group_by}
    flags = Counter(
        f.code
        for result in results
        for f in findings.get(result.run_id, ())
        if f.severity is not Severity.INFO
    )
    return Row(
        rank=place,
        trials=tuple(trial.trial_id for trial in group),
        setting=setting,
        value=aggregate([result.value for result in results]),
        epoch=median_epoch([result.epoch for result in results if result.epoch is not None]),
        test=aggregate([tested.get(result.run_id) for result in results]) if tested else None,
        runs=tuple(result.run_id for result in results),
        seeds=tuple(result.seed for result in results),
        values=tuple(result.value for result in results),
        flags=dict(sorted(flags.items())),
        statuses=Counter(result.status for result in results),
    )


def _notes(
    db: store.Database,
    scope: Scope,
    objective: Objective,
    rows: Sequence[Row],
    measured: int,
) -> tuple[str, ...]:
    notes = []
    unmeasured = _count(db, scope) - measured
    if unmeasured > 0:
        told = plural(unmeasured, "trial")
        notes.append(f"{told} not measured by {objective.metric}, not ranked")
    if objective.metric.startswith("test/"):
        notes.append(
            "ranked by the test split: the best of these looks better than it is;"
            " choose by val, and read test once"
        )
    counts = store.count_runs(db, study_ids=scope.studies, run_ids=scope.runs)
    ranked = sum((Counter(row.statuses) for row in rows), Counter[Status]())
    for status in (Status.DIVERGED, Status.FAILED, Status.INTERRUPTED, Status.RUNNING):
        if counts.get(status):
            how = "ranked by what it reached" if ranked.get(status) else "not ranked"
            notes.append(f"{plural(counts[status], 'run')} {status}, {how}")
    if counts.get(Status.QUEUED):
        notes.append(f"{plural(counts[Status.QUEUED], 'run')} still to be trained")
    if pruned := sum(row.pruned for row in rows):
        notes.append(f"{plural(pruned, 'run')} pruned: their trials come after all others")
    epochs = sorted({int(str(row.setting["epochs"])) for row in rows if row.setting.get("epochs")})
    if len(epochs) > 1:
        notes.append(f"unequal budgets: from {epochs[0]} to {epochs[-1]} epochs")
    seeds = {row.value.n for row in rows}
    if len(seeds) > 1:
        notes.append(f"unequal numbers of seeds: from {min(seeds)} to {max(seeds)}")
    if rows and max(seeds) == 1:
        notes.append("one seed each: no spread is known, a small lead may be luck")
    return tuple(notes)


# Plain `nnlab train` collects runs of many questions in this study: its values are no search.
_MIXED_STUDY = "default"


def _edges(
    db: store.Database, scope: Scope, rows: Sequence[Row], *, complete: bool
) -> tuple[str, ...]:
    """What the best trial's place in its study's space says, where all rows are of that study.

    The space of an open study is what its trials differ in; `complete` says that all are in rows.
    """
    best = rows[0]
    if best.pruned or math.isnan(best.value.mean):
        return ()
    studies = store.all_studies(db)
    if scope.studies is not None:
        studies = tuple(study for study in studies if study.id in scope.studies)
    elif scope.runs is not None:
        trials = store.trials(db, [row.trials[0] for row in rows])
        names = {trial.study for trial in trials.values()}
        studies = tuple(study for study in studies if study.name in names)
    if len(studies) != 1:
        return ()
    space = studies[0].space
    if studies[0].is_open and complete and studies[0].name != _MIXED_STUDY:
        settings = [row.setting for row in rows]
        space = {
            name: tuple(dict.fromkeys(setting.get(name) for setting in settings))
            for name in telling(settings)
        }
    return edge_notes(space, best.setting) if space else ()


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "run"), plural(2, "run")
    ('1 run', '2 runs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def last_runs(db: store.Database, scope: Scope) -> tuple[Run, ...]:
    """The current runs of a scope, by number."""
    if scope.runs is not None:
        return tuple(run for run in store.runs(db, run_ids=scope.runs) if run.current)
    if scope.studies is None:
        return store.runs(db, current_only=True)
    return tuple(
        run for study in scope.studies for run in store.runs(db, study=study, current_only=True)
    )

"""A ranking of trials: seeds aggregated, what differs, what was found, what must be said."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nnlab import store
from nnlab.analysis.comparable import (
    ComparableGroup,
    comparable_groups,
    depends_on_loss,
    merge_groups_along,
    not_ranked_note,
    resolve_objective,
)
from nnlab.analysis.range_edges import range_edge_notes
from nnlab.analysis.run_epochs import RunEpochs, load_run_epochs
from nnlab.analysis.scope import Scope
from nnlab.analysis.significance import significance_notes, with_significance
from nnlab.config.space import distinguishing_fields
from nnlab.diagnose.headlines import affected_seeds_text, onsets_by_code, table_findings
from nnlab.errors import UnknownName
from nnlab.records import Finding, Objective, Run, Scalar, Setting, Status
from nnlab.stats import Aggregate, aggregate, median_epoch
from nnlab.stats.comparison import BestComparison, PairedTest
from nnlab.stats.intervals import IntervalMethod

EpochChoice = Literal["best", "last"] | int
# Rows whose overfitting is written out under the table; of the others the flags are counted.
_MAX_OVERFITTING_NOTES = 3

# Trials that a note names; of further ones it gives the number.
_MAX_NAMED = 5
_REGRESSION_LOSSES = frozenset(("mse", "l1", "huber"))


@dataclass(frozen=True, slots=True)
class RankingRow:
    """A trial, or a group of trials: its place, its setting, and its seeds in numbers.

    `runs`, `seeds` and `values` belong together: the value of a run that has none is NaN.
    `flags` counts the runs that each finding shown in tables (`nnlab.diagnose.headlines`) holds of,
    `onsets` has the epochs from which runs overfit or stand still, by code; `pruned` counts the
    runs that a pruner ended.
    `interval` bounds the mean at 95 %. `against` compares the best row with this one; `tier` is 1
    for the best and what does not differ significantly from it, 2 for what does, None where the
    seeds are too few to decide.
    `epoch` is the median of the epochs that the values were taken at; `test` is the same quantity
    on the test split, measured once at each run's selected epoch, and `test_epoch` the median of
    these; `test_there` says that they are the epochs of the values, run by run. `different_data`
    says that seeds of one of its trials were trained on different data.
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
    onsets: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    pruned: int = 0
    interval: tuple[float, float] | None = None
    against: BestComparison | None = None
    tier: int | None = None
    test_epoch: float | None = None
    test_there: bool = True
    different_data: bool = False

    @property
    def all_diverged(self) -> bool:
        """Whether none of its runs has a result."""
        return set(self.statuses) == {Status.DIVERGED}


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows, best first, and how to read them.

    `fields` are the choices in which rows differ; `total` counts all rows, also those that
    `top` has cut; `notes` must be read with the table. `heading` names what all runs of the
    ranking share and others of the scope do not ("" where there are no others). `left_out` is the
    note on groups that are not ranked here; it is among the notes too.
    `alike` holds the ranks of rows that agree with another in all fields.
    """

    scope: Scope
    objective: Objective
    at: EpochChoice
    fields: tuple[str, ...]
    rows: tuple[RankingRow, ...]
    total: int
    notes: tuple[str, ...]
    heading: str = ""
    left_out: tuple[str, ...] = ()
    ranks_with_equal_fields: frozenset[int] = frozenset()

    @property
    def has_test(self) -> bool:
        """Whether a row has a value on the test split."""
        return any(row.test and row.test.n for row in self.rows)

    @property
    def test_there(self) -> bool:
        """Whether all test values were measured at the epochs of the values beside them."""
        return all(row.test_there for row in self.rows)


def rank(
    db: store.Database,
    scope: Scope,
    *,
    by: str | None = None,
    at: EpochChoice = "best",
    top: int | None = None,
    group_by: Sequence[str] = (),
    interval: IntervalMethod = IntervalMethod.T,
    test: PairedTest = PairedTest.T,
    mixed: bool = False,
    along: Sequence[str | None] = (),
) -> Ranking:
    """Ranks the newest comparable trials in a scope; a note names those that are left out.

    Args:
        db: the database.
        scope: which runs; only the newest repeat of each counts.
        by: a metric, perhaps with `:min` or `:max`; None takes the study's objective.
        at: `best` (of each run), `last`, or an epoch.
        top: so many rows at most.
        group_by: fields of a setting; trials that agree in them make a row together.
        interval: how the intervals of the means are made.
        test: how trials on the same seeds are compared.
        mixed: rank all trials together, whether comparable or not; a note says so.
        along: fields whose values get a place each: their groups are not left out (`merge_groups_along`).

    Raises:
        UnknownName: no run has that metric, or no trial that field.
    """
    groups = comparable_groups(db, scope, by=by)
    if mixed:
        group, notes = _merge_groups(db, groups, scope, by)
    else:
        group, headings = merge_groups_along(groups, along)
        notes = (not_ranked_note(headings),) if headings else ()
    ranking = rank_group(db, group, at=at, top=top, group_by=group_by, interval=interval, test=test)
    return replace(ranking, notes=(*notes, *ranking.notes), left_out=() if mixed else notes)


def rank_each_group(
    db: store.Database,
    scope: Scope,
    *,
    by: str | None = None,
    at: EpochChoice = "best",
    top: int | None = None,
    group_by: Sequence[str] = (),
    interval: IntervalMethod = IntervalMethod.T,
    test: PairedTest = PairedTest.T,
    mixed: bool = False,
) -> tuple[Ranking, ...]:
    """A ranking for each group of comparable trials in a scope, the newest first; see `rank`."""
    if mixed:
        how = {"at": at, "top": top, "group_by": group_by, "interval": interval, "test": test}
        return (rank(db, scope, by=by, mixed=True, **how),)  # type: ignore[arg-type]
    return tuple(
        rank_group(db, group, at=at, top=top, group_by=group_by, interval=interval, test=test)
        for group in comparable_groups(db, scope, by=by)
    )


def _merge_groups(
    db: store.Database, groups: Sequence[ComparableGroup], scope: Scope, by: str | None
) -> tuple[ComparableGroup, tuple[str, ...]]:
    """A scope as one group, and the note that names the groups in it."""
    headings = "; ".join(group.heading for group in groups)
    notes = (f"not comparable, ranked together by request: {headings}",) if len(groups) > 1 else ()
    return ComparableGroup(scope, resolve_objective(db, scope, by)), notes


def rank_group(
    db: store.Database,
    group: ComparableGroup,
    *,
    at: EpochChoice = "best",
    top: int | None = None,
    group_by: Sequence[str] = (),
    interval: IntervalMethod = IntervalMethod.T,
    test: PairedTest = PairedTest.T,
) -> Ranking:
    """Ranks the trials of a group by its objective; see `rank`."""
    scope, objective = group.scope, group.objective
    ranked = store.rank_trials(
        db,
        metric=objective.metric,
        direction=objective.direction,
        study_ids=scope.studies,
        run_ids=scope.runs,
        at=at,
        top=None if group_by else top,
    )
    pruned = store.count_pruned_runs(db)
    members = _group_trials(db, ranked, group_by) if group_by else [[trial] for trial in ranked]
    if group_by:
        members.sort(
            key=lambda trials: (
                _divergence_class(trials),
                _count_pruned(trials, pruned) > 0,
                *_sort_key(_run_values(trials), objective),
            )
        )
    measured = _count_trials(db, scope, objective.metric)
    total = len(members) if group_by else measured
    shown = members[:top] if top else members
    changing = store.seeds_with_changing_data(db, _run_ids(shown))
    rows = _build_rows(db, shown, objective, at, group_by, pruned, changing)
    seeds = [
        # What a run reached before it diverged is no result to compare.
        {} if row.all_diverged else _values_by_seed(trials, shared=not group_by)
        for row, trials in zip(rows, shown, strict=True)
    ]
    rows = with_significance(rows, seeds, objective, interval=interval, test=test, trials=total)
    fields = tuple(group_by) or distinguishing_fields([row.setting for row in rows])
    notes = _ranking_notes(db, scope, objective, rows, measured)
    notes += (*_changed_data_notes(changing), *_loss_unit_notes(objective, rows))
    notes += significance_notes(rows, test, total) + overfitting_notes(rows)
    if rows and not group_by:
        notes += _range_edge_notes(db, scope, rows, complete=len(rows) == total)
    alike = _rows_with_equal_fields(rows, fields)
    return Ranking(
        scope,
        objective,
        at,
        fields,
        rows,
        total,
        notes,
        group.heading,
        ranks_with_equal_fields=alike,
    )


def _rows_with_equal_fields(rows: Sequence[RankingRow], fields: Sequence[str]) -> frozenset[int]:
    """The ranks of rows with the same values as another: they differ in a file's content alone."""
    values = [tuple(row.setting.get(name) for name in fields) for row in rows]
    counts = Counter(values)
    return frozenset(row.rank for row, own in zip(rows, values, strict=True) if counts[own] > 1)


def _settings_by_trial(db: store.Database, trial_ids: Sequence[int]) -> Mapping[int, Setting]:
    return {number: trial.setting for number, trial in store.trials(db, trial_ids).items()}


def _group_trials(
    db: store.Database, ranked: Sequence[store.RankedTrial], group_by: Sequence[str]
) -> list[list[store.RankedTrial]]:
    settings = _settings_by_trial(db, [trial.trial_id for trial in ranked])
    known = {name for setting in settings.values() for name in setting}
    for name in group_by:
        if ranked and name not in known:
            raise UnknownName("field", name, known)
    groups: dict[tuple[Scalar, ...], list[store.RankedTrial]] = {}
    for trial in ranked:
        key = tuple(settings[trial.trial_id].get(name) for name in group_by)
        groups.setdefault(key, []).append(trial)
    return list(groups.values())


def _run_values(group: Sequence[store.RankedTrial]) -> list[float]:
    return [result.value for trial in group for result in trial.results]


def _sort_key(values: Sequence[float], objective: Objective) -> tuple[bool, float]:
    mean = aggregate(values).mean
    return math.isnan(mean), mean if objective.direction == "min" else -mean


def _count_trials(db: store.Database, scope: Scope, metric: str | None = None) -> int:
    """Trials that were trained, or measured by a metric."""
    return store.count_trials(db, study_ids=scope.studies, run_ids=scope.runs, metric=metric)


def _build_rows(
    db: store.Database,
    groups: Sequence[Sequence[store.RankedTrial]],
    objective: Objective,
    at: EpochChoice,
    group_by: Sequence[str],
    pruned: Mapping[int, int],
    changing: Mapping[int, Sequence[int]],
) -> tuple[RankingRow, ...]:
    findings = store.findings(db, _run_ids(groups))
    # One trial's setting stands for its group, which agrees in the fields grouped by.
    settings = _settings_by_trial(db, [group[0].trial_id for group in groups])
    results = [result for group in groups for trial in group for result in trial.results]
    epochs = load_run_epochs(db, results, objective, at)
    return tuple(
        replace(
            _build_row(place, group, settings[group[0].trial_id], group_by, findings, epochs),
            pruned=_count_pruned(group, pruned),
            different_data=any(trial.trial_id in changing for trial in group),
        )
        for place, group in enumerate(groups, start=1)
    )


def _values_by_seed(group: Sequence[store.RankedTrial], *, shared: bool) -> dict[int, float]:
    """The values of a row by seed; those of a group of trials by run, for seeds repeat there."""
    results = [result for trial in group for result in trial.results]
    return {result.seed if shared else result.run_id: result.value for result in results}


def _divergence_class(group: Sequence[store.RankedTrial]) -> int:
    statuses = [result.status for trial in group for result in trial.results]
    return store.divergence_rank(statuses.count(Status.DIVERGED), len(statuses))


def _count_pruned(group: Sequence[store.RankedTrial], pruned: Mapping[int, int]) -> int:
    return sum(pruned.get(trial.trial_id, 0) for trial in group)


def _run_ids(groups: Sequence[Sequence[store.RankedTrial]]) -> list[int]:
    return [result.run_id for group in groups for trial in group for result in trial.results]


def _build_row(
    place: int,
    group: Sequence[store.RankedTrial],
    setting: Setting,
    group_by: Sequence[str],
    findings: Mapping[int, Sequence[Finding]],
    epochs: Mapping[int, RunEpochs],
) -> RankingRow:
    results = [result for trial in group for result in trial.results]
    if group_by:
        setting = {name: setting.get(name) for name in group_by}
    findings_of_runs = [findings.get(result.run_id, ()) for result in results]
    flags = Counter(
        finding.code for of_run in findings_of_runs for finding in table_findings(of_run)
    )
    of_runs = [epochs[result.run_id] for result in results]
    tested = [run_epochs for run_epochs in of_runs if run_epochs.test_epoch is not None]
    return RankingRow(
        rank=place,
        trials=tuple(trial.trial_id for trial in group),
        setting=setting,
        value=aggregate([result.value for result in results]),
        epoch=median_epoch([one.epoch for one in of_runs if one.epoch is not None]),
        test=aggregate([one.test for one in of_runs]) if tested else None,
        test_epoch=median_epoch([one.test_epoch for one in tested if one.test_epoch is not None]),
        test_there=all(one.epoch == one.test_epoch for one in tested),
        runs=tuple(result.run_id for result in results),
        seeds=tuple(result.seed for result in results),
        values=tuple(result.value for result in results),
        flags=dict(sorted(flags.items())),
        statuses=Counter(result.status for result in results),
        onsets=onsets_by_code(findings_of_runs),
    )


def _ranking_notes(
    db: store.Database,
    scope: Scope,
    objective: Objective,
    rows: Sequence[RankingRow],
    measured: int,
) -> tuple[str, ...]:
    notes = []
    unmeasured = _count_trials(db, scope) - measured
    if unmeasured > 0:
        told = format_count(unmeasured, "trial")
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
            if status is Status.DIVERGED and ranked.get(status):
                how = "trials with such a run come last"
            notes.append(f"{format_count(counts[status], 'run')} {status}, {how}")
    if counts.get(Status.QUEUED):
        notes.append(f"{format_count(counts[Status.QUEUED], 'run')} still to be trained")
    if pruned := sum(row.pruned for row in rows):
        notes.append(f"{format_count(pruned, 'run')} pruned: their trials come after all others")
    epochs = sorted({int(str(row.setting["epochs"])) for row in rows if row.setting.get("epochs")})
    if len(epochs) > 1:
        notes.append(f"unequal budgets: from {epochs[0]} to {epochs[-1]} epochs")
    seeds = {row.value.n for row in rows}
    if len(seeds) > 1:
        notes.append(f"unequal numbers of seeds: from {min(seeds)} to {max(seeds)}")
    if rows and max(seeds) == 1:
        notes.append("one seed each: no spread is known, a small lead may be luck")
    return tuple(notes)


def overfitting_notes(rows: Sequence[RankingRow]) -> tuple[str, ...]:
    """How many seeds of the first rows overfit or stand still, and since when."""
    notes = []
    for row in rows[:_MAX_OVERFITTING_NOTES]:
        noun = "seeds" if len(row.trials) == 1 else "runs"
        texts = [
            affected_seeds_text(code, at, len(row.runs), noun) for code, at in row.onsets.items()
        ]
        if texts:
            place = f"#{row.rank}: " if len(rows) > 1 else ""
            notes.append(place + "; ".join(texts))
    return tuple(notes)


def _changed_data_notes(changing: Mapping[int, Sequence[int]]) -> tuple[str, ...]:
    """Trials whose seeds are no sample of one setting, for each had other data."""
    notes = [
        f"seeds {', '.join(map(str, seeds))} of trial {trial_id} were trained on different data"
        for trial_id, seeds in changing.items()
    ]
    if len(notes) > _MAX_NAMED:
        more = format_count(len(notes) - _MAX_NAMED, "more trial")
        notes[_MAX_NAMED:] = [f"so were those of {more}"]
    return tuple(notes)


def _loss_unit_notes(objective: Objective, rows: Sequence[RankingRow]) -> tuple[str, ...]:
    """That the unit of a regression's loss depends on the size of the training split."""
    losses = {row.setting.get("loss") for row in rows}
    sizes = {row.setting.get("train_size") for row in rows}
    if not depends_on_loss(objective.metric) or len(sizes) < 2 or not losses & _REGRESSION_LOSSES:
        return ()
    return (
        f"{objective.metric} is in units of the sd of the training targets, which differs with"
        " train_size; --by val/rmse is in the unit of the target",
    )


# Plain `nnlab train` collects runs of many questions in this study: its values are no search.
_DEFAULT_STUDY = "default"


def _range_edge_notes(
    db: store.Database, scope: Scope, rows: Sequence[RankingRow], *, complete: bool
) -> tuple[str, ...]:
    """What the best trial's place in its study's space says, where all rows are of that study.

    The space of an open study is what its trials differ in; `complete` says that all are in rows.
    """
    best = rows[0]
    if best.pruned or best.all_diverged or math.isnan(best.value.mean):
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
    if studies[0].is_open and complete and studies[0].name != _DEFAULT_STUDY:
        settings = [row.setting for row in rows]
        space = {
            name: tuple(dict.fromkeys(setting.get(name) for setting in settings))
            for name in distinguishing_fields(settings)
        }
    return range_edge_notes(space, best.setting) if space else ()


def format_count(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "run"), plural(2, "run")
    ('1 run', '2 runs')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def current_runs(db: store.Database, scope: Scope) -> tuple[Run, ...]:
    """The current runs of a scope, by number."""
    if scope.runs is not None:
        return tuple(run for run in store.runs(db, run_ids=scope.runs) if run.current)
    if scope.studies is None:
        return store.runs(db, current_only=True)
    return tuple(
        run for study in scope.studies for run in store.runs(db, study=study, current_only=True)
    )

"""The ranking of comparable trials by their objective, used by every table, report and figure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nnlab import store
from nnlab.analysis.arm_labels import load_arms, tuned_fields
from nnlab.analysis.collapsed_seeds import (
    collapse_notes,
    success_rate,
    tested_values,
    with_working_seeds,
    working_values,
)
from nnlab.analysis.comparable import (
    ComparableGroup,
    comparable_groups,
    merge_groups_along,
    not_ranked_note,
    resolve_objective,
)
from nnlab.analysis.metric_resolution import (
    metric_resolutions,
    sampling_noise,
    stored_examples,
)
from nnlab.analysis.ranking_notes import (
    changed_data_notes,
    completeness_notes,
    loss_unit_notes,
    overfitting_notes,
    search_space_notes,
    unknown_direction_notes,
)
from nnlab.analysis.records import (
    ARM_FIELD,
    EpochChoice,
    Ranking,
    RankingRequest,
    RankingRow,
    UnrankedTrial,
    seed_keys,
)
from nnlab.analysis.run_epochs import RunEpochs, load_errors, load_run_epochs
from nnlab.analysis.scope import Scope
from nnlab.analysis.significance import significance_notes, with_significance
from nnlab.analysis.unsuccessful_runs import (
    unranked_trials,
    unsuccessful_runs,
    with_unsuccessful_runs,
)
from nnlab.catalogue import CATALOGUES
from nnlab.diagnosis.headlines import onsets_by_code, table_findings
from nnlab.errors import UnknownName
from nnlab.objective import limits_of, mark_overflow
from nnlab.records import Finding, Objective, Scalar, Setting, Status
from nnlab.settings import as_stored_name, builtin_fields, select_values
from nnlab.settings.setting_differences import distinguishing_fields
from nnlab.stats import aggregate, median_epoch
from nnlab.stats.collapse import Collapse, find_collapse

_DEFAULT_REQUEST = RankingRequest()

# The tests of a ranking estimate spreads from this many trials, or from all that are shown.
_SPREAD_TRIALS = 60

_CLASSIFICATION_LOSSES = frozenset(
    row.name for row in CATALOGUES["loss"] if "regression" not in row.tasks
)


def rank(db: store.Database, scope: Scope, request: RankingRequest = _DEFAULT_REQUEST) -> Ranking:
    """The ranking of the newest group of comparable trials; a note names the groups left out.

    Only the newest repeat of each run in the scope is ranked.

    Raises:
        UnknownName: no run has that metric, or no trial that field.
    """
    groups = comparable_groups(db, scope, by=request.by)
    if request.mixed:
        group, notes = _merge_groups(db, groups, scope, request.by)
    else:
        group, headings = merge_groups_along(groups, request.along)
        notes = (not_ranked_note(headings),) if headings else ()
    ranking = rank_group(db, group, request)
    return replace(
        ranking,
        notes=(*notes, *ranking.notes),
        left_out=() if request.mixed else notes,
    )


def rank_each_group(
    db: store.Database, scope: Scope, request: RankingRequest = _DEFAULT_REQUEST
) -> tuple[Ranking, ...]:
    """A ranking for each group of comparable trials in a scope, the newest first; see `rank`."""
    if request.mixed:
        return (rank(db, scope, request),)
    return tuple(
        rank_group(db, group, request) for group in comparable_groups(db, scope, by=request.by)
    )


def _merge_groups(
    db: store.Database, groups: Sequence[ComparableGroup], scope: Scope, by: str | None
) -> tuple[ComparableGroup, tuple[str, ...]]:
    """The whole scope as one group, and a note that names the comparable groups in it."""
    headings = "; ".join(group.heading for group in groups)
    notes = (f"not comparable, ranked together by request: {headings}",) if len(groups) > 1 else ()
    return ComparableGroup(scope, resolve_objective(db, scope, by)), notes


def rank_group(
    db: store.Database, group: ComparableGroup, request: RankingRequest = _DEFAULT_REQUEST
) -> Ranking:
    """The ranking of one group of comparable trials by its objective; see `rank`.

    The metric, `mixed` and `along` of the request have been applied in forming the group.
    """
    top, group_by = request.top, request.group_by
    scope, objective = group.scope, group.objective
    ranked = store.rank_trials(
        db,
        metric=objective.metric,
        direction=objective.direction,
        study_ids=scope.studies,
        run_ids=scope.runs,
        at=request.at,
        # The spreads of further trials are used for the tests of those shown.
        top=None if group_by or top is None else max(top, _SPREAD_TRIALS),
    )
    pruned = store.count_pruned_runs(db)
    members = _sorted_members(db, ranked, objective, group_by, pruned)
    measured = store.count_trials(
        db, study_ids=scope.studies, run_ids=scope.runs, metric=objective.metric
    )
    total = len(members) if group_by else measured
    considered = members[: max(top, _SPREAD_TRIALS)] if top else members
    samples = [_group_values(trials, shared=not group_by) for trials in considered]
    values = [value for sample in samples for value in sample.values()]
    first_runs = [trials[0].rows[0][2] for trials in considered]
    examples = stored_examples(db, first_runs, values, objective)
    noise = sampling_noise(values, objective, examples)
    collapse = find_collapse(
        samples,
        higher=objective.direction == "max",
        limits=limits_of(objective.metric),
        noise=noise,
    )
    if collapse is not None:
        members, samples = _sorted_by_success(considered, samples, objective, pruned, collapse)
    shown = members[:top] if top else members
    changed_data = store.seeds_with_changing_data(db, _run_ids(shown))
    rows = _build_rows(db, shown, objective, request.at, group_by, pruned, changed_data, collapse)
    values_by_seed = [tested_values(sample, collapse) for sample in samples]
    rows = with_significance(
        rows,
        values_by_seed[: len(rows)],
        objective,
        interval=request.interval,
        test=request.test,
        trials=total,
        noise=noise,
        unshown=values_by_seed[len(rows) :],
    )
    unsuccessful = unsuccessful_runs(db, scope)
    rows = with_unsuccessful_runs(rows, unsuccessful)
    is_complete = len(rows) == total and not group_by
    unranked = (
        unranked_trials([trial.trial_id for trial in ranked], unsuccessful) if is_complete else ()
    )[: None if top is None else top - len(rows)]
    rows, unranked = (rows, unranked) if group_by else _with_arms(db, rows, unranked)
    fields = _ranking_fields([*rows, *unranked], group_by)
    notes = completeness_notes(db, scope, objective, rows, measured)
    notes += unknown_direction_notes(db, objective, rows)
    notes += (*changed_data_notes(changed_data), *loss_unit_notes(objective, rows))
    notes += collapse_notes(rows, collapse, objective)
    notes += significance_notes(rows, request.test, total) + overfitting_notes(rows)
    if rows and not group_by:
        notes += search_space_notes(db, scope, rows, complete=len(rows) == total)
    return Ranking(
        scope,
        objective,
        request.at,
        fields,
        rows,
        total,
        notes,
        group.heading,
        ranks_with_equal_fields=_ranks_with_equal_fields(rows, fields),
        unranked=unranked,
        uncertainty=request.uncertainty,
        resolutions=metric_resolutions(rows, objective, examples),
        noise=noise,
    )


def _with_arms(
    db: store.Database, rows: tuple[RankingRow, ...], unranked: tuple[UnrankedTrial, ...]
) -> tuple[tuple[RankingRow, ...], tuple[UnrankedTrial, ...]]:
    """The rows with the arms of their trials, if all are in arms of the same study."""
    studies = load_arms(db)
    if not studies.by_study:
        return rows, unranked
    ids = [row.trials[0] for row in rows] + [trial.trial for trial in unranked]
    arms = studies.arms_of_one_study(store.trials(db, ids).values())
    if not arms:
        return rows, unranked
    return (
        tuple(replace(row, arm=arms[row.trials[0]]) for row in rows),
        tuple(replace(trial, arm=arms[trial.trial]) for trial in unranked),
    )


def _ranking_fields(
    trials: Sequence[RankingRow | UnrankedTrial], group_by: Sequence[str]
) -> tuple[str, ...]:
    """The fields that were grouped by, or in which the trials differ: first of all in their arm."""
    settings = [trial.setting for trial in trials]
    if group_by:
        return tuple(as_stored_name(name, settings) for name in group_by)
    if not any(trial.arm for trial in trials):
        return distinguishing_fields(settings)
    return (ARM_FIELD, *tuned_fields(settings, [trial.arm for trial in trials]))


def _sorted_members(
    db: store.Database,
    ranked: Sequence[store.RankedTrial],
    objective: Objective,
    group_by: Sequence[str],
    pruned: Mapping[int, int],
) -> list[list[store.RankedTrial]]:
    """The trials of each row, best row first: single trials, or those that agree in `group_by`."""
    if not group_by:
        return [[trial] for trial in ranked]
    members = _group_trials(db, ranked, group_by)
    members.sort(
        key=lambda trials: (
            _divergence_class(trials),
            _count_pruned(trials, pruned) > 0,
            *_sort_key(_run_values(trials), objective),
        )
    )
    return members


def _ranks_with_equal_fields(rows: Sequence[RankingRow], fields: Sequence[str]) -> frozenset[int]:
    """The ranks of rows that differ from another row only in the content of a file."""
    keys = [tuple(row.labelled_setting.get(name) for name in fields) for row in rows]
    counts = Counter(keys)
    return frozenset(row.rank for row, key in zip(rows, keys, strict=True) if counts[key] > 1)


def _settings_by_trial(db: store.Database, trial_ids: Sequence[int]) -> Mapping[int, Setting]:
    return {number: trial.setting for number, trial in store.trials(db, trial_ids).items()}


def _group_trials(
    db: store.Database, ranked: Sequence[store.RankedTrial], group_by: Sequence[str]
) -> list[list[store.RankedTrial]]:
    settings = _settings_by_trial(db, [trial.trial_id for trial in ranked])
    fields = {name for setting in settings.values() for name in setting}
    for name in group_by:
        if ranked and name not in fields:
            raise UnknownName("field", name, fields)
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


def _build_rows(
    db: store.Database,
    groups: Sequence[Sequence[store.RankedTrial]],
    objective: Objective,
    at: EpochChoice,
    group_by: Sequence[str],
    pruned: Mapping[int, int],
    changed_data: Mapping[int, Sequence[int]],
    collapse: Collapse | None,
) -> tuple[RankingRow, ...]:
    findings = store.findings(db, _run_ids(groups))
    # The trials of a group agree in the fields grouped by, so the first one supplies the setting.
    settings = _settings_by_trial(db, [group[0].trial_id for group in groups])
    results = [result for group in groups for trial in group for result in trial.results]
    epochs = load_run_epochs(db, results, objective, at)
    regression_runs = _run_ids([g for g in groups if _may_be_regression(settings[g[0].trial_id])])
    errors = load_errors(db, {run: epochs[run] for run in regression_runs}, objective)
    over_steps = store.runs_over_steps(db)
    rows = [
        _build_row(rank_number, group, settings[group[0].trial_id], group_by, findings)
        for rank_number, group in enumerate(groups, start=1)
    ]
    rows = [_with_epochs(with_working_seeds(row, collapse), epochs) for row in rows]
    return tuple(
        replace(
            row,
            errors={
                metric: aggregate([values.get(run_id, math.nan) for run_id in row.working_runs])
                for metric, values in errors.items()
            },
            pruned=_count_pruned(group, pruned),
            axis="step" if over_steps.issuperset(_run_ids([group])) else "epoch",
            different_data=any(trial.trial_id in changed_data for trial in group),
        )
        for row, group in zip(rows, groups, strict=True)
    )


def _with_epochs(row: RankingRow, epochs: Mapping[int, RunEpochs]) -> RankingRow:
    """The row with the epochs and test values of its runs that work."""
    measured = [epochs[run_id] for run_id in row.working_runs]
    tested = [run for run in measured if run.test_epoch is not None]
    return replace(
        row,
        epoch=median_epoch(run.epoch for run in measured),
        test=aggregate([run.test for run in measured]) if tested else None,
        test_epoch=median_epoch(run.test_epoch for run in tested),
        test_epochs_match=all(run.epoch == run.test_epoch for run in tested),
    )


def _may_be_regression(setting: Setting) -> bool:
    """Whether a trial may have errors in the unit of its target; they take time to look up."""
    return builtin_fields(setting).get("loss") not in _CLASSIFICATION_LOSSES


def _group_values(group: Sequence[store.RankedTrial], *, shared: bool) -> dict[int, float]:
    """The values of a row by seed, or by run where several trials of a group share seeds.

    The values of runs before they diverged are not compared, if all runs of the row diverged.
    """
    rows = sorted((row for trial in group for row in trial.rows), key=lambda row: row[2])
    if all(row[3] == Status.DIVERGED for row in rows):
        return {}
    runs = [row[2] for row in rows]
    keys = seed_keys([row[1] for row in rows], runs) if shared else runs
    values = (math.nan if row[4] is None else mark_overflow(row[4]) for row in rows)
    return dict(zip(keys, values, strict=True))


def _sorted_by_success(
    groups: Sequence[list[store.RankedTrial]],
    samples: Sequence[dict[int, float]],
    objective: Objective,
    pruned: Mapping[int, int],
    collapse: Collapse,
) -> tuple[list[list[store.RankedTrial]], list[dict[int, float]]]:
    """Rows and their values by the fraction of seeds that work, then by the mean of those."""

    def key(row: tuple[list[store.RankedTrial], dict[int, float]]) -> tuple[float, ...]:
        trials, sample = row
        return (
            _divergence_class(trials),
            _count_pruned(trials, pruned) > 0,
            -success_rate(sample, collapse),
            *_sort_key(list(working_values(sample, collapse).values()), objective),
        )

    ordered = sorted(zip(groups, samples, strict=True), key=key)
    return [trials for trials, _ in ordered], [sample for _, sample in ordered]


def _divergence_class(group: Sequence[store.RankedTrial]) -> int:
    statuses = [result.status for trial in group for result in trial.results]
    return store.divergence_rank(statuses.count(Status.DIVERGED), len(statuses))


def _count_pruned(group: Sequence[store.RankedTrial], pruned: Mapping[int, int]) -> int:
    return sum(pruned.get(trial.trial_id, 0) for trial in group)


def _run_ids(groups: Sequence[Sequence[store.RankedTrial]]) -> list[int]:
    return [result.run_id for group in groups for trial in group for result in trial.results]


def _build_row(
    rank_number: int,
    group: Sequence[store.RankedTrial],
    setting: Setting,
    group_by: Sequence[str],
    findings: Mapping[int, Sequence[Finding]],
) -> RankingRow:
    results = [result for trial in group for result in trial.results]
    if group_by:
        setting = select_values(setting, group_by)
    findings_of_runs = [findings.get(result.run_id, ()) for result in results]
    flags = Counter(finding.code for run in findings_of_runs for finding in table_findings(run))
    return RankingRow(
        rank=rank_number,
        trials=tuple(trial.trial_id for trial in group),
        setting=setting,
        value=aggregate([result.value for result in results]),
        epoch=None,
        test=None,
        runs=tuple(result.run_id for result in results),
        seeds=tuple(result.seed for result in results),
        values=tuple(result.value for result in results),
        flags=dict(sorted(flags.items())),
        statuses=Counter(result.status for result in results),
        onsets=onsets_by_code(findings_of_runs),
    )

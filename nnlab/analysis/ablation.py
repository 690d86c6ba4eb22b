"""Ablations: the effect of each change of one setting alone, relative to a base trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nnlab import store
from nnlab.analysis.base_trial import find_base_row, unknown_base_error, values_by_seed
from nnlab.analysis.collapsed_seeds import working_text
from nnlab.analysis.comparable import comparable_groups, merge_groups_along
from nnlab.analysis.ranking import rank_group
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow, UnrankedTrial
from nnlab.analysis.remedy_studies import REMEDY_FIELD, name_remedies
from nnlab.analysis.scope import Scope
from nnlab.errors import UsageError
from nnlab.io.text import format_count
from nnlab.objective import Scalar, limits_of
from nnlab.records import Status
from nnlab.settings import setting_fields
from nnlab.settings.setting_differences import distinguishing_fields, format_value
from nnlab.stats.base_comparison import BaseComparison, compare_with_base
from nnlab.stats.comparison import PairedTest


@dataclass(frozen=True, slots=True)
class SingleChange:
    """A trial that differs from the base in one field, and its comparison with the base.

    `comparison` is None if fewer than two seeds can be compared: the trial diverged, or shares
    no seeds with the base.
    """

    field: str
    base_value: Scalar
    value: Scalar
    row: RankingRow
    comparison: BaseComparison | None


@dataclass(frozen=True, slots=True)
class Ablation:
    """The base trial of a group of comparable runs, and all changes of a single field.

    The changes are in the order of the fields, then of the values. `several` are the trials that
    differ from the base in several fields, best first; they are not tested. `without_value` are
    changes of a single field whose runs all diverged or failed before they had a value, with that
    field. `notes` must be shown with the table.
    """

    ranking: Ranking
    base: RankingRow
    changes: tuple[SingleChange, ...]
    several: tuple[RankingRow, ...]
    without_value: tuple[tuple[str, UnrankedTrial], ...]
    test: PairedTest
    notes: tuple[str, ...]


def ablations(
    db: store.Database, scope: Scope, base: str, request: RankingRequest
) -> tuple[Ablation, ...]:
    """The ablation of each group of comparable runs that contains the base, the newest first.

    Args:
        db: the database.
        scope: the runs to compare.
        base: a run, an arm, or settings (`find_base_row`).
        request: metric, epoch, interval and test; other parts are ignored.

    Raises:
        UnknownName: no run has the metric, or the base names no run or field.
        UsageError: the base describes several trials or none of the scope, or no trial differs
            from it in one field.
    """
    full = replace(request, top=None, group_by=())
    groups = comparable_groups(db, scope, by=request.by)
    if request.mixed:
        group, _ = merge_groups_along(groups, ())
        groups = (replace(group, scope=scope, heading=""),)
    results: list[Ablation] = []
    rows: list[RankingRow] = []
    for group in groups:
        ranking = name_remedies(db, rank_group(db, group, full))
        rows += ranking.rows
        row = find_base_row(db, ranking.rows, base) if ranking.rows else None
        if row is not None:
            results.append(_ablation_of(db, ranking, row, request.test))
    if not rows:
        raise UsageError(f"{scope.title} has no results", hint="nnlab train")
    if not results:
        raise unknown_base_error(scope.title, base, rows)
    if not any(result.changes for result in results):
        raise UsageError(
            f"no trial of {scope.title} differs from {base} in a single setting",
            hint="train trials that change one setting of it",
        )
    return tuple(result for result in results if result.changes)


def _ablation_of(
    db: store.Database, ranking: Ranking, base: RankingRow, test: PairedTest
) -> Ablation:
    single: list[tuple[str, RankingRow]] = []
    several = []
    for row in ranking.rows:
        if row is base:
            continue
        fields = _changed_fields(ranking, base, row)
        if len(fields) == 1:
            single.append((fields[0], row))
        else:
            several.append(row)
    order = {name: index for index, name in enumerate(setting_fields())}
    single.sort(key=lambda item: _sort_key(item[0], order, item[1].setting.get(item[0])))
    comparisons = compare_with_base(
        values_by_seed(base),
        [values_by_seed(row) for _, row in single],
        test=test,
        limits=limits_of(ranking.objective.metric),
        noise=ranking.noise,
    )
    changes = tuple(
        SingleChange(field, base.setting.get(field), row.setting.get(field), row, comparison)
        for (field, row), comparison in zip(single, comparisons, strict=True)
    )
    without_value = tuple(
        (fields[0], trial)
        for trial in ranking.unranked
        for fields in [_changed_fields(ranking, base, trial)]
        if len(fields) == 1
    )
    notes = _notes(db, ranking, base, changes)
    return Ablation(ranking, base, changes, tuple(several), without_value, test, notes)


def _changed_fields(
    ranking: Ranking, base: RankingRow, row: RankingRow | UnrankedTrial
) -> tuple[str, ...]:
    """The fields in which a trial differs from the base; a remedy is one change."""
    if ranking.fields == (REMEDY_FIELD,):
        return ranking.fields
    return distinguishing_fields([base.setting, row.setting])


def _sort_key(
    field: str, order: Mapping[str, int], value: Scalar
) -> tuple[int, str, bool, float, str]:
    """By field, in the order of the options; the values of a field by size, or by name."""
    is_number = isinstance(value, int | float)
    number = float(value) if isinstance(value, int | float) else 0.0
    return order.get(field, len(order)), field, is_number, number, str(value)


def _notes(
    db: store.Database, ranking: Ranking, base: RankingRow, changes: Sequence[SingleChange]
) -> tuple[str, ...]:
    notes = []
    if base.all_diverged:
        notes.append("every run of the base diverged, so that nothing is compared with it")
    unpaired = [
        change for change in changes if change.comparison is None and not change.row.all_diverged
    ]
    if unpaired and not base.all_diverged:
        count = format_count(len(unpaired), "change")
        notes.append(f"no difference of {count}: fewer than two seeds shared with the base")
    undecided = [
        change.comparison.min_seeds
        for change in changes
        if change.comparison is not None
        and not change.comparison.has_enough_seeds
        and not change.comparison.is_identical
    ]
    if undecided:
        count = format_count(len(undecided), "change")
        notes.append(f"too few seeds to test {count}: at least {max(undecided)} are needed")
    # Seeds that collapsed were trained too.
    counts = {row.working_seeds[1] for row in (base, *(change.row for change in changes))}
    if len(counts) > 1:
        notes.append(f"unequal numbers of seeds: from {min(counts)} to {max(counts)}")
    notes += _collapse_notes(base, changes)
    scope = ranking.scope
    statuses = store.count_runs(db, study_ids=scope.studies, run_ids=scope.runs)
    notes += [
        f"{format_count(statuses[status], 'run')} {status}, not compared"
        for status in (Status.FAILED, Status.INTERRUPTED, Status.RUNNING)
        if statuses.get(status)
    ]
    if statuses.get(Status.QUEUED):
        notes.append(f"{format_count(statuses[Status.QUEUED], 'run')} still to be trained")
    return tuple(notes)


def _collapse_notes(base: RankingRow, changes: Sequence[SingleChange]) -> tuple[str, ...]:
    """A note on the trials of which some seeds collapsed: differences are those of the others."""
    named = [("the base", base)]
    named += [(f"{c.field} {format_value(c.value)}", c.row) for c in changes]
    affected = [f"{name} ({working_text(row)} work)" for name, row in named if row.collapsed]
    if not affected:
        return ()
    return (
        f"some seeds collapse: {', '.join(affected)}; means and differences are those of the seeds"
        " that work, whose numbers are not tested here",
    )

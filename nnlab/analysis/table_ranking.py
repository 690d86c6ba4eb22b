"""Rankings as tables show them: remedies by name, and the columns that were requested."""

from dataclasses import replace

from nnlab import store
from nnlab.analysis.base_trial import find_base_row, unknown_base_error
from nnlab.analysis.comparable import ComparableGroup, comparable_groups
from nnlab.analysis.extra_columns import cost_columns, relative_column
from nnlab.analysis.ranking import rank_each_group, rank_group
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.remedy_studies import name_remedies
from nnlab.analysis.scope import Scope
from nnlab.errors import UsageError


def table_rankings(
    db: store.Database, scope: Scope, request: RankingRequest
) -> tuple[Ranking, ...]:
    """A ranking for each group of comparable trials in a scope, as tables show it; see `rank`.

    Raises:
        UnknownName: no run has the metric, or no trial a field.
        UsageError: the base describes several trials or none.
    """
    check_relative_base(db, scope, request)
    rankings = rank_each_group(db, scope, request)
    return tuple(as_table_ranking(db, ranking, request) for ranking in rankings)


def as_table_ranking(db: store.Database, ranking: Ranking, request: RankingRequest) -> Ranking:
    """A ranking with the names of remedies and the requested columns; unchanged without them."""
    if not ranking.rows:
        return ranking
    columns = list(cost_columns(db, ranking.rows, request.costs))
    if request.relative_to is not None:
        column = relative_column(
            db,
            ranking.rows,
            request.relative_to,
            ranking.objective,
            test=request.test,
            all_rows=_all_rows(db, ranking, request),
            noise=ranking.noise,
        )
        columns += [column] if column is not None else []
    if request.sample_noise:
        # Here, because only this option needs it.
        from nnlab.analysis.sample_noise import sample_noise_columns

        columns += sample_noise_columns(db, ranking.rows, ranking.objective, total=ranking.total)
    notes = tuple(note for column in columns for note in column.notes)
    return name_remedies(
        db, replace(ranking, extra_columns=tuple(columns), notes=(*ranking.notes, *notes))
    )


def check_relative_base(db: store.Database, scope: Scope, request: RankingRequest) -> None:
    """Checks that the base of relative changes is a trial of the scope.

    Raises:
        UnknownName: it names no run or field.
        UsageError: it describes several trials or none, or trials are grouped.
    """
    base = request.relative_to
    if base is None:
        return
    if request.group_by:
        raise UsageError("--relative and --group-by cannot be combined", hint="omit --group-by")
    full = replace(request, top=None, relative_to=None)
    groups = comparable_groups(db, scope, by=request.by)
    rankings = [rank_group(db, group, full) for group in groups]
    if not any(find_base_row(db, ranking.rows, base) for ranking in rankings if ranking.rows):
        rows = [row for ranking in rankings for row in ranking.rows]
        raise unknown_base_error(scope.title, base, rows)


def _all_rows(
    db: store.Database, ranking: Ranking, request: RankingRequest
) -> tuple[RankingRow, ...]:
    """The rows of a ranking, including those that `top` cut off."""
    if ranking.total <= len(ranking.rows):
        return ranking.rows
    group = ComparableGroup(ranking.scope, ranking.objective, ranking.heading)
    return rank_group(db, group, replace(request, top=None)).rows

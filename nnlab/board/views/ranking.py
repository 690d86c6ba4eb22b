"""Reads the data of the view "Ranking": the rankings of `nnlab compare`, as parts of the report."""

import time
from collections.abc import Mapping
from typing import Any

from nnlab import store
from nnlab.analysis.comparable import comparable_groups
from nnlab.analysis.ranking import rank_group
from nnlab.analysis.ranking_options import parse_epoch_choice
from nnlab.analysis.records import Ranking, RankingRequest
from nnlab.analysis.scope import Scope
from nnlab.analysis.table_ranking import as_table_ranking
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.scope_command import scope_command
from nnlab.board.selection import selected_scope
from nnlab.errors import UsageError
from nnlab.objective import EVALUATION_PREFIX, is_layer_quantile
from nnlab.report.contents import MAX_ROWS
from nnlab.report.page.parts import render_part
from nnlab.stats.uncertainty import DEFAULT_UNCERTAINTY, Uncertainty

# While runs are trained, a ranking is computed at most once in so many seconds.
RANKING_SECONDS = 5.0
# Further groups of comparable runs are named only, as `nnlab compare` does.
_MAX_GROUPS = 8
_MAX_METRICS = 500
# Where the codes of findings in a ranking lead to.
_FINDING_LINK = "#view=findings&findings.code="


def read_ranking(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """A ranking for each group of comparable runs, by the parameters `by`, `at`, `uncertainty`.

    Raises:
        UnknownName: no run has the metric.
        UsageError: a parameter is malformed.
    """
    scope = selected_scope(context, parameters)
    by, at = parameters.text("by"), parameters.text("at") or "best"
    uncertainty = _parse_uncertainty(parameters.text("uncertainty"))
    request = RankingRequest(
        by=by or None, at=parse_epoch_choice(at), top=MAX_ROWS, uncertainty=uncertainty
    )
    options = [
        *(("--by", by) if by else ()),
        *(("--at", at) if at != "best" else ()),
        *(("--uncertainty", uncertainty) if uncertainty is not DEFAULT_UNCERTAINTY else ()),
    ]

    def compute() -> Mapping[str, Any]:
        return {
            **_ranked_groups(context.db, scope, request),
            "metrics": _rankable_metrics(context.db),
            "command": scope_command(context, scope, "compare", *options),
            "computed_at": time.time(),
            "seconds": RANKING_SECONDS,
        }

    key = ("ranking", scope, by, at, uncertainty)
    return context.answers.answer(key, compute, max_age=RANKING_SECONDS)


def _parse_uncertainty(text: str) -> Uncertainty:
    if not text:
        return DEFAULT_UNCERTAINTY
    if text not in set(Uncertainty):
        raise UsageError(f"uncertainty: expected one of {', '.join(Uncertainty)}, got {text!r}")
    return Uncertainty(text)


def _ranked_groups(db: store.Database, scope: Scope, request: RankingRequest) -> dict[str, Any]:
    """The groups with their tables, and the headings of those that are not ranked."""
    groups = comparable_groups(db, scope, by=request.by)
    rankings = [
        as_table_ranking(db, rank_group(db, group, request), request)
        for group in groups[:_MAX_GROUPS]
    ]
    return {
        "groups": [
            _group_values(ranking, number)
            for number, ranking in enumerate(rankings)
            if ranking.rows or ranking.unranked
        ],
        "other_groups": [group.heading for group in groups[_MAX_GROUPS:]],
        "group_count": len(groups),
    }


def _group_values(ranking: Ranking, number: int) -> dict[str, Any]:
    suffix = f"-{number}" if number else ""
    return {
        "heading": ranking.heading,
        "metric": ranking.objective.metric,
        "rows": len(ranking.rows),
        "total": ranking.total,
        "html": render_part("ranking", ranking=ranking, number=suffix, finding_link=_FINDING_LINK),
    }


def _rankable_metrics(db: store.Database) -> list[str]:
    """The metrics that `--by` takes."""
    names = [
        name
        for name in store.metrics(db)
        if not name.startswith(EVALUATION_PREFIX) and not is_layer_quantile(name)
    ]
    return names[:_MAX_METRICS]

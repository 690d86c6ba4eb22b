"""What the server reads of the database: studies, runs, rankings, curves and findings.

Every function returns a short JSON text. Nothing is written, and no file is created.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from nnlab import store
from nnlab.analysis.claim_values import claim_values_of_scope
from nnlab.analysis.diagnosis import diagnose_runs
from nnlab.analysis.plain_values import (
    finding_values,
    ranking_values,
    run_values,
    study_values,
)
from nnlab.analysis.ranking import rank_each_group
from nnlab.analysis.ranking_options import parse_epoch_choice
from nnlab.analysis.records import RankingRequest
from nnlab.analysis.run_overview import load_run_overviews
from nnlab.analysis.scope import current_runs, resolve_scope
from nnlab.analysis.selection import find_single_run
from nnlab.diagnosis import all_rules
from nnlab.diagnosis.rule_texts import find_rule, rule_description, rule_summary
from nnlab.errors import UnknownName
from nnlab.mcp_server.compact_json import compact_json
from nnlab.mcp_server.thin_curve import thin_curve

MAX_ROWS = 50
MAX_POINTS = 200
# More runs than this are not diagnosed in one call.
_MAX_DIAGNOSED = 20
_MAX_CURVES = 8

# Curves that are returned only if they are asked for.
_SIDE_METRICS = ("probe/", "data/", "cost/", "time/", "usage/")

_ROW_KEYS = (
    "rank", "arm", "setting", "n", "missing", "mean", "sd", "interval", "tier", "best", "test_mean",
    "flags", "runs",
)  # fmt: skip
_RUN_KEYS = (
    "run", "study", "name", "trial", "seed", "status", "epochs", "epochs_planned", "metric",
    "best", "best_epoch", "flags", "tags",
)  # fmt: skip


def list_studies(db: store.Database, offset: int = 0) -> str:
    """All studies with their progress, newest first."""
    overviews = list(reversed(store.study_overviews(db)))
    rows = [
        {key: value for key, value in study_values(overview).items() if value != 0}
        for overview in _page(overviews, offset)
    ]
    return compact_json(_page_values(rows, offset, len(overviews)), "rows", offset=offset)


def list_runs(
    db: store.Database, study: str | None, status: str | None, tag: str | None, offset: int = 0
) -> str:
    """Runs, newest first."""
    # One more than are listed shows whether there are others.
    overviews = load_run_overviews(
        db, study=study, status=status, tag=tag, limit=offset + MAX_ROWS + 1
    )
    rows = [_select(run_values(overview), _RUN_KEYS) for overview in _page(overviews, offset)]
    values: dict[str, Any] = {"rows": rows}
    if len(overviews) > offset + MAX_ROWS:
        values["more_from"] = offset + MAX_ROWS
    return compact_json(values, "rows", offset=offset)


def compare(
    db: store.Database, names: Sequence[str], by: str | None, at: str = "best", top: int = 10
) -> str:
    """The ranking of trials; the comparison with the best says which differences are real."""
    request = RankingRequest(by=by, at=parse_epoch_choice(at), top=min(top, MAX_ROWS))
    scope = resolve_scope(db, names)
    first, *others = rank_each_group(db, scope, request)
    values = ranking_values(first)
    rows = [
        {**_select(row, _ROW_KEYS), "behind_best": _behind_best(row["against_best"])}
        for row in values["rows"]
    ]
    differing = set(values["fields"])
    for row in rows:
        # What all trials share is no news.
        row["setting"] = {k: v for k, v in row["setting"].items() if k in differing} or None
    return compact_json(
        {
            "by": values["by"],
            "direction": values["direction"],
            "at": values["at"],
            "trials": values["total"],
            "rows": rows,
            "notes": values["notes"],
            "unranked": [trial["trial"] for trial in islice(values["unranked"], MAX_ROWS)],
            "not_comparable_with_these": [group.heading for group in others],
            "claim": claim_values_of_scope(db, scope),
        },
        "rows",
    )


def _behind_best(comparison: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {
        "difference": comparison["mean"],
        "interval": [comparison["low"], comparison["high"]],
        "p": comparison["adjusted"],
        "differs": comparison["told"],
        "seeds_needed": comparison["needed"],
    }


def read_curves(
    db: store.Database, run: str, metrics: Sequence[str] | None, points: int = 40
) -> str:
    """The curves of a run, thinned to a few points that keep all extremes.

    Raises:
        UnknownName: there is no such run, or no such metric.
    """
    record = find_single_run(db, run)
    history = store.history(db, record.id)
    usual = [metric for metric in history.metrics if not metric.startswith(_SIDE_METRICS)]
    names = list(metrics or usual)
    for name in names:
        if name not in history.curves:
            raise UnknownName("metric", name, history.metrics)
    curves = {
        name: [list(point) for point in thin_curve(history[name], min(points, MAX_POINTS))]
        for name in names[:_MAX_CURVES]
    }
    return compact_json(
        {
            "run": record.id,
            "status": str(record.status),
            "axis": record.axis,
            "curves": curves,
            "other_metrics": [name for name in history.metrics if name not in curves][:MAX_ROWS],
        }
    )


def diagnose(db: store.Database, names: Sequence[str]) -> str:
    """The findings of runs, causes before their symptoms."""
    runs = current_runs(db, resolve_scope(db, names))
    shown = runs[:_MAX_DIAGNOSED]
    diagnoses = diagnose_runs(db, shown)
    keys = ("code", "name", "severity", "confidence", "onset", "message", "remedy")
    rows = [
        {
            "run": run.id,
            "seed": run.seed,
            "findings": [
                _select(finding_values(finding), keys) for finding in diagnoses.by_run[run.id]
            ]
            or "none",
            "notes": list(diagnoses.notes.get(run.id, ())),
        }
        for run in shown
    ]
    trials = [_select(finding_values(trial.finding), keys) for trial in diagnoses.trials]
    left_off = len(runs) - len(shown)
    return compact_json({"rows": rows, "trials": trials, "left_off": left_off or None}, "rows")


def explain(code: str | None) -> str:
    """What a finding means, or a list of all."""
    if code is None:
        rows = [
            {"code": rule.code, "name": rule.name, "summary": rule_summary(rule)}
            for rule in all_rules()
        ]
        return compact_json({"rows": rows}, "rows")
    rule = find_rule(code)
    return f"{rule.code} {rule.name}\n\n{rule_description(rule)}\n\nIn short: {rule.remedy}."


def _page(items: Sequence[Any], offset: int) -> Sequence[Any]:
    return items[offset : offset + MAX_ROWS]


def _page_values(rows: Sequence[Any], offset: int, total: int) -> dict[str, Any]:
    values: dict[str, Any] = {"rows": rows, "total": total}
    if offset + len(rows) < total:
        values["more_from"] = offset + len(rows)
    return values


def _select(values: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: values[key] for key in keys if key in values}

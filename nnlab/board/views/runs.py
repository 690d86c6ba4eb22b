"""The table of runs: a page of it, grouped by trial if that is asked for."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab import store
from nnlab.analysis.plain_values import run_values
from nnlab.analysis.run_overview import RunOverview, overviews_of_runs
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.run_filter import parse_run_filter
from nnlab.board.selection import selected_scope
from nnlab.errors import UsageError
from nnlab.objective import direction_of, limits_of
from nnlab.records import Attempt, Run, Status
from nnlab.stats.intervals import confidence_interval

PAGE_SIZE = 50
# Runs that the page selects at once.
MAX_SELECTED = 500
_MAX_PAGE = 10_000
_MAX_COLUMNS = 30
_COLUMN_ORDERS = ("run", "study", "name", "seed", "status", "epochs", "started", "duration")


def read_runs(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """A page of the runs that match a filter, and how many match it.

    Parameters: `filter`, `sort` (`-run`, `setting:lr`, `best:val/loss`, ...), `page` from 1, and
    `columns`, further columns such as `setting:lr,last:train/loss`.
    """
    query = _query(context, parameters)
    page = parameters.integer("page", 1, low=1, high=_MAX_PAGE)
    ids = store.run_page(context.db, query, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
    return {
        "total": store.count_matching_runs(context.db, query),
        "page_size": PAGE_SIZE,
        **_rows_of(context.db, ids, _columns(parameters)),
    }


def read_run_ids(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The ids of the matching runs in their order, at most `MAX_SELECTED`."""
    query = _query(context, parameters)
    ids = store.run_page(context.db, query, offset=0, limit=MAX_SELECTED)
    return {"runs": list(ids), "total": store.count_matching_runs(context.db, query)}


def read_trials(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """A page of trials, the best mean of a metric first: n, mean, interval, and their runs.

    Parameters: `filter`, `page`, and `metric`, by default the objective of the study.
    """
    query = _query(context, parameters)
    metric = parameters.text("metric") or _default_metric(context, query)
    if metric is None:
        return {"metric": None, "total": 0, "page_size": PAGE_SIZE, "trials": [], "rows": []}
    direction = store.stored_directions(context.db).get(metric) or direction_of(metric) or "min"
    ordered = store.RunOrder(descending=direction == "max")
    grouped = store.RunQuery(query.conditions, query.study_ids, query.run_ids, ordered)
    page = parameters.integer("page", 1, low=1, high=_MAX_PAGE)
    trials, total = store.trial_page(
        context.db,
        grouped,
        metric_name=metric,
        kind="best",
        offset=(page - 1) * PAGE_SIZE,
        limit=PAGE_SIZE,
    )
    ids = [run for trial in trials for run in trial.runs]
    return {
        "metric": metric,
        "direction": direction,
        "total": total,
        "page_size": PAGE_SIZE,
        "trials": [_trial_values(trial, metric) for trial in trials],
        **_rows_of(context.db, ids, _columns(parameters)),
    }


def _query(context: BoardContext, parameters: Parameters) -> store.RunQuery:
    # The runs that are selected do not limit the table in which they are selected.
    scope = selected_scope(context, parameters.without("runs"))
    return store.RunQuery(
        parse_run_filter(parameters.text("filter")),
        scope.studies,
        scope.runs,
        _parse_order(parameters.text("sort", "-run")),
    )


def _parse_order(text: str) -> store.RunOrder:
    descending, text = text.startswith("-"), text.removeprefix("-")
    kind, separator, name = text.partition(":")
    if not separator and kind in _COLUMN_ORDERS:
        return store.RunOrder("column", kind, descending)
    if kind in ("setting", "best", "last") and name:
        return store.RunOrder(kind, name, descending)  # type: ignore[arg-type]
    raise UsageError(f"sort: expected one of {', '.join(_COLUMN_ORDERS)}, setting:…, best:… or"
                     f" last:…, got {text!r}")  # fmt: skip


def _columns(parameters: Parameters) -> tuple[tuple[str, str], ...]:
    """The further columns as pairs of a kind and a name."""
    texts = [text for text in parameters.text("columns").split(",") if text]
    if len(texts) > _MAX_COLUMNS:
        raise UsageError(f"columns: more than {_MAX_COLUMNS}")
    pairs = [tuple(text.split(":", 1)) for text in texts]
    if any(len(pair) != 2 or pair[0] not in ("setting", "best", "last") for pair in pairs):
        raise UsageError("columns: expected setting:…, best:… or last:…")
    return tuple((kind, name) for kind, name in pairs)


def _default_metric(context: BoardContext, query: store.RunQuery) -> str | None:
    """The metric by which the newest matching run is judged."""
    newest = store.RunQuery(query.conditions, query.study_ids, query.run_ids)
    ids = store.run_page(context.db, newest, offset=0, limit=1)
    overviews = overviews_of_runs(context.db, store.runs(context.db, run_ids=ids))
    return overviews[0].objective if overviews else None


def _trial_values(trial: store.TrialValues, metric: str) -> Mapping[str, Any]:
    values = [value for value in trial.values if value is not None]
    low, high = confidence_interval(values, limits=limits_of(metric))
    return {
        "trial": trial.trial,
        "runs": list(trial.runs),
        "n": len(values),
        "mean": sum(values) / len(values) if values else None,
        "low": low,
        "high": high,
    }


def _rows_of(
    db: store.Database, ids: Sequence[int], columns: Sequence[tuple[str, str]]
) -> Mapping[str, Any]:
    """The rows of runs in the order of their ids, and the columns that these runs offer."""
    by_id = {run.id: run for run in store.runs(db, run_ids=ids)}
    overviews = overviews_of_runs(db, [by_id[run_id] for run_id in ids if run_id in by_id])
    running = [view.run.id for view in overviews if view.status is Status.RUNNING]
    attempts = {attempt.run_id: attempt for attempt in store.attempts_of_runs(db, running)}
    now = time.time()
    by_trial = {view.run.trial.id: view for view in overviews}
    return {
        "rows": [_row(view, attempts.get(view.id), columns, now) for view in overviews],
        "settings": sorted({field for view in by_trial.values() for field in view.setting}),
        "metrics": sorted({metric for view in overviews for metric in view.metrics}),
    }


def _row(
    view: RunOverview, attempt: Attempt | None, columns: Sequence[tuple[str, str]], now: float
) -> Mapping[str, Any]:
    run = view.run
    values = run_values(view)
    return {
        **{key: values[key] for key in (
            "run", "study", "name", "trial", "arm", "seed", "status", "epochs", "epochs_planned",
            "metric", "best", "best_epoch", "flags", "tags", "origin", "axis",
        )},
        "trial_id": run.trial.id,
        "started": run.started_at.timestamp() if run.started_at else None,
        "duration": _duration(run, now),
        "seconds_left": None if attempt is None else seconds_left(run, attempt, now),
        "cells": {f"{kind}:{name}": _cell(view, kind, name) for kind, name in columns},
    }  # fmt: skip


def _duration(run: Run, now: float) -> float | None:
    """The seconds that the run took, or takes so far."""
    if run.wall_seconds is not None:
        return run.wall_seconds
    if run.status is Status.RUNNING and run.started_at is not None:
        return now - run.started_at.timestamp()
    return None


def seconds_left(run: Run, attempt: Attempt, now: float) -> float | None:
    """The time until all epochs are done, at the speed of the current attempt."""
    done = run.epochs - attempt.first_epoch
    if done <= 0 or run.epochs_planned <= run.epochs:
        return None
    seconds = now - attempt.started_at.timestamp()
    return seconds / done * (run.epochs_planned - run.epochs)


def _cell(view: RunOverview, kind: str, name: str) -> Any:
    if kind == "setting":
        return view.setting.get(name)
    summary = view.metrics.get(name)
    if summary is None:
        return None
    return summary.best if kind == "best" else summary.last

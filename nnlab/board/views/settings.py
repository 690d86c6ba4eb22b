"""Reads the data of the view "Settings": what the settings of trials do to their results."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from nnlab import store
from nnlab.analysis.effects import compute_effects
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking, RankingRequest
from nnlab.analysis.scope import Scope
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.scope_command import scope_command
from nnlab.board.selection import selected_scope
from nnlab.errors import UsageError
from nnlab.figures.axis_fields import (
    AxisValue,
    choose_fields,
    ordered_values,
    point_coordinates,
    value_label,
)
from nnlab.figures.point_results import (
    PointResults,
    Reduction,
    diverged_runs,
    reduction_note,
    results_by_point,
    trial_results,
)
from nnlab.figures.trials import trial_title
from nnlab.objective import limits_of

# While runs are trained, the numbers are computed at most once in so many seconds.
SETTINGS_SECONDS = 5.0
# A random forest of many trials takes seconds.
IMPORTANCE_SECONDS = 60.0
# Lines of the parallel coordinates; more cannot be told apart, and the page would be slow.
MAX_TRIALS = 2_000
_MAX_CELLS = 2_500
_MAX_SHARES = 20


def read_settings(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """Trials, a sweep and a heatmap, by `by`, `over`, `x`, `lines`, `column` and `row`.

    Raises:
        UnknownName: no run has the metric, or no trial a field.
        UsageError: a parameter is malformed.
    """
    scope = selected_scope(context, parameters)
    by, over = parameters.text("by"), _parse_reduction(parameters.text("over"))
    fields = {name: parameters.text(name) or None for name in ("x", "lines", "column", "row")}

    def compute() -> Mapping[str, Any]:
        return {
            **_settings_values(context, scope, by or None, over, fields),
            "computed_at": time.time(),
            "seconds": SETTINGS_SECONDS,
        }

    key = ("settings", scope, by, over, tuple(fields.values()))
    return context.answers.answer(key, compute, max_age=SETTINGS_SECONDS)


def read_importance(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The shares of the variance that settings explain; a `reason` where they are unknown.

    Raises:
        UnknownName: no run has the metric.
    """
    scope, by = selected_scope(context, parameters), parameters.text("by")

    def compute() -> Mapping[str, Any]:
        values = _importance_values(context.db, scope, by or None)
        command = scope_command(context, scope, "plot effects", *_metric_option(by))
        return {**values, "command": command, "seconds": IMPORTANCE_SECONDS}

    key = ("importance", scope, by)
    return context.answers.answer(key, compute, max_age=IMPORTANCE_SECONDS)


def _parse_reduction(text: str) -> Reduction:
    if text not in ("", "best", "mean"):
        raise UsageError(f"over: expected best or mean, got {text!r}")
    return cast("Reduction", text or "best")


def _metric_option(by: str | None) -> tuple[str, ...]:
    return ("--by", by) if by else ()


def _settings_values(
    context: BoardContext,
    scope: Scope,
    by: str | None,
    over: Reduction,
    fields: Mapping[str, str | None],
) -> dict[str, Any]:
    ranking = rank(context.db, scope, RankingRequest(by=by))
    diverged = diverged_runs(context.db, ranking)
    metric, options = ranking.objective.metric, _metric_option(by)
    points = _PointReader(ranking, diverged, over)
    x, y = fields["column"], fields["row"]
    return {
        "metric": metric,
        "direction": ranking.objective.direction,
        "heading": ranking.heading,
        "fields": list(ranking.fields),
        "total": len(ranking.rows),
        "axes": _parallel_axes(ranking),
        "trials": _trial_values(ranking, diverged),
        "notes": list(ranking.left_out),
        "command": scope_command(context, scope, "plot parallel", *options),
        "sweep": {
            **points.read((fields["x"], *([fields["lines"]] if fields["lines"] else []))),
            "command": scope_command(
                context, scope, "plot sweep",
                *_field_options({"--x": fields["x"], "--lines": fields["lines"], "--over": over}),
                *options,
            ),
        },
        "heatmap": {
            **points.read((x, y)),
            "command": scope_command(
                context, scope, "plot heatmap",
                *_field_options({"--x": x, "--y": y, "--over": over}), *options,
            ),
        },
    }  # fmt: skip


def _field_options(values: Mapping[str, str | None]) -> list[str]:
    """The options that are not the defaults of `nnlab plot`."""
    given = {option: value for option, value in values.items() if value and value != "best"}
    return [word for option, value in given.items() for word in (option, value)]


def _parallel_axes(ranking: Ranking) -> list[dict[str, Any]]:
    """The fields with the names of their values; `values` of numeric fields are None."""
    coordinates = point_coordinates(ranking.rows[:MAX_TRIALS], ranking.fields)
    return [
        _axis_values(name, [place[index] for place in coordinates])
        for index, name in enumerate(ranking.fields)
    ]


def _axis_values(field: str, values: Sequence[AxisValue]) -> dict[str, Any]:
    order = ordered_values(values, field)
    return {
        "field": field,
        "categorical": any(isinstance(value, str) for value in order),
        "values": order,
        "labels": [value_label(field, value) for value in order],
    }


def _trial_values(ranking: Ranking, diverged: frozenset[int]) -> list[dict[str, Any]]:
    rows = ranking.rows[:MAX_TRIALS]
    trials = []
    for row, values in zip(rows, point_coordinates(rows, ranking.fields), strict=True):
        results = trial_results(row, diverged)
        trials.append(
            {
                "label": trial_title(row, ranking),
                "values": list(values),
                **_result_values(results, ranking.objective.metric),
                "runs": list(row.runs),
            }
        )
    return trials


def _result_values(results: PointResults, metric: str) -> dict[str, Any]:
    low, high = results.interval(limits_of(metric)) or (None, None)
    return {
        "mean": results.mean,
        "low": low,
        "high": high,
        "n": len(results.values),
        "diverged": results.diverged,
    }


class _PointReader:
    """Reads the results at the values of fields, as the figures of `nnlab plot` show them."""

    def __init__(self, ranking: Ranking, diverged: frozenset[int], over: Reduction) -> None:
        self._ranking = ranking
        self._diverged = diverged
        self._over = over

    def read(self, names: Sequence[str | None]) -> dict[str, Any]:
        """The results at the values of one or two fields; a `reason` where there are none."""
        ranking = self._ranking
        try:
            fields = choose_fields(ranking, names)
        except UsageError as error:
            return {"reason": str(error), "axes": [], "points": [], "notes": []}
        coordinates = point_coordinates(ranking.rows, fields)
        results = results_by_point(ranking, coordinates, self._over, self._diverged)
        axes = [
            _axis_values(name, [place[index] for place in results.points])
            for index, name in enumerate(fields)
        ]
        if len(results.points) > _MAX_CELLS:
            return {
                "reason": f"more than {_MAX_CELLS:,} points; select fewer runs",
                "axes": axes, "points": [], "notes": [],
            }  # fmt: skip
        others = [name for name in ranking.fields if name not in fields]
        note = [reduction_note(others, self._over, "at each point")] if others else []
        return {
            "axes": axes,
            "unit": results.unit,
            "points": [
                {
                    "at": list(place),
                    **_result_values(point, ranking.objective.metric),
                    "values": list(point.values),
                }
                for place, point in results.points.items()
            ],
            "notes": [*note, *results.notes],
        }


def _importance_values(db: store.Database, scope: Scope, by: str | None) -> dict[str, Any]:
    try:
        effects = compute_effects(db, scope, by=by)
    except UsageError as error:
        return {"reason": str(error), "shares": [], "notes": [], "method": ""}
    return {
        "metric": effects.ranking.objective.metric,
        "method": str(effects.method),
        "trials": effects.trials,
        "shares": [
            {
                "fields": list(share.fields),
                "share": share.share,
                "low": share.low,
                "high": share.high,
            }
            for share in effects.notable_shares[:_MAX_SHARES]
        ],
        "notes": list(effects.notes),
    }

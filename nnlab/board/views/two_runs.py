"""Reads the data of the view "Two runs": what differs between two runs."""

import difflib
from collections.abc import Mapping, Set
from typing import Any

from nnlab import store
from nnlab.analysis.plain_values import finding_values
from nnlab.analysis.run_overview import overviews_of_runs
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.scope_command import run_command
from nnlab.board.selection import visible_runs
from nnlab.errors import UnknownName
from nnlab.io.redaction import mask_diff, mask_secrets
from nnlab.objective import is_layer_quantile
from nnlab.records import Environment, Run
from nnlab.settings.setting_differences import differing_fields, format_value

_MAX_DIFF_LINES = 2_000
_MAX_METRICS = 40
_LARGEST_ID = 2**62
# Longer curves are read in the view "Curves".
_MAX_POINTS = 2_000


def read_two_runs(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The differences of the runs `a` and `b`: settings, results, findings, environment, code.

    Raises:
        UnknownName: the board does not show one of the runs.
    """
    ids = tuple(parameters.integer(name, 0, low=0, high=_LARGEST_ID) for name in "ab")
    visible = visible_runs(context, ids)
    for run_id in ids:
        if run_id not in visible:
            raise UnknownName("run", str(run_id), ())
    runs = {run.id: run for run in store.runs(context.db, run_ids=ids)}
    pair = (runs[ids[0]], runs[ids[1]])
    environments = tuple(_newest_environment(context.db, run) for run in pair)
    return {
        "runs": _run_headers(context.db, pair),
        "settings": _setting_rows(pair),
        "results": _result_rows(context.db, pair),
        "findings": _finding_rows(context.db, pair),
        "environment": _environment_rows(*environments),
        "code": _code_difference(*environments),
        "command": run_command(context, "compare", *ids),
        "curves_command": run_command(context, "plot", "curves", *ids),
    }


def read_two_curves(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The curves of all metrics that the runs `a` and `b` share, at most 40 of them.

    Raises:
        UnknownName: the board does not show one of the runs.
    """
    ids = tuple(parameters.integer(name, 0, low=0, high=_LARGEST_ID) for name in "ab")
    if set(visible_runs(context, ids)) != set(ids):
        raise UnknownName("run", f"{ids[0]},{ids[1]}", ())
    summaries = store.summaries(context.db, ids)
    shared = _shown_metrics(
        summaries.get(ids[0], {}).keys() & summaries.get(ids[1], {}).keys(),
    )
    short = [
        name for name in shared if max(summaries[run_id][name].n for run_id in ids) <= _MAX_POINTS
    ]
    shown = short[:_MAX_METRICS]
    histories = store.histories(context.db, ids, shown)
    runs = {run.id: run for run in store.runs(context.db, run_ids=ids)}
    return {
        "axes": [runs[run_id].axis for run_id in ids],
        "metrics": [
            {
                "metric": name,
                "curves": [
                    {
                        "x": list(histories[run_id].curves[name].epochs),
                        "y": list(histories[run_id].curves[name].values),
                    }
                    for run_id in ids
                ],
            }
            for name in shown
        ],
        "shared": len(shared),
        "long": [name for name in shared if name not in short],
    }


def _shown_metrics(names: Set[str]) -> list[str]:
    """The metrics by name; those of the validation and training data come first."""
    groups = ("val/", "train/")

    def position(name: str) -> tuple[int, str]:
        return next((i for i, g in enumerate(groups) if name.startswith(g)), len(groups)), name

    return sorted((name for name in names if not is_layer_quantile(name)), key=position)


def _newest_environment(db: store.Database, run: Run) -> Environment | None:
    environments = [attempt.environment for attempt in store.attempts(db, run.id)]
    return next((e for e in reversed(environments) if e is not None), None)


def _run_headers(db: store.Database, pair: tuple[Run, Run]) -> list[dict[str, Any]]:
    overviews = {overview.run.id: overview for overview in overviews_of_runs(db, pair)}
    return [
        {
            "run": run.id,
            "study": run.trial.study,
            "trial": overviews[run.id].label,
            "name": run.name,
            "seed": run.seed,
            "status": str(run.status),
            "epochs": run.epochs,
        }
        for run in pair
    ]


def _setting_rows(pair: tuple[Run, Run]) -> list[list[str]]:
    """The differing settings: name, value of a, value of b."""
    first, second = (run.trial.setting for run in pair)
    return [
        [name, *(mask_secrets(format_value(s.get(name)) or "-") for s in (first, second))]
        for name in differing_fields([first, second])
    ]


def _result_rows(db: store.Database, pair: tuple[Run, Run]) -> list[dict[str, Any]]:
    """The best and the last value of each metric in both runs."""
    summaries = store.summaries(db, [run.id for run in pair])
    first, second = (summaries.get(run.id, {}) for run in pair)
    return [
        {
            "metric": name,
            **{
                f"{key}_{side}": getattr(by_metric[name], key) if name in by_metric else None
                for side, by_metric in (("a", first), ("b", second))
                for key in ("best", "best_epoch", "last")
            },
        }
        for name in _shown_metrics(first.keys() | second.keys())
    ]


def _finding_rows(db: store.Database, pair: tuple[Run, Run]) -> list[dict[str, Any]]:
    findings = store.findings(db, [run.id for run in pair])
    by_code = [{f.code: f for f in findings.get(run.id, ())} for run in pair]
    return [
        {
            "code": code,
            "a": finding_values(by_code[0][code]) if code in by_code[0] else None,
            "b": finding_values(by_code[1][code]) if code in by_code[1] else None,
        }
        for code in sorted(by_code[0].keys() | by_code[1].keys())
    ]


def _environment_rows(first: Environment | None, second: Environment | None) -> list[list[str]]:
    """What differs between the machines and packages: name, value of a, value of b."""
    flat = [_flat_environment(environment) for environment in (first, second)]
    names = dict.fromkeys([*flat[0], *flat[1]])
    rows = [[name, *(values.get(name, "-") for values in flat)] for name in names]
    return [row for row in rows if row[1] != row[2]]


def _flat_environment(environment: Environment | None) -> dict[str, str]:
    if environment is None:
        return {}
    names = ("hostname", "platform", "device", "threads", "python", "torch", "nnlab")
    packages = {f"package {name}": text for name, text in sorted(environment.packages.items())}
    return {name: str(getattr(environment, name)) for name in names} | packages


def _code_difference(first: Environment | None, second: Environment | None) -> dict[str, Any]:
    """The commits, and the lines in which the uncommitted changes of the two runs differ."""
    before, after = (
        mask_diff(e.git_diff).splitlines() if e and e.git_diff else [] for e in (first, second)
    )
    lines = list(difflib.unified_diff(before, after, "a", "b", lineterm=""))
    return {
        "commits": [e.git_commit if e else None for e in (first, second)],
        "dirty": [bool(e.git_dirty) if e else False for e in (first, second)],
        "difference": lines[:_MAX_DIFF_LINES],
        "omitted": max(0, len(lines) - _MAX_DIFF_LINES),
    }

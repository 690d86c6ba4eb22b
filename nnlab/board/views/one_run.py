"""All stored information about one run."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from nnlab import store
from nnlab.analysis.plain_values import finding_values
from nnlab.analysis.run_metrics import metric_rows
from nnlab.analysis.run_overview import overviews_of_runs
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.scope_command import run_command
from nnlab.board.selection import visible_runs
from nnlab.board.views.runs import seconds_left
from nnlab.io.redaction import is_secret_name, mask_diff, mask_secrets
from nnlab.records import Attempt, Environment, Run, Status
from nnlab.settings import is_builtin_setting, setting_field

# Metrics that are measured once, and the statistics of layers, which have views of their own.
_OTHER_METRICS = ("data/", "probe/")
_MAX_DIFF_CHARACTERS = 200_000
_MAX_RELATED = 100
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_HIDDEN_VALUE = "***"


def read_one_run(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The run `run`: state, setting, metrics, findings, attempts, files and related runs.

    Raises:
        UnknownName: the board shows no such run.
    """
    db = context.db
    run = shown_run(context, parameters)
    (overview,) = overviews_of_runs(db, [run])
    attempts = store.attempts(db, run.id)
    is_running = run.status is Status.RUNNING and bool(attempts)
    left = seconds_left(run, attempts[-1], time.time()) if is_running else None
    return {
        "run": run.id,
        "study": run.trial.study,
        "trial": run.trial.id,
        "arm": overview.arm,
        "state": {**_state(run), "seconds_left": left},
        "setting": _setting(run),
        "results": {name: _without_secrets(name, value) for name, value in run.results.items()},
        "metrics": _metrics(db, run, overview.objective),
        "findings": [finding_values(finding) for finding in overview.findings],
        "attempts": [_attempt(attempt) for attempt in attempts],
        "environment": _environment(attempts),
        "files": _files(db, run),
        "related": _related_runs(context, run),
        "commands": _commands(context, run),
    }


def shown_run(context: BoardContext, parameters: Parameters) -> Run:
    """The run of the parameter `run`.

    Raises:
        UnknownName: the board shows no such run.
    """
    number = parameters.integer("run", 0, low=0, high=2**53)
    (run_id,) = visible_runs(context, (number,))
    (run,) = store.runs(context.db, run_ids=[run_id])
    return run


def _state(run: Run) -> Mapping[str, Any]:
    return {
        "status": str(run.status),
        "reason": run.reason and mask_secrets(run.reason),
        "seed": run.seed,
        "repeat": run.repeat,
        "name": run.name,
        "tags": list(run.tags),
        "origin": str(run.origin),
        "axis": run.axis,
        "epochs": run.epochs,
        "epochs_planned": run.epochs_planned,
        "selected_epoch": run.selected_epoch,
        "pruned_at": run.pruned_at,
        "parent": run.parent_id,
        "data_fingerprint": run.data_fingerprint,
        "is_stopping": run.stop_requested_at is not None and run.status is Status.RUNNING,
        "wall_seconds": run.wall_seconds,
        "device_seconds": run.device_seconds,
        "created": run.created_at.timestamp(),
        "started": run.started_at.timestamp() if run.started_at else None,
        "ended": run.ended_at.timestamp() if run.ended_at else None,
    }


def _setting(run: Run) -> Sequence[Mapping[str, Any]]:
    """The fields of the setting: those with an effect first, each with whether it has one."""
    setting = run.trial.setting
    is_builtin = is_builtin_setting(setting)
    rows = []
    for name, value in setting.items():
        is_usual = is_builtin and value == setting_field(name).option.no_effect_value
        shown = _without_secrets(name, value)
        rows.append(
            {"name": name, "value": shown, "has_effect": value is not None and not is_usual}
        )
    return sorted(rows, key=lambda row: (not row["has_effect"], row["name"]))


def _without_secrets(name: str, value: Any) -> Any:
    """A value for the page: numbers as they are, text without what looks like a secret."""
    if is_secret_name(name):
        return _HIDDEN_VALUE
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_secrets(str(value))


def _metrics(db: store.Database, run: Run, objective: str | None) -> list[Mapping[str, Any]]:
    return [
        {**row, "is_objective": row["metric"] == objective}
        for row in metric_rows(db, run)
        if not row["metric"].startswith(_OTHER_METRICS)
    ]


def _attempt(attempt: Attempt) -> Mapping[str, Any]:
    return {
        "attempt": attempt.id,
        "hostname": attempt.hostname,
        "pid": attempt.pid,
        "command": mask_secrets(attempt.command),
        "first_epoch": attempt.first_epoch,
        "outcome": attempt.outcome,
        "engine": attempt.engine,
        "peak_bytes": attempt.peak_bytes,
        "traceback": attempt.traceback and mask_secrets(attempt.traceback),
        "started": attempt.started_at.timestamp(),
        "ended": attempt.ended_at.timestamp() if attempt.ended_at else None,
    }


def _environment(attempts: Sequence[Attempt]) -> Mapping[str, Any] | None:
    """The environment of the newest attempt that has one."""
    known: list[Environment] = [a.environment for a in attempts if a.environment is not None]
    if not known:
        return None
    environment = known[-1]
    diff = environment.git_diff and mask_diff(environment.git_diff)
    return {
        "hostname": environment.hostname,
        "platform": environment.platform,
        "device": environment.device,
        "threads": environment.threads,
        "python": environment.python,
        "torch": environment.torch,
        "nnlab": environment.nnlab,
        "git_commit": environment.git_commit,
        "git_dirty": environment.git_dirty,
        "git_diff": diff and diff[:_MAX_DIFF_CHARACTERS],
        "git_diff_omitted": max(0, len(diff or "") - _MAX_DIFF_CHARACTERS),
        "packages": dict(sorted(environment.packages.items())),
    }


def _files(db: store.Database, run: Run) -> list[Mapping[str, Any]]:
    """The files of the run; `address` is where the board serves one, relative to the page."""
    ids = store.artifact_ids(db, run.id)
    return [
        {
            "kind": item.kind,
            "path": item.path,
            "bytes": item.size,
            "address": f"artifacts/{run.id}/{ids[item.kind]}" if item.kind in ids else None,
            "is_image": item.path.lower().endswith(_IMAGE_SUFFIXES),
        }
        for item in store.artifacts(db, run.id)
    ]


def _related_runs(context: BoardContext, run: Run) -> list[Mapping[str, Any]]:
    """The runs of the same trial: its other seeds and its repeats."""
    same_trial = store.WordCondition("trial", str(run.trial.id))
    query = store.RunQuery((same_trial,), context.scope.studies, context.scope.runs)
    ids = store.run_page(context.db, query, offset=0, limit=_MAX_RELATED)
    return [
        {"run": other.id, "seed": other.seed, "repeat": other.repeat, "status": str(other.status)}
        for other in store.runs(context.db, run_ids=ids)
    ]


def _commands(context: BoardContext, run: Run) -> list[Mapping[str, str]]:
    """What can be done with the run at a terminal."""
    words: list[tuple[str, tuple[str, ...]]] = [
        ("all numbers", ("show", str(run.id))),
        ("a figure of its curves", ("plot", "curves", str(run.id), "-o", "curves.pdf")),
    ]
    if not run.origin.is_external and run.status is Status.FINISHED:
        words.append(("predictions for other data", ("predict", str(run.id), "--data", "NEW.csv")))
        words.append(("the model as a file", ("export", str(run.id), "-o", "model.onnx")))
    return [
        {"purpose": purpose, "command": run_command(context, *parts)} for purpose, parts in words
    ]

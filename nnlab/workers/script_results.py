"""The result of a script's run: its objective, the selected evaluation, and the findings."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from nnlab import store
from nnlab.diagnosis.external_curves import diagnose_external
from nnlab.objective import Objective
from nnlab.records import Curve, History, Run, Status
from nnlab.scripts.objectives import find_objective_metric, guess_objective
from nnlab.workers.callbacks import RunResult
from nnlab.workers.script_outcome import ScriptOutcome
from nnlab.workers.script_recorder import ScriptRecorder
from nnlab.workers.spool import retry_when_disconnected


def finish_script_run(
    db: store.AnyDatabase,
    run: Run,
    recorder: ScriptRecorder,
    outcome: ScriptOutcome,
    note: Callable[[str], None],
    *,
    pruned_at: int | None = None,
) -> RunResult:
    """Stores the end of an attempt at a run; returns its result.

    Raises:
        LeaseLost: another worker has claimed the run.
        StoreError: it cannot be stored.
    """
    writer = recorder.finish_points()
    history = retry_when_disconnected(partial(store.history, db, run.id), note)
    objective = _resolve_objective(db, run, history, note)
    curve = None if objective is None else history.get(objective.metric)
    selected = None if curve is None or objective is None else _best_point(curve, objective)
    status, reason = outcome.status, outcome.reason
    if status is Status.FINISHED and curve is not None and not math.isfinite(curve.values[-1]):
        status = Status.DIVERGED
        reason = f"{curve.metric} is {curve.values[-1]} at {writer.axis} {curve.epochs[-1]}"
    has_ended = status in (Status.FINISHED, Status.DIVERGED)
    findings = diagnose_external(history, writer.axis) if has_ended else ()
    finish = partial(
        writer.finish,
        status,
        wall_seconds=recorder.seconds,
        selected_epoch=selected[0] if selected and has_ended else None,
        reason=reason,
        traceback=outcome.traceback,
        findings=findings,
        pruned_at=pruned_at,
    )
    retry_when_disconnected(finish, note)
    return RunResult(
        replace(run, axis=writer.axis),
        status,
        reason,
        findings,
        selected[0] if selected else None,
        selected[1] if selected else None,
        recorder.seconds,
        selected_metric=objective.metric if objective else None,
    )


def _resolve_objective(
    db: store.AnyDatabase, run: Run, history: History, note: Callable[[str], None]
) -> Objective | None:
    """The objective with the name that the script gives to its metric; None if there is none.

    The study keeps it: the runs of a study without an objective are ranked by what is guessed here.
    """
    stored = store.find_objective(db, run.id)
    if not history.metrics:
        note("no metrics were found: --metrics says where they are, or nnlab.log records them")
        return None
    if stored is None:
        objective = guess_objective(history.metrics)
    else:
        objective = find_objective_metric(stored, history.metrics)
    if objective is None:
        logged_names = ", ".join(history.metrics)
        missing = "no metric with a known direction" if stored is None else f"no {stored.metric}"
        note(
            f"it has logged {missing}, only {logged_names}:"
            " --objective METRIC:max names one of them"
        )
    elif objective != stored:
        is_new = store.put_objective(db, run.id, objective, replaced=stored)
        if is_new and stored is None:
            better = "lower" if objective.direction == "min" else "higher"
            note(
                f"runs are ranked by {objective.metric} ({better} is better);"
                " --objective METRIC:max or :min chooses another metric"
            )
    return objective


def _best_point(curve: Curve, objective: Objective) -> tuple[int, float] | None:
    """The first position with the best value of a curve; None if it has no finite value."""
    points = [(epoch, value) for epoch, value in curve if math.isfinite(value)]
    if not points:
        return None
    sign = 1 if objective.direction == "min" else -1
    return min(points, key=lambda point: sign * point[1])

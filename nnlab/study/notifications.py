"""The events of `train --notify`: failures of runs and the end of an execution."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.analysis.arm_labels import load_arms, trial_labels
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import RankingRequest
from nnlab.analysis.scope import Scope
from nnlab.errors import Interrupted, NnlabError
from nnlab.records import Run, Status
from nnlab.workers.notify import Event, Notifier

if TYPE_CHECKING:
    from nnlab.workers.callbacks import RunResult

OnRunEnd = Callable[["RunResult"], None]


@contextmanager
def send_notifications(
    command: str | None,
    db: store.Database,
    run_ids: Sequence[int],
    report_problem: Callable[[str], None],
) -> Iterator[OnRunEnd | None]:
    """Runs a command for each failed run during the body of the context, and at its end.

    The context value is a function to call when a run has ended, or None without a command. The
    failure of a single run is only sent with the end. Without runs to train nothing is sent.

    Args:
        command: the command of the user, or None.
        db: the database.
        run_ids: the runs that are executed in the body.
        report_problem: receives a message at the end if the command failed.
    """
    missing = [run for run in store.runs(db, run_ids=run_ids) if run.status.needs_training]
    if command is None or not missing:
        yield None
        return
    notifier = Notifier(command)

    def send_failure(result: "RunResult") -> None:
        if result.status is Status.FAILED and len(missing) > 1:
            run = result.run
            notifier.notify(Event("failed", run.trial.study, run=run.id, reason=result.reason))

    try:
        with notifier:
            try:
                yield send_failure
            except BaseException as error:
                notifier.notify(_final_event(db, run_ids, missing, error))
                raise
            notifier.notify(_final_event(db, run_ids, missing, None))
    finally:
        if notifier.failure_message:
            report_problem(notifier.failure_message)


def _final_event(
    db: store.Database,
    run_ids: Sequence[int],
    missing: Sequence[Run],
    error: BaseException | None,
) -> Event:
    reason = None
    if error is not None:
        reason = error.message if isinstance(error, NnlabError) else repr(error)
    values: dict[str, Any] = {
        "study": missing[0].trial.study,
        "run": missing[0].id if len(missing) == 1 else None,
        "reason": reason,
    }
    with suppress(NnlabError):  # the database may be what failed
        values |= _result_values(db, run_ids)
    match error:
        case None:
            return Event("finished", **values)
        case Interrupted() | KeyboardInterrupt():
            return Event("interrupted", **values)
        case _:
            return Event("failed", **values)


def _result_values(db: store.Database, run_ids: Sequence[int]) -> dict[str, Any]:
    """The counts of runs, and the best trial where the runs can be compared."""
    runs = store.runs(db, run_ids=run_ids)
    values: dict[str, Any] = {
        "runs": len(runs),
        "failed": sum(run.status is Status.FAILED for run in runs),
    }
    ranking = rank(db, Scope("these runs", runs=tuple(run_ids)), RankingRequest(top=1))
    # Runs that cannot be compared have no best trial.
    if ranking.rows and not ranking.left_out:
        best = ranking.rows[0]
        values["best"] = best.value.mean if math.isfinite(best.value.mean) else None
        values["best_metric"] = ranking.objective.metric
        labels = trial_labels((run.trial for run in runs), load_arms(db))
        values["best_trial"] = labels[best.trials[0]]
    return values

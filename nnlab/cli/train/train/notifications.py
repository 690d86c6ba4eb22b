"""`train --notify`: which events there are while runs are worked off, and what they say."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from nnlab import store
from nnlab.analysis.ranking import rank
from nnlab.analysis.scope import Scope
from nnlab.cli.output.render import note
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.errors import Interrupted, NnlabError
from nnlab.records import Epoch, Run, Status
from nnlab.workers.notify import Event, Notifier

if TYPE_CHECKING:
    from nnlab.cli.train.train.progress import TrainView
    from nnlab.workers.callbacks import RunResult

OnRunEnd = Callable[["RunResult"], None]


@contextmanager
def send_notifications(
    command: str | None, db: store.Database, run_ids: Sequence[int]
) -> Iterator[OnRunEnd | None]:
    """Around the work on these runs: tells of each failure on the way, and of the end.

    Gives what is to be called when a run is over, or None where nobody wants to know. The
    failure of the only run is told once, with the end; where nothing is left to train, nothing.
    """
    missing = [run for run in store.runs(db, run_ids=run_ids) if run.status.needs_training]
    if command is None or not missing:
        yield None
        return

    def tell_failure(ended: "RunResult") -> None:
        if ended.status is Status.FAILED and len(missing) > 1:
            run = ended.run
            notifier.notify(Event("failed", run.trial.study, run=run.id, reason=ended.reason))

    notifier = Notifier(command)
    try:
        with notifier:
            try:
                yield tell_failure
            except BaseException as error:
                notifier.notify(_final_event(db, run_ids, missing, error))
                raise
            notifier.notify(_final_event(db, run_ids, missing, None))
    finally:
        if notifier.failure_message:
            note(notifier.failure_message)


def _final_event(
    db: store.Database,
    run_ids: Sequence[int],
    missing: Sequence[Run],
    error: BaseException | None,
) -> Event:
    facts: dict[str, Any] = {
        "study": missing[0].trial.study,
        "run": missing[0].id if len(missing) == 1 else None,
        "reason": error.message
        if isinstance(error, NnlabError)
        else repr(error)
        if error
        else None,
    }
    with suppress(NnlabError):  # the database may be what failed
        facts |= _result_facts(db, run_ids)
    match error:
        case None:
            return Event("finished", **facts)
        case Interrupted() | KeyboardInterrupt():
            return Event("interrupted", **facts)
        case _:
            return Event("failed", **facts)


def _result_facts(db: store.Database, run_ids: Sequence[int]) -> dict[str, Any]:
    runs = store.runs(db, run_ids=run_ids)
    facts: dict[str, Any] = {
        "runs": len(runs),
        "failed": sum(run.status is Status.FAILED for run in runs),
    }
    ranking = rank(db, Scope("these runs", runs=tuple(run_ids)), top=1)
    # Of runs that cannot be compared none is the best.
    if ranking.rows and not ranking.left_out:
        best = ranking.rows[0]
        facts["best"] = best.value.mean if math.isfinite(best.value.mean) else None
        facts["best_metric"] = ranking.objective.metric
        facts["best_trial"] = setting_label(
            best.setting, distinguishing_fields([run.trial.setting for run in runs])
        )
    return facts


class ForwardingView:
    """A view whose ended runs are told to somebody else as well."""

    def __init__(self, view: "TrainView", on_ended: OnRunEnd) -> None:
        self._view = view
        self._on_ended = on_ended

    def __enter__(self) -> Self:
        self._view.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._view.__exit__(*error)

    def on_run_start(self, run: Run, epoch: int) -> None:
        """Passed on."""
        self._view.on_run_start(run, epoch)

    def on_epoch_end(self, run: Run, epoch: Epoch) -> None:
        """Passed on."""
        self._view.on_epoch_end(run, epoch)

    def on_note(self, run: Run, message: str) -> None:
        """Passed on."""
        self._view.on_note(run, message)

    def on_run_end(self, result: "RunResult") -> None:
        """Passed on, and told."""
        self._view.on_run_end(result)
        self._on_ended(result)

    def stopping(self) -> None:
        """Passed on."""
        self._view.stopping()

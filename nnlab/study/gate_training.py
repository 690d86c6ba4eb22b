"""Trains the runs of a gate, and says what the gate needs from its caller."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.gate import GatePair
from nnlab.errors import NnlabError
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.records import LedgerEntry, Run, Status, Study
from nnlab.study.execution import ExecutionResult
from nnlab.study.gate_candidate import GateCandidate
from nnlab.study.queue import QueuedRuns

_WITH_RESULT = (Status.FINISHED, Status.DIVERGED)


@dataclass(frozen=True, slots=True)
class GateInterface:
    """What the caller of a gate provides.

    Attributes:
        train: trains what is missing of queued runs.
        report_pair: receives each pair of runs, and the entry of the ledger after it.
        report: receives sentences for the user.
    """

    train: Callable[[store.Database, QueuedRuns], ExecutionResult]
    report_pair: Callable[[GatePair, LedgerEntry], None]
    report: Callable[[str], None]


def train_run_specs(
    db: store.Database, study: Study, specs: Sequence[store.RunSpec], interface: GateInterface
) -> tuple[Run, ...]:
    """The runs of these specifications in their order, after the missing ones were trained.

    Runs that fail or diverge are returned like the others.

    Raises:
        Interrupted: the user stopped it.
        NnlabError: a run has no result although nothing went wrong, for example because of
            `nnlab stop`.
    """
    enqueued = store.enqueue(db, study, specs)
    result = interface.train(db, QueuedRuns(study, tuple(specs), enqueued))
    runs = {run.id: run for run in store.runs(db, run_ids=enqueued.run_ids)}
    for run in runs.values():
        if run.status not in (*_WITH_RESULT, Status.FAILED):
            raise result.error or NnlabError(
                f"run {run.id} was not trained to its end", hint="the same command goes on"
            )
    return tuple(runs[run_id] for run_id in enqueued.run_ids)


def train_missing_seeds(
    db: store.Database,
    study: Study,
    candidate: GateCandidate,
    max_seeds: int,
    interface: GateInterface,
    introduction: str,
) -> tuple[Run, ...]:
    """The runs of a candidate with all seeds of a test, after those without a result were trained.

    The next candidates are compared with it, perhaps after its code was changed.

    Args:
        db: the database, open for writing.
        study: its study.
        candidate: the candidate, whose code is there now.
        max_seeds: the number of seeds.
        interface: how runs are trained and shown.
        introduction: what it is, for the user.

    Raises:
        Interrupted, NnlabError: as `train_run_specs`.
    """
    runs = store.runs(db, study=study.id, current_only=True)
    ended = {
        run.seed
        for run in runs
        if run.trial.digest == candidate.digest and run.status in _WITH_RESULT
    }
    if missing := sum(seed not in ended for seed in range(max_seeds)):
        interface.report(
            f"{introduction}: {format_count(missing, 'seed')} of this candidate"
            f" {'is' if missing == 1 else 'are'} trained now, because the next candidates are"
            " compared with it and its code may be changed"
        )
    specs = [candidate.run_spec(seed) for seed in range(max_seeds)]
    return train_run_specs(db, study, specs, interface)


def check_baseline_run(run: Run) -> None:
    """Checks that a run of the baseline has a result.

    Raises:
        NnlabError: it failed or diverged.
    """
    if run.status is Status.FINISHED:
        return
    verb = "failed" if run.status is Status.FAILED else "diverged"
    show = quote_command("nnlab", "show", run.id)
    raise NnlabError(
        f"the baseline {verb} with seed {run.seed}, so that no pair can be compared; run {run.id}:"
        f" {run.reason}",
        hint=f"{show} says more; --against RUN compares with another trial",
    )

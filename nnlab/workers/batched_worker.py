"""`train_batched` trains several claimed runs as one program; each is stored like a single run."""

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from nnlab import store
from nnlab.engine.batched.batched_runs import BatchedRuns
from nnlab.engine.session import Session
from nnlab.errors import LeaseLost, OutputError, StoreError
from nnlab.records import Epoch, Status
from nnlab.workers.callbacks import RunResult
from nnlab.workers.heartbeat import heartbeat
from nnlab.workers.run_context import RunContext
from nnlab.workers.spool import EpochDelivery, retry_when_disconnected
from nnlab.workers.worker import error_summary, release_after_error
from nnlab.workers.worker_context import WorkerContext


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The results of a batch, and the claims that could not be trained in it."""

    results: tuple[RunResult, ...]
    remaining: tuple[store.Claim, ...] = ()


def train_batched(context: WorkerContext, claims: Sequence[store.Claim]) -> BatchOutcome:
    """Trains claimed runs together until each of them ends or the worker is asked to stop.

    If the batch fails as a whole, for example for lack of memory, the runs that have not ended are
    returned as `remaining`. They are still claimed.

    Args:
        context: the worker's database, callbacks and stop request.
        claims: runs of one group (`BatchPlanner.groups`).

    Raises:
        StoreError, OutputError: nothing more can be stored; the runs stay resumable.
        KeyboardInterrupt: stopped during an epoch; the runs are marked as interrupted.
    """
    batch = _BatchedWorker(context, claims)
    try:
        with heartbeat(context.db, claims):
            batch.train()
    except (StoreError, OutputError) as error:
        batch.release_unfinished(error)
        raise
    except Exception as error:  # noqa: BLE001  whatever failed, each run may work by itself
        remaining = tuple(batch.remaining)
        context.callbacks.on_note(
            remaining[0].run,
            f"{len(remaining)} runs could not be trained together: {error_summary(error)};"
            " retrying with half as many at once",
        )
        return BatchOutcome(tuple(batch.results), remaining)
    except BaseException as error:
        batch.release_unfinished(error)
        raise
    return BatchOutcome(tuple(batch.results))


class _BatchedWorker:
    """The state of one batch: `remaining` claims that have not ended, `results` of the others."""

    def __init__(self, context: WorkerContext, claims: Sequence[store.Claim]) -> None:
        self._context = context
        self._run_contexts: dict[int, RunContext] = {}  # by the id() of their session
        self._note = partial(context.callbacks.on_note, claims[0].run)
        self._delivery: EpochDelivery[RunContext] = EpochDelivery(context.db, self._note)
        self.remaining = list(claims)
        self.results: list[RunResult] = []

    def train(self) -> None:
        for claim in list(self.remaining):
            self._build(claim)
        if not self._run_contexts:
            return
        run_contexts = list(self._run_contexts.values())
        batched_runs = BatchedRuns([run_context.memory_session for run_context in run_contexts])
        self._open(run_contexts)
        self._finish_sessions(batched_runs.remove_finished())
        while batched_runs.sessions:
            self._store_epochs(batched_runs.train_epoch())
            self._save_checkpoints(batched_runs)
            self._apply_stop_requests(batched_runs.sessions)
            self._finish_sessions(batched_runs.remove_finished())

    def release_unfinished(self, error: BaseException) -> None:
        """Releases the remaining runs, so that they can be resumed."""
        # If the store itself failed, the leases expire.
        db = self._context.db
        with contextlib.suppress(StoreError), db.transaction(exclusive=False):
            for claim in self.remaining:
                store.release_run(db, claim, Status.INTERRUPTED, reason=error_summary(error))

    def _build(self, claim: store.Claim) -> None:
        """Builds the session of a run; an error ends this run and none of the others."""
        build = partial(RunContext, self._context, claim, batch_size=len(self.remaining))
        try:
            run_context = retry_when_disconnected(build, self._note)
        except Exception as error:  # noqa: BLE001  a user's model may raise anything
            self._finish(claim, release_after_error(self._context.db, claim, error))
        else:
            self._run_contexts[id(run_context.session)] = run_context

    def _open(self, run_contexts: Sequence[RunContext]) -> None:
        def open_all() -> None:
            with self._context.db.transaction(exclusive=False):
                for run_context in run_contexts:
                    with self._handle_lease_lost(run_context):
                        run_context.open(f"stacked {len(run_contexts)}")

        retry_when_disconnected(open_all, self._note)
        for run_context in run_contexts:
            self._context.callbacks.on_run_start(run_context.run, run_context.session.epoch)

    def _store_epochs(self, epochs: Sequence[tuple[Session, Epoch]]) -> None:
        """Stores an epoch of all runs in one transaction, then calls the callbacks."""
        run_contexts = [self._run_contexts[id(session)] for session, _ in epochs]
        for run_context, (_, epoch) in zip(run_contexts, epochs, strict=True):
            run_context.add_epoch(epoch)
        self._delivery.store(run_contexts, self._handle_lease_lost)
        for run_context, (_, epoch) in zip(run_contexts, epochs, strict=True):
            if run_context.claim in self.remaining:
                self._context.callbacks.on_epoch_end(run_context.run, epoch)
                run_context.check_epoch(epoch)

    def _save_checkpoints(self, batched_runs: BatchedRuns) -> None:
        """Writes the checkpoints that are due."""
        for session in batched_runs.sessions:
            checkpoints = self._run_contexts[id(session)].checkpoints
            if session.status is Status.RUNNING and checkpoints.is_due(session):
                batched_runs.write_back_to_session(session)
                checkpoints.save_if_reachable(session)

    def _apply_stop_requests(self, sessions: Sequence[Session]) -> None:
        stop_all = self._context.should_stop()
        for session in sessions:
            stop = stop_all or self._run_contexts[id(session)].stop_requested
            if stop and session.status is Status.RUNNING:
                session.status = Status.INTERRUPTED

    def _finish_sessions(self, sessions: Sequence[Session]) -> None:
        """Stores the results of runs that have left the batch."""
        run_contexts = self._claimed([self._run_contexts[id(session)] for session in sessions])
        if not run_contexts:
            return
        # The spooled epochs of all runs of the batch are delivered in one transaction.
        all_contexts = self._claimed(list(self._run_contexts.values()))
        self._delivery.flush(all_contexts, self._handle_lease_lost)
        run_contexts = self._claimed(run_contexts)
        for run_context in run_contexts:
            run_context.evaluate_test_split()
        store_results = partial(self._store_results, run_contexts)
        for run_context, result in retry_when_disconnected(store_results, self._note):
            run_context.remove_checkpoints()
            self._finish(run_context.claim, result)

    def _claimed(self, run_contexts: Sequence[RunContext]) -> list[RunContext]:
        """Those of the runs that have not ended and that no other worker has taken over."""
        return [context for context in run_contexts if context.claim in self.remaining]

    def _store_results(
        self, run_contexts: Sequence[RunContext]
    ) -> list[tuple[RunContext, RunResult]]:
        for run_context in run_contexts:
            run_context.write_final_files()
        results = []
        with self._context.db.transaction(exclusive=False):
            for run_context in run_contexts:
                with self._handle_lease_lost(run_context):
                    results.append((run_context, run_context.store_result()))
        return results

    @contextmanager
    def _handle_lease_lost(self, run_context: RunContext) -> Iterator[None]:
        """Drops a run that another worker has taken over."""
        try:
            yield
        except LeaseLost as error:
            run_context.session.status = Status.INTERRUPTED
            claim = run_context.claim
            self._finish(claim, release_after_error(self._context.db, claim, error))

    def _finish(self, claim: store.Claim, result: RunResult) -> None:
        self.remaining.remove(claim)
        self.results.append(result)
        self._context.callbacks.on_run_end(result)

"""The worker of a stack: takes claimed runs through the engine together, stored as if alone."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.engine.batched.batched_runs import BatchedRuns
from nnlab.engine.session import Session
from nnlab.errors import LeaseLost, OutputError, StoreError
from nnlab.records import Epoch, Status
from nnlab.workers.callbacks import RunCallbacks, RunResult
from nnlab.workers.run_context import RunContext
from nnlab.workers.save_policy import DEFAULT_SAVE_POLICY, SavePolicy
from nnlab.workers.spool import EpochDelivery, retry_when_disconnected
from nnlab.workers.worker import error_summary, heartbeat, release_after_error, train_run

if TYPE_CHECKING:
    from nnlab.engine.process_group import ProcessGroup


def train_batched(
    db: store.AnyDatabase,
    claims: Sequence[store.Claim],
    listener: RunCallbacks,
    should_stop: Callable[[], bool],
    *,
    keeping: SavePolicy = DEFAULT_SAVE_POLICY,
    wait_until_alone: Callable[[], None] | None = None,
    team: "ProcessGroup | None" = None,
) -> tuple[RunResult, ...]:
    """Trains claimed runs that can be stacked until each of them ends or is to stop.

    Where they cannot be trained together after all, for want of memory for one, each half is
    tried by itself, down to single runs.

    Args:
        db: where everything is stored.
        claims: runs of one kind (`grouping.key_of`).
        listener: told of each epoch once it is durable.
        should_stop: asked between epochs.
        keeping: what is kept of the runs.
        wait_until_alone: as for `work_off`.
        team: as for `work_off`; it takes one run at a time.

    Raises:
        StoreError, OutputError: nothing more can be stored; the runs stay resumable.
        KeyboardInterrupt: passed on; the runs are marked interrupted.
    """
    if len(claims) == 1:
        ended_alone = train_run(
            db,
            claims[0],
            listener,
            should_stop,
            keeping=keeping,
            wait_until_alone=wait_until_alone,
            team=team,
        )
        return (ended_alone,)
    job = _BatchedWorker(db, claims, listener, should_stop, keeping=keeping)
    try:
        with heartbeat(db, claims):
            job.train()
    except (StoreError, OutputError) as error:
        job.release_unfinished(error)
        raise
    except Exception as error:  # noqa: BLE001  whatever it was, each run can still go on alone
        left = list(job.left)
        told = f"{len(left)} runs could not be trained together: {error_summary(error)}"
        listener.noted(left[0].run, f"{told}; now half of them at a time")
    except BaseException as error:
        job.release_unfinished(error)
        raise
    else:
        return tuple(job.ended)
    ended = list(job.ended)
    del job  # and with it the memory that was too small
    middle = (len(left) + 1) // 2
    for half in (left[:middle], left[middle:]):
        if half:
            ended += train_batched(
                db,
                half,
                listener,
                should_stop,
                keeping=keeping,
                wait_until_alone=wait_until_alone,
            )
    return tuple(ended)


class _BatchedWorker:
    """The runs of one stack: `left` are those that are not over, `ended` how the others ended."""

    def __init__(
        self,
        db: store.AnyDatabase,
        claims: Sequence[store.Claim],
        listener: RunCallbacks,
        should_stop: Callable[[], bool],
        *,
        keeping: SavePolicy,
    ) -> None:
        self._db, self._listener, self._should_stop = db, listener, should_stop
        self._keeping = keeping
        self._works: dict[int, RunContext] = {}  # by the id of their session
        self._tell = partial(listener.noted, claims[0].run)
        self._delivery: EpochDelivery[RunContext] = EpochDelivery(db, self._tell)
        self.left = list(claims)
        self.ended: list[RunResult] = []

    def train(self) -> None:
        for claim in list(self.left):
            self._begin(claim)
        if not self._works:
            return
        works = list(self._works.values())
        stack = BatchedRuns([work.session for work in works])
        self._open(works)
        self._close(stack.remove_finished())
        while stack.sessions:
            self._store(stack.train_epoch())
            self._save(stack)
            stop = self._should_stop()
            for session in stack.sessions:
                wanted = stop or self._works[id(session)].stop_requested
                if wanted and session.status is Status.RUNNING:
                    session.status = Status.INTERRUPTED
            self._close(stack.remove_finished())

    def release_unfinished(self, error: BaseException) -> None:
        """Leaves what is not over to whoever takes it up."""
        # The store may be what failed; then the leases lapse.
        with contextlib.suppress(StoreError), self._db.transaction(alone=False):
            for claim in self.left:
                store.release_run(self._db, claim, Status.INTERRUPTED, reason=error_summary(error))

    def _begin(self, claim: store.Claim) -> None:
        """Puts a run together; one that cannot be is over, and no other with it."""
        try:
            work = retry_when_disconnected(partial(self._work, claim), self._tell)
        except Exception as error:  # noqa: BLE001  as for a single run
            self._over(claim, release_after_error(self._db, claim, error))
        else:
            self._works[id(work.session)] = work

    def _work(self, claim: store.Claim) -> RunContext:
        return RunContext(self._db, claim, self._listener, self._keeping, beside=len(self.left) - 1)

    def _open(self, works: Sequence[RunContext]) -> None:
        def open_all() -> None:
            with self._db.transaction(alone=False):
                for work in works:
                    with self._losing(work):
                        work.open(f"stacked {len(works)}")

        retry_when_disconnected(open_all, self._tell)
        for work in works:
            self._listener.started(work.run, work.session.epoch)

    def _store(self, epochs: Sequence[tuple[Session, Epoch]]) -> None:
        """Stores an epoch of all runs in one transaction, then tells of it."""
        works = [self._works[id(session)] for session, _ in epochs]
        for work, (_, epoch) in zip(works, epochs, strict=True):
            work.add(epoch)
        self._delivery.send(works, self._losing)
        for session, epoch in epochs:
            work = self._works[id(session)]
            if work.claim in self.left:
                self._listener.epoch(work.run, epoch)
                work.check_epoch(epoch)

    def _save(self, stack: BatchedRuns) -> None:
        """Writes the checkpoints that are due."""
        for session in stack.sessions:
            checkpoints = self._works[id(session)].checkpoints
            if session.status is Status.RUNNING and checkpoints.is_due(session):
                stack.write_back_to_session(session)
                checkpoints.save_if_reachable(session)

    def _close(self, sessions: Sequence[Session]) -> None:
        """Stores how runs ended that have left the stack."""
        works = [self._works[id(session)] for session in sessions]
        works = [work for work in works if work.claim in self.left]
        if not works:
            return
        # Others of the stack have epochs under way as well.
        left = [work for work in self._works.values() if work.claim in self.left]
        self._delivery.settle(left, self._losing)
        works = [work for work in works if work.claim in self.left]
        for work in works:
            work.test()
        for work, ended in retry_when_disconnected(partial(self._closed, works), self._tell):
            work.tidy()
            self._over(work.claim, ended)

    def _closed(self, works: Sequence[RunContext]) -> list[tuple[RunContext, RunResult]]:
        for work in works:
            work.conclude()
        closed = []
        with self._db.transaction(alone=False):
            for work in works:
                with self._losing(work):
                    closed.append((work, work.close()))
        return closed

    @contextmanager
    def _losing(self, work: RunContext) -> Iterator[None]:
        """Lets go of a run that another worker has taken over."""
        try:
            yield
        except LeaseLost as error:
            work.session.status = Status.INTERRUPTED
            self._over(work.claim, release_after_error(self._db, work.claim, error))

    def _over(self, claim: store.Claim, ended: RunResult) -> None:
        self.left.remove(claim)
        self.ended.append(ended)
        self._listener.ended(ended)

"""The worker of a stack: takes claimed runs through the engine together, stored as if alone."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.engine.batched.batched_runs import Stack
from nnlab.engine.session import Session
from nnlab.errors import LeaseLost, OutputError, StoreError
from nnlab.records import Epoch, Status
from nnlab.workers.callbacks import Ended, Listener
from nnlab.workers.run_context import Work
from nnlab.workers.save_policy import KEEPING, Keeping
from nnlab.workers.spool import Delivery, patiently
from nnlab.workers.worker import given_back, heartbeat, reason_of, train_run

if TYPE_CHECKING:
    from nnlab.engine.process_group import Team


def train_together(
    db: store.AnyDatabase,
    claims: Sequence[store.Claim],
    listener: Listener,
    should_stop: Callable[[], bool],
    *,
    keeping: Keeping = KEEPING,
    wait_until_alone: Callable[[], None] | None = None,
    team: "Team | None" = None,
) -> tuple[Ended, ...]:
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
    job = _Job(db, claims, listener, should_stop, keeping=keeping)
    try:
        with heartbeat(db, claims):
            job.train()
    except (StoreError, OutputError) as error:
        job.give_back(error)
        raise
    except Exception as error:  # noqa: BLE001  whatever it was, each run can still go on alone
        left = list(job.left)
        told = f"{len(left)} runs could not be trained together: {reason_of(error)}"
        listener.noted(left[0].run, f"{told}; now half of them at a time")
    except BaseException as error:
        job.give_back(error)
        raise
    else:
        return tuple(job.ended)
    ended = list(job.ended)
    del job  # and with it the memory that was too small
    middle = (len(left) + 1) // 2
    for half in (left[:middle], left[middle:]):
        if half:
            ended += train_together(
                db,
                half,
                listener,
                should_stop,
                keeping=keeping,
                wait_until_alone=wait_until_alone,
            )
    return tuple(ended)


class _Job:
    """The runs of one stack: `left` are those that are not over, `ended` how the others ended."""

    def __init__(
        self,
        db: store.AnyDatabase,
        claims: Sequence[store.Claim],
        listener: Listener,
        should_stop: Callable[[], bool],
        *,
        keeping: Keeping,
    ) -> None:
        self._db, self._listener, self._should_stop = db, listener, should_stop
        self._keeping = keeping
        self._works: dict[int, Work] = {}  # by the id of their session
        self._tell = partial(listener.noted, claims[0].run)
        self._delivery: Delivery[Work] = Delivery(db, self._tell)
        self.left = list(claims)
        self.ended: list[Ended] = []

    def train(self) -> None:
        for claim in list(self.left):
            self._begin(claim)
        if not self._works:
            return
        works = list(self._works.values())
        stack = Stack([work.session for work in works])
        self._open(works)
        self._close(stack.dismiss())
        while stack.sessions:
            self._store(stack.epoch())
            self._save(stack)
            stop = self._should_stop()
            for session in stack.sessions:
                wanted = stop or self._works[id(session)].stop_requested
                if wanted and session.status is Status.RUNNING:
                    session.status = Status.INTERRUPTED
            self._close(stack.dismiss())

    def give_back(self, error: BaseException) -> None:
        """Leaves what is not over to whoever takes it up."""
        # The store may be what failed; then the leases lapse.
        with contextlib.suppress(StoreError), self._db.together(alone=False):
            for claim in self.left:
                store.release(self._db, claim, Status.INTERRUPTED, reason=reason_of(error))

    def _begin(self, claim: store.Claim) -> None:
        """Puts a run together; one that cannot be is over, and no other with it."""
        try:
            work = patiently(partial(self._work, claim), self._tell)
        except Exception as error:  # noqa: BLE001  as for a single run
            self._over(claim, given_back(self._db, claim, error))
        else:
            self._works[id(work.session)] = work

    def _work(self, claim: store.Claim) -> Work:
        return Work(self._db, claim, self._listener, self._keeping, beside=len(self.left) - 1)

    def _open(self, works: Sequence[Work]) -> None:
        def open_all() -> None:
            with self._db.together(alone=False):
                for work in works:
                    with self._losing(work):
                        work.open(f"stacked {len(works)}")

        patiently(open_all, self._tell)
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
                work.judge(epoch)

    def _save(self, stack: Stack) -> None:
        """Writes the checkpoints that are due."""
        for session in stack.sessions:
            checkpoints = self._works[id(session)].checkpoints
            if session.status is Status.RUNNING and checkpoints.is_due(session):
                stack.write_back(session)
                checkpoints.save_if_there(session)

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
        for work, ended in patiently(partial(self._closed, works), self._tell):
            work.tidy()
            self._over(work.claim, ended)

    def _closed(self, works: Sequence[Work]) -> list[tuple[Work, Ended]]:
        for work in works:
            work.conclude()
        closed = []
        with self._db.together(alone=False):
            for work in works:
                with self._losing(work):
                    closed.append((work, work.close()))
        return closed

    @contextmanager
    def _losing(self, work: Work) -> Iterator[None]:
        """Lets go of a run that another worker has taken over."""
        try:
            yield
        except LeaseLost as error:
            work.session.status = Status.INTERRUPTED
            self._over(work.claim, given_back(self._db, work.claim, error))

    def _over(self, claim: store.Claim, ended: Ended) -> None:
        self.left.remove(claim)
        self.ended.append(ended)
        self._listener.ended(ended)

"""The worker: takes a claimed run through the engine and hands every epoch to the store.

Whatever happens, the run ends in a state that tells the truth: finished, diverged, failed with
its reason, or interrupted and ready to go on.
"""

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import torch

from nnlab import store
from nnlab.engine import memory
from nnlab.engine.failure import describe, traceback_text
from nnlab.engine.loop import train
from nnlab.errors import LeaseLost, NnlabError, OutputError, StoreError
from nnlab.io.redaction import mask_secrets
from nnlab.records import Epoch, Status
from nnlab.workers.callbacks import Ended, Listener
from nnlab.workers.parallel_config import END, GO, SAVE, STOP
from nnlab.workers.run_context import LEASE_SECONDS, Work, ranks
from nnlab.workers.save_policy import KEEPING, Keeping
from nnlab.workers.spool import Delivery, patiently

if TYPE_CHECKING:
    from nnlab.engine.process_group import Team


def train_run(
    db: store.AnyDatabase,
    claim: store.Claim,
    listener: Listener,
    should_stop: Callable[[], bool],
    *,
    keeping: Keeping = KEEPING,
    wait_until_alone: Callable[[], None] | None = None,
    team: "Team | None" = None,
) -> Ended:
    """Trains a claimed run until it ends or is to stop.

    Args:
        db: where everything is stored.
        claim: the run and this worker's lease on it.
        listener: told of each epoch once it is durable.
        should_stop: asked between epochs.
        keeping: what is kept of the run.
        wait_until_alone: as for `work_off`.
        team: as for `work_off`.

    Raises:
        StoreError, OutputError: nothing more can be stored; the run stays resumable.
        KeyboardInterrupt: passed on; the run is marked interrupted.
    """

    def attempt() -> Ended:
        return _train(db, claim, listener, should_stop, keeping, team)

    try:
        with heartbeat(db, [claim]):
            if wait_until_alone is None:
                ended = attempt()
            else:
                ended = _with_room(attempt, wait_until_alone, partial(listener.noted, claim.run))
    except BaseException as error:  # noqa: BLE001  a user's model may raise anything
        if team is not None and ranks().is_broken(error):
            ranks().end_with(1)  # as if it had died too: another team takes the run up
        ended = given_back(db, claim, error)
        if team is not None:
            # The others may be anywhere in this run: the next begins with a new team.
            listener.ended(ended)
            ranks().end_with(1)
    listener.ended(ended)
    return ended


def _train(
    db: store.AnyDatabase,
    claim: store.Claim,
    listener: Listener,
    should_stop: Callable[[], bool],
    keeping: Keeping,
    team: "Team | None",
) -> Ended:
    tell = partial(listener.noted, claim.run)
    work = patiently(partial(_begun, db, claim, listener, keeping, team), tell)
    delivery: Delivery[Work] = Delivery(db, tell)
    listener.started(work.run, work.session.epoch)
    words = GO

    def heard_stop() -> bool:
        return bool(words & STOP)

    for epoch in train(work.session, heard_stop):
        work.add(epoch)
        delivery.send([work])
        listener.epoch(work.run, epoch)
        words = _decided(work, epoch, should_stop)
        if team is not None:
            team.agreed(words)
        if words & END:
            break
        if words & SAVE:
            work.checkpoints.save_if_there(work.session)
    delivery.settle([work])
    work.test()
    ended = patiently(partial(_closed, db, work), tell)
    work.tidy()
    return ended


def _decided(work: Work, epoch: Epoch, should_stop: Callable[[], bool]) -> int:
    """What is to happen after a stored epoch, as the words of `together`."""
    if work.judge(epoch):
        return END
    stop = STOP if work.stop_requested or should_stop() else GO
    return stop | (SAVE if work.checkpoints.is_due(work.session) else GO)


def _begun(
    db: store.AnyDatabase,
    claim: store.Claim,
    listener: Listener,
    keeping: Keeping,
    team: "Team | None",
) -> Work:
    work = Work(db, claim, listener, keeping, team=team)
    work.open("solo" if team is None else f"{team.kind} {team.size}")
    return work


def _closed(db: store.AnyDatabase, work: Work) -> Ended:
    work.conclude()
    with db.together(alone=False):
        return work.close()


def _with_room(
    attempt: Callable[[], Ended], wait_until_alone: Callable[[], None], tell: Callable[[str], None]
) -> Ended:
    """Tries once more, alone on the device, where memory was short."""
    try:
        return attempt()
    except Exception as error:
        if not memory.is_short(error):
            raise
        tell(f"{reason_of(error)}; it tries again once it is alone on its device")
    # Here, after the error is gone, so is what it held.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    wait_until_alone()
    return attempt()


def given_back(db: store.AnyDatabase, claim: store.Claim, error: BaseException) -> Ended:
    """Gives a run back that an error has ended, and says how.

    Raises:
        StoreError, OutputError: nothing more can be stored; the run stays resumable.
        BaseException: what is no Exception, as KeyboardInterrupt; the run is marked interrupted.
    """
    if isinstance(error, LeaseLost):
        return Ended(claim.run, Status.INTERRUPTED, error.message)
    if isinstance(error, StoreError | OutputError) or not isinstance(error, Exception):
        # The store may be what failed; then the lease lapses, and the run is taken up again.
        with contextlib.suppress(StoreError):
            store.release(db, claim, Status.INTERRUPTED, reason=reason_of(error))
        raise error
    peak = memory.peak_bytes() if memory.is_short(error) else None
    fail = partial(store.release, db, claim, Status.FAILED, reason=reason_of(error))
    patiently(partial(fail, peak_bytes=peak, traceback=traceback_text(error)))
    return Ended(claim.run, Status.FAILED, reason_of(error))


@contextmanager
def heartbeat(db: store.AnyDatabase, claims: Sequence[store.Claim]) -> Iterator[None]:
    """Renews the leases from a thread, for epochs that outlast them."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(LEASE_SECONDS / 4):
            for claim in claims:
                # A lease that is lost the next write tells of; a store that is busy or full for
                # now leaves time for three more tries.
                with contextlib.suppress(StoreError):
                    store.renew(db, claim, LEASE_SECONDS)

    thread = threading.Thread(target=beat, name="nnlab-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def reason_of(error: BaseException) -> str:
    """What went wrong, in a line without secrets: it is stored, shown, and told to --notify."""
    if isinstance(error, NnlabError):
        return mask_secrets(error.message)
    if memory.is_short(error):
        return f"out of memory, at a peak of {memory.peak_bytes() / 2**30:.2f} GiB"
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "stopped by the user in mid epoch"
    return mask_secrets(describe(error))

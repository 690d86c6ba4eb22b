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
from nnlab.engine.error_description import describe_error, format_traceback
from nnlab.engine.loop import train
from nnlab.errors import LeaseLost, NnlabError, OutputError, StoreError
from nnlab.io.redaction import mask_secrets
from nnlab.records import Epoch, Status
from nnlab.workers.callbacks import RunCallbacks, RunResult
from nnlab.workers.parallel_config import CONTINUE_RUN, END_RUN, INTERRUPT_RUN, SAVE_CHECKPOINT
from nnlab.workers.run_context import LEASE_SECONDS, RunContext, import_process_group_launch
from nnlab.workers.save_policy import DEFAULT_SAVE_POLICY, SavePolicy
from nnlab.workers.spool import EpochDelivery, retry_when_disconnected

if TYPE_CHECKING:
    from nnlab.engine.process_group import ProcessGroup


def train_run(
    db: store.AnyDatabase,
    claim: store.Claim,
    listener: RunCallbacks,
    should_stop: Callable[[], bool],
    *,
    keeping: SavePolicy = DEFAULT_SAVE_POLICY,
    wait_until_alone: Callable[[], None] | None = None,
    team: "ProcessGroup | None" = None,
) -> RunResult:
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

    def attempt() -> RunResult:
        return _train(db, claim, listener, should_stop, keeping, team)

    try:
        with heartbeat(db, [claim]):
            if wait_until_alone is None:
                ended = attempt()
            else:
                ended = _retry_alone_on_oom(
                    attempt, wait_until_alone, partial(listener.noted, claim.run)
                )
    except BaseException as error:  # noqa: BLE001  a user's model may raise anything
        if team is not None and import_process_group_launch().is_peer_failure(error):
            import_process_group_launch().exit_immediately(
                1
            )  # as if it had died too: another team takes the run up
        ended = release_after_error(db, claim, error)
        if team is not None:
            # The others may be anywhere in this run: the next begins with a new team.
            listener.ended(ended)
            import_process_group_launch().exit_immediately(1)
    listener.ended(ended)
    return ended


def _train(
    db: store.AnyDatabase,
    claim: store.Claim,
    listener: RunCallbacks,
    should_stop: Callable[[], bool],
    keeping: SavePolicy,
    team: "ProcessGroup | None",
) -> RunResult:
    tell = partial(listener.noted, claim.run)
    work = retry_when_disconnected(
        partial(_open_run_context, db, claim, listener, keeping, team), tell
    )
    delivery: EpochDelivery[RunContext] = EpochDelivery(db, tell)
    listener.started(work.run, work.session.epoch)
    words = CONTINUE_RUN

    def heard_stop() -> bool:
        return bool(words & INTERRUPT_RUN)

    for epoch in train(work.session, heard_stop):
        work.add(epoch)
        delivery.send([work])
        listener.epoch(work.run, epoch)
        words = _decide_after_epoch(work, epoch, should_stop)
        if team is not None:
            team.agreed(words)
        if words & END_RUN:
            break
        if words & SAVE_CHECKPOINT:
            work.checkpoints.save_if_reachable(work.session)
    delivery.settle([work])
    work.test()
    ended = retry_when_disconnected(partial(_finish_run, db, work), tell)
    work.tidy()
    return ended


def _decide_after_epoch(work: RunContext, epoch: Epoch, should_stop: Callable[[], bool]) -> int:
    """What is to happen after a stored epoch, as the words of `together`."""
    if work.check_epoch(epoch):
        return END_RUN
    stop = INTERRUPT_RUN if work.stop_requested or should_stop() else CONTINUE_RUN
    return stop | (SAVE_CHECKPOINT if work.checkpoints.is_due(work.session) else CONTINUE_RUN)


def _open_run_context(
    db: store.AnyDatabase,
    claim: store.Claim,
    listener: RunCallbacks,
    keeping: SavePolicy,
    team: "ProcessGroup | None",
) -> RunContext:
    work = RunContext(db, claim, listener, keeping, team=team)
    work.open("solo" if team is None else f"{team.kind} {team.size}")
    return work


def _finish_run(db: store.AnyDatabase, work: RunContext) -> RunResult:
    work.conclude()
    with db.transaction(alone=False):
        return work.close()


def _retry_alone_on_oom(
    attempt: Callable[[], RunResult],
    wait_until_alone: Callable[[], None],
    tell: Callable[[str], None],
) -> RunResult:
    """Tries once more, alone on the device, where memory was short."""
    try:
        return attempt()
    except Exception as error:
        if not memory.is_out_of_memory(error):
            raise
        tell(f"{error_summary(error)}; it tries again once it is alone on its device")
    # Here, after the error is gone, so is what it held.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    wait_until_alone()
    return attempt()


def release_after_error(
    db: store.AnyDatabase, claim: store.Claim, error: BaseException
) -> RunResult:
    """Gives a run back that an error has ended, and says how.

    Raises:
        StoreError, OutputError: nothing more can be stored; the run stays resumable.
        BaseException: what is no Exception, as KeyboardInterrupt; the run is marked interrupted.
    """
    if isinstance(error, LeaseLost):
        return RunResult(claim.run, Status.INTERRUPTED, error.message)
    if isinstance(error, StoreError | OutputError) or not isinstance(error, Exception):
        # The store may be what failed; then the lease lapses, and the run is taken up again.
        with contextlib.suppress(StoreError):
            store.release_run(db, claim, Status.INTERRUPTED, reason=error_summary(error))
        raise error
    peak = memory.peak_bytes() if memory.is_out_of_memory(error) else None
    fail = partial(store.release_run, db, claim, Status.FAILED, reason=error_summary(error))
    retry_when_disconnected(partial(fail, peak_bytes=peak, traceback=format_traceback(error)))
    return RunResult(claim.run, Status.FAILED, error_summary(error))


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
                    store.renew_lease(db, claim, LEASE_SECONDS)

    thread = threading.Thread(target=beat, name="nnlab-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def error_summary(error: BaseException) -> str:
    """What went wrong, in a line without secrets: it is stored, shown, and told to --notify."""
    if isinstance(error, NnlabError):
        return mask_secrets(error.message)
    if memory.is_out_of_memory(error):
        return f"out of memory, at a peak of {memory.peak_bytes() / 2**30:.2f} GiB"
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "stopped by the user in mid epoch"
    return mask_secrets(describe_error(error))

"""`train_run` trains one claimed run and stores every epoch.

Whatever happens, the stored status of the run is correct: finished, diverged, failed with a reason,
or interrupted and resumable.
"""

import contextlib
import gc
from collections.abc import Callable
from functools import partial

import torch

from nnlab import store
from nnlab.engine import memory
from nnlab.engine.epoch_decision import EpochDecision
from nnlab.engine.error_description import describe_error, format_traceback
from nnlab.engine.run_session import train_session
from nnlab.errors import LeaseLost, NnlabError, OutputError, StoreError
from nnlab.io.redaction import mask_secrets
from nnlab.records import Epoch, Status
from nnlab.workers.callbacks import INTERRUPTED_BY_USER, RunResult
from nnlab.workers.heartbeat import heartbeat
from nnlab.workers.run_context import RunContext
from nnlab.workers.spool import EpochDelivery, retry_when_disconnected
from nnlab.workers.step_control import StepControl
from nnlab.workers.worker_context import WorkerContext


def train_run(context: WorkerContext, claim: store.Claim) -> RunResult:
    """Trains a claimed run until it ends or the worker is asked to stop.

    Args:
        context: the worker's database, callbacks and stop request.
        claim: the run, and this worker's lease on it.

    Raises:
        StoreError, OutputError: nothing more can be stored; the run stays resumable.
        KeyboardInterrupt: the run was stopped during an epoch; it is marked as interrupted.
    """
    leader = context.leader
    try:
        with heartbeat(context.db, [claim]):
            if context.wait_for_device is None:
                result = _train(context, claim)
            else:
                result = _retry_out_of_memory(context, claim, context.wait_for_device)
    except BaseException as error:  # noqa: BLE001  a user's model may raise anything
        if leader is not None and leader.is_peer_failure(error):
            leader.exit_immediately(1)  # the lease expires, and a new process group resumes the run
        result = release_after_error(context.db, claim, error)
        if leader is not None:
            # The other ranks may be anywhere in this run, so the next one needs a new group.
            context.callbacks.on_run_end(result)
            leader.exit_immediately(1)
    context.callbacks.on_run_end(result)
    return result


def _train(context: WorkerContext, claim: store.Claim) -> RunResult:
    db, callbacks, leader = context.db, context.callbacks, context.leader
    note = partial(callbacks.on_note, claim.run)
    run_context = retry_when_disconnected(partial(_open_run_context, context, claim), note)
    delivery: EpochDelivery[RunContext] = EpochDelivery(db, note)
    callbacks.on_run_start(run_context.run, run_context.session.epoch)
    decision = EpochDecision.CONTINUE

    def should_stop() -> bool:
        return bool(decision & EpochDecision.INTERRUPT)

    step_control = StepControl(db, run_context, context.should_stop)
    for epoch in train_session(run_context.session, should_stop, step_control.after_step):
        run_context.add_epoch(epoch)
        delivery.store([run_context])
        callbacks.on_epoch_end(run_context.run, epoch)
        decision = _decide_after_epoch(run_context, epoch, context.should_stop)
        if leader is not None:
            leader.broadcast_decision(decision)
        if decision & EpochDecision.END:
            break
        if decision & EpochDecision.SAVE_CHECKPOINT:
            run_context.checkpoints.save_if_reachable(run_context.session)
    delivery.flush([run_context])
    run_context.evaluate_test_split()
    result = retry_when_disconnected(partial(_finish_run, db, run_context), note)
    run_context.remove_checkpoints()
    return result


def _decide_after_epoch(
    run_context: RunContext, epoch: Epoch, should_stop: Callable[[], bool]
) -> EpochDecision:
    """Returns how the run continues after a stored epoch."""
    if run_context.check_epoch(epoch):
        return EpochDecision.END
    decision = EpochDecision.CONTINUE
    if run_context.stop_requested or should_stop():
        decision |= EpochDecision.INTERRUPT
    if run_context.checkpoints.is_due(run_context.session):
        decision |= EpochDecision.SAVE_CHECKPOINT
    return decision


def _open_run_context(context: WorkerContext, claim: store.Claim) -> RunContext:
    run_context = RunContext(context, claim)
    run_context.open("solo" if context.leader is None else context.leader.description)
    return run_context


def _finish_run(db: store.AnyDatabase, run_context: RunContext) -> RunResult:
    run_context.write_final_files()
    with db.transaction(exclusive=False):
        return run_context.store_result()


def _retry_out_of_memory(
    context: WorkerContext, claim: store.Claim, wait_for_device: Callable[[], None]
) -> RunResult:
    """Trains a run; if it is out of memory, once more when no other run uses the device."""
    try:
        return _train(context, claim)
    except Exception as error:
        if not memory.is_out_of_memory(error):
            raise
        context.callbacks.on_note(
            claim.run, f"{error_summary(error)}; retrying once no other run uses its device"
        )
    # Outside the handler, because the error's traceback keeps the tensors of the run alive.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    wait_for_device()
    return _train(context, claim)


def release_after_error(
    db: store.AnyDatabase, claim: store.Claim, error: BaseException
) -> RunResult:
    """Releases a run that an error has ended; returns its result.

    Raises:
        StoreError, OutputError: nothing more can be stored; the run stays resumable.
        BaseException: the error itself if it is no Exception, such as KeyboardInterrupt; the run
            is marked as interrupted.
    """
    if isinstance(error, LeaseLost):
        return RunResult(claim.run, Status.INTERRUPTED, error.message)
    if isinstance(error, StoreError | OutputError) or not isinstance(error, Exception):
        # If the store itself failed, the lease expires and the run becomes claimable again.
        with contextlib.suppress(StoreError):
            store.release_run(db, claim, Status.INTERRUPTED, reason=error_summary(error))
        raise error
    peak = memory.peak_bytes() if memory.is_out_of_memory(error) else None
    fail = partial(store.release_run, db, claim, Status.FAILED, reason=error_summary(error))
    retry_when_disconnected(partial(fail, peak_bytes=peak, traceback=format_traceback(error)))
    return RunResult(claim.run, Status.FAILED, error_summary(error))


def error_summary(error: BaseException) -> str:
    """One line about an error without secrets: it is stored, printed and passed to --notify."""
    if isinstance(error, NnlabError):
        return mask_secrets(error.message)
    if memory.is_out_of_memory(error):
        return f"out of memory, at a peak of {memory.peak_bytes() / 2**30:.2f} GiB"
    if isinstance(error, KeyboardInterrupt):
        return str(error) or INTERRUPTED_BY_USER
    return mask_secrets(describe_error(error))

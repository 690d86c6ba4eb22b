"""The worker: takes a claimed run through the engine and hands every epoch to the store.

Whatever happens, the run ends in a state that tells the truth: finished, diverged, failed with
its reason, or interrupted and ready to go on.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from nnlab import store
from nnlab.config import config_of
from nnlab.diagnose import diagnose
from nnlab.engine import checkpoint
from nnlab.engine.device import describe
from nnlab.engine.loop import Session, start, train
from nnlab.engine.user import blame
from nnlab.errors import (
    CheckpointError,
    LeaseLost,
    NnlabError,
    OutputError,
    StoreError,
    UsageError,
)
from nnlab.launch.parents import find_parents
from nnlab.launch.provenance import environment
from nnlab.records import Artifact, Epoch, Finding, Run, Status

LEASE_SECONDS = 60.0

# A checkpoint is due once this share of the time since the last pays for one.
CHECKPOINT_SHARE = 0.02
CHECKPOINT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: its status, why if it went wrong, and what its history shows.

    `selected_value` is the objective at the selected epoch, `seconds` the time it took.
    """

    run: Run
    status: Status
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    selected_epoch: int | None = None
    selected_value: float | None = None
    seconds: float | None = None


class Listener(Protocol):
    """Who wants to know how the work goes: a screen, a log."""

    def started(self, run: Run, epoch: int) -> None:
        """A run begins, or goes on, after `epoch` finished epochs."""

    def epoch(self, run: Run, epoch: Epoch) -> None:
        """An epoch is finished and stored."""

    def noted(self, run: Run, message: str) -> None:
        """Something happened that the user should know, and the run goes on."""

    def ended(self, ended: Ended) -> None:
        """A run is over for this worker."""


def train_run(
    db: store.Database,
    claim: store.Claim,
    listener: Listener,
    should_stop: Callable[[], bool],
    *,
    keep_model: bool = True,
) -> Ended:
    """Trains a claimed run until it ends or is to stop.

    Args:
        db: where everything is stored.
        claim: the run and this worker's lease on it.
        listener: told of each epoch once it is durable.
        should_stop: asked between epochs.
        keep_model: whether to write the selected weights as an artifact.

    Raises:
        StoreError, OutputError: nothing more can be stored; the run stays resumable.
        KeyboardInterrupt: passed on; the run is marked interrupted.
    """
    try:
        ended = _train(db, claim, listener, should_stop, keep_model=keep_model)
    except LeaseLost as error:
        ended = Ended(claim.run, Status.INTERRUPTED, error.message)
    except (StoreError, OutputError, KeyboardInterrupt) as error:
        # The store may be what failed; then the lease lapses, and the run is taken up again.
        with contextlib.suppress(StoreError):
            store.release(db, claim, Status.INTERRUPTED, reason=_reason(error))
        raise
    except NnlabError as error:
        store.release(db, claim, Status.FAILED, reason=error.message)
        ended = Ended(claim.run, Status.FAILED, error.message)
    except Exception as error:  # noqa: BLE001  a user's model may raise anything
        store.release(db, claim, Status.FAILED, reason=_reason(error))
        ended = Ended(claim.run, Status.FAILED, _reason(error))
    listener.ended(ended)
    return ended


def _train(
    db: store.Database,
    claim: store.Claim,
    listener: Listener,
    should_stop: Callable[[], bool],
    *,
    keep_model: bool,
) -> Ended:
    started = time.perf_counter()
    run = claim.run
    with _heartbeat(db, claim):
        session = start(config_of(run.trial.setting, run.seed))
        saver = Checkpointer(db.address.artifacts / str(run.id) / "checkpoint.pt")
        parent_id = None
        if not _resumed(session, saver.path, run, listener) and session.config.start_from:
            parent_id = _begin_from_parent(db, session, run, listener)
        writer = store.RunWriter(
            db,
            claim,
            environment=environment(describe(session.device), session.threads),
            data_fingerprint=session.data.fingerprint,
            resume_after=session.epoch,
            lease_seconds=LEASE_SECONDS,
            engine="solo",
        )
        if parent_id is not None:
            writer.began_with(parent_id)
        listener.started(run, session.epoch)
        device_seconds = 0.0
        for epoch in train(session, lambda: writer.stop_requested or should_stop()):
            device_seconds += epoch.seconds
            writer.write(replace(epoch, values={**epoch.values, "time/epoch": epoch.seconds}))
            listener.epoch(run, epoch)
            saver.save_if_due(session)
        artifacts = []
        if session.status is Status.FINISHED:
            writer.extra(session.test(), session.selected_epoch)  # noqa: S610  no Django here
            if keep_model:
                artifacts.append(_save_model(session, db.address.artifacts, run))
        elif session.status is Status.INTERRUPTED:
            saver.save(session)
            if writer.stop_requested:
                session.reason = store.STOPPED
        findings = diagnose(store.history(db, run.id))
        seconds = time.perf_counter() - started
        writer.finish(
            session.status,
            selected_epoch=session.selected_epoch or None,
            reason=session.reason,
            wall_seconds=seconds,
            device_seconds=device_seconds,
            findings=findings,
            artifacts=artifacts,
        )
    if session.status is not Status.INTERRUPTED:
        saver.discard()
    return Ended(
        run,
        session.status,
        session.reason,
        findings,
        session.selected_epoch or None,
        session.selected_value if session.selected_epoch else None,
        seconds,
    )


@dataclass(slots=True)
class Checkpointer:
    """Saves often enough to lose little, seldom enough to cost under `CHECKPOINT_SHARE`."""

    path: Path
    cost: float = 0.0
    saved_at: float = field(default_factory=time.perf_counter)

    def save_if_due(self, session: Session) -> None:
        """Saves when the time since the last save pays for the next."""
        wait = max(CHECKPOINT_SECONDS, self.cost / CHECKPOINT_SHARE)
        if not session.done and time.perf_counter() - self.saved_at >= wait:
            self.save(session)

    def save(self, session: Session) -> None:
        """Saves now, and measures what it cost."""
        begun = time.perf_counter()
        checkpoint.save(session, self.path)
        self.saved_at = time.perf_counter()
        self.cost = self.saved_at - begun

    def discard(self) -> None:
        """Removes the checkpoint of a run that is over."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
            self.path.parent.rmdir()  # stays where the run left other files


def _resumed(session: Session, path: Path, run: Run, listener: Listener) -> bool:
    """Goes on from a checkpoint, if there is one that can be read."""
    if not path.exists():
        return False
    try:
        checkpoint.restore(session, path)
    except CheckpointError as error:
        listener.noted(run, f"{error.message}; the run starts over")
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
        return False
    return True


def _begin_from_parent(
    db: store.Database, session: Session, run: Run, listener: Listener
) -> int | None:
    """Begins with the weights that `--from` named; gives the run that made them, if one did.

    Raises:
        UsageError: there are none, or the run was set up with others.
        CheckpointError: they cannot be read, or nothing in them fits.
    """
    config = session.config
    parents = find_parents(db, config.start_from or "")
    if parents.version != config.start_version:
        raise UsageError(
            f"--from {config.start_from} has changed since this run was set up",
            hint="run the same `nnlab train` line again: the new weights make a new trial",
        )
    weights = parents.of(run.seed)
    told = session.begin_from(
        weights.path, new_head=not weights.same_classes(config.data, config.classes)
    )
    source = weights.path.name if weights.run_id is None else f"run {weights.run_id}"
    listener.noted(run, f"from {source}: {told}")
    return weights.run_id


def _save_model(session: Session, artifacts: Path, run: Run) -> Artifact:
    name = f"{run.id}/model.pt"
    written = checkpoint.save_model(session, artifacts / name)
    return Artifact(run.id, "model", name, written.sha256, written.size)


@contextmanager
def _heartbeat(db: store.Database, claim: store.Claim) -> Iterator[None]:
    """Renews the lease from a thread, for epochs that outlast it."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(LEASE_SECONDS / 4):
            try:
                store.renew(db, claim, LEASE_SECONDS)
            except LeaseLost:
                return  # the next write says so to the run itself
            except StoreError:
                continue  # busy or full for now: the lease has time for three more tries

    thread = threading.Thread(target=beat, name="nnlab-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _reason(error: BaseException) -> str:
    if isinstance(error, NnlabError):
        return error.message
    if isinstance(error, KeyboardInterrupt):
        return "stopped by the user in mid epoch"
    # Where the user's own file is at fault, its line tells more than the message.
    told = blame(error) or f"{type(error).__name__}: {error}"
    return told.strip().splitlines()[0]

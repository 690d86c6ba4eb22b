"""A claimed run in a worker's hands: what it measures goes to the store, its state to disk."""

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from nnlab import store
from nnlab.config import config_of
from nnlab.diagnose import diagnose
from nnlab.engine import checkpoint
from nnlab.engine.device import device_description
from nnlab.engine.loop import Session, build_session
from nnlab.errors import ConnectionLost, UsageError
from nnlab.records import Artifact, Epoch, Run, Status
from nnlab.workers.callbacks import RunCallbacks, RunResult
from nnlab.workers.checkpoints import AUTO_TIME_SHARE, Checkpoints
from nnlab.workers.energy import EnergyMeter
from nnlab.workers.initial_weights import find_initial_weights
from nnlab.workers.live_diagnosis import LiveDiagnosis
from nnlab.workers.provenance import collect_environment
from nnlab.workers.pruning import PruningMonitor
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.spool import Spool, deliver_spooled_epochs

if TYPE_CHECKING:
    from nnlab.engine.process_group import ProcessGroup

LEASE_SECONDS = 60.0


class RunContext:
    """One claimed run: begun, stored epoch by epoch, and put away when it is over.

    `session` is what the engine trains. A run of many that are trained together has `beside`
    others, which share the time that checkpoints may cost.
    """

    def __init__(
        self,
        db: store.AnyDatabase,
        claim: store.Claim,
        listener: RunCallbacks,
        keeping: SavePolicy,
        *,
        beside: int = 0,
        team: "ProcessGroup | None" = None,
    ) -> None:
        """Puts the run together, and goes on where its checkpoint was.

        Raises:
            NnlabError: something that it needs is not as it must be.
        """
        self._db, self.claim, self._listener = db, claim, listener
        self._started = time.perf_counter()
        self._device_seconds = 0.0
        self._ended: RunResult | None = None
        self._artifacts: list[Artifact] = []
        self._tested: dict[str, float] = {}
        self.run = claim.run
        config = config_of(self.run.trial.setting, self.run.seed)
        self.session = (
            build_session(config)
            if team is None
            else import_process_group_launch().started(config, team)
        )
        self._check_data(keeping)
        self._keeps_model, self._keeps_diff = keeping.models, keeping.git_diff
        self._artifacts_at = _artifact_root(self.run, keeping)
        self._folder = folder = store.run_folder(db, self.run, self._artifacts_at)
        self.checkpoints = Checkpoints(
            folder, keeping.checkpoints, share=AUTO_TIME_SHARE / (1 + beside)
        )
        # Before anything is read of the run: what its checkpoint has seen must be stored.
        self._stored_epochs = self.run.epochs
        if late := deliver_spooled_epochs(db, claim, folder):
            self._stored_epochs = store.runs(db, run_ids=[self.run.id])[0].epochs
            listener.noted(
                self.run, f"{late} epochs that an attempt before had kept are stored now"
            )
        self.spool = Spool(folder, claim.attempt_id, self.run)
        self._parent_id = self._begin()
        if team is not None:
            import_process_group_launch().broadcast_initial_state(self.session, team)
        pruner = store.find_pruner(db, self.run)
        self._pruning = PruningMonitor(db, self.run, pruner) if pruner else None
        self._pruned_at: int | None = None
        self._meter, self._together = EnergyMeter(self.session.device), 1 + beside
        tell = partial(listener.noted, self.run)
        self._watching = LiveDiagnosis(db, self.run, tell, after=self.session.epoch)

    def _check_data(self, keeping: SavePolicy) -> None:
        """Compares the data with those of the trial's other runs.

        Raises:
            DataError: they are other ones, and that was not allowed.
        """
        self._same_data = not keeping.changing_data
        difference = store.find_data_mismatch(self._db, self.run, self.session.data.fingerprint)
        if difference is None:
            return
        if self._same_data:
            raise store.changed_data_error(self.run, difference)
        self._listener.noted(
            self.run, f"{difference}; the mean of the trial is over different data"
        )

    def open(self, engine: str) -> None:
        """Tells the store who trains the run: `solo`, or `stacked 64`."""
        session = self.session
        self.writer = store.RunWriter(
            self._db,
            self.claim,
            environment=collect_environment(
                device_description(session.device), session.threads, git_diff=self._keeps_diff
            ),
            data_fingerprint=session.data.fingerprint,
            resume_after=session.epoch,
            lease_seconds=LEASE_SECONDS,
            engine=engine,
            artifacts=self._artifacts_at,
            same_data=self._same_data,
        )
        if self._parent_id is not None:
            self.writer.record_parent(self._parent_id)

    @property
    def stop_requested(self) -> bool:
        """Whether `nnlab stop` has asked for this run."""
        return self.writer.stop_requested

    def add(self, epoch: Epoch) -> None:
        """Puts a finished epoch into the outbox, with what it cost."""
        self._device_seconds += epoch.seconds
        values = {**epoch.values, "time/epoch": epoch.seconds}
        if (joules := self._meter.used()) is not None:
            values["energy/joules"] = joules / self._together
        self.spool.epochs.append(replace(epoch, values=values))

    def check_epoch(self, epoch: Epoch) -> bool:
        """Ends the run after a stored epoch if it does badly; says whether it did.

        Raises:
            StoreError: the other runs of its study cannot be read.
        """
        session = self.session
        reason = self._watching.check_epoch(epoch)
        if session.done or session.status is not Status.RUNNING:
            return False
        if reason is None and self._pruning is not None:
            with suppress(ConnectionLost):  # not now: at the next look
                reason = self._pruning.check_epoch(epoch)
            self._pruned_at = None if reason is None else epoch.number
        if reason is None:
            return False
        session.status, session.reason = Status.FINISHED, reason
        return True

    def test(self) -> None:
        """Measures on the test split, if the run has come to its end; once."""
        if self.session.team is not None:
            self._tested = import_process_group_launch().finish_run_on_rank(self.session)
        elif self.session.status is Status.FINISHED:
            self._tested = dict(self.session.test())

    def conclude(self) -> None:
        """Does what a run's end wants: files, findings. `close` stores them; may be repeated.

        Raises:
            OutputError: a file cannot be written.
        """
        session, run = self.session, self.run
        if session.status is Status.FINISHED:
            if self._keeps_model and self._pruned_at is None:
                self._artifacts = [self._save_model()]
        elif session.status is Status.INTERRUPTED:
            if self.checkpoints.saved_epoch != session.epoch:
                self.checkpoints.save(session)
            if self.stop_requested:
                session.reason = store.STOPPED_REASON
        selected = session.selected_epoch or None
        self._ended = RunResult(
            run,
            session.status,
            session.reason,
            diagnose(store.history(self._db, run.id), run.trial.setting),
            selected,
            session.selected_value if selected else None,
        )

    def close(self) -> RunResult:
        """Stores how the run ended."""
        assert self._ended is not None
        seconds = time.perf_counter() - self._started
        ended = replace(self._ended, seconds=seconds)
        self.writer.extra(self._tested, self.session.selected_epoch)  # noqa: S610  no Django here
        self.writer.finish(
            ended.status,
            selected_epoch=ended.selected_epoch,
            reason=ended.reason,
            wall_seconds=seconds,
            device_seconds=self._device_seconds,
            findings=ended.findings,
            artifacts=self._artifacts,
            pruned_at=self._pruned_at,
        )
        return ended

    def tidy(self) -> None:
        """Removes the checkpoints of a run that is over and stored."""
        if self.session.status is not Status.INTERRUPTED:
            self.checkpoints.discard()

    def _save_model(self) -> Artifact:
        content = checkpoint.serialize_selected_weights(self.session)
        self._folder.write("model.pt", content)
        sha256 = hashlib.sha256(content).hexdigest()
        return Artifact(self.run.id, "model", f"{self.run.id}/model.pt", sha256, len(content))

    def _begin(self) -> int | None:
        """Goes on from a checkpoint, or begins with a parent's weights; gives the parent's id."""
        tell = partial(self._listener.noted, self.run)
        if self.checkpoints.restore(self.session, tell, stored_epochs=self._stored_epochs):
            return None
        return load_initial_weights(
            self._db, self.session, self.run, partial(self._listener.noted, self.run)
        )


def _artifact_root(run: Run, keeping: SavePolicy) -> str | None:
    """Where a run's files are: where they have been, or, for one that begins, where they shall.

    Several databases may share a place, and their runs have the same numbers: those that were
    queued at one moment have a folder of their own in it.
    """
    if keeping.artifacts is None or run.artifacts is not None or run.epochs:
        return run.artifacts
    return f"{keeping.artifacts.rstrip('/')}/{store.creation_stamp(run.created_at)}"


def import_process_group_launch() -> Any:
    """What a team does together; who trains alone never waits for torch.distributed."""
    from nnlab.workers import process_group_launch

    return process_group_launch


def load_initial_weights(
    db: store.AnyDatabase, session: Session, run: Run, tell: Callable[[str], None]
) -> int | None:
    """Begins with the weights that `--from` named; gives the run that made them, if one did.

    `tell` is told what of them was taken over.

    Raises:
        UsageError: there are none, or the run was set up with others.
        CheckpointError: they cannot be read, or nothing in them fits.
    """
    config = session.config
    if not config.start_from:
        return None
    parents = find_initial_weights(db, config.start_from)
    if not parents.matches_version(config.start_version):
        raise UsageError(
            f"--from {config.start_from} has changed since this run was set up",
            hint="run the same `nnlab train` line again: the new weights make a new trial",
        )
    weights = parents.of(run.seed)
    told = session.load_initial_weights(
        weights.path, new_head=not weights.has_same_classes(config.data, config.classes)
    )
    source = weights.path.name if weights.run_id is None else f"run {weights.run_id}"
    tell(f"from {source}: {told}")
    return weights.run_id

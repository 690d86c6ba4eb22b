"""`RunContext`: a claimed run, its session, and everything that is stored while it is trained.

The workers for single and batched runs use it. Metrics go to the database, checkpoints and weights
to the run's folder.
"""

import hashlib
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Literal

from nnlab import store
from nnlab.diagnosis import diagnose
from nnlab.engine import checkpoint
from nnlab.engine.data.prepare import PreparedData
from nnlab.engine.device import device_description
from nnlab.engine.inference.model_description import (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    describe_model,
    is_describable,
    serialize_description,
)
from nnlab.engine.loader_session import LoaderSession
from nnlab.engine.run_session import AnySession, build_run_session
from nnlab.engine.session import Session
from nnlab.engine.streaming.record import StreamedData
from nnlab.errors import ConnectionLost
from nnlab.io.text import format_count
from nnlab.provenance.environment import collect_environment
from nnlab.records import Artifact, Epoch, Finding, Run, Status
from nnlab.settings import config_of
from nnlab.workers.callbacks import RunResult
from nnlab.workers.checkpoints import AUTO_TIME_SHARE, Checkpoints
from nnlab.workers.energy import EnergyMeter
from nnlab.workers.heartbeat import LEASE_SECONDS
from nnlab.workers.initial_weights import load_initial_weights
from nnlab.workers.live_diagnosis import LiveDiagnosis
from nnlab.workers.pruning import PruningMonitor
from nnlab.workers.save_policy import SavePolicy
from nnlab.workers.spool import Spool, deliver_spooled_epochs
from nnlab.workers.worker_context import WorkerContext

# Of a regression, in the unit of the target.
_ERROR_METRICS = ("val/rmse", "val/mae")


class RunContext:
    """One claimed run: started or resumed, stored epoch by epoch, and finished.

    `session` is what the engine trains.
    """

    def __init__(self, context: WorkerContext, claim: store.Claim, *, batch_size: int = 1) -> None:
        """Builds the session and restores its checkpoint, if it has one.

        Args:
            context: the worker's database, callbacks and process group.
            claim: the run.
            batch_size: how many runs are trained together; they share the time that checkpoints
                may take, and the energy.

        Raises:
            NnlabError: the run cannot be built: its data, model or initial weights.
        """
        self._db, self.claim, self._callbacks = context.db, claim, context.callbacks
        self._started = time.perf_counter()
        self._device_seconds = 0.0
        self._artifacts: list[Artifact] = []
        self._test_metrics: dict[str, float] = {}
        self._findings: tuple[Finding, ...] = ()
        self._selected_errors: dict[str, float] = {}
        self.run = claim.run
        self._leader, save_policy = context.leader, context.save_policy
        config = config_of(self.run.trial.setting, self.run.known_seed)
        build = build_run_session if self._leader is None else self._leader.build_session
        self.session: AnySession = build(config)
        self._check_data(save_policy)
        self._keeps_model, self._keeps_diff = save_policy.models, save_policy.git_diff
        self._artifact_root = _artifact_root(self.run, save_policy)
        self._folder = store.run_folder(self._db, self.run, self._artifact_root)
        time_share = AUTO_TIME_SHARE / batch_size
        self.checkpoints = Checkpoints(self._folder, save_policy.checkpoints, share=time_share)
        # Before the history is read: every epoch that the checkpoint includes must be stored.
        self._stored_epochs = self._deliver_spooled_epochs()
        self.spool = Spool(self._folder, claim.attempt_id, self.run)
        self._parent_id = self._restore_or_initialize()
        if isinstance(self.session, LoaderSession):
            for message in self.session.notes:
                self._callbacks.on_note(self.run, message)
        if self._leader is not None:
            self._leader.broadcast_initial_state(self.memory_session)
        pruner = store.find_pruner(self._db, self.run)
        self._pruning = PruningMonitor(self._db, self.run, pruner) if pruner else None
        self._pruned_at: int | None = None
        self._undefined_metrics: set[str] = set()
        self._stop_requested = False
        self._energy_meter, self._batch_size = EnergyMeter(self.session.device), batch_size
        note = partial(self._callbacks.on_note, self.run)
        self._live_diagnosis = LiveDiagnosis(self._db, self.run, note, after=self.session.epoch)

    @property
    def memory_session(self) -> Session:
        """The session of a run whose data is in memory.

        Raises:
            TypeError: the run trains over loaders.
        """
        if not isinstance(self.session, Session):
            raise TypeError(f"run {self.run.id} trains over loaders")
        return self.session

    def open(self, engine: str) -> None:
        """Starts the attempt in the database, with an engine label such as `solo`."""
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
            artifacts=self._artifact_root,
            same_data=self._same_data,
        )
        if self._parent_id is not None:
            self.writer.record_parent(self._parent_id)

    @property
    def stop_requested(self) -> bool:
        """Whether `nnlab stop` was called for this run."""
        return self._stop_requested or self.writer.stop_requested

    def note_stop_request(self) -> None:
        """A stop request was read from the database between two epochs."""
        self._stop_requested = True

    def add_epoch(self, epoch: Epoch) -> None:
        """Adds a finished epoch to the spool, with its duration and energy (joules)."""
        self._note_undefined_metrics(epoch.values)
        self._device_seconds += epoch.seconds
        values = {**epoch.values, "time/epoch": epoch.seconds}
        if (joules := self._energy_meter.used()) is not None:
            values["energy/joules"] = joules / self._batch_size
        self.spool.epochs.append(replace(epoch, values=values))

    def _note_undefined_metrics(self, values: Mapping[str, float]) -> None:
        """Notes once which metrics of `--metrics` are NaN although the loss is finite."""
        added = self.session.added_metrics
        if added is None:
            return
        names = [
            f"{split}/{name}"
            for split in ("train", "val")
            if math.isfinite(values[f"{split}/loss"])
            for name in added.names
            if math.isnan(values[f"{split}/{name}"])
        ]
        new = [name for name in names if name not in self._undefined_metrics]
        self._undefined_metrics.update(new)
        if new:
            self._callbacks.on_note(
                self.run,
                f"{', '.join(new)} is NaN: it is not defined for this split, which may lack a"
                " class or have equal values",
            )

    def check_epoch(self, epoch: Epoch) -> bool:
        """Ends the run if a finding or the pruner requires it; returns whether it did.

        Raises:
            StoreError: the other runs of its study cannot be read.
        """
        session = self.session
        reason = self._live_diagnosis.check_epoch(epoch)
        if session.is_done or session.status is not Status.RUNNING:
            return False
        if reason is None and self._pruning is not None:
            with suppress(ConnectionLost):  # decided after a later epoch
                reason = self._pruning.check_epoch(epoch)
            self._pruned_at = None if reason is None else epoch.number
        if reason is None:
            return False
        session.status, session.reason = Status.FINISHED, reason
        return True

    def evaluate_test_split(self) -> None:
        """Computes the metrics of the test split if the run is finished; called once."""
        if self._leader is not None:
            self._test_metrics = self._leader.finish_run(self.memory_session)
        elif self.session.status is Status.FINISHED:
            self._test_metrics = dict(self.session.test())

    def write_final_files(self) -> None:
        """Writes the weights of a finished run or the checkpoint of an interrupted one.

        May be repeated; `store_result` stores the result.

        Raises:
            OutputError: a file cannot be written.
        """
        session = self.session
        if session.status is Status.FINISHED:
            if self._keeps_model and self._pruned_at is None:
                self._artifacts = self._save_model()
        elif session.status is Status.INTERRUPTED:
            if self.checkpoints.saved_position != session.position and session.can_save:
                self.checkpoints.save(session)
            if self.stop_requested:
                session.reason = store.STOPPED_REASON
        history = store.history(self._db, self.run.id)
        self._findings = diagnose(history, self.run.trial.setting)
        self._selected_errors = {
            metric: dict(curve)[session.selected_epoch]
            for metric in _ERROR_METRICS
            if (curve := history.get(metric)) and session.selected_epoch in dict(curve)
        }

    def store_result(self) -> RunResult:
        """Stores how the run ended; `write_final_files` must come first."""
        session = self.session
        seconds = time.perf_counter() - self._started
        selected_epoch = session.selected_epoch or None
        result = RunResult(
            self.run,
            session.status,
            session.reason,
            self._findings,
            selected_epoch,
            session.selected_value if selected_epoch else None,
            seconds,
            self._selected_errors,
        )
        self.writer.write_single(self._test_metrics, session.selected_epoch)
        self.writer.finish(
            result.status,
            selected_epoch=result.selected_epoch,
            reason=result.reason,
            wall_seconds=seconds,
            device_seconds=self._device_seconds,
            findings=result.findings,
            artifacts=self._artifacts,
            pruned_at=self._pruned_at,
        )
        return result

    def remove_checkpoints(self) -> None:
        """Removes the checkpoints unless the run may be resumed; its result must be stored."""
        if self.session.status is not Status.INTERRUPTED:
            self.checkpoints.discard()

    def _check_data(self, save_policy: SavePolicy) -> None:
        """Compares the data with that of the trial's other runs.

        Raises:
            DataError: the data differs, and the save policy does not allow that.
        """
        self._same_data = not save_policy.allow_changed_data
        difference = store.find_data_mismatch(self._db, self.run, self.session.data.fingerprint)
        if difference is None:
            return
        if self._same_data:
            raise store.changed_data_error(self.run, difference)
        self._callbacks.on_note(
            self.run, f"{difference}; the trial's mean over seeds mixes different data"
        )

    def _deliver_spooled_epochs(self) -> int:
        """Stores the epochs that an earlier attempt spooled; returns how many epochs are stored."""
        delivered = deliver_spooled_epochs(self._db, self.claim, self._folder)
        if not delivered:
            return self.run.epochs
        self._callbacks.on_note(
            self.run,
            f"{format_count(delivered, 'epoch')} that an earlier attempt could not store"
            f" {'is' if delivered == 1 else 'are'} now stored",
        )
        return store.runs(self._db, run_ids=[self.run.id])[0].epochs

    def _save_model(self) -> list[Artifact]:
        """Writes the selected weights, and what predictions need besides them.

        Runs over loaders whose inputs are not one tensor have no description, only weights.
        """
        data = self.session.data
        weights = checkpoint.serialize_selected_weights(self.session)
        artifacts = [self._write_artifact("model", WEIGHTS_FILE, weights)]
        if isinstance(data, PreparedData | StreamedData) and is_describable(data):
            content = serialize_description(describe_model(self.session.config, data))
            artifacts.insert(
                0, self._write_artifact("model_description", DESCRIPTION_FILE, content)
            )
        return artifacts

    def _write_artifact(
        self, kind: Literal["model", "model_description"], name: str, content: bytes
    ) -> Artifact:
        self._folder.write(name, content)
        sha256 = hashlib.sha256(content).hexdigest()
        return Artifact(self.run.id, kind, f"{self.run.id}/{name}", sha256, len(content))

    def _restore_or_initialize(self) -> int | None:
        """Restores the newest checkpoint, or loads the weights of `--from`.

        Returns the ID of the run that the weights come from, if there is one.
        """
        note = partial(self._callbacks.on_note, self.run)
        if self.checkpoints.restore(self.session, note, stored_epochs=self._stored_epochs):
            return None
        return load_initial_weights(self._db, self.session, self.run, note)


def _artifact_root(run: Run, save_policy: SavePolicy) -> str | None:
    """The folder or URL of a run's files: that of its earlier attempts, or of the save policy.

    Several databases may use the same folder with the same run IDs, so each set of runs that were
    queued at the same time gets a folder of its own in it.
    """
    if save_policy.artifacts is None or run.artifacts is not None or run.epochs:
        return run.artifacts
    return f"{save_policy.artifacts.rstrip('/')}/{store.creation_stamp(run.created_at)}"

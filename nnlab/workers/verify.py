"""`nnlab verify`: retrains stored runs and compares every value; reports the first difference.

A run that was trained by itself is retrained by itself. A run of a batch is retrained with all runs
of the batch, so that sums are computed in the same order. If the batch cannot be reconstructed (one
of its runs was resumed or taken over), the run is retrained by itself, and its losses are compared
up to rounding errors.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from nnlab import store
from nnlab.engine import transfer
from nnlab.engine.batched.batched_runs import BatchedRuns
from nnlab.engine.device import device_description
from nnlab.engine.epoch_selection import find_selected_epoch
from nnlab.engine.run_session import AnySession, build_run_session, train_session
from nnlab.engine.session import Session
from nnlab.errors import CheckpointError, NnlabError
from nnlab.objective import EVALUATION_PREFIX, PAIR_PREFIX, Objective
from nnlab.provenance.environment import collect_environment
from nnlab.records import Attempt, Epoch, Run, Status
from nnlab.settings import config_of
from nnlab.workers.initial_weights import MODEL_ARTIFACT_KIND, load_initial_weights

# The relative difference of losses that a different order of summation may cause: the tests allow
# the same between batched and single runs in float32.
BATCHED_TOLERANCE = 2e-3

_COMPLETED = (Status.FINISHED, Status.DIVERGED)
# Fields of the environment, and packages besides torch, that may affect the values.
_ENVIRONMENT_FIELDS = ("platform", "python", "torch", "nnlab", "device", "threads", "git_commit")
_NUMERIC_PACKAGES = ("numpy", "scikit-learn", "scipy")


@dataclass(frozen=True, slots=True)
class StoredDifference:
    """A quantity that differs from its stored value; `epoch` is None if it belongs to no epoch."""

    quantity: str
    epoch: int | None
    stored: float | str | None
    retrained: float | str | None

    @property
    def relative(self) -> float | None:
        """The difference relative to the larger value; None if they are not numbers."""
        if isinstance(self.stored, float) and isinstance(self.retrained, float):
            return _relative_difference(self.stored, self.retrained)
        return None


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """A property of the environment that has changed since the run was trained."""

    name: str
    stored: str
    current: str


@dataclass(slots=True)
class VerificationResult:
    """The result of retraining a run.

    Args:
        run: the run.
        engine: how it was retrained.
        tolerance: zero if all values were compared bit by bit, otherwise the largest relative
            difference of losses that counts as equal.
        is_exact: whether the run was retrained in the same way as it was trained.
        first_difference: the first value that differs.
        epochs: the number of epochs that were compared.
        values: the number of values that were compared.
        max_relative_difference: the largest of the values that were compared.
        weights: whether the selected weights were compared too.
        changes: what has changed in the environment.
        error: why the run cannot be retrained.
    """

    run: Run
    engine: str
    tolerance: float
    is_exact: bool
    first_difference: StoredDifference | None = None
    epochs: int = 0
    values: int = 0
    max_relative_difference: float = 0.0
    weights: bool = False
    changes: tuple[EnvironmentChange, ...] = ()
    error: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the retrained values are the stored ones."""
        return self.first_difference is None and self.error is None


OnEpoch = Callable[[Run, Epoch], None]


def verify_runs(
    db: store.Database,
    runs: Sequence[Run],
    on_epoch: OnEpoch,
    *,
    epochs: int | None = None,
    tolerance: float | None = None,
) -> Iterator[VerificationResult]:
    """Retrains runs and compares every stored value; writes nothing.

    Args:
        db: where the runs are stored.
        runs: the runs to verify, each with at least one epoch.
        on_epoch: called for each retrained epoch.
        epochs: the most epochs to retrain.
        tolerance: the largest relative difference of losses; None compares bit by bit if the run
            can be retrained exactly.
    """
    remaining = {run.id: run for run in runs}
    while remaining:
        group = _retraining_group(db, next(iter(remaining.values())))
        group_runs = [remaining.pop(run.id) for run in group.runs if run.id in remaining]
        group_tolerance = 0.0 if group.is_exact else BATCHED_TOLERANCE
        if tolerance is not None:
            group_tolerance = tolerance
        try:
            retrained = [
                _RetrainedRun(db, run, group, group_tolerance, epochs) for run in group.runs
            ]
            _retrain(retrained, on_epoch)
            results = {each.run.id: each.compare_final_state() for each in retrained}
        except NnlabError as error:
            for run in group_runs:
                yield VerificationResult(
                    run, group.engine, group_tolerance, group.is_exact, error=error.message
                )
        else:
            yield from (results[run.id] for run in group_runs)


@dataclass(frozen=True, slots=True)
class _RetrainingGroup:
    """Runs that are retrained together: a single run, or a whole batch."""

    runs: tuple[Run, ...]
    engine: str = "solo"
    is_exact: bool = True


def _retraining_group(db: store.Database, run: Run) -> _RetrainingGroup:
    """The runs that must be retrained with a run to reproduce its values exactly."""
    attempts = _started_attempts(db, run.id)
    if all(attempt.engine == "solo" for attempt in attempts):
        return _RetrainingGroup((run,))
    last = attempts[-1]
    batch = store.batched_attempts(db, last)
    runs = {each.id: each for each in store.runs(db, run_ids=[a.run_id for a in batch])}
    is_complete = last.engine == f"stacked {len(batch)}" and all(
        attempt.first_epoch == 1
        and attempt.run_id in runs
        and runs[attempt.run_id].status in _COMPLETED
        and len(_started_attempts(db, attempt.run_id)) == 1
        for attempt in batch
    )
    if not is_complete:
        return _RetrainingGroup((run,), is_exact=False)
    return _RetrainingGroup(tuple(runs[attempt.run_id] for attempt in batch), str(last.engine))


def _started_attempts(db: store.Database, run_id: int) -> list[Attempt]:
    """The attempts at a run that started to train."""
    return [attempt for attempt in store.attempts(db, run_id) if attempt.engine]


@dataclass(slots=True)
class _RetrainedRun:
    """A run that is being retrained: its session, its stored curves and the result so far."""

    db: store.Database
    run: Run
    group: _RetrainingGroup
    tolerance: float
    epochs: int | None
    session: AnySession = field(init=False)
    result: VerificationResult = field(init=False)
    stored_curves: Mapping[str, Mapping[int, float]] = field(init=False)

    def __post_init__(self) -> None:
        config = config_of(self.run.trial.setting, self.run.known_seed)
        # As many epochs as are stored, however long they take.
        self.session = build_run_session(replace(config, max_time=None))
        load_initial_weights(self.db, self.session, self.run, lambda _: None)
        history = store.history(self.db, self.run.id)
        self.stored_curves = {
            name: dict(history[name])
            for name in history.metrics
            if not name.startswith(("time/", "energy/", EVALUATION_PREFIX, PAIR_PREFIX))
        }
        self.session.breaks_ties = _breaks_ties(self.run, self.stored_curves)
        self.result = VerificationResult(
            self.run, self.group.engine, self.tolerance, self.group.is_exact
        )
        stored, current = self.run.data_fingerprint, self.session.data.fingerprint
        if stored is not None and stored != current:
            self.result.first_difference = StoredDifference("data", None, stored, current)

    @property
    def last_epoch(self) -> int:
        """The last epoch to retrain."""
        return min(self.run.epochs, self.epochs or self.run.epochs)

    def compare(self, epoch: Epoch) -> None:
        """Compares the values of a retrained epoch."""
        self.result.epochs += 1
        for name, curve in self.stored_curves.items():
            if epoch.number in curve and not name.startswith("test/"):
                self._compare(name, epoch.number, curve[epoch.number], epoch.values.get(name))

    def _compare(self, name: str, epoch: int, stored: float, retrained: float | None) -> None:
        result = self.result
        if result.tolerance and not name.endswith("/loss"):
            return
        result.values += 1
        difference = math.inf if retrained is None else _relative_difference(stored, retrained)
        result.max_relative_difference = max(result.max_relative_difference, difference)
        if difference > result.tolerance and result.first_difference is None:
            result.first_difference = StoredDifference(name, epoch, stored, retrained)

    def compare_final_state(self) -> VerificationResult:
        """Compares the selected epoch, the test metrics and the weights; returns the result."""
        run, session, result = self.run, self.session, self.result
        result.changes = _environment_changes(store.attempts(self.db, run.id), session)
        if not result.epochs and result.first_difference is None:
            result.error = "the data of another run of its batch has changed"
        if run.status is not Status.FINISHED or session.epoch != run.epochs:
            return result
        if not result.tolerance and run.selected_epoch != session.selected_epoch:
            self._record_difference(
                "selected epoch", str(run.selected_epoch), str(session.selected_epoch)
            )
        if run.selected_epoch == session.selected_epoch:
            for name, value in session.test().items():
                if run.selected_epoch in self.stored_curves.get(name, {}):
                    stored = self.stored_curves[name][run.selected_epoch]
                    self._compare(name, run.selected_epoch, stored, value)
        if not result.tolerance:
            self._compare_weights()
        return result

    def _compare_weights(self) -> None:
        for artifact in store.artifacts(self.db, self.run.id):
            if artifact.kind != MODEL_ARTIFACT_KIND:
                continue
            try:
                folder = store.artifacts_folder(self.db, self.run.artifacts)
                path = folder.local(artifact.path, artifact.sha256)
            except FileNotFoundError:
                continue
            if not path.exists():
                continue
            try:
                stored = transfer.read_weights(path)
            except CheckpointError as error:
                self._record_difference("weights", error.message, "")
                return
            self.result.weights = True
            for name, tensor in self.session.selected_weights.items():
                if name not in stored or not torch.equal(stored[name], tensor.cpu()):
                    self._record_difference("weights", name, "other values")
                    return

    def _record_difference(self, quantity: str, stored: str, retrained: str) -> None:
        if self.result.first_difference is None:
            self.result.first_difference = StoredDifference(quantity, None, stored, retrained)


def _breaks_ties(run: Run, stored_curves: Mapping[str, Mapping[int, float]]) -> bool:
    """False for a run of an earlier version, which selected the first among equal epochs."""
    objective = Objective.parse(str(run.trial.setting["objective"]))
    by_epoch = stored_curves.get(objective.metric, {})
    losses = stored_curves.get("val/loss", {})
    epochs = sorted(by_epoch)
    if run.selected_epoch is None or not epochs or epochs != sorted(losses):
        return True
    values, val_losses = [by_epoch[e] for e in epochs], [losses[e] for e in epochs]
    current = epochs[find_selected_epoch(objective, values, val_losses) - 1]
    earlier = epochs[find_selected_epoch(objective, values, val_losses, breaks_ties=False) - 1]
    return run.selected_epoch == current or run.selected_epoch != earlier


def _retrain(runs: Sequence[_RetrainedRun], on_epoch: OnEpoch) -> None:
    """Retrains a single run or a batch, for as many epochs as are stored."""
    if any(run.result.first_difference for run in runs):  # the data differs
        return
    if len(runs) == 1:
        (run,) = runs

        def is_complete() -> bool:
            return run.session.epoch >= run.last_epoch

        for epoch in train_session(run.session, is_complete, lambda _: False):
            run.compare(epoch)
            on_epoch(run.run, epoch)
        return
    by_session = {id(run.session): run for run in runs}
    batched_runs = BatchedRuns([s for run in runs if isinstance(s := run.session, Session)])
    while batched_runs.sessions:
        for session, epoch in batched_runs.train_epoch():
            run = by_session[id(session)]
            run.compare(epoch)
            on_epoch(run.run, epoch)
            if session.status is Status.RUNNING and session.epoch >= run.last_epoch:
                session.status = Status.INTERRUPTED
        batched_runs.remove_finished()


def _relative_difference(first: float, second: float) -> float:
    if first == second or (math.isnan(first) and math.isnan(second)):
        return 0.0
    if not (math.isfinite(first) and math.isfinite(second)):
        return math.inf
    return abs(first - second) / max(abs(first), abs(second))


def _environment_changes(
    attempts: Sequence[Attempt], session: AnySession
) -> tuple[EnvironmentChange, ...]:
    """The differences between the environment of the last attempt and the current one."""
    environments = [attempt.environment for attempt in attempts if attempt.environment]
    if not environments:
        return ()
    stored = environments[-1]
    current = collect_environment(device_description(session.device), session.threads)
    pairs = [(name, getattr(stored, name), getattr(current, name)) for name in _ENVIRONMENT_FIELDS]
    pairs += [
        (name, stored.packages.get(name), current.packages.get(name)) for name in _NUMERIC_PACKAGES
    ]
    return tuple(
        EnvironmentChange(name, str(before), str(after))
        for name, before, after in pairs
        if before != after
    )

"""Retraining what is stored: the same numbers again, or the first one that differs.

A run that was trained alone is trained alone again. One of a stack is trained with the runs that
were beside it, so that sums are taken in the same order; where they cannot all be had back (one
was resumed, or taken over), it is trained alone and its losses are compared to rounding.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from nnlab import store
from nnlab.config import config_of
from nnlab.engine import transfer
from nnlab.engine.batched.batched_runs import BatchedRuns
from nnlab.engine.device import device_description
from nnlab.engine.epoch_selection import find_selected_epoch
from nnlab.engine.loop import Session, build_session, train
from nnlab.errors import CheckpointError, NnlabError
from nnlab.objective import Objective
from nnlab.records import Attempt, Epoch, Run, Status
from nnlab.workers.initial_weights import MODEL_ARTIFACT_KIND
from nnlab.workers.provenance import collect_environment
from nnlab.workers.run_context import load_initial_weights

# How far the losses of a run may be apart when the order of its sums is another: what the suite
# allows a stacked run and its twin in float32.
BATCHED_TOLERANCE = 2e-3

_COMPLETED = (Status.FINISHED, Status.DIVERGED)
# Of the environment, and of its packages besides torch, what numbers may hang on.
_ENVIRONMENT_FIELDS = ("platform", "python", "torch", "nnlab", "device", "threads", "git_commit")
_NUMERIC_PACKAGES = ("numpy", "scikit-learn", "scipy")


@dataclass(frozen=True, slots=True)
class StoredDifference:
    """One number that is not what it was; `epoch` is None where it belongs to none."""

    what: str
    epoch: int | None
    stored: float | str | None
    now: float | str | None

    @property
    def relative(self) -> float | None:
        """The distance relative to the larger of the two, or None if they are no numbers."""
        if isinstance(self.stored, float) and isinstance(self.now, float):
            return _relative_difference(self.stored, self.now)
        return None


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """Something of the environment that is not what it was."""

    what: str
    stored: str
    now: str


@dataclass(slots=True)
class VerificationResult:
    """What came of retraining a run.

    `engine` is how it was trained now; `exact` says that it was trained so before, sum by sum.
    `tolerance` is zero where every bit was compared, otherwise the losses were, up to it.
    `largest` is the largest relative distance of a value that was compared, `epochs` and `values`
    count what was. `weights` says whether the selected weights were compared as well. `problem`
    says why the run cannot be trained any more.
    """

    run: Run
    engine: str
    tolerance: float
    exact: bool
    first: StoredDifference | None = None
    epochs: int = 0
    values: int = 0
    largest: float = 0.0
    weights: bool = False
    changes: tuple[EnvironmentChange, ...] = ()
    problem: str | None = None

    @property
    def holds(self) -> bool:
        """Whether the numbers are those that are stored."""
        return self.first is None and self.problem is None


OnEpoch = Callable[[Run, Epoch], None]


def verify_runs(
    db: store.Database,
    runs: Sequence[Run],
    on_epoch: OnEpoch,
    *,
    epochs: int | None = None,
    tolerance: float | None = None,
) -> Iterator[VerificationResult]:
    """Retrains runs and compares every number that is stored of them; nothing is written.

    Args:
        db: where they are.
        runs: those of interest, each with at least an epoch.
        on_epoch: told of each retrained epoch.
        epochs: how many to retrain at most.
        tolerance: how far losses may be apart; None wants every bit where that can be had.
    """
    left = {run.id: run for run in runs}
    while left:
        team = _retraining_group(db, next(iter(left.values())))
        asked = [left.pop(run.id) for run in team.runs if run.id in left]
        allowed = tolerance if tolerance is not None else 0.0 if team.exact else BATCHED_TOLERANCE
        try:
            cases = [_RetrainedRun(db, run, team, allowed, epochs) for run in team.runs]
            _retrain(cases, on_epoch)
            found = {case.run.id: case.conclude() for case in cases}
        except NnlabError as error:
            for run in asked:
                yield VerificationResult(
                    run, team.engine, allowed, team.exact, problem=error.message
                )
        else:
            yield from (found[run.id] for run in asked)


@dataclass(frozen=True, slots=True)
class _RetrainingGroup:
    """Runs that are trained together again, and how: one alone, or a whole stack."""

    runs: tuple[Run, ...]
    engine: str = "solo"
    exact: bool = True


def _retraining_group(db: store.Database, run: Run) -> _RetrainingGroup:
    """Who is to be trained with a run, so that its numbers can be the same."""
    tried = [attempt for attempt in store.attempts(db, run.id) if attempt.engine]
    if all(attempt.engine == "solo" for attempt in tried):
        return _RetrainingGroup((run,))
    beside = store.batched_attempts(db, tried[-1])
    members = {member.id: member for member in store.runs(db, run_ids=[a.run_id for a in beside])}
    whole = tried[-1].engine == f"stacked {len(beside)}" and all(
        attempt.first_epoch == 1
        and attempt.run_id in members
        and members[attempt.run_id].status in _COMPLETED
        and len([one for one in store.attempts(db, attempt.run_id) if one.engine]) == 1
        for attempt in beside
    )
    if not whole:
        return _RetrainingGroup((run,), exact=False)
    return _RetrainingGroup(
        tuple(members[attempt.run_id] for attempt in beside), str(tried[-1].engine)
    )


@dataclass(slots=True)
class _RetrainedRun:
    """A run, its session, and what was found so far."""

    db: store.Database
    run: Run
    team: _RetrainingGroup
    tolerance: float
    epochs: int | None
    session: Session = field(init=False)
    verdict: VerificationResult = field(init=False)
    stored: Mapping[str, Mapping[int, float]] = field(init=False)

    def __post_init__(self) -> None:
        self.session = build_session(config_of(self.run.trial.setting, self.run.seed))
        load_initial_weights(self.db, self.session, self.run, lambda _: None)
        history = store.history(self.db, self.run.id)
        self.stored = {
            name: dict(history[name])
            for name in history.metrics
            if not name.startswith(("time/", "energy/"))
        }
        self.session.breaks_ties = _breaks_ties(self.run, self.stored)
        self.verdict = VerificationResult(
            self.run, self.team.engine, self.tolerance, self.team.exact
        )
        then, now = self.run.data_fingerprint, self.session.data.fingerprint
        if then is not None and then != now:
            self.verdict.first = StoredDifference("data", None, then, now)

    @property
    def last(self) -> int:
        """The last epoch to be retrained."""
        return min(self.run.epochs, self.epochs or self.run.epochs)

    def compare(self, epoch: Epoch) -> None:
        self.verdict.epochs += 1
        for name, curve in self.stored.items():
            if epoch.number in curve and not name.startswith("test/"):
                self._compare(name, epoch.number, curve[epoch.number], epoch.values.get(name))

    def _compare(self, name: str, epoch: int, stored: float, now: float | None) -> None:
        verdict = self.verdict
        if verdict.tolerance and not name.endswith("/loss"):
            return
        verdict.values += 1
        apart = math.inf if now is None else _relative_difference(stored, now)
        verdict.largest = max(verdict.largest, apart)
        if apart > verdict.tolerance and verdict.first is None:
            verdict.first = StoredDifference(name, epoch, stored, now)

    def conclude(self) -> VerificationResult:
        """Compares what a run has at its end: the selected epoch, the test, the weights."""
        run, session, verdict = self.run, self.session, self.verdict
        verdict.changes = _environment_changes(store.attempts(self.db, run.id), session)
        if not verdict.epochs and verdict.first is None:
            verdict.problem = "the data of a run that was trained beside it has changed"
        whole = run.status is Status.FINISHED and session.epoch == run.epochs
        if not whole:
            return verdict
        if not verdict.tolerance and run.selected_epoch != session.selected_epoch:
            self._differs("selected epoch", str(run.selected_epoch), str(session.selected_epoch))
        if run.selected_epoch == session.selected_epoch:
            for name, value in session.test().items():
                if run.selected_epoch in self.stored.get(name, {}):
                    stored = self.stored[name][run.selected_epoch]
                    self._compare(name, run.selected_epoch, stored, value)
        if not verdict.tolerance:
            self._compare_weights()
        return verdict

    def _compare_weights(self) -> None:
        for made in store.artifacts(self.db, self.run.id):
            if made.kind != MODEL_ARTIFACT_KIND:
                continue
            try:
                path = store.artifacts_folder(self.db, self.run.artifacts).local(
                    made.path, made.sha256
                )
            except FileNotFoundError:
                continue
            if not path.exists():
                continue
            try:
                stored = transfer.read_weights(path)
            except CheckpointError as error:
                self._differs("weights", error.message, "")
                return
            self.verdict.weights = True
            for name, tensor in self.session.selected_weights.items():
                if name not in stored or not torch.equal(stored[name], tensor.cpu()):
                    self._differs("weights", name, "other values")
                    return

    def _differs(self, what: str, stored: str, now: str) -> None:
        if self.verdict.first is None:
            self.verdict.first = StoredDifference(what, None, stored, now)


def _breaks_ties(run: Run, stored: Mapping[str, Mapping[int, float]]) -> bool:
    """False for a run of an earlier version, which selected the first of equal epochs."""
    objective = Objective.parse(str(run.trial.setting["objective"]))
    by_epoch, losses = stored.get(objective.metric, {}), stored.get("val/loss", {})
    epochs = sorted(by_epoch)
    if run.selected_epoch is None or not epochs or epochs != sorted(losses):
        return True
    values, val_losses = [by_epoch[e] for e in epochs], [losses[e] for e in epochs]
    now = epochs[find_selected_epoch(objective, values, val_losses) - 1]
    first = epochs[find_selected_epoch(objective, values, val_losses, breaks_ties=False) - 1]
    return run.selected_epoch == now or run.selected_epoch != first


def _retrain(cases: Sequence[_RetrainedRun], on_epoch: OnEpoch) -> None:
    """Trains a run, or the runs of a stack, as far as they are stored."""
    if any(case.verdict.first for case in cases):  # other data
        return
    if len(cases) == 1:
        (case,) = cases
        for epoch in train(case.session, lambda: case.session.epoch >= case.last):
            case.compare(epoch)
            on_epoch(case.run, epoch)
        return
    by_session = {id(case.session): case for case in cases}
    stack = BatchedRuns([case.session for case in cases])
    while stack.sessions:
        for session, epoch in stack.train_epoch():
            case = by_session[id(session)]
            case.compare(epoch)
            on_epoch(case.run, epoch)
            if session.status is Status.RUNNING and session.epoch >= case.last:
                session.status = Status.INTERRUPTED
        stack.remove_finished()


def _relative_difference(first: float, second: float) -> float:
    if first == second or (math.isnan(first) and math.isnan(second)):
        return 0.0
    if not (math.isfinite(first) and math.isfinite(second)):
        return math.inf
    return abs(first - second) / max(abs(first), abs(second))


def _environment_changes(
    tried: Sequence[Attempt], session: Session
) -> tuple[EnvironmentChange, ...]:
    """What of the environment is not as it was in the last attempt."""
    then = next((one.environment for one in reversed(tried) if one.environment), None)
    if then is None:
        return ()
    now = collect_environment(device_description(session.device), session.threads)
    pairs = [(word, getattr(then, word), getattr(now, word)) for word in _ENVIRONMENT_FIELDS]
    pairs += [(name, then.packages.get(name), now.packages.get(name)) for name in _NUMERIC_PACKAGES]
    return tuple(
        EnvironmentChange(word, str(before), str(after))
        for word, before, after in pairs
        if before != after
    )

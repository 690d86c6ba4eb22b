"""Who works runs off: this process, others of this machine, or a cluster; and what is shown."""

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.cli.interrupt import StopRequest
from nnlab.cli.train.train import messages
from nnlab.cli.train.train.downloads import fetch_with_progress
from nnlab.cli.train.train.notifications import ForwardingView, OnRunEnd
from nnlab.config import config_of
from nnlab.config.space import distinguishing_fields, setting_label
from nnlab.errors import Interrupted, NnlabError, TimeLimitReached, UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Run, Status
from nnlab.workers import ray, slurm
from nnlab.workers.nodes import Nodes, nodes_from_environment
from nnlab.workers.parallel_config import ParallelConfig, ProcessGroupSpec
from nnlab.workers.rendezvous import Rendezvous
from nnlab.workers.save_policy import DEFAULT_SAVE_POLICY, SavePolicy

if TYPE_CHECKING:
    from nnlab.cli.train.train.progress import TrainView
    from nnlab.workers.callbacks import RunCallbacks, RunResult


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How much to print: only the result, or a line for every epoch."""

    quiet: bool
    verbose: bool


@dataclass(frozen=True, slots=True)
class ExecutionOptions:
    """How runs are worked off: what is kept of them, what trains them, and where.

    `devices` and `per_device` are as typed, `failed_only` says that nothing but failed runs are
    tried again, `fail_fast` that the first failure stops the rest, `allow_diverged` that it is no
    error if every run diverged. With a `cluster` of SLURM
    nothing is trained here: it is asked to; one of Ray has the workers, and this process listens.
    With `parallel` all devices train each run together, and at `meeting` those of other nodes as
    well.
    """

    keeping: SavePolicy = DEFAULT_SAVE_POLICY
    engine: str = "auto"
    devices: str | None = None
    per_device: int | None = None
    fail_fast: bool = False
    failed_only: bool = False
    allow_diverged: bool = False
    cluster: slurm.SlurmResources | ray.RayResources | None = None
    parallel: ParallelConfig | None = None
    meeting: Rendezvous | None = None

    @property
    def words(self) -> list[str]:
        """What a worker elsewhere must be told, as options."""
        said = [] if self.devices is None else ["--devices", self.devices]
        said += ["--engine", self.engine] if self.engine != "auto" else []
        said += [] if self.parallel is None else self.parallel.words
        said += [] if self.keeping.models else ["--no-keep-models"]
        said += ["--allow-changing-data"] if self.keeping.changing_data else []
        said += ["--allow-diverged"] if self.allow_diverged else []
        if self.keeping.checkpoints != DEFAULT_SAVE_POLICY.checkpoints:
            said += ["--checkpoint-every", str(self.keeping.checkpoints)]
        said += [] if self.keeping.git_diff else ["--no-git-diff"]
        if self.keeping.artifacts is not None:
            said += ["--artifacts", self.keeping.artifacts]
        return said

    @property
    def slurm(self) -> slurm.SlurmResources | None:
        """What SLURM is asked for, if it is."""
        return self.cluster if isinstance(self.cluster, slurm.SlurmResources) else None


def work(
    db: store.Database, run_ids: Sequence[int], show: OutputOptions, how: ExecutionOptions
) -> None:
    """Trains what is missing of these runs and says what came out.

    Raises:
        NnlabError: a run failed, or all diverged and `how` does not allow that.
        Interrupted: the user stopped it.
    """
    train_missing(db, run_ids, show, how)
    report_result(db, run_ids, show, allow_diverged=how.allow_diverged)


def train_missing(
    db: store.Database,
    run_ids: Sequence[int],
    show: OutputOptions,
    how: ExecutionOptions,
    *,
    on_ended: OnRunEnd | None = None,
) -> None:
    """Trains what is missing of these runs; `on_ended` is called when a run is over.

    Raises:
        Interrupted: the user stopped it.
    """
    runs = store.runs(db, run_ids=run_ids)
    missing = [run for run in runs if run.status.needs_training]
    if not missing:
        return
    for name in dict.fromkeys(str(run.trial.setting["data"]) for run in missing):
        fetch_with_progress(name)
    view = _choose_view(runs, missing, show)
    if on_ended is not None:
        view = ForwardingView(view, on_ended)
    _train_runs(db, [run.id for run in missing], view, how)


def report_result(
    db: store.Database, run_ids: Sequence[int], show: OutputOptions, *, allow_diverged: bool = False
) -> None:
    """Says what came out of runs.

    Raises:
        NnlabError: a run failed, or all diverged and that is not allowed.
        Interrupted: `nnlab stop` held some back.
    """
    messages.print_result(db, run_ids, quiet=show.quiet)
    after = store.runs(db, run_ids=run_ids)
    _raise_for_failures(db, after)
    _raise_for_stopped(after)
    if not allow_diverged:
        _raise_if_all_diverged(after)


def _choose_view(runs: Sequence[Run], missing: Sequence[Run], show: OutputOptions) -> "TrainView":
    """The screen that fits: a bar on a terminal, lines in a pipe, or nothing."""
    from nnlab.cli.train.train.progress import BarView, LinesView, QuietView

    fields = distinguishing_fields([run.trial.setting for run in runs])

    def describe(run: Run) -> str:
        return f"{setting_label(run.trial.setting, fields)} seed={run.seed}".strip()

    if show.quiet:
        return QuietView(describe)
    if not sys.stdout.isatty():
        return LinesView(describe, every_epoch=show.verbose)
    left = sum(run.epochs_planned - run.epochs for run in missing)
    return BarView(describe, runs=len(missing), epochs=left, every_epoch=show.verbose)


def _train_runs(
    db: store.Database, run_ids: Sequence[int], view: "TrainView", how: ExecutionOptions
) -> None:
    stop = StopRequest(view.stopping)
    failed: list[Run] = []

    def should_stop() -> bool:
        if how.meeting is not None:
            how.meeting.check()
        return stop.requested or (how.fail_fast and bool(failed))

    listener = ForwardingView(view, lambda ended: _collect_failure(ended, failed))
    try:
        work = _choose_train_function(db, run_ids, how)
        with stop, view:
            work(listener, should_stop)
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped in mid epoch; every finished epoch is kept", hint=_RESUME_HINT
        ) from None
    if stop.time_is_up and slurm.is_array_task():
        told = "the time of this task is nearly up; it is queued once more"
        if how.meeting is not None:
            # To be queued again ends a job on all of its nodes: its script does, after them.
            raise TimeLimitReached(told)
        if slurm.requeue_task():
            raise Interrupted(told)
    if stop.requested:
        raise Interrupted("every finished epoch is kept", hint=_RESUME_HINT)


TrainFunction = Callable[["RunCallbacks", Callable[[], bool]], object]


def _choose_train_function(
    db: store.Database, run_ids: Sequence[int], how: ExecutionOptions
) -> TrainFunction:
    """Who works the runs off: actors on a cluster, processes of this machine, or this one alone."""
    if isinstance(how.cluster, ray.RayResources):
        return _ray_train_function(db, run_ids, how, how.cluster)
    from nnlab.workers import placement as slot

    team = None
    if how.parallel is not None:
        team = build_process_group_spec(how, nodes_from_environment())
        placement: tuple[slot.Placement, ...] = (slot.Placement(team.shown),)
    elif how.devices is not None:
        placement = slot.parse_devices(how.devices, how.per_device)
    else:
        waiting = store.runs(db, run_ids=run_ids)
        placement = slot.default_placements(
            [config_of(run.trial.setting, run.seed) for run in waiting]
        )
    if len(placement) > 1 or any(slot.device != "cpu" for slot in placement):
        from nnlab.workers.local_pool import LocalPool

        return LocalPool(
            db,
            run_ids,
            placement,
            engine="solo" if team else how.engine,
            keeping=how.keeping,
            packs=how.per_device is None,
            team=team,
            gather=how.meeting.gather if how.meeting is not None else Nodes,
        ).work
    # torch takes its second or two here, after the settings were found to be good.
    from nnlab.workers.planner import BatchPlanner
    from nnlab.workers.run_queue import run_queue

    # What is imported stays: the collector need not look at it again and again.
    gc.freeze()
    gc.enable()
    planner = BatchPlanner(how.engine)

    def work(listener: "RunCallbacks", should_stop: Callable[[], bool]) -> object:
        return run_queue(db, run_ids, listener, should_stop, keeping=how.keeping, planner=planner)

    return work


def _ray_train_function(
    db: store.Database, run_ids: Sequence[int], how: ExecutionOptions, wanted: ray.RayResources
) -> TrainFunction:
    """Actors on a Ray cluster; on each node of a team as many processes as it gives devices."""
    from nnlab.workers.ray.pool import RayPool

    team = None
    if how.parallel is not None:
        team = ProcessGroupSpec(how.parallel, wanted.devices)
    return RayPool(
        db,
        run_ids,
        wanted,
        engine="solo" if team else how.engine,
        keeping=how.keeping,
        team=team,
    ).work


def _collect_failure(ended: "RunResult", failed: list[Run]) -> None:
    if ended.status is Status.FAILED:
        failed.append(ended.run)


_RESUME_HINT = "the same command goes on where this one stopped"


def failed_runs(runs: Sequence[Run]) -> list[Run]:
    """Those that have failed."""
    return [run for run in runs if run.status is Status.FAILED]


def _raise_for_failures(db: store.Database, runs: Sequence[Run]) -> None:
    if failed := failed_runs(runs):
        error = NnlabError(
            f"{len(failed)} of {len(runs)} runs failed; run {failed[0].id}: {failed[0].reason}",
            hint=f"`{quote_command('nnlab', 'show', failed[0].id)}` tells more; the same command"
            " tries again",
        )
        attempts = store.attempts(db, failed[0].id)
        if attempts and attempts[-1].traceback:
            # With --debug Python prints it: the model may have failed in another process.
            error.add_note(f"run {failed[0].id}:\n{attempts[-1].traceback}")
        raise error


def _raise_if_all_diverged(runs: Sequence[Run]) -> None:
    if runs and all(run.status is Status.DIVERGED for run in runs):
        which = "the run" if len(runs) == 1 else f"all {len(runs)} runs"
        raise NnlabError(
            f"{which} diverged; run {runs[0].id}: {runs[0].reason}",
            hint="a lower learning rate; --allow-diverged makes this exit code 0",
        )


def _raise_for_stopped(runs: Sequence[Run]) -> None:
    stopped = [run for run in runs if run.stop_requested_at and run.status.needs_training]
    if stopped:
        raise Interrupted(
            f"nnlab stop held back {len(stopped)} of {len(runs)} runs; every finished epoch is"
            " kept",
            hint=_RESUME_HINT,
        )


def build_process_group_spec(how: ExecutionOptions, nodes: Nodes) -> ProcessGroupSpec:
    """The devices of this machine that train each run together.

    Raises:
        UsageError: there is only one, on one machine.
    """
    from nnlab.workers import placement

    assert how.parallel is not None
    devices = tuple(slot.device for slot in placement.parse_devices(how.devices or "cpu:1", 1))
    if len(devices) * nodes.count < 2:
        raise UsageError(
            f"--parallel {how.parallel.kind} needs two devices or more",
            hint="--devices cuda:0,cuda:1, or cpu:2",
        )
    return ProcessGroupSpec(how.parallel, devices)

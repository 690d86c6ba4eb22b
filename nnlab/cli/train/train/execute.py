"""Who works runs off: this process, others of this machine, or a cluster; and what is shown."""

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.cli.interrupt import StopRequest
from nnlab.cli.train.train import summary
from nnlab.cli.train.train.downloads import fetched
from nnlab.cli.train.train.notifications import OnEnded, Overheard
from nnlab.config import config_of
from nnlab.config.space import label, telling
from nnlab.errors import Interrupted, NnlabError, TimeIsUp, UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Run, Status
from nnlab.workers import ray, slurm
from nnlab.workers.nodes import Nodes, nodes_here
from nnlab.workers.parallel_config import TeamWanted, Together
from nnlab.workers.rendezvous import Meeting
from nnlab.workers.save_policy import KEEPING, Keeping

if TYPE_CHECKING:
    from nnlab.cli.train.train.progress import View
    from nnlab.workers.callbacks import Ended, Listener


@dataclass(frozen=True, slots=True)
class Show:
    """How much to print: only the result, or a line for every epoch."""

    quiet: bool
    verbose: bool


@dataclass(frozen=True, slots=True)
class How:
    """How runs are worked off: what is kept of them, what trains them, and where.

    `devices` and `per_device` are as typed, `failed_only` says that nothing but failed runs are
    tried again, `fail_fast` that the first failure stops the rest, `allow_diverged` that it is no
    error if every run diverged. With a `cluster` of SLURM
    nothing is trained here: it is asked to; one of Ray has the workers, and this process listens.
    With `parallel` all devices train each run together, and at `meeting` those of other nodes as
    well.
    """

    keeping: Keeping = KEEPING
    engine: str = "auto"
    devices: str | None = None
    per_device: int | None = None
    fail_fast: bool = False
    failed_only: bool = False
    allow_diverged: bool = False
    cluster: slurm.Wanted | ray.Wanted | None = None
    parallel: Together | None = None
    meeting: Meeting | None = None

    @property
    def words(self) -> list[str]:
        """What a worker elsewhere must be told, as options."""
        said = [] if self.devices is None else ["--devices", self.devices]
        said += ["--engine", self.engine] if self.engine != "auto" else []
        said += [] if self.parallel is None else self.parallel.words
        said += [] if self.keeping.models else ["--no-keep-models"]
        said += ["--allow-changing-data"] if self.keeping.changing_data else []
        said += ["--allow-diverged"] if self.allow_diverged else []
        if self.keeping.checkpoints != KEEPING.checkpoints:
            said += ["--checkpoint-every", str(self.keeping.checkpoints)]
        said += [] if self.keeping.git_diff else ["--no-git-diff"]
        if self.keeping.artifacts is not None:
            said += ["--artifacts", self.keeping.artifacts]
        return said

    @property
    def slurm(self) -> slurm.Wanted | None:
        """What SLURM is asked for, if it is."""
        return self.cluster if isinstance(self.cluster, slurm.Wanted) else None


def work(db: store.Database, run_ids: Sequence[int], show: Show, how: How) -> None:
    """Trains what is missing of these runs and says what came out.

    Raises:
        NnlabError: a run failed, or all diverged and `how` does not allow that.
        Interrupted: the user stopped it.
    """
    train_missing(db, run_ids, show, how)
    tell_result(db, run_ids, show, allow_diverged=how.allow_diverged)


def train_missing(
    db: store.Database,
    run_ids: Sequence[int],
    show: Show,
    how: How,
    *,
    on_ended: OnEnded | None = None,
) -> None:
    """Trains what is missing of these runs; `on_ended` is called when a run is over.

    Raises:
        Interrupted: the user stopped it.
    """
    runs = store.runs(db, run_ids=run_ids)
    missing = [run for run in runs if run.status.is_missing]
    if not missing:
        return
    for name in dict.fromkeys(str(run.trial.setting["data"]) for run in missing):
        fetched(name)
    view = _view(runs, missing, show)
    if on_ended is not None:
        view = Overheard(view, on_ended)
    _train_all(db, [run.id for run in missing], view, how)


def tell_result(
    db: store.Database, run_ids: Sequence[int], show: Show, *, allow_diverged: bool = False
) -> None:
    """Says what came out of runs.

    Raises:
        NnlabError: a run failed, or all diverged and that is not allowed.
        Interrupted: `nnlab stop` held some back.
    """
    summary.result(db, run_ids, quiet=show.quiet)
    after = store.runs(db, run_ids=run_ids)
    _raise_for_failures(db, after)
    _raise_for_stopped(after)
    if not allow_diverged:
        _raise_if_all_diverged(after)


def _view(runs: Sequence[Run], missing: Sequence[Run], show: Show) -> "View":
    """The screen that fits: a bar on a terminal, lines in a pipe, or nothing."""
    from nnlab.cli.train.train.progress import BarView, LinesView, QuietView

    fields = telling([run.trial.setting for run in runs])

    def describe(run: Run) -> str:
        return f"{label(run.trial.setting, fields)} seed={run.seed}".strip()

    if show.quiet:
        return QuietView(describe)
    if not sys.stdout.isatty():
        return LinesView(describe, every_epoch=show.verbose)
    left = sum(run.epochs_planned - run.epochs for run in missing)
    return BarView(describe, runs=len(missing), epochs=left, every_epoch=show.verbose)


def _train_all(db: store.Database, run_ids: Sequence[int], view: "View", how: How) -> None:
    stop = StopRequest(view.stopping)
    failed: list[Run] = []

    def should_stop() -> bool:
        if how.meeting is not None:
            how.meeting.check()
        return stop.asked or (how.fail_fast and bool(failed))

    listener = Overheard(view, lambda ended: _note_failure(ended, failed))
    try:
        work = _workers(db, run_ids, how)
        with stop, view:
            work(listener, should_stop)
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped in mid epoch; every finished epoch is kept", hint=_GO_ON
        ) from None
    if stop.time_is_up and slurm.is_task():
        told = "the time of this task is nearly up; it is queued once more"
        if how.meeting is not None:
            # To be queued again ends a job on all of its nodes: its script does, after them.
            raise TimeIsUp(told)
        if slurm.queue_again():
            raise Interrupted(told)
    if stop.asked:
        raise Interrupted("every finished epoch is kept", hint=_GO_ON)


Work = Callable[["Listener", Callable[[], bool]], object]


def _workers(db: store.Database, run_ids: Sequence[int], how: How) -> Work:
    """Who works the runs off: actors on a cluster, processes of this machine, or this one alone."""
    if isinstance(how.cluster, ray.Wanted):
        return _on_ray(db, run_ids, how, how.cluster)
    from nnlab.workers import placement as slot

    team = None
    if how.parallel is not None:
        team = team_of(how, nodes_here())
        placement: tuple[slot.Slot, ...] = (slot.Slot(team.shown),)
    elif how.devices is not None:
        placement = slot.parse(how.devices, how.per_device)
    else:
        waiting = store.runs(db, run_ids=run_ids)
        placement = slot.usual([config_of(run.trial.setting, run.seed) for run in waiting])
    if len(placement) > 1 or any(slot.device != "cpu" for slot in placement):
        from nnlab.workers.local_pool import Pool

        return Pool(
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
    from nnlab.workers.planner import Planner
    from nnlab.workers.run_queue import work_off

    # What is imported stays: the collector need not look at it again and again.
    gc.freeze()
    gc.enable()
    planner = Planner(how.engine)

    def work(listener: "Listener", should_stop: Callable[[], bool]) -> object:
        return work_off(db, run_ids, listener, should_stop, keeping=how.keeping, planner=planner)

    return work


def _on_ray(db: store.Database, run_ids: Sequence[int], how: How, wanted: ray.Wanted) -> Work:
    """Actors on a Ray cluster; on each node of a team as many processes as it gives devices."""
    from nnlab.workers.ray.pool import RayPool

    team = None
    if how.parallel is not None:
        team = TeamWanted(how.parallel, wanted.devices)
    return RayPool(
        db,
        run_ids,
        wanted,
        engine="solo" if team else how.engine,
        keeping=how.keeping,
        team=team,
    ).work


def _note_failure(ended: "Ended", failed: list[Run]) -> None:
    if ended.status is Status.FAILED:
        failed.append(ended.run)


_GO_ON = "the same command goes on where this one stopped"


def failed_of(runs: Sequence[Run]) -> list[Run]:
    """Those that have failed."""
    return [run for run in runs if run.status is Status.FAILED]


def _raise_for_failures(db: store.Database, runs: Sequence[Run]) -> None:
    if failed := failed_of(runs):
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
    stopped = [run for run in runs if run.stop_requested_at and run.status.is_missing]
    if stopped:
        raise Interrupted(
            f"nnlab stop held back {len(stopped)} of {len(runs)} runs; every finished epoch is"
            " kept",
            hint=_GO_ON,
        )


def team_of(how: How, nodes: Nodes) -> TeamWanted:
    """The devices of this machine that train each run together.

    Raises:
        UsageError: there is only one, on one machine.
    """
    from nnlab.workers import placement

    assert how.parallel is not None
    devices = tuple(slot.device for slot in placement.parse(how.devices or "cpu:1", 1))
    if len(devices) * nodes.count < 2:
        raise UsageError(
            f"--parallel {how.parallel.kind} needs two devices or more",
            hint="--devices cuda:0,cuda:1, or cpu:2",
        )
    return TeamWanted(how.parallel, devices)

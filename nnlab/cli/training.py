"""From settings typed to runs trained: enqueue what is missing, work it off, say what came out."""

import difflib
import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.cli import announce, clusters, submitting
from nnlab.cli.arms import pretrained_name
from nnlab.cli.downloads import fetched
from nnlab.cli.interrupt import StopRequest
from nnlab.cli.notifying import OnEnded, Overheard, notified
from nnlab.cli.place import opened
from nnlab.cli.plan import Plan, Typed, check_words, plan_of, read_config
from nnlab.cli.render import say
from nnlab.cli.rounds import rounds
from nnlab.config import config_of
from nnlab.errors import (
    ConfigError,
    Interrupted,
    NnlabError,
    NoDatabase,
    StudyExists,
    TimeIsUp,
    UnknownName,
    UsageError,
)
from nnlab.experiments import builtin
from nnlab.experiments.sampling import learns
from nnlab.launch import ray, slurm
from nnlab.launch.following import follow
from nnlab.launch.keeping import KEEPING, Keeping
from nnlab.launch.meeting import Meeting
from nnlab.launch.nodes import Nodes, nodes_here
from nnlab.launch.together import TeamWanted, Together
from nnlab.records import Run, Status, Study
from nnlab.space import label, telling

if TYPE_CHECKING:
    from nnlab.cli.live import View
    from nnlab.launch.listening import Ended, Listener

# Plain `nnlab train` adds its runs to this study, which has no fixed space.
OPEN_STUDY = "default"


@dataclass(frozen=True, slots=True)
class Show:
    """How much to print: only the result, or a line for every epoch."""

    quiet: bool
    verbose: bool


@dataclass(frozen=True, slots=True)
class How:
    """How runs are worked off: what is kept of them, what trains them, and where.

    `devices` and `per_device` are as typed, `failed_only` says that nothing but failed runs are
    tried again, `fail_fast` that the first failure stops the rest. With a `cluster` of SLURM
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
        if self.keeping.checkpoints != KEEPING.checkpoints:
            said += ["--checkpoint-every", str(self.keeping.checkpoints)]
        if self.keeping.artifacts is not None:
            said += ["--artifacts", self.keeping.artifacts]
        return said

    @property
    def slurm(self) -> slurm.Wanted | None:
        """What SLURM is asked for, if it is."""
        return self.cluster if isinstance(self.cluster, slurm.Wanted) else None


def train(
    typed: Typed,
    config: Path | None,
    *,
    db: str | None,
    again: bool,
    dry_run: bool,
    show: Show,
    how: How,
    notify: str | None = None,
) -> None:
    """Trains what was typed, with what a TOML file adds; `notify` is told how it went.

    Raises:
        NnlabError: a setting, the database or a run is not as it must be.
    """
    if how.parallel is not None and how.cluster is None and how.meeting is None and not dry_run:
        nodes = nodes_here()
        if not nodes.leads:
            follow(nodes, _team(how, nodes), how.keeping)
            return
        if nodes.count > 1:
            with Meeting(nodes) as meeting:
                how = replace(how, meeting=meeting)
                train(
                    typed, config, db=db, again=again, dry_run=False, show=show, how=how,
                    notify=notify,
                )  # fmt: skip
            return
    typed = read_config(config or _builtin(typed, db), typed)
    if typed.pretrain is not None and not dry_run:
        _pretrain(typed, db=db, show=show, how=how)
    # All that can be wrong with a setting is found before a database is made or touched.
    plan = plan_of(typed, db=db) if typed.says_something or typed.study is None else None
    if how.cluster is not None:
        clusters.check(how.cluster, how.parallel, devices=how.devices, per_device=how.per_device)
    if how.parallel is not None and how.engine == "stacked":
        raise UsageError(
            "--engine stacked trains many runs on one device, --parallel one run on many",
            hint="choose one of them",
        )
    if how.slurm is not None and typed.study is None:
        raise UsageError(
            "the tasks of a job work off a study",
            hint="name it: nnlab train --study NAME --launcher slurm",
        )
    if dry_run:
        _dry_run(db, typed, plan, how)
        return
    with opened(db, write=True, create=plan is not None) as database:
        failed = _failed_in(database, typed.study) if how.failed_only else None
        study, queued = _enqueue(database, typed, plan, again=again, quiet=show.quiet, only=failed)
        if how.slurm is not None:
            submitting.submit(database, study, queued, how.slurm, how.words)
            return
        run_ids = list(queued)
        with notified(notify, database, run_ids) as on_ended:
            train_missing(database, run_ids, show, how, on_ended=on_ended)
            if learns(study.sampler) and not how.failed_only:
                for more in rounds(database, study, typed, quiet=show.quiet):
                    run_ids += more
                    train_missing(database, more, show, how, on_ended=on_ended)
                    if how.fail_fast and _failed(store.runs(database, run_ids=more)):
                        break
            tell_result(database, run_ids, show)
        if typed.study is not None:
            announce.verdict(database, typed.study)


def _team(how: How, nodes: Nodes) -> TeamWanted:
    """The devices of this machine that train each run together.

    Raises:
        UsageError: there is only one, on one machine.
    """
    from nnlab.launch import slots

    assert how.parallel is not None
    devices = tuple(slot.device for slot in slots.parse(how.devices or "cpu:1", 1))
    if len(devices) * nodes.count < 2:
        raise UsageError(
            f"--parallel {how.parallel.kind} needs two devices or more",
            hint="--devices cuda:0,cuda:1, or cpu:2",
        )
    return TeamWanted(how.parallel, devices)


def _builtin(typed: Typed, db: str | None) -> Path | None:
    """The file of a built-in study that is trained by its name and is not set up yet."""
    if typed.study not in builtin.names() or typed.says_something:
        return None
    try:
        with opened(db) as database:
            known = {study.name for study in store.all_studies(database)}
    except NoDatabase:
        known = set()
    return None if typed.study in known else builtin.path_of(typed.study)


def _pretrain(typed: Typed, *, db: str | None, show: Show, how: How) -> None:
    """Trains the runs whose weights the study begins with; those that are there stay."""
    assert typed.pretrain is not None
    name = pretrained_name(str(typed.study))
    before = Typed(
        settings=typed.pretrain,
        study=name,
        question=f"weights that {typed.study} begins with",
        name=name,
        seed=typed.seed,
        seeds=typed.seeds,
    )
    train(
        before,
        None,
        db=db,
        again=False,
        dry_run=False,
        show=show,
        how=replace(how, keeping=replace(how.keeping, models=True)),
    )


def set_up(
    typed: Typed, config: Path | None, *, db: str | None, skip_if_exists: bool, dry_run: bool
) -> None:
    """Sets up a study and queues its runs; nothing is trained yet.

    Raises:
        NnlabError: a setting or the database is not as it must be.
        StudyExists: one of that name asks something else.
    """
    typed = read_config(config, typed)
    if typed.study is None:
        raise UsageError(
            "init-study needs a name for the study",
            hint="nnlab init-study NAME ..., or --from lecture/relu for a built-in one",
        )
    try:
        plan = plan_of(typed, db=db)
    except UsageError as error:
        if typed.pretrain is None or isinstance(error, ConfigError):
            raise
        raise UsageError(
            f"study '{typed.study}' begins with weights that are not trained yet",
            hint=f"nnlab train --study {typed.study} trains them first",
        ) from None
    if dry_run:
        announce.dry_run(runs_of(plan), set())
        return
    with opened(db, write=True, create=True) as database:
        try:
            study = _study_for(database, plan)
        except StudyExists:
            if not skip_if_exists:
                raise
            say(f"study '{plan.study}' is there already and stays as it is")
            return
        queued = store.enqueue(database, study, runs_of(plan))
        announce.setting([point.setting for point in plan.points])
        announce.queued(study, queued)
    say(f"next: nnlab train --study {study.name}", style="dim")


def _enqueue(
    db: store.Database,
    typed: Typed,
    plan: Plan | None,
    *,
    again: bool,
    quiet: bool,
    only: frozenset[tuple[str, int]] | None = None,
) -> tuple[Study, tuple[int, ...]]:
    """Puts what was asked for into the queue and says what that is; gives the study and the runs.

    Without a plan it is what the study of that name still wants; with `only` no more than these,
    by their trial's digest and seed.
    """
    if plan is None:
        study = _existing(db, str(typed.study))
        wanted = _stored_runs(db, study, typed)
    else:
        study = _study_for(db, plan)
        wanted = runs_of(plan)
    if only is not None:
        wanted = [run for run in wanted if (run.digest, run.seed) in only]
    queued = store.enqueue(db, study, wanted, again=again)
    if not quiet:
        announce.setting([run.setting for run in wanted])
        announce.queued(study, queued)
    return study, queued.run_ids


def _failed_in(db: store.Database, name: str | None) -> frozenset[tuple[str, int]]:
    """The failed runs of a study, or of all, by their trial's digest and seed."""
    study = _existing(db, name) if name is not None else None
    runs = store.runs(db, study=study.id if study else None, current_only=True)
    failed = _failed(runs)
    if not failed:
        raise UsageError(
            f"no run of study '{name}' has failed" if name else "no run has failed",
            hint="nnlab ls shows how each ended",
        )
    return frozenset((run.trial.digest, run.seed) for run in failed)


def _study_for(db: store.Database, plan: Plan) -> Study:
    if plan.study is None:
        return store.create_study(
            db, name=OPEN_STUDY, question="", objective=None, space=None, seeds=()
        )
    return store.create_study(
        db,
        name=plan.study,
        question=plan.question,
        objective=plan.objective,
        space=plan.space,
        seeds=plan.seeds,
        claim=plan.claim,
        arms=plan.arms,
        decides=plan.decides,
        sampler=plan.sampler,
    )


def _existing(db: store.Database, name: str) -> Study:
    try:
        return store.find_study(db, name)
    except UnknownName as error:
        close = difflib.get_close_matches(name, builtin.names(), n=1, cutoff=0.5)
        if close:
            raise UsageError(
                error.message, hint=f"nnlab train --study {close[0]} trains a built-in study"
            ) from None
        raise UsageError(
            error.message, hint=f"nnlab init-study {name} --lr 1e-3..1e-1 sets it up"
        ) from None


def _stored_runs(db: store.Database, study: Study, typed: Typed) -> list[store.Plan]:
    """What a study wants already: its current runs, with the name and tags that were typed."""
    check_words(typed)
    return [
        store.Plan(
            run.trial.setting,
            run.trial.digest,
            run.seed,
            run.epochs_planned,
            typed.name,
            typed.tags,
        )
        for run in store.runs(db, study=study.id, current_only=True)
    ]


def runs_of(plan: Plan) -> list[store.Plan]:
    """Every run of a plan, all trials with the first seed first: an early look compares all."""
    return [
        store.Plan(point.setting, point.digest, seed, point.config.epochs, plan.name, plan.tags)
        for seed in plan.seeds
        for point in plan.points
    ]


def work(db: store.Database, run_ids: Sequence[int], show: Show, how: How) -> None:
    """Trains what is missing of these runs and says what came out.

    Raises:
        NnlabError: a run failed.
        Interrupted: the user stopped it.
    """
    train_missing(db, run_ids, show, how)
    tell_result(db, run_ids, show)


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


def tell_result(db: store.Database, run_ids: Sequence[int], show: Show) -> None:
    """Says what came out of runs.

    Raises:
        NnlabError: a run failed.
        Interrupted: `nnlab stop` held some back.
    """
    announce.result(db, run_ids, quiet=show.quiet)
    after = store.runs(db, run_ids=run_ids)
    _raise_for_failures(after)
    _raise_for_stopped(after)


def _view(runs: Sequence[Run], missing: Sequence[Run], show: Show) -> "View":
    """The screen that fits: a bar on a terminal, lines in a pipe, or nothing."""
    from nnlab.cli.live import BarView, LinesView, QuietView

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
    from nnlab.launch import slots as slot

    team = None
    if how.parallel is not None:
        team = _team(how, nodes_here())
        slots: tuple[slot.Slot, ...] = (slot.Slot(team.shown),)
    elif how.devices is not None:
        slots = slot.parse(how.devices, how.per_device)
    else:
        waiting = store.runs(db, run_ids=run_ids)
        slots = slot.usual([config_of(run.trial.setting, run.seed) for run in waiting])
    if len(slots) > 1 or any(slot.device != "cpu" for slot in slots):
        from nnlab.launch.pool import Pool

        return Pool(
            db,
            run_ids,
            slots,
            engine="solo" if team else how.engine,
            keeping=how.keeping,
            packs=how.per_device is None,
            team=team,
            gather=how.meeting.gather if how.meeting is not None else Nodes,
        ).work
    # torch takes its second or two here, after the settings were found to be good.
    from nnlab.launch.local import work_off
    from nnlab.launch.planner import Planner

    # What is imported stays: the collector need not look at it again and again.
    gc.freeze()
    gc.enable()
    planner = Planner(how.engine)

    def work(listener: "Listener", should_stop: Callable[[], bool]) -> object:
        return work_off(db, run_ids, listener, should_stop, keeping=how.keeping, planner=planner)

    return work


def _on_ray(db: store.Database, run_ids: Sequence[int], how: How, wanted: ray.Wanted) -> Work:
    """Actors on a Ray cluster; on each node of a team as many processes as it gives devices."""
    from nnlab.launch.ray.pool import RayPool

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


def _failed(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.status is Status.FAILED]


def _raise_for_failures(runs: Sequence[Run]) -> None:
    if failed := _failed(runs):
        raise NnlabError(
            f"{len(failed)} of {len(runs)} runs failed; run {failed[0].id}: {failed[0].reason}",
            hint=f"`nnlab show {failed[0].id}` tells more; the same command tries again",
        )


def _raise_for_stopped(runs: Sequence[Run]) -> None:
    stopped = [run for run in runs if run.stop_requested_at and run.status.is_missing]
    if stopped:
        raise Interrupted(
            f"nnlab stop held back {len(stopped)} of {len(runs)} runs; every finished epoch is"
            " kept",
            hint=_GO_ON,
        )


def _dry_run(db: str | None, typed: Typed, plan: Plan | None, how: How) -> None:
    """Says what would be trained, and by which job; makes no database and writes to none."""
    try:
        with opened(db) as database:
            if plan is None:
                study: Study | None = _existing(database, str(typed.study))
                assert study is not None
                wanted = _stored_runs(database, study, typed)
            else:
                known = {found.name: found for found in store.all_studies(database)}
                study = known.get(plan.study or OPEN_STUDY)
                wanted = runs_of(plan)
            done = _done(database, study) if study else set()
    except NoDatabase:
        if plan is None:
            raise
        wanted, done = runs_of(plan), set()
    announce.dry_run(wanted, done)
    if how.slurm is not None:
        left = sum((run.digest, run.seed) not in done for run in wanted)
        say(submitting.script_for(db, str(typed.study), left, how.slurm, how.words))


def _done(db: store.Database, study: Study) -> set[tuple[str, int]]:
    runs = store.runs(db, study=study.id, current_only=True)
    return {(r.trial.digest, r.seed) for r in runs if not r.status.is_missing}

"""From settings typed to runs trained: enqueue what is missing, work it off, say what came out."""

import difflib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab import store
from nnlab.cli import announce, clusters, submitting
from nnlab.cli.arms import pretrained_name
from nnlab.cli.moved_data import adopt_trials
from nnlab.cli.notifying import notified
from nnlab.cli.place import opened
from nnlab.cli.plan import Plan, Typed, check_words, plan_of, read_config, shortfalls
from nnlab.cli.render import note, say
from nnlab.cli.rounds import rounds
from nnlab.cli.working import How, Show, failed_of, team_of, tell_result, train_missing
from nnlab.engine.data import location
from nnlab.errors import (
    ConfigError,
    NoDatabase,
    StudyExists,
    UnknownName,
    UsageError,
)
from nnlab.experiments import builtin
from nnlab.experiments.sampling import learns
from nnlab.launch import slots
from nnlab.launch.following import follow
from nnlab.launch.meeting import Meeting
from nnlab.launch.nodes import nodes_here
from nnlab.records import Study

if TYPE_CHECKING:
    pass

# Plain `nnlab train` adds its runs to this study, which has no fixed space.
OPEN_STUDY = "default"


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
            follow(nodes, team_of(how, nodes), how.keeping)
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
    _check(typed, how)
    if typed.pretrain is not None and not dry_run:
        _pretrain(typed, db=db, show=show, how=how)
    # All that can be wrong with a setting is found before a database is made or touched.
    plan = plan_of(typed, db=db) if typed.says_something or typed.study is None else None
    if plan is not None and not show.quiet:
        for shortfall in shortfalls(typed, plan):
            note(shortfall)
    if dry_run:
        _dry_run(db, typed, plan, how)
        return
    with opened(db, write=True, create=plan is not None) as database:
        failed = _failed_in(database, typed.study) if how.failed_only else None
        study, queued, moved = _enqueue(
            database, typed, plan, again=again, quiet=show.quiet, only=failed
        )
        how = replace(how, keeping=replace(how.keeping, moved_data=moved))
        location.look_at(moved)
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
                    if how.fail_fast and failed_of(store.runs(database, run_ids=more)):
                        break
            tell_result(database, run_ids, show, allow_diverged=how.allow_diverged)
        if typed.study is not None:
            announce.verdict(database, typed.study)


def _check(typed: Typed, how: How) -> None:
    """Refuses what cannot be done so.

    Raises:
        UsageError: two things that were asked for do not go together.
    """
    if how.cluster is not None:
        clusters.check(how.cluster, how.parallel, devices=how.devices, per_device=how.per_device)
    elif how.devices is not None:
        # Before anything is trained or written, and in a dry run as well.
        slots.parse(how.devices, how.per_device)
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
    for shortfall in shortfalls(typed, plan):
        note(shortfall)
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
) -> tuple[Study, tuple[int, ...], tuple[tuple[str, str], ...]]:
    """Puts what was asked for into the queue and says what that is.

    Without a plan it is what the study of that name still wants; with `only` no more than these,
    by their trial's digest and seed. Returns the study, the runs, and data files under another
    path (`adopt_trials`).
    """
    if plan is None:
        study = _existing(db, str(typed.study))
        wanted = _stored_runs(db, study, typed)
    else:
        study = _study_for(db, plan)
        wanted = runs_of(plan)
    wanted, moved = adopt_trials(db, study, wanted)
    for old, new in moved:
        note(f"{new} has the content of {old}: its runs belong to the trials of {old}")
    if only is not None:
        wanted = [run for run in wanted if (run.digest, run.seed) in only]
    queued = store.enqueue(db, study, wanted, again=again)
    if not quiet:
        announce.setting([run.setting for run in wanted])
        announce.queued(study, queued)
    return study, queued.run_ids, moved


def _failed_in(db: store.Database, name: str | None) -> frozenset[tuple[str, int]]:
    """The failed runs of a study, or of all, by their trial's digest and seed."""
    study = _existing(db, name) if name is not None else None
    runs = store.runs(db, study=study.id if study else None, current_only=True)
    failed = failed_of(runs)
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
    if how.cluster is None:
        _check_devices({str(run.setting.get("device", "auto")) for run in wanted})
    announce.dry_run(wanted, done)
    if how.slurm is not None:
        left = sum((run.digest, run.seed) not in done for run in wanted)
        say(submitting.script_for(db, str(typed.study), left, how.slurm, how.words))


def _check_devices(names: set[str]) -> None:
    """Checks that this machine has the devices that settings name.

    Raises:
        DeviceError: it lacks one.
    """
    # torch, which knows the others, takes a second to import.
    if others := sorted(names - {"auto", "cpu"}):
        from nnlab.engine import device

        for name in others:
            device.find(name)


def _done(db: store.Database, study: Study) -> set[tuple[str, int]]:
    runs = store.runs(db, study=study.id, current_only=True)
    return {(r.trial.digest, r.seed) for r in runs if not r.status.is_missing}

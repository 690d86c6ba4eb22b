"""From settings typed to runs trained: enqueue what is missing, work it off, say what came out."""

from dataclasses import replace
from pathlib import Path

from nnlab import store
from nnlab.cli.database_option import opened
from nnlab.cli.output.render import note, say
from nnlab.cli.train.train import slurm_jobs, summary
from nnlab.cli.train.train.execute import How, Show, failed_of, team_of, tell_result, train_missing
from nnlab.cli.train.train.notifications import notified
from nnlab.cli.train.train.wait import wait_for_others
from nnlab.engine.data import location
from nnlab.errors import (
    ConfigError,
    NoDatabase,
    StudyExists,
    UsageError,
)
from nnlab.io.command_line import quote_command
from nnlab.records import Study
from nnlab.study import builtin
from nnlab.study.arms import pretrained_name
from nnlab.study.enqueue import OPEN_STUDY, enqueue
from nnlab.study.extension import Extension, extension_of
from nnlab.study.next_trials import learns
from nnlab.study.request import (
    existing_study,
    extend_command,
    requested_runs,
    runs_of,
    runs_wanted,
    stored_study,
)
from nnlab.study.run_names import reads_as_number
from nnlab.study.sampler_loop import rounds
from nnlab.study.spec import Plan, Typed, number_like, plan_of, read_config, shortfalls
from nnlab.workers import placement, resources, slurm
from nnlab.workers.node_follower import follow
from nnlab.workers.nodes import nodes_here
from nnlab.workers.rendezvous import Meeting


def train(
    typed: Typed,
    config: Path | None,
    *,
    db: str | None,
    again: bool,
    dry_run: bool,
    show: Show,
    how: How,
    wait: bool = True,
    notify: str | None = None,
) -> None:
    """Trains what was typed, with what a TOML file adds; `notify` is told how it went.

    With `wait`, runs that another process trains are waited for before the result is shown.

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
                    wait=wait, notify=notify,
                )  # fmt: skip
            return
    command = extend_command("train", typed, config)
    typed = read_config(config or _builtin(typed, db), typed)
    _check(typed, how)
    if typed.pretrain is not None and not dry_run and not typed.extend:
        _pretrain(typed, db=db, show=show, how=how)
    # All that can be wrong with a setting is found before a database is made or touched.
    plan = requested_runs(typed, db, command)
    if isinstance(plan, Plan) and not show.quiet:
        for shortfall in shortfalls(typed, plan):
            note(shortfall)
    if dry_run:
        _dry_run(db, typed, plan, how)
        return
    if isinstance(plan, Extension) and plan.study.arms and plan.seeds:
        _extend_pretrained(plan, db=db, show=show, how=how)
    with opened(db, write=True, create=isinstance(plan, Plan)) as database:
        failed = _failed_in(database, typed.study) if how.failed_only else None
        study, queued, moved = enqueue(
            database, typed, plan, again=again, quiet=show.quiet, only=failed, command=command
        )
        how = replace(how, keeping=replace(how.keeping, moved_data=moved))
        location.look_at(moved)
        if how.slurm is not None:
            slurm_jobs.submit(database, study, queued, how.slurm, how.words)
            return
        run_ids = list(queued)
        with notified(notify, database, run_ids) as on_ended:
            train_missing(database, run_ids, show, how, on_ended=on_ended)
            if learns(study.sampler) and not how.failed_only:
                for more in rounds(database, study, typed, quiet=show.quiet, wait=wait):
                    run_ids += more
                    train_missing(database, more, show, how, on_ended=on_ended)
                    if how.fail_fast and failed_of(store.runs(database, run_ids=more)):
                        break
            if waits(wait, how):
                wait_for_others(
                    database,
                    run_ids,
                    lambda: train_missing(database, run_ids, show, how, on_ended=on_ended),
                    quiet=show.quiet,
                )
            tell_result(database, run_ids, show, allow_diverged=how.allow_diverged)
        if typed.study is not None:
            summary.verdict(database, typed.study)


def waits(wait: bool, how: How) -> bool:
    """Whether to wait for runs of other processes: not where waiting holds a cluster's devices."""
    return wait and not how.fail_fast and how.meeting is None and not slurm.is_task()


def _check(typed: Typed, how: How) -> None:
    """Refuses what cannot be done so.

    Raises:
        UsageError: two things that were asked for do not go together.
    """
    if how.cluster is not None:
        resources.check(how.cluster, how.parallel, devices=how.devices, per_device=how.per_device)
    elif how.devices is not None:
        # Before anything is trained or written, and in a dry run as well.
        placement.parse(how.devices, how.per_device)
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
    if typed.study not in builtin.names() or typed.settings or typed.arms or typed.extend:
        return None
    return builtin.path_of(typed.study) if stored_study(db, typed.study) is None else None


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


def _extend_pretrained(extension: Extension, *, db: str | None, show: Show, how: How) -> None:
    """Trains the runs whose weights the added seeds begin with, where the study has such runs."""
    name = pretrained_name(extension.study.name)
    if stored_study(db, name) is None:
        return
    seeds = ",".join(map(str, extension.seeds))
    train(
        Typed(settings={}, study=name, name=name, seed=seeds, extend=True),
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
    command = extend_command("init-study", typed, config)
    typed = read_config(config, typed)
    if typed.study is None:
        raise UsageError(
            "init-study needs a name for the study",
            hint="nnlab init-study NAME ..., or --from lecture/relu for a built-in one",
        )
    is_new = not typed.extend and stored_study(db, typed.study) is None
    if is_new and reads_as_number(typed.study):
        raise ConfigError([number_like("the name", typed.study)])
    plan = _set_up_plan(typed, db)
    if isinstance(plan, Plan):
        for shortfall in shortfalls(typed, plan):
            note(shortfall)
    if dry_run:
        _dry_run(db, typed, plan, How())
        return
    with opened(db, write=True, create=isinstance(plan, Plan)) as database:
        try:
            study, _, _ = enqueue(
                database, typed, plan, again=False, quiet=False, command=command, fixed=True
            )
        except StudyExists:
            if not skip_if_exists:
                raise
            say(f"study '{typed.study}' is there already and stays as it is")
            return
    say(f"next: {quote_command('nnlab', 'train', '--study', study.name)}", style="dim")


def _set_up_plan(typed: Typed, db: str | None) -> Plan | Extension:
    """What `init-study` was asked for.

    Raises:
        UsageError: it begins with weights that are not there yet, or cannot be extended so.
    """
    if typed.extend:
        with opened(db) as database:
            return extension_of(database, existing_study(database, str(typed.study)), typed)
    try:
        return plan_of(typed, db=db)
    except UsageError as error:
        if typed.pretrain is None or isinstance(error, ConfigError):
            raise
        train_it = quote_command("nnlab", "train", "--study", str(typed.study))
        raise UsageError(
            f"study '{typed.study}' begins with weights that are not trained yet",
            hint=f"{train_it} trains them first",
        ) from None


def _failed_in(db: store.Database, name: str | None) -> frozenset[tuple[str, int]]:
    """The failed runs of a study, or of all, by their trial's digest and seed."""
    study = existing_study(db, name) if name is not None else None
    runs = store.runs(db, study=study.id if study else None, current_only=True)
    failed = failed_of(runs)
    if not failed:
        raise UsageError(
            f"no run of study '{name}' has failed" if name else "no run has failed",
            hint="nnlab ls shows how each ended",
        )
    return frozenset((run.trial.digest, run.seed) for run in failed)


def _dry_run(db: str | None, typed: Typed, plan: Plan | Extension | None, how: How) -> None:
    """Says what would be trained, and by which job; makes no database and writes to none."""
    try:
        with opened(db) as database:
            wanted = runs_wanted(database, typed, plan)
            known = {study.name: study for study in store.all_studies(database)}
            study = known.get(typed.study or OPEN_STUDY)
            done = _done(database, study) if study else set()
    except NoDatabase:
        if not isinstance(plan, Plan):
            raise
        wanted, done = runs_of(plan), set()
    if how.cluster is None:
        _check_devices({str(run.setting.get("device", "auto")) for run in wanted})
    if isinstance(plan, Extension):
        summary.changes(plan.study, plan.changes)
    summary.dry_run(wanted, done)
    if how.slurm is not None:
        left = sum((run.digest, run.seed) not in done for run in wanted)
        say(slurm_jobs.script_for(db, str(typed.study), left, how.slurm, how.words))


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

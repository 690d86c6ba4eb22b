"""From settings typed to runs trained: enqueue what is missing, work it off, say what came out."""

from dataclasses import replace
from pathlib import Path

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import note, say
from nnlab.cli.train.train import messages, slurm_jobs
from nnlab.cli.train.train.execute import (
    OutputOptions,
    failed_runs,
    report_result,
    train_missing,
)
from nnlab.cli.train.train.notifications import send_notifications
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
from nnlab.study.arms import pretrain_study_name
from nnlab.study.enqueue import OPEN_STUDY, enqueue_request
from nnlab.study.extension import Extension, build_extension
from nnlab.study.next_trials import is_adaptive
from nnlab.study.request_resolution import (
    existing_study,
    extend_command,
    find_stored_study,
    requested_run_specs,
    resolve_request,
    run_specs_of,
)
from nnlab.study.run_names import reads_as_number
from nnlab.study.sampler_loop import queue_sampler_trials
from nnlab.study.spec import (
    StudySpec,
    TrainRequest,
    build_study_spec,
    merge_config_file,
    numeric_name_message,
    shortfall_notes,
)
from nnlab.workers import placement, resources, slurm
from nnlab.workers.executor import ExecutionOptions, build_process_group_spec
from nnlab.workers.node_follower import run_follower_node
from nnlab.workers.nodes import nodes_from_environment
from nnlab.workers.rendezvous import Rendezvous


def train(
    typed: TrainRequest,
    config: Path | None,
    *,
    db: str | None,
    again: bool,
    dry_run: bool,
    show: OutputOptions,
    how: ExecutionOptions,
    wait: bool = True,
    notify: str | None = None,
) -> None:
    """Trains what was typed, with what a TOML file adds; `notify` is told how it went.

    With `wait`, runs that another process trains are waited for before the result is shown.

    Raises:
        NnlabError: a setting, the database or a run is not as it must be.
    """
    if how.parallel is not None and how.cluster is None and how.rendezvous is None and not dry_run:
        nodes = nodes_from_environment()
        if not nodes.is_first:
            run_follower_node(
                nodes, build_process_group_spec(how.parallel, how.devices, nodes), how.save_policy
            )
            return
        if nodes.count > 1:
            with Rendezvous(nodes) as rendezvous:
                how = replace(how, rendezvous=rendezvous)
                train(
                    typed, config, db=db, again=again, dry_run=False, show=show, how=how,
                    wait=wait, notify=notify,
                )  # fmt: skip
            return
    command = extend_command("train", typed, config)
    typed = merge_config_file(config or _builtin_file(typed, db), typed)
    _check_options(typed, how)
    if typed.pretrain is not None and not dry_run and not typed.extend:
        _train_pretrain_runs(typed, db=db, show=show, how=how)
    # All that can be wrong with a setting is found before a database is made or touched.
    plan = resolve_request(typed, db, command)
    if isinstance(plan, StudySpec) and not show.quiet:
        for shortfall in shortfall_notes(typed, plan):
            note(shortfall)
    if dry_run:
        _dry_run(db, typed, plan, how)
        return
    if isinstance(plan, Extension) and plan.study.arms and plan.seeds:
        _extend_pretrain_runs(plan, db=db, show=show, how=how)
    with open_db(db, write=True, create=isinstance(plan, StudySpec)) as database:
        failed = _failed_run_keys(database, typed.study) if how.failed_only else None
        study, queued, moved = enqueue_request(
            database, typed, plan, again=again, quiet=show.quiet, only=failed, command=command
        )
        how = replace(how, save_policy=replace(how.save_policy, moved_data=moved))
        location.add_moved_paths(moved)
        if how.slurm is not None:
            slurm_jobs.submit_job(database, study, queued, how.slurm, how.cli_arguments)
            return
        run_ids = list(queued)
        with send_notifications(notify, database, run_ids) as on_ended:
            train_missing(database, run_ids, show, how, on_ended=on_ended)
            if is_adaptive(study.sampler) and not how.failed_only:
                for more in queue_sampler_trials(
                    database, study, typed, quiet=show.quiet, wait=wait
                ):
                    run_ids += more
                    train_missing(database, more, show, how, on_ended=on_ended)
                    if how.fail_fast and failed_runs(store.runs(database, run_ids=more)):
                        break
            if should_wait(wait, how):
                wait_for_others(
                    database,
                    run_ids,
                    lambda: train_missing(database, run_ids, show, how, on_ended=on_ended),
                    quiet=show.quiet,
                )
            report_result(database, run_ids, show, allow_diverged=how.allow_diverged)
        if typed.study is not None:
            messages.print_verdict(database, typed.study)


def should_wait(wait: bool, how: ExecutionOptions) -> bool:
    """Whether to wait for runs of other processes: not where waiting holds a cluster's devices."""
    return wait and not how.fail_fast and how.rendezvous is None and not slurm.is_array_task()


def _check_options(typed: TrainRequest, how: ExecutionOptions) -> None:
    """Refuses what cannot be done so.

    Raises:
        UsageError: two things that were asked for do not go together.
    """
    if how.cluster is not None:
        resources.check_resources(
            how.cluster, how.parallel, devices=how.devices, per_device=how.per_device
        )
    elif how.devices is not None:
        # Before anything is trained or written, and in a dry run as well.
        placement.parse_devices(how.devices, how.per_device)
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


def _builtin_file(typed: TrainRequest, db: str | None) -> Path | None:
    """The file of a built-in study that is trained by its name and is not set up yet."""
    if (
        typed.study not in builtin.builtin_study_names()
        or typed.settings
        or typed.arms
        or typed.extend
    ):
        return None
    return (
        builtin.builtin_study_path(typed.study)
        if find_stored_study(db, typed.study) is None
        else None
    )


def _train_pretrain_runs(
    typed: TrainRequest, *, db: str | None, show: OutputOptions, how: ExecutionOptions
) -> None:
    """Trains the runs whose weights the study begins with; those that are there stay."""
    assert typed.pretrain is not None
    name = pretrain_study_name(str(typed.study))
    before = TrainRequest(
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
        how=replace(how, save_policy=replace(how.save_policy, models=True)),
    )


def _extend_pretrain_runs(
    extension: Extension, *, db: str | None, show: OutputOptions, how: ExecutionOptions
) -> None:
    """Trains the runs whose weights the added seeds begin with, where the study has such runs."""
    name = pretrain_study_name(extension.study.name)
    if find_stored_study(db, name) is None:
        return
    seeds = ",".join(map(str, extension.seeds))
    train(
        TrainRequest(settings={}, study=name, name=name, seed=seeds, extend=True),
        None,
        db=db,
        again=False,
        dry_run=False,
        show=show,
        how=replace(how, save_policy=replace(how.save_policy, models=True)),
    )


def set_up_study(
    typed: TrainRequest, config: Path | None, *, db: str | None, skip_if_exists: bool, dry_run: bool
) -> None:
    """Sets up a study and queues its runs; nothing is trained yet.

    Raises:
        NnlabError: a setting or the database is not as it must be.
        StudyExists: one of that name asks something else.
    """
    command = extend_command("init-study", typed, config)
    typed = merge_config_file(config, typed)
    if typed.study is None:
        raise UsageError(
            "init-study needs a name for the study",
            hint="nnlab init-study NAME ..., or --from lecture/relu for a built-in one",
        )
    is_new = not typed.extend and find_stored_study(db, typed.study) is None
    if is_new and reads_as_number(typed.study):
        raise ConfigError([numeric_name_message("the name", typed.study)])
    plan = _resolve_init_request(typed, db)
    if isinstance(plan, StudySpec):
        for shortfall in shortfall_notes(typed, plan):
            note(shortfall)
    if dry_run:
        _dry_run(db, typed, plan, ExecutionOptions())
        return
    with open_db(db, write=True, create=isinstance(plan, StudySpec)) as database:
        try:
            study, _, _ = enqueue_request(
                database, typed, plan, again=False, quiet=False, command=command, fixed=True
            )
        except StudyExists:
            if not skip_if_exists:
                raise
            say(f"study '{typed.study}' is there already and stays as it is")
            return
    say(f"next: {quote_command('nnlab', 'train', '--study', study.name)}", style="dim")


def _resolve_init_request(typed: TrainRequest, db: str | None) -> StudySpec | Extension:
    """What `init-study` was asked for.

    Raises:
        UsageError: it begins with weights that are not there yet, or cannot be extended so.
    """
    if typed.extend:
        with open_db(db) as database:
            return build_extension(database, existing_study(database, str(typed.study)), typed)
    try:
        return build_study_spec(typed, db=db)
    except UsageError as error:
        if typed.pretrain is None or isinstance(error, ConfigError):
            raise
        train_it = quote_command("nnlab", "train", "--study", str(typed.study))
        raise UsageError(
            f"study '{typed.study}' begins with weights that are not trained yet",
            hint=f"{train_it} trains them first",
        ) from None


def _failed_run_keys(db: store.Database, name: str | None) -> frozenset[tuple[str, int]]:
    """The failed runs of a study, or of all, by their trial's digest and seed."""
    study = existing_study(db, name) if name is not None else None
    runs = store.runs(db, study=study.id if study else None, current_only=True)
    failed = failed_runs(runs)
    if not failed:
        raise UsageError(
            f"no run of study '{name}' has failed" if name else "no run has failed",
            hint="nnlab ls shows how each ended",
        )
    return frozenset((run.trial.digest, run.seed) for run in failed)


def _dry_run(
    db: str | None, typed: TrainRequest, plan: StudySpec | Extension | None, how: ExecutionOptions
) -> None:
    """Says what would be trained, and by which job; makes no database and writes to none."""
    try:
        with open_db(db) as database:
            wanted = requested_run_specs(database, typed, plan)
            known = {study.name: study for study in store.all_studies(database)}
            study = known.get(typed.study or OPEN_STUDY)
            done = _completed_run_keys(database, study) if study else set()
    except NoDatabase:
        if not isinstance(plan, StudySpec):
            raise
        wanted, done = run_specs_of(plan), set()
    if how.cluster is None:
        _check_devices({str(run.setting.get("device", "auto")) for run in wanted})
    if isinstance(plan, Extension):
        messages.print_changes(plan.study, plan.changes)
    messages.print_dry_run(wanted, done)
    if how.slurm is not None:
        left = sum((run.digest, run.seed) not in done for run in wanted)
        say(slurm_jobs.job_script(db, str(typed.study), left, how.slurm, how.cli_arguments))


def _check_devices(names: set[str]) -> None:
    """Checks that this machine has the devices that settings name.

    Raises:
        DeviceError: it lacks one.
    """
    # torch, which knows the others, takes a second to import.
    if others := sorted(names - {"auto", "cpu"}):
        from nnlab.engine import device

        for name in others:
            device.resolve_device(name)


def _completed_run_keys(db: store.Database, study: Study) -> set[tuple[str, int]]:
    runs = store.runs(db, study=study.id, current_only=True)
    return {(r.trial.digest, r.seed) for r in runs if not r.status.needs_training}

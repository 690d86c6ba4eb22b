"""Executes `nnlab train` and `init-study`: request, specification, queue, execution, result."""

from dataclasses import replace
from pathlib import Path

from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import note, say
from nnlab.cli.train.run_options import RunOptions
from nnlab.cli.train.submitted_job import submit_job
from nnlab.cli.train.train import messages, present
from nnlab.cli.train.train.execute import execute_queued
from nnlab.errors import StudyExists
from nnlab.io.command_line import quote_command
from nnlab.study.command_lines import extend_command
from nnlab.study.database import database_address
from nnlab.study.dry_run import check_devices, dry_run
from nnlab.study.execution_options import check_execution_options
from nnlab.study.found_decay import check_decays_found, find_decay_request
from nnlab.study.notifications import send_notifications
from nnlab.study.pretrain import pretrain_extension_request, pretrain_request
from nnlab.study.queue import queue_runs
from nnlab.study.request import TrainRequest, merge_config_file
from nnlab.study.resolution import (
    Specification,
    read_request,
    resolve_new_study,
    resolve_request,
)
from nnlab.study.slurm_job import study_job_script
from nnlab.study.spec import StudySpec
from nnlab.workers.executor import build_process_group_spec
from nnlab.workers.node_follower import run_follower_node
from nnlab.workers.nodes import nodes_from_environment
from nnlab.workers.rendezvous import Rendezvous


def run_train(request: TrainRequest, config: Path | None, options: RunOptions) -> None:
    """Trains a request; as one of several nodes, together with the others.

    Args:
        request: the request as typed.
        config: a TOML file with more of it.
        options: how it is handled.

    Raises:
        NnlabError: a setting is not valid, the database cannot be used, or a run failed.
    """
    execution = options.execution
    if execution.parallel is None or execution.cluster is not None or options.dry_run:
        _train_request(request, config, options)
        return
    nodes = nodes_from_environment()
    if not nodes.is_first:
        spec = build_process_group_spec(execution.parallel, execution.devices, nodes)
        run_follower_node(nodes, spec, execution.save_policy)
    elif nodes.count > 1:
        with Rendezvous(nodes) as rendezvous:
            execution = replace(execution, rendezvous=rendezvous)
            _train_request(request, config, replace(options, execution=execution))
    else:
        _train_request(request, config, options)


def _train_request(typed: TrainRequest, config: Path | None, options: RunOptions) -> None:
    """Trains a request on this node, in five calls.

    The calls: request, specification, queue, execution, result.
    """
    db, quiet = options.db, options.output.quiet
    command = extend_command("train", typed, config)
    request = read_request(typed, config, db)
    check_execution_options(request, options.execution)
    if not options.dry_run:
        _train_initial_weights(pretrain_request(request), options)
        _train_decay_source(find_decay_request(request), options)
    # Every invalid setting is reported before a database is created or written.
    specification = resolve_request(request, db, command)
    if not quiet:
        present.print_notes(request, specification)
    if options.dry_run:
        _print_dry_run(request, specification, options)
        return
    _train_initial_weights(pretrain_extension_request(specification, db), options)
    with open_db(db, write=True, create=isinstance(specification, StudySpec)) as database:
        queued = queue_runs(
            database,
            request,
            specification,
            again=options.again,
            failed_only=options.execution.failed_only,
            command=command,
        )
        present.print_queued(queued, quiet=quiet)
        if options.execution.slurm is not None:
            submit_job(database, queued, options.execution)
            return
        with send_notifications(options.notify, database, queued.run_ids, note) as on_run_end:
            result = execute_queued(
                database,
                queued,
                options.output,
                options.execution,
                wait=options.wait,
                on_run_end=on_run_end,
            )
            present.print_result(database, result, quiet=quiet)
        if request.study is not None:
            messages.print_verdict(database, request.study)


def _train_initial_weights(request: TrainRequest | None, options: RunOptions) -> None:
    """Trains the runs whose weights a study starts from; runs that have a result stay."""
    if request is None:
        return
    execution = options.execution
    execution = replace(execution, save_policy=replace(execution.save_policy, models=True))
    _train_request(
        request, None, RunOptions(db=options.db, output=options.output, execution=execution)
    )


def _train_decay_source(request: TrainRequest | None, options: RunOptions) -> None:
    """Trains the runs in which find-decay finds a decay; runs that have a result stay."""
    if request is not None:
        _train_request(
            request,
            None,
            RunOptions(db=options.db, output=options.output, execution=options.execution),
        )


def _print_dry_run(
    request: TrainRequest, specification: Specification, options: RunOptions
) -> None:
    """Prints what would be trained, and by which job; creates no database and writes to none."""
    execution = options.execution
    planned = dry_run(options.db, request, specification)
    if execution.cluster is None:
        check_devices(planned.run_specs)
    present.print_dry_run(planned)
    if execution.slurm is not None:
        say(
            study_job_script(
                database_address(options.db),
                str(request.study),
                planned.num_missing,
                execution.slurm,
                execution.cli_arguments,
            )
        )


def run_init_study(
    typed: TrainRequest,
    config: Path | None,
    *,
    db: str | None,
    skip_if_exists: bool,
    only_print: bool,
) -> None:
    """Sets up a study and queues its runs; nothing is trained yet.

    Args:
        typed: the request as typed.
        config: a TOML file with more of it.
        db: path or URL of the database; None for the default.
        skip_if_exists: whether an existing study of that name is left as it is.
        only_print: whether to print the trials and write nothing.

    Raises:
        NnlabError: a setting is not valid, or the database cannot be used.
        StudyExists: a study of that name has another space, question or objective.
    """
    command = extend_command("init-study", typed, config)
    request = merge_config_file(config, typed)
    specification = resolve_new_study(request, db)
    present.print_notes(request, specification)
    if only_print:
        planned = dry_run(db, request, specification)
        check_devices(planned.run_specs)
        present.print_dry_run(planned)
        return
    if isinstance(specification, StudySpec):
        check_decays_found(request, specification.arms)
    with open_db(db, write=True, create=isinstance(specification, StudySpec)) as database:
        try:
            queued = queue_runs(database, request, specification, fixed_space=True, command=command)
        except StudyExists:
            if not skip_if_exists:
                raise
            say(f"study '{request.study}' exists already and stays as it is")
            return
        present.print_queued(queued)
    next_command = quote_command("nnlab", "train", "--study", queued.study.name)
    say(f"next: {next_command}", style="dim")

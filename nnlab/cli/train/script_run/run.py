"""Executes `nnlab run`, and `init-study` for a script: request, queue, execution, result."""

from nnlab import store
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import note, say
from nnlab.cli.train.run_options import RunOptions
from nnlab.cli.train.script_run import present as script_present
from nnlab.cli.train.submitted_job import submit_job
from nnlab.cli.train.train import present
from nnlab.cli.train.train.execute import execute_queued
from nnlab.errors import NoDatabase, StudyExists
from nnlab.io.command_line import quote_command
from nnlab.study.database import open_results
from nnlab.study.execution_options import check_script_execution
from nnlab.study.notifications import send_notifications
from nnlab.study.script_request import ScriptRequest
from nnlab.study.script_study import ScriptStudy, build_script_study, queue_script_study


def run_script_request(request: ScriptRequest, options: RunOptions) -> None:
    """Executes a script with all its trials and seeds.

    Raises:
        NnlabError: a flag is not valid, the database cannot be used, or a run failed.
    """
    study = build_script_study(request)
    check_script_execution(
        options.execution, processes=study.processes, log_folder=study.spec.log_folder
    )
    for text in study.notes:
        note(text)
    if options.dry_run:
        _print_dry_run(study, options)
        return
    with open_db(options.db, write=True, create=True) as database:
        queued = queue_script_study(
            database,
            study,
            again=options.again,
            failed_only=options.execution.failed_only,
        )
        present.print_queued(queued, quiet=options.output.quiet)
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
        script_present.print_last_lines(database, result.run_ids)
        present.print_result(database, result, quiet=options.output.quiet)


def init_script_study(
    request: ScriptRequest, *, db: str | None, skip_if_exists: bool, only_print: bool
) -> None:
    """Sets up a study of a script and queues its runs; nothing is executed yet.

    Args:
        request: the request.
        db: path or URL of the database; None for the default.
        skip_if_exists: whether an existing study of that name is left as it is.
        only_print: whether to print the command lines and write nothing.

    Raises:
        NnlabError: a flag is not valid, or the database cannot be used.
        StudyExists: a study of that name has another definition.
    """
    study = build_script_study(request)
    for text in study.notes:
        note(text)
    if only_print:
        script_present.print_commands(study, frozenset())
        return
    with open_db(db, write=True, create=True) as database:
        try:
            queued = queue_script_study(database, study, fixed_space=True)
        except StudyExists:
            if not skip_if_exists:
                raise
            say(f"study '{study.name}' exists already and stays as it is")
            return
        present.print_queued(queued)
    say(f"next: {quote_command('nnlab', 'train', '--study', study.name)}", style="dim")


def _print_dry_run(study: ScriptStudy, options: RunOptions) -> None:
    """Prints the command line of each run; creates no database and writes to none."""
    completed: frozenset[tuple[str, int | None]] = frozenset()
    try:
        with open_results(options.db) as database:
            stored = next((s for s in store.all_studies(database) if s.name == study.name), None)
            if stored is not None:
                completed = frozenset(
                    (run.trial.digest, run.seed)
                    for run in store.runs(database, study=stored.id, current_only=True)
                    if not run.status.needs_training
                )
    except NoDatabase:
        pass
    script_present.print_commands(study, completed)

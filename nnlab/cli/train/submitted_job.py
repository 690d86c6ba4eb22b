"""Submits the queued runs of `nnlab train` and `nnlab run` as a job of SLURM."""

from nnlab import store
from nnlab.cli.output.render import say
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.study.queue import QueuedRuns
from nnlab.study.slurm_job import submit_study_job
from nnlab.workers.executor import ExecutionOptions


def submit_job(db: store.Database, queued: QueuedRuns, execution: ExecutionOptions) -> None:
    """Submits an array job for the queued runs, and prints its number.

    Raises:
        UsageError: SLURM is not installed here.
        NnlabError: SLURM rejects the job.
    """
    if execution.slurm is None:
        return
    job = submit_study_job(
        db, queued.study.name, queued.run_ids, execution.slurm, execution.cli_arguments
    )
    if job is None:
        say("nothing is waiting to be executed")
        return
    say(
        f"job {job.number}: {format_count(job.tasks, 'task')} for {format_count(job.runs, 'run')},"
        f" logs in {job.logs}"
    )
    say(f"next: {quote_command('nnlab', 'watch', queued.study.name)}", style="dim")

"""What `nnlab train --launcher slurm` does: queues what is missing, and hands it to the cluster."""

from pathlib import Path

from nnlab import store
from nnlab.cli.open_database import database_address
from nnlab.cli.output.render import say
from nnlab.io.command_line import quote_command
from nnlab.io.text import format_count
from nnlab.records import Study
from nnlab.workers import slurm


def submit_job(
    db: store.Database,
    study: Study,
    run_ids: tuple[int, ...],
    wanted: slurm.SlurmResources,
    options: list[str],
) -> None:
    """Submits an array for what is missing of these runs.

    Raises:
        UsageError: there is no SLURM here.
        NnlabError: it refuses the job.
    """
    waiting = store.claimable_run_ids(db, run_ids)
    if not waiting:
        say("nothing is waiting to be trained")
        return
    logs = _log_folder(db.address)
    logs.mkdir(parents=True, exist_ok=True)
    number = slurm.submit_job(_build_script(db.address, study.name, len(waiting), wanted, options))
    tasks = min(len(waiting), wanted.max_parallel)
    say(
        f"job {number}: {format_count(tasks, 'task')} for {format_count(len(waiting), 'run')}, logs in {logs}"
    )
    say(f"next: {quote_command('nnlab', 'watch', study.name)}", style="dim")


def job_script(
    db: str | None, study: str, runs: int, wanted: slurm.SlurmResources, options: list[str]
) -> str:
    """The script that would be submitted for so many runs."""
    return _build_script(database_address(db), study, runs, wanted, options)


def _build_script(
    address: store.Address, study: str, runs: int, wanted: slurm.SlurmResources, options: list[str]
) -> str:
    """A task for each run, as far as they may run at once."""
    command = slurm.worker_command(
        study, address.elsewhere, [*_device_options(wanted, options), *options]
    )
    return slurm.job_script(
        wanted,
        name=study,
        tasks=max(1, min(runs, wanted.max_parallel)),
        command=command,
        folder=Path.cwd(),
        logs=_log_folder(address),
    )


def _device_options(wanted: slurm.SlurmResources, options: list[str]) -> list[str]:
    """What a task trains on, on each of its nodes, where nothing else was said."""
    if "--devices" in options:
        return []
    if not wanted.gpus:
        return ["--devices", f"cpu:{wanted.cpus}"]
    if "--parallel" not in options:
        return []  # the worker finds its GPU
    # SLURM shows a task its own GPUs alone, numbered from 0.
    return ["--devices", ",".join(f"cuda:{index}" for index in range(wanted.gpus))]


def _log_folder(address: store.Address) -> Path:
    return address.artifacts.absolute() / "slurm"

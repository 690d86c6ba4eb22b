"""SLURM jobs that train the queued runs of a study (`--launcher slurm`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnlab import store
from nnlab.workers import slurm


@dataclass(frozen=True, slots=True)
class SubmittedJob:
    """An array job: its number, its tasks, the runs that they train, and the folder of its logs."""

    number: str
    tasks: int
    runs: int
    logs: Path


def submit_study_job(
    db: store.Database,
    study: str,
    run_ids: Sequence[int],
    resources: slurm.SlurmResources,
    options: Sequence[str],
) -> SubmittedJob | None:
    """Submits an array job for the runs that are waiting; None where no run is.

    Args:
        db: the database of the study.
        study: the name of the study.
        run_ids: the queued runs.
        resources: what each task requests.
        options: options of the `nnlab train` command that the tasks execute.

    Raises:
        UsageError: SLURM is not installed here.
        NnlabError: SLURM rejects the job.
    """
    waiting = store.claimable_run_ids(db, run_ids)
    if not waiting:
        return None
    logs = _log_folder(db.address)
    logs.mkdir(parents=True, exist_ok=True)
    is_script = store.find_study(db, study).script is not None
    if is_script and not resources.gpus and "--devices" not in options:
        # A script may use all cores of its task.
        options = [*options, "--devices", "cpu"]
    number = slurm.submit_job(study_job_script(db.address, study, len(waiting), resources, options))
    tasks = min(len(waiting), resources.max_parallel)
    return SubmittedJob(number, tasks, len(waiting), logs)


def study_job_script(
    address: store.Address,
    study: str,
    num_runs: int,
    resources: slurm.SlurmResources,
    options: Sequence[str],
) -> str:
    """The script of an array job with a task for each run, up to the limit of parallel tasks."""
    command = slurm.worker_command(
        study, address.portable_target, [*_device_options(resources, options), *options]
    )
    return slurm.job_script(
        resources,
        name=study,
        tasks=max(1, min(num_runs, resources.max_parallel)),
        command=command,
        folder=Path.cwd(),
        logs=_log_folder(address),
    )


def _device_options(resources: slurm.SlurmResources, options: Sequence[str]) -> list[str]:
    """The `--devices` option of a task on each of its nodes, unless `options` has it."""
    if "--devices" in options:
        return []
    if not resources.gpus:
        return ["--devices", f"cpu:{resources.cpus}"]
    if "--parallel" not in options:
        return []  # the worker detects its GPU
    # SLURM makes only its own GPUs visible to a task, numbered from 0.
    return ["--devices", ",".join(f"cuda:{index}" for index in range(resources.gpus))]


def _log_folder(address: store.Address) -> Path:
    return address.artifacts.absolute() / "slurm"

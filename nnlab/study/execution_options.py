"""The execution options of `nnlab train` and `nnlab.train`, parsed and checked together."""

from nnlab.errors import UsageError
from nnlab.io.folders import absolute_location
from nnlab.records import ParallelMode
from nnlab.settings import setting_field
from nnlab.study.request import TrainRequest
from nnlab.workers import placement, ray, resources, slurm
from nnlab.workers.executor import ExecutionOptions
from nnlab.workers.parallel_config import ParallelConfig
from nnlab.workers.plugin_launchers import PluginResources
from nnlab.workers.save_policy import CheckpointInterval, SavePolicy
from nnlab.workers.script_slots import script_slots

MAX_PER_DEVICE = 256


def build_execution_options(
    *,
    keep_models: bool = True,
    checkpoint_every: str = "auto",
    artifacts: str | None = None,
    allow_changing_data: bool = False,
    git_diff: bool = True,
    engine: str = "auto",
    devices: str | None = None,
    per_device: str = "auto",
    jobs: int | None = None,
    parallel: ParallelMode | None = None,
    sync_batch_norm: bool = False,
    fail_fast: bool = False,
    allow_diverged: bool = False,
    failed_only: bool = False,
    cluster: slurm.SlurmResources | ray.RayResources | PluginResources | None = None,
) -> ExecutionOptions:
    """The execution options, from the values of the command line.

    Args:
        keep_models: whether to store the weights of the best epoch.
        checkpoint_every: `auto`, a number of epochs, or a duration such as `10min`.
        artifacts: the folder or URL for the files of new runs; None is next to the database.
        allow_changing_data: whether seeds of a trial may be trained on different data.
        git_diff: whether to store the uncommitted changes of the working folder.
        engine: `auto`, `solo` or `stacked`.
        devices: the devices to train on, as `cpu:4` or `cuda:0,cuda:1`.
        per_device: `auto`, or the number of parallel runs on each GPU.
        jobs: how many scripts run at the same time.
        parallel: how all devices train each run together, if they do.
        sync_batch_norm: whether they share the statistics of batch norm.
        fail_fast: whether the first failed run stops the others.
        allow_diverged: whether it is no error if all runs diverge.
        failed_only: whether only failed runs are trained.
        cluster: the resources of each worker on SLURM, on Ray or of the launcher of a plugin.

    Raises:
        UsageError: a value is not valid.
    """
    return ExecutionOptions(
        save_policy=SavePolicy(
            keep_models,
            CheckpointInterval.parse(checkpoint_every),
            absolute_location(artifacts) if artifacts else None,
            allow_changed_data=allow_changing_data,
            git_diff=git_diff,
        ),
        engine=engine,
        devices=devices,
        per_device=_parse_per_device(per_device),
        jobs=jobs,
        parallel=_parallel_config(parallel, sync_batch_norm=sync_batch_norm),
        fail_fast=fail_fast,
        allow_diverged=allow_diverged,
        failed_only=failed_only,
        cluster=cluster,
    )


def check_execution_options(request: TrainRequest, execution: ExecutionOptions) -> None:
    """Checks that the execution options can be combined, before anything is written.

    Raises:
        UsageError: two options exclude each other, or a device does not exist.
    """
    if execution.cluster is not None:
        resources.check_resources(
            execution.cluster,
            execution.parallel,
            devices=execution.devices,
            per_device=execution.per_device,
        )
    elif execution.devices is not None:
        placement.parse_devices(execution.devices, execution.per_device)
    if execution.parallel is not None:
        _check_parallel_settings(request)
    if execution.parallel is not None and execution.engine == "stacked":
        raise UsageError(
            "--engine stacked trains many runs on one device, --parallel one run on many",
            hint="choose one of them",
        )
    if execution.slurm is not None and request.study is None:
        raise UsageError(
            "the tasks of a job train the runs of a study",
            hint="name it: nnlab train --study NAME --launcher slurm",
        )


def check_script_execution(
    execution: ExecutionOptions, *, processes: int | None, log_folder: str | None
) -> None:
    """Checks that the execution options of a script can be combined, before anything is written.

    Args:
        execution: the options.
        processes: how many processes torchrun starts for each run.
        log_folder: the folder in which the script logs; None if its metrics come from elsewhere.

    Raises:
        UsageError: two options exclude each other, or there are too few devices.
    """
    slots = 1
    if execution.cluster is None:
        slots = len(script_slots(execution.devices, jobs=execution.jobs, processes=processes))
    if log_folder is not None and "{" not in log_folder and (slots > 1 or execution.cluster):
        raise UsageError(
            f"--metrics {log_folder}: several scripts at once log into this folder",
            hint="a folder for each run, as --metrics {dir}/logs, or one run at a time",
        )
    if execution.cluster is None:
        return
    resources.check_resources(
        execution.cluster, None, devices=execution.devices, per_device=execution.per_device
    )
    if execution.jobs is not None:
        raise UsageError(
            "--jobs is for this machine", hint="--max-parallel is the number of tasks or workers"
        )


def _check_parallel_settings(request: TrainRequest) -> None:
    """Checks that the settings of a request suit several processes, before anything is stored.

    Raises:
        UsageError: a setting needs a single process.
    """
    for name in ("stream", "steps", "max_time"):
        if request.settings.get(name):
            flag = setting_field(name).flag
            raise UsageError(
                f"{flag} does not work with --parallel: one process trains each such run",
                hint="without --parallel, the runs of several seeds use several devices",
            )


def _parallel_config(kind: ParallelMode | None, *, sync_batch_norm: bool) -> ParallelConfig | None:
    """How several devices train one run together; None where each run has one device.

    Raises:
        UsageError: --sync-batch-norm without --parallel.
    """
    if kind is not None:
        return ParallelConfig(kind, sync_batch_norm)
    if sync_batch_norm:
        raise UsageError(
            "--sync-batch-norm is for runs that several devices train", hint="add --parallel ddp"
        )
    return None


def _parse_per_device(text: str) -> int | None:
    """The number of parallel runs on each GPU; None for `auto`.

    Raises:
        UsageError: the text is neither `auto` nor a number within the limit.
    """
    if text == "auto":
        return None
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PER_DEVICE:
        raise UsageError(f"--per-device {text}: auto, or a number from 1 to {MAX_PER_DEVICE}")
    return int(text)

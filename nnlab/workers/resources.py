"""Cluster options of the train command, converted to the resources of SLURM or Ray."""

import os

from nnlab.errors import UsageError
from nnlab.workers import ray, slurm
from nnlab.workers.cluster_options import ClusterOptions, Launcher
from nnlab.workers.parallel_config import ParallelConfig
from nnlab.workers.plugin_launchers import LauncherPlugin, PluginResources

# SLURM tasks that run at once by default.
DEFAULT_SLURM_TASKS = 50


def resources_for(
    options: ClusterOptions, launcher: Launcher | LauncherPlugin
) -> slurm.SlurmResources | ray.RayResources | PluginResources | None:
    """The resources to request from a cluster; None to train on this machine.

    Raises:
        UsageError: a value is invalid, or does not apply to this launcher.
    """
    if isinstance(launcher, LauncherPlugin):
        return PluginResources(launcher, options)
    match launcher:
        case Launcher.SLURM:
            return _slurm_resources(options)
        case Launcher.RAY:
            return _ray_resources(options)
        case Launcher.LOCAL:
            if options != ClusterOptions():
                raise UsageError(
                    "--partition, --address, --nodes, --gpus, --cpus, --mem, --time and"
                    " --max-parallel are for a cluster",
                    hint="add --launcher slurm or ray; --devices selects devices of this machine",
                )
            return None


def check_resources(
    resources: slurm.SlurmResources | ray.RayResources | PluginResources,
    parallel: ParallelConfig | None,
    *,
    devices: str | None,
    per_device: int | None,
) -> None:
    """Checks that workers on a cluster can execute these options.

    Raises:
        UsageError: several nodes without parallel training, parallel training with one device, or
            devices of this machine for workers on Ray.
    """
    if isinstance(resources, PluginResources):
        if parallel is not None:
            raise UsageError(
                f"--parallel {parallel.kind} does not work with the launcher of a plugin",
                hint="train on this machine, on SLURM or on Ray",
            )
        return
    if isinstance(resources, ray.RayResources):
        ray.require_ray()
        # The environment variable is for training on this machine; it is ignored here.
        if devices == os.environ.get("NNLAB_DEVICES"):
            devices = None
        if devices is not None or per_device is not None:
            raise UsageError(
                "--devices and --per-device are for this machine",
                hint="--cpus and --gpus are the resources of each worker on Ray",
            )
    if parallel is None:
        if resources.nodes > 1:
            raise UsageError(
                f"--nodes {resources.nodes}: several nodes can only train each run together",
                hint="add --parallel ddp; without it each worker may have its own node",
            )
    elif 0 < resources.gpus < 1:
        raise UsageError(
            f"--parallel {parallel.kind} needs whole GPUs, not {resources.gpus:g} of one",
            hint="--gpus 1 or more",
        )
    elif devices is None and resources.nodes * (resources.gpus or resources.cpus) < 2:
        raise UsageError(
            f"--parallel {parallel.kind} needs two devices or more",
            hint="--gpus 2, --cpus 2 or --nodes 2",
        )


def _slurm_resources(options: ClusterOptions) -> slurm.SlurmResources:
    if options.address is not None:
        raise UsageError("--address is the address of a Ray cluster", hint="add --launcher ray")
    for name, value, minimum in (("--gpus", options.gpus, 0), ("--cpus", options.cpus, 1)):
        if value != int(value) or value < minimum:
            raise UsageError(f"{name} {value:g}: SLURM needs a whole number, {minimum} or more")
    return slurm.SlurmResources(
        options.partition,
        int(options.gpus),
        int(options.cpus),
        options.memory,
        options.time,
        options.max_parallel or DEFAULT_SLURM_TASKS,
        options.nodes,
    )


def _ray_resources(options: ClusterOptions) -> ray.RayResources:
    if options.partition is not None or options.time is not None:
        raise UsageError(
            "--partition and --time are SLURM's", hint="Ray trains until no run is left"
        )
    return ray.RayResources(
        options.address,
        options.cpus,
        options.gpus,
        slurm.parse_memory(options.memory) if options.memory is not None else None,
        options.max_parallel,
        options.nodes,
    )

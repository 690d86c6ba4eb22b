"""Which cluster trains: what was typed, as the launcher of its kind wants it."""

import os
from dataclasses import dataclass
from enum import StrEnum

from nnlab.errors import UsageError
from nnlab.workers import ray, slurm
from nnlab.workers.parallel_config import ParallelConfig

# SLURM's tasks at once, unless it is said.
DEFAULT_SLURM_TASKS = 50


class Launcher(StrEnum):
    """Where the runs are trained."""

    LOCAL = "local"
    SLURM = "slurm"
    RAY = "ray"


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What was typed about a cluster."""

    partition: str | None = None
    address: str | None = None
    gpus: float = 0
    cpus: float = 1
    memory: str | None = None
    time: str | None = None
    max_parallel: int | None = None
    nodes: int = 1


def resources_for(
    asked: ClusterOptions, launcher: Launcher
) -> slurm.SlurmResources | ray.RayResources | None:
    """What a cluster is asked for; None where it is trained here.

    Raises:
        UsageError: a value that cannot be, or one that is not for this launcher.
    """
    match launcher:
        case Launcher.SLURM:
            return _slurm_resources(asked)
        case Launcher.RAY:
            return _ray_resources(asked)
        case Launcher.LOCAL:
            if asked != ClusterOptions():
                raise UsageError(
                    "--partition, --address, --nodes, --gpus, --cpus, --mem, --time and"
                    " --max-parallel are for a cluster",
                    hint="add --launcher slurm or ray; --devices says where to train here",
                )
            return None


def check_resources(
    wanted: slurm.SlurmResources | ray.RayResources,
    how: ParallelConfig | None,
    *,
    devices: str | None,
    per_device: int | None,
) -> None:
    """Refuses what workers on a cluster could not do.

    Raises:
        UsageError: several nodes with nothing to do together, or one device for a team; devices
            of this machine for workers elsewhere.
    """
    if isinstance(wanted, ray.RayResources):
        ray.require_ray()
        # A variable that is there for training here does no harm.
        if devices == os.environ.get("NNLAB_DEVICES"):
            devices = None
        if devices is not None or per_device is not None:
            raise UsageError(
                "--devices and --per-device are for this machine",
                hint="--cpus and --gpus say what each worker on Ray gets, 0.25 of a GPU too",
            )
    if how is None:
        if wanted.nodes > 1:
            raise UsageError(
                f"--nodes {wanted.nodes}: several nodes train a run together, or not at all",
                hint="add --parallel ddp; without it each worker may have its own node",
            )
    elif 0 < wanted.gpus < 1:
        raise UsageError(
            f"--parallel {how.kind} wants whole GPUs, not {wanted.gpus:g} of one",
            hint="--gpus 1 or more",
        )
    elif devices is None and wanted.nodes * (wanted.gpus or wanted.cpus) < 2:
        raise UsageError(
            f"--parallel {how.kind} needs two devices or more",
            hint="--gpus 2, --cpus 2 or --nodes 2",
        )


def _slurm_resources(asked: ClusterOptions) -> slurm.SlurmResources:
    if asked.address is not None:
        raise UsageError("--address is that of a Ray cluster", hint="add --launcher ray")
    for name, value, least in (("--gpus", asked.gpus, 0), ("--cpus", asked.cpus, 1)):
        if value != int(value) or value < least:
            raise UsageError(f"{name} {value:g}: SLURM gives whole ones, {least} at least")
    return slurm.SlurmResources(
        asked.partition,
        int(asked.gpus),
        int(asked.cpus),
        asked.memory,
        asked.time,
        asked.max_parallel or DEFAULT_SLURM_TASKS,
        asked.nodes,
    )


def _ray_resources(asked: ClusterOptions) -> ray.RayResources:
    if asked.partition is not None or asked.time is not None:
        raise UsageError(
            "--partition and --time are SLURM's", hint="Ray trains until nothing is left"
        )
    return ray.RayResources(
        asked.address,
        asked.cpus,
        asked.gpus,
        slurm.parse_memory(asked.memory) if asked.memory is not None else None,
        asked.max_parallel,
        asked.nodes,
    )

"""The built-in launchers, and the cluster options of the train command as typed."""

from dataclasses import dataclass
from enum import StrEnum


class Launcher(StrEnum):
    """Where the runs are trained."""

    LOCAL = "local"
    SLURM = "slurm"
    RAY = "ray"


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """The cluster options as typed."""

    partition: str | None = None
    address: str | None = None
    gpus: float = 0
    cpus: float = 1
    memory: str | None = None
    time: str | None = None
    max_parallel: int | None = None
    nodes: int = 1

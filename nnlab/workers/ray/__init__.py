"""Ray: resources, and the search for a cluster; imported by the options without importing Ray."""

import importlib.util
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from nnlab.errors import NnlabError, UsageError

# A cluster that was started on this machine writes its address to this file.
_CURRENT_CLUSTER_FILE = Path("/tmp/ray/ray_current_cluster")  # noqa: S108  defined by Ray
ADDRESS_VARIABLE = "RAY_ADDRESS"
LOCAL_ADDRESS = "local"
# A head that does not respond within this time counts as unreachable.
CONNECT_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RayResources:
    """The resources of each worker on a Ray cluster.

    Args:
        address: the address of the cluster; None uses the one that runs on this machine, or starts
            one.
        cpus: CPU cores of each worker, fractions allowed.
        gpus: GPUs of each worker, fractions allowed: four workers of 0.25 share one.
        memory: bytes to reserve for each worker; None reserves none.
        max_parallel: the number of workers; None starts as many as the cluster can hold.
        nodes: how many nodes train each run together.

    Raises:
        UsageError: a value is invalid.
    """

    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    memory: int | None = None
    max_parallel: int | None = None
    nodes: int = 1

    def __post_init__(self) -> None:
        if self.gpus > 1 and self.gpus != int(self.gpus):
            raise UsageError(
                f"--gpus {self.gpus:g}: above one, Ray needs a whole number of GPUs",
                hint="a fraction such as 0.25 shares one GPU between workers",
            )
        if self.address is not None and self.address.startswith("ray://"):
            raise UsageError(
                f"--address {self.address}: nnlab does not support Ray client addresses",
                hint="run it on a node of the cluster, or submit it with `ray job submit`",
            )

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of one node that train a run together: GPUs, or one CPU process per core."""
        if self.gpus >= 1:
            return tuple(f"cuda:{index}" for index in range(int(self.gpus)))
        return ("cpu",) * max(int(self.cpus), 1)

    @property
    def description(self) -> str:
        """For messages, such as `2 CPU, 0.25 GPU, 8 GiB`."""
        parts = [f"{self.cpus:g} CPU"]
        parts += [f"{self.gpus:g} GPU"] if self.gpus else []
        parts += [f"{self.memory / 2**30:.3g} GiB"] if self.memory else []
        return ", ".join(parts) + (f" on each of {self.nodes} nodes" if self.nodes > 1 else "")


@dataclass(frozen=True, slots=True)
class RayCluster:
    """The Ray installation: its version, the cluster, and the reason if it is not available."""

    version: str
    running: str
    unavailable_reason: str

    @property
    def is_available(self) -> bool:
        """Whether workers can be started with Ray."""
        return not self.unavailable_reason


def find_ray_cluster() -> RayCluster:
    """Searches for Ray on this machine without importing it, which takes seconds."""
    if importlib.util.find_spec("ray") is None:
        return RayCluster("", "", "Ray is not installed: pip install 'nnlab[ray]'")
    # Imported only here: this module loads slowly and few commands need it.
    from importlib.metadata import version as version_of

    version = version_of("ray")
    address = os.environ.get(ADDRESS_VARIABLE)
    if address:
        source = f"{address} ({ADDRESS_VARIABLE})"
        reason = "" if _is_reachable(address) else f"no cluster responds at {source}"
        return RayCluster(version, f"a cluster at {source}", reason)
    address = _local_cluster_address()
    if address:
        return RayCluster(version, f"a cluster runs on this machine, at {address}", "")
    return RayCluster(version, "no cluster on this machine: training starts one", "")


def require_ray() -> None:
    """Raises UsageError if Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise UsageError(
            find_ray_cluster().unavailable_reason,
            hint="nnlab launchers lists what is available here",
        )


def resolve_cluster_address(requested: str | None) -> str:
    """The address of the cluster to use, or `local` to start one.

    The address is checked here, because Ray would wait for minutes for a cluster that does not
    respond.

    Raises:
        NnlabError: no cluster responds at the address.
    """
    if requested in (None, "auto"):
        address = os.environ.get(ADDRESS_VARIABLE) or _local_cluster_address()
        if address is None and requested is None:
            return LOCAL_ADDRESS
    else:
        address = requested
    if address is None:
        raise NnlabError(
            "no Ray cluster runs on this machine",
            hint="`ray start --head` starts one; without --address this command starts its own",
        )
    if address != LOCAL_ADDRESS and not _is_reachable(address):
        raise NnlabError(
            f"no Ray cluster responds at {address}",
            hint="--address takes the HOST:PORT that `ray start --head` prints, usually port 6379",
        )
    return address


def _local_cluster_address() -> str | None:
    """The address of the cluster that was started on this machine, if it still runs."""
    try:
        address = _CURRENT_CLUSTER_FILE.read_text().strip()
    except OSError:
        return None
    return address if address and _is_reachable(address) else None


def _is_reachable(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True

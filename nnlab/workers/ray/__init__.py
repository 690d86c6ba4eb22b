"""Ray: the same workers, placed by a cluster's resources; a node that is lost loses no run."""

import importlib.util
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from nnlab.errors import NnlabError, UsageError

# Where a cluster that was started on this machine leaves its address.
_CURRENT_CLUSTER_FILE = Path("/tmp/ray/ray_current_cluster")  # noqa: S108  Ray's own place
ADDRESS_VARIABLE = "RAY_ADDRESS"
LOCAL_ADDRESS = "local"
# A head that does not answer so long, in seconds, is none.
CONNECT_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RayResources:
    """What each worker is given on a Ray cluster.

    Args:
        address: of the cluster; None takes the one that runs here, or starts one on this machine.
        cpus: cores of each worker, fractions allowed.
        gpus: the same of GPUs: four workers of 0.25 share one.
        memory: bytes of each worker; None reserves none.
        max_parallel: workers at once; None is as many as the cluster has room for.
        nodes: machines for each run that is trained on several.

    Raises:
        UsageError: a value that cannot be.
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
                f"--gpus {self.gpus:g}: beyond one, Ray gives whole GPUs",
                hint="a fraction such as 0.25 shares one between workers",
            )
        if self.address is not None and self.address.startswith("ray://"):
            raise UsageError(
                f"--address {self.address}: nnlab does not go through a Ray client",
                hint="run it on a node of the cluster, or hand it over with `ray job submit`",
            )

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of one node that train a run together: its GPUs, or as many processes."""
        if self.gpus >= 1:
            return tuple(f"cuda:{index}" for index in range(int(self.gpus)))
        return ("cpu",) * max(int(self.cpus), 1)

    @property
    def shown(self) -> str:
        """What a worker is given, in words."""
        words = [f"{self.cpus:g} CPU"]
        words += [f"{self.gpus:g} GPU"] if self.gpus else []
        words += [f"{self.memory / 2**30:.3g} GiB"] if self.memory else []
        return ", ".join(words) + (f" on each of {self.nodes} nodes" if self.nodes > 1 else "")


@dataclass(frozen=True, slots=True)
class RayCluster:
    """What there is of Ray: its version, what of it is running, and why it cannot be used."""

    version: str
    running: str
    why_not: str

    @property
    def there(self) -> bool:
        """Whether workers can be placed by it."""
        return not self.why_not


def find_ray_cluster() -> RayCluster:
    """Looks for Ray on this machine, without importing it: that takes seconds."""
    if importlib.util.find_spec("ray") is None:
        return RayCluster("", "", "Ray is not installed: pip install 'nnlab[ray]'")
    # Takes longer to load than all else that a look at the options needs.
    from importlib.metadata import version as version_of

    version = version_of("ray")
    named = os.environ.get(ADDRESS_VARIABLE)
    if named:
        there = "" if _is_reachable(named) else f"nothing answers at {named} ({ADDRESS_VARIABLE})"
        return RayCluster(version, f"a cluster at {named} ({ADDRESS_VARIABLE})", there)
    found = _local_cluster_address()
    running = f"a cluster runs here, at {found}" if found else "no cluster here: one is started"
    return RayCluster(version, running, "")


def require_ray() -> None:
    """Raises UsageError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise UsageError(find_ray_cluster().why_not, hint="nnlab launchers says what is there")


def resolve_cluster_address(wanted: str | None) -> str:
    """The address of the cluster that is meant, or `local` where one is to be started.

    Ray itself would wait for minutes where nothing answers.

    Raises:
        NnlabError: nothing answers there.
    """
    if wanted in (None, "auto"):
        found = os.environ.get(ADDRESS_VARIABLE) or _local_cluster_address()
        if found is None and wanted is None:
            return LOCAL_ADDRESS
    else:
        found = wanted
    if found is None:
        raise NnlabError(
            "no Ray cluster runs on this machine",
            hint="`ray start --head` starts one; without --address nnlab does, for this command",
        )
    if found != LOCAL_ADDRESS and not _is_reachable(found):
        raise NnlabError(
            f"no Ray cluster answers at {found}",
            hint="HOST:PORT of its head, as `ray start --head` prints it; 6379 is usual",
        )
    return found


def _local_cluster_address() -> str | None:
    """The cluster that was started on this machine, if it is still there."""
    try:
        found = _CURRENT_CLUSTER_FILE.read_text().strip()
    except OSError:
        return None
    return found if found and _is_reachable(found) else None


def _is_reachable(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True

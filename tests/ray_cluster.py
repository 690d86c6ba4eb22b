"""A Ray cluster of several nodes on this machine."""

import importlib.util
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def why_not() -> str:
    """Why no cluster can be started here; empty where one can."""
    result = importlib.util.find_spec("ray")
    return "" if result else "Ray (nnlab[ray]) not installed"


@contextmanager
def cluster(nodes: int, cpus: int = 1) -> Iterator[Any]:
    """Starts nodes of so many cores each; the first is the head, and all are gone in the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own, as it starts processes
        from ray.cluster_utils import Cluster

        created = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": cpus, "include_dashboard": False},
        )
        try:
            for _ in range(nodes - 1):
                created.add_node(num_cpus=cpus)
            created.wait_for_nodes()
            yield created
        finally:
            created.shutdown()


def other_than_the_head(created: Any, pids: list[int]) -> Any | None:
    """A node of the cluster that one of these workers is on, if one of them is not on its head."""
    parents = {_parent(pid) for pid in pids}
    for node in created.list_all_nodes():
        started = {info.process.pid for info in node.all_processes.get("raylet", ())}
        if node is not created.head_node and started & parents:
            return node
    return None


def with_a_worker(created: Any) -> Any:
    """A node of the cluster, not its head, that has a worker of nnlab."""
    node = other_than_the_head(created, _actors("Worker"))
    assert node is not None
    return node


def kill_actor(kind: str) -> None:
    """Kills the processes of actors of a class."""
    for pid in _actors(kind):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _actors(kind: str) -> list[int]:
    """The processes of actors on this machine, which Ray names by their class."""
    result = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if line.read_text().startswith(f"ray::{kind}"):
                result.append(int(line.parent.name))
    return result


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None

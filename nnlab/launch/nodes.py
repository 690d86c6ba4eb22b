"""The machines that train one run together, and which of them this is.

SLURM says so in its own variables where a job has several nodes; elsewhere NNLAB_NODES (how many),
NNLAB_NODE (which, from 0) and NNLAB_RENDEZVOUS (HOST:PORT of the first) do.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.errors import UsageError

# Ports from here on, by the job's number, so that two jobs on a node do not meet.
_FIRST_PORT, _PORTS = 20_000, 10_000


@dataclass(frozen=True, slots=True)
class Nodes:
    """How many machines, which this is, and where they meet."""

    count: int = 1
    index: int = 0
    endpoint: str = "127.0.0.1:0"
    run_id: str = "nnlab"

    @property
    def leads(self) -> bool:
        """Whether the process that stores and decides is on this machine."""
        return self.index == 0


def nodes_here(environment: Mapping[str, str] | None = None) -> Nodes:
    """What the environment says.

    Raises:
        UsageError: it says half of it, or what cannot be.
    """
    found = os.environ if environment is None else environment
    if "NNLAB_NODES" in found:
        return _named(found)
    if int(found.get("SLURM_NNODES", "1")) > 1 and "SLURM_PROCID" in found:
        return _of_slurm(found)
    return Nodes()


def _named(found: Mapping[str, str]) -> Nodes:
    hint = "NNLAB_NODES=2 NNLAB_NODE=0 NNLAB_RENDEZVOUS=first.example:29400"
    try:
        count, index = int(found["NNLAB_NODES"]), int(found["NNLAB_NODE"])
        endpoint = found["NNLAB_RENDEZVOUS"]
        host, port = endpoint.rsplit(":", 1)
        sound = 0 <= index < count and bool(host) and 0 < int(port) < 1 << 16
    except (KeyError, ValueError):
        sound = False
    if not sound:
        raise UsageError("NNLAB_NODES, NNLAB_NODE and NNLAB_RENDEZVOUS do not agree", hint=hint)
    return Nodes(count, index, endpoint)


def _of_slurm(found: Mapping[str, str]) -> Nodes:
    count, index = int(found["SLURM_NNODES"]), int(found["SLURM_PROCID"])
    job = found["SLURM_JOB_ID"]
    first = _first_host(found["SLURM_JOB_NODELIST"])
    return Nodes(count, index, f"{first}:{_FIRST_PORT + int(job) % _PORTS}", f"nnlab-{job}")


def _first_host(listed: str) -> str:
    """The first of SLURM's list, which may be as short as `node[01-04]`."""
    program = shutil.which("scontrol")
    if program is None:
        raise UsageError("scontrol is not in PATH: who is the first node cannot be told")
    answer = subprocess.run(  # noqa: S603  SLURM's own list to SLURM's own program
        [program, "show", "hostnames", listed], capture_output=True, text=True, check=True
    )
    return answer.stdout.split()[0]

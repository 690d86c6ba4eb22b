"""The machines that train one run together, and which of them this is.

SLURM says so in its own variables where srun has started one task on each of several nodes;
elsewhere NNLAB_NODES (how many), NNLAB_NODE (which, from 0) and NNLAB_RENDEZVOUS (HOST:PORT of the
first) do.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.errors import UsageError

# Ports from here on, by the job's number, so that two jobs on a node do not meet. The tasks of an
# array have a number each; a job that is queued again keeps its own, when nothing of it is left.
_FIRST_PORT, _PORTS = 20_000, 10_000


@dataclass(frozen=True, slots=True)
class Nodes:
    """How many machines, which this is, and where they meet.

    At `endpoint` the first one listens: the others hear there where each team comes together.
    """

    count: int = 1
    index: int = 0
    endpoint: str = "127.0.0.1:0"
    run_id: str = "nnlab"

    @property
    def leads(self) -> bool:
        """Whether the process that stores and decides is on this machine."""
        return self.index == 0

    @property
    def place(self) -> tuple[str, int]:
        """The endpoint's host and port."""
        host, port = self.endpoint.rsplit(":", 1)
        return host.strip("[]"), int(port)


# A machine by itself.
SINGLE_NODE = Nodes()


def nodes_from_environment(environment: Mapping[str, str] | None = None) -> Nodes:
    """What the environment says.

    Raises:
        UsageError: it says half of it, or what cannot be.
    """
    found = os.environ if environment is None else environment
    if "NNLAB_NODES" in found:
        return _nodes_from_nnlab_variables(found)
    # A batch script has SLURM_NNODES as well, but only what srun starts is on each of them.
    if int(found.get("SLURM_STEP_NUM_NODES", "1")) > 1:
        return _nodes_from_slurm_variables(found)
    return SINGLE_NODE


def _nodes_from_nnlab_variables(found: Mapping[str, str]) -> Nodes:
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


def _nodes_from_slurm_variables(found: Mapping[str, str]) -> Nodes:
    count, tasks = int(found["SLURM_STEP_NUM_NODES"]), int(found["SLURM_STEP_NUM_TASKS"])
    if tasks != count:
        raise UsageError(
            f"srun started {tasks} tasks on {count} nodes: one on each node is wanted",
            hint="srun --ntasks-per-node=1; --devices says on what each node trains",
        )
    job = found["SLURM_JOB_ID"]
    first = _first_node_address(found["SLURM_STEP_NODELIST"])
    port = _FIRST_PORT + int(job) % _PORTS
    return Nodes(count, int(found["SLURM_NODEID"]), f"{first}:{port}", f"nnlab-{job}")


def _first_node_address(listed: str) -> str:
    """Where the first of SLURM's list is reached, which may be as short as `node[01-04]`.

    By the address that SLURM's own daemons use: the name of a node need not be that of a host.
    """
    names = _scontrol_show("hostnames", listed).split()
    if not names:
        raise UsageError(
            f"scontrol does not tell what the nodes {listed} are",
            hint="NNLAB_NODES, NNLAB_NODE and NNLAB_RENDEZVOUS say it as well (docs/scaling.md)",
        )
    # Where nodes are kept private a user is told nothing of them; then the name must do.
    found = re.search(r"\bNodeAddr=(\S+)", _scontrol_show("node", names[0]))
    return found[1] if found else names[0]


def _scontrol_show(what: str, of: str) -> str:
    """What SLURM's own program shows; nothing where there is none, or it refuses."""
    program = shutil.which("scontrol")
    if program is None:
        return ""
    answer = subprocess.run(  # noqa: S603  SLURM's own list to SLURM's own program
        [program, "show", what, of], capture_output=True, text=True, check=False
    )
    return answer.stdout if answer.returncode == 0 else ""

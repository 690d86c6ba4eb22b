"""The nodes that train each run together, read from the environment by the train command.

Where srun has started one task on each of several nodes, SLURM's own variables define them.
Elsewhere NNLAB_NODES (count), NNLAB_NODE (index of this node, from 0) and NNLAB_RENDEZVOUS
(HOST:PORT of the first node) do.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.errors import UsageError

# The port is derived from the job ID, so that two jobs on a node use different ports. Each task of
# an array has its own ID; a requeued job keeps its ID, but its earlier processes have ended.
_FIRST_PORT, _PORTS = 20_000, 10_000


@dataclass(frozen=True, slots=True)
class Nodes:
    """How many nodes there are, the index of this one, and the rendezvous endpoint (HOST:PORT).

    The first node listens at `endpoint` and tells the others where each process group meets.
    """

    count: int = 1
    index: int = 0
    endpoint: str = "127.0.0.1:0"
    run_id: str = "nnlab"

    @property
    def is_first(self) -> bool:
        """Whether the leader of the process group is on this node."""
        return self.index == 0

    @property
    def host_and_port(self) -> tuple[str, int]:
        """The endpoint's host and port."""
        host, port = self.endpoint.rsplit(":", 1)
        return host.strip("[]"), int(port)


# Training on one machine.
SINGLE_NODE = Nodes()


def nodes_from_environment(environment: Mapping[str, str] | None = None) -> Nodes:
    """The nodes that the environment variables define; a single node by default.

    Raises:
        UsageError: a variable is missing, or the values contradict each other.
    """
    variables = os.environ if environment is None else environment
    if "NNLAB_NODES" in variables:
        return _nodes_from_nnlab_variables(variables)
    # SLURM_NNODES is also set in a batch script, which runs on one node only.
    if int(variables.get("SLURM_STEP_NUM_NODES", "1")) > 1:
        return _nodes_from_slurm_variables(variables)
    return SINGLE_NODE


def _nodes_from_nnlab_variables(variables: Mapping[str, str]) -> Nodes:
    hint = "NNLAB_NODES=2 NNLAB_NODE=0 NNLAB_RENDEZVOUS=first.example:29400"
    try:
        count, index = int(variables["NNLAB_NODES"]), int(variables["NNLAB_NODE"])
        endpoint = variables["NNLAB_RENDEZVOUS"]
        host, port = endpoint.rsplit(":", 1)
        valid = 0 <= index < count and bool(host) and 0 < int(port) < 1 << 16
    except (KeyError, ValueError):
        valid = False
    if not valid:
        raise UsageError("NNLAB_NODES, NNLAB_NODE and NNLAB_RENDEZVOUS do not agree", hint=hint)
    return Nodes(count, index, endpoint)


def _nodes_from_slurm_variables(variables: Mapping[str, str]) -> Nodes:
    count, tasks = int(variables["SLURM_STEP_NUM_NODES"]), int(variables["SLURM_STEP_NUM_TASKS"])
    if tasks != count:
        raise UsageError(
            f"srun started {tasks} tasks on {count} nodes: each node needs exactly one",
            hint="srun --ntasks-per-node=1; --devices selects the devices of each node",
        )
    job = variables["SLURM_JOB_ID"]
    first = _first_node_address(variables["SLURM_STEP_NODELIST"])
    port = _FIRST_PORT + int(job) % _PORTS
    return Nodes(count, int(variables["SLURM_NODEID"]), f"{first}:{port}", f"nnlab-{job}")


def _first_node_address(node_list: str) -> str:
    """The address of the first node of SLURM's list, which may be compressed: `node[01-04]`.

    This is the address that SLURM's daemons use, because a node's name need not be a host name.
    """
    names = _scontrol_show("hostnames", node_list).split()
    if not names:
        raise UsageError(
            f"scontrol does not expand the node list {node_list}",
            hint="set NNLAB_NODES, NNLAB_NODE and NNLAB_RENDEZVOUS instead (docs/scaling.md)",
        )
    # A cluster may hide the details of its nodes from users; then the name is used.
    match = re.search(r"\bNodeAddr=(\S+)", _scontrol_show("node", names[0]))
    return match[1] if match else names[0]


def _scontrol_show(entity: str, name: str) -> str:
    """The output of `scontrol show`; empty if the program is missing or fails."""
    program = shutil.which("scontrol")
    if program is None:
        return ""
    answer = subprocess.run(  # noqa: S603  SLURM's own list to SLURM's own program
        [program, "show", entity, name], capture_output=True, text=True, check=False
    )
    return answer.stdout if answer.returncode == 0 else ""

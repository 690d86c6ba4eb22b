"""The nodes that train together, read from SLURM's variables and scontrol."""

from pathlib import Path

import pytest

from nnlab.errors import UsageError
from nnlab.workers.nodes import Nodes, nodes_from_environment

STEP = {
    "SLURM_JOB_ID": "31234567",
    "SLURM_NNODES": "3",
    "SLURM_NODEID": "1",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_STEP_NUM_TASKS": "2",
    "SLURM_STEP_NODELIST": "c[07-08]",
}


@pytest.fixture
def scontrol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scontrol that knows two nodes, and is the only program in PATH."""
    program = tmp_path / "scontrol"
    program.write_text(
        """#!/bin/sh
case "$*" in
    "show hostnames c[07-08]") echo c07; echo c08 ;;
    "show node c07") echo "NodeName=c07 Arch=x86_64"; echo "   NodeAddr=10.0.0.7 NodeHostName=x" ;;
    *) exit 1 ;;
esac
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


def test_a_step_of_several_nodes_meets_at_the_first_ones_address(scontrol: Path) -> None:
    assert nodes_from_environment(STEP) == Nodes(2, 1, "10.0.0.7:24567", "nnlab-31234567")


def test_tasks_of_an_array_meet_at_ports_of_their_own(scontrol: Path) -> None:
    # As SLURM numbers them: the last has the number of the array, the others one of their own.
    tasks = [nodes_from_environment(STEP | {"SLURM_JOB_ID": str(job)}) for job in (41, 42, 43)]
    assert (
        len({task.host_and_port[1] for task in tasks}) == len({task.run_id for task in tasks}) == 3
    )


def test_where_nodes_are_kept_private_their_name_must_do(scontrol: Path) -> None:
    scontrol.write_text(scontrol.read_text().replace("NodeAddr=10.0.0.7", ""))
    assert nodes_from_environment(STEP).host_and_port[0] == "c07"


def test_without_scontrol_the_first_node_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="does not expand the node list"):
        nodes_from_environment(STEP)


def test_more_tasks_than_one_on_a_node_are_refused() -> None:
    with pytest.raises(UsageError, match="8 tasks on 2 nodes") as caught:
        nodes_from_environment(STEP | {"SLURM_STEP_NUM_TASKS": "8"})
    assert "--ntasks-per-node=1" in str(caught.value.hint)


@pytest.mark.parametrize("without", [{"SLURM_STEP_NUM_NODES": "1"}, {}])
def test_a_batch_script_and_a_step_of_one_node_are_by_themselves(without: dict[str, str]) -> None:
    batch = {name: value for name, value in STEP.items() if name != "SLURM_STEP_NUM_NODES"}
    assert nodes_from_environment(batch | {"SLURM_PROCID": "0"} | without) == Nodes()


def test_what_was_named_goes_before_what_slurm_says() -> None:
    named = {"NNLAB_NODES": "2", "NNLAB_NODE": "0", "NNLAB_RENDEZVOUS": "a.example:29400"}
    assert nodes_from_environment(STEP | named) == Nodes(2, 0, "a.example:29400")

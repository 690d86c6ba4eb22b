"""Scripts on SLURM and on Ray: the same workers execute them."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray_cluster
import slurm_cluster
from command_line_runner import started
from example_scripts import write_script

from nnlab.testing.launcher_runs import query, statuses, wait_for_exit

WORDS = ("--lr", "0.1,0.2", "--seeds", "2", "--epochs", "2")


def check_results(folder: Path) -> None:
    assert statuses(folder) == ["finished"] * 4
    values = query(
        folder,
        "SELECT r.seed, p.epoch, p.value FROM point p JOIN run r ON r.id = p.run_id"
        " JOIN metric m ON m.id = p.metric_id WHERE m.name = 'train/loss' AND p.epoch = 2"
        " ORDER BY p.value",
    )
    assert values == [(0, 2, 0.05), (1, 2, 0.051), (0, 2, 0.1), (1, 2, 0.101)]
    for run in (1, 2, 3, 4):
        output = folder / "runs.artifacts" / str(run) / "output.txt"
        assert "starts after epoch 0" in output.read_text()


@pytest.fixture
def one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A SLURM cluster of one node."""
    with slurm_cluster.cluster(tmp_path_factory.mktemp("slurm") / "cluster"):
        yield


@pytest.mark.skipif(bool(slurm_cluster.why_not()), reason=slurm_cluster.why_not() or "-")
@pytest.mark.usefixtures("one_node")
def test_tasks_of_slurm_execute_scripts(folder: Path) -> None:
    write_script(folder)
    words = ("run", "train.py", *WORDS, "--launcher", "slurm", "--max-parallel", "2")
    code, out, err = wait_for_exit(started(folder, *words))
    assert code == 0, err
    assert re.search(r"job \d+: 2 tasks for 4 runs", out)
    deadline = time.monotonic() + 180
    while "nnlab" in subprocess.run(["squeue"], capture_output=True, text=True, check=True).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    logs = "".join(path.read_text() for path in folder.glob("runs.artifacts/slurm/*.log"))
    assert statuses(folder) == ["finished"] * 4, logs
    check_results(folder)


@pytest.mark.skipif(bool(ray_cluster.why_not()), reason=ray_cluster.why_not() or "-")
def test_actors_of_ray_execute_scripts(folder: Path) -> None:
    write_script(folder)
    with ray_cluster.cluster(2) as cluster:
        words = ("run", "train.py", *WORDS, "--launcher", "ray", "--address", cluster.address)
        code, _, err = wait_for_exit(started(folder, *words))
    assert code == 0, err
    check_results(folder)

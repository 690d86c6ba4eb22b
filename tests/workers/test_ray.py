"""Ray: workers on a cluster of several nodes, each of which may be lost."""

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray_cluster
from command_line_runner import Nnlab, started

from nnlab.errors import NnlabError, UsageError
from nnlab.store.address import parse_address
from nnlab.testing.launcher_runs import (
    STUDY,
    StoredPoints,
    busy_pids,
    query,
    statuses,
    stored_points,
    train_undisturbed,
    wait_for,
    wait_for_exit,
)
from nnlab.testing.launchers import AttachedLauncherContract
from nnlab.workers import ray
from nnlab.workers.ray import RayResources

needs_ray = pytest.mark.skipif(bool(ray_cluster.why_not()), reason=ray_cluster.why_not() or "-")


@pytest.fixture(scope="module")
def cluster_of_three() -> Iterator[Any]:
    """Three nodes of one core each."""
    with ray_cluster.cluster(3) as started_cluster:
        yield started_cluster


def learned(folder: Path) -> list[tuple[Any, ...]]:
    """What the runs learned, by seed, metric and epoch; not what is of one device alone."""
    return query(
        folder,
        "SELECT r.seed, m.name, p.epoch, p.value FROM point p JOIN run r ON r.id = p.run_id"
        " JOIN metric m ON m.id = p.metric_id WHERE m.name IN ('train/loss', 'val/loss')"
        " ORDER BY 1, 2, 3",
    )


@needs_ray
class TestRay(AttachedLauncherContract):
    """Actors on a cluster."""

    @pytest.fixture(autouse=True)
    def on_the_cluster(self, cluster_of_three: Any) -> None:
        self.options = ("--launcher", "ray", "--address", cluster_of_three.address)

    def test_a_node_that_is_lost_loses_no_run(
        self,
        nnlab: Nnlab,
        folder: Path,
        tmp_path_factory: pytest.TempPathFactory,
        cluster_of_three: Any,
    ) -> None:
        # Long enough for a node to be ended in the middle of a run.
        study = (*STUDY, "--epochs", "400", "--seeds", "1")
        uninterrupted_results = train_undisturbed(tmp_path_factory.mktemp("calm"), study)
        process = self.start(folder, *study)
        node = wait_for(
            lambda: ray_cluster.other_than_the_head(cluster_of_three, busy_pids(folder))
        )
        cluster_of_three.remove_node(node, allow_graceful=False)
        try:
            code, out, err = self.wait(folder, process)
        finally:
            cluster_of_three.add_node(num_cpus=1)
        assert code == 0, err
        assert stored_points(folder) == uninterrupted_results
        assert "its worker died" in out
        assert "the run will resume from its checkpoint" in out
        assert "no problems" in nnlab("db", "check").out

    def test_a_keeper_that_dies_is_started_again_and_nothing_is_lost(
        self, nnlab: Nnlab, folder: Path, uninterrupted_results: StoredPoints
    ) -> None:
        process = self.start(folder, *STUDY)
        wait_for(lambda: busy_pids(folder))
        ray_cluster.kill_actor("DatabaseActor")
        code, out, err = self.wait(folder, process)
        assert code == 0, err
        # Workers report the lost actor only if they need it before Ray has started it again.
        assert stored_points(folder) == uninterrupted_results, out
        assert "no problems" in nnlab("db", "check").out

    def test_runs_of_a_server_are_stored_by_the_workers_themselves(
        self, folder: Path, uninterrupted_results: StoredPoints, server_url: str
    ) -> None:
        code, _, err = self.wait(folder, self.start(folder, *STUDY, "--db", server_url))
        assert code == 0, err
        _, _, err = wait_for_exit(started(folder, "db", "copy", server_url, "runs.db"))
        assert stored_points(folder) == uninterrupted_results, err
        # Models came to the folder of the one who asked.
        files = parse_address(server_url).artifacts
        assert len(list(files.glob("*/model.safetensors"))) == 8

    def test_files_go_where_they_were_told_to(self, nnlab: Nnlab, folder: Path) -> None:
        words = ("--data", "iris", "--epochs", "2", "--name", "far", "--artifacts", "elsewhere")
        code, _, err = self.wait(folder, self.start(folder, *words, "--cpus", "0.5"))
        assert code == 0, err
        (model,) = folder.glob("elsewhere/*/1/model.safetensors")
        assert not (folder / "runs.artifacts").exists()
        assert str(model) in nnlab("show", "far").out

    def test_small_runs_are_stacked_on_a_cluster_as_well(self, folder: Path) -> None:
        words = ("--data", "iris", "--width", "8", "--epochs", "3", "--seeds", "12")
        code, _, err = self.wait(folder, self.start(folder, *words, "--engine", "stacked"))
        assert code == 0, err
        assert statuses(folder) == ["finished"] * 12
        engines = {engine for (engine,) in query(folder, "SELECT engine FROM attempt")}
        assert engines == {"stacked 4"}

    def test_two_nodes_train_each_run_together(self, nnlab: Nnlab, folder: Path) -> None:
        words = ("--data", "iris", "--width", "16", "--batch-size", "25", "--epochs", "4")
        code, _, err = self.wait(
            folder, self.start(folder, *words, "--seeds", "2", "--parallel", "ddp", "--nodes", "2")
        )
        assert code == 0, err
        assert query(folder, "SELECT DISTINCT engine FROM attempt") == [("ddp 2",)]
        nnlab("train", *words, "--seeds", "2", "-q", "--db", "alone.db")
        (folder / "alone").mkdir()
        (folder / "alone.db").rename(folder / "alone" / "runs.db")
        for ours, alone in zip(learned(folder), learned(folder / "alone"), strict=True):
            assert ours[:-1] == alone[:-1]
            assert ours[-1] == pytest.approx(alone[-1], rel=2e-4, abs=1e-6)

    def test_a_team_whose_node_is_lost_goes_on_with_another(
        self, nnlab: Nnlab, folder: Path, cluster_of_three: Any
    ) -> None:
        words = ("--data", "iris", "--width", "16", "--batch-size", "5", "--epochs", "80")
        process = self.start(folder, *words, "--parallel", "ddp", "--nodes", "2")
        wait_for(lambda: busy_pids(folder))
        cluster_of_three.remove_node(
            ray_cluster.with_a_worker(cluster_of_three), allow_graceful=False
        )
        try:
            code, out, err = self.wait(folder, process)
        finally:
            cluster_of_three.add_node(num_cpus=1)
        assert code == 0, out + err
        assert statuses(folder) == ["finished"]
        assert len(query(folder, "SELECT 1 FROM attempt")) == 2
        nnlab("train", *words, "-q", "--db", "alone.db")
        (folder / "alone").mkdir()
        (folder / "alone.db").rename(folder / "alone" / "runs.db")
        assert learned(folder)[-1][-1] == pytest.approx(learned(folder / "alone")[-1][-1], rel=2e-3)

    def test_where_there_is_no_room_it_is_said(self, folder: Path) -> None:
        process = self.start(folder, "--data", "iris", "--epochs", "2", "--cpus", "64")
        assert process.stdout is not None
        text = ""
        while "waiting for resources" not in text:
            text = process.stdout.readline()
            assert text, process.communicate()[1]
        assert "64 CPU for each worker" in text
        process.send_signal(signal.SIGINT)
        code, _, err = wait_for_exit(process)
        assert code == 130, err
        assert statuses(folder) == ["queued"]


@needs_ray
def test_without_a_cluster_one_is_started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("train", "--data", "iris", "--epochs", "2", "--launcher", "ray")
    code, out, err = wait_for_exit(started(folder, *words, RAY_ADDRESS="local"))
    assert code == 0, err
    assert "run 1" in out
    assert statuses(folder) == ["finished"]


def test_a_cluster_that_is_not_there_is_told_at_once(
    nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket() as server_socket:
        server_socket.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{server_socket.getsockname()[1]}"
    with pytest.raises(NnlabError, match=f"no Ray cluster responds at {nowhere}"):
        ray.resolve_cluster_address(nowhere)
    current = tmp_path / "current"
    monkeypatch.setattr(ray, "_CURRENT_CLUSTER_FILE", current)
    monkeypatch.delenv(ray.ADDRESS_VARIABLE, raising=False)
    assert ray.resolve_cluster_address(None) == "local"
    current.write_text(nowhere)  # one that died left it
    assert ray.resolve_cluster_address(None) == "local"
    with pytest.raises(NnlabError, match="no Ray cluster runs on this machine"):
        ray.resolve_cluster_address("auto")
    monkeypatch.setenv(ray.ADDRESS_VARIABLE, nowhere)
    with pytest.raises(NnlabError, match="no Ray cluster responds"):
        ray.resolve_cluster_address(None)
    assert nowhere in ray.find_ray_cluster().unavailable_reason


def test_without_ray_it_is_said(nnlab: Nnlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    words = ("train", "--data", "iris", "--epochs", "1", "--launcher", "ray")
    assert "pip install 'nnlab[ray]'" in nnlab(*words, expect=2).err
    assert not Path("runs.db").exists()
    assert "pip install 'nnlab[ray]'" in nnlab("launchers").out


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RayResources(gpus=1.5), "whole number of GPUs"),
        (lambda: RayResources(address="ray://head:10001"), "Ray client"),
    ],
)
def test_what_ray_would_not_do_is_refused(make: Callable[[], RayResources], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--launcher", "ray", "--time", "10"), "are SLURM's"),
        (("--launcher", "ray", "--mem", "lots"), "--mem lots"),
        (("--address", "auto"), "are for a cluster"),
        (("--launcher", "ray", "--devices", "cpu:4"), "are for this machine"),
        (("--launcher", "ray", "--nodes", "2"), "add --parallel ddp"),
        (("--launcher", "ray", "--parallel", "ddp"), "needs two devices or more"),
        (("--launcher", "ray", "--parallel", "ddp", "--gpus", "0.5"), "needs whole GPUs"),
        (("--artifacts", "s3://ann:hunter2@lab/x"), "contains a password or key"),
    ],
)
def test_what_cannot_be_asked_for(nnlab: Nnlab, words: tuple[str, ...], message: str) -> None:
    answer = nnlab("train", "--data", "iris", "--epochs", "1", *words, expect=2)
    assert message in " ".join(answer.err.split())
    assert "hunter2" not in answer.err


@needs_ray
def test_there_are_as_many_workers_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnlab.workers.ray import pool

    nodes = [
        {"Alive": True, "Resources": {"CPU": 16.0, "GPU": 2.0, "memory": 64.0 * 2**30}},
        {"Alive": True, "Resources": {"CPU": 4.0, "memory": 8.0 * 2**30}},
        {"Alive": False, "Resources": {"CPU": 64.0}},
    ]
    monkeypatch.setattr("ray.nodes", lambda: nodes)
    assert pool._worker_capacity(RayResources()) == 20
    assert pool._worker_capacity(RayResources(cpus=0.5)) == 40
    assert pool._worker_capacity(RayResources(gpus=0.25)) == 8
    assert pool._worker_capacity(RayResources(gpus=1, cpus=10)) == 1
    assert pool._worker_capacity(RayResources(memory=8 << 30)) == 9
    assert pool._worker_capacity(RayResources(nodes=2)) == 4
    assert pool._worker_capacity(RayResources(nodes=3)) == 0
    nodes[:] = [{"Alive": True, "Resources": {"CPU": 1.0}}] * 3
    assert pool._worker_capacity(RayResources(nodes=2)) == 1


def test_what_each_worker_is_given_in_words() -> None:
    assert RayResources(cpus=2, gpus=0.25, memory=8 << 30).description == "2 CPU, 0.25 GPU, 8 GiB"
    assert RayResources(gpus=2).devices == ("cuda:0", "cuda:1")
    assert RayResources(cpus=3).devices == ("cpu",) * 3

"""SLURM: job scripts, and training on a real cluster where one can be started."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import slurm_cluster
from command_line_runner import started

from nnlab import store
from nnlab.cli.main import main
from nnlab.errors import UsageError
from nnlab.testing.launcher_runs import (
    statuses,
    wait_for_exit,
)
from nnlab.testing.launchers import LauncherContract
from nnlab.workers import slurm
from nnlab.workers.slurm import SlurmResources, job_script

COMMAND = ["python", "-m", "nnlab", "train", "--study", "it's"]
FOLDER = Path("/lab/a b")


def lines(expected: SlurmResources, tasks: int = 3, name: str = "depth") -> list[str]:
    text = job_script(expected, name=name, tasks=tasks, command=COMMAND, folder=FOLDER, logs=FOLDER)
    return text.splitlines()


def test_a_script_says_all_that_was_asked_for() -> None:
    text = lines(SlurmResources("gpu,long", 2, 4, "8G", "1-04:00:00", 2))
    for option in (
        "--array=0-2%2", "--partition=gpu,long", "--gres=gpu:2", "--cpus-per-task=4", "--mem=8G",
        "--time=1-04:00:00", "--signal=B:USR1@120", "--requeue", '--chdir="/lab/a b"',
    ):  # fmt: skip
        assert f"#SBATCH {option}" in text
    assert text[0] == "#!/bin/sh"
    assert text[-1] == "exec python -m nnlab train --study 'it'\"'\"'s'"


def test_a_script_of_several_nodes_starts_a_worker_on_each() -> None:
    text = lines(SlurmResources(gpus=2, cpus=4, nodes=3))
    for option in (
        "--nodes=3", "--ntasks-per-node=1", "--gres=gpu:2", "--cpus-per-task=4",
        "--signal=USR1@120", "--requeue",
    ):  # fmt: skip
        assert f"#SBATCH {option}" in text
    assert not any("--ntasks=" in line for line in text)
    (srun,) = [line for line in text if line.startswith("srun")]
    assert srun == (
        "srun --nodes=3 --ntasks-per-node=1 --cpus-per-task=4 --kill-on-bad-exit=0 --wait=60"
        " python -m nnlab train --study 'it'\"'\"'s'"
    )
    assert text.index("trap : TERM") < text.index(srun)


@pytest.mark.parametrize(("code", "again"), [(0, False), (1, False), (130, False), (75, True)])
def test_a_script_of_several_nodes_queues_itself_where_the_time_was_up(
    code: int, again: bool, tmp_path: Path
) -> None:
    for name, does in (("srun", f"exit {code}"), ("scontrol", 'echo "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/sh"],
        input="\n".join(lines(SlurmResources(nodes=2))),
        env={"PATH": str(tmp_path), "SLURM_JOB_ID": "42"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ("requeue 42\n" if again else "")
    assert done.returncode == (0 if again else code)


def test_what_was_not_asked_for_is_the_clusters_own() -> None:
    text = " ".join(lines(SlurmResources()))
    assert not re.search(r"--(partition|gres|mem|time)", text)


@pytest.mark.parametrize("name", ["a\n#SBATCH --wrap=x", "$(touch x)", "", "-x", "日本"])
def test_a_name_never_becomes_an_option(name: str) -> None:
    text = lines(SlurmResources(), name=name)
    assert sum(line.startswith("#SBATCH") for line in text) == len(
        [line for line in lines(SlurmResources()) if line.startswith("#SBATCH")]
    )
    assert re.fullmatch(r"#SBATCH --job-name=nnlab-[A-Za-z0-9_.-]+", text[1])


@pytest.mark.parametrize(
    "values", [{"time": "4h"}, {"time": "1:2:3:4"}, {"memory": "lots"}, {"partition": "a b"}]
)
def test_what_slurm_would_not_read_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--"):
        SlurmResources(**values)  # type: ignore[arg-type]


def test_a_folder_that_no_script_can_name_is_refused() -> None:
    with pytest.raises(UsageError, match="a SLURM script cannot contain the path"):
        job_script(
            SlurmResources(), name="s", tasks=1, command=COMMAND, folder=Path('a"b'), logs=FOLDER
        )


def test_without_slurm_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "sbatch is not in PATH" in slurm.find_slurm().unavailable_reason
    assert main(["launchers"]) == 0
    assert "sbatch is not in PATH" in capsys.readouterr().out
    assert main(["init-study", "s", "--data", "iris", "--epochs", "1"]) == 0
    assert main(["train", "--study", "s", "--launcher", "slurm"]) == 2
    assert "sbatch is not in PATH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--launcher", "slurm"], "the tasks of a job train the runs of a study"),
        (["--study", "s", "--gpus", "1"], "are for a cluster"),
        (["--study", "s", "--launcher", "slurm", "--time", "4h"], "--time 4h"),
        (["--study", "s", "--launcher", "slurm", "--gpus", "0.5"], "SLURM needs a whole number"),
        (["--study", "s", "--launcher", "slurm", "--address", "auto"], "of a Ray cluster"),
        (["--study", "s", "--nodes", "2"], "are for a cluster"),
        (["--study", "s", "--launcher", "slurm", "--nodes", "2"], "add --parallel ddp"),
    ],
)
def test_what_cannot_be_asked_for(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_dry_run_prints_the_script_and_submits_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNLAB_DEVICES")
    words = ["--study", "s", "--data", "iris", "--seeds", "5", "--epochs", "1"]
    more = ["--launcher", "slurm", "--gpus", "1", "--engine", "solo", "--checkpoint-every", "30s"]
    assert main(["train", *words, *more, "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert "#SBATCH --array=0-4%5" in text
    assert "--engine solo --checkpoint-every 30s" in text
    assert "--devices" not in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nodes", "2", "--gpus", "2"], "--devices cuda:0,cuda:1 --parallel ddp"),
        (["--nodes", "2"], "--devices cpu:1 --parallel ddp"),
        (["--cpus", "4"], "--devices cpu:4 --parallel ddp"),
        (["--gpus", "2"], "--devices cuda:0,cuda:1 --parallel ddp"),
        (["--nodes", "2", "--gpus", "1", "--devices", "cpu:3"], "--devices cpu:3 --parallel ddp"),
    ],
)
def test_a_team_trains_on_all_that_a_task_has(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNLAB_DEVICES")
    study = ["--study", "s", "--data", "iris", "--epochs", "1", "--dry-run"]
    assert main(["train", *study, "--launcher", "slurm", "--parallel", "ddp", *words]) == 0
    assert message in capsys.readouterr().out


def test_a_team_of_one_is_refused_before_it_waits_in_a_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNLAB_DEVICES")
    words = ["--study", "s", "--launcher", "slurm", "--parallel", "ddp", "--gpus", "1"]
    assert main(["train", *words]) == 2
    assert "needs two devices or more" in capsys.readouterr().err


def test_only_a_task_asks_to_be_queued_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(slurm.TASK_VARIABLE, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert not slurm.is_array_task()
    monkeypatch.setenv(slurm.TASK_VARIABLE, "1")
    assert slurm.is_array_task()
    monkeypatch.delenv("SLURM_JOB_ID")
    assert not slurm.is_array_task()


WHY_NOT = slurm_cluster.why_not()
Run = Callable[..., str]


@pytest.fixture
def run_on_cluster(tmp_path: Path) -> Iterator[Run]:
    """Runs nnlab in a process of its own, beside a cluster of one node."""
    with slurm_cluster.cluster(tmp_path / "cluster"):
        yield _runner(tmp_path)


@pytest.fixture
def run_on_two_nodes(tmp_path: Path) -> Iterator[Run]:
    """The same beside a cluster of two nodes, both on this machine."""
    with slurm_cluster.cluster(tmp_path / "cluster", nodes=2):
        yield _runner(tmp_path)


def _runner(tmp_path: Path) -> Run:
    folder = tmp_path / "lab"
    folder.mkdir()

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "nnlab", *words],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def until(what: Callable[[], bool], seconds: float, message: Callable[[], str]) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, message()
        time.sleep(0.3)


def values(path: Path) -> dict[tuple[str, int], dict[str, tuple[float, ...]]]:
    db = store.open_database(str(path), write=False)
    runs = store.runs(db, current_only=True)
    histories = store.histories(db, [run.id for run in runs])
    db.close()
    return {
        (run.trial.digest, run.known_seed): {
            metric: histories[run.id][metric].values
            for metric in histories[run.id].metrics
            if not metric.startswith(("time/", "energy/"))
        }
        for run in runs
    }


def queue() -> str:
    return subprocess.run(["squeue"], capture_output=True, text=True, check=True).stdout


def logs(folder: Path) -> str:
    return "\n".join(path.read_text() for path in folder.glob("runs.artifacts/slurm/*.log"))


needs_slurm = pytest.mark.skipif(bool(WHY_NOT), reason=f"no SLURM can be started: {WHY_NOT}")


@pytest.fixture(scope="class")
def single_node_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cluster of one node for the tests of a class."""
    with slurm_cluster.cluster(tmp_path_factory.mktemp("one") / "cluster"):
        yield


@needs_slurm
@pytest.mark.usefixtures("single_node_cluster")
class TestSlurm(LauncherContract):
    """Tasks of an array; the command that submits them has returned."""

    options = ("--launcher", "slurm", "--max-parallel", "2", "--time", "10")

    def wait(self, folder: Path, process: "subprocess.Popen[str]") -> tuple[int, str, str]:
        """Waits for the queue to be empty; hands in again what its tasks have left."""
        code, out, err = wait_for_exit(process)
        assert code == 0, err
        assert re.search(r"job \d+: 2 tasks for \d+ runs", out)
        for _ in range(3):
            until(lambda: "nnlab" not in queue(), 180, lambda: queue() + logs(folder))
            if set(statuses(folder)) <= {"finished", "failed"}:
                break
            code, _, err = wait_for_exit(started(folder, "train", "--study", "s", *self.options))
        return code, logs(folder), err

    def test_what_is_trained_is_not_submitted_again(self, folder: Path) -> None:
        words = ("--study", "s", "--data", "iris", "--epochs", "1", "--seeds", "2")
        assert self.wait(folder, self.start(folder, *words))[0] == 0
        _, out, _ = wait_for_exit(started(folder, "train", "--study", "s", *self.options))
        assert "nothing is waiting" in out


@needs_slurm
def test_a_task_whose_time_is_up_goes_on_where_it_was(run_on_cluster: Run, tmp_path: Path) -> None:
    long = ("--data", "digits", "--width", "64", "--epochs", "150", "--batch-size", "8")
    folder = tmp_path / "lab"
    run_on_cluster("init-study", "s", *long)
    text = run_on_cluster("train", "--study", "s", "--launcher", "slurm", "--time", "10")
    match = re.search(r"job (\d+)", text)
    assert match
    task = f"{match[1]}_0"
    until(lambda: _epochs(folder) >= 3, 180, lambda: queue() + logs(folder))
    subprocess.run(["scancel", "--signal=USR1", "--batch", task], check=True)
    until(lambda: "it is queued once more" in logs(folder), 180, lambda: queue() + logs(folder))
    assert 3 <= _epochs(folder) < 150
    until(lambda: " PD " in queue(), 180, queue)
    go_on_now(task)
    until(
        lambda: _epochs(folder) == 150 and "nnlab" not in queue(),
        180,
        lambda: queue() + logs(folder),
    )
    run_on_cluster("train", *long, "-q", "--db", "local.db")
    assert values(folder / "runs.db") == values(folder / "local.db")
    assert os.environ["SLURM_CONF"].startswith(str(tmp_path))


def _epochs(folder: Path) -> int:
    db = store.open_database(str(folder / "runs.db"), write=False)
    (run,) = store.runs(db, current_only=True)
    db.close()
    return run.epochs


def go_on_now(task: str) -> None:
    """Has SLURM start what was queued again, for which it waits two minutes by itself.

    A node refuses a job for the rest of the second in which it took back that job's credential, and
    SLURM sets the time of a start anew when the last of a job is gone: it is asked until it has.
    """

    def starts() -> bool:
        time.sleep(3)
        subprocess.run(
            ["scontrol", "update", f"JobId={task}", "StartTime=now"], capture_output=True
        )
        return " PD " not in queue()

    until(starts, 120, queue)


def alike(folder: Path) -> None:
    """What the nodes trained is what a process by itself did, up to rounding."""
    shared, alone = values(folder / "runs.db"), values(folder / "local.db")
    assert shared.keys() == alone.keys()
    for run, curves in alone.items():
        assert curves.keys() == shared[run].keys()
        for metric, expected in curves.items():
            assert shared[run][metric] == pytest.approx(expected, rel=2e-4, abs=1e-6), metric


def engines(path: Path) -> list[str | None]:
    db = store.open_database(str(path), write=False)
    attempt_engines = [
        attempt.engine for attempt in store.attempts_of_runs(db, [r.id for r in store.runs(db)])
    ]
    db.close()
    return attempt_engines


TOGETHER = ("--launcher", "slurm", "--parallel", "ddp", "--nodes", "2", "--devices", "cpu:1")


@needs_slurm
def test_two_nodes_train_each_run_together(run_on_two_nodes: Run, tmp_path: Path) -> None:
    # Two tasks at once, on the same two nodes.
    few = ("--data", "iris", "--width", "8", "--epochs", "4", "--lr", "0.01,0.1", "--probe", "none")
    folder = tmp_path / "lab"
    run_on_two_nodes("init-study", "s", *few)
    text = run_on_two_nodes("train", "--study", "s", *TOGETHER, "--time", "10")
    assert re.search(r"job \d+: 2 tasks for 2 runs", text)
    until(lambda: "nnlab" not in queue(), 120, lambda: queue() + logs(folder))
    assert run_on_two_nodes("ls", "--format", "csv").count("finished") == 2, logs(folder)
    run_on_two_nodes("train", *few, "--engine", "solo", "-q", "--db", "local.db")
    alike(folder)
    assert engines(folder / "runs.db") == ["ddp 2", "ddp 2"]
    assert "Traceback" not in logs(folder)


@needs_slurm
def test_nodes_whose_time_is_up_go_on_together(run_on_two_nodes: Run, tmp_path: Path) -> None:
    # Adam would make differences in the last bit larger and larger.
    long = (
        "--data", "digits", "--width", "32", "--epochs", "15", "--batch-size", "8",
        "--opt", "sgd", "--lr", "0.01", "--probe", "none",
    )  # fmt: skip
    folder = tmp_path / "lab"
    run_on_two_nodes("init-study", "s", *long)
    text = run_on_two_nodes("train", "--study", "s", *TOGETHER, "--time", "10")
    match = re.search(r"job (\d+)", text)
    assert match
    until(lambda: _epochs(folder) >= 3, 90, lambda: queue() + logs(folder))
    # As SLURM does before the limit of a job: to the workers of all nodes.
    subprocess.run(["scancel", "--signal=USR1", match[1]], check=True)
    until(lambda: " PD " in queue(), 180, lambda: queue() + logs(folder))
    assert 3 <= _epochs(folder) < 15
    assert logs(folder).count("it is queued once more") == 1
    # The nodes ended in good order before the job did, and asked for it once.
    assert not re.search("Traceback|Killed|Terminated|forcing|note:", logs(folder)), logs(folder)
    go_on_now(f"{match[1]}_0")
    until(
        lambda: _epochs(folder) == 15 and "nnlab" not in queue(),
        120,
        lambda: queue() + logs(folder),
    )
    run_on_two_nodes("train", *long, "-q", "--db", "local.db")
    alike(folder)
    assert engines(folder / "runs.db") == ["ddp 2", "ddp 2"]

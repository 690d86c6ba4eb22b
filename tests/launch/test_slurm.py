"""SLURM: scripts as sbatch reads them, and a real cluster of one node where it can be started."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import one_node
import pytest

from nnlab import store
from nnlab.cli.main import main
from nnlab.errors import UsageError
from nnlab.launch import slurm
from nnlab.launch.slurm import Wanted, script

COMMAND = ["python", "-m", "nnlab", "train", "--study", "it's"]
FOLDER = Path("/lab/a b")


def lines(wanted: Wanted, tasks: int = 3, name: str = "depth") -> list[str]:
    text = script(wanted, name=name, tasks=tasks, command=COMMAND, folder=FOLDER, logs=FOLDER)
    return text.splitlines()


def test_a_script_says_all_that_was_asked_for() -> None:
    told = lines(Wanted("gpu,long", 2, 4, "8G", "1-04:00:00", 2))
    for option in (
        "--array=0-2%2", "--partition=gpu,long", "--gres=gpu:2", "--cpus-per-task=4", "--mem=8G",
        "--time=1-04:00:00", "--signal=B:USR1@120", "--requeue", '--chdir="/lab/a b"',
    ):  # fmt: skip
        assert f"#SBATCH {option}" in told
    assert told[0] == "#!/bin/sh"
    assert told[-1] == "exec python -m nnlab train --study 'it'\"'\"'s'"


def test_what_was_not_asked_for_is_the_clusters_own() -> None:
    told = " ".join(lines(Wanted()))
    assert not re.search(r"--(partition|gres|mem|time)", told)


@pytest.mark.parametrize("name", ["a\n#SBATCH --wrap=x", "$(touch x)", "", "-x", "日本"])
def test_a_name_never_becomes_an_option(name: str) -> None:
    told = lines(Wanted(), name=name)
    assert sum(line.startswith("#SBATCH") for line in told) == len(
        [line for line in lines(Wanted()) if line.startswith("#SBATCH")]
    )
    assert re.fullmatch(r"#SBATCH --job-name=nnlab-[A-Za-z0-9_.-]+", told[1])


@pytest.mark.parametrize(
    "values", [{"time": "4h"}, {"time": "1:2:3:4"}, {"memory": "lots"}, {"partition": "a b"}]
)
def test_what_slurm_would_not_read_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="--"):
        Wanted(**values)  # type: ignore[arg-type]


def test_a_folder_that_no_script_can_name_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot stand in a SLURM script"):
        script(Wanted(), name="s", tasks=1, command=COMMAND, folder=Path('a"b'), logs=FOLDER)


def test_without_slurm_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "sbatch is not in PATH" in slurm.cluster().why_not
    assert main(["launchers"]) == 0
    assert "sbatch is not in PATH" in capsys.readouterr().out
    assert main(["init-study", "s", "--data", "iris", "--epochs", "1"]) == 0
    assert main(["train", "--study", "s", "--launcher", "slurm"]) == 2
    assert "sbatch is not in PATH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--launcher", "slurm"], "the tasks of a job work off a study"),
        (["--study", "s", "--gpus", "1"], "are for a cluster"),
        (["--study", "s", "--launcher", "slurm", "--time", "4h"], "--time 4h"),
        (["--study", "s", "--launcher", "slurm", "--gpus", "0.5"], "SLURM gives whole ones"),
        (["--study", "s", "--launcher", "slurm", "--address", "auto"], "of a Ray cluster"),
    ],
)
def test_what_cannot_be_asked_for(
    words: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


def test_a_dry_run_prints_the_script_and_submits_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNLAB_DEVICES")
    words = ["--study", "s", "--data", "iris", "--seeds", "5", "--epochs", "1"]
    more = ["--launcher", "slurm", "--gpus", "1", "--engine", "solo", "--checkpoint-every", "30s"]
    assert main(["train", *words, *more, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "#SBATCH --array=0-4%5" in told
    assert "--engine solo --checkpoint-every 30s" in told
    assert "--devices" not in told
    assert list(tmp_path.iterdir()) == []


def test_only_a_task_asks_to_be_queued_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(slurm.TASK_VARIABLE, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert not slurm.is_task()
    monkeypatch.setenv(slurm.TASK_VARIABLE, "1")
    assert slurm.is_task()
    monkeypatch.delenv("SLURM_JOB_ID")
    assert not slurm.is_task()


WHY_NOT = one_node.why_not()
Run = Callable[..., str]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Run]:
    """Runs nnlab in a process of its own, beside a cluster of one node."""
    folder = tmp_path / "lab"
    folder.mkdir()

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "nnlab", *words],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    with one_node.cluster(tmp_path / "cluster"):
        yield run


def until(what: Callable[[], bool], seconds: float, told: Callable[[], str]) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, told()
        time.sleep(0.3)


def values(path: Path) -> dict[tuple[str, int], dict[str, tuple[float, ...]]]:
    db = store.open_database(str(path), write=False)
    runs = store.runs(db, current_only=True)
    histories = store.histories(db, [run.id for run in runs])
    db.close()
    return {
        (run.trial.digest, run.seed): {
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


STUDY = ("--data", "iris", "--width", "8", "--epochs", "4", "--lr", "0.01,0.1", "--seeds", "3")


@pytest.mark.skipif(bool(WHY_NOT), reason=f"no SLURM can be started: {WHY_NOT}")
def test_tasks_train_a_study_as_one_process_does(lab: Run, tmp_path: Path) -> None:
    lab("init-study", "s", *STUDY)
    told = lab("train", "--study", "s", "--launcher", "slurm", "--max-parallel", "2",
               "--time", "10", "--engine", "solo")  # fmt: skip
    assert re.search(r"job \d+: 2 tasks for 6 runs", told)
    folder = tmp_path / "lab"
    until(lambda: "nnlab" not in queue(), 120, lambda: queue() + logs(folder))
    assert lab("ls", "--format", "csv").count("finished") == 6, logs(folder)
    lab("train", *STUDY, "--engine", "solo", "-q", "--db", "local.db")
    assert values(folder / "runs.db") == values(folder / "local.db")
    assert "nothing is waiting" in lab("train", "--study", "s", "--launcher", "slurm")


@pytest.mark.skipif(bool(WHY_NOT), reason=f"no SLURM can be started: {WHY_NOT}")
def test_a_task_whose_time_is_up_goes_on_where_it_was(lab: Run, tmp_path: Path) -> None:
    long = ("--data", "digits", "--width", "64", "--epochs", "150", "--batch-size", "8")
    folder = tmp_path / "lab"
    lab("init-study", "s", *long)
    told = lab("train", "--study", "s", "--launcher", "slurm", "--time", "10")
    found = re.search(r"job (\d+)", told)
    assert found
    task = f"{found[1]}_0"

    def epochs() -> int:
        db = store.open_database(str(folder / "runs.db"), write=False)
        (run,) = store.runs(db, current_only=True)
        db.close()
        return run.epochs

    until(lambda: epochs() >= 3, 60, lambda: queue() + logs(folder))
    subprocess.run(["scancel", "--signal=USR1", "--batch", task], check=True)
    until(lambda: "it is queued once more" in logs(folder), 60, lambda: queue() + logs(folder))
    assert 3 <= epochs() < 150
    until(lambda: " PD " in queue(), 60, queue)
    # SLURM waits two minutes before it starts what was queued again. A test does not, but a node
    # refuses a job for the rest of the second in which it took back that job's credential.
    time.sleep(3)
    subprocess.run(["scontrol", "update", f"JobId={task}", "StartTime=now"], check=True)
    until(lambda: epochs() == 150 and "nnlab" not in queue(), 180, lambda: queue() + logs(folder))
    lab("train", *long, "-q", "--db", "local.db")
    assert values(folder / "runs.db") == values(folder / "local.db")
    assert os.environ["SLURM_CONF"].startswith(str(tmp_path))

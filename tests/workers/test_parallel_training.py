"""One run on two devices equals one on a single device up to rounding, also after failures."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab import store
from nnlab.errors import NoDatabase, UsageError
from nnlab.records import Status
from nnlab.workers.nodes import Nodes, nodes_from_environment

MLP = ("--data", "iris", "--width", "16", "--opt", "adam", "--dropout", "0.2", "--batch-size", "25")
CNN = (
    "--data", "digits", "--model", "cnn", "--width", "4", "--depth", "1", "--norm", "batch",
    "--opt", "sgd", "--lr", "0.05", "--probe", "none", "--batch-size", "16",
)  # fmt: skip


def curves(db_path: str = "runs.db") -> list[dict[str, tuple[float, ...]]]:
    """What each run measured, but for times and what is of one device alone."""
    db = store.open_database(db_path, write=False)
    try:
        runs = store.runs(db)
        assert [run.status for run in runs] == [Status.FINISHED] * len(runs)
        histories = store.histories(db, [run.id for run in runs])
        return [
            {
                name: curve.values
                for name, curve in histories[run.id].curves.items()
                if name.split("/")[0] in ("train", "val", "test")
            }
            for run in runs
        ]
    finally:
        db.close()


def engines() -> list[str | None]:
    db = store.open_database("runs.db", write=False)
    attempt_engines = [
        attempt.engine for attempt in store.attempts_of_runs(db, [r.id for r in store.runs(db)])
    ]
    db.close()
    return attempt_engines


def assert_alike(first: dict[str, tuple[float, ...]], other: dict[str, tuple[float, ...]]) -> None:
    assert first.keys() == other.keys()
    for name, values in first.items():
        assert other[name] == pytest.approx(values, rel=2e-4, abs=1e-6), name


def test_two_processes_learn_what_one_does(nnlab: Nnlab) -> None:
    nnlab("train", *MLP, "--epochs", "4", "--seed", "1", "-q")
    for kind in ("ddp", "fsdp"):
        nnlab(
            "train", *MLP, "--epochs", "4", "--seed", "1", "-q", "--again",
            "--devices", "cpu:2", "--parallel", kind,
        )  # fmt: skip
    alone, *shared = curves()
    for result in shared:
        assert_alike({**alone}, result)
        # Counts of right answers: each example was looked at once.
        assert result["val/accuracy"] == alone["val/accuracy"]
        assert result["test/accuracy"] == alone["test/accuracy"]
    assert engines() == ["solo", "ddp 2", "fsdp 2"]
    assert "losses agree within" in nnlab("verify", "2").out


def test_added_metrics_are_those_of_one_process(nnlab: Nnlab, folder: Path) -> None:
    (folder / "m.py").write_text(
        "from torchmetrics import Accuracy\n"
        "def noisy(outputs, targets):\n    import os\n    return float(os.getpid())\n"
        "def total(outputs, targets):\n    return outputs.sum() + len(targets)\n"
        "def kept():\n    return Accuracy(task='multiclass', num_classes=3)\n"
    )
    words = (*MLP, "--epochs", "2", "--metrics", "f1,auroc,brier,m.py:total,m.py:kept", "-q")
    nnlab("train", *words)
    nnlab("train", *words, "--again", "--devices", "cpu:2", "--parallel", "ddp")
    alone, shared = curves()
    assert_alike(alone, shared)
    assert shared["val/f1"] == alone["val/f1"]
    assert shared["val/kept"] == pytest.approx(shared["val/accuracy"], abs=1e-6)
    # The processes decide alike, even if user code returns another value in each.
    nnlab(
        "train", *MLP, "--epochs", "3", "--early-stop", "1", "--metrics", "m.py:noisy:max",
        "--objective", "val/noisy", "--devices", "cpu:2", "--parallel", "ddp", "-q",
    )  # fmt: skip
    assert len(curves()[2]["val/noisy"]) == 2


def test_batch_norm_is_that_of_the_whole_batch_where_it_is_asked_for(nnlab: Nnlab) -> None:
    two = ("--devices", "cpu:2", "--parallel", "ddp", "--again")
    nnlab("train", *CNN, "--epochs", "2", "-q")
    nnlab("train", *CNN, "--epochs", "2", "-q", *two, "--sync-batch-norm")
    nnlab("train", *CNN, "--epochs", "2", "-q", *two)
    alone, synced, local = curves()
    assert_alike(alone, synced)
    assert local["train/loss"] != pytest.approx(alone["train/loss"], rel=2e-4)


def start(*words: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "nnlab", "train", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | variables,
    )


def wait_for_epoch(number: int) -> None:
    for _ in range(600):
        time.sleep(0.05)
        with suppress(NoDatabase):  # there is none yet, or its tables are being made
            db = store.open_database("runs.db", write=False)
            epochs = max((run.epochs for run in store.runs(db)), default=0)
            db.close()
            if epochs >= number:
                return
    raise AssertionError("no epoch was stored")


LONG = (*MLP, "--epochs", "120", "--checkpoint-every", "3", "--probe", "none")


def test_a_run_goes_on_with_another_number_of_devices(nnlab: Nnlab) -> None:
    nnlab("train", *LONG, "-q")
    expected = curves()[0]
    Path("runs.db").unlink()
    for log in Path().glob("runs.db-*"):
        log.unlink()
    for devices in ("cpu:2", "cpu:3"):
        parallel = start(*LONG, "--devices", devices, "--parallel", "ddp")
        wait_for_epoch(10 if devices == "cpu:2" else 40)
        parallel.send_signal(signal.SIGINT)
        text, _ = parallel.communicate(timeout=60)
        assert parallel.returncode == 130, text
    nnlab("train", *LONG, "-q")
    assert_alike(expected, curves()[0])
    assert engines() == ["ddp 2", "ddp 3", "solo"]


def ranks_of(pid: int) -> list[int]:
    """The processes that train, of all that a command has started."""
    result, left = [], [pid]
    while left:
        children = Path(f"/proc/{left.pop()}/task").glob("*/children")
        for number in [int(n) for path in children for n in path.read_text().split()]:
            left.append(number)
            # The launcher starts them afresh; all others are copies of the template.
            if "multiprocessing.spawn" in Path(f"/proc/{number}/cmdline").read_text():
                result.append(number)
    return result


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_process_that_is_killed_takes_no_run_with_it(nnlab: Nnlab) -> None:
    nnlab("train", *LONG, "-q")
    expected = curves()[0]
    nnlab("rm", "1", "-y")
    parallel = start(*LONG, "--devices", "cpu:2", "--parallel", "ddp")
    wait_for_epoch(8)
    os.kill(ranks_of(parallel.pid)[-1], signal.SIGKILL)
    text, _ = parallel.communicate(timeout=90)
    assert parallel.returncode == 0, text
    assert_alike(expected, curves()[0])


def start_nodes(*words: str, **variables: str) -> list["subprocess.Popen[str]"]:
    """Two processes that are as nodes to each other."""
    with socket.socket() as server_socket:
        server_socket.bind(("127.0.0.1", 0))
        meet = f"127.0.0.1:{server_socket.getsockname()[1]}"
    words = (*words, "--devices", "cpu:1", "--parallel", "ddp")
    return [
        start(*words, NNLAB_NODES="2", NNLAB_NODE=str(index), NNLAB_RENDEZVOUS=meet, **variables)
        for index in (0, 1)
    ]


def ended(nodes: list["subprocess.Popen[str]"]) -> tuple[list[str], list[int]]:
    """What nodes printed, and how each ended."""
    try:
        text = [node.communicate(timeout=90)[0] for node in nodes]
    except subprocess.TimeoutExpired as error:
        # A node that hangs is an error with what it printed, and does not outlive the test.
        for node in nodes:
            node.kill()
        raise AssertionError(f"a node did not end in 90 s; it printed {error.output!r}") from None
    return text, [node.returncode for node in nodes]


def test_two_nodes_train_one_run(nnlab: Nnlab) -> None:
    words = (*MLP, "--epochs", "4", "-q")
    nnlab("train", *words)
    text, codes = ended(start_nodes(*words, "--again"))
    assert codes == [0, 0], text
    alone, shared = curves()
    assert_alike(alone, shared)
    assert engines() == ["solo", "ddp 2"]


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        (signal.SIGUSR1, 75, "it is queued once more"),
        (signal.SIGTERM, 130, "every finished epoch is kept"),
    ],
)
def test_what_slurm_tells_all_nodes_of_a_task_the_first_one_decides(
    nnlab: Nnlab, number: signal.Signals, code: int, says: str
) -> None:
    nodes = start_nodes(*LONG, "-q", NNLAB_SLURM_TASK="1", SLURM_JOB_ID="1")
    wait_for_epoch(3)
    for node in reversed(nodes):
        node.send_signal(number)
    text, codes = ended(nodes)
    assert codes == [code, 0], text
    assert says in text[0]
    assert not text[1]
    db = store.open_database("runs.db", write=False)
    (run,) = store.runs(db)
    db.close()
    assert run.status is Status.INTERRUPTED
    assert 3 <= run.epochs < 120


def test_a_run_that_fails_on_two_nodes_leaves_the_others_to_a_new_team(nnlab: Nnlab) -> None:
    text, codes = ended(start_nodes("--data", "iris", "--epochs", "2", "--opt", "lbfgs,sgd", "-q"))
    assert codes == [1, 0], text
    assert "1 of 2 runs failed" in text[0]
    assert "Traceback" not in text[0] + text[1]
    db = store.open_database("runs.db", write=False)
    result = {str(run.trial.setting["opt"]): run.status for run in store.runs(db)}
    db.close()
    assert result == {"lbfgs": Status.FAILED, "sgd": Status.FINISHED}


def test_a_node_that_is_gone_is_told_of_and_its_run_is_given_back(nnlab: Nnlab) -> None:
    first, second = nodes = start_nodes(*LONG, "-q")
    wait_for_epoch(5)
    second.kill()
    text, codes = ended(nodes)
    assert codes == [1, -signal.SIGKILL], text
    assert "node 1 of 2 (counted from 0) has ended" in text[0]
    assert "Traceback" not in text[0]
    assert first.returncode == 1
    db = store.open_database("runs.db", write=False)
    (run,) = store.runs(db)
    db.close()
    assert run.status is Status.INTERRUPTED


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--parallel", "ddp"), "needs two devices or more"),
        (("--sync-batch-norm",), "add --parallel ddp"),
        (("--parallel", "ddp", "--devices", "cpu:2", "--engine", "stacked"), "choose one of them"),
        (("--parallel", "ddp", "--devices", "cpu:2", "--opt", "lbfgs"), "--opt lbfgs"),
    ],
)
def test_what_cannot_be_is_told(nnlab: Nnlab, words: tuple[str, ...], message: str) -> None:
    answer = nnlab("train", "--data", "iris", "--epochs", "1", *words, expect=None)
    assert answer.code != 0
    assert message in answer.err + answer.out


def test_nodes_are_what_the_environment_says() -> None:
    assert nodes_from_environment({}) == Nodes()
    named = {"NNLAB_NODES": "4", "NNLAB_NODE": "3", "NNLAB_RENDEZVOUS": "a.example:29400"}
    assert nodes_from_environment(named) == Nodes(4, 3, "a.example:29400")
    assert not nodes_from_environment(named).is_first
    assert Nodes(endpoint="[fd00::1]:29400").host_and_port == ("fd00::1", 29400)
    for wrong in ({"NNLAB_NODE": "4"}, {"NNLAB_RENDEZVOUS": "a"}, {"NNLAB_NODES": "x"}):
        with pytest.raises(UsageError, match="do not agree"):
            nodes_from_environment(named | wrong)


def test_processes_that_load_other_data_do_not_train_together(nnlab: Nnlab, folder: Path) -> None:
    (folder / "own.py").write_text(
        "import numpy as np\n"
        "def make():\n"
        "    x = np.random.default_rng().standard_normal((80, 3))\n"
        "    return x, (x[:, 0] > 0).astype(int)\n"
    )
    words = ("--data", "own.py:make", "--epochs", "1", "--devices", "cpu:2", "--parallel", "ddp")
    answer = nnlab("train", *words, "-q", expect=1)
    assert "loads different data in each process" in answer.out + answer.err

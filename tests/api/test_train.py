"""`nnlab.train`: the same runs and bits as the command, progress, interruption, errors."""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line_runner import QUICK, Nnlab

import nnlab as api
from nnlab.errors import (
    ConfigError,
    NnlabError,
    NoDatabase,
    StudyExists,
    UnknownKeyword,
    UsageError,
)
from nnlab.records import Epoch, Run, Status
from nnlab.workers.callbacks import RunResult

SMALL: dict[str, Any] = {"data": "iris", "width": 8, "depth": 1, "epochs": 3}


def stored(db: str) -> list[tuple[Any, ...]]:
    """All that a database holds of its runs which does not depend on time."""
    with api.open(db) as results:
        return [
            (
                run.run.trial.digest, run.seed, run.study, run.run.name, run.run.tags, run.status,
                run.run.selected_epoch, run.run.data_fingerprint,
                {
                    metric: tuple(curve)
                    for metric, curve in results.history(run).curves.items()
                    if not metric.startswith(("time/", "cost/"))
                },
            )
            for run in results.runs()
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "keywords"),
    [
        (
            ("--opt", "sgd,adam", "--lr", "1e-2,1e-1", "--seeds", "2"),
            {"opt": ["sgd", "adam"], "lr": (0.01, 0.1), "seeds": 2},
        ),
        (
            ("--decay", "exp", "--seed", "0,4", "--name", "n", "--tag", "a", "--tag", "b"),
            {"decay": "exp", "seed": [0, 4], "name": "n", "tags": ["a", "b"]},
        ),
        (
            ("--study", "s", "--model", "mlp", "--dropout", "0..0.2:2", "--exact-train"),
            {"study": "s", "model": "mlp", "dropout": "0..0.2:2", "exact_train": True},
        ),
    ],
)
def test_the_runs_equal_those_of_the_command_bit_for_bit(
    nnlab: Nnlab, words: tuple[str, ...], keywords: dict[str, Any]
) -> None:
    # Whether runs are batched depends on measured times, and may change the last bits.
    nnlab("train", *QUICK, *words, "--engine", "solo", "--db", "command.db", "-q")
    result = api.train(**SMALL, **keywords, engine="solo", db="function.db")
    assert stored("function.db") == stored("command.db")
    assert [run.id for run in result] == sorted(run.id for run in result.open().runs())


def test_a_study_with_a_sampler_equals_that_of_the_commands(nnlab: Nnlab) -> None:
    space = ("--lr", "1e-4..1e-1", "--sampler", "random", "--trials", "3", "--question", "Which?")
    nnlab("init-study", "search", *QUICK, *space, "--db", "command.db")
    nnlab("train", "--study", "search", "--engine", "solo", "--db", "command.db", "-q")
    result = api.train(
        **SMALL, engine="solo", lr="1e-4..1e-1", sampler="random", trials=3, study="search",
        question="Which?", db="function.db",
    )  # fmt: skip
    assert stored("function.db") == stored("command.db")
    with result.open() as results:
        (study,) = results.studies()
        assert study.study.question == "Which?"
        assert study.study.sampler is not None
        assert study.study.sampler.name == "random"


def test_an_adaptive_sampler_tries_all_of_its_trials(folder: Path) -> None:
    del folder
    result = api.train(**SMALL, lr="1e-4..1e-1", sampler="tpe", trials=6, at_once=3, study="search")
    assert len(result) == 6


def test_a_call_trains_nothing_twice_and_the_command_goes_on(nnlab: Nnlab) -> None:
    first = api.train(**SMALL, seeds=2)
    assert first.ids == (1, 2)
    assert api.train(**SMALL, seeds=2).ids == (1, 2)
    assert "2 already trained" in nnlab("train", *QUICK, "--seeds", "2").out
    assert api.train(**SMALL, again=True).ids == (3,)


def test_the_result_has_the_runs_their_values_and_their_ranking(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = api.train(**SMALL, opt="sgd,adam", seeds=2, study="opts")
    assert result.study == "opts"
    assert {run.status for run in result} == {Status.FINISHED}
    ranking = result.compare(by="val/loss", at="last")
    lasts = {run.id: run.metrics["val/loss"].last for run in result}
    assert {
        number: value for row in ranking for number, value in zip(row.runs, row.values, strict=True)
    } == lasts
    other = folder / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    # The working folder has changed, and the result still finds its database.
    assert [run.best for run in result.runs()] == [run.best for run in result]
    assert len(result.compare()) == 2
    assert "4 runs in study 'opts' of runs.db" in repr(result)


def test_a_ranking_of_a_call_has_no_other_runs(folder: Path) -> None:
    del folder
    api.train(**SMALL, opt="sgd,adam", seeds=3)
    result = api.train(**SMALL, opt="sgd,adam", seeds=1)
    # Two runs of two trials: `compare` widens this to all seeds, a result does not.
    assert [row.seeds for row in result.compare()] == [(0,), (0,)]


def test_a_toml_file_and_a_builtin_name_are_requests(folder: Path) -> None:
    (folder / "small.toml").write_text('data = "iris"\nwidth = 8\ndepth = 1\nepochs = 2\nseeds = 2')
    result = api.train(config=folder / "small.toml", study="file", epochs=3)
    assert [(run.seed, run.run.epochs) for run in result] == [(0, 3), (1, 3)]


def test_seeds_are_added_by_extending(folder: Path) -> None:
    del folder
    api.train(**SMALL, study="rate", lr=[0.1, 0.2], question="Which?")
    with pytest.raises(StudyExists) as caught:
        api.train(study="rate", seeds=2)
    assert caught.value.hint == "nnlab.train(study='rate', seeds=2, extend=True) adds them"
    assert len(api.train(study="rate", seeds=2, extend=True)) == 4


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"lrr": 0.1}, "unexpected keyword argument 'lrr': did you mean lr"),
        ({"epoch": 3}, "'epoch': did you mean epochs"),
        ({"tag": "x"}, "'tag': did you mean tags"),
        ({"studdy": "x"}, "'studdy': did you mean study"),
        ({"xyzzy": 1}, r"'xyzzy'\n"),
    ],
)
def test_an_unknown_keyword_names_similar_ones(
    folder: Path, keywords: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message) as caught:
        api.train(**keywords)
    assert isinstance(caught.value, UnknownKeyword)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("keywords", "kind", "message"),
    [
        ({"lr": -1, "opt": "adm"}, ConfigError, "2 problems with the settings"),
        ({"lr": []}, ConfigError, "--lr needs a value"),
        ({"lr": {0.1}}, ConfigError, "--lr must be a number"),
        ({"seeds": 0}, ConfigError, "from 1 to 10,000"),
        ({"seeds": True}, ConfigError, "seed must be a whole number"),
        ({"seed": 1, "seeds": 2}, ConfigError, "give one of them"),
        ({"seed": 1, "seeds": [2]}, ConfigError, "give one of them"),
        ({"devices": "tpu"}, NnlabError, "tpu"),
        ({"per_device": 0}, UsageError, "--per-device 0"),
        ({"sync_batch_norm": True}, UsageError, "several devices train"),
        ({"checkpoint_every": "often"}, UsageError, "--checkpoint-every often"),
        ({"sampler": "tpe"}, ConfigError, "--trials is missing"),
        ({"engine": "foo"}, ConfigError, "engine must be auto or solo or stacked, got 'foo'"),
        ({"retry": "all"}, ConfigError, "retry must be failed, got 'all'"),
        ({"parallel": "dp"}, ConfigError, "parallel must be ddp or fsdp, got 'dp'"),
        ({"study": 5, "tags": ["a", 3]}, ConfigError, "2 problems with the settings"),
        ({"study": ["a"]}, ConfigError, "study must be text, got ['a']"),
        ({"name": 3}, ConfigError, "name must be text, got 3"),
        ({"tags": 3}, ConfigError, "tags must be text, got 3"),
        ({"on_epoch": 3}, ConfigError, "on_epoch must be a function, got 3"),
        ({"launcher": "slurm"}, UnknownKeyword, "--launcher is an option of the command line only"),
        ({"dry_run": True}, UnknownKeyword, "--dry-run is an option of the command line only"),
        ({"config": "none.toml"}, UsageError, "no such file"),
        ({"study": "nope"}, NoDatabase, "there is no database"),
    ],
)
def test_wrong_arguments_are_usage_errors_and_nothing_is_written(
    folder: Path, keywords: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=re.escape(message)):
        api.train(**keywords)
    # A study without settings is looked up in a database, which is not created for that.
    assert list(folder.iterdir()) == []


def test_a_failed_run_raises_after_all_runs(folder: Path) -> None:
    (folder / "broken.py").write_text("def net(in_features, num_classes):\n    raise OSError\n")
    with pytest.raises(NnlabError, match="1 of 2 runs failed"):
        api.train(**{**SMALL, "width": None, "depth": None}, model=["mlp", "broken.py:net"])
    with api.open() as results:
        assert [run.status for run in results.runs()] == [Status.FAILED, Status.FINISHED]


def test_nothing_is_printed_by_default(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    api.train(**SMALL)
    assert capsys.readouterr() == ("", "")


def test_progress_prints_a_line_for_each_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    result = api.train(**SMALL, seeds=2, name="n", progress=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[:3] for line in lines] == [
        [f"run {run.id}", f"seed={run.seed}", "finished"] for run in result
    ]


def test_notes_are_part_of_the_result(folder: Path) -> None:
    del folder
    api.train(**SMALL)
    result = api.train(**SMALL, name="late")
    (note,) = result.notes
    assert note.startswith("--name 'late' was not given to 1 run")
    assert note in repr(result)


def test_callbacks_receive_epochs_and_results(folder: Path) -> None:
    del folder
    epochs: list[tuple[int, int]] = []
    ended: list[RunResult] = []

    def on_epoch(run: Run, epoch: Epoch) -> None:
        epochs.append((run.id, epoch.number))

    result = api.train(**SMALL, seeds=2, on_epoch=on_epoch, on_run_end=ended.append)
    assert sorted(epochs) == [(run, epoch) for run in (1, 2) for epoch in (1, 2, 3)]
    assert sorted(end.run.id for end in ended) == list(result.ids)
    assert {end.status for end in ended} == {Status.FINISHED}


@pytest.mark.parametrize("devices", ["cpu:1", "cpu:2"])
def test_an_error_of_a_callback_stops_the_training_and_is_raised(
    folder: Path, devices: str
) -> None:
    del folder

    def fail(run: Run, epoch: Epoch) -> None:
        raise ZeroDivisionError(f"epoch {epoch.number}")

    with pytest.raises(ZeroDivisionError, match="epoch 1"):
        api.train(**SMALL, seeds=2, devices=devices, engine="solo", on_epoch=fail)
    with api.open() as results:
        assert {run.status for run in results.runs()} <= {Status.INTERRUPTED, Status.QUEUED}
    # The runs are not failed: the same call without the function finishes them.
    result = api.train(**SMALL, seeds=2, engine="solo")
    assert {run.status for run in result} == {Status.FINISHED}


def test_ctrl_c_stores_the_epoch_and_the_same_call_goes_on(folder: Path) -> None:
    del folder
    api.train(**SMALL, db="whole.db")

    def press_ctrl_c(run: Run, epoch: Epoch) -> None:
        if epoch.number == 2:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="every finished epoch is kept"):
        api.train(**SMALL, on_epoch=press_ctrl_c)
    assert signal.getsignal(signal.SIGINT) is before
    with api.open() as results:
        assert [(run.status, run.run.epochs) for run in results.runs()] == [(Status.INTERRUPTED, 2)]
    api.train(**SMALL)
    assert stored("runs.db") == stored("whole.db")


def test_other_signals_keep_their_handlers(folder: Path) -> None:
    del folder
    handlers = []

    def look(run: Run, epoch: Epoch) -> None:
        handlers.append(signal.getsignal(signal.SIGTERM))

    api.train(**SMALL, on_epoch=look)
    assert set(handlers) == {signal.getsignal(signal.SIGTERM)}


def test_training_works_in_threads(folder: Path) -> None:
    del folder
    results: list[tuple[int, ...]] = []
    errors: list[BaseException] = []

    def train(seeds: list[int], devices: str) -> None:
        try:
            results.append(api.train(**SMALL, seeds=seeds, devices=devices, engine="solo").ids)
        except BaseException as error:  # noqa: BLE001  a thread must not lose its error
            errors.append(error)

    threads = [
        threading.Thread(target=train, args=arguments)
        for arguments in (([0], "cpu:1"), ([1], "cpu:1"), ([2, 3], "cpu:2"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(map(len, results)) == [1, 1, 2]
    api.train(**SMALL, seeds=4, db="alone.db", engine="solo")
    values = {run[1]: run[-1]["val/loss"] for run in stored("runs.db")}
    assert values == {run[1]: run[-1]["val/loss"] for run in stored("alone.db")}


def test_the_settings_of_torch_are_restored(folder: Path) -> None:
    del folder
    threads = torch.get_num_threads()
    torch.manual_seed(3)
    random_state = torch.get_rng_state()
    deterministic = torch.are_deterministic_algorithms_enabled()
    try:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(2)
        api.train(**SMALL)
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.equal(torch.get_rng_state(), random_state)
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


def test_a_script_without_a_main_guard_trains_in_several_processes(folder: Path) -> None:
    script = folder / "script.py"
    script.write_text(
        "import nnlab\n"
        "print('started')\n"
        f"result = nnlab.train(**{SMALL!r}, seeds=2, devices='cpu:2', engine='solo')\n"
        "print(result.ids, {str(run.status) for run in result})\n"
    )
    answer = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.splitlines() == ["started", "(1, 2) {'finished'}"]


def test_a_worker_of_a_multiprocessing_pool_trains_in_its_own_process(folder: Path) -> None:
    # Such workers are daemonic, and Python lets them start no processes.
    script = folder / "script.py"
    script.write_text(
        "import multiprocessing\n"
        "import nnlab\n"
        "def train(devices):\n"
        "    try:\n"
        f"        return nnlab.train(**{SMALL!r}, seeds=2, devices=devices).ids\n"
        "    except nnlab.errors.UsageError as error:\n"
        "        return error.message\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(*pool.map(train, ['cpu:2', None]), sep='\\n')\n"
    )
    answer = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.splitlines() == [
        "a worker of a multiprocessing.Pool may not start processes of its own",
        "(1, 2)",
    ]


def test_the_environment_names_devices_and_artifacts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NNLAB_ARTIFACTS", str(folder / "files"))
    monkeypatch.setenv("NNLAB_DEVICES", "nonsense")
    with pytest.raises(UsageError, match="nonsense"):
        api.train(**SMALL)
    result = api.train(**SMALL, devices=["cpu:1"])
    assert (folder / "files").is_dir()
    assert str(result[0].run.artifacts).startswith(str(folder / "files"))

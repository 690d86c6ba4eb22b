"""`nnlab run`: scripts and commands as studies, their flags, seeds, metrics and results."""

import contextlib
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import Nnlab
from example_scripts import TRAIN, write_script


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return connection.execute(query).fetchall()


def output(folder: Path, run: int = 1) -> str:
    return (folder / "runs.artifacts" / str(run) / "output.txt").read_text()


def test_a_grid_with_seeds_is_executed_and_ranked(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    answer = nnlab("run", "train.py", "--lr", "0.1,0.01", "--batch-size", "32", "--seeds", "2")
    assert "4 runs in study 'train': 4 new" in answer.out
    settings = [json.loads(text) for (text,) in rows(folder, "SELECT setting FROM trial")]
    assert [(s["lr"], s["batch_size"]) for s in settings] == [(0.1, 32), (0.01, 32)]
    assert rows(folder, "SELECT seed, status, origin FROM run ORDER BY id") == [
        (seed, "finished", "script") for seed in (0, 0, 1, 1)
    ]
    assert "with seed 1 of 1" in output(folder, 3)
    ranking = nnlab("compare", "train", "--format", "json").json
    assert [row["setting"]["lr"] for row in ranking["rows"]] == [0.01, 0.1]
    assert ranking["by"] == "val/loss"


def test_every_logged_value_is_stored_by_epoch(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    nnlab("run", "train.py", "--lr", "0.3", "--seed", "0")
    query = "SELECT m.name, epoch, value FROM point JOIN metric m ON m.id = metric_id ORDER BY 1, 2"
    assert rows(folder, query) == [
        ("train/loss", 1, 0.3), ("train/loss", 2, 0.15), ("train/loss", 3, 0.1),
        ("val/accuracy", 1, 0.7), ("val/accuracy", 2, 0.85), ("val/accuracy", 3, 0.9),
        ("val/loss", 1, 0.4), ("val/loss", 2, 0.25), ("val/loss", 3, 0.2),
    ]  # fmt: skip
    assert rows(folder, "SELECT axis, epochs, selected_epoch FROM run") == [("epoch", 3, 3)]
    assert rows(folder, "SELECT objective FROM study") == [("val/loss:min",)]


def test_the_same_command_executes_nothing_twice(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    nnlab("run", "train.py", "--lr", "0.1,0.2")
    answer = nnlab("run", "train.py", "--lr", "0.1,0.2,0.3")
    assert "3 runs in study 'train': 1 new, 2 already trained" in answer.out


def test_without_seeds_the_script_has_its_own(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    nnlab("run", "train.py")
    assert rows(folder, "SELECT seed FROM run") == [(42,)]


def test_an_option_of_nnlab_is_not_a_flag_of_the_script(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    answer = nnlab("run", "train.py", "--name", "first", "--flag.name", "a,b", "--dry-run")
    assert "--name a\n" in answer.out
    assert "--name b\n" in answer.out
    assert "--name is an option of nnlab; --flag.name sets the flag of the script" in answer.err


def test_a_dry_run_prints_each_command_line_and_writes_nothing(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    answer = nnlab("run", "train.py", "--lr", "1e-3..1e-1", "--dry-run", "--", "--seconds", "0")
    lines = answer.out.splitlines()
    assert lines[0] == (f"{sys.executable} {folder}/train.py --lr 0.001 --seed 42 --seconds 0")
    assert "3 trials with 1 seed: 3 runs, 0 with a result, 3 to execute" in answer.out
    assert not (folder / "runs.db").exists()


def test_flags_are_checked_before_anything_is_written(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    answer = nnlab("run", "train.py", "--lr", "high", "--bach-size", "3", expect=2)
    assert "--lr high: must be a number" in answer.err
    assert "did you mean --batch-size?" in answer.err
    assert not (folder / "runs.db").exists()


def test_any_command_with_placeholders(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, "echo rate $1 seed $2; echo val_loss: $1", "train.sh")
    nnlab("run", "--cmd", "sh train.sh {lr} {seed}", "--lr", "0.1,0.01", "--seeds", "2")
    assert rows(folder, "SELECT name FROM study") == [("train",)]
    assert output(folder, 4) == "rate 0.01 seed 1\nval_loss: 0.01\n"
    # The version covers the files that the command names.
    version = json.loads(rows(folder, "SELECT setting FROM trial")[0][0])["script_version"]
    assert len(version) == 12


def test_the_folder_of_the_run_in_the_flags_of_a_script(nnlab: Nnlab, folder: Path) -> None:
    (folder / "print.py").write_text("import sys\nprint(sys.argv[1:])\n")
    nnlab("run", "print.py", "--logdir", "{dir}/logs", "--json={}", "--", "out={dir}")
    run_folder = folder / "runs.artifacts" / "1"
    assert output(folder) == f"['--json', '{{}}', '--logdir', '{run_folder}/logs', 'out={{dir}}']\n"


def test_a_placeholder_without_a_value_is_refused(nnlab: Nnlab) -> None:
    answer = nnlab("run", "--cmd", "echo {lr}", expect=2)
    assert "--lr" in answer.err


def test_a_value_cannot_add_a_command(nnlab: Nnlab, folder: Path) -> None:
    nnlab("run", "--cmd", "echo loss 1 {note}", "--note", "; touch hacked; echo $(id)")
    assert output(folder) == "loss 1 ; touch hacked; echo $(id)\n"
    assert not (folder / "hacked").exists()


def test_a_script_with_an_unknown_parser_gets_its_flags_as_typed(
    nnlab: Nnlab, folder: Path
) -> None:
    write_script(folder, "import sys\nprint(sys.argv[1:])\nprint('loss: 1')\n", "own.py")
    answer = nnlab("run", "own.py", "--lr", "0.1,0.2", "--grid", "depth=1,2", "file.txt")
    assert "to try each value, use --grid lr=0.1,0.2" in answer.err
    assert output(folder, 2).startswith("['--depth', '2', '--lr', '0.1,0.2', 'file.txt']")


def test_a_failed_script_has_its_reason_and_its_traceback(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, "def f():\n    raise ValueError('bad batch')\nprint('x')\nf()\n", "bad.py")
    answer = nnlab("run", "bad.py", expect=1)
    assert "1 of 1 runs failed; run 1: ValueError: bad batch" in answer.err
    assert "  Traceback (most recent call last):" in answer.out
    assert rows(folder, "SELECT status, reason FROM run") == [("failed", "ValueError: bad batch")]
    ((traceback,),) = rows(folder, "SELECT traceback FROM attempt")
    assert traceback.splitlines()[-1] == "ValueError: bad batch"


def test_an_exit_code_without_a_traceback(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab("run", "--cmd", "echo no space; exit 3", "--study", "s", expect=1)
    assert "exit code 3: no space" in answer.err


def test_a_long_line_of_a_failed_script_is_shown_shortened(nnlab: Nnlab, folder: Path) -> None:
    (folder / "long.py").write_text("print('x' * 30_000 + 'end')\nraise SystemExit(1)\n")
    answer = nnlab("run", "long.py", expect=1)
    assert f"... {'x' * 497}end" in answer.out
    assert max(map(len, answer.out.splitlines())) < 1_000
    assert max(map(len, nnlab("show", "1").out.splitlines())) < 1_000


def test_retry_executes_only_failed_runs(nnlab: Nnlab, folder: Path) -> None:
    write_script(
        folder,
        TRAIN.replace("loss = ", "assert args.lr < 0.15 or os.path.exists('fixed'); loss = "),
    )
    words = ("run", "train.py", "--lr", "0.1,0.2", "--seeds", "2")
    assert "2 of 4 runs failed; run 2: AssertionError" in nnlab(*words, expect=1).err
    (folder / "fixed").touch()
    assert (
        "2 runs in study 'train': 2 failed before, tried again"
        in nnlab(*words, "--retry", "failed").out
    )
    assert set(rows(folder, "SELECT status FROM run")) == {("finished",)}
    assert (
        "none of these runs of study 'train' has failed"
        in nnlab(*words, "--retry", "failed", expect=2).err
    )


def test_a_changed_script_is_another_trial(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    nnlab("run", "train.py", "--lr", "0.1")
    write_script(folder, TRAIN + "\n# changed\n")
    assert "1 run in study 'train': 1 new" in nnlab("run", "train.py", "--lr", "0.1").out
    versions = {
        json.loads(text)["script_version"] for (text,) in rows(folder, "SELECT setting FROM trial")
    }
    assert len(versions) == 2


def test_a_local_import_is_part_of_the_version(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, "import helper\nprint('loss: 1')\n")
    write_script(folder, "x = 1\n", "helper.py")
    nnlab("run", "train.py")
    write_script(folder, "x = 2\n", "helper.py")
    assert "1 run in study 'train': 1 new" in nnlab("run", "train.py").out


def test_a_failed_run_takes_the_version_that_fixes_it(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, TRAIN.replace("loss = ", "assert epoch < 3; loss = "))
    nnlab("run", "train.py", "--lr", "0.1", expect=1)
    write_script(folder)
    answer = nnlab("run", "train.py", "--lr", "0.1")
    assert "1 unfinished runs belong to the new version" in answer.out
    # It continues from its checkpoint, as the same run.
    assert rows(folder, "SELECT id, status, epochs FROM run") == [(1, "finished", 3)]
    assert "starts after epoch 2" in output(folder)
    assert len(rows(folder, "SELECT id FROM trial")) == 1


def test_a_study_of_another_script_is_refused(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    nnlab("run", "train.py", "--study", "s")
    write_script(folder, name="other.py")
    answer = nnlab("run", "other.py", "--study", "s", expect=2)
    assert "study 's' belongs to another script" in answer.err


def test_a_sampler_chooses_the_flags(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    words = (
        "--lr",
        "1e-4..1e-1",
        "--sampler",
        "tpe",
        "--trials",
        "8",
        "--objective",
        "val/acc:max",
    )
    nnlab("init-study", "s", "--script", "train.py", *words, "--epochs", "2")
    answer = nnlab("train", "--study", "s")
    assert "tpe: 4 trials more, 8 of 8" in answer.out
    lrs = [json.loads(text)["lr"] for (text,) in rows(folder, "SELECT setting FROM trial")]
    assert len(set(lrs)) == 8
    assert all(1e-4 <= lr <= 1e-1 for lr in lrs)
    # Named as the script's metric is stored.
    assert rows(folder, "SELECT objective FROM study") == [("val/accuracy:max",)]
    assert "8 already trained" in nnlab("train", "--study", "s").out
    nnlab("init-study", "s", "--script", "train.py", *words, "--epochs", "2")


def test_a_dry_run_of_a_study_of_a_script(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    nnlab("init-study", "s", "--script", "train.py", "--lr", "0.1,0.2", "--seeds", "2")
    answer = nnlab("train", "--study", "s", "--dry-run")
    assert "lr=0.1" in answer.out
    assert "epochs" not in answer.out
    assert "4 runs" in answer.out
    assert rows(folder, "SELECT DISTINCT status FROM run") == [("queued",)]


def test_a_sampler_needs_an_objective(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    answer = nnlab(
        "init-study", "s", "--script", "train.py", "--lr", "1e-4..1e-1", "--sampler", "tpe",
        "--trials", "8", expect=2,
    )  # fmt: skip
    assert "--objective" in answer.err


def test_a_pruner_ends_poor_runs(nnlab: Nnlab, folder: Path) -> None:
    script = TRAIN.replace("time.sleep(args.seconds)", "time.sleep(args.lr)")
    write_script(folder, script)
    nnlab(
        "init-study", "s", "--script", "train.py", "--lr", "0.01,0.02,0.03,0.04,0.05,0.5",
        "--epochs", "8", "--pruner", "median", "--objective", "val_loss:min",
    )  # fmt: skip
    nnlab("train", "--study", "s")
    pruned = rows(folder, "SELECT status, pruned_at IS NULL, reason FROM run ORDER BY id")
    assert [row[1] for row in pruned] == [1, 1, 1, 1, 1, 0]
    assert pruned[-1][0] == "finished"
    assert "above the median" in pruned[-1][2]


def test_a_diverged_objective_is_no_result(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab("run", "--cmd", "echo epoch 1 val_loss nan", "--study", "s", expect=1)
    assert "val/loss is nan at epoch 1" in answer.err
    assert rows(folder, "SELECT status FROM run") == [("diverged",)]


def test_devices_are_visible_to_each_script(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    nnlab("run", "train.py", "--seeds", "4", "--devices", "cuda:2,cuda:5", "--seconds", "0.1")
    devices = [output(folder, run).splitlines()[1] for run in (1, 2, 3, 4)]
    assert set(devices) == {"devices 2", "devices 5"}


def test_torchrun_starts_one_run_of_several_processes(nnlab: Nnlab, folder: Path) -> None:
    write_script(
        folder,
        "import os\nimport torch.distributed as dist\ndist.init_process_group('gloo')\n"
        "if dist.get_rank() == 0:\n    print('loss:', dist.get_world_size())\n"
        "dist.destroy_process_group()\n",
        "ddp.py",
    )
    nnlab("run", "ddp.py", "--nproc", "2")
    assert rows(folder, "SELECT value FROM point") == [(2.0,)]
    ((setting,),) = rows(folder, "SELECT setting FROM trial")
    assert json.loads(setting)["torchrun_processes"] == 2


def test_too_few_gpus_for_the_processes(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    answer = nnlab("run", "train.py", "--nproc", "2", "--devices", "cuda:0", expect=2)
    assert "2 processes need 2 GPUs" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "needs a script, or a command with --cmd"),
        (("nothing.py",), "there is no script nothing.py"),
        (("train.py", "--time-limit", "soon"), "not a duration"),
        (("train.py", "--sampler", "tpe"), "describes a study, which nnlab init-study sets up"),
        (("train.py", "--devices", "tpu:0"), "a script runs on cpu:N or on GPUs"),
        (("train.py", "--seed", "1", "--seeds", "2"), "give one of them"),
        (
            ("train.py", "--objective", "gini"),
            "--objective: it is not known whether lower or higher",
        ),
        (("train.py", "--objective", "val_loss:up"), "--objective:"),
    ],
)
def test_what_cannot_be_executed(
    nnlab: Nnlab, folder: Path, words: tuple[str, ...], message: str
) -> None:
    write_script(folder)
    assert message in nnlab("run", *words, expect=2).err


def test_seeds_and_trials_are_added_to_a_study_of_a_script(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder)
    nnlab("run", "train.py", "--lr", "0.1,0.2", "--seeds", "1", "--epochs", "1")
    nnlab("train", "--study", "train", "--seeds", "3", "--extend")
    assert rows(folder, "SELECT status, origin, count(*) FROM run GROUP BY 1, 2") == [
        ("finished", "script", 6)
    ]
    words = ("--lr", "1e-4..1e-1", "--sampler", "random", "--objective", "val_loss:min")
    nnlab("init-study", "s", "--script", "train.py", *words, "--trials", "2", "--epochs", "1")
    nnlab("init-study", "s", "--trials", "3", "--extend")
    nnlab("train", "--study", "s")
    assert rows(folder, "SELECT status, origin, count(*) FROM run GROUP BY 1, 2") == [
        ("finished", "script", 9)
    ]
    answer = nnlab("train", "--study", "s", "--lr", "3", "--extend", expect=2)
    assert "study 's' is one of a script" in answer.err


def test_settings_of_nnlab_are_not_trained_in_a_study_of_a_script(
    nnlab: Nnlab, folder: Path
) -> None:
    write_script(folder)
    nnlab("run", "train.py", "--epochs", "1")
    answer = nnlab("train", "--study", "train", "--lr", "0.5", expect=2)
    assert "script" in answer.err
    nnlab("train", "--data", "iris", "--epochs", "1", "--study", "builtin", "-q")
    answer = nnlab("run", "train.py", "--study", "builtin", expect=2)
    assert "has runs that nnlab trains itself" in answer.err

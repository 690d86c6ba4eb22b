"""`nnlab gate --script`: flags and versions of a user's script as candidates."""

import contextlib
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import Nnlab
from example_scripts import write_script

# The loss depends on the rate, and on the seed by a known amount.
SCRIPT = """
import argparse, sys
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--quiet", action="store_true")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
if args.lr > 1 and args.seed == 1:
    sys.exit("out of memory")
shift = (0.011, -0.007, 0.003, -0.013, 0.005, 0.001, -0.002, 0.004)[args.seed % 8]
for epoch in (1, 2):
    print(f"epoch {epoch} val_loss={args.lr + 1 / epoch + shift * (1 + args.lr):.6f}")
"""
GATE = ("gate", "--study", "s", "--max-seeds", "7", "--objective", "val_loss", "--script")


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return connection.execute(query).fetchall()


def test_flags_are_compared_by_the_metric_that_the_script_prints(
    nnlab: Nnlab, folder: Path
) -> None:
    write_script(folder, SCRIPT)
    first = nnlab(*GATE, "train.py", "--", "--lr", "0.5")
    assert "7 seeds of this candidate are trained now" in " ".join(first.err.split())
    assert "baseline: lr=0.5 (trial 1)" in first.out
    kept = nnlab(*GATE, "train.py", "--", "--lr", "0.1")
    assert "keep: lr 0.5 -> 0.1" in kept.out
    assert "val/loss better by 0.4" in kept.out
    # All seeds of the new baseline are there, although fewer were needed to keep it.
    counts = rows(folder, "SELECT count(*) FROM run GROUP BY trial_id ORDER BY trial_id")
    assert counts == [(7,), (7,)]
    assert rows(folder, "SELECT objective FROM gate") == [("val/loss:min",)] * 2
    # Without --, as in init-study; the objective is that of the study.
    words = ("gate", "--study", "s", "--max-seeds", "7", "--script", "train.py", "--lr", "0.1")
    again = nnlab(*words, "--format", "json").json
    assert (again["verdict"], again["from_ledger"]) == ("keep", True)
    worse = nnlab(*GATE, "train.py", "--", "--lr", "0.6", expect=10)
    assert "discard: lr 0.1 -> 0.6" in worse.out


def test_options_of_nnlab_stand_before_the_script_and_flags_behind(
    nnlab: Nnlab, folder: Path
) -> None:
    write_script(folder, SCRIPT)
    words = ("-q", "--study", "s", "--max-seeds", "2", "--objective", "val_loss:min")
    answer = nnlab("gate", *words, "--script", "train.py", "--", "--quiet", "--lr", "0.2")
    assert answer.out.startswith("baseline: ")
    ((setting,),) = rows(folder, "SELECT setting FROM trial")
    assert '"quiet":true' in setting
    error = nnlab(*GATE, "train.py", "--", "--rate", "0.2", expect=2).err
    assert "the script has no flag '--rate'" in error
    error = nnlab("gate", "--study", "new", "--script", "train.py", expect=2).err
    assert "a gate needs the metric to compare: --objective val_loss:min" in error


def test_changed_code_is_compared_with_the_runs_of_the_code_before(
    nnlab: Nnlab, folder: Path
) -> None:
    write_script(folder, SCRIPT)
    nnlab(*GATE, "train.py", "--", "--lr", "0.5")
    write_script(folder, SCRIPT.replace("args.lr + 1 / epoch", "0.5 / epoch + shift"))
    answer = nnlab(*GATE, "train.py", "--", "--lr", "0.5")
    assert "keep: code" in answer.out
    # The runs of the first version stay as they are, and were not executed again.
    query = "SELECT setting ->> '$.script_version', count(*), min(run.id), max(run.id)"
    query += " FROM run JOIN trial ON trial.id = trial_id GROUP BY trial_id"
    (first, count, low, high), (second, *_) = rows(folder, query)
    assert first != second
    assert (count, low, high) == (7, 1, 7)


def test_code_that_is_gone_is_compared_with_the_runs_that_it_has(
    nnlab: Nnlab, folder: Path
) -> None:
    write_script(folder, SCRIPT)
    words = [word if word != "7" else "2" for word in GATE]
    nnlab(*words, "train.py", "--", "--lr", "0.5")
    write_script(folder, SCRIPT.replace("1 / epoch", "0.5 / epoch - 0.1 * shift"))
    answer = nnlab(*GATE, "train.py", "--", "--lr", "0.5", expect=11)
    text = " ".join(answer.out.split())
    assert "not yet: code" in text
    assert "the baseline has 2 finished runs, and its code has changed since" in text
    assert "--max-seeds" not in text
    assert rows(folder, "SELECT count(*) FROM run") == [(4,)]


def test_a_baseline_that_fails_is_an_error_with_its_run(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, SCRIPT)
    answer = nnlab(*GATE, "train.py", "--", "--lr", "2", expect=1)
    assert "the baseline failed with seed 1, so that no pair can be compared; run 2:" in answer.err
    assert rows(folder, "SELECT count(*) FROM gate") == [(0,)]

    # The seed that did finish does not make it the baseline of the same command.
    answer = nnlab(*GATE, "train.py", "--", "--lr", "2", expect=1)
    assert "the baseline failed with seed 1, so that no pair can be compared" in answer.err


# It stops like a killed process while a file exists: the runs that are queued behind stay so.
STOPS = SCRIPT.replace("import argparse, sys", "import argparse, os, pathlib, signal, sys").replace(
    "shift =",
    "if args.seed == 3 and pathlib.Path('kill').exists():\n"
    "    os.kill(int(pathlib.Path('kill').read_text()), signal.SIGKILL)\n"
    "shift =",
)


@pytest.mark.parametrize("lr", ["0.5", "0.1"])
def test_all_seeds_of_a_baseline_are_trained_although_its_command_was_killed(
    nnlab: Nnlab, folder: Path, lr: str
) -> None:
    write_script(folder, STOPS)
    words = (*GATE[:4], "5", *GATE[5:], "train.py", "--", "--lr")
    if lr != "0.5":
        nnlab(*words, "0.5")
    code = "import os, pathlib, sys; pathlib.Path('kill').write_text(str(os.getpid()));"
    code += " os.execv(sys.executable, [sys.executable, '-m', 'nnlab', *sys.argv[1:]])"
    process = subprocess.run([sys.executable, "-c", code, *words, lr], cwd=folder, check=False)
    assert process.returncode == -signal.SIGKILL
    (folder / "kill").unlink()
    query = "SELECT status, count(*) FROM run JOIN trial ON trial.id = trial_id"
    query += f" WHERE setting ->> '$.lr' = {lr} GROUP BY status"
    assert dict(rows(folder, query))["finished"] < 5
    answer = nnlab(*words, lr)
    assert ("baseline: " if lr == "0.5" else "keep: ") in answer.out
    assert rows(folder, query) == [("finished", 5)]


def test_a_candidate_that_fails_is_discarded_with_the_pairs_so_far(
    nnlab: Nnlab, folder: Path
) -> None:
    write_script(folder, SCRIPT)
    nnlab(*GATE, "train.py", "--", "--lr", "0.5")
    values = nnlab(*GATE, "train.py", "--format", "json", "--", "--lr", "1.1", expect=10).json
    assert values["reason"].endswith(
        "of the candidate, with seed 1, failed: exit code 1: out of memory"
    )
    assert (values["seeds"], values["effect"] < 0) == ([0], True)


def test_a_candidate_that_measures_nothing_is_discarded(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, SCRIPT)
    words = (*GATE[:4], "2", *GATE[5:], "train.py")
    nnlab(*words, "--", "--lr", "0.5")
    write_script(folder, SCRIPT.replace("val_loss=", "something "))
    values = nnlab(*words, "--format", "json", "--", "--lr", "0.5", expect=10).json
    assert values["reason"].endswith(
        "of the candidate, with seed 0, has no finite value of val/loss"
    )
    again = nnlab(*words, "--format", "json", "--", "--lr", "0.5", expect=10).json
    assert again == {**values, "from_ledger": True}


def test_an_objective_that_is_not_measured_is_an_error(nnlab: Nnlab, folder: Path) -> None:
    write_script(folder, SCRIPT)
    words = ("gate", "--study", "s", "--objective", "val_acc:max", "--max-seeds", "2", "--script")
    answer = nnlab(*words, "train.py", "--", "--lr", "0.5", expect=1)
    assert "run 1 has not measured val_acc; it has val/loss" in answer.err

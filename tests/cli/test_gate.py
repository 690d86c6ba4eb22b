"""`nnlab gate`: verdicts, exit codes, the ledger, and what is trained for them."""

import contextlib
import csv
import io
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import QUICK, Nnlab, started

from nnlab import store
from nnlab.stats.online_fdr import next_level

LOOP = ("gate", "--study", "loop", *QUICK, "--objective", "val/loss", "--no-keep-models")
# A regression, whose loss becomes infinite.
DIVERGES = ("--data", "diabetes", "--opt", "sgd", "--lr", "1000", "--epochs", "40")
GOOD = ("--data", "diabetes", "--opt", "sgd", "--lr", "0.01")
SLOW, FAST = ("--lr", "0.0001"), ("--lr", "0.1")

JSON_KEYS = {
    "verdict", "effect", "interval", "p", "level", "seeds_used", "expected_seeds_left", "reason",
    "exit_code", "from_ledger", "study", "objective", "min_effect", "max_seeds", "seeds", "change",
    "entry", "candidate", "baseline", "best_trial", "commands",
}  # fmt: skip


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return connection.execute(query).fetchall()


def count_runs(folder: Path) -> int:
    return int(rows(folder, "SELECT count(*) FROM run")[0][0])


def test_the_first_candidate_becomes_the_baseline(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab(*LOOP, *SLOW)
    assert "baseline: opt=adam lr=0.0001 model=mlp data=iris (trial 1)" in answer.out
    assert "the next candidates of this study are compared with it" in answer.out
    assert rows(folder, "SELECT seed, status FROM run") == [(0, "finished")]
    assert rows(folder, "SELECT verdict, level, p FROM gate") == [("baseline", None, None)]
    again = nnlab(*LOOP, *SLOW, "--format", "json").json
    assert set(again) == JSON_KEYS
    assert (again["verdict"], again["from_ledger"], again["baseline"]) == ("baseline", True, None)
    assert (again["effect"], again["interval"], again["exit_code"]) == (None, [None, None], 0)
    assert count_runs(folder) == 1


def test_a_better_candidate_is_kept_and_is_the_next_baseline(nnlab: Nnlab, folder: Path) -> None:
    nnlab(*LOOP, *SLOW)
    answer = nnlab(*LOOP, *FAST)
    assert "keep: lr 0.0001 -> 0.1" in answer.out
    assert "it is the baseline of the next candidates" in answer.out
    ((level, p, verdict, seeds),) = rows(
        folder, "SELECT level, p, verdict, seeds FROM gate WHERE baseline_trial_id IS NOT NULL"
    )
    assert (level, verdict) == (next_level([]), "keep")
    assert p <= level
    used = len(seeds.split(","))
    assert used < 10
    # One run of each trial and seed, and no more.
    assert rows(folder, "SELECT count(*), max(seed) FROM run") == [(2 * used, used - 1)]
    worse = nnlab(*LOOP, "--lr", "0.001", "--format", "json", expect=10).json
    assert set(worse) == JSON_KEYS
    assert (worse["verdict"], worse["exit_code"]) == ("discard", 10)
    assert worse["change"] == "lr 0.1 -> 0.001"
    assert worse["effect"] < 0
    assert worse["interval"][0] < worse["effect"] < worse["interval"][1]
    assert worse["baseline"]["trial"] == worse["best_trial"] == 2
    assert (worse["candidate"]["trial"], worse["seeds"]) == (3, list(range(worse["seeds_used"])))
    assert worse["expected_seeds_left"] == 0
    assert worse["level"] == next_level([p])
    assert worse["commands"]["ledger"] == "nnlab gate --study loop --ledger"


def test_a_tested_candidate_is_answered_without_training(nnlab: Nnlab, folder: Path) -> None:
    nnlab(*LOOP, *FAST)
    first = nnlab(*LOOP, *SLOW, "--format", "json", expect=10).json
    runs = count_runs(folder)
    answer = nnlab(*LOOP, *SLOW, expect=10)
    assert (
        f"from the ledger, entry {first['entry']}: this candidate was tested before" in answer.out
    )
    again = nnlab(*LOOP, *SLOW, "--format", "json", expect=10).json
    assert again == {**first, "from_ledger": True}
    assert count_runs(folder) == runs
    # Another minimum effect is another question, with a level of its own.
    other = nnlab(*LOOP, *SLOW, "--min-effect", "0.01", "--format", "json", expect=10).json
    assert (other["from_ledger"], other["min_effect"]) == (False, 0.01)
    assert other["entry"] != first["entry"]
    assert other["level"] == next_level([first["p"]])


def test_an_open_test_goes_on_with_more_seeds_as_a_test_of_its_own(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab(*LOOP, *FAST)
    words = (*LOOP, "--lr", "0.101", "--format", "json")
    first = nnlab(*words, "--max-seeds", "2", expect=11).json
    assert (first["verdict"], first["exit_code"], first["seeds"]) == ("not yet", 11, [0, 1])
    assert count_runs(folder) == 4
    again = nnlab(*words, "--max-seeds", "2", expect=11).json
    assert (again["from_ledger"], again["entry"]) == (True, first["entry"])
    more = nnlab(*words, "--max-seeds", "3", expect=None).json
    assert (more["from_ledger"], more["seeds"][:2], more["max_seeds"]) == (False, [0, 1], 3)
    assert more["entry"] != first["entry"]
    assert more["level"] == next_level([first["p"]])
    assert count_runs(folder) == 4 + 2 * (more["seeds_used"] - 2)
    text = nnlab(*LOOP, "--lr", "0.101", "--max-seeds", "2", expect=None).out
    assert "--max-seeds" in text or "keep" in text or "discard" in text


def test_runs_of_train_are_reused_and_their_best_trial_is_the_baseline(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab("train", *LOOP[1:], "-q", "--lr", "0.1,0.001", "--seeds", "3")
    values = nnlab(*LOOP, "--lr", "0.0001", "--format", "json", expect=10).json
    assert values["baseline"]["trial"] == 1
    assert values["baseline"]["runs"][:3] == [1, 3, 5]
    assert values["change"] == "lr 0.1 -> 0.0001"
    used = values["seeds_used"]
    assert count_runs(folder) == 6 + used + max(used - 3, 0)
    # What nnlab train has trained is no entry of the ledger: it is tested, with its runs.
    known = nnlab(*LOOP, "--lr", "0.001", "--max-seeds", "3", "--format", "json", expect=None).json
    assert (known["from_ledger"], known["candidate"]["runs"]) == (False, [2, 4, 6])
    assert rows(folder, "SELECT verdict, candidate_trial_id FROM gate ORDER BY id")[:2] == [
        ("baseline", 1),
        ("discard", 3),
    ]


def test_the_baseline_can_be_a_run_or_a_trial(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *LOOP[1:], "-q", "--lr", "0.1,0.0001", "--seeds", "3", "--name", "base")
    for against in ("2", "lr=0.0001"):
        words = (*LOOP, "--lr", "0.05", "--against", against, "--format", "json")
        values = nnlab(*words).json
        assert (values["verdict"], values["change"]) == ("keep", "lr 0.0001 -> 0.05")
    text = nnlab(*words[:-2]).out
    assert "from the ledger" in text
    error = nnlab(*LOOP, "--lr", "0.05", "--against", "base", expect=2).err
    assert "2 trials have runs of this name" in error
    assert "unknown" in nnlab(*LOOP, "--lr", "0.05", "--against", "77", expect=2).err
    error = nnlab(*LOOP, "--lr", "0.05", "--against", "lr=7", expect=2).err
    assert "no trial of study 'loop' is lr=7: the values of lr are" in error
    error = nnlab(*LOOP, "--lr", "0.0001", "--against", "2", expect=2).err
    assert "--against 2 names the candidate itself" in error


def test_a_baseline_of_another_study_is_trained_in_the_study_of_the_ledger(
    nnlab: Nnlab, folder: Path
) -> None:
    other = [word if word != "loop" else "other" for word in LOOP[1:]]
    nnlab("train", *other, "-q", *FAST)
    answer = nnlab(*LOOP, *SLOW, "--against", "1", expect=10)
    assert "the baseline is one of study 'other': its setting is trained once more" in answer.err
    studies = rows(
        folder,
        "SELECT study.name, count(*) FROM run JOIN trial ON trial.id = run.trial_id"
        " JOIN study ON study.id = trial.study_id GROUP BY study.name",
    )
    assert dict(studies)["other"] == 1
    assert dict(studies)["loop"] % 2 == 0


def test_bounds_lie_within_what_the_metric_allows(nnlab: Nnlab) -> None:
    words = ("gate", "--study", "loop", *QUICK, "--objective", "val/accuracy", "--max-seeds", "2")
    nnlab(*words, *FAST)
    values = nnlab(*words, *SLOW, "--format", "json", expect=None).json
    low, high = values["interval"]
    assert -1 <= low < values["effect"] < high <= 1


def test_a_candidate_that_diverges_is_discarded_with_the_reason(nnlab: Nnlab, folder: Path) -> None:
    nnlab(*LOOP, *GOOD)
    values = nnlab(*LOOP, *DIVERGES, "--format", "json", expect=10).json
    assert (values["verdict"], values["effect"], values["seeds"]) == ("discard", None, [])
    assert values["reason"].startswith("run 2 of the candidate, with seed 0, diverged: ")
    assert values["p"] == 1.0
    answer = nnlab(*LOOP, *DIVERGES, expect=10)
    assert "from the ledger" in answer.out
    assert values["reason"] in " ".join(answer.out.split())


def test_a_baseline_that_diverges_is_an_error(nnlab: Nnlab, folder: Path) -> None:
    answer = nnlab(*LOOP, *DIVERGES, expect=1)
    assert "the baseline diverged with seed 0, so that no pair can be compared" in answer.err
    assert rows(folder, "SELECT count(*) FROM gate") == [(0,)]
    # It does not stay the baseline.
    assert "baseline: " in nnlab(*LOOP, *FAST).out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--lr", "0.1,0.2"), "a gate tests one setting, and the options describe 2"),
        (("--seed", "3"), "a gate chooses the seeds"),
        (("--lr", "0.2", "--launcher", "slurm"), "--launcher slurm only submits a job"),
        (("--min-effect", "-1"), "min-effect"),
        (("--max-seeds", "1"), "max-seeds"),
        (("--lr", "-1"), "lr"),
        (
            ("--data", "wine", "--against", "1"),
            "cannot be compared by val/loss: they differ in data",
        ),
    ],
)
def test_what_cannot_be_tested_is_an_error_of_the_command(
    nnlab: Nnlab, folder: Path, words: tuple[str, ...], message: str
) -> None:
    nnlab(*LOOP, *FAST)
    before = count_runs(folder)
    answer = nnlab(*LOOP, *words, expect=2)
    assert message in " ".join(answer.err.split())
    assert (count_runs(folder), rows(folder, "SELECT count(*) FROM gate")) == (before, [(1,)])


def test_candidates_are_not_added_to_a_study_with_a_fixed_space(nnlab: Nnlab) -> None:
    nnlab("init-study", "grid", *QUICK, "--lr", "0.1,0.2")
    answer = nnlab("gate", "--study", "grid", *QUICK, "--lr", "0.3", expect=2)
    assert "study 'grid' has a fixed space, so no candidates can be added to it" in answer.err


def test_other_data_begin_another_baseline_in_the_same_study(nnlab: Nnlab, folder: Path) -> None:
    nnlab(*LOOP, *FAST)
    assert "baseline: " in nnlab(*LOOP, *FAST, "--data", "wine").out
    # Each candidate is compared with the baseline of its own data.
    wine = nnlab(*LOOP, *SLOW, "--data", "wine", "--format", "json", expect=10).json
    iris = nnlab(*LOOP, *SLOW, "--format", "json", expect=10).json
    assert (wine["baseline"]["trial"], iris["baseline"]["trial"]) == (2, 1)
    listed = nnlab("gate", "--ledger", "--format", "json").json
    assert [row["candidate_trial"] for row in listed if row["best"]] == [1, 2]


def test_a_dry_run_says_what_would_be_compared_and_writes_nothing(
    nnlab: Nnlab, folder: Path
) -> None:
    answer = nnlab(*LOOP, *FAST, "--dry-run")
    assert "this candidate would be trained and become the baseline" in answer.out
    assert not (folder / "runs.db").exists()
    nnlab(*LOOP, *FAST)
    answer = nnlab(*LOOP, *SLOW, "--dry-run")
    assert "against trial 1: lr 0.1 -> 0.0001" in answer.out
    assert "by val/loss:min, at most 10 pairs of runs; 1 run of the baseline" in answer.out
    assert count_runs(folder) == 1
    nnlab(*LOOP, *SLOW, "-q", expect=10)
    assert "the answer is in the ledger, entry 2" in nnlab(*LOOP, *SLOW, "--dry-run").out


def test_a_dry_run_answers_as_the_test_itself_would(nnlab: Nnlab, folder: Path) -> None:
    values = nnlab(*LOOP, *FAST, "--dry-run", "--format", "json").json
    assert (values["baseline"], values["is_baseline"], values["verdict"]) == (None, True, None)
    nnlab(*LOOP, *FAST)
    text = nnlab(*LOOP, *FAST, "--dry-run").out
    assert "baseline: opt=adam lr=0.1 model=mlp data=iris" in text
    assert "the answer is in the ledger, entry 1" in text
    error = nnlab(*LOOP, *FAST, "--against", "1", "--dry-run", expect=2).err
    assert "--against 1 names the candidate itself" in error
    words = (*LOOP, "--lr", "0.101", "--format", "json")
    nnlab(*words, "--max-seeds", "2", expect=11)
    known = nnlab(*words, "--max-seeds", "2", "--dry-run").json
    assert (known["dry_run"], known["verdict"], known["entry"]) == (True, "not yet", 2)
    assert (known["change"], known["candidate_runs"]) == ("lr 0.1 -> 0.101", 2)
    # With more seeds it is tested again, so the ledger has no answer.
    assert nnlab(*words, "--max-seeds", "3", "--dry-run").json["verdict"] is None


def test_an_unknown_baseline_leaves_no_empty_study_behind(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", "--study", "other", *LOOP[3:], "-q", *FAST)
    for against in ("77", "lr=7"):
        for dry in ((), ("--dry-run",)):
            error = nnlab(*LOOP, *SLOW, "--against", against, *dry, expect=2).err
            assert against in error
    assert rows(folder, "SELECT name FROM study") == [("other",)]
    plan = nnlab(*LOOP, *SLOW, "--against", "1", "--dry-run", "--format", "json").json
    assert (plan["baseline"], plan["change"]) == (1, "lr 0.1 -> 0.0001")
    assert rows(folder, "SELECT name FROM study") == [("other",)]


def test_a_dry_run_says_that_the_best_trial_would_become_the_baseline(nnlab: Nnlab) -> None:
    nnlab("train", *LOOP[1:], "-q", "--lr", "0.1,0.0001")
    text = " ".join(nnlab(*LOOP, *FAST, "--dry-run").out.split())
    assert "is the best trial of the study so far: it would become the baseline" in text


def test_the_ledger_is_listed_in_every_format(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nnlab(*LOOP, *SLOW)
    assert "no candidate of study" not in nnlab("gate", "--ledger", "--study", "loop").out
    nnlab(*LOOP, *FAST, "-q")
    nnlab(*LOOP, "--lr", "0.001", "-q", expect=10)
    listed = nnlab("gate", "--study", "loop", "--ledger", "--format", "json").json
    assert [(row["entry"], row["verdict"], row["best"]) for row in listed] == [
        (1, "baseline", False),
        (2, "keep", True),
        (3, "discard", False),
    ]
    assert [row["candidate"] for row in listed][1:] == ["lr 0.0001 -> 0.1", "lr 0.1 -> 0.001"]
    assert (listed[2]["baseline_trial"], listed[2]["objective"]) == (2, "val/loss:min")
    assert listed[0]["effect"] is None
    text = nnlab("gate", "--ledger", "--format", "csv").out
    assert [row["verdict"] for row in csv.DictReader(io.StringIO(text))] == [
        "baseline",
        "keep",
        "discard",
    ]
    assert "| 2 | lr 0.0001 " in nnlab("gate", "--ledger", "--format", "markdown").out
    monkeypatch.setenv("COLUMNS", "80")
    table = nnlab("gate", "--ledger").out
    assert max(map(len, table.splitlines())) <= 80
    assert "* is the baseline of the next candidate" in table
    for word in ("keep", "discard", "better"):
        assert word in table
    error = nnlab("gate", "--ledger", "--study", "nobody", expect=2).err
    assert "unknown study 'nobody'" in error


def test_a_removed_study_takes_its_ledger_along_and_brings_it_back(nnlab: Nnlab) -> None:
    nnlab(*LOOP, *FAST)
    nnlab(*LOOP, *SLOW, "-q", expect=10)
    before = nnlab("gate", "--ledger", "--format", "json").json
    nnlab("rm", "loop", "--yes")
    assert nnlab("gate", "--ledger", "--format", "json").json == []
    assert "no candidate of this database has been tested" in nnlab("gate", "--ledger").out
    nnlab("rm", "--undo")
    assert nnlab("gate", "--ledger", "--format", "json").json == before


def test_a_ledger_comes_back_although_its_study_is_in_use_again(nnlab: Nnlab) -> None:
    nnlab(*LOOP, *FAST)
    nnlab(*LOOP, *SLOW, "-q", expect=10)
    before = nnlab("gate", "--ledger", "--format", "json").json
    nnlab("rm", "1", "--yes")  # one run is no ledger
    assert nnlab("gate", "--ledger", "--format", "json").json == before
    nnlab("rm", "loop", "--yes")
    nnlab(*LOOP, "--lr", "0.05", "-q")
    nnlab("rm", "--undo")
    after = nnlab("gate", "--ledger", "--format", "json").json
    assert [row["entry"] for row in after] == [1, 2, 3]
    assert [{**row, "best": None} for row in after[:2]] == [{**row, "best": None} for row in before]
    assert [row["best"] for row in after] == [True, False, False]


# Enough epochs that a signal arrives while a pair is trained.
LONG = ("--data", "digits", "--epochs", "30", "--dropout", "0.2", "--objective", "val/loss")


def test_a_killed_test_goes_on_with_its_level_and_the_same_numbers(
    nnlab: Nnlab, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    candidate = ("gate", "--study", "k", *LONG, "--lr", "0.011", "--max-seeds", "3")
    base = ("gate", "--study", "k", *LONG, "--lr", "0.01")
    nnlab(*base, "-q")
    process = started(folder, *candidate, "-v", NNLAB_DEVICES="cpu:1")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("seed 0: candidate"):
            break
    for line in process.stdout:
        if " epoch 5/" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    ((entry, level, verdict, seeds),) = rows(
        folder, "SELECT id, level, verdict, seeds FROM gate WHERE level IS NOT NULL"
    )
    assert (verdict, seeds) == (None, "[0]")
    unfinished = nnlab("gate", "--ledger").out
    assert "unfinished" in unfinished
    answer = nnlab(*candidate, "--format", "json", expect=None).json
    assert (answer["entry"], answer["level"]) == (entry, level)
    calm = tmp_path_factory.mktemp("calm")
    os.chdir(calm)
    nnlab(*base, "-q")
    undisturbed = nnlab(*candidate, "--format", "json", expect=None).json
    names = ("verdict", "effect", "interval", "p", "level", "seeds", "reason")
    assert {name: answer[name] for name in names} == {name: undisturbed[name] for name in names}
    points = "SELECT seed, lr, metric.name, epoch, value FROM point JOIN metric ON metric.id ="
    points += " metric_id JOIN (SELECT run.id, seed, setting ->> '$.lr' AS lr FROM run JOIN trial"
    points += " ON trial.id = trial_id) r ON r.id = run_id WHERE metric.name NOT LIKE 'time/%'"
    assert sorted(rows(folder, points)) == sorted(rows(calm, points))


def test_two_processes_with_the_same_candidate_share_one_test(nnlab: Nnlab, folder: Path) -> None:
    nnlab(*LOOP, *FAST)
    words = [*LOOP, *SLOW, "--format", "json"]
    processes = [started(folder, *words, NNLAB_DEVICES="cpu:1") for _ in range(2)]
    for process in processes:
        _, error = process.communicate(timeout=300)
        assert process.returncode == 10, error
    ((seeds,),) = rows(folder, "SELECT seeds FROM gate WHERE level IS NOT NULL")
    used = len(seeds.split(","))
    assert count_runs(folder) == 2 * used


def test_a_failed_candidate_is_tried_again_by_the_same_command(nnlab: Nnlab, folder: Path) -> None:
    (folder / "net.py").write_text(MODEL)
    nnlab(*LOOP, *FAST)
    short = ("gate", "--study", "loop", "--data", "iris", "--epochs", "3", *LOOP[-3:])
    words = (*short, "--model", "net.py:Net", "--max-seeds", "2", "--format", "json")
    first = nnlab(*words, expect=10).json
    assert "failed: " in first["reason"]
    (folder / "present").touch()
    again = nnlab(
        *[w for w in words if w not in ("--width", "8", "--depth", "1")], expect=None
    ).json
    assert (again["entry"], again["level"]) == (first["entry"], first["level"])
    assert again["seeds"] == [0, 1]


MODEL = """
import pathlib

from torch import nn


class Net(nn.Module):
    def __init__(self, in_features, num_classes):
        super().__init__()
        if not pathlib.Path("present").exists():
            raise OSError("the weights cannot be downloaded now")
        self.layer = nn.Linear(in_features, num_classes)

    def forward(self, x):
        return self.layer(x.flatten(1))
"""


def test_the_best_of_two_kept_candidates_is_the_one_that_beat_the_best(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab(*LOOP, *SLOW)
    nnlab(*LOOP, "--lr", "0.1", "-q")
    answer = nnlab(*LOOP, "--lr", "0.05", "--against", "lr=0.0001")
    assert "keep: lr 0.0001 -> 0.05" in answer.out
    assert "it was compared with trial 1, and the best one so far is trial 2" in answer.out
    db = store.open_database(str(folder / "runs.db"), write=False)
    assert [entry.verdict for entry in store.ledger(db)] == ["baseline", "keep", "keep"]
    db.close()

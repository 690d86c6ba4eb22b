"""Studies with a sampler and a pruner, from the command line to the ranking."""

import contextlib
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import QUICK, Nnlab, started

SPACE = (*QUICK, "--lr", "1e-4..1", "--opt", "sgd,adam")


def settings(nnlab: Nnlab, study: str = "s") -> list[tuple[float, str]]:
    """What was tried, in the order in which it was asked for."""
    rows = nnlab("compare", study, "--format", "json").json["rows"]
    rows.sort(key=lambda row: row["trials"])
    return [(row["setting"]["lr"], row["setting"]["opt"]) for row in rows]


@pytest.mark.parametrize("sampler", ["random", "sobol", "tpe"])
def test_a_sampler_chooses_as_many_trials_as_it_may(nnlab: Nnlab, sampler: str) -> None:
    set_up = nnlab("init-study", "s", *SPACE, "--sampler", sampler, "--trials", "9", "--seeds", "2")
    first = 8 if sampler == "tpe" else 18
    assert f"{first} runs in study 's': {first} new" in set_up.out
    out = nnlab("train", "--study", "s").out
    assert ("tpe: 4 trials more, 8 of 9\n" in out) == (sampler == "tpe")
    assert ("tpe: 1 trial more, 9 of 9\n" in out) == (sampler == "tpe")
    result = settings(nnlab)
    assert len(set(result)) == 9
    assert all(1e-4 <= lr <= 1.0 and float(f"{lr:.4g}") == lr for lr, _ in result)
    assert {opt for _, opt in result} == {"sgd", "adam"}
    rows = nnlab("compare", "s", "--format", "json").json["rows"]
    assert {row["n"] for row in rows} == {2}  # the same seeds for each
    nnlab("report", "s", "-o", "s.md")
    assert f"chosen by {sampler}" in Path("s.md").read_text()
    again = nnlab("train", "--study", "s").out
    assert "nothing to train" in again
    assert settings(nnlab) == result


def test_who_is_killed_goes_on_with_what_was_known(nnlab: Nnlab, folder: Path) -> None:
    words = (*SPACE, "--sampler", "tpe", "--trials", "14", "--at-once", "2", "--epochs", "2")
    nnlab("init-study", "calm", *words)
    nnlab("train", "--study", "calm", "-q")
    nnlab("init-study", "s", *words)
    process = started(folder, "train", "--study", "s", "-q")
    end = time.monotonic() + 60
    while count(folder) < 14 + 5:  # in mid search
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert count(folder) < 28
    nnlab("train", "--study", "s", "-q")
    assert settings(nnlab) == settings(nnlab, "calm")
    assert len(settings(nnlab)) == 14


def count(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(folder / "runs.db")) as connection:
        return int(connection.execute("SELECT count(*) FROM trial").fetchone()[0])


def test_a_file_says_the_same(nnlab: Nnlab, folder: Path) -> None:
    (folder / "s.toml").write_text(
        'study = "s"\nseeds = 2\nsampler = "sobol"\ntrials = 5\nsampler_seed = 3\n'
        'data = "iris"\nwidth = 8\ndepth = 1\nepochs = 3\nlr = "1e-4..1"\nopt = ["sgd", "adam"]\n'
    )
    nnlab("train", "--config", "s.toml", "-q")
    typed = ("--sampler", "sobol", "--trials", "5", "--sampler-seed", "3", "--seeds", "2")
    nnlab("init-study", "typed", *SPACE, *typed)
    nnlab("train", "--study", "typed", "-q")
    assert settings(nnlab) == settings(nnlab, "typed")
    other = nnlab("init-study", "s", *SPACE, *typed[:4], "--seeds", "2", expect=2)
    assert "sampler: sobol (seed=3, trials=5) -> sobol (seed=0, trials=5)" in other.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--sampler", "tpe"), "--trials is missing"),
        (("--sampler", "tpee", "--trials", "3"), "did you mean 'tpe'"),
        (("--sampler", "random", "--trials", "0"), "--trials must be from 1 to 100,000, got 0"),
        (("--trials", "3"), "--trials does nothing with --sampler grid"),
        (("--sampler", "random", "--trials", "3", "--at-once", "2"), "--at-once does nothing"),
        (("--pruner", "meidan"), "did you mean 'median'"),
        (("--sampler", "cma-es", "--trials", "3"), "at least two ranges"),
        (("--sampler", "tpe", "--trials", "3", "--beta1", "0.5..0.9", "--opt", "sgd"), "--beta1"),
        (
            ("--sampler", "tpe", "--trials", "3", "--lr", "1e-4..1,2"),
            "cannot be combined with other values",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_before_anything_is_made(
    nnlab: Nnlab, folder: Path, words: tuple[str, ...], message: str
) -> None:
    assert message in nnlab("init-study", "s", *SPACE, *words, expect=2).err
    assert not (folder / "runs.db").exists()


def test_nothing_to_choose_is_said(nnlab: Nnlab) -> None:
    words = (*QUICK, "--sampler", "random", "--trials", "3")
    assert "has nothing to choose" in nnlab("init-study", "s", *words, expect=2).err


def test_without_optuna_it_says_what_to_install(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    words = ("init-study", "s", *SPACE, "--sampler", "tpe", "--trials", "3")
    answer = nnlab(*words, expect=2)
    assert "--sampler tpe needs Optuna" in answer.err
    assert "pip install nnlab[optuna]" in answer.err
    assert not (folder / "runs.db").exists()


def pruned(nnlab: Nnlab, *words: str) -> tuple[list[Any], Any]:
    runs = nnlab("ls", "--format", "json").json
    shown = [nnlab("show", str(run["run"]), "--format", "json").json[0] for run in runs]
    return shown, nnlab("compare", "s", "--format", "json").json


@pytest.mark.parametrize("engine", ["solo", "stacked"])
def test_who_does_badly_ends_early_and_comes_last(nnlab: Nnlab, engine: str) -> None:
    rates = "1,0.5,0.2,0.1,0.0001,0.00005,0.00002,0.00001,0.000001"
    words = ("--lr", rates, "--epochs", "9", "--pruner", "asha", "--opt", "adam")
    nnlab("init-study", "s", *QUICK, *words)
    out = nnlab("train", "--study", "s", "--engine", engine).out
    assert "finished: pruned at epoch 1: val/accuracy" in out
    runs, compared = pruned(nnlab)
    ended = [run for run in runs if run["pruned_at"]]
    whole = [run for run in runs if not run["pruned_at"]]
    assert ended
    assert whole
    for run in ended:
        assert run["status"] == "finished"
        assert run["epochs"] == run["pruned_at"] < 9
        assert f"pruned at epoch {run['pruned_at']}: val/accuracy" in run["reason"]
        assert run["artifacts"] == []
    assert {run["epochs"] for run in whole} == {9}
    places = [row["pruned"] for row in compared["rows"]]
    assert places == sorted(places)
    assert sum(places) == len(ended)
    metadata = f"{len(ended)} runs pruned: their trials are ranked last"
    assert metadata in nnlab("compare", "s").out
    # The first of all is the best of those that got their epochs, whatever the rest reached.
    assert nnlab("compare", "s", "--top", "1", "--format", "json").json["rows"][0]["pruned"] == 0
    assert "nothing to train" in nnlab("train", "--study", "s").out
    assert nnlab("verify", str(ended[0]["run"])).code == 0


def test_the_median_ends_none_before_five_have_ended(nnlab: Nnlab) -> None:
    rates = "0.1,0.05,0.02,0.01,0.005,0.000001,0.0000001"
    nnlab("init-study", "s", *QUICK, "--lr", rates, "--opt", "adam", "--pruner", "median")
    nnlab("train", "--study", "s", "-q", "--engine", "solo")
    runs, _ = pruned(nnlab)
    by_rate = {run["setting"]["lr"]: run["pruned_at"] for run in runs}
    assert [by_rate[rate] for rate in (0.1, 0.05, 0.02, 0.01, 0.005)] == [None] * 5
    assert by_rate[1e-7] == 1


def test_the_best_at_the_edge_is_said(nnlab: Nnlab) -> None:
    words = (*QUICK, "--opt", "adam", "--lr", "1e-5,1e-4,1e-2", "--study", "s")
    text = (
        "the best lr 0.01 is at the edge of the values tried (1e-05 to 0.01);"
        " extend the range: --lr 0.000316..0.316"
    )
    assert text in nnlab("train", *words).out
    assert text in nnlab("compare", "s").out
    assert text in nnlab("compare", "s", "--format", "json").json["notes"]
    nnlab("report", "s", "-o", "s.md")
    assert "at the edge of the values tried" in Path("s.md").read_text()
    assert "edge" not in nnlab("compare", "s", "--group-by", "lr").out


def test_two_terminals_search_together(nnlab: Nnlab, folder: Path) -> None:
    words = (*SPACE, "--sampler", "cma-es", "--dropout", "0..0.5", "--trials", "12")
    nnlab("init-study", "s", *words)
    processes = [started(folder, "train", "--study", "s", "-q") for _ in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    runs = nnlab("ls", "--format", "json").json
    assert len(runs) == 12
    assert {run["status"] for run in runs} == {"finished"}
    assert len({(run["trial"], run["seed"]) for run in runs}) == 12


def test_a_search_that_is_stopped_asks_for_no_more(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *SPACE, "--sampler", "tpe", "--trials", "9")
    nnlab("stop", "s")
    answer = nnlab("train", "--study", "s", "-q")
    assert len(settings(nnlab)) == 9  # the same command takes up what was held back
    assert answer.code == 0


def test_fewer_trials_than_were_asked_for_are_told(nnlab: Nnlab) -> None:
    words = (*QUICK, "--sampler", "random", "--trials", "9", "--depth", "1..3")
    answer = nnlab("init-study", "few", *words, "--dry-run")
    assert "note: the space has 3 different trials, not the 9 of --trials" in answer.err
    answer = nnlab("init-study", "some", *QUICK, "--depth", "1..3:7", "--dry-run")
    assert "note: --depth 1..3:7: 3 different values, not 7" in answer.err
    answer = nnlab("init-study", "all", *QUICK, "--depth", "1..3", "--dry-run")
    assert "different" not in answer.err
    answer = nnlab("train", *QUICK, "--depth", "1..2:4", "--dry-run")
    assert "note: --depth 1..2:4: 2 different values, not 4" in answer.err


def test_a_learning_sampler_says_when_it_finds_no_more(nnlab: Nnlab) -> None:
    pytest.importorskip("optuna")
    words = (*QUICK, "--sampler", "tpe", "--trials", "6", "--depth", "1..2")
    nnlab("init-study", "few", *words)
    assert "note: tpe finds 2 trials, not 6" in nnlab("train", "--study", "few").err


def test_each_of_a_range_of_seeds_is_trained(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--seed", "20240101..20240105", "-q")
    rows = nnlab("ls", "--format", "json").json
    assert sorted(row["seed"] for row in rows) == list(range(20240101, 20240106))

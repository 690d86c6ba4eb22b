"""Extending studies: open studies accept any run, `--extend` adds to the others."""

import shlex
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

GRID = (*QUICK, "--lr", "0.01,0.1", "--seeds", "2")


def study(nnlab: Nnlab, name: str = "s") -> dict[str, object]:
    """What `nnlab studies` says of one."""
    output = nnlab("studies", "--format", "json").json
    (row,) = (row for row in output if row["study"] == name)
    return dict(row)


def seeds_by_trial(nnlab: Nnlab) -> dict[str, list[int]]:
    """The seeds that were trained of each trial."""
    seeds: dict[str, list[int]] = {}
    for run in nnlab("ls", "--format", "json", "--limit", "0").json:
        assert run["status"] == "finished"
        seeds.setdefault(run["trial"], []).append(run["seed"])
    return {trial: sorted(result) for trial, result in seeds.items()}


def suggested(text: str, begin: str) -> list[str]:
    """The words of a command that a message suggests, as a shell splits them."""
    line = next(line for line in text.splitlines() if begin in line)
    words = shlex.split(line[line.index(begin) :])
    return words[1 : words.index("--extend") + 1]


def test_a_study_made_by_train_takes_any_run(nnlab: Nnlab) -> None:
    nnlab("train", "--study", "m", "--data", "iris", "--model", "linear", "--epochs", "2", "-q")
    nnlab("train", "--study", "m", *QUICK, "-q")
    nnlab("train", "--study", "m", "--data", "diabetes", "--epochs", "2", "--seeds", "2", "-q")
    result = study(nnlab, "m")
    assert (result["trials"], result["finished"]) == (3, 4)
    answer = nnlab("train", "--study", "m")  # later, without options
    assert "4 runs in study 'm': 4 already trained" in answer.out
    refused = nnlab("init-study", "m", *GRID, expect=2).err
    assert "study 'm' is open" in refused


def test_more_seeds_for_an_open_study(nnlab: Nnlab) -> None:
    nnlab("train", "--study", "my study", *QUICK, "--opt", "sgd,adam", "-q")
    refused = nnlab("train", "--study", "my study", "--seeds", "3", expect=2).err
    command = suggested(refused, "nnlab train")
    assert command == ["train", "--study", "my study", "--seeds", "3", "--extend"]
    assert "seeds added: 1, 2" in nnlab(*command).out
    assert seeds_by_trial(nnlab) == {"opt=sgd": [0, 1, 2], "opt=adam": [0, 1, 2]}
    refused = nnlab("train", "--study", "my study", "--epochs", "9", "--extend", expect=2).err
    assert "is open and has no space" in refused


def test_the_default_setting_again_trains_nothing_twice(nnlab: Nnlab) -> None:
    words = ("train", "--study", "d", "--seeds", "1")
    plan = nnlab(*words, "--dry-run").out
    assert "1 to train" in plan
    nnlab("train", "--study", "d", *QUICK, "-q")
    assert "no trial of the default setting" in nnlab(*words, expect=2).err


def test_the_command_that_a_refusal_names_extends_the_study(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *GRID)
    nnlab("train", "--study", "s", "-q")
    refused = nnlab("train", "--study", "s", "--seeds", "3", expect=2).err
    assert "study 's' has the seeds 0, 1, and not 2" in refused
    command = suggested(refused, "nnlab train")
    plan = nnlab(*command, "--dry-run").out
    assert "4 already trained, 2 to train" in plan
    assert study(nnlab)["seeds"] == [0, 1]
    answer = nnlab(*command)
    assert "2 new, 4 already trained" in answer.out
    assert study(nnlab)["seeds"] == [0, 1, 2]
    assert "6 already trained" in nnlab("train", "--study", "s").out
    assert "4 already trained" in nnlab("train", "--study", "s", "--seeds", "2").out


@pytest.mark.parametrize("command", ["train --study s", "init-study s"])
def test_values_are_multiplied_out_with_those_of_the_study(nnlab: Nnlab, command: str) -> None:
    nnlab("init-study", "s", *QUICK, "--lr", "0.01,0.1", "--width", "4,8")
    refused = nnlab(*command.split(), "--lr", "0.5", expect=2).err
    assert suggested(refused, "nnlab") == [*command.split(), "--lr", "0.5", "--extend"]
    answer = nnlab(*command.split(), "--lr", "0.5", "--extend")
    assert "lr added: 0.5" in answer.out
    assert "6 runs in study 's': 2 new" in answer.out
    nnlab("train", "--study", "s", "-q")
    assert len(seeds_by_trial(nnlab)) == 6
    again = nnlab(*command.split(), "--lr", "0.5", "--extend").out
    assert "6 runs in study 's': 6 already trained" in again


def test_more_epochs_are_another_setting_and_that_is_said(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *GRID)
    nnlab("train", "--study", "s", "-q")
    answer = nnlab("train", "--study", "s", "--epochs", "5", "--extend")
    assert "the 2 trials of 3 epochs stay as they are" in answer.out
    assert "8 runs in study 's': 4 new, 4 already trained" in answer.out
    runs = nnlab("ls", "--format", "json").json
    assert sorted(run["epochs"] for run in runs) == [3] * 4 + [5] * 4


def test_a_field_that_is_new_to_the_space(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *QUICK, "--opt", "sgd,adam")
    nnlab("train", "--study", "s", "--lr", "0.5", "--extend", "-q")
    assert set(seeds_by_trial(nnlab)) == {
        "opt=sgd lr=0.1", "opt=sgd lr=0.5", "opt=adam lr=0.001", "opt=adam lr=0.5",
    }  # fmt: skip


def test_an_objective_cannot_be_extended(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *GRID, "--objective", "val/loss:min")
    words = ("train", "--study", "s", "--objective", "val/accuracy:max")
    assert "ranks by val/loss:min" in nnlab(*words, "--extend", expect=2).err
    refused = nnlab(*words, expect=2).err
    assert "--extend" not in refused
    assert "another name" in refused


def test_compare_prints_the_command_for_the_seeds_that_it_asks_for(nnlab: Nnlab) -> None:
    nnlab("init-study", "my study", *QUICK, "--opt", "sgd,adam", "--seeds", "2")
    nnlab("train", "--study", "my study", "-q")
    answer = nnlab("compare", "my study", "--test", "sign-flip")
    assert "too few seeds to rank: at least 6 are needed" in answer.out
    command = suggested(answer.out, "nnlab train --study 'my study' --seeds 6")
    nnlab(*command, "-q")
    assert {len(seeds) for seeds in seeds_by_trial(nnlab).values()} == {6}


def test_seeds_that_are_not_counted_from_zero_are_listed(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *QUICK, "--opt", "sgd,adam", "--seed", "7,8")
    nnlab("train", "--study", "s", "-q")
    out = nnlab("compare", "s", "--test", "sign-flip").out
    assert suggested(out, "nnlab train")[-3:] == ["--seed", "0,1,2,3", "--extend"]


def test_extend_needs_a_study_and_something_to_add(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *GRID)
    assert "--study NAME --extend" in nnlab("train", *QUICK, "--extend", expect=2).err
    assert "needs something to add" in nnlab("train", "--study", "s", "--extend", expect=2).err
    assert "unknown study 't'" in nnlab("init-study", "t", *GRID, "--extend", expect=2).err
    assert study(nnlab)["runs"] == 4


SAMPLED = (*QUICK, "--lr", "1e-3..1", "--sampler", "sobol", "--trials", "2")


def test_a_sampler_gets_more_trials_and_seeds_and_keeps_its_space(nnlab: Nnlab) -> None:
    nnlab("init-study", "s", *SAMPLED)
    answer = nnlab("init-study", "s", "--trials", "4", "--extend")
    assert "trials: 2 -> 4" in answer.out
    assert "4 runs in study 's': 2 new, 2 waiting" in answer.out
    nnlab("train", "--study", "s", "--seeds", "2", "--extend", "-q")
    assert [len(seeds) for seeds in seeds_by_trial(nnlab).values()] == [2] * 4
    for words, message in (
        (("--trials", "3"), "--trials 3 is not more"),
        (("--sampler", "random", "--trials", "9"), "keeps its sampler"),
        (("--dropout", "0.5"), "chooses from its space, which stays as it is"),
    ):
        assert message in nnlab("init-study", "s", *words, "--extend", expect=2).err
    nnlab("init-study", "grid", *GRID)
    refused = nnlab(
        "init-study", "grid", "--sampler", "sobol", "--trials", "9", "--extend", expect=2
    )
    assert "a sampler cannot be added" in refused.err


def test_a_sampler_that_learns_goes_on_with_more_trials(nnlab: Nnlab) -> None:
    pytest.importorskip("optuna")
    words = (*QUICK, "--lr", "1e-3..1", "--sampler", "tpe", "--trials", "2", "--at-once", "2")
    nnlab("init-study", "s", *words)
    nnlab("train", "--study", "s", "-q")
    nnlab("init-study", "s", "--trials", "4", "--extend")
    nnlab("train", "--study", "s", "-q")
    assert len(seeds_by_trial(nnlab)) == 4
    nnlab("train", "--study", "s", "--seeds", "2", "--extend", "-q")
    assert [len(seeds) for seeds in seeds_by_trial(nnlab).values()] == [2] * 4


ARMS = """
study = "claim"
claim = "wide is better"
data = "iris"
depth = 1
epochs = 2
seeds = 2

[[arm]]
name = "wide"
width = 16

[[arm]]
name = "narrow"
width = 2

[[decide]]
says = "wide ends higher"
metric = "val/accuracy"
above = 0.0
higher = "wide"
lower = "narrow"
"""


def test_arms_and_claims_get_more_seeds_and_nothing_else(nnlab: Nnlab) -> None:
    Path("claim.toml").write_text(ARMS)
    nnlab("train", "--config", "claim.toml", "-q")
    answer = nnlab("train", "--study", "claim", "--seeds", "3", "--extend")
    assert "2 new, 4 already trained" in answer.out
    assert "verdict:" in answer.out
    assert "6 already trained" in nnlab("train", "--study", "claim").out
    again = nnlab("train", "--config", "claim.toml", "--seeds", "4", "--extend").out
    assert "2 new, 6 already trained" in again
    refused = nnlab("train", "--study", "claim", "--lr", "0.5", "--extend", expect=2).err
    assert "only seeds can be added" in refused
    Path("claim.toml").write_text(ARMS.replace("width = 16", "width = 32"))
    words = ("train", "--config", "claim.toml", "--seeds", "5", "--extend")
    assert "compares arms, which stay as they are" in nnlab(*words, expect=2).err


PRETRAINED = """
study = "own"
data = "digits"
epochs = 1
seeds = 2

[pretrain]
data = "digits"
classes = "0-4"
epochs = 1

[[arm]]
name = "pretrained"
start_from = "pretrain"

[[arm]]
name = "scratch"
"""


def test_more_seeds_train_the_weights_that_they_begin_with(nnlab: Nnlab) -> None:
    Path("own.toml").write_text(PRETRAINED)
    nnlab("train", "--config", "own.toml", "-q")
    nnlab("train", "--study", "own", "--seeds", "3", "--extend", "-q")
    assert study(nnlab, "own/pretrain")["finished"] == 3
    result = study(nnlab, "own")
    assert (result["finished"], result["failed"]) == (6, 0)

"""Every command on runs of other programs: odd names, unknown seeds, steps, missing values."""

import json
import shutil
from pathlib import Path

import external_runs
import pytest
from command_line_runner import Nnlab

STUDIES = ("steps", "epochs", "imported", "odd")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("external") / "runs.db"
    external_runs.fill_database(path)
    return path


@pytest.fixture
def external(nnlab: Nnlab, database: Path, folder: Path) -> Nnlab:
    """The command line in a folder with these runs."""
    shutil.copy(database, folder / "runs.db")
    return nnlab


@pytest.mark.parametrize("study", [*STUDIES, ""])
def test_every_command_that_reads_runs(external: Nnlab, study: str) -> None:
    words = (study,) if study else ()
    for command in (
        ("compare",), ("compare", "--format", "json"), ("compare", "--format", "csv"),
        ("compare", "--format", "latex"), ("compare", "--at", "last"), ("compare", "--mixed"),
        ("compare", "--by", "train/loss"), ("diagnose",), ("diagnose", "--format", "json"),
        ("report", "-o", "r.html", "--force"), ("report", "-o", "r.md", "--force"),
        ("ls",), ("ls", "--format", "json"), ("watch", "--once"),
    ):  # fmt: skip
        answer = external(*command, *(words if command != ("watch", "--once") else words[:1]))
        assert "internal error" not in answer.out + answer.err
        assert "None" not in answer.out or "json" in command
    external("studies")
    assert "no problems found" in external("db", "check").out


@pytest.mark.parametrize("run", ["1", "10", "nice-sweep-0", "37", "38", "39", "40"])
def test_every_run_is_shown(external: Nnlab, run: str) -> None:
    for options in ((), ("--format", "json"), ("--curves",), ("--curves", "--format", "csv")):
        external("show", run, *options)
    external("diagnose", run)


@pytest.mark.parametrize(
    "words",
    [
        ("curves", "steps"), ("curves", "epochs"), ("curves", "imported", "--metric", "val/gini"),
        ("gap", "steps"), ("time", "steps"), ("time", "steps", "--x", "steps"), ("time", "epochs"),
        ("compare", "1", "4"), ("pareto", "epochs"), ("seeds", "steps"), ("ranking", "steps"),
        ("ranking", "epochs"), ("sweep", "epochs", "--x", "lr"), ("scaling", "steps", "--x", "lr"),
        ("heatmap", "epochs", "--x", "lr", "--y", "width"), ("interaction", "epochs"),
        ("parallel", "imported"), ("effects", "epochs"), ("dependence", "epochs"),
        ("lr", "epochs"), ("curves", "odd"),
    ],
)  # fmt: skip
def test_every_figure_that_applies_is_drawn(external: Nnlab, words: tuple[str, ...]) -> None:
    external("plot", *words, "-o", "figure.svg")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluate", "1", "--data", "iris"), "run 1 was trained by another program"),
        (("predict", "1", "--data", "x.csv"), "nnlab cannot build its model"),
        (("export", "1", "-o", "m.pt2"), "run 1 was trained by another program"),
        (("probe", "sensitivity", "1"), "nnlab cannot load its weights"),
        (("train", "--from", "1", "--data", "iris"), "nnlab cannot load its weights"),
        (("find-decay", "1"), "cannot suggest a decay of its learning rate"),
        (("plot", "confusion", "10", "-o", "x.svg"), "run 10 was trained by another program"),
        (("plot", "lr", "steps", "-o", "x.svg"), "unknown metric 'lr'"),
        (("plot", "time", "steps", "--x", "epochs", "-o", "x.svg"), "did not log the epochs"),
        (("compare", "--by", "val/gini", "imported"), "nnlab db define val/gini max"),
        (("ls", "--origin", "elsewhere"), "unknown origin"),
        (("show", "1", "--samples", "x"), "Known: train/loss, val/loss"),
    ],
)
def test_what_is_not_possible_is_said(
    external: Nnlab, words: tuple[str, ...], message: str
) -> None:
    assert message in external(*words, expect=2).err


def test_a_run_is_shown_with_its_own_names(external: Nnlab) -> None:
    text = external("show", "1").out
    assert "Seed      unknown" in text
    assert "Steps     4,000" in text
    assert "lr 0.1, model.layers 12" in text
    assert "Optimizer" not in text
    values = external("show", "1", "--format", "json").json[0]
    assert (values["origin"], values["axis"], values["seed"]) == ("recorded", "step", None)
    assert values["nested_setting"] == {"lr": 0.1, "model": {"layers": 12}}
    assert values["samples"] == 48
    imported = external("show", "nice-sweep-0").out
    assert "imported from wandb: /logs/run.wandb" in imported
    assert "the log is cut off" in imported
    source = external("show", "nice-sweep-0", "--format", "json").json[0]["source"]
    assert (source["external_id"], source["notes"][0]["code"]) == ("abc0", "truncated")


def test_raw_samples_are_listed(external: Nnlab) -> None:
    lines = external("show", "1", "--samples", "val/loss", "--format", "csv").out.splitlines()
    assert lines[0] == "number,step,epoch,time,value"
    assert lines[1].split(",")[1] == "500"
    assert len(lines) == 9


def test_runs_with_unknown_seeds_are_compared_unpaired(external: Nnlab, folder: Path) -> None:
    ranking = external("compare", "steps", "--format", "json").json
    assert [row["n"] for row in ranking["rows"]] == [3, 3, 3]
    assert [row["against_best"]["paired"] for row in ranking["rows"][1:]] == [False, False]
    paired = external("compare", "epochs", "--format", "json").json
    assert {row["against_best"]["paired"] for row in paired["rows"][1:]} == {True}
    table = external("compare", "steps", "--ablation", "1").out
    assert "are not paired, because seeds are unknown" in table
    assert "Welch's t test" in table


def test_steps_are_called_steps(external: Nnlab) -> None:
    assert "best step" in external("compare", "steps").out
    assert "best epoch" in external("compare", "epochs").out
    assert "from step 4,000" in external("diagnose", "1").out
    header = external("show", "1", "--curves", "--format", "csv").out.splitlines()[0]
    assert header.startswith("step,")
    listed = external("ls", "steps").out
    assert "steps" in listed
    assert "at step" in listed
    assert " of " not in listed.splitlines()[1] or "4,000" in listed


def test_runs_of_unknown_data_are_comparable_within_their_study(external: Nnlab) -> None:
    rankings = external("compare", "--format", "json").json
    headings = {rankings["heading"], *(each["heading"] for each in rankings["other_groups"])}
    assert headings >= {"study steps", "study odd", "wiki", "b", "c", "imagenet-w21"}


def test_a_direction_is_defined_for_the_database(external: Nnlab) -> None:
    note = external("compare", "imported").out
    assert "not ranked by val/gini" in note
    assert "higher values are better" in external("db", "define", "val/gini", "max").out
    ranking = external("compare", "imported", "--format", "json").json
    assert (ranking["by"], ranking["direction"]) == ("val/gini", "max")
    assert ranking["rows"][0]["mean"] == max(row["mean"] for row in ranking["rows"])
    external("db", "define", "val/*", "none")
    assert "not ranked" not in external("compare", "imported").out
    assert "train/loss" in external("compare", "imported").out
    error = external("compare", "imported", "--by", "val/gini", expect=2).err
    assert "it is not known whether lower or higher" in error
    assert "unknown metric 'nothing*'" in external("db", "define", "nothing*", "min", expect=2).err
    assert "a metric and its direction" in external("db", "define", "val/gini", expect=2).err


def test_runs_of_an_origin_are_listed(external: Nnlab) -> None:
    runs = external("ls", "--origin", "imported", "--format", "json").json
    assert {run["origin"] for run in runs} == {"imported"}
    assert len(runs) == 5
    assert all(json.dumps(run) for run in runs)

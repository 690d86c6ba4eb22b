"""Figures of average ranks, costs, seeds, budgets and dependence of stored runs."""

import csv
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line_runner import QUICK, Nnlab
from safetensors.numpy import load_file
from scipy import stats

from nnlab import store
from nnlab.stats.intervals import confidence_interval

SMALL = QUICK[2:]


def rows_of(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / f"{name}.csv").read_text().splitlines()))


def draw(nnlab: Nnlab, folder: Path, *words: str) -> list[dict[str, str]]:
    """The numbers of a figure, which is drawn into a file too."""
    nnlab("plot", *words, "-o", "figure.svg", "--data", "--force")
    return rows_of(folder, "figure")


@pytest.fixture
def sizes(nnlab: Nnlab) -> Nnlab:
    """A grid of two optimizers and four sizes of the training split, with three seeds."""
    nnlab(
        *("init-study", "sizes", *QUICK, "--lr", "0.01", "--opt", "sgd,adam"),
        *("--train-size", "20,40,60,80", "--seeds", "3"),
    )
    nnlab("train", "--study", "sizes", "-q")
    return nnlab


@pytest.fixture
def tasks(nnlab: Nnlab) -> Nnlab:
    """Three optimizers on three data sets."""
    for data in ("iris", "wine", "breast-cancer"):
        nnlab(
            *("init-study", data, "--data", data, *SMALL, "--opt", "sgd,momentum,adam"),
            *("--lr", "0.01", "--seeds", "2"),
        )
        nnlab("train", "--study", data, "-q")
    return nnlab


def run_values(trial: dict[str, Any]) -> dict[int, float]:
    """The best accuracy of each run of a trial, from the database."""
    db = store.open_database("runs.db", write=False)
    best = store.best_values(db, trial["runs"], "val/accuracy", "max")
    return {run: value for run, (value, _) in best.items()}


def trials(nnlab: Nnlab, *words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = nnlab("compare", *words, "--format", "json").json["rows"]
    return rows


def test_average_ranks_are_those_of_scipy(tasks: Nnlab, folder: Path) -> None:
    names = ("iris", "wine", "breast-cancer")
    found = draw(tasks, folder, "critical-difference", *names, "--across", "opt")
    scores = {row["opt"]: [float(row[data]) for data in sorted(names)] for row in found}
    for data in names:
        for trial in trials(tasks, data):
            value = scores[trial["setting"]["opt"]][sorted(names).index(data)]
            assert value == pytest.approx(trial["mean"])
    ranks = stats.rankdata([[-v for v in row] for row in scores.values()], axis=0).mean(axis=1)
    assert [float(row["average rank"]) for row in found] == pytest.approx(ranks.tolist())
    answer = tasks("plot", "critical-difference", *names, "--across", "opt")
    friedman = stats.friedmanchisquare(*scores.values())
    assert f"chi squared {friedman.statistic:.3g}" in answer.err
    assert "few data sets (3)" in answer.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("iris", "--across", "opt"), "all runs use iris"),
        (("iris", "wine", "--across", "opt", "--blocks", "seeds"), "not independent blocks"),
        (("iris", "wine", "--across", "lr"), "at least three methods, there is one"),
        (("iris", "wine", "--across", "nonsense"), "nonsense"),
    ],
)
def test_ranks_that_mean_nothing_are_refused(
    tasks: Nnlab, words: tuple[str, ...], reason: str
) -> None:
    assert reason in tasks("plot", "critical-difference", *words, expect=2).err


def test_the_seeds_of_one_data_set_are_blocks_on_request(tasks: Nnlab, folder: Path) -> None:
    found = draw(
        tasks, folder, "critical-difference", "iris", "--across", "opt", "--blocks", "seeds"
    )
    assert list(found[0])[2:] == ["seed 0", "seed 1"]
    by_opt = {
        trial["setting"]["opt"]: run_values(trial).values() for trial in trials(tasks, "iris")
    }
    for row in found:
        assert [float(row["seed 0"]), float(row["seed 1"])] == pytest.approx(
            list(by_opt[row["opt"]])
        )


def test_costs_are_those_of_the_database(sizes: Nnlab, folder: Path) -> None:
    found = draw(sizes, folder, "pareto", "sizes")
    db = store.open_database("runs.db", write=False)
    histories = store.histories(db, [run.id for run in store.runs(db)], ["time/epoch"])
    seconds = {run: sum(history["time/epoch"].values) for run, history in histories.items()}
    by_trial = {tuple(trial["runs"]): trial for trial in trials(sizes, "sizes")}
    expected = {
        (statistics.mean(seconds[run] for run in runs), trial["mean"])
        for runs, trial in by_trial.items()
    }
    drawn = {(float(row["seconds"]), float(row["value"])) for row in found}
    for pair, other in zip(sorted(drawn), sorted(expected), strict=True):
        assert pair == pytest.approx(other)
    for row in found:
        beaten = any(
            cost <= float(row["seconds"]) and value >= float(row["value"])
            and (cost, value) != (float(row["seconds"]), float(row["value"]))
            for cost, value in drawn
        )  # fmt: skip
        assert (row["on front"] == "False") == beaten


def test_parameters_are_counted_in_the_stored_weights(nnlab: Nnlab, folder: Path) -> None:
    nnlab(
        "train",
        "--data",
        "iris",
        "--depth",
        "1",
        "--epochs",
        "1",
        "--width",
        "4,8",
        "--norm",
        "batch",
        "-q",
    )
    found = draw(nnlab, folder, "pareto", "--x", "params")
    counted = sorted(float(row["params"]) for row in found)
    # Two layers, and the scale and shift of batch normalisation, but not its statistics.
    assert counted == [(4 * w + w) + 2 * w + (3 * w + 3) for w in (4, 8)]
    (weights,) = [load_file(path) for path in sorted(folder.rglob("1/model.safetensors"))]
    running = [name for name in weights if "running" in name or "num_batches" in name]
    stored = sum(np.size(tensor) for name, tensor in weights.items() if name not in running)
    assert stored in counted


def test_a_cost_that_is_not_known_is_named(sizes: Nnlab) -> None:
    answer = sizes("plot", "pareto", "sizes", "--x", "nonsense", expect=2)
    assert "nonsense" in answer.err
    answer = sizes("plot", "pareto", "sizes", "--x", "opt", expect=2)
    assert "opt is no positive number" in answer.err


def test_strips_have_all_runs(sizes: Nnlab, folder: Path) -> None:
    found = draw(sizes, folder, "seeds", "sizes")
    expected = {
        run: value for trial in trials(sizes, "sizes") for run, value in run_values(trial).items()
    }
    assert {int(row["run"]): float(row["value"]) for row in found} == pytest.approx(expected)
    for trial in trials(sizes, "sizes"):
        (low,) = {float(row["low"]) for row in found if int(row["run"]) in trial["runs"]}
        assert low == pytest.approx(
            confidence_interval(list(run_values(trial).values()), limits=(0, 1))[0]
        )
    pooled = draw(sizes, folder, "seeds", "sizes", "--x", "opt", "--over", "all", "--box")
    assert len(pooled) == 24
    for name in ("SGD", "Adam"):
        values = [float(row["value"]) for row in pooled if row["opt"] == name]
        (median,) = {float(row["median"]) for row in pooled if row["opt"] == name}
        assert median == pytest.approx(float(np.median(values)))


def test_diverged_runs_are_marked_and_not_averaged(nnlab: Nnlab, folder: Path) -> None:
    nnlab(
        *("train", *QUICK[:4], "--depth", "2", "--epochs", "4", "--activation", "identity"),
        *("--opt", "sgd", "--lr", "0.1,1000", "--seeds", "2", "-q"),
    )
    found = draw(nnlab, folder, "seeds")
    assert {row["diverged"] for row in found if "1000" in row["trial"]} == {"True"}
    assert {row["mean"] for row in found if "1000" in row["trial"]} == {""}
    assert "diverged, drawn as crosses" in nnlab("plot", "seeds").err
    assert "not on the front because seeds diverged" in nnlab("plot", "pareto").err


def test_a_power_law_is_fitted_to_the_means(sizes: Nnlab, folder: Path) -> None:
    found = draw(sizes, folder, "scaling", "sizes", "--by", "val/loss", "--lines", "opt")
    for name in ("SGD", "Adam"):
        own = [row for row in found if row["opt"] == name]
        means = {float(r["train_size"]): float(r["value"]) for r in own if r["number"] == "mean"}
        expected = {
            trial["setting"]["train_size"]: trial["mean"]
            for trial in trials(sizes, "sizes", "--by", "val/loss")
            if trial["setting"]["opt"] == name.lower()
        }
        assert means == pytest.approx(expected)
        parameters = {r["number"]: float(r["value"]) for r in own}
        curve = {float(r["train_size"]): float(r["value"]) for r in own if r["number"] == "fit"}
        assert curve[min(curve)] == pytest.approx(
            parameters["limit"] + parameters["scale"] * min(curve) ** -parameters["exponent"]
        )
    answer = sizes("plot", "scaling", "sizes", "--by", "val/loss")
    assert "95 % CI: exponent" in answer.err
    assert "extrapolated to train_size 160" in answer.err


def test_an_accuracy_is_fitted_as_an_error(sizes: Nnlab, folder: Path) -> None:
    found = draw(sizes, folder, "scaling", "sizes")
    means = {float(r["train_size"]): float(r["value"]) for r in found if r["number"] == "mean"}
    best: dict[float, float] = {}
    for trial in trials(sizes, "sizes"):
        best.setdefault(trial["setting"]["train_size"], 1 - trial["mean"])
    assert means == pytest.approx(best)
    assert "the best trial over opt" in sizes("plot", "scaling", "sizes").err


def test_the_dependence_on_a_grid_is_its_marginal_means(sizes: Nnlab, folder: Path) -> None:
    found = draw(sizes, folder, "dependence", "sizes", "--x", "opt")
    means = {row["value"]: float(row["mean"]) for row in found}
    for name in ("sgd", "adam"):
        values = [t["mean"] for t in trials(sizes, "sizes") if t["setting"]["opt"] == name]
        assert means[name] == pytest.approx(statistics.mean(values))
    assert all(math.isfinite(float(row["low"])) for row in found)
    assert "marginal means of a full grid" in sizes("plot", "dependence", "sizes").err
    assert "do not differ in it" in sizes("plot", "dependence", "sizes", "--x", "lr", expect=2).err


def test_sampled_trials_have_the_dependence_of_a_forest(nnlab: Nnlab, folder: Path) -> None:
    nnlab(
        "init-study",
        "s",
        *QUICK,
        "--lr",
        "0.001..1",
        "--opt",
        "sgd,adam",
        "--trials",
        "9",
        "--sampler",
        "random",
        "--seeds",
        "1",
    )
    nnlab("train", "--study", "s", "-q")
    found = draw(nnlab, folder, "dependence", "s")
    assert len(found) == 9 + 2
    assert "random forest of 9 trials" in nnlab("plot", "dependence", "s").err

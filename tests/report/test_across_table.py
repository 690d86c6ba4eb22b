"""`nnlab compare --across` for papers: a column per data set, average ranks and their test."""

import pytest
from command_line_runner import Nnlab
from scipy import stats


@pytest.fixture
def methods(nnlab: Nnlab) -> Nnlab:
    """Three optimizers with two learning rates on two data sets, four seeds each."""
    nnlab(
        "train", "--data", "iris,wine", "--width", "8", "--depth", "1", "--epochs", "3", "--opt",
        "sgd,adam,rmsprop", "--lr", "0.01,0.1", "--seeds", "4", "-q",
    )  # fmt: skip
    return nnlab


def test_values_are_those_of_the_best_trial_on_each_data_set(methods: Nnlab) -> None:
    answer = methods("compare", "--across", "opt", "--format", "json").json
    alone = methods("compare", "--mixed", "--format", "json").json["rows"]
    for method in answer["methods"]:
        for data, value in method["values"].items():
            trials = [
                row
                for row in alone
                if row["setting"]["opt"] == method["name"] and row["setting"]["data"] == data
            ]
            assert value["mean"] == max(row["mean"] for row in trials)
            assert value["n"] == 4
    for data in answer["tasks"]:
        means = [method["values"][data]["mean"] for method in answer["methods"]]
        best = [method["values"][data] for method in answer["methods"]][means.index(max(means))]
        assert best["best"]
    means = [[m["values"][data]["mean"] for data in answer["tasks"]] for m in answer["methods"]]
    ranks = stats.rankdata([[-value for value in row] for row in means], axis=0).mean(axis=1)
    assert [method["rank"] for method in answer["methods"]] == pytest.approx(ranks.tolist())
    assert answer["rank_test"]["test"].startswith("Friedman")


def test_tables_for_papers_name_the_test(methods: Nnlab) -> None:
    words = ("compare", "--across", "opt")
    latex = methods(*words, "--format", "latex", "--label", "tab:methods").out
    assert r"Optimizer & Iris & Wine & Average rank" in latex
    assert r"\label{tab:methods}" in latex
    assert "Friedman test" in latex
    assert "each the best of its trials on that data set" in latex
    assert r"\textbf{" in latex
    markdown = methods(*words, "--format", "markdown").out
    assert markdown.startswith("| Optimizer | Iris | Wine | Average rank |")
    assert markdown.count("\n| ") == 4
    typst = methods(*words, "--format", "typst", "--caption", "Methods").out
    assert "[Optimizer], [Iris], [Wine], [Average rank]," in typst
    assert "[Methods]" in typst
    assert "<caption>" in methods(*words, "--format", "html").out
    answer = methods(*words).out
    assert "Friedman test" in answer
    assert "RMSProp" in answer
    assert "(best run); Iris, Wine" in " ".join(answer.split())
    assert "\nrmsprop," in methods(*words, "--format", "csv").out


def test_two_methods_are_compared_by_the_probability_of_improvement(methods: Nnlab) -> None:
    runs = [
        str(run)
        for row in methods("compare", "--mixed", "--format", "json").json["rows"]
        if row["setting"]["opt"] != "rmsprop"
        for run in row["runs"]
    ]
    answer = methods("compare", *runs, "--across", "opt", "--format", "json").json
    assert answer["rank_test"] is None
    assert {method["tier"] for method in answer["methods"]} == {None}
    text = methods("compare", *runs, "--across", "opt", "--format", "markdown").out
    assert "with probability" in text
    assert "Friedman" not in text
    assert "Tier" not in text


def test_methods_that_diverged_share_their_rank(nnlab: Nnlab) -> None:
    nnlab(
        *("train", "--data", "diabetes", "--width", "8", "--depth", "1", "--epochs", "2"),
        *("--opt", "sgd,momentum", "--lr", "1000", "--seeds", "4", "--allow-diverged", "-q"),
    )
    answer = nnlab("compare", "--across", "opt", "--format", "json").json
    assert [method["rank"] for method in answer["methods"]] == [1.5, 1.5]
    latex = nnlab("compare", "--format", "latex").out
    assert "lower is better; no run has a value.}" in latex
    assert "Bold" not in latex
    error = nnlab("plot", "scaling", "-o", "scaling.pdf", expect=2).err
    assert "no trial sets train_size" in error
    error = nnlab("plot", "pareto", "-o", "pareto.pdf", expect=2).err
    assert "no trial has a finite val/loss" in error

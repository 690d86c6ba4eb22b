"""`nnlab plot aggregates`: numbers from the database, and readable at every venue."""

import csv
from pathlib import Path

import numpy as np
import pytest
from command_line_runner import Nnlab
from figure_checks import assert_plain_text, assert_readable
from scipy.stats import trim_mean

from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.aggregates import draw_aggregates
from nnlab.stats.aggregate_scores import aggregate_scores, improvement_probabilities

VENUES_OF_ALL_SIZES = ("neurips", "acl", "nature", "beamer", "poster")
SMALL = ("--width", "8", "--depth", "1", "--epochs", "2", "--opt", "sgd,adam", "--seeds", "3")


@pytest.fixture
def two_data_sets(nnlab: Nnlab) -> Nnlab:
    """Two optimizers with three seeds on iris and on wine."""
    for data in ("iris", "wine"):
        nnlab("init-study", data, "--data", data, *SMALL)
        nnlab("train", "--study", data, "-q")
    return nnlab


def numbers(folder: Path) -> dict[tuple[str, str, str], tuple[float, float, float]]:
    rows = csv.DictReader((folder / "a.csv").read_text().splitlines())
    return {
        (row["statistic"], row["method"], row["over"]): (
            float(row["value"]),
            float(row["low"]),
            float(row["high"]),
        )
        for row in rows
    }


def test_accuracies_are_aggregated_as_they_are(two_data_sets: Nnlab, folder: Path) -> None:
    words = ("plot", "aggregates", "iris", "wine", "--across", "opt")
    answer = two_data_sets(*words, "-o", "a.svg", "--data")
    assert "a.svg: 2 methods over iris, wine, 12 runs" in answer.out
    assert "95 % stratified bootstrap" in answer.err
    drawn = numbers(folder)
    runs = [two_data_sets("show", str(n), "--format", "json").json[0] for n in range(1, 13)]
    for method in ("sgd", "adam"):
        accuracies = [
            row["best"]
            for run in runs
            if run["setting"]["opt"] == method
            for row in run["metrics"]
            if row["metric"] == "val/accuracy"
        ]
        assert len(accuracies) == 6
        value, low, high = drawn["iqm", method, ""]
        assert value == pytest.approx(trim_mean(accuracies, 0.25))
        assert low <= value <= high
        assert drawn["mean", method, ""][0] == pytest.approx(np.mean(accuracies))
    assert ("probability of improvement", "adam", "sgd") in drawn
    assert ("probability of improvement", "sgd", "adam") in drawn


def test_losses_are_normalised(two_data_sets: Nnlab) -> None:
    words = ("plot", "aggregates", "iris", "wine", "--across", "opt", "--by", "val/loss")
    two_data_sets(*words, "-o", "a.svg")
    answer = two_data_sets(*words, "--normalise", "none", "-o", "a.svg", expect=2)
    assert "val/loss of different data sets is not comparable" in answer.err


def synthetic(methods: int) -> dict[str, dict[str, list[float]]]:
    rng = np.random.default_rng(methods)
    return {
        f"method {i}": {task: list(rng.random(5)) for task in ("iris", "wine")}
        for i in range(methods)
    }


@pytest.mark.parametrize(
    "paper",
    [*(paper_for_venue(name) for name in VENUES_OF_ALL_SIZES), Paper(style="dark")],
    ids=str,
)
@pytest.mark.parametrize("methods", [2, 6])
def test_it_is_readable(paper: Paper, methods: int) -> None:
    scores = synthetic(methods)
    pairs = improvement_probabilities(scores, resamples=50)
    with use_paper(paper):
        figure = draw_aggregates(
            aggregate_scores(scores, resamples=50),
            pairs[:5],
            {name: f"SGD with momentum {name}" for name in scores},
            score_label="Validation accuracy; 2 data sets, 10 runs per method",
        )
        assert_readable(figure)
        assert_plain_text(figure)
        assert figure.get_figwidth() == paper.width

"""The figure of the line between the weights of two runs."""

import csv
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab
from figure_checks import xs, ys

from nnlab.figures.kinds.interpolation import PairLines, draw_interpolation

POSITIONS = (0.0, 0.5, 1.0)
RAW = {"train/loss": (1.0, 5.0, 2.0), "train/accuracy": (0.9, 0.2, 0.8)} | {
    "val/loss": (2.0, 6.0, 3.0), "val/accuracy": (0.8, 0.1, 0.7)
}  # fmt: skip
ALIGNED = {"train/loss": (1.0, 1.5, 2.0), "val/loss": (2.0, 2.5, 3.0)} | {
    "train/accuracy": (0.9, 0.85, 0.8), "val/accuracy": (0.8, 0.75, 0.7)
}  # fmt: skip


def test_lines_are_drawn_as_measured() -> None:
    pair = PairLines("lr 0.1", "run 1", "run 2", POSITIONS, RAW, ALIGNED)
    loss, accuracy = draw_interpolation([pair]).axes
    assert [ys(line) for line in loss.lines] == [
        RAW["train/loss"], RAW["val/loss"], ALIGNED["train/loss"], ALIGNED["val/loss"]
    ]  # fmt: skip
    assert xs(loss.lines[0]) == POSITIONS
    assert loss.get_yscale() == "log"
    assert ys(accuracy.lines[0]) == RAW["train/accuracy"]
    assert loss.get_title() == "lr 0.1"
    assert [text.get_text() for text in loss.get_xticklabels()] == ["Run 1", "halfway", "Run 2"]


def test_a_regression_has_its_r2_beside_the_loss_and_all_pairs_one_scale() -> None:
    pairs = [
        PairLines(
            title,
            "run 1",
            "run 2",
            POSITIONS,
            {"train/loss": losses, "val/loss": losses, "train/r2": losses, "val/r2": losses},
            {},
        )
        for title, losses in (("a", (0.1, 0.2, 0.1)), ("b", (1.0, 2.0, 1.0)))
    ]
    axes = draw_interpolation(pairs).axes
    assert axes[0].get_ylim() == axes[2].get_ylim() == pytest.approx((0.08, 2.5))
    assert axes[1].get_ylabel() == "R²"


def test_two_runs_are_named_or_two_seeds_of_each_trial_are_taken(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab("train", *QUICK, "--lr", "0.001,0.01", "--seeds", "3", "-q")
    answer = nnlab("plot", "interpolation", "-o", "line.svg", "--points", "3", "--data")
    assert "2 more seeds not drawn" in answer.err
    rows = list(csv.DictReader((folder / "line.csv").read_text().splitlines()))
    assert len({(row["first run"], row["second run"]) for row in rows}) == 2
    assert {float(row["position"]) for row in rows} == {0.0, 0.5, 1.0}
    answer = nnlab("plot", "interpolation", "1", "6", "-o", "two.svg", "--points", "3")
    assert "runs 1 and 6, raw: barrier" in answer.out
    answer = nnlab("plot", "interpolation", "1", "-o", "one.svg", expect=2)
    assert "a line needs two ends" in answer.err

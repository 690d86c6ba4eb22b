"""The numbers of sweeps, interactions, heatmaps and parallel coordinates, compared with scipy."""

import contextlib
import csv
import json
import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from command_line_runner import QUICK, Nnlab
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from scipy import stats

from nnlab import store
from nnlab.figures.draw.reader_options import ReaderOptions, use_reader_options
from nnlab.figures.kinds.heatmap import prepare_heatmap
from nnlab.figures.kinds.parallel import prepare_parallel
from nnlab.figures.kinds.sweep import prepare_interaction, prepare_sweep
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.figures.trials import rank_for_figure
from nnlab.stats.uncertainty import Uncertainty

GRID = ("--opt", "sgd,adam", "--lr", "0.001,0.01", "--l2", "0,0.1", "--seeds", "4")
Rows = list[dict[str, object]]


@pytest.fixture
def grid(nnlab: Nnlab, folder: Path) -> store.Database:
    """Eight trials of four seeds: two optimizers, two learning rates, two penalties."""
    nnlab("init-study", "grid", *QUICK, *GRID)
    nnlab("train", "--study", "grid", "-q")
    return store.open_database("runs.db", write=False)


def table(figure: PreparedFigure) -> Rows:
    return [dict(zip(figure.table.columns, row, strict=True)) for row in figure.table.rows]


def losses(db: store.Database) -> dict[tuple[object, ...], list[float]]:
    """The losses of each trial by optimizer, learning rate and penalty, in order of the seeds."""
    rows = rank_for_figure(db, ["grid"], by="val/loss").rows
    return {
        (row.setting["opt"], row.setting["lr"], row.setting["l2"]): [
            value for _, value in sorted(zip(row.seeds, row.values, strict=True))
        ]
        for row in rows
    }


def interval(values: list[float]) -> tuple[float, float]:
    """The 95 % t interval of a positive quantity, on the logarithmic scale (delta method)."""
    mean = float(np.mean(values))
    half = float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))
    return mean * math.exp(-half / mean), mean * math.exp(half / mean)


def diverge(opt: str, lr: float, count: int) -> None:
    """Marks the first runs of the trials with these settings as diverged."""
    with contextlib.closing(sqlite3.connect("runs.db")) as connection, connection:
        for trial, text in connection.execute("SELECT id, setting FROM trial").fetchall():
            setting = json.loads(text)
            if (setting["opt"], setting["lr"]) == (opt, lr):
                connection.execute(
                    "UPDATE run SET status = 'diverged' WHERE id IN"
                    " (SELECT id FROM run WHERE trial_id = ? ORDER BY seed LIMIT ?)",
                    (trial, count),
                )


def legend_texts(figure: Figure) -> list[str]:
    legends = [item for item in figure.findobj(Legend) if isinstance(item, Legend)]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def test_a_point_of_a_sweep_is_the_mean_of_the_best_trial_with_its_t_interval(
    grid: store.Database,
) -> None:
    figure = prepare_sweep(grid, ["grid"], x="lr", lines="opt", by="val/loss")
    trials = losses(grid)
    for row in table(figure):
        candidates = [trials[row["opt"], row["lr"], l2] for l2 in (0.0, 0.1)]
        best = min(candidates, key=np.mean)
        assert row["mean"] == pytest.approx(np.mean(best))
        assert (row["low"], row["high"]) == pytest.approx(interval(best))
        assert (row["n"], row["diverged"]) == (4, 0)


def test_an_interaction_has_intervals_over_the_seeds_of_the_means_over_the_other_settings(
    grid: store.Database,
) -> None:
    """The settings are no random sample; the seeds are, and each seed has all settings."""
    figure = prepare_interaction(grid, ["grid"], x="lr", lines="opt", by="val/loss")
    trials = losses(grid)
    rows = table(figure)
    assert len(rows) == 4
    for row in rows:
        by_seed = np.mean([trials[row["opt"], row["lr"], l2] for l2 in (0.0, 0.1)], axis=0)
        assert row["mean"] == pytest.approx(by_seed.mean())
        assert (row["low"], row["high"]) == pytest.approx(interval(list(by_seed)))
        assert row["n"] == 4
    assert "means over L2 penalty at each point" in figure.notes


@pytest.mark.parametrize("uncertainty", [Uncertainty.SD, Uncertainty.SE])
def test_the_bounds_follow_the_chosen_uncertainty(
    grid: store.Database, uncertainty: Uncertainty
) -> None:
    with use_reader_options(ReaderOptions(uncertainty=uncertainty)):
        figure = prepare_sweep(
            grid,
            [
                "grid",
            ],
            x="opt",
            by="val/loss",
        )
        drawn = figure.draw()
    texts = legend_texts(drawn)
    assert ("sd" if uncertainty is Uncertainty.SD else "standard error") in texts
    trials = losses(grid)
    for row in table(figure):
        best = min((v for key, v in trials.items() if key[0] == row["opt"]), key=np.mean)
        spread = np.std(best, ddof=1) if uncertainty is Uncertainty.SD else stats.sem(best)
        factor = math.exp(spread / np.mean(best))
        assert row["high"] == pytest.approx(np.mean(best) * factor)


def test_diverged_runs_have_no_part_in_the_means(grid: store.Database) -> None:
    before = losses(grid)
    diverge("sgd", 0.01, 1)
    figure = prepare_sweep(grid, ["grid"], x="lr", lines="opt", by="val/loss")
    row = next(r for r in table(figure) if (r["opt"], r["lr"]) == ("sgd", 0.01))
    assert (row["n"], row["diverged"]) == (3, 1)
    remaining = [before["sgd", 0.01, l2][1:] for l2 in (0.0, 0.1)]
    assert any(row["mean"] == pytest.approx(np.mean(values)) for values in remaining)
    assert any("SGD, lr 0.01" in note and "1 of 4 runs" in note for note in figure.notes)
    # An interaction leaves out the seed at this point, so that its trials stay comparable.
    figure = prepare_interaction(grid, ["grid"], x="lr", lines="opt", by="val/loss")
    row = next(r for r in table(figure) if (r["opt"], r["lr"]) == ("sgd", 0.01))
    assert row["mean"] == pytest.approx(np.mean(remaining))
    assert (row["n"], row["diverged"]) == (3, 2)


def test_a_trial_whose_runs_all_diverged_has_a_cross_and_no_mean(grid: store.Database) -> None:
    diverge("sgd", 0.01, 4)
    sweep = prepare_sweep(grid, ["grid"], x="lr", lines="opt", by="val/loss")
    row = next(r for r in table(sweep) if (r["opt"], r["lr"]) == ("sgd", 0.01))
    assert (row["mean"], row["low"], row["n"], row["diverged"]) == (None, None, 0, 4)
    ax = sweep.draw().axes[0]
    assert [text.get_text() for text in ax.texts] == ["4/4"]
    heatmap = prepare_heatmap(grid, ["grid"], x="lr", y="opt", by="val/loss").draw().axes[0]
    assert sum("4/4 diverged" in text.get_text() for text in heatmap.texts) == 1
    parallel = prepare_parallel(grid, ["grid"], by="val/loss")
    lost = [r for r in table(parallel) if r["diverged"]]
    assert [(r["val/loss"], r["diverged"]) for r in lost] == [(None, 4), (None, 4)]


def test_a_heatmap_writes_means_and_uncertainties_with_equal_decimals(
    grid: store.Database,
) -> None:
    figure = prepare_heatmap(grid, ["grid"], x="lr", y="opt", by="val/loss", spread=True)
    drawn = figure.draw()
    texts = [text.get_text().removeprefix("± ") for text in drawn.axes[0].texts]
    numbers = list(zip(texts[::2], texts[1::2], strict=True))
    assert len({len(text.partition(".")[2]) for pair in numbers for text in pair}) == 1
    for row, (mean, spread) in zip(table(figure), numbers, strict=True):
        decimals = len(mean.partition(".")[2])
        assert isinstance(row["high"], float)
        assert isinstance(row["low"], float)
        assert float(mean) == pytest.approx(row["val/loss"], abs=0.51 * 10**-decimals)
        half = (row["high"] - row["low"]) / 2
        assert float(spread) == pytest.approx(half, abs=0.51 * 10**-decimals)
    assert drawn.axes[-1].get_ylabel().endswith("mean ± 95 % CI")


def test_trials_that_share_no_seeds_have_intervals_over_the_trials(
    nnlab: Nnlab, folder: Path
) -> None:
    nnlab("train", *QUICK, "--opt", "sgd", "--lr", "0.01", "--seed", "0", "-q")
    nnlab("train", *QUICK, "--opt", "sgd", "--lr", "0.1", "--seed", "1", "-q")
    nnlab("train", *QUICK, "--opt", "adam", "--lr", "0.01,0.1", "--seed", "0", "-q")
    db = store.open_database("runs.db", write=False)
    figure = prepare_sweep(db, [], x="opt", by="val/loss", over="mean")
    rows = rank_for_figure(db, [], by="val/loss").rows
    for row in table(figure):
        means = [r.value.mean for r in rows if r.setting["opt"] == row["opt"]]
        assert row["mean"] == pytest.approx(np.mean(means))
        assert (row["low"], row["high"]) == pytest.approx(interval(means))
    texts = legend_texts(figure.draw())
    assert texts == ["mean of 2 trials", "95 % CI", "one trial"]


def test_the_author_chooses_order_and_names(grid: store.Database) -> None:
    options = ReaderOptions(order=("SGD", "Adam"), rename={"Adam": "Ours"})
    with use_reader_options(options):
        figure = prepare_heatmap(grid, ["grid"], x="lr", y="opt")
        labels = [text.get_text() for text in figure.draw().axes[0].get_yticklabels()]
    assert labels == ["SGD", "Ours"]
    with use_reader_options(ReaderOptions(order=("Adam",))):
        figure = prepare_heatmap(grid, ["grid"], x="lr", y="opt")
        labels = [text.get_text() for text in figure.draw().axes[0].get_yticklabels()]
    assert labels == ["Adam", "SGD"]


def test_the_spread_is_an_option_that_figures_store(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--opt", "sgd,adam", "--lr", "0.001,0.01", "--seeds", "2", "-q")
    nnlab("plot", "heatmap", "--spread", "-o", "a.svg", "--data")
    answer = nnlab("figures", "--format", "json").json
    assert "--spread" in str(answer)
    first = (folder / "a.svg").read_bytes()
    nnlab("plot", "heatmap", "--spread", "-o", "a.svg")
    assert (folder / "a.svg").read_bytes() == first
    rows = list(csv.DictReader((folder / "a.csv").read_text().splitlines()))
    assert set(rows[0]) == {"opt", "lr", "val/accuracy", "low", "high", "n", "diverged"}


def test_rates_over_decades_are_spaced_by_factors_in_the_terminal(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--lr", "0.001,0.01,0.1", "-q")
    lines = nnlab("plot", "sweep", "--x", "lr").out.splitlines()
    (axis,) = [line for line in lines if line.count("┬") == 3]
    first, middle, last = [place for place, letter in enumerate(axis) if letter == "┬"]
    assert abs((middle - first) - (last - middle)) <= 1

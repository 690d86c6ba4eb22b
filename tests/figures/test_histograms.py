"""`nnlab plot histograms`: quantiles of stored weights, and readable at every venue."""

import csv
import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from command_line_runner import QUICK, Nnlab
from figure_checks import assert_plain_text, assert_readable, ys
from safetensors.numpy import load_file

from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.draw.symmetric_log import linear_threshold
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.histograms import (
    LayerQuantiles,
    draw_histogram_frames,
    draw_histograms,
)

VENUES_OF_ALL_SIZES = ("neurips", "acl", "nature", "beamer", "poster")
PERCENTAGES = (0, 1, 5, 25, 50, 75, 95, 99, 100)
SHARES = np.array(PERCENTAGES) / 100


def layer(number: int, scale: float, epochs: int = 20, trial: str = "adam") -> LayerQuantiles:
    """Normally distributed weights, or gradients, whose sd changes over the epochs."""
    rng = np.random.default_rng(number)
    by_epoch = np.array(
        [np.quantile(rng.normal(0, scale / e, 5000), SHARES) for e in range(1, epochs + 1)]
    )
    quantiles = tuple(tuple(map(float, row)) for row in by_epoch.T)
    return LayerQuantiles(trial, number, tuple(range(1, epochs + 1)), PERCENTAGES, quantiles)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_numbers_are_the_quantiles_of_the_stored_weights(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--probe", "full", "--seeds", "1", "-q")
    answer = nnlab("plot", "histograms", "1", "-o", "w.svg", "--data")
    assert answer.out.startswith("w.svg: 1 trial, 1 run")
    run = nnlab("show", "1", "--format", "json").json[0]
    (artifact,) = [a for a in run["artifacts"] if a["kind"] == "model"]
    weights = [w for w in load_file(folder / artifact["path"]).values() if w.ndim == 2]
    table = rows(folder / "w.csv")
    assert {row["epoch"] for row in table} == {"0", "1", "2", "3"}
    for number, weight in enumerate(weights, start=1):
        drawn = [
            float(row["weight"])
            for row in table
            if (row["layer"], row["epoch"]) == (str(number), str(run["selected_epoch"]))
        ]
        assert drawn == pytest.approx(list(np.percentile(weight, PERCENTAGES)), rel=1e-5, abs=1e-7)


def test_quantiles_of_several_seeds_are_averaged(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--probe", "full", "--seeds", "3", "-q", "--study", "seeds")
    words = ("plot", "histograms", "seeds", "--what", "gradients")
    answer = nnlab(*words, "-o", "g.svg", "--data")
    assert "the quantiles are means over 3 seeds" in answer.err
    single = []
    for run in ("1", "2", "3"):
        nnlab("plot", "histograms", run, "--what", "gradients", "-o", f"{run}.svg", "--data")
        single.append([float(row["gradient"]) for row in rows(folder / f"{run}.csv")])
    mean = [float(row["gradient"]) for row in rows(folder / "g.csv")]
    assert mean == pytest.approx(list(np.mean(single, axis=0)))


def test_a_run_without_quantiles_is_refused_with_the_reason(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    answer = nnlab("plot", "histograms", "1", expect=2)
    assert "no quantiles of the weights in 1 trial, 1 run" in answer.err
    assert "train with --probe full" in answer.err
    nnlab("train", *QUICK, "--probe", "full", "-q")
    with sqlite3.connect(folder / "runs.db") as database:
        # As an earlier version stored it.
        database.execute("UPDATE metric SET name = 'old/' || name WHERE name LIKE '%_quantile_%'")
    answer = nnlab("plot", "histograms", "2", expect=2)
    assert "an earlier version of nnlab" in answer.err


def test_the_quantiles_are_not_listed_with_the_other_metrics(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "--probe", "full", "-q")
    shown = nnlab("show", "1").out
    assert "probe/grad_norm/1" in shown
    assert "_quantile_" not in shown
    assert "36 quantiles of weights and gradients are not shown" in shown
    assert "nnlab plot histograms 1" in shown
    assert "_quantile_" not in nnlab("show", "1", "--curves").out
    assert "probe/weight_quantile_25/1" in nnlab("show", "1", "--curves", "--format", "csv").out
    assert "_quantile_" not in nnlab("compare", "1", "--by", "val/nothing", expect=2).err


def test_bands_are_nested_and_the_median_is_drawn() -> None:
    figure = draw_histograms([layer(1, 1.0)])
    (ax,) = figure.axes
    assert ys(ax.lines[0]) == layer(1, 1.0).at(50)
    heights = [np.ptp(band.get_paths()[0].vertices[:, 1]) for band in ax.collections]
    assert heights == sorted(heights, reverse=True)
    assert len(heights) == 4


def test_layers_of_similar_width_share_an_axis() -> None:
    first, second = draw_histograms([layer(1, 1.0), layer(2, 0.4)]).axes
    assert first.get_ylim() == second.get_ylim()
    first, second = draw_histograms([layer(1, 1.0), layer(2, 0.01)]).axes
    assert first.get_ylim()[1] > 20 * second.get_ylim()[1]


def test_gradients_over_decades_get_a_symmetric_logarithmic_axis() -> None:
    (ax,) = draw_histograms([layer(1, 1.0, 200)], "gradients").axes
    assert ax.get_yscale() == "symlog"
    (ax,) = draw_histograms([layer(1, 1.0, 2)], "gradients").axes
    assert ax.get_yscale() == "linear"
    assert linear_threshold([], []) is None
    assert linear_threshold([math.inf, 0.0], [0.0]) is None


@pytest.mark.parametrize(
    "paper",
    [
        *(paper_for_venue(name) for name in VENUES_OF_ALL_SIZES),
        Paper(style="dark"),
    ],
    ids=str,
)
@pytest.mark.parametrize("what", ["weights", "gradients"])
def test_it_is_readable(paper: Paper, what: str) -> None:
    layers = [layer(n, 10.0 ** (-n / 2), 100) for n in range(1, 6)]
    with use_paper(paper):
        for figure in (draw_histograms(layers, what), next(draw_histogram_frames(layers, what))):
            assert_readable(figure)
            assert_plain_text(figure)
            assert figure.get_figwidth() == paper.width


def test_two_trials_diverged_values_and_a_single_epoch_are_drawn() -> None:
    one = layer(1, 1.0, 1)
    broken = LayerQuantiles(
        "sgd with a long name, lr 30",
        1,
        (1, 2, 3),
        PERCENTAGES,
        tuple((p - 50.0, math.nan, math.nan) for p in PERCENTAGES),
    )
    for what in ("weights", "gradients"):
        figure = draw_histograms([one, broken], what)
        assert_readable(figure)
        assert_plain_text(figure)
        assert len(list(draw_histogram_frames([one, broken], what))) == 3

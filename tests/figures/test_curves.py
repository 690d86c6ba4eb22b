"""Learning curves: nothing overlaps, is clipped, or is missing."""

import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from figure_checks import assert_readable
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from scipy import stats
from synthetic_trials import LONG, history, many, overfits, plateau

from nnlab.figures.draw.curve_keys import default_band
from nnlab.figures.draw.display_names import metric_name
from nnlab.figures.draw.panel_curves import PanelCurves, collect_panel
from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.draw.reader_options import ReaderOptions, use_reader_options
from nnlab.figures.draw.series import Series
from nnlab.figures.kinds.curves import curve_rows, draw_curves
from nnlab.figures.kinds.gap import draw_gap
from nnlab.figures.trial_notes import scale_notes
from nnlab.records import Curve, History
from nnlab.stats.curve_band import BandKind
from nnlab.stats.uncertainty import Uncertainty

CASES = {
    f"{trials} trials, {seeds} seeds": many(trials, seeds)
    for trials in (1, 2, 6, 12, 60)
    for seeds in (1, 5)
} | {
    "none": [],
    "long names": many(12, 1, LONG),
    "long names of few": many(3, 5, LONG * 3),
    "diverged": [
        Series("lr=10", tuple(history(s, diverged_at=9) for s in range(3))),
        Series("lr=1", (history(4), history(5, diverged_at=20))),
    ],
    "never finite": [Series("lr=100", (history(1, diverged_at=1),))],
    "one epoch": [Series("a", (history(1, 1),)), Series("b", (history(2, 1), history(3, 1)))],
    "onsets at the ends": [
        Series("a", (history(1),), (overfits(1),)),
        Series("b", (history(2),), (overfits(30),)),
    ],
    "lone onset at the end": [Series("a", (history(1),), (overfits(30),))],
    "plateaus": [
        Series("a", (history(1),), (plateau(12),)),
        Series("b", (history(2),), (overfits(20),)),
    ],
    "large numbers": [Series("a", (history(1, 100_000 // 50, scale=1e8),))],
    "small numbers": [Series("a", (history(1, scale=1e-9),))],
}


@pytest.mark.parametrize("name", CASES)
def test_no_text_overlaps_or_is_clipped(name: str) -> None:
    figure = draw_curves(CASES[name], loss="cross_entropy")
    assert_readable(figure)


@pytest.mark.parametrize("name", CASES)
def test_no_legend_covers_a_panel(name: str) -> None:
    figure = draw_curves(CASES[name])
    canvas = FigureCanvasAgg(figure)
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    legends = [legend for legend in figure.findobj(Legend) if isinstance(legend, Legend)]
    for legend, ax in itertools.product(legends, figure.axes):
        panel = ax.get_tightbbox(renderer)
        assert panel is not None
        assert legend.get_window_extent(renderer).y1 <= panel.y0 + 1


def legend_labels(figure: Figure) -> list[str]:
    legends = [legend for legend in figure.findobj(Legend) if isinstance(legend, Legend)]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def lines_with(ax: Axes, **properties: object) -> list[Line2D]:
    return [
        line
        for line in ax.get_lines()
        if all(getattr(line, f"get_{name}")() == value for name, value in properties.items())
    ]


def xs(line: Line2D) -> list[float]:
    return [float(x) for x in np.asarray(line.get_xdata())]


def ys(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def test_loss_and_accuracy_are_named_for_a_reader() -> None:
    figure = draw_curves(many(2, 1), loss="cross_entropy")
    assert [ax.get_ylabel() for ax in figure.axes] == ["Loss (cross entropy, nats)", "Accuracy"]
    assert {ax.get_xlabel() for ax in figure.axes} == {"Epoch"}
    assert figure.get_figwidth() == 5.5


def test_many_trials_show_validation_only() -> None:
    (loss, _) = draw_curves(many(12, 1), loss="cross_entropy").axes
    assert loss.get_ylabel() == "Validation loss\n(cross entropy, nats)"


def test_regression_shows_r2() -> None:
    of = History(
        {
            "val/loss": Curve("val/loss", (1, 2), (1.0, 0.5)),
            "val/r2": Curve("val/r2", (1, 2), (0.1, 0.6)),
        }
    )
    figure = draw_curves([Series("a", (of,))], loss="mse")
    assert [ax.get_ylabel().replace("\n", " ") for ax in figure.axes] == [
        "Validation loss (mean squared error)",
        "Validation R²",
    ]


def test_trials_differ_by_more_than_colour() -> None:
    figure = draw_curves(many(12, 1))
    lines = lines_with(figure.axes[0], linestyle="-")
    assert len({str(line.get_marker()) for line in lines}) == 12


def test_beyond_twelve_the_rest_is_one_entry() -> None:
    labels = legend_labels(draw_curves(many(60, 1)))
    assert "48 other trials" in labels
    assert "lr=11" in labels
    assert "lr=12" not in labels
    assert "1 other trial" in legend_labels(draw_curves(many(13, 1)))


def test_best_epoch_of_the_mean_is_ringed_unless_one_was_selected() -> None:
    epochs = (1, 2, 3)
    seeds = tuple(
        History({"val/loss": Curve("val/loss", epochs, values)})
        for values in ((3.0, 1.0, 2.5), (3.0, 3.0, 1.0))
    )
    for selected, x, y in ((None, 3, 1.75), (2, 2, 2.0)):
        (ax,) = draw_curves([Series("a", seeds, selected=selected)]).axes
        (ring,) = lines_with(ax, markerfacecolor="#FFFFFF", marker="o")
        assert (xs(ring), ys(ring)) == ([x], [y])


def test_onset_is_drawn_beside_the_loss_and_said() -> None:
    findings = (overfits(9), overfits(11), overfits(12))
    figure = draw_curves([Series("a", (history(1), history(2), history(3)), findings)])
    loss, accuracy = figure.axes
    assert [xs(line) for line in lines_with(loss, linestyle=":")] == [[11, 11]]
    assert lines_with(accuracy, linestyle=":") == []
    assert texts_of(loss) == ["3 of 3 seeds overfit (median onset: epoch 11)"]
    assert "overfitting starts" in legend_labels(figure)


def test_one_of_ten_seeds_does_not_make_the_mean_overfit() -> None:
    seeds = tuple(history(seed) for seed in range(10))
    loss, _ = (figure := draw_curves([Series("a", seeds, (overfits(8),))])).axes
    assert lines_with(loss, linestyle=":") == []
    assert texts_of(loss) == []
    assert "overfitting starts" not in legend_labels(figure)
    (panel,) = draw_gap([Series("a", seeds, (overfits(8),))]).axes
    assert panel.get_title() == "a"
    assert texts_of(panel) == ["1 of 10 seeds overfits (from epoch 8)"]
    assert lines_with(panel, linestyle=":") == []


def test_a_plateau_has_a_mark_of_its_own_where_nothing_overfits() -> None:
    loss, _ = (figure := draw_curves([Series("a", (history(1),), (plateau(12),))])).axes
    assert [xs(line) for line in lines_with(loss, linestyle="-.")] == [[12, 12]]
    assert texts_of(loss) == ["plateau since epoch 12"]
    assert "plateau starts" in legend_labels(figure)
    (panel,) = draw_gap([Series("a", (history(1),), (plateau(12),))]).axes
    assert [xs(line) for line in lines_with(panel, linestyle="-.")] == [[12, 12]]
    both = Series(
        "a", (history(1), history(2), history(3)), (plateau(12), overfits(9), overfits(9))
    )
    loss, _ = draw_curves([both]).axes
    assert lines_with(loss, linestyle="-.") == []
    assert [xs(line) for line in lines_with(loss, linestyle=":")] == [[9, 9]]


def texts_of(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_seeds_are_a_mean_and_a_band() -> None:
    single, several = draw_curves(many(1, 1)), draw_curves(many(1, 5))
    assert len(single.axes[0].collections) == 0
    assert len(several.axes[0].collections) == 2  # training and validation
    assert "95 % CI, 5 seeds" in legend_labels(several)
    assert "range of 4 seeds" in legend_labels(draw_curves(many(1, 4)))


def test_of_several_trials_only_validation_has_bands() -> None:
    figure = draw_curves(many(6, 3))
    assert [len(ax.collections) for ax in figure.axes] == [6, 6]
    assert "range of 3 seeds" in legend_labels(figure)


def test_a_band_is_within_the_view_and_does_not_reach_the_bottom_of_a_log_axis() -> None:
    """Three seeds far apart: their t interval would begin below zero."""
    losses = ((2.0, 0.02, 0.01), (2.0, 0.1, 0.05), (2.0, 0.9, 0.4))
    seeds = tuple(History({"val/loss": Curve("val/loss", (1, 2, 3), of)}) for of in losses)
    (ax,) = draw_curves([Series("a", seeds)]).axes
    assert ax.get_yscale() == "log"
    (band,) = ax.collections
    heights = np.asarray(band.get_paths()[0].vertices)[:, 1]
    assert (heights.min(), heights.max()) == (0.01, 2.0)
    assert ax.get_ylim()[0] < 0.01


def test_an_onset_is_drawn_only_where_most_seeds_overfit() -> None:
    histories = tuple(history(seed) for seed in range(10))
    for count, drawn in ((1, False), (5, False), (6, True)):
        figure = draw_curves([Series("a", histories, tuple(overfits(9) for _ in range(count)))])
        assert bool(lines_with(figure.axes[0], linestyle=":")) is drawn
        assert ("overfitting starts" in legend_labels(figure)) is drawn


def test_divergence_leaves_a_gap_and_a_cross() -> None:
    figure = draw_curves([Series("lr=10", (history(1, diverged_at=9),))])
    crosses = lines_with(figure.axes[0], marker="x")
    assert [xs(line) for line in crosses] == [[8], [8]]
    assert "diverged" in legend_labels(figure)


def test_a_curve_that_explodes_does_not_hide_the_others() -> None:
    epochs = tuple(range(1, 11))
    wild = History(
        {"val/loss": Curve("val/loss", epochs, (2.0, 1.0, *(10.0**k for k in range(3, 11))))}
    )
    expected = History({"val/loss": Curve("val/loss", epochs, tuple(2.0 / e for e in epochs))})
    (ax,) = draw_curves([Series("wild", (wild,)), Series("calm", (expected,))]).axes
    assert ax.get_ylim()[1] < 100


def test_a_run_that_begins_far_off_does_not_hide_the_others() -> None:
    epochs = tuple(range(1, 13))

    def of(metric: str, *values: float) -> Series:
        return Series(metric, (History({metric: Curve(metric, epochs[: len(values)], values)}),))

    losses = [of("val/loss", *(2.0 / e for e in epochs)) for _ in range(3)]
    (ax,) = draw_curves([of("val/loss", 1e36, math.nan), *losses]).axes
    assert ax.get_ylim()[1] < 3
    steps = [1 - 100 * 0.4**e for e in epochs]
    (ax,) = draw_curves([of("val/r2", *steps)], metrics=["val/r2"]).axes
    assert -8 < ax.get_ylim()[0] < 0.5
    assert ax.get_ylim()[1] > 0.99
    (ax,) = draw_curves([of("val/r2", -1e36), *(of("val/r2", *steps) for _ in range(3))]).axes
    assert -8 < ax.get_ylim()[0] < 0.5


def test_points_between_gaps_are_seen() -> None:
    values = (1.0, math.nan, 0.5, math.nan, math.nan, 0.4)
    of = History({"val/loss": Curve("val/loss", tuple(range(1, 7)), values)})
    (ax,) = draw_curves([Series("a", (of,))]).axes
    (dots,) = [line for line in lines_with(ax, linestyle="None", marker="o") if len(xs(line)) > 1]
    assert xs(dots) == [1, 3, 6]


@pytest.mark.parametrize(("top", "scale"), [(2.0, "linear"), (20.0, "log")])
def test_log_axis_where_the_loss_spans_decades(top: float, scale: str) -> None:
    of = History({"val/loss": Curve("val/loss", (1, 2), (top, 0.1))})
    (ax,) = draw_curves([Series("a", (of,))]).axes
    assert ax.get_yscale() == scale


def test_negative_losses_stay_linear() -> None:
    of = History({"val/loss": Curve("val/loss", (1, 2), (100.0, -0.1))})
    assert draw_curves([Series("a", (of,))]).axes[0].get_yscale() == "linear"


def test_any_label_is_drawn_as_it_is() -> None:
    labels = ["_hidden", "$x_1$", "a\nb", "", "%s & {}", "\x00\u65e5\u672c"]
    result = legend_labels(draw_curves([Series(label, (history(1),)) for label in labels]))
    assert result[-6:] == ["_hidden", "$x_1$", "a b", "(no name)", "%s & {}", "□□□"]


def test_long_labels_stay_different() -> None:
    labels = legend_labels(draw_curves([Series(LONG * 2, (history(i),)) for i in range(3)]))[-3:]
    assert len(set(labels)) == 3
    assert all("…" in label and len(label) <= 52 for label in labels)


def test_axes_of_ones_own() -> None:
    figure = Figure()
    ax = figure.subplots()
    assert draw_curves(many(2, 1), metrics=["val/loss"], axes=ax) is figure
    assert ax.get_ylabel() == "Validation loss"
    with pytest.raises(ValueError, match="2 panels"):
        draw_curves(many(2, 1), axes=ax)


def test_metrics_chosen_are_the_panels() -> None:
    of = History({m: Curve(m, (1, 2), (0.1, 0.01)) for m in ("lr", "val/top5", "train/loss_exact")})
    figure = draw_curves([Series("a", (of,))], metrics=["lr", "val/top5", "train/loss_exact"])
    assert [ax.get_ylabel() for ax in figure.axes] == [
        "Learning rate",
        "Validation top5",
        "Training loss",
    ]


def test_a_quantity_stands_for_its_splits() -> None:
    figure = draw_curves(many(2, 1), metrics=["accuracy", "accuracy", "val/loss"])
    assert [ax.get_ylabel() for ax in figure.axes] == ["Accuracy", "Validation loss"]
    dashes = {line.get_linestyle() for line in figure.axes[0].get_lines()}
    assert {"-", "--"} <= dashes
    (ax,) = draw_curves(many(2, 1), metrics=["unknown"]).axes
    assert "nothing measured" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("nnlab.figures.kinds.curves, nnlab.figures.draw.save", "matplotlib.pyplot"),
        (
            "nnlab.figures.draw, nnlab.figures.draw.series, nnlab.figures.draw.display_names",
            "matplotlib",
        ),
    ],
)
def test_imports_stay_light(modules: str, absent: str) -> None:
    code = f"import sys, {modules}; sys.exit({absent!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def legend_texts(figure: Figure) -> list[str]:
    legends = [entry for entry in figure.findobj(Legend) if isinstance(entry, Legend)]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def test_a_lone_run_shows_what_its_few_validation_examples_leave_open() -> None:
    accuracy = (0.5, 0.8, 1.0)
    alone = History(
        {
            "val/accuracy": Curve("val/accuracy", (1, 2, 3), accuracy),
            "data/val": Curve("data/val", (1,), (40.0,)),
            "data/classes": Curve("data/classes", (1,), (3.0,)),
        }
    )
    figure = draw_curves([Series("run", (alone,))], metrics=["val/accuracy"])
    (band,) = [entry for ax in figure.axes for entry in ax.collections]
    corners = np.asarray(band.get_paths()[0].vertices)
    heights = {(round(float(x)), round(float(y), 6)) for x, y in corners}
    for epoch, value in zip((1, 2, 3), accuracy, strict=True):
        # Wilson's interval at one standard error: the roots of (x - p)^2 = x (1 - x) / n.
        roots = np.roots([1 + 1 / 40, -2 * value - 1 / 40, value**2])
        assert {(epoch, round(float(root), 6)) for root in roots} <= heights
    assert "68 % interval of 40 examples" in legend_texts(figure)
    both = draw_curves([Series("run", (alone, alone))], metrics=["val/accuracy"])
    assert not any("examples" in text for text in legend_texts(both))


def test_no_sampling_error_is_drawn_for_tags_tokens_and_pixels() -> None:
    """An example has several of them, so the number of examples does not give the error."""
    curve = Curve("val/accuracy", (1, 2), (0.5, 0.8))
    pixels = History({"val/accuracy": curve, "data/val": Curve("data/val", (1,), (40.0,))})
    figure = draw_curves([Series("run", (pixels,))], metrics=["val/accuracy"])
    assert not [entry for ax in figure.axes for entry in ax.collections]


@pytest.mark.parametrize("quantity", ["mean_iou", "exact_match"])
def test_the_second_panel_shows_the_metric_of_the_kind_of_targets(quantity: str) -> None:
    values = {"loss": (2.0, 1.0), "accuracy": (0.5, 0.8), quantity: (0.1, 0.2)}
    curves = {f"val/{name}": Curve(f"val/{name}", (1, 2), data) for name, data in values.items()}
    figure = draw_curves([Series("run", (History(curves),))])
    labels = [ax.get_ylabel().replace("\n", " ") for ax in figure.axes]
    assert labels == ["Validation loss", metric_name(f"val/{quantity}")]


def test_on_a_logarithmic_axis_mean_and_band_are_those_of_the_logarithms() -> None:
    losses = [[2.0, 0.02 * factor, 0.01 * factor] for factor in (1.0, 3.0, 9.0, 20.0, 1.5)]
    seeds = tuple(History({"val/loss": Curve("val/loss", (1, 2, 3), tuple(of))}) for of in losses)
    (ax,) = draw_curves([Series("a", seeds)]).axes
    assert ax.get_yscale() == "log"
    logarithms = np.log([of[2] for of in losses])
    low, high = stats.t.interval(0.95, 4, logarithms.mean(), stats.sem(logarithms))
    mean = lines_with(ax, linestyle="-")[0]
    assert ys(mean)[2] == pytest.approx(stats.gmean([of[2] for of in losses]))
    (band,) = ax.collections
    corners = [(round(float(x)), float(y)) for x, y in np.asarray(band.get_paths()[0].vertices)]
    last = [y for x, y in corners if x == 3]
    assert (min(last), max(last)) == pytest.approx((math.exp(low), math.exp(high)))


def test_the_table_has_arithmetic_means_and_the_geometric_means_of_a_logarithmic_axis() -> None:
    losses = ([10.0, 0.1], [20.0, 0.4])
    seeds = tuple(History({"val/loss": Curve("val/loss", (1, 2), tuple(of))}) for of in losses)
    series = [Series("a", seeds)]
    panel = collect_panel(series, ["val/loss"], BandKind.INTERVAL)
    rows = list(curve_rows(series, ["val/loss"], [panel]))
    assert [row[:4] for row in rows] == [("a", "val/loss", 1, 15.0), ("a", "val/loss", 2, 0.25)]
    assert [row[7] for row in rows] == pytest.approx([math.sqrt(200), math.sqrt(0.04)])
    assert [row[4:7] for row in rows] == [(10.0, 20.0, 2), (0.1, 0.4, 2)]
    linear = collect_panel(series, ["val/loss"], BandKind.INTERVAL, log=False)
    assert {row[7] for row in curve_rows(series, ["val/loss"], [linear])} == {None}


def test_training_curves_of_more_than_four_trials_are_thin_and_light() -> None:
    for trials, thin in ((4, False), (5, True)):
        (ax, _) = draw_curves(many(trials, 1)).axes
        training = [line for line in lines_with(ax, linestyle="--") if len(xs(line)) == 30]
        validation = [line for line in lines_with(ax, linestyle="-") if len(xs(line)) == 30]
        assert len(training) == len(validation) == trials
        assert all((line.get_linewidth() < 0.7) is thin for line in training)
        assert all(((line.get_alpha() or 1) < 0.7) is thin for line in training)
        assert all(line.get_linewidth() > 1 for line in validation)


def test_of_sixty_trials_the_first_twelve_are_named_and_in_front() -> None:
    figure = draw_curves(many(60, 1))
    (ax, _) = figure.axes
    grey = [line for line in ax.lines if line.get_color() == "#9A9A9A" and len(xs(line)) > 1]
    named = [line for line in ax.lines if str(line.get_label()).startswith("_trial")]
    assert (len(grey), len(named)) == (48, 12)
    assert max(line.get_zorder() for line in grey) < min(line.get_zorder() for line in named)
    assert "48 other trials" in legend_labels(figure)


def test_a_single_trial_needs_no_entry() -> None:
    assert legend_labels(draw_curves(many(1, 1))) == [
        "training",
        "validation",
        "best epoch",
        "overfitting starts",
    ]


@pytest.mark.parametrize("width", [1.6, 3.25, 5.5])
def test_no_legend_is_wider_than_the_figure(width: float) -> None:
    with use_paper(Paper(width=width)):
        figure = draw_curves(many(3, 5, LONG * 2))
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    for legend in figure.findobj(Legend):
        box = legend.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= width * figure.dpi


def test_the_band_is_that_of_the_uncertainty() -> None:
    names = {Uncertainty.CI: "95 % CI", Uncertainty.SD: "± sd", Uncertainty.SE: "± standard error"}
    for uncertainty, name in names.items():
        with use_reader_options(ReaderOptions(uncertainty=uncertainty)):
            figure = draw_curves(many(2, 5), spread=default_band())
        assert f"{name}, 5 seeds" in legend_labels(figure)


def test_panels_of_a_gap_share_their_axis_and_its_labels() -> None:
    axes = draw_gap(many(4, 1), loss="cross_entropy").axes
    assert len({ax.get_ylim() for ax in axes}) == len({ax.get_xlim() for ax in axes}) == 1
    assert [bool(ax.get_ylabel()) for ax in axes] == [True, False, True, False]
    assert [bool(ax.get_xlabel()) for ax in axes] == [False, False, True, True]


def test_a_requested_logarithmic_axis_that_is_impossible_is_a_note() -> None:
    panels = {"loss": PanelCurves((), None)}
    assert list(scale_notes(panels, None, log=True)) == [
        "Loss: linear axis, because not all values are above 0"
    ]
    assert not list(scale_notes(panels, None))

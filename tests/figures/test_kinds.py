"""Every kind of figure on all kinds of runs: nothing overlaps or is clipped."""

import math
import random
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pytest
from figure_checks import assert_plain_text, assert_readable
from matplotlib.figure import Figure
from synthetic_trials import LONG, history, many
from tradeoff_figures import costs, dependence, ranks, scaling, strips

from nnlab.figures.draw.paper import LEGEND_PLACEMENTS, PALETTES, STYLES, Paper, use_paper
from nnlab.figures.draw.series import Series
from nnlab.figures.draw.venues import VENUES, paper_for_venue
from nnlab.figures.kinds.calibration import ReliabilityDiagram, draw_calibration
from nnlab.figures.kinds.compare import MeanDifference, SeedDifference, draw_comparison
from nnlab.figures.kinds.confusion import ConfusionMatrix, draw_confusion
from nnlab.figures.kinds.critical_difference import draw_critical_difference
from nnlab.figures.kinds.curves import draw_curves
from nnlab.figures.kinds.decay_points import draw_decay_points
from nnlab.figures.kinds.dependence import draw_dependence
from nnlab.figures.kinds.effects import EffectBar, draw_effects
from nnlab.figures.kinds.examples import Mistake, draw_mistakes
from nnlab.figures.kinds.gap import draw_gap
from nnlab.figures.kinds.gate import CandidateEffect, draw_gate
from nnlab.figures.kinds.heatmap import HeatmapData, draw_heatmap
from nnlab.figures.kinds.init import InitHistograms, draw_init_histograms
from nnlab.figures.kinds.interpolation import PairLines, draw_interpolation
from nnlab.figures.kinds.landscape import LandscapeSlices, draw_landscape
from nnlab.figures.kinds.layers import LayerCurves, draw_layers
from nnlab.figures.kinds.lr import LearningRateCurve, draw_learning_rates
from nnlab.figures.kinds.lr_range import draw_lr_range
from nnlab.figures.kinds.parallel import ParallelAxis, draw_parallel
from nnlab.figures.kinds.pareto import ParetoPoint, draw_pareto
from nnlab.figures.kinds.profile import draw_profile
from nnlab.figures.kinds.ranking import RankedRow, draw_ranking
from nnlab.figures.kinds.remedy import RemedyEffect, draw_remedies
from nnlab.figures.kinds.scaling import ScalingLine, ScalingPoint, draw_scaling
from nnlab.figures.kinds.seeds import SeedStrip, draw_seeds
from nnlab.figures.kinds.sweep import SweepLine, SweepPoint, draw_sweep
from nnlab.figures.kinds.time import CostCurve, draw_cost_curves
from nnlab.stats.across_tasks import MethodResult
from nnlab.stats.class_predictions import reliability_bins
from nnlab.stats.intervals import confidence_interval

NAN = math.nan


def places(trials: int, seeds: int, label: str = "lr=", broken: bool = False) -> list[RankedRow]:
    draw = random.Random(trials + seeds)
    result = []
    for i in range(trials):
        values = [0.98 - 0.8 * i / trials + draw.gauss(0, 0.02) for _ in range(seeds)]
        if broken and i % 3 == 1:
            values[0] = NAN
        if broken and i % 5 == 4:
            values = [1e9 * (1 + k) for k in range(seeds)]
        mean = sum(values) / seeds
        sd = float(np.std(values, ddof=1)) if seeds > 1 else NAN
        bounds = confidence_interval(values) if seeds > 1 else None
        tier = None if seeds == 1 else 1 if i < trials / 3 else 2
        diverged = tuple(not math.isfinite(value) for value in values)
        result.append(RankedRow(f"{label}{i}", tuple(values), mean, sd, bounds, tier, diverged))
    return result


def lines(count: int, points: int, seeds: int, *, words: bool = False) -> list[SweepLine]:
    draw = random.Random(count * points)
    result = []
    for i in range(count):
        dots = []
        for k in range(points):
            values = tuple(0.9 - 0.1 * i / count + draw.gauss(0, 0.02) for _ in range(seeds))
            at = f"{LONG[:30]}{k}" if words else 10.0 ** (k - 4)
            mean = NAN if k == 2 else sum(values) / seeds
            dots.append(
                SweepPoint(at, mean, confidence_interval(values) if seeds > 1 else None, values)
            )
        result.append(SweepLine(f"opt={i} {LONG if count == 12 else ''}", tuple(dots)))
    return result


def grid(rows: int, columns: int, name: str = "w") -> HeatmapData:
    values = tuple(
        tuple(None if (r + c) % 7 == 6 else 0.01 * r + 0.03 * c for c in range(columns))
        for r in range(rows)
    )
    written = tuple(tuple("" if v is None else f"{v:.3g}" for v in row) for row in values)
    return HeatmapData(
        tuple(f"{name}{r}" for r in range(rows)),
        tuple(f"{name}{c}" for c in range(columns)),
        values,
        written,
    )


def axes(trials: int, count: int) -> tuple[list[ParallelAxis], list[float]]:
    draw = random.Random(count)
    kinds = [
        ParallelAxis(
            f"Setting {k}" if k % 3 else f"A setting with a long name {k}",
            tuple(
                f"word {draw.randrange(9)}" if k % 4 == 3 else 10.0 ** draw.randrange(-4, 0)
                for _ in range(trials)
            ),
        )
        for k in range(count)
    ]
    return kinds, [NAN if i % 11 == 10 else draw.random() for i in range(trials)]


def paced(trials: int) -> list[CostCurve]:
    result = []
    for i in range(trials):
        cost = tuple(0.5 * (e + 1) * (1 + i) for e in range(40))
        mean = tuple(2.0 * math.exp(-0.1 * e) + 0.1 for e in range(40))
        low, high = tuple(m * 0.9 for m in mean), tuple(m * 1.1 for m in mean)
        result.append(CostCurve(f"lr={i}", cost, mean, low, high, cost[20] if i % 2 else None))
    return result


def layer_panels(titles: int, depth: int) -> list[LayerCurves]:
    return [
        LayerCurves(
            f"trial {i} {LONG if titles > 2 else ''}",
            f"probe/{what}",
            {
                n: (range(1, 21), [10.0 ** (-n / 3) * (1 + e / 9) for e in range(20)])
                for n in range(1, depth + 1)
            },
        )
        for i in range(titles)
        for what in ("activation_sd", "dead")
    ]


def method(name: str, shift: float) -> MethodResult:
    scores = {task: tuple(i / 5 / (1 + shift) for i in range(5)) for task in "xyz"}
    return MethodResult(name, 3, 15, 0.5, 0.4, 0.6, None, None, None, (), scores)


def confusion(classes: int, name: str = "") -> ConfusionMatrix:
    counts = tuple(
        tuple(27 if row == column else int((row + column) % 5 == 0) for column in range(classes))
        for row in range(classes)
    )
    return ConfusionMatrix(tuple(f"{name} {i}".strip() for i in range(classes)), counts)


def difference(mean: float, low: float, high: float, p: float, n: int) -> MeanDifference:
    return MeanDifference(mean, low, high, p, n, paired=True, decided=n > 3)


def mistakes(shape: tuple[int, ...], count: int) -> list[Mistake]:
    draw = np.random.default_rng(0)
    return [
        Mistake(draw.random(shape), f"class {i} of many", f"another class {i}", 3.2, 0.98)
        for i in range(count)
    ]


def reliabilities(count: int) -> list[ReliabilityDiagram]:
    draw = np.random.default_rng(1)
    raw = draw.dirichlet(np.ones(4) * 0.4, 400)
    bins = reliability_bins(raw, raw.argmax(axis=1) * (draw.random(400) < 0.8), 15)
    return [
        ReliabilityDiagram(f"trial {i} {LONG if count > 2 else ''}", bins, 0.123)
        for i in range(count)
    ]


OF_TRIALS: Mapping[str, Callable[[int, int], Figure]] = {
    "ranking": lambda t, s: draw_ranking(places(t, s), "Validation accuracy", lower=False),
    "gap": lambda t, s: draw_gap(many(min(t, 6), min(s, 5))),
    "curves": lambda t, s: draw_curves(many(t, s), loss="cross_entropy"),
}

KINDS: Mapping[str, Callable[[], Figure]] = {
    **{
        f"{kind} of {trials} trials, {seeds} seeds": partial(make, trials, seeds)
        for trials in (1, 2, 12, 60)
        for seeds in (1, 30)
        for kind, make in OF_TRIALS.items()
    },
    "ranking of long names": lambda: draw_ranking(places(12, 3, LONG), "Loss", lower=True),
    "ranking with what diverged": lambda: draw_ranking(
        places(12, 3, broken=True), "Loss", lower=True
    ),
    "ranking of nothing finite": lambda: draw_ranking(
        [RankedRow("lr=10", (NAN, NAN), NAN, NAN, None, None)], "Loss", lower=True
    ),
    "gap of long names": lambda: draw_gap(many(4, 2, LONG), loss="cross_entropy"),
    "gap of accuracy": lambda: draw_gap(many(2, 2), "accuracy"),
    "gap of what diverged": lambda: draw_gap([Series("lr=10", (history(1, diverged_at=2),))]),
    "gap of nothing": lambda: draw_gap([]),
    "sweep of one line": lambda: draw_sweep(lines(1, 5, 3), "Learning rate", "Validation accuracy"),
    "sweep of one point": lambda: draw_sweep(lines(1, 1, 1), "Learning rate", "Loss", log_y=True),
    "sweep of twelve lines": lambda: draw_sweep(lines(12, 5, 2), "Learning rate", "Loss"),
    "sweep of sixty lines": lambda: draw_sweep(lines(60, 3, 1), "Learning rate", "Loss"),
    "sweep over many values": lambda: draw_sweep(lines(2, 30, 1), "Learning rate", "Loss"),
    "sweep over words": lambda: draw_sweep(lines(3, 8, 4, words=True), "Optimizer", "Accuracy"),
    "heatmap 1 by 1": lambda: draw_heatmap(
        grid(1, 1), y="Depth", x="Width", value="Validation loss"
    ),
    "heatmap 3 by 4": lambda: draw_heatmap(
        grid(3, 4), y="Depth", x="Width", value="Loss", lower=True
    ),
    "heatmap of long names": lambda: draw_heatmap(
        grid(12, 12, LONG), y="Depth", x="Width", value="Loss"
    ),
    "heatmap 40 by 40": lambda: draw_heatmap(
        grid(40, 40, "class "), y="True", x="Said", value="Share"
    ),
    **{
        f"parallel, {trials} trials over {count} choices": make_parallel
        for trials, count in ((1, 1), (2, 3), (12, 5), (60, 8))
        for make_parallel in [
            lambda t=trials, c=count: draw_parallel(*axes(t, c), "Validation accuracy", lower=False)
        ]
    },
    "range test": lambda: draw_lr_range(
        [([1e-6 * 10**i for i in range(7)], [2.0] * 7, [2.0, 1.9, 1.5, 1.1, 1.0, 2.0, 9.0])], 1e-3
    ),
    "plateau of a loss": lambda: draw_decay_points([1.0, 0.5, 0.3, 0.29], 3),
    "effects": lambda: draw_effects(
        [
            EffectBar(f"{LONG[: 20 + i]} {i}", 0.5 / (i + 1), 0.0, 0.9, i % 3 == 2)
            for i in range(10)
        ],
        "validation accuracy",
    ),
    "effects of one": lambda: draw_effects([EffectBar("lr", 1.0, 0.9, 1.0, False)], "val loss"),
    "profile": lambda: draw_profile([method("adam", 0.0), method("sgd", 0.4)], 3),
    "profile of 60": lambda: draw_profile([method(f"{LONG}{i}", i / 60) for i in range(60)], 1),
    "time of one": lambda: draw_cost_curves(paced(1), "Training time (s)", "Loss", log_y=True),
    "time to a target": lambda: draw_cost_curves(
        paced(12), "Steps", "Validation loss", log_y=True, target=0.4
    ),
    "time of sixty": lambda: draw_cost_curves(paced(60), "Epochs", "Loss", log_y=True, target=9.0),
    "layers of one": lambda: draw_layers(layer_panels(1, 2)),
    "layers of four, deep": lambda: draw_layers(layer_panels(4, 50)),
    "calibration": lambda: draw_calibration(reliabilities(1)),
    "calibration of four": lambda: draw_calibration(reliabilities(4)),
    "worst images": lambda: draw_mistakes(mistakes((1, 8, 8), 24), signal=False),
    "worst colour images": lambda: draw_mistakes(mistakes((3, 8, 8), 3), signal=False),
    "worst signals": lambda: draw_mistakes(mistakes((64,), 9), signal=True),
    "worst rows": lambda: draw_mistakes(mistakes((13,), 1), signal=False),
    "two trials": lambda: draw_comparison(
        many(2, 5),
        "val/loss",
        [SeedDifference(str(s), 0.1 * s - 0.1, s == 3) for s in range(5)],
        difference(0.1, -0.1, 0.3, 0.2, 5),
    ),
    "two trials of one seed": lambda: draw_comparison(
        many(2, 1, LONG), "val/loss", [SeedDifference("0", 0.1)], None
    ),
    "two trials without shared seeds": lambda: draw_comparison(
        many(2, 2), "val/loss", [], difference(0.1, 0.05, 0.15, 0.00001, 3)
    ),
    "two trials of 30 seeds": lambda: draw_comparison(
        many(2, 30, LONG),
        "val/loss",
        [SeedDifference(str(s), 0.1) for s in range(30)],
        difference(0.1, NAN, NAN, 0.0001, 30),
        lower=True,
    ),
    **{
        f"confusion of {classes} classes": partial(
            draw_confusion, confusion(classes, name), "Validation accuracy 91.9 %", percent=percent
        )
        for classes, name, percent in (
            (2, "a class", False),
            (3, LONG, True),
            (10, "", True),
            (20, "long class", True),
            (100, "", False),
        )
    },
    "remedies": lambda: draw_remedies(
        [
            RemedyEffect(f"{LONG[:30]}{i}", 0.1 * i, -0.1, 0.4, i > 4, "3/8 seeds", 0.01 * i)
            for i in range(8)
        ],
        "Validation accuracy",
        control="8/8 seeds",
        finding="overfits",
        test="one-sided paired sign-flip test, Holm over 8 remedies",
    ),
    "gate": lambda: draw_gate(
        [
            CandidateEffect(
                f"#{i} {LONG[:30]}",
                NAN if i == 3 else 0.1 * i - 0.2,
                -math.inf if i % 2 else -0.4,
                math.inf if i % 3 else 0.6,
                ("kept", "discarded", "not decided yet")[i % 3],
                i,
            )
            for i in range(9)
        ],
        "Validation accuracy",
    ),
    "learning rates": lambda: draw_learning_rates(
        [
            LearningRateCurve(f"decay={i}", (0.0, 5.0, 10.0), (0.1, 0.05 / (i + 1), 0.01))
            for i in range(12)
        ]
    ),
    "init": lambda: draw_init_histograms(
        [
            InitHistograms(
                f"init={i} {LONG[:20]}",
                [10.0 ** (-i * k) for k in range(8)],
                {k: [random.Random(k).gauss(0, 1) for _ in range(200)] for k in range(1, 9)},
            )
            for i in range(4)
        ]
    ),
    "interpolation": lambda: draw_interpolation(
        [
            PairLines(
                LONG,
                f"run {i}",
                "run 123456",
                [0.0, 0.5, 1.0],
                {"train/loss": [0.1, 8.0, 0.2], "val/loss": [0.2, 9.0, math.inf]},
                {"train/loss": [0.1, 0.3, 0.2], "val/loss": [0.2, 0.4, 0.5]} if i else {},
            )
            for i in range(2)
        ]
    ),
    "landscape": lambda: draw_landscape(
        [
            LandscapeSlices(
                f"run {i} {LONG}", [-1.0, 0.0, 1.0], [[3.0, 0.1, 40.0]] * 3, [[3.0, 0.1, 9.0]] * 3
            )
            for i in range(2)
        ]
    ),
    **{
        f"critical difference of {methods} methods over {blocks}": partial(
            lambda m, b: draw_critical_difference(ranks(m, b)), methods, blocks
        )
        for methods, blocks in ((3, 3), (4, 14), (9, 30), (20, 40))
    },
    "critical difference of long names": lambda: draw_critical_difference(ranks(7, 20, LONG)),
    "critical difference of nothing": lambda: draw_critical_difference(ranks(5, 5, effect=0.0)),
    **{
        f"pareto of {trials}": partial(
            lambda t: draw_pareto(costs(t), "Training time (s)", "Accuracy", lower=False), trials
        )
        for trials in (1, 2, 12, 60)
    },
    "pareto of long names": lambda: draw_pareto(
        costs(12, LONG), "Training time (s)", "Validation accuracy", lower=False
    ),
    "pareto with what diverged": lambda: draw_pareto(
        costs(12, diverged=5), "Parameters of the model", "Validation accuracy", lower=False
    ),
    "pareto of equal trials": lambda: draw_pareto(
        [ParetoPoint(f"{LONG}{i}", 1.0, 0.5, None, None, 1, on_front=True) for i in range(9)],
        "Epochs",
        "Loss",
        lower=True,
        log_y=True,
    ),
    **{
        f"seeds of {rows} trials, {seeds} seeds": partial(
            lambda r, s: draw_seeds(strips(r, s), "Validation accuracy", lower=False), rows, seeds
        )
        for rows in (1, 2, 12, 60)
        for seeds in (1, 30)
    },
    "seeds in boxes": lambda: draw_seeds(
        strips(6, 10, LONG, diverged=2), "Loss", lower=True, rows="Optimizer", box=True
    ),
    "seeds with what diverged": lambda: draw_seeds(
        strips(6, 10, diverged=3), "Validation accuracy", lower=False
    ),
    "seeds of nothing finite": lambda: draw_seeds(
        [SeedStrip("lr 10", (), 3, NAN, None, None)], "Loss", lower=True
    ),
    **{
        f"scaling of {count} lines, {budgets} budgets, {seeds} seeds": partial(
            lambda c, b, s: draw_scaling(scaling(c, b, s, "opt "), "Train size", "Loss"),
            count,
            budgets,
            seeds,
        )
        for count, budgets, seeds in ((1, 5, 5), (1, 2, 1), (3, 3, 2), (12, 12, 3), (20, 4, 1))
    },
    "scaling of long names": lambda: draw_scaling(
        scaling(4, 5, 3, LONG), "Train size (examples)", "1 \u2212 validation accuracy"
    ),
    "scaling without errors": lambda: draw_scaling(
        [
            ScalingLine(
                "",
                (
                    ScalingPoint(50.0, (0.2, 0.3), 0.25, (0.1, 0.4)),
                    ScalingPoint(100.0, (0.0, 0.0), 0.0, (0.0, 0.0)),
                    ScalingPoint(200.0, (), NAN, None, 2),
                ),
                None,
            )
        ],
        "Train size",
        "1 \u2212 accuracy",
    ),
    **{
        f"dependence on {count}": partial(
            lambda c: draw_dependence(dependence(c), "Validation accuracy"), count
        )
        for count in (1, 2, 6)
    },
    "dependence on long names": lambda: draw_dependence(dependence(4, long=True), "Loss"),
}

# On one column of a two-column page there is half the width, on a poster three times the type.
NARROW = {
    "icml": paper_for_venue("icml"),
    "acl": paper_for_venue("acl"),
    "poster": paper_for_venue("poster"),
}


@pytest.mark.parametrize("name", KINDS)
def test_no_text_overlaps_or_is_clipped(name: str) -> None:
    assert_readable(KINDS[name](), least=1)


@pytest.mark.parametrize("name", KINDS)
def test_no_text_contains_markup_or_rounding_noise(name: str) -> None:
    assert_plain_text(KINDS[name]())


@pytest.mark.parametrize("venue", NARROW)
@pytest.mark.parametrize("name", KINDS)
def test_nor_on_a_narrow_page_or_a_poster(name: str, venue: str) -> None:
    with use_paper(NARROW[venue]):
        figure = KINDS[name]()
    assert figure.get_figwidth() == NARROW[venue].width
    assert_readable(figure, least=1)


@pytest.mark.parametrize("legend", LEGEND_PLACEMENTS)
@pytest.mark.parametrize("trials", [2, 12, 60])
def test_nor_wherever_the_legend_stands(trials: int, legend: str) -> None:
    with use_paper(Paper(legend=legend)):  # type: ignore[arg-type]
        assert_readable(draw_curves(many(trials, 3)))


@pytest.mark.parametrize("style", STYLES)
def test_every_style_sets_its_ground_and_its_ink(style: str) -> None:
    with use_paper(Paper(style=style)):
        figure = draw_curves(many(2, 1))
    assert figure.get_facecolor()[:3] == pytest.approx(
        tuple(int(STYLES[style].background[i : i + 2], 16) / 255 for i in (1, 3, 5))
    )
    assert figure.axes[0].spines["top"].get_visible() is STYLES[style].boxed


@pytest.mark.parametrize("name", VENUES)
def test_a_venue_sets_width_and_type(name: str) -> None:
    paper = paper_for_venue(name)
    with use_paper(paper):
        figure = draw_curves(many(2, 1))
    assert figure.get_figwidth() == paper.width
    assert figure.axes[0].xaxis.label.get_fontsize() == paper.label_size
    assert figure.axes[0].get_xticklabels()[0].get_fontsize() == paper.size


def test_widths_are_those_of_the_venues_own_pages() -> None:
    """NeurIPS 2024: 5.5 inches of text; ICML 2024: columns of 3.25, text of 6.75."""
    assert paper_for_venue("neurips").width == 5.5
    assert (paper_for_venue("icml").width, paper_for_venue("icml", 2).width) == (3.25, 6.75)
    assert paper_for_venue("ieee").width == pytest.approx(3.487, abs=1e-3)
    assert paper_for_venue("nature", 2).width == pytest.approx(183 / 25.4, abs=0.01)


def seen_with(color: str, matrix: np.ndarray) -> np.ndarray:
    """A colour as it looks without one kind of cones (Machado et al. 2009, severity 1)."""
    rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return lab(np.clip(matrix @ linear, 0, 1))


def lab(linear: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB, D65."""
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = (to_xyz @ linear) / np.array([0.9505, 1.0, 1.089])
    x, y, z = (np.cbrt(t) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


DEFICIENCIES = {
    "none": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("palette", [name for name in PALETTES if name != "grey"])
def test_the_first_colours_are_told_apart(palette: str, deficiency: str) -> None:
    colors = [seen_with(entry, DEFICIENCIES[deficiency]) for entry in PALETTES[palette][:4]]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(colors) for b in colors[:i]]
    assert min(apart) > 10  # CIE 1976: 2.3 is just noticeable


@pytest.mark.parametrize("palette", PALETTES)
def test_on_a_dark_ground_every_colour_is_light(palette: str) -> None:
    for entry in Paper(style="dark", palette=palette).colors:
        red, green, blue = (int(entry[i : i + 2], 16) for i in (1, 3, 5))
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue >= 119
    assert Paper(palette=palette).colors == PALETTES[palette]

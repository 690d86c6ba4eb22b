"""Synthetic data of the figures of average ranks, costs, seeds, budgets and dependence."""

import math
import random

from synthetic_trials import LONG

from nnlab.figures.kinds.dependence import DependencePanel
from nnlab.figures.kinds.pareto import ParetoPoint
from nnlab.figures.kinds.scaling import ScalingLine, ScalingPoint
from nnlab.figures.kinds.seeds import SeedStrip
from nnlab.stats.average_ranks import RankComparison, compare_average_ranks
from nnlab.stats.intervals import confidence_interval
from nnlab.stats.pareto import pareto_front
from nnlab.stats.power_law import fit_power_law
from nnlab.stats.tukey_box import tukey_box


def ranks(methods: int, blocks: int, label: str = "method ", effect: float = 0.4) -> RankComparison:
    draw = random.Random(methods)
    return compare_average_ranks(
        {
            f"{label}{i}": [(effect * i + draw.gauss(0, 1),) for _ in range(blocks)]
            for i in range(methods)
        }
    )


def costs(trials: int, label: str = "lr ", diverged: int = 0) -> list[ParetoPoint]:
    """Trials with seconds from 1 to 100 and accuracies that rise with them."""
    draw = random.Random(trials)
    result = []
    for i in range(trials):
        cost = 10 ** (2 * i / max(trials - 1, 1))
        value = 0.6 + 0.35 * i / trials + draw.gauss(0, 0.05)
        result.append((cost, min(value, 0.999)))
    front = set(pareto_front([c for c, _ in result], [-v for _, v in result]))
    return [
        ParetoPoint(
            f"{label}{i}",
            cost,
            value,
            (0.9 * cost, 1.1 * cost),
            (value - 0.02, min(value + 0.02, 1)),
            5,
            i in front and i >= diverged,
            0.9,
            2 if i < diverged else 0,
        )
        for i, (cost, value) in enumerate(result)
    ]


def strips(rows: int, seeds: int, label: str = "lr ", diverged: int = 0) -> list[SeedStrip]:
    draw = random.Random(rows * seeds)
    result = []
    for i in range(rows):
        values = [0.9 - 0.5 * i / rows + draw.gauss(0, 0.03) for _ in range(seeds)]
        lost = seeds if i == rows - 1 and diverged else min(diverged, i)
        values = values[lost:]
        result.append(
            SeedStrip(
                f"{label}{i}",
                tuple(values),
                lost,
                sum(values) / len(values) if values else math.nan,
                confidence_interval(values) if len(values) > 1 else None,
                tukey_box(values) if len(values) >= 5 else None,
            )
        )
    return result


def scaling(lines: int, budgets: int, seeds: int, label: str = "") -> list[ScalingLine]:
    draw = random.Random(lines + budgets)
    result = []
    for i in range(lines):
        samples = []
        for k in range(budgets):
            mean = 0.01 + (3 + i) * (50 * 2**k) ** -0.6
            samples.append((50.0 * 2**k, [mean * draw.uniform(0.9, 1.1) for _ in range(seeds)]))
        drawn = tuple(
            ScalingPoint(
                x,
                tuple(values),
                sum(values) / seeds,
                confidence_interval(values, limits=(0, 1)) if seeds > 1 else None,
            )
            for x, values in samples
        )
        fit = fit_power_law(samples) if budgets > 2 else None
        result.append(ScalingLine(f"{label}{i}" if lines > 1 else "", drawn, fit))
    return result


def dependence(panels: int, *, long: bool = False) -> list[DependencePanel]:
    """Alternating panels of numbers with their tested values, and of categories."""
    result = []
    for i in range(panels):
        means = [0.5 + 0.4 * k / 7 for k in range(7)]
        if i % 2:
            names = tuple(f"{LONG[:30] if long else 'choice '}{k}" for k in range(3))
            result.append(DependencePanel(f"Setting {i}", names, *_bounds(means[:3])))
        else:
            values = tuple(10.0 ** (k - 4) for k in range(7))
            tested = tuple(3.0 * value for value in values[:-1])
            result.append(DependencePanel(f"A setting {i}", values, *_bounds(means), tested))
    return result


def _bounds(means: list[float]) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    return tuple(means), tuple(m - 0.05 for m in means), tuple(m + 0.05 for m in means)

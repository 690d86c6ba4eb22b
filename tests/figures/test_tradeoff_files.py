"""Figures of trade-offs as files: every format, the same bytes each time."""

from collections.abc import Callable, Mapping

import pytest
from matplotlib.figure import Figure
from tradeoff_figures import costs, dependence, ranks, scaling, strips

from nnlab.figures.draw.save import render_figure
from nnlab.figures.kinds.critical_difference import draw_critical_difference
from nnlab.figures.kinds.dependence import draw_dependence
from nnlab.figures.kinds.pareto import draw_pareto
from nnlab.figures.kinds.scaling import draw_scaling
from nnlab.figures.kinds.seeds import draw_seeds

FIGURES: Mapping[str, Callable[[], Figure]] = {
    "critical-difference": lambda: draw_critical_difference(ranks(6, 12)),
    "pareto": lambda: draw_pareto(costs(12, diverged=2), "Epochs", "Accuracy", lower=False),
    "seeds": lambda: draw_seeds(strips(3, 6, diverged=1), "Loss", lower=True, box=True),
    "scaling": lambda: draw_scaling(scaling(2, 5, 3, "opt "), "Train size", "1 \u2212 accuracy"),
    "dependence": lambda: draw_dependence(dependence(2), "Validation accuracy"),
}


@pytest.mark.parametrize("format_", ["pdf", "svg", "png", "eps", "pgf", "tikz"])
@pytest.mark.parametrize("kind", FIGURES)
def test_drawing_twice_gives_the_same_bytes(kind: str, format_: str) -> None:
    first, second = (render_figure(FIGURES[kind](), format_, {}) for _ in range(2))
    assert first == second
    if format_ in ("pdf", "eps"):
        assert b"/Type3" not in first
        assert b"/FontType 3" not in first

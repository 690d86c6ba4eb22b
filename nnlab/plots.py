"""Drawing functions for users' own scripts: each takes records and returns a matplotlib Figure.

    with nnlab.open("runs.db") as results:
        figure = nnlab.plots.curves(results.history(12))

Each function is imported on first use, because importing matplotlib takes most of a second.
"""

from typing import TYPE_CHECKING, Any

from nnlab.figures import draw

if TYPE_CHECKING:
    from nnlab.figures.draw.paper import Paper, use_paper
    from nnlab.figures.draw.series import Series
    from nnlab.figures.draw.venues import paper_for_venue
    from nnlab.figures.kinds.calibration import draw_calibration as calibration
    from nnlab.figures.kinds.critical_difference import (
        draw_critical_difference as critical_difference,
    )
    from nnlab.figures.kinds.curves import draw_curves as curves
    from nnlab.figures.kinds.dependence import draw_dependence as dependence
    from nnlab.figures.kinds.effects import draw_effects as effects
    from nnlab.figures.kinds.gap import draw_gap as gap
    from nnlab.figures.kinds.heatmap import draw_heatmap as matrix
    from nnlab.figures.kinds.interpolation import draw_interpolation as interpolation
    from nnlab.figures.kinds.landscape import draw_landscape as landscape
    from nnlab.figures.kinds.layers import draw_layers as layers
    from nnlab.figures.kinds.lr import draw_learning_rates as learning_rates
    from nnlab.figures.kinds.parallel import draw_parallel as parallel
    from nnlab.figures.kinds.pareto import draw_pareto as pareto
    from nnlab.figures.kinds.profile import draw_profile as profile
    from nnlab.figures.kinds.ranking import draw_ranking as ranking
    from nnlab.figures.kinds.scaling import draw_scaling as scaling
    from nnlab.figures.kinds.seeds import draw_seeds as seeds
    from nnlab.figures.kinds.sweep import draw_sweep as sweep
    from nnlab.figures.kinds.time import draw_cost_curves as cost_curves

__all__ = [
    "Paper",
    "Series",
    "calibration",
    "cost_curves",
    "critical_difference",
    "curves",
    "dependence",
    "effects",
    "gap",
    "interpolation",
    "landscape",
    "layers",
    "learning_rates",
    "matrix",
    "paper_for_venue",
    "parallel",
    "pareto",
    "profile",
    "ranking",
    "scaling",
    "seeds",
    "sweep",
    "use_paper",
]


def __getattr__(name: str) -> Any:
    """The drawing function of that name.

    Raises:
        AttributeError: there is no such function.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(draw, name)

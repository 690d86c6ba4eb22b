"""Figures: records in, a matplotlib Figure out, and files from figures.

One file a kind of plot. The functions below can be called from anyone's own script:

    import nnlab.figures.draw
    from nnlab import store

    db = store.open_database("runs.db", write=False)
    figure = nnlab.figures.draw.curves(store.history(db, 12))

`curves` takes Axes, to compose a figure of one's own; `on(Paper(width=3.25))` sets what all of them
are drawn on. Nothing is imported before it is asked for: matplotlib takes most of a second.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlab.figures.draw.curves import curves
    from nnlab.figures.draw.effects import effects
    from nnlab.figures.draw.gap import gap
    from nnlab.figures.draw.heatmap import matrix
    from nnlab.figures.draw.landscape import landscape
    from nnlab.figures.draw.layer_curves import layers
    from nnlab.figures.draw.learning_rate import learning_rates
    from nnlab.figures.draw.paper import Paper, use_paper
    from nnlab.figures.draw.parallel import parallel
    from nnlab.figures.draw.profile import profile
    from nnlab.figures.draw.ranking import ranking
    from nnlab.figures.draw.reliability import calibration
    from nnlab.figures.draw.series import Series
    from nnlab.figures.draw.sweep import sweep
    from nnlab.figures.draw.time import cost_curves
    from nnlab.figures.draw.venues import paper_for_venue

_MODULES = {
    "Paper": "paper",
    "Series": "series",
    "cost_curves": "time",
    "calibration": "reliability",
    "curves": "curves",
    "effects": "effects",
    "gap": "gap",
    "landscape": "landscape",
    "layers": "layer_curves",
    "learning_rates": "learning_rate",
    "matrix": "heatmap",
    "use_paper": "paper",
    "paper_for_venue": "venues",
    "parallel": "parallel",
    "profile": "profile",
    "ranking": "ranking",
    "sweep": "sweep",
}

__all__ = [
    "Paper",
    "Series",
    "calibration",
    "cost_curves",
    "curves",
    "effects",
    "gap",
    "landscape",
    "layers",
    "learning_rates",
    "matrix",
    "paper_for_venue",
    "parallel",
    "profile",
    "ranking",
    "sweep",
    "use_paper",
]


def __getattr__(name: str) -> Any:
    """The function of that name, its module imported now."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)

"""Figures: records in, a matplotlib Figure out, and files from figures.

One file a kind of plot. The functions below can be called from anyone's own script:

    import nnlab.plots
    from nnlab import store

    db = store.open_database("runs.db", write=False)
    figure = nnlab.plots.curves(store.history(db, 12))

`curves` takes Axes, to compose a figure of one's own; `on(Paper(width=3.25))` sets what all of them
are drawn on. Nothing is imported before it is asked for: matplotlib takes most of a second.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlab.plots.cells import matrix
    from nnlab.plots.clock import against_cost
    from nnlab.plots.contributions import effects
    from nnlab.plots.coordinates import parallel
    from nnlab.plots.forest import ranking
    from nnlab.plots.generalisation import gap
    from nnlab.plots.layer_curves import layers
    from nnlab.plots.learning_curves import curves
    from nnlab.plots.learning_rate import learning_rates
    from nnlab.plots.loss_landscape import landscape
    from nnlab.plots.paper import Paper, on
    from nnlab.plots.profiles import profile
    from nnlab.plots.reliability import calibration
    from nnlab.plots.series import Series
    from nnlab.plots.sweeps import sweep
    from nnlab.plots.venues import paper_of

_MODULES = {
    "Paper": "paper",
    "Series": "series",
    "against_cost": "clock",
    "calibration": "reliability",
    "curves": "learning_curves",
    "effects": "contributions",
    "gap": "generalisation",
    "landscape": "loss_landscape",
    "layers": "layer_curves",
    "learning_rates": "learning_rate",
    "matrix": "cells",
    "on": "paper",
    "paper_of": "venues",
    "parallel": "coordinates",
    "profile": "profiles",
    "ranking": "forest",
    "sweep": "sweeps",
}

__all__ = [
    "Paper",
    "Series",
    "against_cost",
    "calibration",
    "curves",
    "effects",
    "gap",
    "landscape",
    "layers",
    "learning_rates",
    "matrix",
    "on",
    "paper_of",
    "parallel",
    "profile",
    "ranking",
    "sweep",
]


def __getattr__(name: str) -> Any:
    """The function of that name, its module imported now."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)

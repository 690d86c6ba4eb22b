"""Shared parts of all figures (paper, axes, legend, files), and the public drawing functions.

The drawing functions take records and return a matplotlib Figure. Any script can call them:

    import nnlab.figures.draw
    from nnlab import store

    db = store.open_database("runs.db", write=False)
    figure = nnlab.figures.draw.curves(store.history(db, 12))

`curves` accepts Axes, so that it can be a part of another figure; `use_paper(Paper(width=3.25))`
sets width, type and colours of every figure. Each function is imported on first use, because
importing matplotlib takes most of a second.
"""

import importlib
from collections.abc import Mapping
from typing import Any, Final

# Public name -> module below `nnlab.figures`, name in it.
_PUBLIC: Final[Mapping[str, tuple[str, str]]] = {
    "critical_difference": ("kinds.critical_difference", "draw_critical_difference"),
    "dependence": ("kinds.dependence", "draw_dependence"),
    "pareto": ("kinds.pareto", "draw_pareto"),
    "scaling": ("kinds.scaling", "draw_scaling"),
    "seeds": ("kinds.seeds", "draw_seeds"),
    "Paper": ("draw.paper", "Paper"),
    "Series": ("draw.series", "Series"),
    "calibration": ("kinds.calibration", "draw_calibration"),
    "cost_curves": ("kinds.time", "draw_cost_curves"),
    "curves": ("kinds.curves", "draw_curves"),
    "effects": ("kinds.effects", "draw_effects"),
    "gap": ("kinds.gap", "draw_gap"),
    "interpolation": ("kinds.interpolation", "draw_interpolation"),
    "landscape": ("kinds.landscape", "draw_landscape"),
    "layers": ("kinds.layers", "draw_layers"),
    "learning_rates": ("kinds.lr", "draw_learning_rates"),
    "matrix": ("kinds.heatmap", "draw_heatmap"),
    "paper_for_venue": ("draw.venues", "paper_for_venue"),
    "parallel": ("kinds.parallel", "draw_parallel"),
    "profile": ("kinds.profile", "draw_profile"),
    "ranking": ("kinds.ranking", "draw_ranking"),
    "sweep": ("kinds.sweep", "draw_sweep"),
    "use_paper": ("draw.paper", "use_paper"),
}


def __getattr__(name: str) -> Any:
    """The public function or class of that name; its module is imported now.

    Raises:
        AttributeError: there is no such function or class.
    """
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, function = _PUBLIC[name]
    return getattr(importlib.import_module(f"nnlab.figures.{module}"), function)

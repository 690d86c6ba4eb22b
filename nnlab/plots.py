"""Plotting functions for other people's scripts: records in, a matplotlib Figure out.

    from nnlab import plots, store

    db = store.open_database("runs.db", write=False)
    figure = plots.curves(store.history(db, 12))

The functions are those of `nnlab.figures.draw`, imported on first use: matplotlib takes most of a
second.
"""

from typing import TYPE_CHECKING, Any

from nnlab.figures import draw

if TYPE_CHECKING:
    from nnlab.figures.draw import (
        Paper,
        Series,
        calibration,
        cost_curves,
        curves,
        effects,
        gap,
        landscape,
        layers,
        learning_rates,
        matrix,
        paper_for_venue,
        parallel,
        profile,
        ranking,
        sweep,
        use_paper,
    )

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
    """The plotting function of that name.

    Raises:
        AttributeError: there is none.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(draw, name)

"""Figures of studies and runs: the table of kinds, and the preparation of a figure of a kind.

`kinds/` has a module per kind. Its function `prepare_...` takes the database, the studies or runs,
and options that can be stored as JSON; a figure file contains them, so that the figure can be
checked and drawn again.
"""

import importlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from nnlab import store
from nnlab.analysis.scope import names_runs
from nnlab.engine import user_code
from nnlab.errors import UnknownName
from nnlab.figures.prepared_figure import PreparedFigure


@dataclass(frozen=True, slots=True)
class FigureKind:
    """A kind of figure: the function that prepares it, and its module in `kinds/`.

    Kinds with `needs_model` evaluate trained models, and so may execute user code.
    """

    module: str
    function: str
    needs_model: bool = False


KINDS: Final[Mapping[str, FigureKind]] = {
    "curves": FigureKind("curves", "prepare_curves"),
    "gap": FigureKind("gap", "prepare_gap"),
    "lr": FigureKind("lr", "prepare_learning_rates"),
    "ranking": FigureKind("ranking", "prepare_ranking"),
    "sweep": FigureKind("sweep", "prepare_sweep"),
    "heatmap": FigureKind("heatmap", "prepare_heatmap"),
    "interaction": FigureKind("sweep", "prepare_interaction"),
    "parallel": FigureKind("parallel", "prepare_parallel"),
    "effects": FigureKind("effects", "prepare_effects"),
    "profile": FigureKind("profile", "prepare_profile"),
    "time": FigureKind("time", "prepare_cost_curves"),
    "activations": FigureKind("layers", "prepare_activations"),
    "gradients": FigureKind("layers", "prepare_gradients"),
    "init": FigureKind("init", "prepare_init"),
    "landscape": FigureKind("landscape", "prepare_landscape", needs_model=True),
    "confusion": FigureKind("confusion", "prepare_confusion", needs_model=True),
    "calibration": FigureKind("calibration", "prepare_calibration", needs_model=True),
    "examples": FigureKind("examples", "prepare_examples", needs_model=True),
    "remedy": FigureKind("remedy", "prepare_remedies"),
    "compare": FigureKind("compare", "prepare_comparison"),
}


def prepare_figure(
    db: store.Database, kind: str, words: Sequence[str], options: Mapping[str, Any]
) -> PreparedFigure:
    """Collects what a figure of a kind shows.

    Raises:
        UnknownName: no such kind, study or run.
        UsageError: nothing to draw, or invalid options.
        UserCodeRefused: a run needs user code and is not itself named in `words`.
    """
    figure_kind = KINDS.get(kind)
    if figure_kind is None:
        raise UnknownName("kind of figure", kind, KINDS)
    module = importlib.import_module(f"nnlab.figures.kinds.{figure_kind.module}")
    prepare = getattr(module, figure_kind.function)
    allowed = not figure_kind.needs_model or names_runs(db, words)
    with (
        nullcontext()
        if allowed
        else user_code.forbid_execution(
            "user code is executed only for runs that the command names",
            hint=f"name the run: nnlab plot {kind} RUN",
        )
    ):
        figure: PreparedFigure = prepare(db, tuple(words), **options)
    return figure

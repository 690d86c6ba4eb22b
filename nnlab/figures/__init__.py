"""Figures from the database: what each kind draws, and the numbers that it draws.

One file a kind. A kind is a function of the database, what was named on the command line, and
options that JSON can hold: so a figure's file can say how it was made, and be checked and made
again.
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
    """A kind of figure: the module here and the function in it that gather it.

    `needs_model` kinds evaluate trained models, and so may execute the user's code.
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
    """What a figure of a kind shows.

    Raises:
        UnknownName: no such kind, study or run.
        UsageError: nothing to draw, or options that do not hold.
        UserCodeRefused: a run was trained with the user's code and is not named by the words.
    """
    found = KINDS.get(kind)
    if found is None:
        raise UnknownName("kind of figure", kind, KINDS)
    gather = getattr(importlib.import_module(f"nnlab.figures.kinds.{found.module}"), found.function)
    allowed = not found.needs_model or names_runs(db, words)
    with (
        nullcontext()
        if allowed
        else user_code.forbid_execution(
            "only a run that the command names, by number or name, may execute its code",
            hint=f"name the run: nnlab plot {kind} RUN",
        )
    ):
        picture: PreparedFigure = gather(db, tuple(words), **options)
    return picture

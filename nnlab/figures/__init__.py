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
from nnlab.figures.figure import Picture


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of figure: the module here and the function in it that gather it.

    `needs_model` kinds evaluate trained models, and so may execute the user's code.
    """

    module: str
    function: str
    needs_model: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "curves": Kind("curves", "curves"),
    "gap": Kind("gap", "gap"),
    "lr": Kind("lr", "learning_rates"),
    "ranking": Kind("ranking", "ranking"),
    "sweep": Kind("sweep", "sweep"),
    "heatmap": Kind("heatmap", "heatmap"),
    "interaction": Kind("sweep", "interaction"),
    "parallel": Kind("parallel", "parallel"),
    "effects": Kind("effects", "effects"),
    "profile": Kind("profile", "profile"),
    "time": Kind("time", "against_cost"),
    "activations": Kind("layers", "activations"),
    "gradients": Kind("layers", "gradients"),
    "init": Kind("init", "init"),
    "landscape": Kind("landscape", "landscape", needs_model=True),
    "confusion": Kind("predictions", "confusion", needs_model=True),
    "calibration": Kind("predictions", "calibration", needs_model=True),
    "examples": Kind("predictions", "examples", needs_model=True),
    "remedy": Kind("remedy", "remedy"),
    "compare": Kind("compare", "compare"),
}


def gathered(
    db: store.Database, kind: str, words: Sequence[str], options: Mapping[str, Any]
) -> Picture:
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
        else user_code.refused(
            "only a run that the command names, by number or name, may execute its code",
            hint=f"name the run: nnlab plot {kind} RUN",
        )
    ):
        picture: Picture = gather(db, tuple(words), **options)
    return picture

"""Figures from the database: what each kind draws, and the numbers that it draws.

One file a kind. A kind is a function of the database, what was named on the command line, and
options that JSON can hold: so a figure's file can say how it was made, and be checked and made
again.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nnlab import store
from nnlab.errors import UnknownName
from nnlab.report.figures.picture import Picture


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of figure: the module and function that gather it, and a line of help."""

    module: str
    function: str
    help: str


KINDS: Final[Mapping[str, Kind]] = {
    "curves": Kind("curves", "curves", "training and validation over epochs"),
    "gap": Kind("gap", "gap", "training against validation, the gap shaded"),
    "lr": Kind("rates", "learning_rates", "learning rates over epochs"),
    "ranking": Kind("ranking", "ranking", "trials ranked, with intervals and tiers"),
    "sweep": Kind("sweep", "sweep", "a metric against a setting"),
    "heatmap": Kind("heatmap", "heatmap", "a metric over two settings"),
    "interaction": Kind("sweep", "interaction", "whether one choice depends on another"),
    "parallel": Kind("parallel", "parallel", "all choices as parallel coordinates"),
    "effects": Kind("effects", "effects", "which choices matter"),
    "profile": Kind("profile", "profile", "performance profiles over data sets"),
    "time": Kind("clock", "against_cost", "a metric against seconds, epochs or steps"),
    "activations": Kind("layers", "activations", "what layers put out, over epochs"),
    "gradients": Kind("layers", "gradients", "gradients of each layer, over epochs"),
    "init": Kind("init", "init", "signals in untrained models"),
    "landscape": Kind("landscape", "landscape", "the loss around trained weights"),
    "confusion": Kind("predictions", "confusion", "which classes are taken for which"),
    "calibration": Kind("predictions", "calibration", "how sure, and how often right"),
    "examples": Kind("predictions", "examples", "the examples that are most wrong"),
    "remedy": Kind("remedy", "remedy", "what remedies changed"),
    "compare": Kind("pair", "compare", "two trials: curves and differences"),
}


def gathered(
    db: store.Database, kind: str, words: Sequence[str], options: Mapping[str, Any]
) -> Picture:
    """What a figure of a kind shows.

    Raises:
        UnknownName: no such kind, study or run.
        UsageError: nothing to draw, or options that do not hold.
    """
    found = KINDS.get(kind)
    if found is None:
        raise UnknownName("kind of figure", kind, KINDS)
    gather = getattr(
        importlib.import_module(f"nnlab.report.figures.{found.module}"), found.function
    )
    picture: Picture = gather(db, tuple(words), **options)
    return picture

"""The table of the built-in kinds of figures; each is a function in a module of `kinds/`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class FigureKind:
    """A kind of figure: the function that prepares it, and its module in `kinds/`.

    Kinds with `needs_model` evaluate trained models, and so may execute user code. Kinds with
    `animated` can be written as GIF and MP4, which implies the options `animation_options`. Those
    with `interactive` can be written as an HTML page, and those with `untrained` show settings that
    are not trained, so that they need no database unless runs are named.
    """

    module: str
    function: str
    needs_model: bool = False
    animated: bool = False
    animation_options: Mapping[str, bool] = field(default_factory=dict)
    interactive: bool = False
    untrained: bool = False


KINDS: Final[Mapping[str, FigureKind]] = {
    "curves": FigureKind("curves", "prepare_curves"),
    "gap": FigureKind("gap", "prepare_gap"),
    "lr": FigureKind("lr", "prepare_learning_rates", untrained=True),
    "ranking": FigureKind("ranking", "prepare_ranking"),
    "sweep": FigureKind("sweep", "prepare_sweep"),
    "heatmap": FigureKind("heatmap", "prepare_heatmap"),
    "interaction": FigureKind("sweep", "prepare_interaction"),
    "parallel": FigureKind("parallel", "prepare_parallel"),
    "effects": FigureKind("effects", "prepare_effects"),
    "profile": FigureKind("profile", "prepare_profile"),
    "time": FigureKind("time", "prepare_cost_curves"),
    "activations": FigureKind("layers", "prepare_activations", animated=True),
    "gradients": FigureKind("layers", "prepare_gradients", animated=True),
    "init": FigureKind("init", "prepare_init", untrained=True),
    "landscape": FigureKind(
        "landscape",
        "prepare_landscape",
        needs_model=True,
        animated=True,
        animation_options={"over_epochs": True},
    ),
    "interpolation": FigureKind("interpolation", "prepare_interpolation", needs_model=True),
    "confusion": FigureKind("confusion", "prepare_confusion", needs_model=True),
    "calibration": FigureKind("calibration", "prepare_calibration", needs_model=True),
    "examples": FigureKind("examples", "prepare_examples", needs_model=True),
    "remedy": FigureKind("remedy", "prepare_remedies"),
    "gate": FigureKind("gate", "prepare_gate"),
    "compare": FigureKind("compare", "prepare_comparison"),
    "find-lr": FigureKind("lr_range", "prepare_lr_range", untrained=True),
    "find-decay": FigureKind("decay_points", "prepare_decay_points"),
    "critical-difference": FigureKind("critical_difference", "prepare_critical_difference"),
    "pareto": FigureKind("pareto", "prepare_pareto"),
    "seeds": FigureKind("seeds", "prepare_seeds"),
    "scaling": FigureKind("scaling", "prepare_scaling"),
    "dependence": FigureKind("dependence", "prepare_dependence"),
    "histograms": FigureKind("histograms", "prepare_histograms", animated=True),
    "aggregates": FigureKind("aggregates", "prepare_aggregates"),
    "surface": FigureKind(
        "surface", "prepare_surface", animated=True, interactive=True, untrained=True
    ),
    "norm": FigureKind("norm", "prepare_norm", untrained=True),
    "compose": FigureKind("compose", "prepare_composition"),
}


def can_be_animated(kind: str) -> bool:
    """Whether a kind of figure can be written as an animation."""
    return kind in KINDS and KINDS[kind].animated


def can_be_interactive(kind: str) -> bool:
    """Whether a kind of figure can be written as an HTML page."""
    return kind in KINDS and KINDS[kind].interactive

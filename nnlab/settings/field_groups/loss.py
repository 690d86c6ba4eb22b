"""Fields of RunConfig for the loss function and its penalties."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from nnlab.settings.option import Option

_PANEL = "Loss and penalties"


@dataclass(frozen=True, kw_only=True)
class LossFields:
    """Fields of a run's configuration for the loss function and its penalties."""

    loss: Annotated[
        str | None,
        Option(
            "loss function; by default cross_entropy for classification, mse for regression",
            _PANEL,
            catalogue="loss",
        ),
    ] = None
    reduction: Annotated[
        str,
        Option(
            "reduction of the losses of a batch",
            _PANEL,
            catalogue="reduction",
            no_effect_value="mean",
        ),
    ] = "mean"
    huber_delta: Annotated[
        float | None,
        Option("absolute error above which huber is linear", _PANEL, default_from="loss"),
        Gt(0),
        Le(1000),
    ] = None
    label_smoothing: Annotated[
        float | None,
        Option(
            "fraction of the target that is spread over all classes",
            _PANEL,
            default_from="loss",
            no_effect_value=0.0,
        ),
        Ge(0),
        Lt(1),
    ] = None
    class_weights: Annotated[
        str | None,
        Option(
            "weight of each class: balanced (inversely proportional to its frequency) or"
            " 0.2,0.8; a semicolon separates trials",
            _PANEL,
            default_from="loss",
            commas=True,
        ),
    ] = None
    pos_weight: Annotated[
        str | None,
        Option(
            "weight of the positive examples of bce, one number or one per class: 1,4;"
            " a semicolon separates trials",
            _PANEL,
            default_from="loss",
            commas=True,
        ),
    ] = None
    l1: Annotated[
        float,
        Option("L1 penalty: coefficient of the sum of |weights|", _PANEL, no_effect_value=0.0),
        Ge(0),
        Le(100),
    ] = 0.0
    l2: Annotated[
        float,
        Option("L2 penalty: coefficient of half the sum of weights²", _PANEL, no_effect_value=0.0),
        Ge(0),
        Le(100),
    ] = 0.0
    loss_version: Annotated[str | None, "SHA-256 of a user loss's file; None for a built-in"] = None

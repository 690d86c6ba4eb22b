"""Fields of RunConfig for the optimizer, gradient clipping, weight averaging and batch size."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from nnlab.settings.option import Option

_PANEL = "Optimizer"


@dataclass(frozen=True, kw_only=True)
class OptimizerFields:
    """Fields of a run's configuration for the optimizer, clipping, averaging and batch size."""

    opt: Annotated[str, Option("optimizer", _PANEL, catalogue="opt")] = "adam"
    lr: Annotated[
        float | None,
        Option("initial learning rate, reached after the warmup", _PANEL, default_from="opt"),
        Gt(0),
        Le(1000),
    ] = None
    momentum: Annotated[
        float | None, Option("momentum coefficient", _PANEL, default_from="opt"), Ge(0), Lt(1)
    ] = None
    beta1: Annotated[
        float | None,
        Option("decay rate of the first moment (Adam's beta1)", _PANEL, default_from="opt"),
        Ge(0),
        Lt(1),
    ] = None
    beta2: Annotated[
        float | None,
        Option("decay rate of the second moment (Adam's beta2)", _PANEL, default_from="opt"),
        Ge(0),
        Lt(1),
    ] = None
    eps: Annotated[
        float | None,
        Option(
            "term added to the denominator for numerical stability",
            _PANEL,
            default_from="opt",
            no_effect_value=1e-8,
        ),
        Gt(0),
        Le(1),
    ] = None
    weight_decay: Annotated[
        float | None,
        Option("weight decay coefficient; biases are excluded", _PANEL, default_from="opt"),
        Ge(0),
        Le(100),
    ] = None
    memory: Annotated[
        int | None,
        Option("history size of lbfgs, in steps", _PANEL, default_from="opt"),
        Ge(1),
        Le(1000),
    ] = None
    inner_steps: Annotated[
        int | None,
        Option(
            "maximum iterations per step of lbfgs, or of the conjugate gradients of newton-cg",
            _PANEL,
            default_from="opt",
        ),
        Ge(1),
        Le(1000),
    ] = None
    damping: Annotated[
        float | None,
        Option("damping term added to the curvature matrix", _PANEL, default_from="opt"),
        Ge(0),
        Le(1000),
    ] = None
    clip: Annotated[
        float,
        Option("gradient clipping: maximum norm; 0 disables it", _PANEL, no_effect_value=0.0),
        Ge(0),
    ] = 0.0
    clip_value: Annotated[
        float,
        Option(
            "gradient clipping: maximum absolute value of an entry; 0 disables it",
            _PANEL,
            no_effect_value=0.0,
        ),
        Ge(0),
    ] = 0.0
    average: Annotated[
        str,
        Option(
            "averaging of the weights; the average is evaluated",
            _PANEL,
            catalogue="average",
            no_effect_value="none",
        ),
    ] = "none"
    average_decay: Annotated[
        float | None,
        Option("decay rate of ema per step", _PANEL, default_from="average"),
        Gt(0),
        Lt(1),
    ] = None
    average_from: Annotated[
        float | None,
        Option(
            "fraction of the epochs after which swa starts averaging",
            _PANEL,
            default_from="average",
        ),
        Ge(0),
        Lt(1),
    ] = None
    batch_size: Annotated[
        int | str | None,
        Option(
            "batch size, or full for the whole training split",
            _PANEL,
            default_from="opt",
            fallback_default=64,
            words=("full",),
            unit="examples",
        ),
        Ge(1),
        Le(1_000_000),
    ] = None
    opt_version: Annotated[
        str | None, "SHA-256 of a user optimizer's file; None for a built-in"
    ] = None

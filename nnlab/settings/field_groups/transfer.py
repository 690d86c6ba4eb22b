"""Fields of RunConfig for transfer learning: initial weights, freezing, learning rates by layer."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

from nnlab.settings.option import Option

_PANEL = "Transfer"


@dataclass(frozen=True, kw_only=True)
class TransferFields:
    """Fields of a run's configuration for transfer learning."""

    start_from: Annotated[
        str | None,
        Option(
            "initialise with the weights of a run (its number) or of a weights file",
            _PANEL,
            flag_name="--from",
        ),
    ] = None
    freeze: Annotated[
        str | None,
        Option(
            "parameters that are not trained: all-but-head, or a name pattern such as 0.*",
            _PANEL,
        ),
    ] = None
    unfreeze_at: Annotated[
        int,
        Option(
            "epoch after which all parameters are trained; 0 is never", _PANEL, no_effect_value=0
        ),
        Ge(0),
    ] = 0
    head_lr_factor: Annotated[
        float,
        Option("factor on the learning rate of the head", _PANEL, no_effect_value=1.0),
        Gt(0),
        Le(1000),
    ] = 1.0
    depth_lr_factor: Annotated[
        float,
        Option(
            "layer-wise decay: factor on the learning rate from each layer to the one below",
            _PANEL,
            no_effect_value=1.0,
        ),
        Gt(0),
        Le(1),
    ] = 1.0
    start_version: Annotated[str | None, "SHA-256 of the initial weights; None without"] = None

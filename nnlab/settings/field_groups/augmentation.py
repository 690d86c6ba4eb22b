"""Fields of RunConfig for the augmentation of the training data."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from nnlab.settings.option import Option

_PANEL = "Augmentation"


@dataclass(frozen=True, kw_only=True)
class AugmentationFields:
    """Fields of a run's configuration for the augmentation of the training data."""

    augment: Annotated[
        str,
        Option(
            "random augmentations of the training images, joined by +, such as flip+shift",
            _PANEL,
            catalogue="augment",
            no_effect_value="none",
        ),
    ] = "none"
    augment_shift: Annotated[
        int | None, Option("maximum shift", _PANEL, default_from="augment", unit="pixels"), Ge(1)
    ] = None
    augment_rotate: Annotated[
        float | None,
        Option(
            "maximum rotation in either direction", _PANEL, default_from="augment", unit="degrees"
        ),
        Gt(0),
        Le(180),
    ] = None
    augment_scale: Annotated[
        float | None,
        Option("maximum change of scale; 0.1 is 10 %", _PANEL, default_from="augment"),
        Gt(0),
        Lt(1),
    ] = None
    augment_erase: Annotated[
        float | None,
        Option(
            "side of the erased square as a fraction of the image's side",
            _PANEL,
            default_from="augment",
        ),
        Gt(0),
        Le(1),
    ] = None
    augment_brightness: Annotated[
        float | None,
        Option(
            "maximum change of brightness, in standard deviations of the inputs",
            _PANEL,
            default_from="augment",
        ),
        Gt(0),
    ] = None
    augment_noise: Annotated[
        float | None,
        Option(
            "standard deviation of the noise, relative to that of the inputs",
            _PANEL,
            default_from="augment",
        ),
        Gt(0),
    ] = None
    mixup: Annotated[
        float,
        Option(
            "alpha of mixup, which interpolates pairs of examples; 0 disables it",
            _PANEL,
            no_effect_value=0.0,
        ),
        Ge(0),
    ] = 0.0
    cutmix: Annotated[
        float,
        Option(
            "alpha of cutmix, which pastes a patch of another image; 0 disables it",
            _PANEL,
            no_effect_value=0.0,
        ),
        Ge(0),
    ] = 0.0

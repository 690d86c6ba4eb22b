"""Fields of RunConfig for the model: architecture, initialisation, normalisation, dropout."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from nnlab.settings.option import Option

_PANEL = "Model"


@dataclass(frozen=True, kw_only=True)
class ModelFields:
    """Fields of a run's configuration for the model."""

    model: Annotated[str, Option("model", _PANEL, catalogue="model")] = "auto"
    width: Annotated[
        int | None,
        Option("units per layer (channels of a convolution)", _PANEL, default_from="model"),
        Ge(1),
        Le(65536),
    ] = None
    depth: Annotated[
        int | None,
        Option(
            "number of hidden layers (blocks of cnn and transformer, layers of resnets, halvings of"
            " unet)",
            _PANEL,
            default_from="model",
        ),
        Ge(1),
        Le(1000),
    ] = None
    widths: Annotated[
        str | None,
        Option(
            "units of each hidden layer, instead of width and depth: 256,128;"
            " a semicolon separates trials",
            _PANEL,
            default_from="model",
            commas=True,
        ),
    ] = None
    bottleneck: Annotated[
        int | None,
        Option(
            "units of a narrow layer in the middle of an mlp, between two stacks of depth layers:"
            " the code of an autoencoder",
            _PANEL,
            default_from="model",
        ),
        Ge(1),
        Le(65536),
    ] = None
    widen: Annotated[
        int | None,
        Option("widening factor of wide_resnet", _PANEL, default_from="model"),
        Ge(1),
        Le(64),
    ] = None
    heads: Annotated[
        int | None,
        Option("number of attention heads", _PANEL, default_from="model"),
        Ge(1),
        Le(1024),
    ] = None
    patch: Annotated[
        int | None,
        Option(
            "side of a patch of an image, length of a patch of a sequence",
            _PANEL,
            default_from="model",
        ),
        Ge(1),
        Le(1024),
    ] = None
    activation: Annotated[
        str | None,
        Option("activation function", _PANEL, catalogue="activation", default_from="model"),
    ] = None
    slope: Annotated[
        float | None,
        Option(
            "slope for negative inputs (alpha of elu)",
            _PANEL,
            default_from="activation",
            no_effect_value=0.01,
        ),
        Ge(0),
        Le(10),
    ] = None
    pieces: Annotated[
        int | None,
        Option("number of linear pieces of maxout", _PANEL, default_from="activation"),
        Ge(2),
        Le(64),
    ] = None
    init: Annotated[
        str | None,
        Option(
            "weight initialisation (kaiming is accepted for msra)",
            _PANEL,
            catalogue="init",
            default_from="model",
        ),
    ] = None
    init_scale: Annotated[
        float | None,
        Option(
            "standard deviation (normal), bound (uniform), or factor on the weights (others)",
            _PANEL,
            default_from="init",
            no_effect_value=1.0,
        ),
        Ge(0),
        Le(1000),
    ] = None
    init_gain: Annotated[
        float | str | None,
        Option(
            "factor on the weights of hidden layers, for their activation: auto is that of the"
            " method's paper (1 for xavier), activation that of the activation (1.41 for relu)",
            _PANEL,
            default_from="init",
            needs="activation",
            words=("auto", "activation"),
            no_effect_value="activation",
        ),
        Ge(0),
        Le(1000),
    ] = None
    fan: Annotated[
        str | None,
        Option(
            "fan mode of msra",
            _PANEL,
            default_from="init",
            one_of=("in", "out"),
            no_effect_value="in",
        ),
    ] = None
    bias_init: Annotated[
        float | None,
        Option("initial value of the biases", _PANEL, default_from="model", no_effect_value=0.0),
        Ge(-1000),
        Le(1000),
    ] = None
    norm: Annotated[
        str | None, Option("normalisation layer", _PANEL, catalogue="norm", default_from="model")
    ] = None
    norm_place: Annotated[
        str | None,
        Option(
            "position of the normalisation relative to the activation",
            _PANEL,
            default_from="norm",
            one_of=("before", "after"),
            no_effect_value="before",
        ),
    ] = None
    norm_groups: Annotated[
        int | None,
        Option("number of channel groups of group normalisation", _PANEL, default_from="norm"),
        Ge(1),
        Le(65536),
    ] = None
    norm_momentum: Annotated[
        float | None,
        Option(
            "momentum of the running statistics (weight of the newest batch)",
            _PANEL,
            default_from="norm",
            no_effect_value=0.1,
        ),
        Gt(0),
        Le(1),
    ] = None
    norm_eps: Annotated[
        float | None,
        Option(
            "term added to the variance for numerical stability",
            _PANEL,
            default_from="norm",
            no_effect_value=1e-5,
        ),
        Gt(0),
        Le(1),
    ] = None
    dropout: Annotated[
        float | None,
        Option("dropout probability of activations", _PANEL, default_from="model"),
        Ge(0),
        Lt(1),
    ] = None
    channel_dropout: Annotated[
        float | None,
        Option(
            "dropout probability of whole channels",
            _PANEL,
            default_from="model",
            no_effect_value=0.0,
        ),
        Ge(0),
        Lt(1),
    ] = None
    dropconnect: Annotated[
        float | None,
        Option(
            "dropout probability of weights (DropConnect)",
            _PANEL,
            default_from="model",
            no_effect_value=0.0,
        ),
        Ge(0),
        Lt(1),
    ] = None
    stochastic_depth: Annotated[
        float | None,
        Option(
            "probability that the last block is skipped during training",
            _PANEL,
            default_from="model",
            no_effect_value=0.0,
        ),
        Ge(0),
        Lt(1),
    ] = None
    model_output: Annotated[
        str | None,
        Option(
            "which output of your own model to use, if it returns several: a name or an index",
            _PANEL,
            default_from="model",
            aliases=("--output",),
        ),
    ] = None
    model_version: Annotated[str | None, "SHA-256 of a user model's file; None for a built-in"] = (
        None
    )

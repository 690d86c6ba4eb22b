"""Activation functions. The code is in `nnlab.engine.activations`."""

from nnlab.catalogue.choice import Choice

ACTIVATIONS = (
    Choice("relu", "max(0, x)", "Nair and Hinton 2010", display_name="ReLU"),
    Choice(
        "leaky_relu",
        "x if positive, else slope x",
        "Maas et al. 2013",
        defaults={"slope": 0.01},
        display_name="leaky ReLU",
    ),
    Choice(
        "prelu",
        "as leaky_relu, with a learned slope per layer",
        "He et al. 2015",
        defaults={"slope": 0.25},
        display_name="PReLU",
    ),
    Choice(
        "elu",
        "x if positive, else slope (exp(x) - 1)",
        "Clevert et al. 2016",
        defaults={"slope": 1.0},
        display_name="ELU",
    ),
    Choice(
        "selu",
        "scaled elu that preserves mean 0 and sd 1 from layer to layer",
        "Klambauer et al. 2017",
        display_name="SELU",
    ),
    Choice(
        "gelu",
        "x times the normal cumulative distribution function of x",
        "Hendrycks and Gimpel 2016",
        display_name="GELU",
    ),
    Choice(
        "silu", "x times sigmoid(x), also called swish", "Elfwing et al. 2018", display_name="SiLU"
    ),
    Choice("mish", "x times tanh(softplus(x))", "Misra 2020", display_name="Mish"),
    Choice(
        "softplus", "log(1 + exp(x)), a smooth relu that is always positive", "Dugas et al. 2001"
    ),
    Choice("tanh", "hyperbolic tangent, between -1 and 1", "LeCun et al. 1998"),
    Choice("sigmoid", "1 / (1 + exp(-x)), between 0 and 1; saturates", "Rumelhart et al. 1986"),
    Choice(
        "hardswish",
        "x clip(x + 3, 0, 6) / 6: a piecewise approximation of silu",
        "Howard et al. 2019",
        display_name="hard Swish",
    ),
    Choice(
        "maxout",
        "the maximum of several linear pieces; a layer has this many times the weights",
        "Goodfellow et al. 2013",
        defaults={"pieces": 2},
    ),
    Choice("identity", "x: the network is linear"),
)

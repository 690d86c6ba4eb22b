"""Activation functions. The code is in `nnlab.engine.activations`."""

from nnlab.catalogue.choice import Choice

ACTIVATIONS = (
    Choice("relu", "max(0, x)", "Nair and Hinton 2010"),
    Choice("leaky_relu", "x where positive, 0.01 x elsewhere", "Maas et al. 2013"),
    Choice("elu", "x where positive, exp(x) - 1 elsewhere", "Clevert et al. 2016"),
    Choice("gelu", "x times the normal distribution function of x", "Hendrycks and Gimpel 2016"),
    Choice("silu", "x times sigmoid(x), also called swish", "Elfwing et al. 2018"),
    Choice("tanh", "hyperbolic tangent, between -1 and 1", "LeCun et al. 1998"),
    Choice("sigmoid", "1 / (1 + exp(-x)), between 0 and 1; saturates", "Rumelhart et al. 1986"),
    Choice("identity", "x: a network of linear layers only"),
)

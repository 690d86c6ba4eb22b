"""Initialisations of weights; biases start at zero. The code is in `nnlab.engine.initializers`."""

from nnlab.catalogue.choice import Choice

INITIALIZERS = (
    Choice("msra", "normal, sd gain / sqrt(fan_in): keeps the scale forward", "He et al. 2015"),
    Choice(
        "xavier",
        "uniform, sd gain sqrt(2 / (fan_in + fan_out)): forward and backward",
        "Glorot and Bengio 2010",
    ),
    Choice("orthogonal", "orthonormal rows or columns times the gain", "Saxe et al. 2014"),
    Choice("normal", "normal, sd 0.01 whatever the width: shrinks in deep networks"),
    Choice("zeros", "all weights zero: every unit learns the same, to show what goes wrong"),
)

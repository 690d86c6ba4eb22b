"""How much is measured inside the model each epoch. The code is in `nnlab.engine.probe`."""

from nnlab.catalogue.choice import Choice

PROBES = (
    Choice("light", "statistics of each layer on one fixed batch; under 2 % of the time"),
    Choice("full", "as light, with gradients of every layer and the noise of the gradient"),
    Choice("none", "nothing"),
)

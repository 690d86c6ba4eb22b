"""How much is measured inside the model each epoch. The code is in `nnlab.engine.probe`."""

from nnlab.catalogue.choice import Choice

PROBES = (
    Choice("light", "statistics of each layer on one fixed batch, every 80 steps or epoch"),
    Choice("full", "as light, with gradients of every layer and the noise of the gradient"),
    Choice("none", "nothing"),
)

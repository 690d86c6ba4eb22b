"""How much is measured inside the model each epoch. The code is in `nnlab.engine.probe`."""

from nnlab.catalogue.choice import Choice

PROBES = (
    Choice("light", "statistics of each layer, and how noisy the gradient is"),
    Choice("full", "as light, with gradients and updates of every layer of weights"),
    Choice("sensitivity", "as light, with how much the loss moves when the weights do"),
    Choice("none", "nothing"),
)

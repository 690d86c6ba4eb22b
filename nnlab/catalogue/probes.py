"""Statistics recorded inside the model each epoch. The code is in `nnlab.engine.probe`."""

from nnlab.catalogue.choice import Choice

PROBES = (
    Choice("light", "statistics of each layer, and the gradient noise scale"),
    Choice("full", "as light, plus gradients, updates and histograms of every layer with weights"),
    Choice("sensitivity", "as light, plus the change of the loss when the weights are perturbed"),
    Choice("none", "no statistics"),
)

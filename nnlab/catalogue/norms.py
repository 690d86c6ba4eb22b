"""Normalisation layers, placed before the activation. The code is in `nnlab.engine.models`."""

from nnlab.catalogue.choice import Choice

NORMS = (
    Choice("none", "no normalisation layer"),
    Choice("batch", "over the batch and all but the channels", "Ioffe and Szegedy 2015"),
)

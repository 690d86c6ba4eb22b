"""What is done to the inputs before training. The code is in `nnlab.engine.data.prepare`."""

from nnlab.catalogue.choice import Choice

INPUTS = (
    Choice(
        "standardise",
        "mean 0, sd 1 per feature (images: per channel), measured on the training split",
        "LeCun et al. 1998, section 4.3",
    ),
    Choice("centre", "mean 0 per feature or channel, measured on the training split"),
    Choice("none", "as they are in the file"),
)

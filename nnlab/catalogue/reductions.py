"""Reductions of the losses of a batch to one number. The code is in `nnlab.engine.losses`."""

from nnlab.catalogue.choice import Choice

REDUCTIONS = (
    Choice(
        "mean",
        "the mean over the batch; formerly size_average=True in PyTorch",
    ),
    Choice(
        "sum",
        "the sum over the batch; formerly size_average=False in PyTorch. Gradients grow with the"
        " batch size, so the learning rate must be smaller by this factor",
    ),
)

"""How the losses of a batch become one number. The code is in `nnlab.engine.losses`."""

from nnlab.catalogue.choice import Choice

REDUCTIONS = (
    Choice(
        "mean",
        "their mean; PyTorch once spelt it size_average=True",
    ),
    Choice(
        "sum",
        "their sum; PyTorch once spelt it size_average=False. Gradients grow with the batch, so"
        " a fitting lr is smaller by its size",
    ),
)

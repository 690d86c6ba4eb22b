"""Losses, averaged over the batch. The code is in `nnlab.engine.losses`."""

from nnlab.catalogue.choice import Choice

LOSSES = (
    Choice(
        "cross_entropy",
        "negative log likelihood of the softmax, in nats",
        "Bishop 2006, eq. 4.108",
        tasks=("classification",),
    ),
    Choice("mse", "mean squared error", "Bishop 2006, eq. 3.12", tasks=("regression",)),
    Choice("l1", "mean absolute error, robust to outliers", tasks=("regression",)),
    Choice(
        "huber", "squared within 1, absolute beyond", "Huber 1964, eq. 2.1", tasks=("regression",)
    ),
)

"""Averages of the weights over steps or epochs. The code is in `nnlab.engine.weight_average`."""

from nnlab.catalogue.choice import Choice

AVERAGES = (
    Choice("none", "the weights after the last step", display_name="no averaging"),
    Choice(
        "ema",
        "exponential moving average over steps",
        "Polyak and Juditsky 1992",
        defaults={"average_decay": 0.999},
        display_name="EMA of weights",
    ),
    Choice(
        "swa",
        "mean of the weights at the end of each late epoch",
        "Izmailov et al. 2018, algorithm 1",
        defaults={"average_from": 0.75},
        display_name="SWA",
    ),
)

"""Decays of the learning rate; t is in epochs after the warmup, fractions count.

The code is in `nnlab.engine.schedules`.
"""

from nnlab.catalogue.choice import Choice

DECAYS = (
    Choice("none", "lr(t) = lr0"),
    Choice("exp", "lr(t) = lr0 exp(-k t), k = decay-rate", defaults={"decay_rate": 0.05}),
    Choice("inv", "lr(t) = lr0 / (1 + k t), k = decay-rate", defaults={"decay_rate": 0.05}),
    Choice(
        "step",
        "lr(t) = lr0 factor^floor(t / every)",
        defaults={"decay_every": 10, "decay_factor": 0.5},
    ),
    Choice(
        "cosine",
        "lr(t) = lr0 (1 + cos(pi t / T)) / 2, down to 0 at the last epoch T",
        "Loshchilov and Hutter 2017, eq. 5",
    ),
)

"""Optimizers, torch.optim's own. The code is in `nnlab.engine.optimizers`."""

from nnlab.catalogue.choice import Choice

OPTIMIZERS = (
    Choice(
        "adam",
        "running means of the gradient and its square; weight decay added to the gradient (L2)",
        "Kingma and Ba 2015, algorithm 1",
        defaults={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0},
    ),
    Choice(
        "adamw",
        "adam with the weight decay taken off the weights themselves",
        "Loshchilov and Hutter 2019, algorithm 2",
        defaults={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01},
    ),
    Choice(
        "sgd",
        "stochastic gradient descent with momentum (0 switches it off)",
        "Polyak 1964; Sutskever et al. 2013, eq. 1",
        defaults={"lr": 0.05, "momentum": 0.9, "weight_decay": 0.0},
    ),
    Choice(
        "nesterov",
        "sgd with the gradient taken ahead, where the momentum leads",
        "Nesterov 1983; Sutskever et al. 2013, eq. 3",
        defaults={"lr": 0.05, "momentum": 0.9, "weight_decay": 0.0},
    ),
    Choice(
        "rmsprop",
        "gradient over the root of its running mean square",
        "Tieleman and Hinton 2012, lecture 6.5",
        defaults={"lr": 1e-3, "beta2": 0.99, "momentum": 0.0, "weight_decay": 0.0},
    ),
    Choice(
        "adagrad",
        "gradient over the root of the sum of all its squares",
        "Duchi et al. 2011",
        defaults={"lr": 0.01, "weight_decay": 0.0},
    ),
)

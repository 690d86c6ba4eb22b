"""Optimizers, torch.optim's own where it has one. The code is in `nnlab.engine.optimizers`."""

from nnlab.catalogue.choice import Choice

OPTIMIZERS = (
    Choice(
        "sgd",
        "plain gradient descent on batches, or on all examples with --batch-size full",
        "Robbins and Monro 1951, eq. 8; Bottou et al. 2018, algorithm 4.1",
        defaults={"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0},
    ),
    Choice(
        "momentum",
        "sgd along a decaying sum of the gradients: the heavy ball",
        "Polyak 1964, eq. 9; Sutskever et al. 2013, eq. 1",
        defaults={"lr": 0.05, "momentum": 0.9, "weight_decay": 0.0},
    ),
    Choice(
        "nesterov",
        "momentum with the gradient taken ahead, where the momentum leads",
        "Nesterov 1983; Sutskever et al. 2013, eq. 3",
        defaults={"lr": 0.05, "momentum": 0.9, "weight_decay": 0.0},
    ),
    Choice(
        "adagrad",
        "gradient over the root of the sum of all its squares",
        "Duchi et al. 2011, figure 1",
        defaults={"lr": 0.01, "eps": 1e-10, "weight_decay": 0.0},
    ),
    Choice(
        "rmsprop",
        "gradient over the root of its running mean square",
        "Tieleman and Hinton 2012, lecture 6.5",
        defaults={"lr": 1e-3, "beta2": 0.99, "momentum": 0.0, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "adadelta",
        "rmsprop in the units of the weights: times the root mean square of past steps",
        "Zeiler 2012, algorithm 1",
        defaults={"lr": 1.0, "beta2": 0.9, "eps": 1e-6, "weight_decay": 0.0},
    ),
    Choice(
        "adam",
        "running means of the gradient and its square; weight decay added to the gradient (L2)",
        "Kingma and Ba 2015, algorithm 1",
        defaults={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "adamw",
        "adam with the weight decay taken off the weights themselves",
        "Loshchilov and Hutter 2019, algorithm 2",
        defaults={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
    ),
    Choice(
        "amsgrad",
        "adam that divides by the largest mean square so far",
        "Reddi et al. 2018, algorithm 2",
        defaults={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "nadam",
        "adam with Nesterov's look ahead",
        "Dozat 2016, algorithm 2",
        defaults={"lr": 2e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "radam",
        "adam that holds back until its mean square is known well",
        "Liu et al. 2020, algorithm 2",
        defaults={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "adamax",
        "adam with the largest gradient of late in place of the mean square",
        "Kingma and Ba 2015, algorithm 2",
        defaults={"lr": 2e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "lion",
        "the sign of a mean gradient: every weight moves by lr; decoupled weight decay",
        "Chen et al. 2023, algorithm 2",
        defaults={"lr": 3e-4, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.03},
    ),
    Choice(
        "muon",
        "momentum made orthogonal, for the weights of hidden layers; adamw for all else",
        "Jordan et al. 2024; step of adamw's size: Liu et al. 2025, eq. 4",
        defaults={
            "lr": 1e-3,
            "momentum": 0.95,
            "beta1": 0.9,
            "beta2": 0.999,
            "eps": 1e-8,
            "weight_decay": 0.01,
        },
    ),
    Choice(
        "lbfgs",
        "quasi-Newton from the last gradients, strong Wolfe line search; no learning rate",
        "Nocedal and Wright 2006, algorithms 7.5 and 3.5",
        defaults={"batch_size": "full", "memory": 10, "inner_steps": 5},
    ),
    Choice(
        "newton-cg",
        "Newton steps by conjugate gradients on Hessian-vector products; no learning rate",
        "Nocedal and Wright 2006, algorithm 7.1; Martens 2010",
        defaults={"batch_size": "full", "inner_steps": 50, "damping": 1e-3},
    ),
)

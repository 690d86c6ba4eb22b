"""Optimizers, from torch.optim if it has them. The code is in `nnlab.engine.optimizers`."""

from nnlab.catalogue.choice import Choice

OPTIMIZERS = (
    Choice(
        "sgd",
        "stochastic gradient descent, or gradient descent with --batch-size full",
        "Robbins and Monro 1951, eq. 8; Bottou et al. 2018, algorithm 4.1",
        defaults={"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0},
    ),
    Choice(
        "momentum",
        "sgd with an exponentially decaying sum of gradients (heavy ball)",
        "Polyak 1964, eq. 9; Sutskever et al. 2013, eq. 1",
        defaults={"lr": 0.05, "momentum": 0.9, "weight_decay": 0.0},
    ),
    Choice(
        "nesterov",
        "momentum with the gradient at the point to which the momentum leads",
        "Nesterov 1983; Sutskever et al. 2013, eq. 3",
        defaults={"lr": 0.05, "momentum": 0.9, "weight_decay": 0.0},
    ),
    Choice(
        "adagrad",
        "gradient divided by the root of the sum of all squared gradients",
        "Duchi et al. 2011, figure 1",
        defaults={"lr": 0.01, "eps": 1e-10, "weight_decay": 0.0},
    ),
    Choice(
        "rmsprop",
        "gradient divided by the root of the running mean of its squares",
        "Tieleman and Hinton 2012, lecture 6.5",
        defaults={"lr": 1e-3, "beta2": 0.99, "momentum": 0.0, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "adadelta",
        "rmsprop multiplied by the root mean square of past steps (in units of the weights)",
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
        "adam with decoupled weight decay",
        "Loshchilov and Hutter 2019, algorithm 2",
        defaults={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
    ),
    Choice(
        "amsgrad",
        "adam with the maximum of all second moments so far",
        "Reddi et al. 2018, algorithm 2",
        defaults={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "nadam",
        "adam with Nesterov momentum",
        "Dozat 2016, algorithm 2",
        defaults={"lr": 2e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "radam",
        "adam with rectified steps while the second moment is uncertain",
        "Liu et al. 2020, algorithm 2",
        defaults={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "adamax",
        "adam with an exponentially decaying maximum instead of the second moment",
        "Kingma and Ba 2015, algorithm 2",
        defaults={"lr": 2e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0},
    ),
    Choice(
        "lion",
        "the sign of a mean gradient, so that each weight moves by lr; decoupled weight decay",
        "Chen et al. 2023, algorithm 2",
        defaults={"lr": 3e-4, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.03},
    ),
    Choice(
        "muon",
        "orthogonalized momentum for the weights of hidden layers; adamw for all others",
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
        "quasi-Newton from recent gradients, strong Wolfe line search; no learning rate",
        "Nocedal and Wright 2006, algorithms 7.5 and 3.5",
        defaults={"batch_size": "full", "memory": 10, "inner_steps": 5},
    ),
    Choice(
        "newton-cg",
        "Newton steps by conjugate gradients with Hessian-vector products; no learning rate",
        "Nocedal and Wright 2006, algorithm 7.1; Martens 2010",
        defaults={"batch_size": "full", "inner_steps": 50, "damping": 1e-3},
    ),
    Choice(
        "task",
        "the configure_optimizers of your own task, see --task file.py:NAME",
        defaults={"lr": None, "momentum": None, "weight_decay": None},
        tasks=("custom",),
    ),
    Choice(
        "module:",
        "your own: file.py:NAME or package.module:NAME, a torch.optim.Optimizer class or function",
        defaults={"lr": 1e-3, "weight_decay": 0.0},
    ),
)

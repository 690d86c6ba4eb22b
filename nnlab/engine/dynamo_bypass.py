"""Training without torch's compiler where nothing is compiled.

torch's optimizers load the compiler when they are made and when they step, only to tell it to
keep out. That takes a second or more, longer than a small run takes to train, and some time in
each step. Here they are told that it is done.
"""

import inspect
from collections.abc import Callable

import torch
from torch.optim import Optimizer

# Where torch keeps the twin of a function that the compiler keeps out of.
_DYNAMO_DISABLE_ATTRIBUTE = "__dynamo_disable"


def bypass_dynamo_wrappers() -> None:
    """Lets torch's optimizers do without the compiler in this process."""
    for method in vars(Optimizer).values():
        plain = getattr(method, "__wrapped__", None)
        if plain is not None and not hasattr(plain, _DYNAMO_DISABLE_ATTRIBUTE):
            setattr(plain, _DYNAMO_DISABLE_ATTRIBUTE, plain)


def unwrapped_step(optimizer: Optimizer) -> Callable[[], None]:
    """The optimizer's own step without what torch puts around it: hooks and the compiler."""
    step = inspect.unwrap(type(optimizer).step)

    def take() -> None:
        with torch.no_grad():
            step(optimizer)

    return take


def use_deterministic_algorithms(*, warn_only: bool) -> None:
    """As `torch.use_deterministic_algorithms`, which also tells the compiler, and so loads it."""
    torch._C._set_deterministic_algorithms(True, warn_only=warn_only)

"""Keeps torch's compiler (TorchDynamo) from being imported where nothing is compiled.

torch's optimizers import TorchDynamo when they are constructed and call it at every step, only to
exclude themselves from compilation. The import takes a second or more, which is longer than a
small run trains. The functions here skip it; the results are the same.
"""

import inspect
from collections.abc import Callable

import torch
from torch.optim import Optimizer

# Attribute in which torch caches the wrapper that excludes a function from compilation.
_DYNAMO_DISABLE_ATTRIBUTE = "__dynamo_disable"


def bypass_dynamo_wrappers() -> None:
    """Marks the methods of torch's optimizers as already excluded from compilation."""
    for method in vars(Optimizer).values():
        plain = getattr(method, "__wrapped__", None)
        if plain is not None and not hasattr(plain, _DYNAMO_DISABLE_ATTRIBUTE):
            setattr(plain, _DYNAMO_DISABLE_ATTRIBUTE, plain)


def unwrapped_step(optimizer: Optimizer) -> Callable[[], None]:
    """The optimizer's own step function, without torch's hooks and its TorchDynamo wrapper."""
    step_function = inspect.unwrap(type(optimizer).step)

    def step() -> None:
        with torch.no_grad():
            step_function(optimizer)

    return step


def use_deterministic_algorithms(*, warn_only: bool) -> None:
    """Like `torch.use_deterministic_algorithms`, which would import TorchDynamo."""
    torch._C._set_deterministic_algorithms(True, warn_only=warn_only)

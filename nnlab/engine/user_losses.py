"""User-defined losses: `--loss file.py:NAME`, a function or module of outputs and targets."""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeGuard

import torch
from torch import nn

from nnlab.catalogue import DENSE_TASKS, Task
from nnlab.engine import user_code
from nnlab.engine.error_description import location_suffix
from nnlab.engine.models.call import batch_length
from nnlab.engine.returned_numbers import describe_value
from nnlab.engine.targets.output_shape import IGNORED_CLASS
from nnlab.engine.user_arguments import converted_arguments
from nnlab.engine.user_call import call_user_code
from nnlab.errors import UserCodeError
from nnlab.settings import RunConfig

Loss = Callable[..., torch.Tensor]


def build_user_loss(config: RunConfig, reduction: str, *, task: Task = "classification") -> Loss:
    """The loss that `--loss` names.

    The user's function takes outputs and targets in the shapes of the task, such as [n, c] and
    classes [n], or [n, k] and numbers [n, k]; the outputs alone where there are no targets. It
    returns either the mean over the examples (a scalar), or one value per example ([n] or [n, 1]),
    which is reduced here. For tokens and pixels the mean is over the positions that count, and
    values are per position. The arguments of the setting go to the constructor of a module class,
    or with each call to a function.

    Args:
        config: resolved.
        reduction: mean or sum.
        task: the kind of targets.

    Raises:
        UserCodeError: the object is not a loss, or building it raises an error. The returned
            function raises it too.
    """
    option = f"--loss {config.loss}"
    code = user_code.load_object(config.loss or "")
    function = _as_function(option, code, converted_arguments(config, "loss", code))

    def loss(outputs: Any, targets: torch.Tensor | None = None) -> torch.Tensor:
        arguments = (outputs,) if targets is None else (outputs, targets)
        value = call_user_code(option, lambda: function(*arguments))
        if targets is not None and task in DENSE_TASKS and _has_values(value):
            value = _counted_values(option, value, targets)
            return _reduce(option, function, value, len(value), reduction)
        return _reduce(option, function, value, batch_length(outputs), reduction)

    return loss


def _counted_values(option: str, value: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The values [m] of the positions that count, of a loss with one value per position.

    Raises:
        UserCodeError: it has another shape.
    """
    if value.shape != targets.shape:
        raise UserCodeError(
            f"{option} returns a tensor of shape {list(value.shape)}; nnlab needs a scalar tensor"
            " (the mean over the positions that count) or one value per position,"
            f" {list(targets.shape)}"
        )
    return value[targets != IGNORED_CLASS]


def check_user_loss(
    config: RunConfig,
    loss: Loss,
    targets: torch.Tensor,
    output_shape: tuple[int, ...],
    dtype: torch.dtype,
) -> None:
    """Calls a user-defined loss once, so that errors are reported before training.

    Args:
        config: resolved.
        loss: built from the config.
        targets: of a few examples.
        output_shape: the shape of one output of the model.
        dtype: of the outputs.

    Raises:
        UserCodeError: it raises an error, returns no real tensor of a suitable shape, or its value
            has no gradient with respect to the outputs.
    """
    predictions = torch.zeros(
        len(targets), *output_shape, dtype=dtype, device=targets.device, requires_grad=True
    )
    value = loss(predictions, targets)
    # A value with a gradient that does not reach the outputs would leave the model as it is.
    if (
        not value.requires_grad
        or torch.autograd.grad(value, predictions, allow_unused=True)[0] is None
    ):
        raise UserCodeError(
            f"--loss {config.loss} returns a value without a gradient",
            hint="compute it from the outputs by differentiable torch operations,"
            " without .detach(), .item() or argmax",
        )


def _as_function(
    option: str, loss: object, arguments: Mapping[str, object]
) -> Callable[..., object]:
    """The function of a loss: a function itself, or a module, or an instance of a module class."""
    if isinstance(loss, type) and issubclass(loss, nn.Module):
        module_class = loss
        loss = call_user_code(option, lambda: module_class(**arguments))
    if isinstance(loss, nn.Module):
        if any(parameter.requires_grad for parameter in loss.parameters()):
            raise UserCodeError(
                f"{option} has trainable parameters, which nnlab does not train",
                hint="register them as buffers, or make them part of the model",
            )
        # Runs of one process must not share the state of a module.
        return copy.deepcopy(loss)
    if not callable(loss) or isinstance(loss, type):
        raise UserCodeError(
            f"{option} is of type {type(loss).__name__};"
            " nnlab needs a function of (outputs, targets), or a torch.nn.Module"
        )
    return partial(loss, **arguments) if arguments else loss


def _has_values(value: object) -> TypeGuard[torch.Tensor]:
    """Whether a loss returned several values."""
    return isinstance(value, torch.Tensor) and value.ndim > 0


def _reduce(
    option: str, function: Callable[..., object], value: object, examples: int, reduction: str
) -> torch.Tensor:
    if not isinstance(value, torch.Tensor) or value.shape not in ((), (examples,), (examples, 1)):
        returned = (
            f"a tensor of shape {list(value.shape)}"
            if isinstance(value, torch.Tensor)
            else _describe_number(value)
        )
        raise UserCodeError(
            f"{option} returns {returned} for {examples} examples; nnlab needs a scalar tensor"
            f" (the mean over the examples) or a tensor of shape {[examples]} (one value each)"
            + location_suffix(function)
        )
    if value.is_complex():
        raise UserCodeError(
            f"{option} returns complex numbers, nnlab needs real ones" + location_suffix(function)
        )
    if value.ndim == 0:
        if reduction != "mean":
            raise UserCodeError(
                f"{option} returns a scalar, which --reduction {reduction} cannot reduce"
                + location_suffix(function),
                hint="return one value per example, or omit --reduction",
            )
        return value
    return value.mean() if reduction == "mean" else value.sum()


def _describe_number(value: object) -> str:
    """A value that is not a tensor, for messages."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"the Python number {value}"
    return describe_value(value)

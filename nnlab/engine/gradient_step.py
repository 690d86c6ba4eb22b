"""The parts of a training step that all loops share: backward pass, clipping, update of weights."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.optim import Optimizer

from nnlab.engine.optimizers import call_optimizer, gradient_norm
from nnlab.settings import RunConfig

Penalty = Callable[[], torch.Tensor]


def backward(
    loss: torch.Tensor,
    optimizer: Optimizer,
    *,
    penalty: Penalty | None,
    scaler: torch.amp.GradScaler | None,
) -> None:
    """Computes the gradients of a loss with the penalty of the weights; older ones are removed."""
    if penalty is not None:
        loss = loss + penalty()
    optimizer.zero_grad(set_to_none=True)
    scaled = loss if scaler is None else scaler.scale(loss)
    scaled.backward()  # type: ignore[no-untyped-call]


def clip_gradients(
    config: RunConfig,
    model: nn.Module,
    optimizer: Optimizer,
    scaler: torch.amp.GradScaler | None,
) -> torch.Tensor:
    """Clips the gradients as configured and returns their norm before clipping."""
    if scaler is not None:
        scaler.unscale_(optimizer)
    norm = gradient_norm(model)
    if config.clip > 0:
        nn.utils.clip_grads_with_norm_(model.parameters(), config.clip, norm)
    if config.clip_value > 0:
        nn.utils.clip_grad_value_(model.parameters(), config.clip_value)
    return norm


def update_weights(
    config: RunConfig,
    optimizer: Optimizer,
    unwrapped_step: Callable[[], None],
    scaler: torch.amp.GradScaler | None,
) -> None:
    """Updates the weights from their gradients, through the gradient scaler if there is one."""
    if scaler is None:
        unwrapped_step()
    else:
        call_optimizer(config, partial(scaler.step, optimizer))
        scaler.update()

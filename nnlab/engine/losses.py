"""Losses by name: of outputs [n, c] and targets, as the mean or sum over the examples of a batch.

Targets are classes [n] (int64), class weights [n, c] of mixed examples (cross_entropy and bce), or
numbers [n, 1].
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch.nn import functional

from nnlab.config import RunConfig

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def build(config: RunConfig) -> Loss:
    """The training loss of a resolved config, with its reduction and label smoothing."""
    return LOSS_BUILDERS[config.loss or ""](config, config.reduction)


def build_eval_loss(config: RunConfig) -> Loss:
    """The reported loss: the mean over examples, without label smoothing.

    This keeps trials with different reductions or label smoothing comparable.
    """
    return _EVAL_LOSS_BUILDERS.get(config.loss or "", LOSS_BUILDERS[config.loss or ""])(
        config, "mean"
    )


def _cross_entropy(config: RunConfig, reduction: str) -> Loss:
    smoothing = config.label_smoothing or 0.0
    if reduction == "mean" and smoothing == 0.0:
        return functional.cross_entropy
    return partial(functional.cross_entropy, reduction=reduction, label_smoothing=smoothing)


def _plain_cross_entropy(config: RunConfig, reduction: str) -> Loss:
    del config
    return partial(functional.cross_entropy, reduction=reduction)


def _nll(config: RunConfig, reduction: str) -> Loss:
    """Expects log-probabilities; works on logits too, since log_softmax is idempotent."""
    del config

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.nll_loss(outputs.log_softmax(dim=1), targets, reduction=reduction)

    return loss


def _bce(config: RunConfig, reduction: str) -> Loss:
    """Binary cross entropy of each class against the rest, summed over the classes."""
    del config

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        total = functional.binary_cross_entropy_with_logits(
            outputs, class_weights(outputs, targets), reduction="sum"
        )
        return total / len(outputs) if reduction == "mean" else total

    return loss


def _hinge(config: RunConfig, reduction: str) -> Loss:
    del config

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses = hinge_losses(outputs, targets)
        return losses.mean() if reduction == "mean" else losses.sum()

    return loss


def class_weights(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The targets as class weights [..., n, c]: one-hot, unless they are weights already."""
    if targets.ndim < outputs.ndim:
        targets = functional.one_hot(targets, outputs.shape[-1])
    return targets.to(outputs.dtype)


def hinge_losses(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """max(0, 1 + largest wrong output - right output) of each example [..., n].

    Source: Crammer and Singer 2001, eq. 8.
    """
    index = targets[..., None]
    wrong = outputs.scatter(-1, index, -torch.inf).amax(dim=-1)
    return (1.0 + wrong - outputs.gather(-1, index)[..., 0]).clamp(min=0.0)


def _regression_loss(
    function: Callable[..., torch.Tensor],
) -> Callable[[RunConfig, str], Loss]:
    def make(config: RunConfig, reduction: str) -> Loss:
        del config
        return partial(function, reduction=reduction)

    return make


def _huber(config: RunConfig, reduction: str) -> Loss:
    return partial(functional.huber_loss, reduction=reduction, delta=huber_delta(config))


def huber_delta(config: RunConfig) -> float:
    """The difference at which the Huber loss changes from quadratic to linear."""
    return 1.0 if config.huber_delta is None else config.huber_delta


LOSS_BUILDERS: Mapping[str, Callable[[RunConfig, str], Loss]] = {
    "cross_entropy": _cross_entropy,
    "nll": _nll,
    "bce": _bce,
    "hinge": _hinge,
    "mse": _regression_loss(functional.mse_loss),
    "l1": _regression_loss(functional.l1_loss),
    "huber": _huber,
}
_EVAL_LOSS_BUILDERS: Mapping[str, Callable[[RunConfig, str], Loss]] = {
    "cross_entropy": _plain_cross_entropy
}

"""Losses by name: of outputs [n, c] and targets, as the mean or sum over the examples of a batch.

Targets are classes [n] (int64), class weights [n, c] of mixed examples (cross_entropy and bce),
numbers [n, k] or tags [n, k]. Losses of tokens and pixels are means over the positions whose target
is not -100: of outputs [n, t, c] and targets [n, t], or [n, c, h, w] and [n, h, w].
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch.nn import functional

from nnlab.catalogue import USER_CODE, Task, find_choice
from nnlab.engine.user_losses import build_user_loss
from nnlab.settings import RunConfig

Loss = Callable[..., torch.Tensor]
# Config, reduction, and the weights [c] of the classes (bce: of their positive examples).
LossBuilder = Callable[[RunConfig, str, torch.Tensor | None], Loss]


# The kinds of targets whose outputs have the classes in the last of three dimensions.
_TOKEN_TASKS: tuple[Task, ...] = ("token_classification", "language_modeling")


def build(
    config: RunConfig, weights: torch.Tensor | None = None, *, task: Task = "classification"
) -> Loss:
    """The training loss of a resolved config, with its reduction and label smoothing.

    Args:
        config: resolved.
        weights: from `class_weights` or `pos_weight`, a tensor [c]. With weights the mean of
            cross_entropy and nll is divided by the sum of the weights, as in torch.
        task: the kind of targets; the losses of all kinds with targets [n] or [n, 1] are equal.

    Raises:
        UserCodeError: the user-defined loss cannot be used.
    """
    return _build_for_task(LOSS_BUILDERS, config, config.reduction, weights, task)


def build_eval_loss(config: RunConfig, *, task: Task = "classification") -> Loss:
    """The reported loss: the mean over examples, without label smoothing and class weights.

    This keeps trials with different reductions, label smoothing or weights comparable.

    Raises:
        UserCodeError: the user-defined loss cannot be used.
    """
    builders = {**LOSS_BUILDERS, **_EVAL_LOSS_BUILDERS}
    return _build_for_task(builders, config, "mean", None, task)


def _build_for_task(
    builders: Mapping[str, LossBuilder],
    config: RunConfig,
    reduction: str,
    weights: torch.Tensor | None,
    task: Task,
) -> Loss:
    name = find_choice("loss", config.loss or "").name
    if name == USER_CODE:
        return build_user_loss(config, reduction, task=task)
    if name == "bce" and task == "multilabel":
        return partial(
            functional.binary_cross_entropy_with_logits, pos_weight=weights, reduction=reduction
        )
    loss = builders[name](config, reduction, weights)
    return _of_tokens(loss) if task in _TOKEN_TASKS else loss


def _of_tokens(loss: Loss) -> Loss:
    """A loss of outputs [n, t, c] and targets [n, t] from one of outputs [n, c] and targets [n]."""

    def flattened(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return loss(outputs.flatten(0, -2), targets.flatten())

    return flattened


def _cross_entropy(config: RunConfig, reduction: str, weights: torch.Tensor | None) -> Loss:
    smoothing = config.label_smoothing or 0.0
    if reduction == "mean" and smoothing == 0.0 and weights is None:
        return functional.cross_entropy
    return partial(
        functional.cross_entropy, weight=weights, reduction=reduction, label_smoothing=smoothing
    )


def _plain_cross_entropy(config: RunConfig, reduction: str, weights: torch.Tensor | None) -> Loss:
    del config, weights
    return partial(functional.cross_entropy, reduction=reduction)


def _nll(config: RunConfig, reduction: str, weights: torch.Tensor | None) -> Loss:
    """Expects log-probabilities; works on logits too, since log_softmax is idempotent."""
    del config

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        log_probabilities = outputs.log_softmax(dim=1)
        return functional.nll_loss(log_probabilities, targets, weight=weights, reduction=reduction)

    return loss


def _bce(config: RunConfig, reduction: str, weights: torch.Tensor | None) -> Loss:
    """Binary cross entropy of each class against the rest, summed over the classes."""
    del config

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        total = functional.binary_cross_entropy_with_logits(
            outputs, target_probabilities(outputs, targets), pos_weight=weights, reduction="sum"
        )
        return total / len(outputs) if reduction == "mean" else total

    return loss


def _hinge(config: RunConfig, reduction: str, weights: torch.Tensor | None) -> Loss:
    del config, weights

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses = hinge_losses(outputs, targets)
        return losses.mean() if reduction == "mean" else losses.sum()

    return loss


def target_probabilities(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The targets as probabilities [..., n, c] of the classes; classes become one-hot."""
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


def _regression_loss(function: Callable[..., torch.Tensor]) -> LossBuilder:
    def make(config: RunConfig, reduction: str, weights: torch.Tensor | None) -> Loss:
        del config, weights
        return partial(function, reduction=reduction)

    return make


def _huber(config: RunConfig, reduction: str, weights: torch.Tensor | None) -> Loss:
    del weights
    return partial(functional.huber_loss, reduction=reduction, delta=huber_delta(config))


def huber_delta(config: RunConfig) -> float:
    """The difference at which the Huber loss changes from quadratic to linear."""
    return 1.0 if config.huber_delta is None else config.huber_delta


def _user_loss(config: RunConfig, reduction: str, weights: torch.Tensor | None) -> Loss:
    del weights
    return build_user_loss(config, reduction)


LOSS_BUILDERS: Mapping[str, LossBuilder] = {
    "cross_entropy": _cross_entropy,
    "nll": _nll,
    "bce": _bce,
    "hinge": _hinge,
    "mse": _regression_loss(functional.mse_loss),
    "l1": _regression_loss(functional.l1_loss),
    "huber": _huber,
    USER_CODE: _user_loss,
}
_EVAL_LOSS_BUILDERS: Mapping[str, LossBuilder] = {"cross_entropy": _plain_cross_entropy}

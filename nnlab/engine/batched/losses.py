"""Losses of every run: of outputs [runs, n, c] one number for each, [runs].

They are those of `nnlab.engine.losses`. Targets are classes [runs, n], shares of the classes
[runs, n, c] of blended examples, or numbers [runs, n, 1]; a split that all runs share has one row
in place of theirs.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch.nn import functional

from nnlab.config import RunConfig

BatchedLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def build_train_loss(configs: Sequence[RunConfig], like: torch.Tensor) -> BatchedLoss:
    """The losses that runs of one loss and reduction train on, each with its own smoothing."""
    smoothing = [config.label_smoothing or 0.0 for config in configs]
    softened = any(smoothing)
    column = torch.tensor(smoothing, dtype=like.dtype, device=like.device)[:, None]
    return _reduce_loss(configs[0], configs[0].reduction, column if softened else None)


def build_reported_loss(config: RunConfig) -> BatchedLoss:
    """The losses that are reported: means over the examples, their targets not smoothed."""
    return _reduce_loss(config, "mean", None)


def _reduce_loss(config: RunConfig, reduction: str, smoothing: torch.Tensor | None) -> BatchedLoss:
    each = _EXAMPLE_LOSSES[config.loss or ""]

    def losses(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if len(targets) == 1 < len(outputs):
            targets = targets.expand(len(outputs), *targets.shape[1:])
        found = each(outputs, targets, smoothing, config)
        return found.mean(1) if reduction == "mean" else found.sum(1)

    return losses


# Losses of single examples: [runs, n].
ExampleLoss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None, RunConfig], torch.Tensor]


def _cross_entropy(
    outputs: torch.Tensor,
    targets: torch.Tensor,
    smoothing: torch.Tensor | None,
    config: RunConfig,
) -> torch.Tensor:
    del config
    # Ten classes in a row are too few for a vector: over columns it is ten times as fast.
    columns = outputs.transpose(1, 2).contiguous()
    if targets.ndim == 3:
        targets = targets.transpose(1, 2)
    found = functional.cross_entropy(columns, targets, reduction="none")
    if smoothing is None:
        return found
    spread = -columns.log_softmax(dim=1).mean(1)
    return (1.0 - smoothing) * found + smoothing * spread


def _nll(
    outputs: torch.Tensor, targets: torch.Tensor, _: torch.Tensor | None, config: RunConfig
) -> torch.Tensor:
    """Of logits it is the cross entropy, of log-probabilities too."""
    return _cross_entropy(outputs, targets, None, config)


def _bce(
    outputs: torch.Tensor, targets: torch.Tensor, _: torch.Tensor | None, config: RunConfig
) -> torch.Tensor:
    del config
    if targets.ndim == 2:
        targets = functional.one_hot(targets, outputs.shape[-1])
    return functional.binary_cross_entropy_with_logits(
        outputs, targets.to(outputs.dtype), reduction="none"
    ).sum(-1)


def _hinge(
    outputs: torch.Tensor, targets: torch.Tensor, _: torch.Tensor | None, config: RunConfig
) -> torch.Tensor:
    del config
    places = targets[..., None]
    wrong = outputs.scatter(-1, places, -torch.inf).amax(dim=-1)
    return (1.0 + wrong - outputs.gather(-1, places)[..., 0]).clamp(min=0.0)


def _regression_loss(function: Callable[..., torch.Tensor]) -> ExampleLoss:
    def each(
        outputs: torch.Tensor, targets: torch.Tensor, _: torch.Tensor | None, config: RunConfig
    ) -> torch.Tensor:
        del config
        return function(outputs, targets, reduction="none").flatten(2).mean(-1)

    return each


def _huber(
    outputs: torch.Tensor, targets: torch.Tensor, _: torch.Tensor | None, config: RunConfig
) -> torch.Tensor:
    delta = 1.0 if config.huber_delta is None else config.huber_delta
    found = functional.huber_loss(outputs, targets, reduction="none", delta=delta)
    return found.flatten(2).mean(-1)


_EXAMPLE_LOSSES: Mapping[str, ExampleLoss] = {
    "cross_entropy": _cross_entropy,
    "nll": _nll,
    "bce": _bce,
    "hinge": _hinge,
    "mse": _regression_loss(functional.mse_loss),
    "l1": _regression_loss(functional.l1_loss),
    "huber": _huber,
}

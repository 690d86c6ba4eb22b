"""Averages of the weights over training, evaluated in place of the last weights."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nnlab.config import RunConfig

# Examples a forward pass when the statistics of batch normalisation are measured anew.
_BATCH_NORM_BATCH_SIZE = 1024


class WeightAverage:
    """The average of a model's weights; nothing of it is there before the first update."""

    def __init__(self, model: nn.Module) -> None:
        self.count = 0
        self._device = next(model.parameters()).device
        self._means: list[torch.Tensor] = []

    def after_step(self, model: nn.Module) -> None:
        """Takes in the weights after a step of the optimizer, where steps count."""

    def after_epoch(self, model: nn.Module, epoch: int) -> None:
        """Takes in the weights after an epoch, counted from 1, where epochs count."""

    @contextmanager
    def applied(self, model: nn.Module, examples: torch.Tensor | None = None) -> Iterator[None]:
        """The model with the averaged weights for as long as it is open; as it is before any.

        Args:
            model: the one that was averaged, in the mode in which it was trained.
            examples: [n, ...] of the training split, to measure the running statistics of batch
                normalisation by where they are not averaged; without them they stay. They also
                stay in a layer that was in evaluation mode while training, because it is frozen.
        """
        if self.count == 0:
            yield
            return
        norms = self._batch_norms_to_recompute(model) if examples is not None else []
        kept = [buffer.clone() for norm in norms for buffer in norm.buffers()]
        self._swap_weights(model)
        try:
            if norms and examples is not None:
                _recompute_batch_norm_statistics(model, norms, examples)
            yield
        finally:
            self._swap_weights(model)
            buffers = [buffer for norm in norms for buffer in norm.buffers()]
            for buffer, before in zip(buffers, kept, strict=True):
                buffer.copy_(before)

    def state_dict(self) -> dict[str, Any]:
        """All that a checkpoint needs."""
        return {"count": self.count, "means": self._means}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where a checkpoint was written."""
        self.count = state["count"]
        self._means = [tensor.to(self._device, copy=True) for tensor in state["means"]]

    def _averaged_tensors(self, model: nn.Module) -> list[torch.Tensor]:
        """What is averaged."""
        return list(model.parameters())

    def _batch_norms_to_recompute(self, model: nn.Module) -> list[_BatchNorm]:
        """The batch normalisations whose running statistics the average does not hold."""
        return [
            module
            for module in model.modules()
            if isinstance(module, _BatchNorm) and module.track_running_stats and module.training
        ]

    @torch.no_grad()
    def _take(self, model: nn.Module, share: float) -> None:
        """Moves the average towards the model by a share of the way; what counts is copied."""
        tensors = self._averaged_tensors(model)
        if self.count == 0:
            self._means = [tensor.detach().clone() for tensor in tensors]
        else:
            pairs = list(zip(self._means, tensors, strict=True))
            floating = [pair for pair in pairs if pair[0].is_floating_point()]
            torch._foreach_lerp_([mean for mean, _ in floating], [t for _, t in floating], share)
            for mean, tensor in pairs:
                if not mean.is_floating_point():
                    mean.copy_(tensor)
        self.count += 1

    def _swap_weights(self, model: nn.Module) -> None:
        """Exchanges the model's tensors for the averaged ones: pointers move, no number does."""
        for i, tensor in enumerate(self._averaged_tensors(model)):
            self._means[i], tensor.data = tensor.data, self._means[i]


class ExponentialWeightAverage(WeightAverage):
    """After each step the average a becomes d a + (1 - d) w: Polyak and Juditsky 1992.

    d is `decay`, but at most (1 + n) / (10 + n) after n steps, so that a short training is not
    ruled by its first weights. Buffers such as running statistics are averaged too.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.decay = decay

    def after_step(self, model: nn.Module) -> None:
        """Takes in the weights after a step of the optimizer."""
        self._take(model, 1.0 - min(self.decay, (1 + self.count) / (10 + self.count)))

    def _averaged_tensors(self, model: nn.Module) -> list[torch.Tensor]:
        return [*model.parameters(), *model.buffers()]

    def _batch_norms_to_recompute(self, model: nn.Module) -> list[_BatchNorm]:
        del model
        return []


class EpochWeightAverage(WeightAverage):
    """The mean of the weights at the end of each epoch after `begin`, in epochs.

    Izmailov et al. 2018, algorithm 1. Running statistics are measured anew, as they advise.
    """

    def __init__(self, model: nn.Module, begin: float) -> None:
        super().__init__(model)
        self.begin = begin

    def after_epoch(self, model: nn.Module, epoch: int) -> None:
        """Takes in the weights after an epoch, counted from 1."""
        if epoch > self.begin:
            self._take(model, 1.0 / (1 + self.count))


def build(model: nn.Module, config: RunConfig) -> WeightAverage | None:
    """The average that a resolved config asks for, of a model that is on its device."""
    match config.average:
        case "ema":
            assert config.average_decay is not None
            return ExponentialWeightAverage(model, config.average_decay)
        case "swa":
            assert config.average_from is not None
            return EpochWeightAverage(model, config.average_from * config.epochs)
        case _:
            return None


@torch.no_grad()
def _recompute_batch_norm_statistics(
    model: nn.Module, norms: Sequence[_BatchNorm], examples: torch.Tensor
) -> None:
    """Sets the running statistics to their mean over chunks of the examples, dropout off."""
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch then keeps a plain mean over batches
        norm.train()
    # Chunks of nearly one size: the last is never a single example, which has no variance.
    for chunk in torch.tensor_split(examples, -(-len(examples) // _BATCH_NORM_BATCH_SIZE)):
        model(chunk)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()

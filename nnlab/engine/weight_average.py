"""Averages of the weights over training (EMA and SWA), evaluated instead of the last weights."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from nnlab.engine.required_setting import required
from nnlab.settings import RunConfig

# Examples per forward pass when the statistics of batch normalisation are recomputed.
_BATCH_NORM_BATCH_SIZE = 1024


class WeightAverage:
    """Average of a model's weights; it allocates nothing before the first update."""

    def __init__(self, model: nn.Module) -> None:
        self.count = 0
        self._device = next(model.parameters()).device
        self._means: list[torch.Tensor] = []

    def after_step(self, model: nn.Module) -> None:
        """Updates the average after an optimizer step, if steps are averaged."""

    def after_epoch(self, model: nn.Module, epoch: int) -> None:
        """Updates the average after an epoch, counted from 1, if epochs are averaged."""

    @contextmanager
    def swapped_in(self, model: nn.Module, examples: torch.Tensor | None = None) -> Iterator[None]:
        """While this context is open, the model has the averaged weights, if there are any yet.

        Args:
            model: the averaged model, in the mode in which it was trained.
            examples: [n, ...] of the training split, to recompute the running statistics of batch
                normalisation if they are not averaged; without examples they stay unchanged. They
                also stay in a layer that is in evaluation mode during training, because it is
                frozen.
        """
        if self.count == 0:
            yield
            return
        norms = self._batch_norms_to_recompute(model) if examples is not None else []
        original_buffers = [buffer.clone() for norm in norms for buffer in norm.buffers()]
        self._swap_weights(model)
        try:
            if norms and examples is not None:
                recompute_batch_norm_statistics(model, norms, examples)
            yield
        finally:
            self._swap_weights(model)
            buffers = [buffer for norm in norms for buffer in norm.buffers()]
            for buffer, original in zip(buffers, original_buffers, strict=True):
                buffer.copy_(original)

    def state_dict(self) -> dict[str, Any]:
        """The state for a checkpoint."""
        return {"count": self.count, "means": self._means}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores the state from a checkpoint."""
        self.count = state["count"]
        self._means = [tensor.to(self._device, copy=True) for tensor in state["means"]]

    def _averaged_tensors(self, model: nn.Module) -> list[torch.Tensor]:
        """The tensors that are averaged."""
        return list(model.parameters())

    def _batch_norms_to_recompute(self, model: nn.Module) -> list[_BatchNorm]:
        """Batch normalisation layers in training mode whose statistics are not averaged."""
        return [
            module
            for module in model.modules()
            if isinstance(module, _BatchNorm) and module.track_running_stats and module.training
        ]

    @torch.no_grad()
    def _update_average(self, model: nn.Module, weight: float) -> None:
        """Moves the average towards the model: a + weight (w - a); integer tensors are copied."""
        tensors = self._averaged_tensors(model)
        if self.count == 0:
            self._means = [tensor.detach().clone() for tensor in tensors]
        else:
            pairs = list(zip(self._means, tensors, strict=True))
            floating = [pair for pair in pairs if pair[0].is_floating_point()]
            torch._foreach_lerp_([mean for mean, _ in floating], [t for _, t in floating], weight)
            for mean, tensor in pairs:
                if not mean.is_floating_point():
                    mean.copy_(tensor)
        self.count += 1

    def _swap_weights(self, model: nn.Module) -> None:
        """Exchanges the model's tensors with the averaged ones, by pointer, without copying."""
        for i, tensor in enumerate(self._averaged_tensors(model)):
            self._means[i], tensor.data = tensor.data, self._means[i]


class ExponentialWeightAverage(WeightAverage):
    """The exponential moving average d a + (1 - d) w, updated after each step.

    Polyak and Juditsky 1992. d is `decay`, but at most (1 + n) / (10 + n) after n steps, so that
    the initial weights do not dominate a short training. Buffers such as running statistics are
    averaged too.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.decay = decay

    def after_step(self, model: nn.Module) -> None:
        """Updates the average after an optimizer step."""
        self._update_average(model, 1.0 - min(self.decay, (1 + self.count) / (10 + self.count)))

    def _averaged_tensors(self, model: nn.Module) -> list[torch.Tensor]:
        return [*model.parameters(), *model.buffers()]

    def _batch_norms_to_recompute(self, model: nn.Module) -> list[_BatchNorm]:
        del model
        return []


class EpochWeightAverage(WeightAverage):
    """The mean of the weights at the end of each epoch after `begin`, in epochs.

    Izmailov et al. 2018, algorithm 1. Running statistics are recomputed, as they advise.
    """

    def __init__(self, model: nn.Module, begin: float) -> None:
        super().__init__(model)
        self.begin = begin

    def after_epoch(self, model: nn.Module, epoch: int) -> None:
        """Updates the average after an epoch, counted from 1."""
        if epoch > self.begin:
            self._update_average(model, 1.0 / (1 + self.count))


def build(model: nn.Module, config: RunConfig) -> WeightAverage | None:
    """The weight average of a resolved config, for a model on its device; None for no averaging."""
    match config.average:
        case "ema":
            return ExponentialWeightAverage(model, required(config.average_decay))
        case "swa":
            return EpochWeightAverage(model, required(config.average_from) * config.epochs)
        case _:
            return None


@torch.no_grad()
def recompute_batch_norm_statistics(
    model: nn.Module, norms: Sequence[_BatchNorm], examples: torch.Tensor
) -> None:
    """Sets running statistics to their mean over chunks of the examples, without dropout.

    The model is in evaluation mode afterwards.
    """
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # makes torch compute the plain mean over batches
        norm.train()
    # Chunks have nearly equal sizes, so none is a single example, which has no variance.
    for chunk in torch.tensor_split(examples, -(-len(examples) // _BATCH_NORM_BATCH_SIZE)):
        model(chunk)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.eval()

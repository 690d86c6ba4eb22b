"""Batch normalisation over the batch of all processes, for data-parallel training."""

from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class SyncedBatchNorm(_BatchNorm):
    """Batch normalisation with the mean and variance of all processes' rows, on any device.

    Ioffe and Szegedy 2015, algorithm 1, over the whole batch; torch's own version needs a GPU.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, ...] to the same shape."""
        if not self.training:
            return super().forward(x)
        dims = [0, *range(2, x.ndim)]
        shape = [1, -1, *[1] * (x.ndim - 2)]
        count = x.new_tensor([float(x.numel() // x.shape[1])])
        dist.all_reduce(count)
        mean = _all_reduce_sum(x.sum(dims)) / count
        centred = x - mean.view(shape)
        variance = _all_reduce_sum(centred.square().sum(dims)) / count
        if self.running_mean is not None and self.running_var is not None:
            self._update_running_statistics(
                (self.running_mean, mean.detach()), (self.running_var, variance.detach()), count
            )
        normalised = centred * torch.rsqrt(variance + self.eps).view(shape)
        if not self.affine:
            return normalised
        scaled: torch.Tensor = normalised * self.weight.view(shape) + self.bias.view(shape)
        return scaled

    @torch.no_grad()
    def _update_running_statistics(
        self,
        means: tuple[torch.Tensor, torch.Tensor],
        variances: tuple[torch.Tensor, torch.Tensor],
        count: torch.Tensor,
    ) -> None:
        """Moves the first of each pair, the running statistic, towards the second, the batch's."""
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
        momentum = self.momentum
        if momentum is None:
            momentum = 1.0 / float(self.num_batches_tracked or 1)
        means[0].lerp_(means[1], momentum)
        # The running variance is the unbiased one, as in torch's own layer.
        variances[0].lerp_(variances[1] * count / (count - 1), momentum)

    def _check_input_dim(self, input: torch.Tensor) -> None:  # noqa: A002  torch's name
        del input


class _AllReduceSum(torch.autograd.Function):
    """The sum over all processes; its backward pass sums the gradients over all processes."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        del ctx
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        del ctx
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


def _all_reduce_sum(values: torch.Tensor) -> torch.Tensor:
    total: torch.Tensor = _AllReduceSum.apply(values)  # type: ignore[no-untyped-call]
    return total


def convert_to_synced_batch_norm(model: nn.Module) -> None:
    """Makes every batch normalisation of a model a synchronised one, keeping its parameters."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            module.__class__ = SyncedBatchNorm  # type: ignore[assignment]

"""Evaluation of a model on a split: its outputs, and the metrics computed from them."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional

from nnlab.catalogue import Task
from nnlab.engine.data.prepare import SplitTensors
from nnlab.engine.losses import Loss
from nnlab.engine.targets.metric_sums import metric_sums

# Examples per forward pass: small enough for a laptop's cache, large enough to occupy a GPU.
EVAL_BATCH_SIZE = 1024
# Outputs of a forward pass, for tasks with many of them per example.
_MAX_EVAL_NUMBERS = 1 << 24


def eval_batch_size(output_shape: tuple[int, ...]) -> int:
    """Examples per forward pass, fewer if one output has many numbers."""
    return max(1, min(EVAL_BATCH_SIZE, _MAX_EVAL_NUMBERS // max(1, math.prod(output_shape))))


@torch.no_grad()
def compute_outputs(
    forward: Callable[[torch.Tensor], torch.Tensor], model: nn.Module, part: SplitTensors
) -> torch.Tensor:
    """The outputs of a model in evaluation mode for every example of a split: [n, outputs].

    Args:
        forward: the model itself, or its compiled version.
        model: the model, which is set to evaluation mode.
        part: the split.
    """
    model.eval()
    chunks = [forward(chunk) for chunk in torch.split(part.examples, EVAL_BATCH_SIZE)]
    return torch.cat(chunks)


@torch.no_grad()
def compute_metrics(
    task: Task,
    loss: Loss,
    outputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    scale: float | Sequence[float] = 1.0,
) -> Mapping[str, float]:
    """The metrics of outputs against targets.

    Args:
        task: classification gives loss (mean) and accuracy in [0, 1]; regression gives loss (of
            the standardised targets), rmse and mae in the target's unit, and r2. For others see
            `nnlab.engine.targets`.
        loss: mean over examples.
        outputs: [n, classes] logits, or [n, 1] predictions.
        targets: [n] classes, [n, classes] class weights of mixed examples, or [n, 1] numbers. For
            a mixed example the weight of the predicted class counts towards the accuracy.
        scale: the target's units per unit of `targets`, for all targets or for each.
    """
    if task not in ("classification", "regression") or isinstance(scale, Sequence):
        sums = metric_sums(
            task,
            loss,
            num_outputs=outputs.shape[-1] if outputs.ndim == 3 else outputs.shape[1],
            target_scale=scale,
            dtype=outputs.dtype,
            device=outputs.device,
        )
        sums.add(outputs, targets)
        return sums.compute()
    outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
    if task == "classification":
        correct = _count_correct(outputs.argmax(dim=1), targets)
        mean_loss, count = torch.stack([loss(outputs, targets).double(), correct.double()]).tolist()
        return {"loss": mean_loss, "accuracy": count / len(targets)}
    squared = functional.mse_loss(outputs, targets)
    absolute = functional.l1_loss(outputs, targets)
    # Equal targets have variance 0; rounding would make it a small positive number.
    all_equal = (targets == targets[0]).all()
    target_variance = targets.var(correction=0).masked_fill(all_equal, 0.0)
    numbers = (
        torch.stack([loss(outputs, targets), squared, absolute, target_variance]).double().tolist()
    )
    mean_loss, mse, mae, variance = numbers
    r2 = 1.0 - mse / variance if variance > 0 else float("nan")
    return {"loss": mean_loss, "rmse": mse**0.5 * scale, "mae": mae * scale, "r2": r2}


def _count_correct(predicted: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """How many of the predicted classes [n] are correct."""
    if targets.ndim == 1:
        return (predicted == targets).sum()
    return targets.gather(1, predicted[:, None]).sum()

"""Metrics of a model on a split: what it puts out, and what that is worth."""

from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn import functional

from nnlab.catalogue import Task
from nnlab.engine.data.prepare import SplitTensors
from nnlab.engine.losses import Loss

# Examples a forward pass: few enough for a laptop's cache, many enough to keep a GPU busy.
EVAL_BATCH_SIZE = 1024


@torch.no_grad()
def compute_outputs(
    forward: Callable[[torch.Tensor], torch.Tensor], model: nn.Module, part: SplitTensors
) -> torch.Tensor:
    """What a model puts out for every example of a split, in evaluation mode: [n, outputs].

    `forward` is the model itself or its compiled twin.
    """
    model.eval()
    chunks = [forward(chunk) for chunk in torch.split(part.examples, EVAL_BATCH_SIZE)]
    return torch.cat(chunks)


@torch.no_grad()
def compute_metrics(
    task: Task, loss: Loss, outputs: torch.Tensor, targets: torch.Tensor, *, scale: float = 1.0
) -> Mapping[str, float]:
    """The metrics of outputs against targets.

    Args:
        task: classification gives loss (mean) and accuracy in [0, 1]; regression gives loss (of
            the standardised targets), rmse and mae in the target's own unit, and r2.
        loss: mean over examples.
        outputs: [n, classes] logits, or [n, 1] predictions.
        targets: [n] classes, [n, classes] shares of blended examples, or [n, 1] numbers. Of a
            blended example the share of the class that was put out counts as right.
        scale: units of the target in one unit of `targets`.
    """
    outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
    if task == "classification":
        right = _count_correct(outputs.argmax(dim=1), targets)
        mean_loss, count = torch.stack([loss(outputs, targets).double(), right.double()]).tolist()
        return {"loss": mean_loss, "accuracy": count / len(targets)}
    squared = functional.mse_loss(outputs, targets)
    absolute = functional.l1_loss(outputs, targets)
    # Equal targets have no variance to explain, whatever rounding makes of it.
    equal = (targets == targets[0]).all()
    spread = targets.var(correction=0).masked_fill(equal, 0.0)
    numbers = torch.stack([loss(outputs, targets), squared, absolute, spread]).double().tolist()
    mean_loss, mse, mae, variance = numbers
    r2 = 1.0 - mse / variance if variance > 0 else float("nan")
    return {"loss": mean_loss, "rmse": mse**0.5 * scale, "mae": mae * scale, "r2": r2}


def _count_correct(chosen: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """How many of the classes chosen [n] are right."""
    if targets.ndim == 1:
        return (chosen == targets).sum()
    return targets.gather(1, chosen[:, None]).sum()

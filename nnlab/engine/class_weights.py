"""Weights of classes in the loss: `--class-weights` and `--pos-weight`."""

import torch

from nnlab.errors import DataError
from nnlab.settings import BALANCED


def class_weights(
    text: str | None, targets: torch.Tensor, num_classes: int, dtype: torch.dtype
) -> torch.Tensor | None:
    """The weight of each class: a tensor [num_classes] on the targets' device; None without a text.

    `balanced` gives class k the weight n / (c n_k), where n_k is its number of training examples,
    n their total and c the number of classes that occur (King and Zeng 2001). Classes without
    examples have weight 1.

    Args:
        text: `balanced`, or one number per class: `0.2,0.8`.
        targets: the classes [n] of the training split.
        num_classes: the number of classes of the data set.
        dtype: of the result.

    Raises:
        DataError: the number of weights differs from the number of classes.
    """
    if text is None:
        return None
    if text != BALANCED:
        return _weights_of_text("--class-weights", text, num_classes).to(targets.device, dtype)
    counts = torch.bincount(targets, minlength=num_classes).double()
    present = counts > 0
    weights = torch.ones_like(counts)
    weights[present] = len(targets) / (present.sum() * counts[present])
    return weights.to(dtype)


def positive_weights(
    text: str | None, num_classes: int, like: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor | None:
    """The weight of the positive examples of each class in bce: a tensor [num_classes].

    Args:
        text: one number for all classes, or one number per class.
        num_classes: the number of classes of the data set.
        like: a tensor on the device of the result.
        dtype: of the result.

    Raises:
        DataError: the number of weights is neither 1 nor the number of classes.
    """
    if text is None:
        return None
    if "," not in text:
        text = ",".join([text] * num_classes)
    return _weights_of_text("--pos-weight", text, num_classes).to(like.device, dtype)


def _weights_of_text(option: str, text: str, num_classes: int) -> torch.Tensor:
    weights = [float(part) for part in text.split(",")]
    if len(weights) != num_classes:
        raise DataError(
            f"{option} {text} has {len(weights)} weights, the data has {num_classes} classes",
            hint="give one weight per class, in the order of `nnlab data show`",
        )
    return torch.tensor(weights, dtype=torch.float64)

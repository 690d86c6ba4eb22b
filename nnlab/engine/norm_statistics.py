"""What normalisation layers average: the sets of values that share a mean, before and after.

Measured on the outputs of the first convolution of an untrained cnn for a batch of training images.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import nn

from nnlab.engine.models.norms import build_norm
from nnlab.engine.session import Session
from nnlab.settings import RunConfig

COMPARED_NORMS: Final = ("batch", "layer", "instance", "group")


@dataclass(frozen=True, slots=True)
class NormalisedBatch:
    """The outputs of a normalisation layer, and what it averages.

    Attributes:
        norm: a name of the catalogue.
        means: of each set of values that share a mean: [sets].
        sds: of the same sets, with the divisor n: [sets].
        set_size: the number of values that are averaged.
        outputs: [n, channels, height, width].
    """

    norm: str
    means: torch.Tensor
    sds: torch.Tensor
    set_size: int
    outputs: torch.Tensor


@torch.no_grad()
def first_layer_outputs(session: Session, examples: int) -> torch.Tensor:
    """The outputs of the first convolution: [examples, channels, height, width], as float64.

    Args:
        session: of an untrained cnn.
        examples: the number of training images, the first ones.
    """
    layer = next(module for module in session.model.modules() if isinstance(module, nn.Conv2d))
    return layer(session.data.train.examples[:examples]).double().cpu()  # type: ignore[no-any-return]


@torch.no_grad()
def normalise_batch(outputs: torch.Tensor, config: RunConfig, norm: str) -> NormalisedBatch:
    """The outputs of a new normalisation layer in training mode, and the statistics it uses.

    Args:
        outputs: [n, channels, height, width], float64.
        config: resolved, with the groups and the eps of the layer.
        norm: one of `COMPARED_NORMS`.
    """
    channels = outputs.shape[1]
    (layer,) = build_norm(replace(config, norm=norm), channels, images=True)
    sets = _SETS[norm](outputs, config.norm_groups or 1)
    return NormalisedBatch(
        norm,
        sets.mean(dim=1),
        sets.std(dim=1, correction=0),
        sets.shape[1],
        layer.double().train()(outputs),
    )


def channel_statistics(outputs: torch.Tensor) -> tuple[list[float], list[float]]:
    """The mean and the sd of each channel over the batch and all positions."""
    return _mean_and_sd(outputs.transpose(0, 1).flatten(1))


def example_statistics(outputs: torch.Tensor) -> tuple[list[float], list[float]]:
    """The mean and the sd of each example over all channels and positions."""
    return _mean_and_sd(outputs.flatten(1))


def _mean_and_sd(rows: torch.Tensor) -> tuple[list[float], list[float]]:
    return rows.mean(dim=1).tolist(), rows.std(dim=1, correction=0).tolist()


# The values that share a mean, one row per set: [sets, values].
_SETS: Final[dict[str, Callable[[torch.Tensor, int], torch.Tensor]]] = {
    "batch": lambda x, _: x.transpose(0, 1).flatten(1),
    "layer": lambda x, _: x.flatten(1),
    "instance": lambda x, _: x.flatten(2).flatten(0, 1),
    "group": lambda x, groups: x.reshape(len(x) * groups, -1),
}

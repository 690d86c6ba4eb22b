"""Mixup and cutmix: each example of a batch is mixed with another one, and so are the targets."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from nnlab.errors import DataError
from nnlab.settings import RunConfig

MixFunction = Callable[
    [torch.Tensor, torch.Tensor, np.random.Generator], tuple[torch.Tensor, float]
]


class BatchMixer:
    """Mixes a batch with a permutation of itself by a mixing function drawn per batch."""

    def __init__(self, mix_functions: tuple[MixFunction, ...], classes: int) -> None:
        self._mix_functions = mix_functions
        self._class_count = classes

    def __call__(
        self, examples: torch.Tensor, targets: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mixed examples [n, ...] and the weights [n, c] of their classes or tags.

        Args:
            examples: [n, ...].
            targets: classes [n], or tags [n, c].
            generator: on the examples' device.
        """
        seed = torch.randint(2**62, (), generator=generator, device=examples.device).item()
        rng = np.random.Generator(np.random.PCG64(int(seed)))
        partner = torch.from_numpy(rng.permutation(len(targets))).to(examples.device)
        mix = self._mix_functions[int(rng.integers(len(self._mix_functions)))]
        mixed, weight = mix(examples, partner, rng)
        if targets.ndim == 1:
            targets = functional.one_hot(targets, self._class_count)
        class_weights = targets.to(examples.dtype)
        return mixed, weight * class_weights + (1.0 - weight) * class_weights[partner]


def build(config: RunConfig, in_shape: tuple[int, ...], outputs: int) -> BatchMixer | None:
    """The mixing functions of a resolved config, or None if it has none.

    Raises:
        DataError: cutmix needs images, and the examples have another shape.
    """
    mix_functions: list[MixFunction] = []
    if config.mixup > 0.0:
        mix_functions.append(_mixup(config.mixup))
    if config.cutmix > 0.0:
        if len(in_shape) != 3:
            raise DataError(
                f"--cutmix needs images; an example of {config.data} has shape {list(in_shape)}",
                hint="--mixup works with any inputs",
            )
        mix_functions.append(_cutmix(config.cutmix))
    return BatchMixer(tuple(mix_functions), outputs) if mix_functions else None


def _mixup(alpha: float) -> MixFunction:
    """λ x + (1 - λ) x', one λ ~ Beta(alpha, alpha) per batch (Zhang et al. 2018)."""

    def mix(
        examples: torch.Tensor, partner: torch.Tensor, rng: np.random.Generator
    ) -> tuple[torch.Tensor, float]:
        weight = float(rng.beta(alpha, alpha))
        return torch.lerp(examples[partner], examples, weight), weight

    return mix


def _cutmix(alpha: float) -> MixFunction:
    """Replaces a rectangle by the partner's pixels (Yun et al. 2019, algorithm 1).

    The weight of an example is the fraction of its pixels that remain, counted after clipping.
    """

    def mix(
        examples: torch.Tensor, partner: torch.Tensor, rng: np.random.Generator
    ) -> tuple[torch.Tensor, float]:
        height, width = examples.shape[2:]
        side = math.sqrt(1.0 - float(rng.beta(alpha, alpha)))
        top, bottom = _random_span(height, side, rng)
        left, right = _random_span(width, side, rng)
        mixed = examples.clone()
        mixed[:, :, top:bottom, left:right] = examples[partner, :, top:bottom, left:right]
        return mixed, 1.0 - (bottom - top) * (right - left) / (height * width)

    return mix


def _random_span(length: int, side: float, rng: np.random.Generator) -> tuple[int, int]:
    """A span of relative length `side` around a random middle, clipped to [0, length]."""
    middle, half = int(rng.integers(length)), round(side * length) / 2
    return max(0, math.ceil(middle - half)), min(length, math.ceil(middle + half))

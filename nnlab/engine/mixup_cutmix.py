"""Mixup and cutmix: examples of a batch blended with others of it, and their targets with them."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from nnlab.config import RunConfig
from nnlab.errors import DataError

BlendFunction = Callable[
    [torch.Tensor, torch.Tensor, np.random.Generator], tuple[torch.Tensor, float]
]


class BatchMixer:
    """Blends a batch with itself in another order, by one of its blends at random."""

    def __init__(self, blends: tuple[BlendFunction, ...], classes: int) -> None:
        self._blends = blends
        self._classes = classes

    def __call__(
        self, examples: torch.Tensor, targets: torch.Tensor, draw: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Blended examples [n, ...] and the shares of the classes in them [n, c].

        Args:
            examples: [n, ...].
            targets: classes [n].
            draw: a generator on the examples' device.
        """
        seed = torch.randint(2**62, (), generator=draw, device=examples.device).item()
        numbers = np.random.Generator(np.random.PCG64(int(seed)))
        partner = torch.from_numpy(numbers.permutation(len(targets))).to(examples.device)
        blend = self._blends[int(numbers.integers(len(self._blends)))]
        blended, share = blend(examples, partner, numbers)
        shares = functional.one_hot(targets, self._classes).to(examples.dtype)
        return blended, share * shares + (1.0 - share) * shares[partner]


def build(config: RunConfig, in_shape: tuple[int, ...], outputs: int) -> BatchMixer | None:
    """What a resolved config blends, or None for nothing.

    Raises:
        DataError: cutmix needs images, and the examples are none.
    """
    blends: list[BlendFunction] = []
    if config.mixup > 0.0:
        blends.append(_mixup(config.mixup))
    if config.cutmix > 0.0:
        if len(in_shape) != 3:
            raise DataError(
                f"--cutmix needs images; an example of {config.data} has shape {list(in_shape)}",
                hint="--mixup works with any inputs",
            )
        blends.append(_cutmix(config.cutmix))
    return BatchMixer(tuple(blends), outputs) if blends else None


def _mixup(alpha: float) -> BlendFunction:
    """Share x + (1 - share) x', share ~ Beta(alpha, alpha), one a batch (Zhang et al. 2018)."""

    def blend(
        examples: torch.Tensor, partner: torch.Tensor, numbers: np.random.Generator
    ) -> tuple[torch.Tensor, float]:
        share = float(numbers.beta(alpha, alpha))
        return torch.lerp(examples[partner], examples, share), share

    return blend


def _cutmix(alpha: float) -> BlendFunction:
    """A rectangle of the partner's pasted in (Yun et al. 2019, algorithm 1).

    The share is that of the pixels that stay, counted, not drawn.
    """

    def blend(
        examples: torch.Tensor, partner: torch.Tensor, numbers: np.random.Generator
    ) -> tuple[torch.Tensor, float]:
        height, width = examples.shape[2:]
        side = math.sqrt(1.0 - float(numbers.beta(alpha, alpha)))
        top, bottom = _random_span(height, side, numbers)
        left, right = _random_span(width, side, numbers)
        blended = examples.clone()
        blended[:, :, top:bottom, left:right] = examples[partner, :, top:bottom, left:right]
        return blended, 1.0 - (bottom - top) * (right - left) / (height * width)

    return blend


def _random_span(length: int, side: float, numbers: np.random.Generator) -> tuple[int, int]:
    """A stretch of about `side` of a length around a random middle, cut off at the ends."""
    middle, half = int(numbers.integers(length)), round(side * length) / 2
    return max(0, math.ceil(middle - half)), min(length, math.ceil(middle + half))

"""Changes of a batch of examples, each image with a draw of its own, on the device.

Inputs are standardised by then: what is shifted in or erased is 0, the mean.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch.nn import functional

from nnlab.config import RunConfig, catalogue_rows
from nnlab.errors import DataError

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


class AugmentationPipeline:
    """Several changes, one after another, in the order of `AUGMENTATION_BUILDERS`."""

    def __init__(self, changes: tuple[Augmentation, ...]) -> None:
        self._changes = changes

    def __call__(self, examples: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        """New examples of the same shape [n, ...]; `draw` is a generator on their device."""
        for change in self._changes:
            examples = change(examples, draw)
        return examples


def build(config: RunConfig, in_shape: tuple[int, ...]) -> AugmentationPipeline | None:
    """What a resolved config does to examples of one shape, or None for nothing.

    Raises:
        DataError: a change needs images, and the examples are none.
    """
    named = {row.name for row in catalogue_rows("augment", config.augment)}
    changed = [name for name in AUGMENTATION_BUILDERS if name in named]
    blocked = [name for name in changed if name != "noise" and len(in_shape) != 3]
    if blocked:
        raise DataError(
            f"--augment {'+'.join(blocked)} needs images; an example of {config.data} has shape"
            f" {list(in_shape)}",
            hint="--augment noise works with any inputs",
        )
    makers = dict.fromkeys(
        AUGMENTATION_BUILDERS[name] for name in changed
    )  # rotate and scale share theirs
    return AugmentationPipeline(tuple(make(config) for make in makers)) if makers else None


def _flip(config: RunConfig) -> Augmentation:
    del config

    def flip(examples: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        mirrored = _uniform_per_example(examples, draw) < 0.5
        return torch.where(mirrored[:, None, None, None], examples.flip(-1), examples)

    return flip


def _shift(config: RunConfig) -> Augmentation:
    """Pads by zeros and crops at a random place, whole pixels."""
    far = config.augment_shift or 1

    def shift(examples: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        count, _, height, width = examples.shape
        padded = functional.pad(examples, (far, far, far, far))
        crops = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view of every crop there is
        down, right = torch.randint(
            0, 2 * far + 1, (2, count), generator=draw, device=examples.device
        )
        return crops[torch.arange(count, device=examples.device), :, down, right]

    return shift


def _rotate_and_scale(config: RunConfig) -> Augmentation:
    """Turns by up to `augment_rotate` degrees either way, resizes by up to `augment_scale`.

    Both at once where both are wanted: each interpolation blurs.
    """
    widest = math.radians(config.augment_rotate or 0.0)
    most = config.augment_scale or 0.0

    def resample(examples: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        angle = (2 * _uniform_per_example(examples, draw) - 1) * widest
        size = 1.0 + (2 * _uniform_per_example(examples, draw) - 1) * most
        return _apply_affine(examples, angle, size)

    return resample


def _apply_affine(examples: torch.Tensor, angle: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """Images turned counter-clockwise by angles [n] (radians) and enlarged by sizes [n].

    Bilinear; around them are zeros.
    """
    height, width = examples.shape[2:]
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    nought = torch.zeros_like(cos)
    # Places run from -1 to 1 along both sides: a turn of a longer side needs their ratio.
    rows = (cos, -sin * height / width, nought), (sin * width / height, cos, nought)
    affine = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    places = functional.affine_grid(affine, list(examples.shape), align_corners=False)
    return functional.grid_sample(examples, places, align_corners=False)


def _erase(config: RunConfig) -> Augmentation:
    """Sets a square at a random place to 0."""
    share = config.augment_erase or 0.0

    def erase(examples: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        inside = [
            _random_span_mask(examples, length, round(share * length) or 1, draw)
            for length in examples.shape[2:]
        ]
        square = inside[0][:, None, :, None] & inside[1][:, None, None, :]
        return examples.masked_fill(square, 0.0)

    return erase


def _random_span_mask(
    examples: torch.Tensor, length: int, side: int, draw: torch.Generator
) -> torch.Tensor:
    """For each example which of `length` places lie in a random stretch of `side`: [n, length]."""
    device = examples.device
    begin = torch.randint(0, length - side + 1, (len(examples), 1), generator=draw, device=device)
    places = torch.arange(length, device=device)
    return (places >= begin) & (places < begin + side)


def _brightness(config: RunConfig) -> Augmentation:
    most = config.augment_brightness or 0.0

    def brightness(examples: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        by = (2 * _uniform_per_example(examples, draw) - 1) * most
        return examples + by[:, None, None, None]

    return brightness


def _noise(config: RunConfig) -> Augmentation:
    sd = config.augment_noise or 0.0

    def noise(examples: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
        added = torch.empty_like(examples).normal_(0.0, sd, generator=draw)
        return examples + added

    return noise


def _uniform_per_example(examples: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """A number from 0 to 1 for each example: [n]."""
    return torch.rand(len(examples), generator=draw, device=examples.device, dtype=examples.dtype)


AUGMENTATION_BUILDERS: Mapping[str, Callable[[RunConfig], Augmentation]] = {
    "flip": _flip,
    "shift": _shift,
    "rotate": _rotate_and_scale,
    "scale": _rotate_and_scale,
    "erase": _erase,
    "brightness": _brightness,
    "noise": _noise,
}

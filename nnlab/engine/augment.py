"""Augmentations of a batch of examples, drawn for each example separately on the device.

The inputs are standardised before: shifted-in and erased pixels are 0, the mean.
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch.nn import functional

from nnlab.errors import DataError
from nnlab.settings import RunConfig, catalogue_rows

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


class AugmentationPipeline:
    """Applies several augmentations in the order of `AUGMENTATION_BUILDERS`."""

    def __init__(self, augmentations: tuple[Augmentation, ...]) -> None:
        self._augmentations = augmentations

    def __call__(self, examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Augmented examples [n, ...]; `generator` must be on their device."""
        for augmentation in self._augmentations:
            examples = augmentation(examples, generator)
        return examples


def build(config: RunConfig, in_shape: tuple[int, ...]) -> AugmentationPipeline | None:
    """The augmentations of a resolved config for examples of one shape; None if it has none.

    Raises:
        DataError: an augmentation needs images, and the examples have another shape.
    """
    requested = {row.name for row in catalogue_rows("augment", config.augment)}
    names = [name for name in AUGMENTATION_BUILDERS if name in requested]
    blocked = [name for name in names if name != "noise" and len(in_shape) != 3]
    if blocked:
        raise DataError(
            f"--augment {'+'.join(blocked)} needs images; an example of {config.data} has shape"
            f" {list(in_shape)}",
            hint="--augment noise works with any inputs",
        )
    builders = dict.fromkeys(
        AUGMENTATION_BUILDERS[name] for name in names
    )  # rotate and scale share one builder
    return (
        AugmentationPipeline(tuple(builder(config) for builder in builders)) if builders else None
    )


def _flip(config: RunConfig) -> Augmentation:
    """Mirrors each image left to right with probability 1/2."""
    del config

    def flip(examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        mirrored = _uniform_per_example(examples, generator) < 0.5
        return torch.where(mirrored[:, None, None, None], examples.flip(-1), examples)

    return flip


def _shift(config: RunConfig) -> Augmentation:
    """Pads images with zeros and crops them at a random position, by whole pixels."""
    margin = config.augment_shift or 1

    def shift(examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, _, height, width = examples.shape
        padded = functional.pad(examples, (margin, margin, margin, margin))
        crops = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view of every possible crop
        down, right = torch.randint(
            0, 2 * margin + 1, (2, count), generator=generator, device=examples.device
        )
        return crops[torch.arange(count, device=examples.device), :, down, right]

    return shift


def _rotate_and_scale(config: RunConfig) -> Augmentation:
    """Rotates by up to ±`augment_rotate` degrees and scales by up to ±`augment_scale`.

    If both are set, they are applied in one interpolation, since each interpolation blurs.
    """
    max_angle = math.radians(config.augment_rotate or 0.0)
    max_scale = config.augment_scale or 0.0

    def resample(examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        angle = (2 * _uniform_per_example(examples, generator) - 1) * max_angle
        size = 1.0 + (2 * _uniform_per_example(examples, generator) - 1) * max_scale
        return _apply_affine(examples, angle, size)

    return resample


def _apply_affine(examples: torch.Tensor, angle: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """Images rotated counter-clockwise by angles [n] (radians) and scaled by sizes [n].

    Interpolates bilinearly; pixels outside of the image are 0.
    """
    height, width = examples.shape[2:]
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    zero = torch.zeros_like(cos)
    # Coordinates run from -1 to 1 along both sides, so a rotation needs the ratio of the sides.
    rows = (cos, -sin * height / width, zero), (sin * width / height, cos, zero)
    transform = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
    grid = functional.affine_grid(transform, list(examples.shape), align_corners=False)
    return functional.grid_sample(examples, grid, align_corners=False)


def _erase(config: RunConfig) -> Augmentation:
    """Sets a square at a random position to 0."""
    fraction = config.augment_erase or 0.0

    def erase(examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        masks = [
            _random_span_mask(examples, length, round(fraction * length) or 1, generator)
            for length in examples.shape[2:]
        ]
        square = masks[0][:, None, :, None] & masks[1][:, None, None, :]
        return examples.masked_fill(square, 0.0)

    return erase


def _random_span_mask(
    examples: torch.Tensor, length: int, side: int, generator: torch.Generator
) -> torch.Tensor:
    """For each example a mask of a random span of `side` of `length` positions: [n, length]."""
    device = examples.device
    start = torch.randint(
        0, length - side + 1, (len(examples), 1), generator=generator, device=device
    )
    positions = torch.arange(length, device=device)
    return (positions >= start) & (positions < start + side)


def _brightness(config: RunConfig) -> Augmentation:
    """Adds one random constant to all pixels of an image."""
    max_change = config.augment_brightness or 0.0

    def brightness(examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        change = (2 * _uniform_per_example(examples, generator) - 1) * max_change
        return examples + change[:, None, None, None]

    return brightness


def _noise(config: RunConfig) -> Augmentation:
    """Adds Gaussian noise to every input."""
    standard_deviation = config.augment_noise or 0.0

    def noise(examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        added = torch.empty_like(examples).normal_(0.0, standard_deviation, generator=generator)
        return examples + added

    return noise


def _uniform_per_example(examples: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A uniform random number in [0, 1) for each example: [n]."""
    return torch.rand(
        len(examples), generator=generator, device=examples.device, dtype=examples.dtype
    )


AUGMENTATION_BUILDERS: Mapping[str, Callable[[RunConfig], Augmentation]] = {
    "flip": _flip,
    "shift": _shift,
    "rotate": _rotate_and_scale,
    "scale": _rotate_and_scale,
    "erase": _erase,
    "brightness": _brightness,
    "noise": _noise,
}

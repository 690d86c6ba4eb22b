"""The loss as a function of the weights: gradient, largest Hessian eigenvalue, slices.

A model that is less sensitive to weight changes lies in a wider valley and is easier to optimise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.engine.losses import Loss

Direction = list[torch.Tensor]


@dataclass(frozen=True, slots=True)
class LossLandscape:
    """A model in evaluation mode, its loss, and the examples on which the loss is computed."""

    model: nn.Module
    loss: Loss
    examples: torch.Tensor
    targets: torch.Tensor

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters that are not frozen."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    @torch.no_grad()
    def loss_value(self) -> float:
        """The loss at the current weights."""
        return self.loss(self.model(self.examples), self.targets).item()

    def gradient(self) -> Direction:
        """The gradient by parameter; zero for parameters that the loss does not depend on."""
        value = self.loss(self.model(self.examples), self.targets)
        gradients = torch.autograd.grad(value, self.parameters, materialize_grads=True)
        return [gradient.detach() for gradient in gradients]

    def hessian_vector_product(self, direction: Direction) -> Direction:
        """H d for the Hessian H, by differentiating the gradient again: Pearlmutter 1994."""
        value = self.loss(self.model(self.examples), self.targets)
        gradients = torch.autograd.grad(
            value, self.parameters, create_graph=True, materialize_grads=True
        )
        directional_derivative = torch.stack(
            [(g * d).sum() for g, d in zip(gradients, direction, strict=True)]
        ).sum()
        if not directional_derivative.requires_grad:  # the loss is linear in the weights
            return [torch.zeros_like(part) for part in direction]
        products = torch.autograd.grad(
            directional_derivative, self.parameters, materialize_grads=True
        )
        return [part.detach() for part in products]


@dataclass(frozen=True, slots=True)
class EigenvalueEstimate:
    """The Hessian eigenvalue of largest magnitude, and how power iteration ended."""

    value: float
    iterations: int
    converged: bool


def top_eigenvalue(
    landscape: LossLandscape,
    generator: torch.Generator,
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 100,
) -> EigenvalueEstimate:
    """The Hessian eigenvalue of largest magnitude, by power iteration from a random direction.

    Args:
        landscape: the model and its loss.
        generator: of the initial direction, on the CPU.
        tolerance: relative change of the value at which the iteration stops.
        max_iterations: at which it stops in any case.
    """
    direction = _normalize([_standard_normal_like(p, generator) for p in landscape.parameters])
    value, previous = 0.0, float("inf")
    for iteration in range(1, max_iterations + 1):
        product = landscape.hessian_vector_product(direction)
        value = _dot(direction, product)
        if abs(value - previous) <= tolerance * abs(value):
            return EigenvalueEstimate(value, iteration, converged=True)
        if _norm(product) == 0.0:
            return EigenvalueEstimate(0.0, iteration, converged=True)
        direction, previous = _normalize(product), value
    return EigenvalueEstimate(value, max_iterations, converged=False)


def random_filter_normalized_direction(model: nn.Module, generator: torch.Generator) -> Direction:
    """A random direction in which each filter has the norm of the model's own filter.

    The filters are the rows of a weight. Biases and the scales of normalisation layers get 0 (Li
    et al. 2018, section 4). Frozen parameters are left out.
    """
    direction = []
    for parameter in filter(lambda p: p.requires_grad, model.parameters()):
        part = _standard_normal_like(parameter, generator)
        if parameter.ndim < 2:
            direction.append(torch.zeros_like(part))
            continue
        random_filters, filters = part.flatten(1), parameter.detach().flatten(1)
        scales = filters.norm(dim=1, keepdim=True) / random_filters.norm(dim=1, keepdim=True).clamp(
            min=1e-12
        )
        direction.append((random_filters * scales).view_as(parameter))
    return direction


@torch.no_grad()
def loss_surface(
    landscape: LossLandscape, first: Direction, second: Direction, steps: Sequence[float]
) -> list[list[float]]:
    """The loss at weights + a first + b second: one row per b, one column per a.

    The weights are restored afterwards.
    """
    original = [parameter.detach().clone() for parameter in landscape.parameters]
    try:
        return [[_loss_at(landscape, original, first, second, a, b) for a in steps] for b in steps]
    finally:
        for parameter, weight in zip(landscape.parameters, original, strict=True):
            parameter.copy_(weight)


@torch.no_grad()
def loss_along_line(
    landscape: LossLandscape, direction: Direction, steps: Sequence[float]
) -> list[float]:
    """The loss at weights + a direction for each a; the weights are restored afterwards."""
    original = [parameter.detach().clone() for parameter in landscape.parameters]
    try:
        return [_loss_at(landscape, original, direction, direction, a, 0.0) for a in steps]
    finally:
        for parameter, weight in zip(landscape.parameters, original, strict=True):
            parameter.copy_(weight)


def _loss_at(
    landscape: LossLandscape,
    original: Direction,
    first: Direction,
    second: Direction,
    a: float,
    b: float,
) -> float:
    """Sets the weights to original + a first + b second and returns the loss there."""
    parts = zip(landscape.parameters, original, first, second, strict=True)
    for parameter, start, d1, d2 in parts:
        parameter.copy_(start + a * d1 + b * d2)
    return landscape.loss_value()


def _standard_normal_like(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Standard normal numbers, drawn on the CPU: the same ones for every device."""
    values = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    return values.to(like.device, like.dtype)


def _dot(first: Direction, second: Direction) -> float:
    parts = [(a * b).sum() for a, b in zip(first, second, strict=True)]
    return torch.stack(parts).sum().item()


def _norm(direction: Direction) -> float:
    return nn.utils.get_total_norm(direction).item()


def _normalize(direction: Direction) -> Direction:
    norm = _norm(direction)
    return [part / norm for part in direction]

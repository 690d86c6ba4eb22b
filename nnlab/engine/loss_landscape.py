"""How the loss moves when the weights move: gradient, sharpest curvature, slices.

A model that is less sensitive lies in a wider valley and is easier to optimise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.engine.losses import Loss

Direction = list[torch.Tensor]


@dataclass(frozen=True, slots=True)
class LossLandscape:
    """A model in evaluation mode, its loss, and the examples that it is measured on."""

    model: nn.Module
    loss: Loss
    examples: torch.Tensor
    targets: torch.Tensor

    @property
    def parameters(self) -> list[nn.Parameter]:
        """What the loss depends on, but for what is frozen."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    @torch.no_grad()
    def value(self) -> float:
        """The loss where the weights are."""
        return self.loss(self.model(self.examples), self.targets).item()

    def gradient(self) -> Direction:
        """The gradient of the loss by parameter; zero where it does not depend on one."""
        value = self.loss(self.model(self.examples), self.targets)
        found = torch.autograd.grad(value, self.parameters, materialize_grads=True)
        return [slope.detach() for slope in found]

    def hessian_vector_product(self, direction: Direction) -> Direction:
        """The Hessian times a direction, by differentiating the gradient again.

        Pearlmutter 1994.
        """
        value = self.loss(self.model(self.examples), self.targets)
        slopes = torch.autograd.grad(
            value, self.parameters, create_graph=True, materialize_grads=True
        )
        along = torch.stack([(s * d).sum() for s, d in zip(slopes, direction, strict=True)]).sum()
        if not along.requires_grad:  # a loss that is linear in the weights
            return [torch.zeros_like(part) for part in direction]
        found = torch.autograd.grad(along, self.parameters, materialize_grads=True)
        return [part.detach() for part in found]


@dataclass(frozen=True, slots=True)
class EigenvalueEstimate:
    """The eigenvalue of the Hessian that is largest in size, and how it was found."""

    value: float
    iterations: int
    converged: bool


def top_eigenvalue(
    landscape: LossLandscape,
    draw: torch.Generator,
    *,
    tolerance: float = 1e-3,
    most: int = 100,
) -> EigenvalueEstimate:
    """Power iteration from a random direction until the value moves by less than `tolerance`.

    Args:
        landscape: where.
        draw: of the first direction, a CPU generator.
        tolerance: relative.
        most: iterations.
    """
    direction = _normalize([_standard_normal_like(p, draw) for p in landscape.parameters])
    value, before = 0.0, float("inf")
    for iteration in range(1, most + 1):
        product = landscape.hessian_vector_product(direction)
        value = _dot(direction, product)
        if abs(value - before) <= tolerance * abs(value):
            return EigenvalueEstimate(value, iteration, converged=True)
        if _norm(product) == 0.0:
            return EigenvalueEstimate(0.0, iteration, converged=True)
        direction, before = _normalize(product), value
    return EigenvalueEstimate(value, most, converged=False)


def random_filter_normalized_direction(model: nn.Module, draw: torch.Generator) -> Direction:
    """A random direction in which each filter is as long as the model's own.

    Rows of a weight are its filters; biases and scales of normalisation stay where they are
    (Li et al. 2018, section 4). What is frozen has none.
    """
    direction = []
    for parameter in filter(lambda p: p.requires_grad, model.parameters()):
        part = _standard_normal_like(parameter, draw)
        if parameter.ndim < 2:
            direction.append(torch.zeros_like(part))
            continue
        flat, own = part.flatten(1), parameter.detach().flatten(1)
        lengths = own.norm(dim=1, keepdim=True) / flat.norm(dim=1, keepdim=True).clamp(min=1e-12)
        direction.append((flat * lengths).view_as(parameter))
    return direction


@torch.no_grad()
def surface(
    landscape: LossLandscape, one: Direction, other: Direction, steps: Sequence[float]
) -> list[list[float]]:
    """The loss at weights + a one + b other, a row for each b and a column for each a.

    The weights are put back in the end.
    """
    kept = [parameter.detach().clone() for parameter in landscape.parameters]
    try:
        return [[_loss_at(landscape, kept, one, other, a, b) for a in steps] for b in steps]
    finally:
        for parameter, before in zip(landscape.parameters, kept, strict=True):
            parameter.copy_(before)


@torch.no_grad()
def loss_along_line(
    landscape: LossLandscape, direction: Direction, steps: Sequence[float]
) -> list[float]:
    """The loss at weights + a direction for each a; the weights are put back in the end."""
    kept = [parameter.detach().clone() for parameter in landscape.parameters]
    try:
        return [_loss_at(landscape, kept, direction, direction, a, 0.0) for a in steps]
    finally:
        for parameter, before in zip(landscape.parameters, kept, strict=True):
            parameter.copy_(before)


def _loss_at(
    landscape: LossLandscape, kept: Direction, one: Direction, other: Direction, a: float, b: float
) -> float:
    parts = zip(landscape.parameters, kept, one, other, strict=True)
    for parameter, start, first, second in parts:
        parameter.copy_(start + a * first + b * second)
    return landscape.value()


def _standard_normal_like(like: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Standard normal, drawn on the CPU: the same direction on every device."""
    drawn = torch.randn(like.shape, generator=draw, dtype=torch.float64)
    return drawn.to(like.device, like.dtype)


def _dot(one: Direction, other: Direction) -> float:
    parts = [(a * b).sum() for a, b in zip(one, other, strict=True)]
    return torch.stack(parts).sum().item()


def _norm(direction: Direction) -> float:
    return nn.utils.get_total_norm(direction).item()


def _normalize(direction: Direction) -> Direction:
    length = _norm(direction)
    return [part / length for part in direction]

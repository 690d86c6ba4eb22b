"""Paths of optimizers on losses of two weights, with the optimizers that train networks."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from nnlab.engine.gradient_step import clip_gradients
from nnlab.engine.loss_surfaces import LossSurface, Point
from nnlab.engine.optimizers import ClosureOptimizer, build, set_lr, step_function
from nnlab.engine.schedules import Schedule, build_schedule
from nnlab.settings import RunConfig

# A path has diverged if it is this many widths of the drawn area away from its centre.
_MAX_WIDTHS = 100.0
# The path ends at a gradient of this norm, unless noise is added. L-BFGS stops at about the same.
_CONVERGED_NORM = 1e-7


@dataclass(frozen=True, slots=True)
class SurfacePath:
    """The path of an optimizer.

    Attributes:
        points: the start, and the point after each step.
        losses: the loss without noise at each point.
        gradients: the number of gradient evaluations before each point. A Hessian-vector product
            counts as two (Pearlmutter 1994), a loss without gradient is not counted.
        diverged: whether the path ended because it left the surroundings of the drawn area.
    """

    points: tuple[Point, ...]
    losses: tuple[float, ...]
    gradients: tuple[int, ...]
    diverged: bool = False


class _Position(nn.Module):
    """A model whose weights are a point."""

    def __init__(self, start: Point) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(start, dtype=torch.float64))

    @property
    def point(self) -> Point:
        x, y = self.weights.detach().tolist()
        return x, y


def follow_path(
    surface: LossSurface,
    config: RunConfig,
    start: Point,
    steps: int,
    *,
    noise: float = 0.0,
    seed: int = 0,
) -> SurfacePath:
    """The path of the optimizer of a config.

    A step counts as an epoch for the learning rate schedule. The path ends early after `steps`
    gradient evaluations, so that second-order optimizers get no more of them than others, where the
    gradient is 0, where a second-order optimizer no longer moves, and where it diverges.

    Args:
        surface: the loss.
        config: resolved; its optimizer, schedule and gradient clipping are used.
        start: the first point.
        steps: the number of steps.
        noise: the sd of Gaussian noise that is added to each entry of the gradient. It is constant
            within a step, as that of a minibatch is.
        seed: the seed of the noise.

    Raises:
        UserCodeError: the user-defined optimizer cannot be used.
        PluginError: the plugin of the optimizer or the schedule cannot be used.
    """
    model = _Position(start)
    optimizer = build(model, config)
    schedule = build_schedule(config, 1)
    generator = torch.Generator().manual_seed(seed)
    points, losses, gradients = [start], [_loss(surface, start)], [0]
    for step in range(steps):
        if gradients[-1] >= steps:
            break
        if noise == 0 and _gradient_norm(surface, model) < _CONVERGED_NORM:
            break
        shift = noise * torch.randn(2, dtype=torch.float64, generator=generator)
        count = _make_step(surface, config, model, optimizer, schedule, step, shift)
        points.append(model.point)
        losses.append(_loss(surface, points[-1]))
        gradients.append(gradients[-1] + count)
        if isinstance(optimizer, ClosureOptimizer) and points[-1] == points[-2]:
            break  # the line search finds no smaller loss, here and in all further steps
        if is_far(surface, points[-1]):
            return SurfacePath(tuple(points), tuple(losses), tuple(gradients), diverged=True)
    return SurfacePath(tuple(points), tuple(losses), tuple(gradients))


def hessian_eigenvalues(surface: LossSurface, point: Point) -> tuple[float, float]:
    """The eigenvalues of the Hessian at a point, the smaller one first."""

    def loss(weights: torch.Tensor) -> torch.Tensor:
        value: torch.Tensor = surface.function(*weights.unbind())
        return value

    at = torch.tensor(point, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(loss, at)  # type: ignore[no-untyped-call]
    low, high = torch.linalg.eigvalsh(hessian).tolist()
    return low, high


def condition_number(surface: LossSurface, point: Point) -> float:
    """The ratio of the largest to the smallest curvature at a minimum."""
    low, high = hessian_eigenvalues(surface, point)
    return high / low


def _make_step(
    surface: LossSurface,
    config: RunConfig,
    model: _Position,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    step: int,
    shift: torch.Tensor,
) -> int:
    """Makes a step and returns the number of gradient evaluations."""

    def noisy_loss() -> torch.Tensor:
        # A linear term adds a constant vector to the gradient.
        value: torch.Tensor = surface.function(*model.weights.unbind()) + shift @ model.weights
        return value

    if isinstance(optimizer, ClosureOptimizer):
        return _closure_step(optimizer, noisy_loss)
    if config.lr is not None:
        set_lr(optimizer, config.lr * schedule(float(step)))
    optimizer.zero_grad(set_to_none=True)
    noisy_loss().backward()  # type: ignore[no-untyped-call]
    clip_gradients(config, model, optimizer, None)
    step_function(config, optimizer)()
    return 1


def _closure_step(optimizer: ClosureOptimizer, loss: Callable[[], torch.Tensor]) -> int:
    optimizer.reset_evaluation_counts()
    optimizer.step(loss)
    counts = optimizer.evaluation_counts
    return counts.gradient_evaluations + 2 * counts.hessian_vector_products


def _loss(surface: LossSurface, point: Point) -> float:
    """The loss at a point; infinite where it exceeds the range of floats."""
    try:
        return float(surface.function(*point))
    except OverflowError:
        return math.inf


def _gradient_norm(surface: LossSurface, model: _Position) -> float:
    (gradient,) = torch.autograd.grad(surface.function(*model.weights.unbind()), model.weights)
    return float(gradient.norm())


def is_far(surface: LossSurface, point: Point) -> bool:
    """Whether a point is so far from the drawn area that its path has diverged, or not a number."""
    return not all(
        abs(value - (low + high) / 2) <= _MAX_WIDTHS * (high - low)
        for value, (low, high) in zip(point, (surface.xlim, surface.ylim), strict=True)
    )

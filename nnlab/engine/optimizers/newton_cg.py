"""Newton's method without the Hessian: conjugate gradients on its products with vectors."""

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from nnlab.engine.optimizers.closure_optimizer import ClosureOptimizer, LossClosure

# Armijo's condition, Nocedal and Wright 2006, eq. 3.6a with their c1, and how often a step that
# fails it is halved.
_ARMIJO_C1 = 1e-4
_MAX_HALVINGS = 20


class NewtonCG(ClosureOptimizer):
    """Line search Newton-CG: Nocedal and Wright 2006, algorithm 7.1.

    The step solves (H + damping I) d = -g by conjugate gradients, which end when the residual
    is below min(0.5, sqrt|g|) |g|, after `iterations`, or at a direction of negative curvature,
    where what was found until then is taken (the steepest descent, if that is nothing). It is
    halved until the loss falls enough; where it never does, nothing moves.

    H is the Hessian itself, by differentiating the gradient once more (Pearlmutter 1994). Martens
    2010 takes the Gauss-Newton matrix, which is never negative, for deep networks.
    """

    def __init__(self, parameters: list[nn.Parameter], *, iterations: int, damping: float) -> None:
        super().__init__(parameters, {"iterations": iterations, "damping": damping})

    @torch.no_grad()
    def step(self, loss_of: LossClosure) -> torch.Tensor:  # type: ignore[override]
        """One Newton step; leaves the gradient before it in `grad`."""
        moving = [p for group in self.param_groups for p in group["params"] if p.requires_grad]
        with torch.enable_grad():
            loss, gradient = self._loss_and_gradient(loss_of, moving)
        flat = gradient.detach()
        for parameter, part in zip(moving, _unflatten_like(flat, moving), strict=True):
            parameter.grad = part.clone()
        direction = self._truncated_cg_direction(gradient, flat, moving)
        self._line_search(loss_of, moving, direction, loss.detach(), flat @ direction)
        return loss.detach()

    def _loss_and_gradient(
        self, loss_of: LossClosure, moving: list[nn.Parameter]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss and its gradient as one vector that can be differentiated again."""
        # Fast attention kernels have no second derivative.
        with sdpa_kernel(SDPBackend.MATH):
            loss = loss_of()
        found = torch.autograd.grad(loss, moving, create_graph=True, materialize_grads=True)
        self._count(gradients=1)
        return loss, _flatten(found)

    def _hessian_vector_product(
        self, gradient: torch.Tensor, vector: torch.Tensor, moving: list[nn.Parameter]
    ) -> torch.Tensor:
        """(H + damping I) times a vector."""
        damped: torch.Tensor = self.param_groups[0]["damping"] * vector
        if not gradient.requires_grad:  # a loss that is linear in all weights
            return damped
        found = torch.autograd.grad(
            gradient, moving, vector, retain_graph=True, materialize_grads=True
        )
        self._count(products=1)
        return damped + _flatten(found)

    def _truncated_cg_direction(
        self, gradient: torch.Tensor, flat: torch.Tensor, moving: list[nn.Parameter]
    ) -> torch.Tensor:
        """Where to go, by truncated conjugate gradients."""
        size = float(flat.norm())
        enough = min(0.5, size**0.5) * size
        solution, residual, direction = torch.zeros_like(flat), flat, -flat
        squared = float(residual @ residual)
        for iteration in range(self.param_groups[0]["iterations"]):
            curved = self._hessian_vector_product(gradient, direction, moving)
            curvature = float(direction @ curved)
            if not curvature > 0.0:  # negative, or no number
                return direction if iteration == 0 else solution
            length = squared / curvature
            solution = solution + length * direction
            residual = residual + length * curved
            before, squared = squared, float(residual @ residual)
            if squared**0.5 < enough:
                break
            direction = squared / before * direction - residual
        return solution

    def _line_search(
        self,
        loss_of: LossClosure,
        moving: list[nn.Parameter],
        direction: torch.Tensor,
        loss: torch.Tensor,
        slope: torch.Tensor,
    ) -> None:
        """Moves along a direction as far as the loss falls by Armijo's condition."""
        weights = [p.detach() for p in moving]
        before = [weight.clone() for weight in weights]
        parts = _unflatten_like(direction, moving)
        length = 1.0
        for _ in range(_MAX_HALVINGS):
            torch._foreach_copy_(weights, torch._foreach_add(before, parts, alpha=length))
            self._count(losses=1)
            if loss_of() <= loss + _ARMIJO_C1 * length * slope:
                return
            length /= 2
        torch._foreach_copy_(weights, before)


def _flatten(tensors: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _unflatten_like(flat: torch.Tensor, like: list[nn.Parameter]) -> list[torch.Tensor]:
    """A vector cut into the shapes of the parameters."""
    pieces = torch.split(flat, [p.numel() for p in like])
    return [piece.view(p.shape) for piece, p in zip(pieces, like, strict=True)]

"""Newton's method with conjugate gradients on Hessian-vector products."""

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from nnlab.engine.optimizers.closure_optimizer import ClosureOptimizer, LossClosure

# The constant c1 of Armijo's condition (Nocedal and Wright 2006, eq. 3.6a), and the maximum number
# of halvings of a step that violates it.
_ARMIJO_C1 = 1e-4
_MAX_HALVINGS = 20


class NewtonCG(ClosureOptimizer):
    """Line search Newton-CG: Nocedal and Wright 2006, algorithm 7.1.

    The step solves (H + damping I) d = -g by conjugate gradients. They end when the residual is
    below min(0.5, sqrt|g|) |g|, after `iterations`, or at a direction of negative curvature; then
    the solution so far is used, or steepest descent in the first iteration. The step is halved
    until the loss decreases sufficiently; if it never does, the weights stay unchanged.

    H is the exact Hessian, by differentiating the gradient again (Pearlmutter 1994). For deep
    networks Martens 2010 uses the Gauss-Newton matrix, which is never negative.
    """

    def __init__(self, parameters: list[nn.Parameter], *, iterations: int, damping: float) -> None:
        super().__init__(parameters, {"iterations": iterations, "damping": damping})

    @torch.no_grad()
    def step(self, closure: LossClosure) -> torch.Tensor:  # type: ignore[override]
        """Makes one Newton step and leaves the gradient before it in `grad`."""
        parameters = [p for group in self.param_groups for p in group["params"] if p.requires_grad]
        with torch.enable_grad():
            loss, gradient = self._loss_and_gradient(closure, parameters)
        flat = gradient.detach()
        for parameter, part in zip(parameters, _unflatten_like(flat, parameters), strict=True):
            parameter.grad = part.clone()
        direction = self._truncated_cg_direction(gradient, flat, parameters)
        self._line_search(closure, parameters, direction, loss.detach(), flat @ direction)
        return loss.detach()

    def _loss_and_gradient(
        self, closure: LossClosure, parameters: list[nn.Parameter]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The loss and its gradient as one vector that can be differentiated again."""
        # Fused attention kernels have no second derivative.
        with sdpa_kernel(SDPBackend.MATH):
            loss = closure()
        gradients = torch.autograd.grad(loss, parameters, create_graph=True, materialize_grads=True)
        self._add_counts(gradients=1)
        return loss, _flatten(gradients)

    def _hessian_vector_product(
        self, gradient: torch.Tensor, vector: torch.Tensor, parameters: list[nn.Parameter]
    ) -> torch.Tensor:
        """(H + damping I) times a vector."""
        damped: torch.Tensor = self.param_groups[0]["damping"] * vector
        if not gradient.requires_grad:  # the loss is linear in all weights
            return damped
        product = torch.autograd.grad(
            gradient, parameters, vector, retain_graph=True, materialize_grads=True
        )
        self._add_counts(products=1)
        return damped + _flatten(product)

    def _truncated_cg_direction(
        self, gradient: torch.Tensor, flat: torch.Tensor, parameters: list[nn.Parameter]
    ) -> torch.Tensor:
        """The step direction, by truncated conjugate gradients."""
        norm = float(flat.norm())
        tolerance = min(0.5, norm**0.5) * norm
        solution, residual, direction = torch.zeros_like(flat), flat, -flat
        residual_squared = float(residual @ residual)
        for iteration in range(self.param_groups[0]["iterations"]):
            product = self._hessian_vector_product(gradient, direction, parameters)
            curvature = float(direction @ product)
            if not curvature > 0.0:  # negative or NaN
                return direction if iteration == 0 else solution
            length = residual_squared / curvature
            solution = solution + length * direction
            residual = residual + length * product
            previous_squared, residual_squared = residual_squared, float(residual @ residual)
            if residual_squared**0.5 < tolerance:
                break
            direction = residual_squared / previous_squared * direction - residual
        return solution

    def _line_search(
        self,
        closure: LossClosure,
        parameters: list[nn.Parameter],
        direction: torch.Tensor,
        loss: torch.Tensor,
        slope: torch.Tensor,
    ) -> None:
        """Moves along a direction by a step length that satisfies Armijo's condition."""
        weights = [p.detach() for p in parameters]
        original = [weight.clone() for weight in weights]
        steps = _unflatten_like(direction, parameters)
        length = 1.0
        for _ in range(_MAX_HALVINGS):
            torch._foreach_copy_(weights, torch._foreach_add(original, steps, alpha=length))
            self._add_counts(losses=1)
            if closure() <= loss + _ARMIJO_C1 * length * slope:
                return
            length /= 2
        torch._foreach_copy_(weights, original)


def _flatten(tensors: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _unflatten_like(flat: torch.Tensor, parameters: list[nn.Parameter]) -> list[torch.Tensor]:
    """Splits a vector into tensors with the shapes of the parameters."""
    parts = torch.split(flat, [p.numel() for p in parameters])
    return [part.view(p.shape) for part, p in zip(parts, parameters, strict=True)]

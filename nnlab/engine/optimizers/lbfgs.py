"""L-BFGS: the implementation of torch.optim with a strong Wolfe line search."""

import torch
from torch import nn, optim

from nnlab.engine.optimizers.closure_optimizer import ClosureOptimizer, LossClosure


class LBFGS(ClosureOptimizer, optim.LBFGS):
    """Nocedal and Wright 2006, algorithms 7.5 (two-loop recursion) and 3.5 (line search).

    Args:
        parameters: all parameters to optimise.
        memory: number of past steps from which the curvature is estimated.
        iterations: maximum per step; each evaluates the gradient once or more.
    """

    def __init__(self, parameters: list[nn.Parameter], *, memory: int, iterations: int) -> None:
        super().__init__(
            parameters,
            lr=1.0,  # initial step length of the line search: the full quasi-Newton step
            max_iter=iterations,
            # Torch's default of 1.25 gradients per iteration would abort a long line search.
            max_eval=25 * iterations,
            history_size=memory,
            line_search_fn="strong_wolfe",
        )

    def step(self, closure: LossClosure) -> torch.Tensor:  # type: ignore[override]
        """At most `iterations` of L-BFGS; fewer if the gradient is almost 0."""

        def loss_with_gradient() -> torch.Tensor:
            self.zero_grad(set_to_none=True)
            loss = closure()
            loss.backward()  # type: ignore[no-untyped-call]
            self._add_counts(gradients=1)
            return loss.detach()

        loss: torch.Tensor = optim.LBFGS.step(self, loss_with_gradient)  # type: ignore[no-untyped-call]
        return loss
